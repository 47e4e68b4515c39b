"""ZFS: pools, datasets and their properties, and how much memory its cache may have.

A pool is made of disks that are empty by every probe, or that the command line names (--wipe); it is added to as the
file declares, and whatever else differs is refused with the facts. Nothing is ever forced or destroyed.
"""

from __future__ import annotations

from phoenix.host import disks, tables, zfsdatasets, zfspools, zfsproperties, zpools
from phoenix.host.aspect import SET, Ask, Difference, Plan, Step, join, write
from phoenix.host.kernel import INITRAMFS
from phoenix.pve.options import Option, by_name
from phoenix.value import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from phoenix.config.faults import Faults
    from phoenix.host.host import Host
    from phoenix.host.zfsdatasets import Properties

CONF = "/etc/modprobe.d/zz-phoenix-zfs.conf"
"""Our file; the last of several options counts, and Proxmox VE's installer writes zfs.conf."""
PARAMETERS = "/sys/module/zfs/parameters"
MOST, LEAST = "zfs_arc_max", "zfs_arc_min"
LEAST_CACHE = 64 << 20
"""A smaller limit is ignored by the module."""
LEAST_SHARE = 32
"""The cache keeps this part of the memory, and ignores a limit below that unless it is told to keep less."""
_PARTS = ("arc_max", "pools", "datasets")
_ARC = Option("arc_max", pattern=zfsproperties.SIZE)
_POOL = Option("name", pattern=r"(?!mirror|raidz|draid|spare|log$|c\d)[A-Za-z][A-Za-z0-9_.:-]{0,200}")
_DATASET = Option("name", pattern=r"[A-Za-z][A-Za-z0-9_.:-]*(/[A-Za-z0-9][A-Za-z0-9_.:-]*)*", length=255)
_VDEV: tables.Schema = {
    **by_name(Option("class", enum=zpools.CLASSES), Option("type", enum=tuple(word for word in zpools.LEAST if word))),
    "disks": tables.Many(Option("disks", pattern=rf"{disks.BY_ID}/[A-Za-z0-9._:+@=#\\-]+", required=True)),
}


class Wanted(Value):
    """The section [zfs]; "" for an arc_max that it does not say."""

    arc_max: str  # bytes
    pools: Mapping[str, zfspools.Wanted]
    datasets: Mapping[str, Properties]


class State(Value):
    """What is there."""

    conf: str
    limits: Mapping[str, str]  # what the module has now for MOST and LEAST, "" where there is no module
    memory: int  # bytes
    root_is_zfs: bool
    pools: zfspools.State
    datasets: zfsdatasets.State


def decode(table: Any, faults: Faults) -> Wanted:
    """The section as values."""
    parts = tables.part(table, "zfs", _PARTS, faults)
    arc = tables.decode({"arc_max": _ARC}, "zfs", {key: parts[key] for key in parts if key == "arc_max"}, faults)
    limit = str(zfsproperties.size(arc["arc_max"])) if "arc_max" in arc else ""
    if limit and int(limit) < LEAST_CACHE:
        faults.add("zfs.arc_max", "64M or more", parts["arc_max"])
    pools = {
        name: _pool(f"zfs.pools.{name}", item, faults) for name, item in _named("pools", _POOL, parts, faults).items()
    }
    datasets = {
        name: zfsproperties.decode(zfsproperties.DATASET, f"zfs.datasets.{name}", item, faults)
        for name, item in sorted(_named("datasets", _DATASET, parts, faults).items())
    }
    _check_disks(pools, faults)
    _check_mountpoints(datasets, faults)
    return Wanted(limit, pools, datasets)


def _named(part: str, name: Option, parts: Mapping[str, Any], faults: Faults) -> dict[str, Any]:
    """The tables of a part whose names are right; what is in them is checked by others."""
    table = parts.get(part, {})
    if not isinstance(table, dict):
        faults.add(f"zfs.{part}", f"a table for each name, as [zfs.{part}.NAME]", table)
        return {}
    return {word: table[word] for word in table if tables.many(name, f"zfs.{part}", [word], faults)}


