"""Answers of the API: what stands in the tree, as the real one puts it."""

from __future__ import annotations

import hashlib
import os
import time

from phoenix.rehearsal import cluster, pools, pveversion, volumes
from phoenix.rehearsal.failures import BadParameters, Failure
from phoenix.rehearsal.kinds import CT, VM
from phoenix.rehearsal.pvesh import guests, paths
from phoenix.rehearsal.pvesm import listing
from phoenix.rehearsal.tree import FACTS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from phoenix.pve.storages import Storage
    from phoenix.rehearsal.kinds import Kind
    from phoenix.rehearsal.tree import Tree

_YOUNG = 10.0
"""How many seconds pass before the status daemon has reported on something new."""
_GIB = 1 << 30


def below(tree: Tree, path: str) -> list[str]:
    """The names of a path's children."""
    words = [word for word in path.split("/") if word]
    names = set()
    for pattern in (*paths.GETTERS, *(key.partition(" ")[2] for key in paths.ACTIONS)):
        parts = [part for part in pattern.split("/") if part]
        if len(parts) > len(words) and all(p == w or p.startswith("{") for p, w in zip(parts, words)):
            names.add(parts[len(words)])
    found = {name for name in names if not name.startswith("{")}
    if "{node}" in names:
        found.add(tree.name)
    if "{vmid}" in names:
        found.update(guests.all_of(tree, CT if words[-1] == "lxc" else VM))
    if "{storage}" in names:
        found.update(volumes.table(tree))
    if "{poolid}" in names:
        found.update(pools.table(tree))
    return sorted(found)


def children(tree: Tree, given: dict[str, str]) -> Any:
    """The children of a path that is nothing itself."""
    return [{"subdir": name} for name in below(tree, given["path"])]


def version(tree: Tree, _: dict[str, str]) -> Any:
    """The version of the manager."""
    number, repoid = pveversion.manager(tree)
    return {"release": ".".join(number.split(".")[:2]), "repoid": repoid, "version": number}


def _is_young(tree: Tree, path: str) -> bool:
    try:
        return time.time() - os.stat(tree(path)).st_mtime < _YOUNG
    except OSError:
        return True


def nodes(tree: Tree, _: dict[str, str]) -> Any:
    """The nodes."""
    fingerprint = hashlib.sha256(tree.name.encode()).hexdigest().upper()
    found = _node(tree)
    found["ssl_fingerprint"] = ":".join(fingerprint[place : place + 2] for place in range(0, 64, 2))
    return [found]


def _node(tree: Tree) -> dict[str, Any]:
    found: dict[str, Any] = {"id": f"node/{tree.name}", "node": tree.name, "status": "unknown", "type": "node"}
    if not _is_young(tree, FACTS):
        figures = dict.fromkeys(("cpu", "disk", "mem"), 0)
        found.update(figures, level="", maxcpu=int(tree.facts.get("cpus", 2)), maxdisk=100 * _GIB, maxmem=16 * _GIB)
        found.update({"cgroup-mode": 2, "status": "online", "uptime": 100})
    return found


def node_status(tree: Tree, _: dict[str, str]) -> Any:
    """The state of the node."""
    number, repoid = pveversion.manager(tree)
    return {
        "cpuinfo": {"cpus": int(tree.facts.get("cpus", 2))},
        "loadavg": ["0.00", "0.00", "0.00"],
        "memory": {"free": 12 * _GIB, "total": 16 * _GIB, "used": 4 * _GIB},
        "pveversion": f"pve-manager/{number}/{repoid}",
        "uptime": 100,
    }


def cluster_status(tree: Tree, _: dict[str, str]) -> Any:
    """The nodes of the cluster."""
    node = {"id": f"node/{tree.name}", "ip": tree.facts.get("address", "127.0.0.1"), "level": "", "local": 1}
    return [{**node, "name": tree.name, "nodeid": 0, "online": 1, "type": "node"}]


def users(tree: Tree, _: dict[str, str]) -> Any:
    """The users."""
    lines = [line.split(":") for line in tree.read("/etc/pve/user.cfg").split("\n") if line.startswith("user:")]
    return [{"enable": int(fields[2] or 0), "expire": int(fields[3] or 0), "userid": fields[1]} for fields in lines]


