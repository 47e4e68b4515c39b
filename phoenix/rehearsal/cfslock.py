"""Locks of the cluster: folders in /etc/pve/priv/lock, which one process of all nodes can make at a time."""

from __future__ import annotations

import os
import time

from phoenix.rehearsal import cluster
from phoenix.rehearsal.failures import Failure
from phoenix.rehearsal.speech import complain

TYPE_CHECKING = False
if TYPE_CHECKING:
    from phoenix.rehearsal.tree import Tree

FOLDER = "/etc/pve/priv/lock"
_EXPIRES = 120
_STEP = 1.0


class Held:
    """A lock of the cluster, held until the end of the block."""

    def __init__(self, path: str) -> None:
        self._path = path

    def __enter__(self) -> None:
        """Nothing more to do: it is held already."""

    def __exit__(self, *_: object) -> None:
        try:
            os.rmdir(self._path)
        except FileNotFoundError:
            return  # it expired, and someone else took it


def held(tree: Tree, name: str, seconds: int = 10) -> Held:
    """The lock `name`, waited for as long as the real tools do; Failure without quorum or if another has it."""
    path = tree(f"{FOLDER}/{name}")
    os.makedirs(tree(FOLDER), exist_ok=True)
    for left in range(seconds - 1, -1, -1):
        if cluster.has_quorum(tree) and _taken(path):
            return Held(path)
        if not left:
            break
        complain(f"trying to acquire cfs lock '{name}' ...")
        time.sleep(_STEP)
    if not cluster.has_quorum(tree):
        raise Failure(f"cfs-lock '{name}' error: no quorum!", 13)
    raise Failure(f"cfs-lock '{name}' error: got lock request timeout", 17)


def _taken(path: str) -> bool:
    """Whether the lock is ours now: nobody has it, or it was forgotten long ago."""
    try:
        if os.path.isdir(path) and time.time() - os.stat(path).st_mtime > _EXPIRES:
            os.rmdir(path)
        os.mkdir(path)
    except (FileExistsError, FileNotFoundError):
        return False
    return True
