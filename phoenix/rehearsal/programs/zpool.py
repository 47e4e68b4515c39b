"""`zpool`: makes pools, adds to them, imports them, and tells of them. By zpool(8) of OpenZFS 2.2."""

from __future__ import annotations

import os

from phoenix.rehearsal import blockdevices, locks, speech, zpools
from phoenix.rehearsal.failures import Failure, WrongUsage

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any, Final

    from phoenix.rehearsal.tree import Tree

    Vdevs = list[list[Any]]  # class, type, paths

CLASSES: Final = ("log", "cache", "special", "dedup", "spare")
_HEADINGS: Final = {"log": "logs", "spare": "spares"}
_ONCE: Final = ("log", "cache", "spare")
_TYPES: Final = ("mirror", "raidz1", "raidz2", "raidz3")


def run(tree: Tree, words: list[str]) -> int:
    """Take create, add, import, status -P, get -Hp and set."""
    verb = VERBS.get(words[0]) if words else None
    if verb is None:
        raise WrongUsage("missing command" if not words else f"unrecognized command '{words[0]}'")
    with locks.cluster(tree):
        return verb(tree, words[1:])


def create(tree: Tree, words: list[str]) -> int:
    """Make a pool; refused for a name that is there, and for disks that have something on them."""
    properties, words = zpools.pairs(words, "-o")
    dataset, words = zpools.pairs(words, "-O")
    name, vdevs = words[0], _vdevs(words[1:])
    state = zpools.load(tree)
    if name in state["pools"] and not state["pools"][name]["exported"]:
        raise Failure(f"cannot create '{name}': pool already exists", 1)
    place = dataset.get("mountpoint", f"/{name}")
    if place.startswith("/") and os.path.isdir(tree(place)) and os.listdir(tree(place)):
        raise Failure(
            f"mountpoint '{place}' exists and is not empty\nuse '-m' option to provide a different default", 1
        )
    _take(tree, state, name, vdevs)
    state["pools"][name] = {"vdevs": vdevs, "properties": properties, "exported": False}
    state["datasets"][name] = {"type": zpools.FILESYSTEM, "set": dataset}
    zpools.save(tree, state)
    if dataset.get("canmount", "on") == "on":
        zpools.mount(tree, state, name)
    return 0


def add(tree: Tree, words: list[str]) -> int:
    """Add vdevs to a pool."""
    state = zpools.load(tree)
    pool, vdevs = _pool(state, words[0]), _vdevs(words[1:])
    types = {(kind, len(paths)) for role, kind, paths in (*pool["vdevs"], *vdevs) if not role}
    if len(types) > 1:
        raise Failure(
            "invalid vdev specification\nuse '-f' to override the following errors:\nmismatched replication level", 1
        )
    _take(tree, state, words[0], vdevs)
    pool["vdevs"] += vdevs
    zpools.save(tree, state)
    return 0


def _pool(state: dict[str, Any], name: str) -> dict[str, Any]:
    pool: dict[str, Any] = state["pools"].get(name, {"exported": True})
    if pool["exported"]:
        raise Failure(f"cannot open '{name}': no such pool", 1)
    return pool


def _vdevs(words: list[str]) -> Vdevs:
    """The vdevs of a command line."""
    found: Vdevs = []
    seen = []
    role = kind = ""
    for word in words:
        if word in CLASSES:
            if word in seen and word in _ONCE:
                raise Failure(f"invalid vdev specification: '{word}' can be specified only once", 1)
            role, kind = word, ""
            seen.append(word)
        elif word in _TYPES:
            kind = word
            found.append([role, kind, []])
        elif kind:
            found[-1][2].append(word)
        else:
            found.append([role, "", [word]])
    return found


def _take(tree: Tree, state: dict[str, Any], pool: str, vdevs: Vdevs) -> None:
    """Make disks members of a pool: each gets a table with one partition for data, and a small one."""
    devices = [(path, blockdevices.find(tree, path)) for _, _, paths in vdevs for path in paths]
    for path, device in devices:
        if not device:
            raise Failure(f"cannot resolve path '{path}'", 1)
        _check_free(tree, state, path, device)
    for _, device in devices:
        blockdevices.put(tree, device, ["gpt"])
        blockdevices.add_part(tree, device, "1", [f"zfs_member {pool}"])
        blockdevices.add_part(tree, device, "9", [])


def _check_free(tree: Tree, state: dict[str, Any], path: str, device: str) -> None:
    first = "invalid vdev specification\nuse '-f' to override the following errors:"
    for name in (device, *blockdevices.parts(tree, device)):
        if blockdevices.is_mounted(tree, name):
            raise Failure(f"{first}\n/dev/{name} is in use and contains a unknown filesystem.", 1)
        for kind, label in blockdevices.content(tree, name):
            if kind == "zfs_member":
                exported = state["pools"].get(label, {"exported": True})["exported"]
                raise Failure(
                    f"{first}\n/dev/{name} is part of {'exported' if exported else 'active'} pool '{label}'", 1
                )
            if kind not in blockdevices.TABLES:
                raise Failure(f"{first}\n/dev/{name} contains a filesystem of type '{kind}'", 1)
    if blockdevices.content(tree, device) and not blockdevices.parts(tree, device):
        raise Failure(
            f"{first}\n{path} does not contain an EFI label but it may contain partition\ninformation in the MBR.", 1
        )


