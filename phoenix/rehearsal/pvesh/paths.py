"""Paths of the API: what can be read, and which of the other tools' subcommands a change stands for."""

from __future__ import annotations

from phoenix.pve.options import STORAGE, VMID, Command, Option, by_name
from phoenix.rehearsal.pvesh import index

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Final

GETTERS: Final[Mapping[str, str]] = {
    "/access/users": "answers.users",
    "/cluster/ha/resources": "answers.ha_resources",
    "/cluster/ha/resources/{sid}": "answers.ha_resource",
    "/cluster/nextid": "answers.next_id",
    "/cluster/resources": "answers.resources",
    "/cluster/status": "answers.cluster_status",
    "/nodes": "answers.nodes",
    "/nodes/{node}/lxc": "guests.containers",
    "/nodes/{node}/lxc/{vmid}/config": "guests.container_config",
    "/nodes/{node}/lxc/{vmid}/pending": "guests.container_pending",
    "/nodes/{node}/lxc/{vmid}/snapshot": "guests.container_snapshots",
    "/nodes/{node}/lxc/{vmid}/snapshot/{snapname}/config": "guests.container_snapshot",
    "/nodes/{node}/lxc/{vmid}/status/current": "guests.container_status",
    "/nodes/{node}/network": "answers.networks",
    "/nodes/{node}/network/{iface}": "answers.network",
    "/nodes/{node}/qemu": "guests.machines",
    "/nodes/{node}/qemu/{vmid}/config": "guests.machine_config",
    "/nodes/{node}/qemu/{vmid}/pending": "guests.machine_pending",
    "/nodes/{node}/qemu/{vmid}/snapshot": "guests.machine_snapshots",
    "/nodes/{node}/qemu/{vmid}/snapshot/{snapname}/config": "guests.machine_snapshot",
    "/nodes/{node}/qemu/{vmid}/status/current": "guests.machine_status",
    "/nodes/{node}/status": "answers.node_status",
    "/nodes/{node}/storage": "stores.node_storages",
    "/nodes/{node}/storage/{storage}/content": "stores.content",
    "/nodes/{node}/storage/{storage}/content/{volume}": "stores.volume",
    "/nodes/{node}/storage/{storage}/status": "stores.storage_status",
    "/nodes/{node}/version": "answers.version",
    "/pools": "answers.pool_list",
    "/pools/{poolid}": "answers.pool",
    "/storage": "stores.storage_list",
    "/storage/{storage}": "stores.storage",
    "/version": "answers.version",
}
"""What a path answers, as MODULE.FUNCTION in here; the others that can be read are indexes."""

_CURRENT = (Option("current", "boolean", default="0"), Option("snapshot", format="pve-configid", length=40))
_GUEST = Option("vmid", "integer", 100, 999999999, format="pve-vmid")
_CONTENT = Option("content", format="pve-storage-content-list")
_STORES = (
    _CONTENT,
    Option("enabled", "boolean"),
    Option("format", "boolean"),
    Option("storage", format=STORAGE.format),
)

GET_OPTIONS: Final[Mapping[str, tuple[Option, ...]]] = {
    "/access/users": (Option("enabled", "boolean"), Option("full", "boolean")),
    "/cluster/ha/resources": (Option("type", enum=("ct", "vm")),),
    "/cluster/nextid": (_GUEST,),
    "/cluster/resources": (Option("type", enum=("vm", "storage", "node", "sdn")),),
    "/nodes/{node}/lxc/{vmid}/config": _CURRENT,
    "/nodes/{node}/network": (Option("type"),),
    "/nodes/{node}/qemu": (Option("full", "boolean"),),
    "/nodes/{node}/qemu/{vmid}/config": _CURRENT,
    "/nodes/{node}/storage": (*_STORES, Option("target", format="pve-node")),
    "/nodes/{node}/storage/{storage}/content": (Option("content", format="pve-storage-content"), _GUEST),
    "/pools": (Option("poolid", format="pve-poolid"), Option("type", enum=("qemu", "lxc", "storage"))),
    "/pools/{poolid}": (Option("type", enum=("qemu", "lxc", "storage")),),
    "/storage": (Option("type"),),
}
"""The options of those that have some."""

_GUESTS = "/nodes/{node}/%s/{vmid}"
_OF_GUESTS: Final[Mapping[str, str]] = {
    "create /clone": "clone",
    "create /migrate": "migrate",
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
}
"""The subcommand that a change of a guest stands for, by method and the rest of the path."""


