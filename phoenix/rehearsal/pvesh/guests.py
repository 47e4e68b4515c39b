"""Answers of the API about guests: their figures, configurations and snapshots."""

from __future__ import annotations

import os

from phoenix.pve import formats, options
from phoenix.rehearsal import cluster, haconfig
from phoenix.rehearsal.failures import Failure
from phoenix.rehearsal.kinds import CT, VM
from phoenix.rehearsal.pct import show as containers_show
from phoenix.rehearsal.qm import show as machines_show

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from phoenix.pve.guestconf import GuestConf
    from phoenix.pve.options import Option
    from phoenix.rehearsal.kinds import Kind
    from phoenix.rehearsal.tree import Tree


def all_of(tree: Tree, kind: Kind) -> list[str]:
    """The guests of this node, by number."""
    folder = tree(f"/etc/pve/nodes/{tree.name}/{kind.folder}")
    return sorted((name[:-5] for name in os.listdir(folder) if name.endswith(".conf")), key=int)


def check(tree: Tree, pattern: str, given: dict[str, str]) -> None:
    """Failure if the guest is not there of which an index is asked for; that of a machine is not looked at."""
    if pattern.startswith("/nodes/{node}/lxc/"):
        cluster.read(tree, CT, given["vmid"])


def _numbers(figures: dict[str, str]) -> dict[str, Any]:
    """Figures as the API has them: numbers as numbers."""
    found: dict[str, Any] = {"cpu": 0}
    for name, value in figures.items():
        number = formats.number(value) if name not in ("name", "tags") else None
        found[name] = value if number is None else int(number) if number == int(number) else number
    return found


def container(tree: Tree, guest: str) -> dict[str, Any]:
    """The figures of a container."""
    return _numbers(containers_show.figures(tree, guest, cluster.read(tree, CT, guest)))


def machine(tree: Tree, guest: str) -> dict[str, Any]:
    """The figures of a machine."""
    return _numbers(machines_show.figures(tree, guest, cluster.read(tree, VM, guest)))


def containers(tree: Tree, _: dict[str, str]) -> Any:
    """The containers of the node."""
    return [container(tree, guest) for guest in all_of(tree, CT)]


def machines(tree: Tree, _: dict[str, str]) -> Any:
    """The machines of the node."""
    found = [machine(tree, guest) for guest in all_of(tree, VM)]
    for row in found:
        del row["qmpstatus"]
    return found


def container_status(tree: Tree, given: dict[str, str]) -> Any:
    """The state of a container."""
    return {**container(tree, given["vmid"]), "ha": _managed(tree, "ct", given["vmid"])}


def machine_status(tree: Tree, given: dict[str, str]) -> Any:
    """The state of a machine."""
    return {**machine(tree, given["vmid"]), "ha": _managed(tree, "vm", given["vmid"])}


def _managed(tree: Tree, word: str, guest: str) -> dict[str, Any]:
    entry = haconfig.read(tree).get(f"{word}:{guest}")
    if entry is None or entry.get("state") == "ignored":
        return {"managed": 0}
    return {"managed": 1, **{key: entry[key] for key in ("group", "state") if key in entry}}


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
        found[name] = _typed(table, name, value)
    if conf.description:
        found["description"] = conf.description if kind is CT else conf.description[:-1]
    return found


def _typed(table: Mapping[str, Option], name: str, value: str) -> Any:
    """A value as the API has it: only what is a whole number is one."""
    option = options.lookup(table, name)
    number = formats.integer(value) if option is not None and option.type in ("boolean", "integer") else None
    return value if number is None else number


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
    conf, table, rows = cluster.read(tree, kind, guest), kind.options(), []
    now: dict[str, Any] = {name: _typed(table, name, value) for name, value in conf.options.items()}
    if conf.description:
        now["description"] = conf.description if kind is CT else conf.description[:-1]
    now["digest"] = cluster.digest(tree, kind, guest)
    delete = {name.lstrip("!"): 2 if name.startswith("!") else 1 for name in conf.delete}
    for name in sorted({*now, *conf.pending, *delete}):
        row: dict[str, Any] = {"key": name}
        if name in now:
            row["value"] = _hidden(name, now[name])
        if name in conf.pending:
            row["pending"] = _hidden(name, _typed(table, name, conf.pending[name]))
        if name in delete:
            row["delete"] = delete[name]
        rows.append(row)
    return rows


def _hidden(name: str, value: Any) -> Any:
    return machines_show.without_secrets({name: value})[name]


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
    return _snapshots(tree, CT, guest, container(tree, guest)["status"] == "running")


def machine_snapshots(tree: Tree, given: dict[str, str]) -> Any:
    """The snapshots of a machine."""
    guest = given["vmid"]
    return _snapshots(tree, VM, guest, machine(tree, guest)["status"] == "running")


def _snapshot(tree: Tree, kind: Kind, given: dict[str, str]) -> dict[str, Any]:
    """The section of a snapshot, as it is in the file."""
    conf = cluster.read(tree, kind, given["vmid"])
    if given["snapname"] not in conf.snapshots:
        raise Failure(f"snapshot '{given['snapname']}' does not exist")
    section, table = conf.snapshots[given["snapname"]], kind.options()
    found: dict[str, Any] = {name: _typed(table, name, value) for name, value in section.options.items()}
    if "snaptime" in found:
        found["snaptime"] = int(found["snaptime"])
    if section.description:
        found["description"] = section.description if kind is CT else section.description[:-1]
    return found


def container_snapshot(tree: Tree, given: dict[str, str]) -> Any:
    """A snapshot of a container."""
    return _snapshot(tree, CT, given)


def machine_snapshot(tree: Tree, given: dict[str, str]) -> Any:
    """A snapshot of a machine."""
    return machines_show.without_secrets(_snapshot(tree, VM, given))
