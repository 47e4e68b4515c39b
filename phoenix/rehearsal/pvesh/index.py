"""The index of the API: which paths there are below which, and which methods each has.

Not from a recording: from Proxmox VE's public description of its API. What is deeper than this is left out.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Final

_LEAF, _CALL, _WRITE, _BOTH = "-r---", "---c-", "--w--", "-rw--"
_FOLDER, _LIST, _ITEM = "Dr---", "Dr-c-", "Dr--d"
_ASKED: Final = "-r-c-"


def _of(flags: str, names: str) -> dict[str, str]:
    return dict.fromkeys(names.split(), flags)


_FIREWALL = {**_of(_LIST, "aliases ipset rules"), **_of(_BOTH, "options"), **_of(_LEAF, "refs")}
_SNAPSHOT = {"config": _BOTH, "rollback": _CALL}

CHILDREN: Final[Mapping[str, Mapping[str, str]]] = {
    "/": {**_of(_FOLDER, "access cluster nodes"), "pools": "Drwcd", "storage": _LIST, "version": _LEAF},
    "/access": {
        **_of(_FOLDER, "openid tfa"), **_of(_LIST, "domains groups roles users"), "acl": _BOTH, "password": _WRITE,
        "ticket": _ASKED,
    },
    "/access/users": {"{userid}": "Drw-d"},
    "/cluster": {
        **_of(_FOLDER, "acme backup-info ceph firewall ha jobs mapping metrics notifications"),
        **_of(_LIST, "backup config replication"), **_of(_LEAF, "log nextid resources status tasks"),
        "options": _BOTH, "sdn": "Drw--",
    },
    "/cluster/firewall": {**_FIREWALL, "groups": _LIST, "macros": _LEAF},
    "/cluster/ha": {"groups": _LIST, "resources": _LIST, "status": _FOLDER},
    "/cluster/ha/resources": {"{sid}": "-rw-d"},
    "/cluster/ha/status": _of(_LEAF, "current manager_status"),
    "/nodes": {"{node}": _FOLDER},
    "/nodes/{node}": {
        **_of(_FOLDER, "apt capabilities ceph certificates disks firewall hardware replication scan sdn services"),
        **_of(_FOLDER, "storage tasks"), **_of(_LIST, "lxc qemu"), **_of(_ASKED, "aplinfo hosts status"),
        **_of(_LEAF, "journal netstat query-url-metadata report rrd rrddata syslog version"),
        **_of(_CALL, "migrateall spiceshell startall stopall suspendall termproxy vncshell vzdump wakeonlan"),
        **_of(_BOTH, "config dns time"), "network": "Drwcd", "subscription": "-rwcd",
    },
    "/nodes/{node}/lxc": {"{vmid}": _ITEM},
    "/nodes/{node}/lxc/{vmid}": {
        **_of(_BOTH, "config"), **_of(_LEAF, "interfaces rrd rrddata vncwebsocket"),
        **_of(_CALL, "clone migrate spiceproxy termproxy vncproxy"), **_of(_FOLDER, "firewall status"),
        "resize": _WRITE, "snapshot": _LIST,
    },
    "/nodes/{node}/lxc/{vmid}/firewall": {**_FIREWALL, "log": _LEAF},
    "/nodes/{node}/lxc/{vmid}/snapshot": {"{snapname}": _ITEM},
    "/nodes/{node}/lxc/{vmid}/snapshot/{snapname}": _SNAPSHOT,
    "/nodes/{node}/lxc/{vmid}/status": {
        "current": _LEAF, **_of(_CALL, "shutdown start stop"), "migrate": "-----",
    },
    "/nodes/{node}/network": {"{iface}": "-rw-d"},
    "/nodes/{node}/qemu": {"{vmid}": _ITEM},
    "/nodes/{node}/qemu/{vmid}": {
        "config": "-rwc-", "cloudinit": _BOTH, **_of(_LEAF, "pending rrd rrddata"),
        **_of(_WRITE, "resize sendkey unlink"),
        **_of(_CALL, "monitor mtunnel remote_migrate spiceproxy termproxy vncproxy"), "migrate": _ASKED,
        **_of(_FOLDER, "firewall status"), **_of(_LIST, "agent snapshot"), "move": "-----",
    },
    "/nodes/{node}/qemu/{vmid}/firewall": {**_FIREWALL, "log": _LEAF},
    "/nodes/{node}/qemu/{vmid}/snapshot": {"{snapname}": _ITEM},
    "/nodes/{node}/qemu/{vmid}/snapshot/{snapname}": _SNAPSHOT,
    "/nodes/{node}/qemu/{vmid}/status": {
        "current": _LEAF, **_of(_CALL, "reboot reset shutdown start stop suspend"),
    },
    "/nodes/{node}/storage": {"{storage}": _FOLDER},
    "/nodes/{node}/storage/{storage}": {
        "content": _LIST, **_of(_CALL, "download-url upload"), "file-restore": "-----", "prunebackups": "-r--d",
        **_of(_LEAF, "import-metadata rrd rrddata status"),
    },
    "/nodes/{node}/storage/{storage}/content": {"{volume}": "-rwcd"},
    "/nodes/{node}/tasks": {"{upid}": _ITEM},
    "/nodes/{node}/tasks/{upid}": _of(_LEAF, "log status"),
    "/pools": {"{poolid}": "-rw-d"},
    "/storage": {"{storage}": "-rw-d"},
}  # fmt: skip
"""What an index lists: by path, each child and what can be done with it, as `pvesh ls` shows it."""

_NINE: Final[Mapping[str, Mapping[str, str]]] = {
    "/cluster": _of(_FOLDER, "bulk-action"),
    "/cluster/ha": {"rules": _LIST},
    "/nodes/{node}/lxc/{vmid}": {"migrate": _ASKED},
}
"""What the release 9 adds or has otherwise."""

UNLISTED: Final[Mapping[str, str]] = {
    "/access/permissions": _LEAF,
    "/nodes/{node}/lxc/{vmid}/feature": _LEAF,
    "/nodes/{node}/lxc/{vmid}/move_volume": _CALL,
    "/nodes/{node}/lxc/{vmid}/pending": _LEAF,
    "/nodes/{node}/lxc/{vmid}/remote_migrate": _CALL,
    "/nodes/{node}/lxc/{vmid}/status/reboot": _CALL,
    "/nodes/{node}/lxc/{vmid}/status/resume": _CALL,
    "/nodes/{node}/lxc/{vmid}/status/suspend": _CALL,
    "/nodes/{node}/lxc/{vmid}/template": _CALL,
    "/nodes/{node}/qemu/{vmid}/clone": _CALL,
    "/nodes/{node}/qemu/{vmid}/feature": _LEAF,
    "/nodes/{node}/qemu/{vmid}/move_disk": _CALL,
    "/nodes/{node}/qemu/{vmid}/status/resume": _CALL,
    "/nodes/{node}/qemu/{vmid}/template": _CALL,
}
"""Paths that no index lists."""

KEYS: Final[Mapping[str, str]] = {
    "/": "subdir",
    "/access": "subdir",
    "/cluster/ha": "id",
    "/nodes/{node}/lxc/{vmid}": "subdir",
    "/nodes/{node}/lxc/{vmid}/snapshot/{snapname}": "cmd",
    "/nodes/{node}/lxc/{vmid}/status": "subdir",
    "/nodes/{node}/qemu/{vmid}": "subdir",
    "/nodes/{node}/qemu/{vmid}/snapshot/{snapname}": "cmd",
    "/nodes/{node}/qemu/{vmid}/status": "subdir",
    "/nodes/{node}/storage/{storage}": "subdir",
}
"""Under which key an index that does nothing but list has its children; "name" unless it is here."""

_PLACE: Final = {"get": 1, "set": 2, "create": 3, "delete": 4}


def children(pattern: str, release: int) -> dict[str, str]:
    """The children of a path and what can be done with each; {} if it lists none."""
    found = dict(CHILDREN.get(pattern, {}))
    if release >= 9:
        found.update(_NINE.get(pattern, {}))
    return found


def match(words: list[str], patterns: Mapping[str, object]) -> tuple[str, dict[str, str]]:
    """The pattern that a path fits, and what stands for its variables; ("", {}) if there is none."""
    for pattern in patterns:
        parts = [part for part in pattern.split("/") if part]
        if len(parts) == len(words) and all(part == word or part[0] == "{" for part, word in zip(parts, words)):
            return pattern, {part[1:-1]: word for part, word in zip(parts, words) if part[0] == "{"}
    return "", {}


def flags(words: list[str], release: int) -> str:
    """What can be done with a path, as `pvesh ls` shows it; "" if there is none such."""
    if not words:
        return _FOLDER
    unlisted = match(words, UNLISTED)[0]
    if unlisted:
        return UNLISTED[unlisted]
    pattern = match(words[:-1], CHILDREN)[0]
    found = children(pattern, release) if pattern else {}
    named = found.get(words[-1])
    return named if named is not None else next((found[name] for name in found if name[0] == "{"), "")


def has(method: str, words: list[str], release: int) -> bool:
    """Whether a path has a method: get, set, create or delete."""
    return flags(words, release)[_PLACE[method] :][:1].strip("-") != ""


def is_beyond(words: list[str], release: int) -> bool:
    """Whether a path lies below a folder of which it is not said here what is in it."""
    folders = (words[:length] for length in range(1, len(words)))
    return any(flags(folder, release).startswith("D") and not match(folder, CHILDREN)[0] for folder in folders)
