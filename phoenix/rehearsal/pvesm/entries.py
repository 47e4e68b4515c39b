"""`pvesm add`, `set`, `remove`: the storages' entries."""

from __future__ import annotations

import os

from phoenix.pve import formats, storages
from phoenix.pve.storagetypes import SECRETS
from phoenix.rehearsal import pools, storagecfg, volumes
from phoenix.rehearsal.failures import Failure
from phoenix.rehearsal.speech import complain

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from phoenix.rehearsal.tree import Tree

_OLD_OPTION = (
    "NOTE: The 'mkdir' option set for '{}' is deprecated and will be removed in Proxmox VE 9. "
    "Use 'create-base-path' or 'create-subdirs' instead."
)


def add(tree: Tree, given: dict[str, str]) -> int:
    """Add a storage, which must be usable at once where it is for this node."""
    kind, name = given.pop("type"), given.pop("storage")
    if not given.get("nodes"):
        given.pop("nodes", None)
    secrets = storagecfg.take_secrets(kind, given)
    entry = {"type": kind, **storagecfg.check(kind, name, given, tree.release, new=True)}

    def work(entries: storagecfg.Entries) -> None:
        if name in entries:
            raise Failure(f"storage ID '{name}' already defined")
        _check_base(entries, entry)
        storagecfg.retire_max_files(entry)
        entries[name] = entry
        _keep_secrets(tree, kind, name, secrets)
        _warn(name, entry)
        try:
            _activate(tree, name, entry)
        except Failure:
            _forget_secrets(tree, kind, name)
            raise

    storagecfg.change(tree, "create", work)
    return 0


def _check_base(entries: storagecfg.Entries, entry: Mapping[str, str]) -> None:
    base = entry.get("base", "").partition(":")[0]
    if base and base not in entries:
        raise Failure(f"base storage ID '{base}' does not exist")
    if base and entries[base]["type"] != "iscsi":
        raise Failure(f"unsupported base type '{entries[base]['type']}'")


def _activate(tree: Tree, name: str, entry: Mapping[str, str]) -> None:
    lines = "".join(f"\t{key} {value}\n" for key, value in entry.items() if key != "type")
    storage = storages.parse(f"{entry['type']}: {name}\n{lines}")[name]
    if not storage.disabled and storage.is_on(tree.name):
        volumes.activate(tree, storage)


def _warn(name: str, entry: Mapping[str, str]) -> None:
    if "mkdir" in entry:
        complain(_OLD_OPTION.format(name))


def _keep_secrets(tree: Tree, kind: str, name: str, secrets: Mapping[str, str]) -> None:
    for key, value in secrets.items():
        path = SECRETS[kind][key].format(name)
        os.makedirs(os.path.dirname(tree(path)), exist_ok=True)
        text = f"password={value}" if kind == "cifs" else value
        tree.replace(path, text if text.endswith("\n") else text + "\n", 0o600)


def _forget_secrets(tree: Tree, kind: str, name: str) -> None:
    for path in SECRETS.get(kind, {}).values():
        if os.path.exists(tree(path.format(name))):
            os.unlink(tree(path.format(name)))


def change(tree: Tree, given: dict[str, str]) -> int:
    """Change a storage's entry."""
    name, digest = given.pop("storage"), given.pop("digest", None)
    delete = formats.split_list(given.pop("delete", ""))

    def work(entries: storagecfg.Entries) -> None:
        if name not in entries:
            raise Failure(f"storage '{name}' does not exist")
        entry = entries[name]
        kind = entry["type"]
        storagecfg.retire_max_files(entry)
        secrets = storagecfg.take_secrets(kind, given)
        wanted = storagecfg.check(kind, name, given, tree.release, new=False)
        for key in delete:
            storagecfg.check_delete(kind, key, wanted, tree.release)
        _keep_secrets(tree, kind, name, secrets)
        for key in delete:
            entry.pop(key, None)
        entry.update(wanted)
        _warn(name, entry)

    storagecfg.change(tree, "update", work, digest)
    return 0


def remove(tree: Tree, given: dict[str, str]) -> int:
    """Remove a storage's entry, and what is told of it elsewhere; what it holds stays."""
    name = given["storage"]

    def work(entries: storagecfg.Entries) -> None:
        if name not in entries:
            raise Failure(f"storage '{name}' does not exist")
        if any(entry.get("base", "").partition(":")[0] == name for entry in entries.values()):
            raise Failure("can't remove storage - storage is used as base of another storage")
        _forget_secrets(tree, entries[name]["type"], name)
        del entries[name]

    storagecfg.change(tree, "delete", work)
    pools.remove_storage(tree, name)
    return 0
