"""Answers of the API: what stands in the tree, as the real one puts it."""

from __future__ import annotations

import hashlib
import os
import time

from phoenix.pve import formats, options, storages
from phoenix.rehearsal import cluster, pools, pveversion, storagecfg, volumes
from phoenix.rehearsal.failures import BadParameters, Failure
from phoenix.rehearsal.kinds import CT, VM
from phoenix.rehearsal.pct import show as containers_show
from phoenix.rehearsal.pvesh import paths
from phoenix.rehearsal.pvesm import listing
from phoenix.rehearsal.qm import show as machines_show
from phoenix.rehearsal.tree import FACTS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from phoenix.pve.guestconf import GuestConf
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
        found.update(_guests(tree, CT if words[-1] == "lxc" else VM))
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


def _guests(tree: Tree, kind: Kind) -> list[str]:
    folder = tree(f"/etc/pve/nodes/{tree.name}/{kind.folder}")
    return sorted((name[:-5] for name in os.listdir(folder) if name.endswith(".conf")), key=int)


def _numbers(figures: dict[str, str]) -> dict[str, Any]:
    """Figures as the API has them: numbers as numbers."""
    found: dict[str, Any] = {"cpu": 0}
    for name, value in figures.items():
        number = formats.number(value) if name not in ("name", "tags") else None
        found[name] = value if number is None else int(number) if number == int(number) else number
    return found


def _container(tree: Tree, guest: str) -> dict[str, Any]:
    return _numbers(containers_show.figures(tree, guest, cluster.read(tree, CT, guest)))


def _machine(tree: Tree, guest: str) -> dict[str, Any]:
    return _numbers(machines_show.figures(tree, guest, cluster.read(tree, VM, guest)))


def containers(tree: Tree, _: dict[str, str]) -> Any:
    """The containers of the node."""
    return [_container(tree, guest) for guest in _guests(tree, CT)]


def machines(tree: Tree, _: dict[str, str]) -> Any:
    """The machines of the node."""
    found = [_machine(tree, guest) for guest in _guests(tree, VM)]
    for row in found:
        del row["qmpstatus"]
    return found


def container_status(tree: Tree, given: dict[str, str]) -> Any:
    """The state of a container."""
    return {**_container(tree, given["vmid"]), "ha": _managed(tree, "ct", given["vmid"])}


def machine_status(tree: Tree, given: dict[str, str]) -> Any:
    """The state of a machine."""
    return {**_machine(tree, given["vmid"]), "ha": _managed(tree, "vm", given["vmid"])}


def _managed(tree: Tree, word: str, guest: str) -> dict[str, int]:
    lines = tree.read("/etc/pve/ha/resources.cfg").split("\n")
    return {"managed": int(f"{word}: {guest}" in lines)}


def _section(conf: GuestConf, given: dict[str, str]) -> GuestConf:
    if "snapshot" in given:
        if given["snapshot"] not in conf.snapshots:
            raise Failure(f"snapshot '{given['snapshot']}' does not exist")
        return conf.snapshots[given["snapshot"]]
    if given.get("current") != "1":
        for name in conf.delete:
            conf.options.pop(name.lstrip("!"), None)
        conf.options.update(conf.pending)
    return conf


def _config(tree: Tree, kind: Kind, given: dict[str, str]) -> dict[str, Any]:
    guest = given["vmid"]
    conf = _section(cluster.read(tree, kind, guest), given)
    table = kind.options()
    found: dict[str, Any] = {"digest": cluster.digest(tree, kind, guest)}
    for name, value in conf.options.items():
        option = options.lookup(table, name)
        number = (
            formats.number(value) if option is not None and option.type in ("boolean", "integer", "number") else None
        )
        found[name] = value if number is None else int(number) if number == int(number) else number
    if conf.description:
        found["description"] = conf.description if kind is CT else conf.description[:-1]
    return found


def container_config(tree: Tree, given: dict[str, str]) -> Any:
    """A container's configuration."""
    found = _config(tree, CT, given)
    conf = _section(cluster.read(tree, CT, given["vmid"]), given)
    environment = [line.partition(": ")[2] for line in conf.raw if line.startswith(containers_show.ENVIRONMENT)]
    raw = [line.partition(": ")[::2] for line in conf.raw if not line.startswith(containers_show.ENVIRONMENT)]
    if environment:
        found["env"] = "\0".join(environment)
    if raw:
        found["lxc"] = [list(pair) for pair in raw]
    return found


def machine_config(tree: Tree, given: dict[str, str]) -> Any:
    """A machine's configuration."""
    return machines_show.without_secrets(_config(tree, VM, given))


def _pending(tree: Tree, kind: Kind, guest: str) -> list[dict[str, Any]]:
    conf, rows = cluster.read(tree, kind, guest), []
    for name in sorted({*conf.options, *conf.pending}):
        row: dict[str, Any] = {"key": name}
        if name in conf.options:
            row["value"] = conf.options[name]
        if name in conf.pending:
            row["pending"] = conf.pending[name]
        if name in conf.delete:
            row["delete"] = 1
        rows.append(row)
    return [*rows, {"key": "digest", "value": cluster.digest(tree, kind, guest)}]


def container_pending(tree: Tree, given: dict[str, str]) -> Any:
    """A container's configuration with what waits."""
    return _pending(tree, CT, given["vmid"])


def machine_pending(tree: Tree, given: dict[str, str]) -> Any:
    """A machine's configuration with what waits."""
    return _pending(tree, VM, given["vmid"])


def _snapshots(tree: Tree, kind: Kind, guest: str, running: bool) -> list[dict[str, Any]]:
    conf = cluster.read(tree, kind, guest)
    rows: list[dict[str, Any]] = []
    for name in sorted(conf.snapshots):
        section = conf.snapshots[name]
        row = {"description": section.description, "name": name, "snaptime": int(section.options.get("snaptime", "0"))}
        if "parent" in section.options:
            row["parent"] = section.options["parent"]
        if kind is VM:
            row["vmstate"] = int("vmstate" in section.options)
        rows.append(row)
    here: dict[str, Any] = {
        "description": "You are here!",
        "digest": cluster.digest(tree, kind, guest),
        "name": "current",
    }
    here["running"] = int(running)
    if "parent" in conf.options:
        here["parent"] = conf.options["parent"]
    return [*rows, here]


def container_snapshots(tree: Tree, given: dict[str, str]) -> Any:
    """The snapshots of a container."""
    guest = given["vmid"]
    return _snapshots(tree, CT, guest, _container(tree, guest)["status"] == "running")


def machine_snapshots(tree: Tree, given: dict[str, str]) -> Any:
    """The snapshots of a machine."""
    guest = given["vmid"]
    return _snapshots(tree, VM, guest, _machine(tree, guest)["status"] == "running")


def _short(tree: Tree, kind: Kind, guest: str) -> dict[str, Any]:
    """A guest as it is among the resources of the cluster."""
    word = "lxc" if kind is CT else "qemu"
    base = {"id": f"{word}/{guest}", "node": tree.name, "status": "unknown", "type": word, "vmid": int(guest)}
    if _is_young(tree, cluster.guest_file(tree, kind, guest)):
        return base
    row = _container(tree, guest) if kind is CT else _machine(tree, guest)
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
        rows += [_short(tree, kind, guest) for kind in (CT, VM) for guest in _guests(tree, kind)]
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