def next_id(tree: Tree, given: dict[str, str]) -> Any:
    """A free ID."""
    if "vmid" in given:
        if cluster.owner(tree, given["vmid"])[0]:
            raise BadParameters({"vmid": f"VM {given['vmid']} already exists"})
        return given["vmid"]
    number = 100
    while cluster.owner(tree, str(number))[0]:
        number += 1
    return str(number)


def bridges(tree: Tree, _: dict[str, str]) -> Any:
    """The bridges of the node."""
    return [{"active": 1, "iface": name, "type": "bridge"} for name in tree.facts.get("bridges", [])]


def _short(tree: Tree, kind: Kind, guest: str) -> dict[str, Any]:
    """A guest as it is among the resources of the cluster."""
    word = "lxc" if kind is CT else "qemu"
    base = {"id": f"{word}/{guest}", "node": tree.name, "status": "unknown", "type": word, "vmid": int(guest)}
    if _is_young(tree, cluster.guest_file(tree, kind, guest)):
        return base
    row = guests.container(tree, guest) if kind is CT else guests.machine(tree, guest)
    for name in ("cpus", "maxswap", "swap", "pid", "qmpstatus"):
        base.setdefault("maxcpu", row["cpus"])
        row.pop(name, None)
    found = {**row, **{key: value for key, value in base.items() if key != "status"}}
    found["template"] = row.get("template", 0)
    return found


def resources(tree: Tree, given: dict[str, str]) -> Any:
    """All that the cluster has."""
    wanted = given.get("type")
    rows: list[dict[str, Any]] = []
    if wanted in (None, "vm"):
        rows += [_short(tree, kind, guest) for kind in (CT, VM) for guest in guests.all_of(tree, kind)]
    if wanted in (None, "node"):
        found = _node(tree)
        found.pop("ssl_fingerprint", None)
        rows.append(found)
    if wanted in (None, "storage"):
        rows += [_storage_resource(tree, item) for item in volumes.table(tree).values()]
    if wanted in (None, "sdn"):
        rows.append(_zone(tree))
    for name in sorted(pools.table(tree)) if wanted is None else ():
        rows.append({"id": f"/pool/{name}", "pool": name, "type": "pool"})
    return rows


def _zone(tree: Tree) -> dict[str, Any]:
    node, zone = tree.name, "localnetwork"
    if tree.release < 9:
        return {"id": f"sdn/{node}/{zone}", "node": node, "sdn": zone, "status": "ok", "type": "sdn"}
    found = {"id": f"network/{node}/zone/{zone}", "network": zone, "network-type": "zone", "node": node}
    return {**found, "status": "ok", "type": "network"}


def _storage_resource(tree: Tree, item: Storage) -> dict[str, Any]:
    found: dict[str, Any] = {
        "content": ",".join(sorted(item.content)),
        "id": f"storage/{tree.name}/{item.name}",
        "node": tree.name,
        "plugintype": item.type,
        "shared": int(item.other.get("shared", "0")),
        "status": "unknown",
        "storage": item.name,
        "type": "storage",
    }
    if not _is_young(tree, FACTS):
        found.update(disk=listing.USED << 10, maxdisk=listing.TOTAL << 10, status="available")
    return found


def pool_list(tree: Tree, _: dict[str, str]) -> Any:
    """The pools."""
    return [
        {"poolid": name, **({"comment": fields[0]} if fields[0] else {})} for name, fields in pools.table(tree).items()
    ]


def pool(tree: Tree, given: dict[str, str]) -> Any:
    """A pool and what is in it."""
    table = pools.table(tree)
    if given["poolid"] not in table:
        raise Failure(f"no such pool '{given['poolid']}'", 2)
    comment, guests, stores = table[given["poolid"]]
    members: list[dict[str, Any]] = []
    for guest in (item for item in guests.split(",") if item):
        kind = cluster.owner(tree, guest)[0]
        if kind:
            members.append(_short(tree, CT if kind == "CT" else VM, guest))
    known = volumes.table(tree)
    members += [_storage_resource(tree, known[name]) for name in stores.split(",") if name in known]
    found: dict[str, Any] = {"members": members, "poolid": given["poolid"]}
    if comment:
        found["comment"] = comment
    return found
