"""Datasets of a node: which are there, where they are mounted, and the plan to what the file declares."""

from __future__ import annotations

from phoenix.errors import NotReady
from phoenix.host import zfsproperties
from phoenix.host.aspect import Difference, Obstacle, Plan, Step, join
from phoenix.host.zfspools import properties_plan
from phoenix.value import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Mapping
    from typing import Final

    from phoenix.host.host import Host

    Properties = Mapping[str, str]

_ALWAYS: Final = ("canmount", "mounted", "mountpoint", "type")
FILESYSTEM, VOLUME = "filesystem", "volume"


class State(Value):
    """What is there.

    `own` are the datasets with a mountpoint that is not inherited; `taken` says why nothing can be mounted at a
    folder, for each one that is wanted.
    """

    found: Mapping[str, Properties]
    own: frozenset[str]
    taken: Mapping[str, str]


def observe(host: Host, wanted: Mapping[str, Properties], declared: Iterable[str], pools: Container[str]) -> State:
    """What is there: of all datasets of the pools what they are, and the properties that the file has."""
    present = sorted({name.partition("/")[0] for name in wanted if name.partition("/")[0] in pools})
    asked = sorted({*_ALWAYS, *(word for properties in wanted.values() for word in properties)})
    found: dict[str, dict[str, str]] = {}
    own = set()
    if present:
        argv = ("zfs", "get", "-Hp", "-r", "-t", "filesystem,volume", "-o", "name,property,value,source")
        for line in host.output(*argv, ",".join(asked), *present).splitlines():
            words = line.split("\t")
            if len(words) == 4:
                found.setdefault(words[0], {})[words[1]] = words[2]
                if words[1] == "mountpoint" and words[3] in ("local", "received"):
                    own.add(words[0])
    for name, properties in found.items():
        if not properties.keys() >= {*_ALWAYS} or (properties["type"] == VOLUME and not _size(properties).isdigit()):
            raise NotReady(f"`zfs get` told what cannot be read of {name}", f"zfs get -Hp {','.join(asked)} {name}")
    places = {mountpoint(name, wanted, found, own) for name in {*wanted, *declared}}
    return State(found, frozenset(own), {path: taken(host, path) for path in places if path.startswith("/")})


def mountpoint(
    name: str, wanted: Mapping[str, Properties], found: Mapping[str, Properties], own: Container[str]
) -> str:
    """Where a dataset is to be mounted: as it is declared, as it is set, or below the one that it is in."""
    declared = wanted.get(name, {}).get("mountpoint")
    if declared:
        return declared
    if name in own:
        return found[name]["mountpoint"]
    above, _, last = name.rpartition("/")
    if not above:
        return f"/{name}"
    base = mountpoint(above, wanted, found, own)
    return f"{base.rstrip('/')}/{last}" if base.startswith("/") else base


def taken(host: Host, path: str) -> str:
    """Why nothing can be mounted at a folder, "" if it can."""
    if path in host.mounts():
        return f"{host.mounts()[path]} is mounted there"
    if host.exists(path) and not host.is_folder(path):
        return "it is no folder"
    names = host.names(path)
    return f"it is not empty: {', '.join(names[:5])}{', ...' if len(names) > 5 else ''}" if names else ""


def plan(wanted: Mapping[str, Properties], declared: Container[str], state: State) -> Plan:
    """What is to be done, for a dataset after the one that it is in; `declared` are the pools that are to be there."""
    plans = []
    for name, properties in wanted.items():
        above = name.rpartition("/")[0]
        if name in state.found:
            plans.append(_changed(name, properties, wanted, state))
        elif not above and name not in declared:
            why = f"zfs.datasets.{name}: there is no pool {name}"
            plans.append(Plan(missing=(Obstacle(why, f"declare it as well: [zfs.pools.{name}]; zpool import"),)))
        elif above and not any(above in known for known in (state.found, wanted, declared)):
            why = f"zfs.datasets.{name}: there is no {above}"
            plans.append(Plan(missing=(Obstacle(why, f'declare it as well: [zfs.datasets."{above}"]; zfs list'),)))
        elif above:
            plans.append(_made(name, properties, wanted, state))
    return join(*plans)


def root_refused(pool: str, wanted: Mapping[str, Properties], state: State) -> Plan:
    """Refused if the dataset that a new pool itself is would be mounted over something."""
    mounted = wanted.get(pool, {}).get("canmount", "on") == "on"
    return _free(pool, mountpoint(pool, wanted, {}, ()), state) if mounted else Plan()


def _kind(properties: Properties) -> str:
    return VOLUME if "volsize" in properties else FILESYSTEM


def _size(found: Properties) -> str:
    """The bytes of a volume, 0 if nobody asked."""
    return found.get("volsize", "0")


def _free(name: str, path: str, state: State) -> Plan:
    """Refused if a dataset would be mounted over something."""
    why = state.taken.get(path, "")
    if not why:
        return Plan()
    hint = f"ls -la {path}; findmnt {path}; move away what is there, or declare another mountpoint"
    return Plan(refused=(Obstacle(f"zfs.datasets.{name}: cannot be mounted at {path}: {why}", hint),))


def _made(name: str, properties: Properties, wanted: Mapping[str, Properties], state: State) -> Plan:
    """The plan for a dataset that is not there."""
    volume = properties.get("volsize", "")
    rest = {word: text for word, text in properties.items() if word != "volsize"}
    words = [*zfsproperties.assignments(rest, "-o"), *(["-V", volume] if volume else []), name]
    shown = " ".join(f"{word}={text}" for word, text in properties.items())
    plan = Plan(
        (Step(f"dataset {name}", ("zfs", "create", *words)),), (Difference(f"datasets.{name}", "", shown or "there"),)
    )
    path = mountpoint(name, wanted, state.found, state.own)
    mounted = not volume and properties.get("canmount", "on") == "on"
    refused = _free(name, path, state) if mounted else Plan()
    return refused if refused.refused else plan


def _changed(name: str, properties: Properties, wanted: Mapping[str, Properties], state: State) -> Plan:
    """The plan for a dataset that is there."""
    found = state.found[name]
    if found["type"] != _kind(properties):
        why = f"zfs.datasets.{name}: it is a {found['type']}, and the file declares a {_kind(properties)}"
        return Plan(refused=(Obstacle(why, f"zfs list -t all -r {name}; give the new one another name"),))
    size = zfsproperties.number("volsize", properties.get("volsize", "0"))
    if found["type"] == VOLUME and int(size) < int(_size(found)):
        why = f"zfs.datasets.{name}.volsize: it has {found['volsize']} bytes, the file {properties['volsize']}"
        return Plan(refused=(Obstacle(why, "a volume never shrinks; write what is there into the file"),))
    path = mountpoint(name, wanted, state.found, state.own)
    mounted = properties.get("canmount", found["canmount"]) == "on" and found["type"] == FILESYSTEM
    if mounted and (found["mounted"] != "yes" or path != found["mountpoint"]):
        refused = _free(name, path, state)
        if refused.refused:
            return refused
    changes = properties_plan("zfs", f"zfs.datasets.{name}", name, properties, found)
    if mounted and path.startswith("/") and found["mounted"] != "yes":
        step = Step(f"mount {name}", ("zfs", "mount", name))
        return join(changes, Plan((step,), (Difference(f"datasets.{name}", "not mounted", path),)))
    return changes
