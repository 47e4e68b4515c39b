"""Pools of a node: which are there, imported or not, and the plan to what the file declares."""

from __future__ import annotations

from phoenix.errors import NotReady
from phoenix.host import disks, zfsproperties, zpools
from phoenix.host.aspect import Ask, Difference, Obstacle, Plan, Step, join
from phoenix.text import last_line
from phoenix.value import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Union

    from phoenix.host.disks import Disk
    from phoenix.host.host import Host
    from phoenix.host.zpools import Pool, Vdev

    Properties = Mapping[str, str]
    Asked = Union[str, bool]


class Wanted(Value):
    """One pool as the file declares it."""

    vdevs: tuple[Vdev, ...]
    properties: Properties


class State(Value):
    """What is there; disks of pools are called by the kernel's names.

    `disks` are those that no pool has in the place that the file gives them.
    """

    zpool: bool  # whether there is ZFS at all
    found: Mapping[str, Pool]
    importable: tuple[Pool, ...]
    properties: Mapping[str, Properties]
    kernel: Mapping[str, str]  # of each declared disk, the name that it has in pools
    disks: Mapping[str, Disk]


def observe(host: Host, wanted: Mapping[str, Wanted], datasets: Iterable[str]) -> State:
    """What is there."""
    if not host.has("zpool") or not (wanted or list(datasets)):
        return State(host.has("zpool"), {}, (), {}, {}, {})
    found = {pool.name: pool for pool in _told(host, "zpool", "status", "-P")}
    kernel = {disk: disks.whole(host, disk) for pool in wanted.values() for vdev in pool.vdevs for disk in vdev.disks}
    free = [
        disk
        for name, pool in wanted.items()
        for vdev in pool.vdevs
        if name not in found or _called(vdev, kernel) not in found[name].vdevs
        for disk in vdev.disks
    ]
    others = _told(host, "zpool", "import") if free or any(name not in found for name in wanted) else []
    looked = disks.look(host, free, _members(found.values()), _members(others))
    properties = {name: _properties(host, name, wanted[name].properties) for name in wanted if name in found}
    return State(True, found, tuple(others), properties, kernel, looked)


def _members(pools: Iterable[Pool]) -> dict[str, str]:
    """The pool of each disk."""
    return {disk: pool.name for pool in pools for disk in pool.disks()}


def _told(host: Host, *argv: str) -> list[Pool]:
    """The pools that a command tells of. It may end with 1 where there is none."""
    status, said, talk = host.run(*argv)
    if status and (talk.strip() not in ("", "no pools available to import") or status != 1):
        raise NotReady(f"`{' '.join(argv)}` ended with {status}: {last_line(talk or said)}", "modprobe zfs; zpool list")
    return [zpools.named(pool, lambda path: disks.whole(host, path)) for pool in zpools.parse(said)]


def _properties(host: Host, pool: str, wanted: Properties) -> Properties:
    if not wanted:
        return {}
    text = host.output("zpool", "get", "-Hp", ",".join(wanted), pool)
    return {words[1]: words[2] for words in (line.split("\t") for line in text.splitlines()) if len(words) > 2}


def _called(vdev: Vdev, kernel: Mapping[str, str]) -> Vdev:
    """A declared vdev with the names that its disks have in pools."""
    return vdev.but(disks=tuple(sorted(kernel[disk] for disk in vdev.disks)))


def plan(wanted: Mapping[str, Wanted], roots: Mapping[str, Properties], state: State, ask: Ask) -> Plan:
    """What is to be done; `roots` are the properties of the datasets that pools themselves are."""
    if not state.zpool:
        why = "zfs: zpool is not installed"
        return Plan(missing=(Obstacle(why, "apt-get install zfsutils-linux"),)) if wanted else Plan()
    plans = [_wipes(wanted, ask), _twice(state)]
    for name, pool in wanted.items():
        if name in state.found:
            plans += [_extended(name, pool, state, ask), _set(name, pool, state)]
        else:
            plans.append(_made(name, pool, roots.get(name, {}), state, ask))
    return join(*plans)


def _refused(why: str, hint: str) -> Plan:
    return Plan(refused=(Obstacle(why, hint),))


def _wipes(wanted: Mapping[str, Wanted], ask: Ask) -> Plan:
    """Refused if the command line names a disk that the file does not."""
    known = [disk for pool in wanted.values() for vdev in pool.vdevs for disk in vdev.disks]
    strange = [disk for disk in ask.wipe if disk not in known]
    if not strange:
        return Plan()
    why = f"--wipe={','.join(strange)}: no vdev of the file has a disk of that name"
    return _refused(why, f"a disk is wiped to become part of a pool: {' '.join(known) or '[zfs.pools.NAME]'}")


def _twice(state: State) -> Plan:
    """Refused if two names in the file are one disk."""
    seen: dict[str, str] = {}
    plans = []
    for disk, kernel in state.kernel.items():
        if kernel in seen:
            plans.append(_refused(f"zfs.pools: {disk} and {seen[kernel]} are one disk, {kernel}", _look(disk)))
        seen[kernel] = disk
    return join(*plans)


def _look(disk: str) -> str:
    return f"ls -l {disks.BY_ID}; lsblk; wipefs {disk}"


