"""Answers of the API about guests: their figures, configurations and snapshots."""

from __future__ import annotations

import os

from phoenix.pve import formats, options
from phoenix.rehearsal import cluster
from phoenix.rehearsal.failures import Failure
from phoenix.rehearsal.kinds import CT, VM
from phoenix.rehearsal.pct import show as containers_show
from phoenix.rehearsal.qm import show as machines_show

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from phoenix.pve.guestconf import GuestConf
    from phoenix.rehearsal.kinds import Kind
    from phoenix.rehearsal.tree import Tree


def all_of(tree: Tree, kind: Kind) -> list[str]:
    """The guests of this node, by number."""
    folder = tree(f"/etc/pve/nodes/{tree.name}/{kind.folder}")
    return sorted((name[:-5] for name in os.listdir(folder) if name.endswith(".conf")), key=int)


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
    return _snapshots(tree, CT, guest, container(tree, guest)["status"] == "running")


def machine_snapshots(tree: Tree, given: dict[str, str]) -> Any:
    """The snapshots of a machine."""
    guest = given["vmid"]
    return _snapshots(tree, VM, guest, machine(tree, guest)["status"] == "running")