def import_pool(tree: Tree, words: list[str]) -> int:
    """Import a pool, or without a name tell of those that can be."""
    _, words = zpools.pairs(words, "-d")
    state = zpools.load(tree)
    exported = {name: pool for name, pool in state["pools"].items() if pool["exported"] and _is_left(tree, name, pool)}
    if not words:
        if not exported:
            speech.complain("no pools available to import")
            return 1
        for number, (name, pool) in enumerate(exported.items()):
            speech.say(f"   pool: {name}\n     id: {1000 + number}\n  state: ONLINE\nconfig:\n")
            speech.say("\n".join(_lines(tree, name, pool, full=False)) + "\n")
        return 0
    if words[0] not in exported:
        raise Failure(f"cannot import '{words[0]}': no such pool available", 1)
    exported[words[0]]["exported"] = False
    zpools.save(tree, state)
    for name in sorted(state["datasets"]):
        if name.partition("/")[0] == words[0] and zpools.value(state, name, "canmount")[0] == "on":
            zpools.mount(tree, state, name)
    return 0


def _is_left(tree: Tree, name: str, pool: dict[str, Any]) -> bool:
    """Whether any disk still has the label of a pool."""
    return any(_has_label(tree, path, name) for _, _, paths in pool["vdevs"] for path in paths)


def status(tree: Tree, words: list[str]) -> int:
    """Take `-P`: the pools with the whole paths of their disks."""
    if words != ["-P"]:
        raise WrongUsage("invalid option")
    pools = {name: pool for name, pool in zpools.load(tree)["pools"].items() if not pool["exported"]}
    if not pools:
        speech.say("no pools available")
    for name, pool in pools.items():
        speech.say(f"  pool: {name}\n state: ONLINE\nconfig:\n")
        speech.say("\tNAME        STATE     READ WRITE CKSUM\n" + "\n".join(_lines(tree, name, pool, full=True)))
        speech.say("\nerrors: No known data errors\n")
    return 0


def _lines(tree: Tree, name: str, pool: dict[str, Any], *, full: bool) -> Iterator[str]:
    """The configuration of a pool."""
    numbers = "     0     0     0" if full else ""
    yield f"\t{name}  ONLINE{numbers}"
    for role in ("", *CLASSES):
        mine = [(kind, paths) for found, kind, paths in pool["vdevs"] if found == role]
        if role and mine:
            yield f"\t{_HEADINGS.get(role, role)}"
        for number, (kind, paths) in enumerate(mine):
            if kind:
                yield f"\t  {kind}-{number}  ONLINE{numbers}"
            for path in paths:
                state = "AVAIL" if role == "spare" else f"ONLINE{numbers}"
                if not _has_label(tree, path, name):
                    state = f"UNAVAIL{numbers}  cannot open"
                yield f"\t{'    ' if kind else '  '}{_shown(tree, path, full=full)}  {state}"


def _has_label(tree: Tree, path: str, pool: str) -> bool:
    """Whether a disk has the label of a pool, on itself or its partitions."""
    device = blockdevices.find(tree, path)
    names = (device, *blockdevices.parts(tree, device)) if device else ()
    return any(("zfs_member", pool) in blockdevices.content(tree, name) for name in names)


def _shown(tree: Tree, path: str, *, full: bool) -> str:
    """A disk as zpool names it: by its first partition if it has the whole disk, and without folders unless asked."""
    whole = blockdevices.find(tree, path)
    if full:
        return f"{path}-part1" if whole and not tree.read(f"{blockdevices.BLOCK}/{whole}/partition") else path
    return os.path.basename(path)


def get(tree: Tree, words: list[str]) -> int:
    """Take `-Hp PROPERTIES POOL`."""
    if len(words) != 3 or words[0] != "-Hp":
        raise WrongUsage("missing property argument")
    properties = _pool(zpools.load(tree), words[2])["properties"]
    for word in words[1].split(","):
        if word not in zpools.POOL_DEFAULTS:
            raise Failure(f"bad property list: invalid property '{word}'", 2)
        source = "local" if word in properties else "default"
        speech.say(f"{words[2]}\t{word}\t{properties.get(word, zpools.POOL_DEFAULTS[word])}\t{source}")
    return 0


def change(tree: Tree, words: list[str]) -> int:
    """Take `NAME=VALUE POOL`."""
    state = zpools.load(tree)
    name, _, value = words[0].partition("=")
    if name not in zpools.POOL_DEFAULTS:
        raise Failure(f"cannot set property for '{words[1]}': invalid property '{name}'", 1)
    _pool(state, words[1])["properties"][name] = value
    zpools.save(tree, state)
    return 0


VERBS: Final = {
    "create": create, "add": add, "import": import_pool, "status": status, "get": get, "set": change
}  # fmt: skip
