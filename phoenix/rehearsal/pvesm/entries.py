"""`pvesm add`, `set`, `remove`: the storages' entries."""

from __future__ import annotations

from phoenix.pve import formats, storages
from phoenix.rehearsal import storagecfg, volumes
from phoenix.rehearsal.failures import Failure

TYPE_CHECKING = False
if TYPE_CHECKING:
    from phoenix.rehearsal.tree import Tree

_NETWORK = ("cephfs", "cifs", "esxi", "glusterfs", "iscsi", "iscsidirect", "nfs", "pbs", "rbd", "zfs")


def add(tree: Tree, given: dict[str, str]) -> int:
    """Add a storage."""
    kind, name = given.pop("type"), given.pop("storage")
    storagecfg.check(kind, given)
    entry = {"type": kind, **{key: _stored(key, value) for key, value in given.items()}}
    entry.setdefault("content", ",".join(sorted(storages.Storage(kind, name).content)))

    def work(entries: storagecfg.Entries) -> None:
        if name in entries:
            raise Failure(f"storage ID '{name}' already defined")
        if kind in _NETWORK and entry.get("disable") != "1":
            raise Failure(f"storage '{name}' is not online")
        entries[name] = entry

    storagecfg.change(tree, "create", work)
    _make_folders(tree, name)
    return 0


def _stored(name: str, value: str) -> str:
    if name == "content":
        return ",".join(sorted(formats.split_list(value)))
    return ",".join(formats.split_list(value)) if name == "nodes" else value


def _make_folders(tree: Tree, name: str) -> None:
    storage = volumes.existing(tree, name)
    if not storage.disabled and storage.is_on(tree.name):
        volumes.activate(tree, storage)


def change(tree: Tree, given: dict[str, str]) -> int:
    """Change a storage's entry."""
    name, digest = given.pop("storage"), given.pop("digest", None)
    delete = formats.split_list(given.pop("delete", ""))

    def work(entries: storagecfg.Entries) -> None:
        if name not in entries:
            raise Failure(f"storage '{name}' does not exist")
        entry = entries[name]
        for key in delete:
            _delete(entry, key)
        for key, value in given.items():
            if not storagecfg.allowed(entry["type"], key):
                raise Failure(f"unexpected property '{key}'")
            if key in storagecfg.FIXED and entry.get(key, "") != value:
                raise Failure(f"can't change value of fixed parameter '{key}'")
            entry[key] = _stored(key, value)
        if entry.get("disable") == "0":
            del entry["disable"]

    storagecfg.change(tree, "update", work, digest)
    _make_folders(tree, name)
    return 0


def _delete(entry: dict[str, str], key: str) -> None:
    if not storagecfg.allowed(entry["type"], key):
        raise Failure(f"no such option '{key}'")
    if key in storagecfg.REQUIRED.get(entry["type"], ()):
        raise Failure(f"unable to delete required option '{key}'")
    if key in storagecfg.FIXED:
        raise Failure(f"unable to delete fixed option '{key}'")
    entry.pop(key, None)


def remove(tree: Tree, given: dict[str, str]) -> int:
    """Remove a storage's entry; what it holds stays."""
    name = given["storage"]

    def work(entries: storagecfg.Entries) -> None:
        if name not in entries:
            raise Failure(f"storage '{name}' does not exist")
        for volume in volumes.guest_volumes(tree, volumes.existing(tree, name)):
            if volumes.in_use_by_clones(tree, volume) and entries[name].get("base") == volume:
                raise Failure(f"can't remove storage - base volume '{volume}' is in use")
        del entries[name]

    storagecfg.change(tree, "delete", work)
    return 0
