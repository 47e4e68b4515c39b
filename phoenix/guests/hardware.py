"""Hardware: what a virtual machine needs of the node's processors and devices so that it starts."""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from phoenix.guests.guest import Guest
    from phoenix.pve.node import Node


def faults(node: Node, wanted: Guest) -> list[tuple[str, str]]:
    """What the node does not have, as (fault, next step) pairs; a machine that is not to run may wait for it."""
    if not (wanted.running or wanted.ours.wait):
        return []
    return [*_processors(node, wanted), *_devices(node, wanted)]


def _processors(node: Node, wanted: Guest) -> list[tuple[str, str]]:
    counts = [int(str(wanted.settings.get(name, "1"))) for name in ("sockets", "cores")]
    there = node.processors()
    if not there or counts[0] * counts[1] <= there:
        return []
    wrong = f"it is to have {counts[0] * counts[1]} processors, and the node has {there}"
    return [(wrong, f"write cores = {max(1, there // counts[0])} into {wanted.path}")]


def _devices(node: Node, wanted: Guest) -> list[tuple[str, str]]:
    folder = node.paths("/sys/bus/pci/devices")
    there = os.listdir(folder) if os.path.isdir(folder) else []
    found = []
    for name, setting in sorted(wanted.settings.items()):
        host = "" if isinstance(setting, str) or not name.startswith("hostpci") else setting.get("host", "")
        for place in host.split(";") if host else ():
            full = place if place.count(":") > 1 else f"0000:{place}"
            if not any(device == full or device.startswith(full + ".") for device in there):
                found.append((f"there is no PCI device {place} for {name}", "lspci -D"))
    return found
