"""Activation: what must be so before a storage can be used, and the folders that it gets then."""

from __future__ import annotations

import os

from phoenix.pve import formats
from phoenix.rehearsal.failures import Failure

TYPE_CHECKING = False
if TYPE_CHECKING:
    from phoenix.pve.storages import Storage
    from phoenix.rehearsal.tree import Tree

MOUNTS = "/proc/mounts"
_REMOTE = ("nfs", "cifs", "cephfs", "glusterfs")
_FOLDERS = ("backup", "images", "import", "iso", "rootdir", "snippets", "vztmpl")


def mounts(tree: Tree) -> dict[str, str]:
    """The mount points of the node, and the file system on each; {} if nothing is known."""
    lines = [line.split(" ") for line in tree.read(MOUNTS).split("\n")]
    return {words[1]: words[2] for words in lines if len(words) > 2}


def of_files(tree: Tree, storage: Storage) -> None:
    """Make a storage of files usable; Failure if it cannot be."""
    path, told = storage.path, storage.other
    if storage.type in _REMOTE:
        check_online(tree, storage)
    allowed = all(formats.boolean(told.get(key, "1")) is not False for key in ("mkdir", "create-base-path"))
    if allowed:
        os.makedirs(tree(path), exist_ok=True)
    _check_mounted(tree, storage)
    if not os.path.isdir(tree(path)):
        fault = f"directory '{path}' does not exist or is unreachable"
        raise Failure(f"unable to activate storage '{storage.name}' - {fault}")
    if all(formats.boolean(told.get(key, "1")) is not False for key in ("mkdir", "create-subdirs")):
        for kind in _FOLDERS:
            if kind in storage.content or (kind == "backup" and "rootdir" in storage.content):
                os.makedirs(tree(storage.folder(kind)), exist_ok=True)
    _check_distinct(storage)


def _check_mounted(tree: Tree, storage: Storage) -> None:
    wanted = storage.other.get("is_mountpoint", "no")
    truth = formats.boolean(wanted)
    if truth is False:
        return
    path = storage.path if truth else wanted
    known = mounts(tree)
    if known and path not in known:
        fault = f"directory is expected to be a mount point but is not mounted: '{path}'"
        raise Failure(f"unable to activate storage '{storage.name}' - {fault}")


def _check_distinct(storage: Storage) -> None:
    seen: set[str] = set()
    for kind in sorted(storage.content - {"none"}):
        folder = storage.folder(kind)
        if folder in seen:
            raise Failure(f"storage '{storage.name}' uses directory {folder} for multiple content types")
        seen.add(folder)


def check_online(tree: Tree, storage: Storage) -> None:
    """Failure if a storage of another machine cannot be reached: those are there that the node has mounted."""
    known = mounts(tree)
    if known and storage.path not in known:
        raise Failure(f"storage '{storage.name}' is not online")


def check_btrfs(tree: Tree, storage: Storage) -> None:
    """Failure if the folder of a storage is not on btrfs."""
    known, path = mounts(tree), storage.path
    while known and path not in known and path != "/":
        path = os.path.dirname(path)
    if known and known.get(path, "btrfs") != "btrfs":
        raise Failure(f"'{storage.path}' is not a btrfs file system")
