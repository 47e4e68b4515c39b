"""`mount`: from then on the node's table of mounts has a line more. By mount(8) and its exit status."""

from __future__ import annotations

import os

from phoenix.rehearsal import blockdevices, locks, mounttable
from phoenix.rehearsal.failures import Failure, WrongUsage

TYPE_CHECKING = False
if TYPE_CHECKING:
    from phoenix.rehearsal.tree import Tree

FAILED = 32
_NOT_SHOWN = ("defaults", "nofail", "auto", "noauto", "_netdev", "remount")
"""Options that are not the kernel's."""


def run(tree: Tree, words: list[str]) -> int:
    """Take `-t TYPE -o OPTIONS SOURCE FOLDER`, and `-o remount FOLDER`."""
    if len(words) == 3 and words[0] == "-o" and words[1] == "remount":
        return _remount(tree, words[2])
    if len(words) != 6 or (words[0], words[2]) != ("-t", "-o"):
        raise WrongUsage("mount: bad usage\nTry 'mount --help' for more information.")
    _, kind, _, options, source, folder = words
    if not os.path.isdir(tree(folder)):
        raise Failure(f"mount: {folder}: mount point does not exist.", FAILED)
    shown = _source(tree, source)
    if source.startswith("/dev/") or shown != source:
        _check(tree, shown, kind, folder)
    with locks.cluster(tree):
        line = f"{shown} {folder} {kind} {_shown(options)} 0 0\n"
        tree.replace(mounttable.TABLE, tree.read(mounttable.TABLE) + line, 0o644)
    return 0


def _check(tree: Tree, source: str, kind: str, folder: str) -> None:
    """Failure for a device that is not there, or has no such file system."""
    device = blockdevices.find(tree, source)
    if not device:
        raise Failure(f"mount: {folder}: special device {source} does not exist.", FAILED)
    if kind not in [found for found, _ in blockdevices.content(tree, device)]:
        said = f"wrong fs type, bad option, bad superblock on {source}, missing codepage or helper program"
        raise Failure(f"mount: {folder}: {said}, or other error.", FAILED)


def _source(tree: Tree, source: str) -> str:
    """The device that a source means, as the kernel shows it."""
    tag, equals, value = source.partition("=")
    path = f"/dev/disk/by-{tag.lower()}/{value}" if equals and tag in ("UUID", "LABEL") else source
    device = blockdevices.find(tree, path)
    return f"/dev/{device}" if device else path


def _shown(options: str) -> str:
    kept = [word for word in options.split(",") if word not in _NOT_SHOWN and not word.startswith("x-")]
    return ",".join([*(() if "ro" in kept else ("rw",)), *kept])


def _remount(tree: Tree, folder: str) -> int:
    """Give what is mounted at a folder the options of fstab; those that it has where no line there is for it."""
    lines = [line.split() for line in tree.read("/etc/fstab").splitlines()]
    options = [words[3] for words in lines if len(words) > 3 and words[1] == folder and words[0][0] != "#"]
    with locks.cluster(tree):
        lines = [line.split(" ") for line in tree.read(mounttable.TABLE).splitlines()]
        if folder not in [words[1] for words in lines]:
            raise Failure(f"mount: {folder}: mount point not mounted or bad option.", FAILED)
        for words in lines:
            if words[1] == folder and options:
                words[3] = _shown(options[-1])
        tree.replace(mounttable.TABLE, "".join(" ".join(words) + "\n" for words in lines), 0o644)
    return 0
