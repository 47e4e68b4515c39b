"""Paths of the API: what can be read, and which of the other tools' subcommands a change stands for."""

from __future__ import annotations

from phoenix.pve.options import STORAGE, VMID, Command, Option

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Final

GETTERS: Final[Mapping[str, str]] = {
    "/": "answers.children",
    "/access": "answers.children",
    "/access/users": "answers.users",
    "/cluster": "answers.children",
    "/cluster/nextid": "answers.next_id",
    "/cluster/resources": "answers.resources",
    "/cluster/status": "answers.cluster_status",
    "/nodes": "answers.nodes",
    "/nodes/{node}": "answers.children",
    "/nodes/{node}/lxc": "guests.containers",
    "/nodes/{node}/lxc/{vmid}": "answers.children",
    "/nodes/{node}/lxc/{vmid}/config": "guests.container_config",
    "/nodes/{node}/lxc/{vmid}/pending": "guests.container_pending",
    "/nodes/{node}/lxc/{vmid}/snapshot": "guests.container_snapshots",
    "/nodes/{node}/lxc/{vmid}/status/current": "guests.container_status",
    "/nodes/{node}/network": "answers.bridges",
    "/nodes/{node}/qemu": "guests.machines",
    "/nodes/{node}/qemu/{vmid}": "answers.children",
    "/nodes/{node}/qemu/{vmid}/config": "guests.machine_config",
    "/nodes/{node}/qemu/{vmid}/pending": "guests.machine_pending",
    "/nodes/{node}/qemu/{vmid}/snapshot": "guests.machine_snapshots",
    "/nodes/{node}/qemu/{vmid}/status/current": "guests.machine_status",
    "/nodes/{node}/status": "answers.node_status",
    "/nodes/{node}/storage": "stores.node_storages",
    "/nodes/{node}/storage/{storage}/content": "stores.content",
    "/nodes/{node}/storage/{storage}/status": "stores.storage_status",
    "/nodes/{node}/version": "answers.version",
    "/pools": "answers.pool_list",
    "/pools/{poolid}": "answers.pool",
    "/storage": "stores.storage_list",
    "/storage/{storage}": "stores.storage",
    "/version": "answers.version",
}
"""What each path answers, as MODULE.FUNCTION in here."""

GET_OPTIONS: Final[Mapping[str, tuple[Option, ...]]] = {
    "/cluster/nextid": (Option("vmid", "integer", 100, 999999999, format="pve-vmid"),),
    "/cluster/resources": (Option("type", enum=("vm", "storage", "node", "sdn")),),
    "/nodes/{node}/lxc/{vmid}/config": (Option("current", "boolean", default="0"), Option("snapshot", length=40)),
    "/nodes/{node}/qemu/{vmid}/config": (Option("current", "boolean", default="0"), Option("snapshot", length=40)),
    "/nodes/{node}/storage/{storage}/content": (
        Option("content", format="pve-storage-content"),
        Option("vmid", "integer", 100, 999999999, format="pve-vmid"),
    ),
    "/storage": (Option("type"),),
}
"""The options of those that have some."""

_GUEST = "/nodes/{node}/%s/{vmid}"
_OF_GUESTS: Final[Mapping[str, str]] = {
    "create /clone": "clone",
    "create /snapshot": "snapshot",
    "create /snapshot/{snapname}/rollback": "rollback",
    "create /status/reboot": "reboot",
    "create /status/resume": "resume",
    "create /status/shutdown": "shutdown",
    "create /status/start": "start",
    "create /status/stop": "stop",
    "create /status/suspend": "suspend",
    "create /template": "template",
    "delete ": "destroy",
    "delete /snapshot/{snapname}": "delsnapshot",
    "set /config": "set",
    "set /resize": "resize",
}
"""The subcommand that a change of a guest stands for, by method and the rest of the path."""


def _actions() -> dict[str, str]:
    found = {
        "create /nodes/{node}/lxc": "pct create",
        "create /nodes/{node}/qemu": "qm create",
        "create /storage": "pvesm add",
        "delete /storage/{storage}": "pvesm remove",
        "set /storage/{storage}": "pvesm set",
    }
    for tool, kind in (("pct", "lxc"), ("qm", "qemu")):
        for key, name in _OF_GUESTS.items():
            method, _, rest = key.partition(" ")
            subcommand = "disk resize" if tool == "qm" and name == "resize" else name
            found[f"{method} {_GUEST % kind}{rest}"] = f"{tool} {subcommand}"
    return found


ACTIONS: Final[Mapping[str, str]] = _actions()
"""The subcommand of another tool that a method of a path stands for."""

SYNCHRONOUS: Final = ("pct set", "qm set", "pvesm add", "pvesm set", "pvesm remove", "pct template", "qm disk resize")
"""Those that are no task, so that no task's number is printed."""

POOLS: Final[Mapping[str, Command]] = {
    "create /pools": Command((), Option("poolid", format="pve-poolid", required=True), Option("comment")),
    "delete /pools/{poolid}": Command(),
    "set /pools/{poolid}": Command(
        (),
        Option("comment"),
        Option("delete", "boolean"),
        Option("storage", format="pve-storage-id-list"),
        Option("vms", format="pve-vmid-list"),
    ),
}
"""Changes of pools, which no other tool makes."""


def match(path: str, patterns: Mapping[str, object] | set[str]) -> tuple[str, dict[str, str]]:
    """The pattern that a path fits, and what stands for its variables; ("", {}) if there is none."""
    words = [word for word in path.split("/") if word]
    for pattern in patterns:
        parts = [part for part in pattern.split("/") if part]
        if len(parts) != len(words):
            continue
        if all(part == word or part.startswith("{") for part, word in zip(parts, words)):
            found = {part[1:-1]: word for part, word in zip(parts, words) if part.startswith("{")}
            return pattern, found
    return "", {}


def action(method: str, path: str) -> tuple[str, dict[str, str]]:
    """The change that a method of a path stands for, as METHOD PATTERN, and the path's variables."""
    wanted = {key.partition(" ")[2] for key in (*ACTIONS, *POOLS) if key.startswith(method + " ")}
    pattern, variables = match(path, wanted)
    return (f"{method} {pattern}", variables) if pattern else ("", {})


def extended(name: str, command: Command, words: list[str]) -> Command:
    """The subcommand of pvesh with the options of the path that `words` begin with."""
    path = next((word for word in words if not word.startswith("-")), "")
    if name == "get":
        pattern = match(path, GETTERS)[0]
        return Command(command.positional, *command.options.values(), *GET_OPTIONS.get(pattern, ()))
    key, variables = action(name, path)
    if key in POOLS:
        return Command(command.positional, *POOLS[key].options.values(), *command.options.values())
    if key not in ACTIONS:
        return command
    tool, _, subcommand = ACTIONS[key].partition(" ")
    table = __import__(f"phoenix.pve.tables.{tool}", fromlist=["COMMANDS"])
    target: Command = table.COMMANDS[subcommand]
    own = [option for option in target.positional if option.name not in variables]
    return Command(command.positional, *own, *target.options.values(), *command.options.values())


VARIABLES: Final[Mapping[str, Option]] = {
    "vmid": VMID,
    "storage": STORAGE,
    "snapname": Option("snapname", format="pve-configid", length=40, required=True),
    "poolid": Option("poolid", format="pve-poolid", required=True),
}
"""What may stand for the variables of a path."""