def _made(name: str, pool: Wanted, root: Properties, state: State, ask: Ask) -> Plan:
    """The plan for a pool that is not there: it is imported if it is just the one that is declared, or made."""
    others = [other for other in state.importable if other.name == name]
    missing = [
        disk for vdev in pool.vdevs for disk in vdev.disks if disk in state.disks and not state.disks[disk].device
    ]
    shown = " ".join(str(vdev) for vdev in pool.vdevs)
    differs = Plan(differences=(Difference(f"pools.{name}", "exported" if others else "", shown),))
    if others:
        if len(others) == 1 and set(others[0].vdevs) == {_called(vdev, state.kernel) for vdev in pool.vdevs}:
            argv = ("zpool", "import", "-d", disks.BY_ID, name)
            return join(differs, Plan((Step(f"pool {name}", argv, hint="zpool import"),)))
        there = "; ".join(f"{other.number}: {' '.join(map(str, other.vdevs))}" for other in others)
        why = f"zfs.pools.{name}: a pool of that name can be imported, and is not as declared: {there}"
        return join(differs, _refused(why, f"zpool import; zpool import {name}, or give the new one another name"))
    if missing:
        why = f"zfs.pools.{name}: there is no disk {', '.join(missing)}"
        return join(differs, Plan(missing=(Obstacle(why, f"ls -l {disks.BY_ID}"),)))
    options = [*zfsproperties.assignments(pool.properties, "-o"), *zfsproperties.assignments(root, "-O")]
    step = Step(
        f"pool {name}",
        ("zpool", "create", *options, name, *zpools.words(pool.vdevs)),
        hint=f"zpool status {name}; zpool import",
    )
    return join(differs, _ready(name, pool.vdevs, state, ask, step))


def _extended(name: str, pool: Wanted, state: State, ask: Ask) -> Plan:
    """The plan for a pool that is there: a vdev that it lacks is added, if nothing else differs."""
    found = state.found[name].vdevs
    lacking = [vdev for vdev in pool.vdevs if _called(vdev, state.kernel) not in found]
    declared = [_called(vdev, state.kernel) for vdev in pool.vdevs]
    strange = [vdev for vdev in found if vdev not in declared]
    kept = [vdev for vdev in strange if vdev.role in zpools.KEEPING]
    used = {disk for vdev in strange for disk in vdev.disks} & {state.kernel[d] for v in lacking for d in v.disks}
    if kept or used:
        wanted = "; ".join(map(str, declared))
        why = f"zfs.pools.{name}: the pool is made of {'; '.join(map(str, found))}, and the file declares {wanted}"
        hint = f"Phoenix adds vdevs, and never attaches, replaces or removes; zpool status -P {name}; correct the file"
        return _refused(why, hint)
    missing = [disk for vdev in lacking for disk in vdev.disks if not state.disks[disk].device]
    if missing:
        why = f"zfs.pools.{name}: there is no disk {', '.join(missing)}"
        return Plan(missing=(Obstacle(why, f"ls -l {disks.BY_ID}"),))
    plans = []
    for vdev in lacking:
        step = Step(f"add {vdev} to {name}", ("zpool", "add", name, *zpools.words([vdev])), hint=f"zpool status {name}")
        plans += [
            Plan(differences=(Difference(f"pools.{name}", "", str(vdev)),)),
            _ready(name, [vdev], state, ask, step),
        ]
    return join(*plans)


def _ready(name: str, vdevs: Iterable[Vdev], state: State, ask: Ask, step: Step) -> Plan:
    """The plan that makes disks ready for a step, and the step: refused for every disk that must not be touched."""
    looked = [state.disks[disk] for vdev in vdevs for disk in vdev.disks]
    refused = [Obstacle(f"zfs.pools.{name}: {why}", _look(disk.name)) for disk in looked for why in in_the_way(disk)]
    full = [disk for disk in looked if (disk.content or disk.pool) and not disk.users and not disk.partition]
    refused += [_full(name, disk) for disk in full if disk.name not in ask.wipe]
    if refused:
        return Plan(refused=tuple(refused))
    return Plan((*(_wipe(disk) for disk in full), step))


def _wipe(disk: Disk) -> Step:
    """What takes the content of a disk away; what zpool finds of a pool can be left by wipefs."""
    if disk.content:
        return Step(f"wipe {disk.name}", ("wipefs", "--all", *disk.parts, disk.name), hint=_look(disk.name))
    return Step(f"clear {disk.name}", ("zpool", "labelclear", "-f", disk.name), hint=_look(disk.name))


def in_the_way(disk: Disk) -> list[str]:
    """Why a disk must not be touched, whatever the command line says."""
    if disk.partition:
        return [f"{disk.name} is a partition ({disk.device}), not a whole disk"]
    return [f"{disk.name} ({disk.device}) is in use: {'; '.join(disk.users)}"] if disk.users else []


def _full(name: str, disk: Disk) -> Obstacle:
    found = [*disk.content, *([f"part of the pool {disk.pool}, which can be imported"] if disk.pool else [])]
    why = f"zfs.pools.{name}: {disk.name} ({disk.device}) is not empty: {', '.join(found)}"
    hint = f"{_look(disk.name)}; if all of it may be lost: phoenix.pyz setup --wipe={disk.name}"
    return Obstacle(why, hint)


def _set(name: str, pool: Wanted, state: State) -> Plan:
    """The plan for a pool's properties."""
    found = state.properties.get(name, {})
    return properties_plan("zpool", f"zfs.pools.{name}.properties", name, pool.properties, found)


def properties_plan(tool: str, key: str, name: str, wanted: Properties, found: Properties) -> Plan:
    """The plan for properties of a pool or a dataset: set, or refused where they were decided for good."""
    plans = []
    for word, text in wanted.items():
        was = found.get(word, "")
        if zfsproperties.is_same(word, text, was):
            continue
        if word in zfsproperties.FIXED:
            why = f"{key}.{word}: {name} has {was}, the file {text}, and that was decided when it was made"
            plans.append(_refused(why, f"write what is there into the file; {tool} get {word} {name}"))
            continue
        step = Step(f"{word} of {name}", (tool, "set", f"{word}={text}", name))
        plans.append(Plan((step,), (Difference(f"{key}.{word}".partition(".")[2], was, text),)))
    return join(*plans)
