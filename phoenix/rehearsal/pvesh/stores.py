"""Answers of the API about storages: their entries, how full they are, and what they hold."""

from __future__ import annotations

import hashlib
import os

from phoenix.pve import storages
from phoenix.rehearsal import storagecfg, volumes
from phoenix.rehearsal.failures import Failure
from phoenix.rehearsal.pvesm import listing

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from phoenix.pve.storages import Storage
    from phoenix.rehearsal.tree import Tree


def storage_list(tree: Tree, given: dict[str, str]) -> Any:
    """The entries of the storages."""
    entries = storagecfg.read(tree)
    names = [name for name in entries if given.get("type", entries[name]["type"]) == entries[name]["type"]]
    return [storage(tree, {"storage": name}) for name in names]


def storage(tree: Tree, given: dict[str, str]) -> Any:
    """The entry of a storage."""
    entries = storagecfg.read(tree)
    if given["storage"] not in entries:
        raise Failure(f"storage '{given['storage']}' does not exist")
    found: dict[str, Any] = {**entries[given["storage"]], "storage": given["storage"]}
    for name in ("disable", "shared", "krbd", "sparse"):
        if name in found:
            found[name] = int(found[name])
    found["digest"] = hashlib.sha1(tree.read(storagecfg.FILE).encode(), usedforsecurity=False).hexdigest()
    return found


def _storage_figures(tree: Tree, item: Storage) -> dict[str, Any]:
    found: dict[str, Any] = {"content": ",".join(sorted(item.content)), "type": item.type}
    off = item.disabled or not item.is_on(tree.name)
    found.update(active=int(not off), enabled=int(not off), shared=int(item.other.get("shared", "0")))
    found.update(total=listing.TOTAL << 10, used=listing.USED << 10, avail=(listing.TOTAL - listing.USED) << 10)
    return found


def node_storages(tree: Tree, _: dict[str, str]) -> Any:
    """The storages of the node and how full they are."""
    rows = []
    for item in volumes.table(tree).values():
        if item.is_on(tree.name):
            rows.append({**_storage_figures(tree, item), "storage": item.name, "used_fraction": 0.1})
    return rows


def storage_status(tree: Tree, given: dict[str, str]) -> Any:
    """How full a storage is."""
    return _storage_figures(tree, volumes.existing(tree, given["storage"]))


def content(tree: Tree, given: dict[str, str]) -> Any:
    """What a storage holds."""
    item = volumes.enabled(tree, given["storage"])
    rows = []
    for volume, form, kind, size, guest in listing.rows(tree, item, given.get("content", ""), given.get("vmid", "")):
        row: dict[str, Any] = {"content": kind, "format": form, "size": size, "volid": volume}
        path = tree(volumes.node_path(tree, volume))
        row["ctime"] = int(os.stat(path).st_ctime) if os.path.exists(path) else 0
        if guest:
            row.update(parent=None, used=0, vmid=int(guest))
            base = storages.split_volume(volume)[1].split("/")
            if len(base) > 3:
                row["parent"] = "../" + "/".join(base[:2])
        rows.append(row)
    return rows
