"""Schemas: which columns the table of an answer has, in which order, and how each is shown.

Not from a recording: from Proxmox VE's public description of its API. An answer that is not here shows what it holds.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Final

_CONTAINER = (
    "status vmid# | cpus# lock maxdisk#bytes maxmem#bytes maxswap#bytes name tags template?boolean uptime#duration"
)
_MACHINE = (
    "status vmid# | cpus# lock maxdisk#bytes maxmem#bytes name pid# qmpstatus running-machine running-qemu tags "
    "template?boolean uptime#duration"
)
_USED = "cpu# disk#bytes diskread#bytes diskwrite#bytes mem#bytes netin#bytes netout#bytes"
_PRESSURE = "pressurecpufull# pressurecpusome# pressureiofull# pressureiosome# pressurememoryfull# pressurememorysome#"
_STORAGE = "content type | active?boolean avail#bytes enabled?boolean shared?boolean total#bytes used#bytes"
_SNAPSHOT = "description name | parent snaptime#timestamp"

COLUMNS: Final[Mapping[str, str]] = {
    "/access/users": "userid | comment email enable?boolean expire# firstname groups keys lastname",
    "/cluster/ha/resources": "sid |",
    "/cluster/resources": "id type | cgroup-mode# content cpu#percent disk#bytes diskread#bytes diskwrite#bytes "
    "hastate level lock maxcpu# maxdisk#bytes maxmem#bytes mem#bytes name netin#bytes netout#bytes node plugintype "
    "pool status storage tags template?boolean uptime#duration vmid#",
    "/cluster/status": "id name type | ip level local?boolean nodeid# nodes# online?boolean quorate?boolean version#",
    "/nodes": "node status | cpu#percent level maxcpu# maxmem#bytes mem#bytes ssl_fingerprint uptime#duration",
    "/nodes/{node}/lxc": _CONTAINER,
    "/nodes/{node}/lxc/{vmid}/config": "digest | *",
    "/nodes/{node}/lxc/{vmid}/pending": "key | delete# pending value",
    "/nodes/{node}/lxc/{vmid}/snapshot": _SNAPSHOT,
    "/nodes/{node}/lxc/{vmid}/status/current": "ha " + _CONTAINER,
    "/nodes/{node}/qemu": _MACHINE,
    "/nodes/{node}/qemu/{vmid}/config": "digest | *",
    "/nodes/{node}/qemu/{vmid}/pending": "key | delete# pending value",
    "/nodes/{node}/qemu/{vmid}/snapshot": _SNAPSHOT + " vmstate?boolean",
    "/nodes/{node}/qemu/{vmid}/status/current": "ha " + _MACHINE,
    "/nodes/{node}/storage": "storage " + _STORAGE + " used_fraction#percent",
    "/nodes/{node}/storage/{storage}/content": "format size#bytes volid | ctime#timestamp encrypted notes parent "
    "protected?boolean used#bytes verification vmid#",
    "/nodes/{node}/storage/{storage}/status": _STORAGE,
    "/nodes/{node}/version": "release repoid version |",
    "/pools": "poolid |",
    "/pools/{poolid}": "members | comment",
    "/storage": "storage |",
    "/version": "release repoid version | console",
}
"""By path: those that are always there, "|", those that need not be. #: a number; then how it is rendered; *: all."""

_NINE: Final[Mapping[str, str]] = {
    "/nodes/{node}/lxc": f"{_CONTAINER} {_USED} {_PRESSURE}",
    "/nodes/{node}/lxc/{vmid}/status/current": f"ha {_CONTAINER} {_USED} {_PRESSURE}",
    "/nodes/{node}/qemu": f"{_MACHINE} {_USED} {_PRESSURE} memhost#bytes serial?boolean",
    "/nodes/{node}/qemu/{vmid}/status/current": f"ha {_MACHINE} {_USED} {_PRESSURE} memhost#bytes serial?boolean",
}
"""Those that the release 9 has otherwise."""


class Schema:
    """The columns of an answer in order; `numbers` are aligned at the right, `shown` says how each is rendered.

    With `all_others` what is not named follows, in the order of the alphabet. Rows are sorted by the first column, or
    by `sort`.
    """

    def __init__(self, text: str, *, sort: str = "") -> None:
        self.sort = sort
        self.columns: list[str] = []
        self.numbers: set[str] = set()
        self.shown: dict[str, str] = {}
        self.all_others = not text
        for part in text.split("|"):
            names = []
            for item in part.split():
                if item == "*":
                    self.all_others = True
                    continue
                sign = "#" if "#" in item else "?"
                name, _, how = item.partition(sign)
                names.append(name)
                self.shown[name] = how
                if sign == "#":
                    self.numbers.add(name)
            self.columns += sorted(names)


def of(pattern: str, release: int) -> Schema:
    """The schema of what a path answers."""
    return Schema((_NINE.get(pattern) if release >= 9 else None) or COLUMNS.get(pattern, ""))