def _pool(key: str, table: Any, faults: Faults) -> zfspools.Wanted:
    parts = tables.part(table, key, ("vdevs", "properties"), faults)
    properties = zfsproperties.decode(zfsproperties.POOL, f"{key}.properties", parts.get("properties", {}), faults)
    vdevs: list[zpools.Vdev] = []
    for place, item in enumerate(tables.listed(_VDEV, f"{key}.vdevs", parts.get("vdevs", []), faults)):
        role, kind, names = item.get("class", ""), item.get("type", ""), item.get("disks", [])
        if len(names) < zpools.LEAST[kind]:
            faults.say(f"{key}.vdevs.{place}.disks", f"a {kind or 'vdev'} needs {zpools.LEAST[kind]} disks or more")
        if kind not in zpools.TYPES.get(role, (kind,)):
            faults.say(f"{key}.vdevs.{place}.type", f"a vdev for {role} cannot be a {kind}")
        groups = [names] if kind else [[name] for name in names]
        vdevs += [zpools.Vdev(role, kind, tuple(group)) for group in groups]
    data = [vdev for vdev in vdevs if not vdev.role]
    if not data:
        faults.say(f"{key}.vdevs", "a pool needs a vdev for data")
    if len({(vdev.type, len(vdev.disks)) for vdev in data}) > 1:
        faults.say(f"{key}.vdevs", "all vdevs for data must be of one type and have as many disks each, as zpool asks")
    return zfspools.Wanted(tuple(vdevs), properties)


def _check_disks(pools: Mapping[str, zfspools.Wanted], faults: Faults) -> None:
    seen: dict[str, str] = {}
    for name, pool in pools.items():
        for disk in (disk for vdev in pool.vdevs for disk in vdev.disks):
            if disk in seen:
                faults.say(f"zfs.pools.{name}.vdevs", f"{disk} is in the pool {seen[disk]} already")
            seen[disk] = name


def _check_mountpoints(datasets: Mapping[str, Properties], faults: Faults) -> None:
    seen: dict[str, str] = {}
    for name, properties in datasets.items():
        path = properties.get("mountpoint", "none")
        if path.startswith("/") and path in seen:
            faults.say(f"zfs.datasets.{name}.mountpoint", f"{path} is the mountpoint of {seen[path]} already")
        seen[path] = name


def observe(host: Host, wanted: Wanted) -> State:
    """What is there; without pools and datasets in the file no program is asked."""
    pools = zfspools.observe(host, wanted.pools, wanted.datasets)
    datasets = zfsdatasets.observe(host, wanted.datasets, wanted.pools, pools.found)
    mounts = (line.split() for line in host.text("/proc/mounts").splitlines())
    root = any(words[1:3] == ["/", "zfs"] for words in mounts)
    memory = host.text("/proc/meminfo").partition("MemTotal:")[2].split()
    return State(
        host.text(CONF),
        {name: host.text(f"{PARAMETERS}/{name}").strip() for name in (MOST, LEAST)},
        int(memory[0]) << 10 if memory else 0,
        root,
        pools,
        datasets,
    )


def plan(wanted: Wanted, state: State, ask: Ask) -> Plan:
    """What is to be done."""
    roots = {name: properties for name, properties in wanted.datasets.items() if name in wanted.pools}
    return join(
        _cache(wanted.arc_max, state),
        *(
            zfsdatasets.root_refused(name, wanted.datasets, state.datasets)
            for name in wanted.pools
            if name not in state.pools.found
        ),
        zfspools.plan(wanted.pools, roots, state.pools, ask),
        zfsdatasets.plan(wanted.datasets, wanted.pools, state.datasets),
    )


def _cache(limit: str, state: State) -> Plan:
    """The limit of the cache: for the next start, and now."""
    if not limit:
        return Plan()
    values = {MOST: limit}
    if int(limit) * LEAST_SHARE <= state.memory:
        values = {LEAST: str(int(limit) - 1), MOST: limit}
    steps: list[Step] = []
    text = f"options zfs {' '.join(f'{name}={value}' for name, value in values.items())}\n"
    if state.conf != text:
        steps.append(write(CONF, text, *((INITRAMFS,) if state.root_is_zfs else ())))
    for name, value in values.items():
        if state.limits[name] not in ("", value):
            steps.append(Step(f"set {name}", (SET, f"{PARAMETERS}/{name}", value)))
    found = state.limits[MOST] or state.conf.strip().rpartition("=")[2]
    return Plan(tuple(steps), (Difference("arc_max", found, limit),) if steps else ())
