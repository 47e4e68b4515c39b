"""Snapshots in a guest's file: sections for them, taken, listed, gone back to and removed."""

from __future__ import annotations

import time

from phoenix.pve.guestconf import GuestConf
from phoenix.rehearsal import cluster
from phoenix.rehearsal.failures import Failure
from phoenix.rehearsal.speech import say

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from phoenix.rehearsal.kinds import Kind
    from phoenix.rehearsal.tree import Tree

_NOT_COPIED = ("digest", "lock", "snapstate", "snaptime", "vmstate")


def check_name(name: str, reserved: Sequence[str]) -> None:
    """Failure if a snapshot may not be called that."""
    if name in reserved:
        raise Failure(f"unable to use snapshot name '{name}' (reserved name)")


def find(conf: GuestConf, name: str, code: int = 255) -> GuestConf:
    """The section of a snapshot; Failure if there is none."""
    if name not in conf.snapshots:
        raise Failure(f"snapshot '{name}' does not exist", code)
    return conf.snapshots[name]


def _copy(source: GuestConf) -> GuestConf:
    section = GuestConf()
    section.options = {
        name: value
        for name, value in source.options.items()
        if name not in _NOT_COPIED and not name.startswith("unused")
    }
    section.raw = list(source.raw)
    return section


def take(tree: Tree, kind: Kind, guest: str, name: str, description: str, work: Callable[[GuestConf], None]) -> None:
    """Take a snapshot: the section first, marked as unfinished, then the volumes by `work`, then the rest.

    The guest's flock is held by the caller. If `work` fails, the section goes again.
    """
    conf = cluster.read(tree, kind, guest)
    if conf.options.get("template") == "1":
        raise Failure("you can't take a snapshot if it's a template")
    cluster.check_lock(kind, conf)
    if name in conf.snapshots:
        raise Failure(f"snapshot name '{name}' already used")
    section = _copy(conf)
    section.description = description + "\n" if description else ""
    section.options["snaptime"] = str(int(time.time()))
    section.options["snapstate"] = "prepare"
    conf.snapshots[name] = section
    conf.options["lock"] = "snapshot"
    cluster.write(tree, kind, guest, conf)
    try:
        work(conf)
    except BaseException:
        conf = cluster.read(tree, kind, guest)
        conf.snapshots.pop(name, None)
        conf.options.pop("lock", None)
        cluster.write(tree, kind, guest, conf)
        raise
    conf = cluster.read(tree, kind, guest)
    conf.snapshots[name].options.pop("snapstate", None)
    conf.options.pop("lock", None)
    conf.options["parent"] = name
    cluster.write(tree, kind, guest, conf)


def go_back(conf: GuestConf, name: str) -> GuestConf:
    """The configuration as it was at a snapshot; descriptions and unused volumes stay as they are."""
    section = find(conf, name)
    if "snapstate" in section.options:
        state = section.options["snapstate"]
        raise Failure(f"unable to rollback to incomplete snapshot (snapstate = {state})")
    back = _copy(section)
    back.description = conf.description
    back.options.update({key: value for key, value in conf.options.items() if key.startswith("unused")})
    back.options["parent"] = name
    back.snapshots = conf.snapshots
    return back


def drop(conf: GuestConf, name: str) -> None:
    """Forget a snapshot; what descended from it now descends from its parent."""
    parent = conf.snapshots.pop(name).options.get("parent", "")
    for section in (conf, *conf.snapshots.values()):
        if section.options.get("parent") == name:
            del section.options["parent"]
            if parent:
                section.options["parent"] = parent


def show(conf: GuestConf) -> None:
    """Print the snapshots as a tree, and where the guest is in it."""
    children: dict[str, list[str]] = {}
    for name, section in conf.snapshots.items():
        parent = section.options.get("parent", "")
        children.setdefault(parent if parent in conf.snapshots else "", []).append(name)
    here = conf.options.get("parent", "")
    here = here if here in conf.snapshots else ""

    def branch(parent: str, depth: int) -> None:
        for name in sorted(children.get(parent, []), key=lambda name: (_time(conf, name), name)):
            moment = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(_time(conf, name)))
            first = conf.snapshots[name].description.partition("\n")[0]
            _line(depth, name, moment, first or "no-description")
            branch(name, depth + 1)
        if parent == here:
            _line(depth, "current", "", "You are here!")

    branch("", 0)


def _time(conf: GuestConf, name: str) -> int:
    text = conf.snapshots[name].options.get("snaptime", "0")
    return int(text) if text.isdigit() else 0


def _line(depth: int, name: str, moment: str, text: str) -> None:
    prefix = " " * depth + "`->"
    say(f"{prefix} {name:<{30 - len(prefix)}} {moment:<23} {text}")