def _actions() -> dict[str, str]:
    found = {
        "create /cluster/ha/resources": "ha-manager add",
        "create /nodes/{node}/lxc": "pct create",
        "create /nodes/{node}/lxc/{vmid}/move_volume": "pct move-volume",
        "create /nodes/{node}/qemu": "qm create",
        "create /nodes/{node}/qemu/{vmid}/config": "qm set",
        "create /nodes/{node}/qemu/{vmid}/move_disk": "qm disk move",
        "create /nodes/{node}/qemu/{vmid}/status/reset": "qm reset",
        "create /storage": "pvesm add",
        "delete /cluster/ha/resources/{sid}": "ha-manager remove",
        "delete /storage/{storage}": "pvesm remove",
        "set /cluster/ha/resources/{sid}": "ha-manager set",
        "set /nodes/{node}/lxc/{vmid}/resize": "pct resize",
        "set /nodes/{node}/qemu/{vmid}/cloudinit": "qm cloudinit update",
        "set /nodes/{node}/qemu/{vmid}/resize": "qm disk resize",
        "set /nodes/{node}/qemu/{vmid}/sendkey": "qm sendkey",
        "set /nodes/{node}/qemu/{vmid}/unlink": "qm disk unlink",
        "set /storage/{storage}": "pvesm set",
    }
    for tool, kind in (("pct", "lxc"), ("qm", "qemu")):
        for key, name in _OF_GUESTS.items():
            method, _, rest = key.partition(" ")
            found[f"{method} {_GUESTS % kind}{rest}"] = f"{tool} {name}"
    return found


ACTIONS: Final[Mapping[str, str]] = _actions()
"""The subcommand of another tool that a method of a path stands for."""

_POOL = (
    Option("allow-move", "boolean", default="0"),
    Option("comment"),
    Option("delete", "boolean", default="0"),
    Option("storage", format="pve-storage-id-list"),
    Option("vms", format="pve-vmid-list"),
)
_POOLID = Option("poolid", format="pve-poolid", required=True)
_VOLUME = by_name(
    Option("filename", required=True),
    Option("format", enum=("raw", "qcow2", "vmdk", "subvol"), requires="size"),
    Option("size", pattern=r"\d+[MG]?", required=True),
    Option("vmid", "integer", 100, 999999999, format="pve-vmid", required=True),
)

OWN: Final[Mapping[str, tuple[str, tuple[Option, ...]]]] = {
    "create /nodes/{node}/storage/{storage}/content": ("stores.allocate", tuple(_VOLUME.values())),
    "create /pools": ("pooling.create", (_POOLID, Option("comment"))),
    "delete /nodes/{node}/storage/{storage}/content/{volume}": ("stores.free", (Option("delay", "integer", 1, 30),)),
    "delete /pools": ("pooling.remove", (_POOLID,)),
    "delete /pools/{poolid}": ("pooling.remove", ()),
    "set /pools": ("pooling.update", (_POOLID, *_POOL)),
    "set /pools/{poolid}": ("pooling.update", _POOL),
}
"""Changes for which no other tool has a subcommand, as MODULE.FUNCTION in here, and the options of each."""

VARIABLES: Final[Mapping[str, Option]] = {
    "node": Option("node", format="pve-node", required=True),
    "poolid": _POOLID,
    "sid": Option("sid", format="pve-ha-resource-or-vm-id", required=True),
    "snapname": Option("snapname", format="pve-configid", length=40, required=True),
    "storage": STORAGE,
    "vmid": VMID,
}
"""What may stand for the variables of a path."""
_VOLUME_AT = 5


def words_of(path: str) -> list[str]:
    """The words of a path. The name of a volume may have slashes: it is all that is left of the path."""
    words = [word for word in path.split("/") if word]
    if [*words[:1], *words[2:3], *words[4:5]] == ["nodes", "storage", "content"] and len(words) > _VOLUME_AT:
        words[_VOLUME_AT:] = ["/".join(words[_VOLUME_AT:])]
    return words


def getter(path: str) -> tuple[str, dict[str, str]]:
    """The pattern of what can be read at a path, and what stands for its variables; ("", {}) if nothing."""
    words = words_of(path)
    found = index.match(words, GETTERS)
    return found if found[0] else index.match(words, index.CHILDREN)


def action(method: str, path: str) -> tuple[str, dict[str, str]]:
    """The change that a method of a path stands for, as METHOD PATTERN, and the path's variables."""
    wanted = {key.partition(" ")[2]: "" for key in (*ACTIONS, *OWN) if key.startswith(method + " ")}
    pattern, variables = index.match(words_of(path), wanted)
    return (f"{method} {pattern}", variables) if pattern else ("", {})


def options_of(method: str, path: str) -> tuple[Option, ...] | None:
    """The options of a method of a path; None if it has none such."""
    if method == "get":
        pattern = getter(path)[0]
        return GET_OPTIONS.get(pattern, ()) if pattern else None
    key, variables = action(method, path)
    if key in OWN:
        return OWN[key][1]
    if key not in ACTIONS:
        return None
    tool, _, subcommand = ACTIONS[key].partition(" ")
    table = __import__(f"phoenix.pve.tables.{tool.replace('-', '_')}", fromlist=["COMMANDS"])
    target: Command = table.COMMANDS[subcommand]
    own = [option for option in target.positional if option.name not in variables]
    return (*own, *target.options.values())
