"""Answers of the API about storages: their entries, how full they are, and what they hold."""

from __future__ import annotations

import os

from phoenix.pve import formats, options, storages
from phoenix.pve.tables import storage as tables
from phoenix.rehearsal import storagecfg, tasks, volumes
from phoenix.rehearsal.failures import BadParameters, Failure
from phoenix.rehearsal.pvesm import volume as single
from phoenix.rehearsal.volumes import content as contents
from phoenix.rehearsal.volumes import usage

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Final

    from phoenix.pve.storages import Storage
    from phoenix.rehearsal.tree import Tree

_KNOWN: Final = options.by_name(*tables.SHARED, *tables.ADD)
_NUMBERS: Final = ("boolean", "integer", "number")


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
    for name, value in found.items():
        option = _KNOWN.get(name)
        number = formats.integer(value) if option is not None and option.type in _NUMBERS else None
        found[name] = value if number is None else number
    found["digest"] = storagecfg.now(tree)
    return found


def figures(tree: Tree, item: Storage) -> dict[str, Any]:
    """How full a storage is, in bytes."""
    total, used, left = usage.figures(tree, item)
    return {
        "active": int(total > 0),
        "avail": left << 10,
        "content": ",".join(sorted(item.content)),
        "enabled": int(usage.is_enabled(tree, item)),
        "shared": int(item.is_shared()),
        "total": total << 10,
        "type": item.type,
        "used": used << 10,
    }


def node_storages(tree: Tree, given: dict[str, str]) -> Any:
    """The storages of the node and how full they are."""
    wanted, kinds = given.get("storage"), set(formats.split_list(given.get("content", "")))
    known = volumes.table(tree)
    if wanted not in (None, *known):
        raise BadParameters({"storage": "No such storage."})
    rows = []
    for item in known.values():
        enabled = usage.is_enabled(tree, item)
        if wanted not in (None, item.name) or (kinds and not (enabled and kinds & item.content)):
            continue
        if given.get("enabled") != "1" or enabled:
            row = {**figures(tree, item), "storage": item.name}
            rows.append({**row, "used_fraction": row["used"] / row["total"]} if row["total"] else row)
    return rows


def storage_status(tree: Tree, given: dict[str, str]) -> Any:
    """How full a storage is."""
    item = volumes.table(tree).get(given["storage"])
    if item is None:
        raise BadParameters({"storage": "No such storage."})
    return figures(tree, item)


def content(tree: Tree, given: dict[str, str]) -> Any:
    """What a storage holds."""
    item = volumes.enabled(tree, given["storage"])
    volumes.activate(tree, item)
    rows = []
    for volume, form, kind, size, guest in contents.rows(tree, item, given.get("content", ""), given.get("vmid", "")):
        path = tree(volumes.node_path(tree, volume))
        made = int(os.stat(path).st_ctime) if os.path.exists(path) else 0
        row: dict[str, Any] = {"content": kind, "ctime": made, "format": form, "size": size, "volid": volume}
        if guest:
            row["vmid"] = int(guest)
        if kind in ("images", "rootdir"):
            base = storages.split_volume(volume)[1].split("/")
            row.update(parent="../" + "/".join(base[:2]) if len(base) > _LINKED else None, used=0)
        elif kind == "backup":
            row.update(_backup(volume, made))
        rows.append(row)
    return rows


_LINKED = 3
"""More parts than this has the name of a volume that says which one it is a clone of."""


def _backup(volume: str, made: int) -> dict[str, Any]:
    """What the name of a backup says: which kind of guest it is of, and when it was made."""
    import time

    parts = volume.rpartition("/")[2].split("-")
    found: dict[str, Any] = {"ctime": made}
    if parts[1:2] and parts[1] in ("lxc", "qemu", "openvz"):
        found["subtype"] = parts[1]
    try:
        moment = time.strptime("-".join(parts[3:]).partition(".")[0], "%Y_%m_%d-%H_%M_%S")
    except ValueError:
        return found
    return {**found, "ctime": int(time.mktime(moment))}


def _full_name(given: dict[str, str]) -> str:
    name = given["volume"]
    return name if ":" in name else f"{given['storage']}:{name}"


def volume(tree: Tree, given: dict[str, str]) -> Any:
    """One volume."""
    name = _full_name(given)
    if not volumes.exists(tree, name):
        raise Failure(f"volume_size_info on '{name}' failed")
    path, size = volumes.node_path(tree, name), volumes.size(tree, name) or 0
    return {"format": volumes.form(tree, name), "path": path, "size": size, "used": 0}


def allocate(tree: Tree, given: dict[str, str]) -> Any:
    """Make a volume."""
    return single.make(tree, given)


def free(tree: Tree, given: dict[str, str]) -> Any:
    """Remove a volume."""
    single.free(tree, {"volume": _full_name(given)})
    return tasks.number(tree, "imgdel", "", os.getpid())
