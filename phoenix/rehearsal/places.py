"""Places: in which folder a new node may be made. Never over what is there, never inside a node."""

from __future__ import annotations

import os

from phoenix import errors
from phoenix.rehearsal.tree import FACTS

_HINT = "choose a folder that does not exist yet, or an empty one, such as /root/rehearsal"
_OF_THIS_MACHINE = (
    "/boot", "/dev", "/etc", "/mnt/pve", "/proc", "/run", "/sys", "/usr/share", "/var/lib/lxc",
    "/var/lib/phoenix", "/var/lib/pve-cluster", "/var/lib/qemu-server", "/var/lib/vz", "/var/log",
)  # fmt: skip
"""Where this machine, and the node that it may be, keeps what is its own."""
_SCRATCH = ("/dev/shm", "/run/user")  # noqa: S108 - folders inside those that are for anybody


def check(folder: str) -> str:
    """The absolute path of a folder that a node can be made in. Refused if it is something else already."""
    root = os.path.abspath(folder)
    try:
        if os.path.lexists(root) and not (os.path.isdir(root) and not os.listdir(root)):
            what = "is not empty" if os.path.isdir(root) else "is not a folder"
            raise errors.Refused(f"{folder} exists and {what}; nothing was changed", _HINT)
    except OSError as error:
        raise errors.NotReady(f"{folder} cannot be read: {error.strerror}", "choose another folder") from error
    real = os.path.realpath(root)
    node = _node_around(real)
    if node:
        raise errors.Refused(f"{folder} lies in {node}, which is a node; nothing was changed", _HINT)
    for place in _OF_THIS_MACHINE:
        if within(real, os.path.realpath(place)) and not any(within(real, scratch) for scratch in _SCRATCH):
            raise errors.Refused(f"{folder} lies in {place}, which is this machine's own; nothing was changed", _HINT)
    if os.statvfs(_nearest(real)).f_flag & os.ST_NOEXEC:
        raise errors.NotReady(f"nothing can be run in {folder}: it is mounted noexec", "choose another folder")
    return root


def _nearest(path: str) -> str:
    """The folder that is there, at a path or above it."""
    while not os.path.isdir(path):
        path = os.path.dirname(path)
    return path


def within(path: str, folder: str) -> bool:
    """Whether a path is a folder or in it; both without links."""
    return path == folder or path.startswith(folder.rstrip("/") + "/")


def _node_around(path: str) -> str:
    """The node in a folder, other than this machine, that `path` lies in; "" if there is none."""
    while path != "/":
        if os.path.islink(path + "/etc/pve/local") or os.path.isfile(path + FACTS):
            return path
        path = os.path.dirname(path)
    return ""
