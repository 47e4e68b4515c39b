"""Answers of the API: what stands in the tree, as the real one puts it."""

from __future__ import annotations

import hashlib
import os
import time

from phoenix.rehearsal import cluster, haconfig, pools, pveversion, volumes
from phoenix.rehearsal.failures import BadParameters, Failure
from phoenix.rehearsal.ha_manager import resources as resources_of_ha
from phoenix.rehearsal.kinds import CT, VM
from phoenix.rehearsal.pvesh import guests
from phoenix.rehearsal.tree import FACTS
from phoenix.rehearsal.volumes import usage

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from phoenix.pve.storages import Storage
    from phoenix.rehearsal.kinds import Kind
    from phoenix.rehearsal.tree import Tree

_YOUNG = 10.0
"""How many seconds pass before the status daemon has reported on something new."""
_GIB = 1 << 30
_FIGURES = (
    "cpu", "disk", "diskread", "diskwrite", "maxdisk", "maxmem", "mem", "name", "netin", "netout", "template", "uptime",
)  # fmt: skip
"""What the status daemon reports of a guest."""


def version(tree: Tree, _: dict[str, str]) -> Any:
    """The version of the manager."""
    number, repoid = pveversion.manager(tree)
    return {"release": ".".join(number.split(".")[:2]), "repoid": repoid, "version": number}


def _is_young(tree: Tree, path: str) -> bool:
    """Whether what a file stands for was made so short a time ago that the status daemon does not know it yet."""
    try:
        return time.time() - os.stat(tree(path)).st_mtime < _YOUNG
    except OSError:
        return False


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


def networks(tree: Tree, given: dict[str, str]) -> Any:
    """The bridges of the node, which are all the interfaces that it has."""
    if given.get("type") not in (None, "bridge", "any_bridge", "any_local_bridge"):
        return []
    return [{"iface": name, **network(tree, {"iface": name})} for name in tree.facts.get("bridges", [])]


def network(tree: Tree, given: dict[str, str]) -> Any:
    """One bridge."""
    names = list(tree.facts.get("bridges", []))
    if given["iface"] not in names:
        raise BadParameters({"iface": "interface does not exist"})
    number = names.index(given["iface"])
    found = {"active": 1, "autostart": 1, "exists": 1, "families": ["inet"], "method": "manual", "method6": "manual"}
    return {**found, "priority": number + 1, "type": "bridge"}


def guest_resource(tree: Tree, kind: Kind, guest: str) -> dict[str, Any]:
    """A guest as it is among the resources of the cluster."""
    word = "lxc" if kind is CT else "qemu"
    base = {"id": f"{word}/{guest}", "node": tree.name, "status": "unknown", "type": word, "vmid": int(guest)}
    if _is_young(tree, cluster.BORN.format(guest)):
        return base
    row = guests.container(tree, guest) if kind is CT else guests.machine(tree, guest)
    found = {name: row.get(name, 0) for name in _FIGURES}
    if tree.release >= 9:
        found["memhost"] = row.get("memhost", 0)
    return {**found, "maxcpu": row["cpus"], **base, "status": row["status"]}


def _guest_resources(tree: Tree) -> list[dict[str, Any]]:
    in_pool = {guest: name for name, fields in pools.table(tree).items() for guest in fields[1].split(",") if guest}
    rows = []
    for kind in (CT, VM):
        for guest in guests.all_of(tree, kind):
            row = guest_resource(tree, kind, guest)
            if guest in in_pool:
                row["pool"] = in_pool[guest]
            conf = cluster.read_quick(tree, kind, guest)
            row.update({name: conf.options[name] for name in ("lock", "tags") if conf.options.get(name)})
            rows.append(row)
    return rows


def resources(tree: Tree, given: dict[str, str]) -> Any:
    """All that the cluster has."""
    wanted = given.get("type")
    rows: list[dict[str, Any]] = []
    if wanted in (None, "vm"):
        rows += _guest_resources(tree)
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
        "shared": int(item.is_shared()),
        "status": "unknown",
        "storage": item.name,
        "type": "storage",
    }
    if not _is_young(tree, FACTS):
        found.update(disk=usage.USED << 10, maxdisk=usage.TOTAL << 10, status="available")
    return found


def pool_list(tree: Tree, given: dict[str, str]) -> Any:
    """The pools; one of them with what is in it."""
    if "poolid" in given:
        return [{"poolid": given["poolid"], **pool(tree, given)}]
    table = pools.table(tree)
    return [{"poolid": name, **({"comment": table[name][0]} if table[name][0] else {})} for name in table]


def pool(tree: Tree, given: dict[str, str]) -> Any:
    """A pool and what is in it."""
    table = pools.table(tree)
    if given["poolid"] not in table:
        raise Failure(f"pool '{given['poolid']}' does not exist")
    comment, members, stores = table[given["poolid"]]
    wanted, rows = given.get("type"), []
    for guest in (item for item in members.split(",") if item):
        word = cluster.owner(tree, guest)[0]
        if word:
            rows.append(guest_resource(tree, CT if word == "CT" else VM, guest))
    known = volumes.table(tree)
    rows += [_storage_resource(tree, known[name]) for name in stores.split(",") if name in known]
    found: dict[str, Any] = {"members": [row for row in rows if wanted in (None, row["type"])]}
    found["poolid"] = given["poolid"]
    if comment:
        found["comment"] = comment
    return found


def ha_resources(tree: Tree, given: dict[str, str]) -> Any:
    """The guests that are given to the high availability manager."""
    found = haconfig.read(tree)
    return [
        {**found[sid], "sid": sid, "digest": resources_of_ha.digest(tree)}
        for sid in found
        if given.get("type") in (None, found[sid]["type"])
    ]


def ha_resource(tree: Tree, given: dict[str, str]) -> Any:
    """One of them."""
    sid = resources_of_ha.full_name(tree, given["sid"])
    found = haconfig.read(tree)
    if sid not in found:
        raise Failure(f"no such resource '{sid}'")
    return {**found[sid], "sid": sid, "digest": resources_of_ha.digest(tree)}
