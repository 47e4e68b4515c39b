"""Locks: the flock of a guest's configuration, and the short one that stands for pmxcfs's own order."""

from __future__ import annotations

import fcntl
import os
import time

from phoenix.rehearsal.failures import Failure
from phoenix.rehearsal.speech import complain

TYPE_CHECKING = False
if TYPE_CHECKING:
    from phoenix.rehearsal.kinds import Kind
    from phoenix.rehearsal.tree import Tree

_STEP = 0.05


class _Held:
    def __init__(self, number: int) -> None:
        self._number = number

    def __enter__(self) -> None:
        """Nothing more to do: it is held already."""

    def __exit__(self, *_: object) -> None:
        os.close(self._number)


def _open(tree: Tree, path: str) -> int:
    os.makedirs(os.path.dirname(tree(path)), exist_ok=True)
    return os.open(tree(path), os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)


def config(tree: Tree, kind: Kind, guest: str, seconds: float = 10.0) -> _Held:
    """The flock of one guest, waited for as long as the real tools do."""
    return file(tree, kind.lock.format(guest), seconds)


def migration(tree: Tree, guest: str) -> _Held:
    """The lock of whatever must not happen while a guest goes to another node, or is replicated."""
    return file(tree, f"/var/lock/pve-manager/pve-migrate-{guest}")


def file(tree: Tree, path: str, seconds: float = 10.0, *, shared: bool = False) -> _Held:
    """The flock of one file, waited for as long as the real tools do; `shared` with others who only read."""
    number = _open(tree, path)
    if _locked(number, shared=shared):
        return _Held(number)
    complain("trying to acquire lock...")
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        time.sleep(_STEP)
        if _locked(number, shared=shared):
            complain(" OK")
            return _Held(number)
    os.close(number)
    raise Failure(f"can't lock file '{path}' - got timeout", 4)


def _locked(number: int, *, shared: bool = False) -> bool:
    try:
        fcntl.flock(number, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def cluster(tree: Tree) -> _Held:
    """One change of the cluster file system (or of the tables of the kernel) at a time."""
    number = _open(tree, "/var/lib/pve-cluster/.pmxcfs.lockfile")
    fcntl.flock(number, fcntl.LOCK_EX)
    return _Held(number)
