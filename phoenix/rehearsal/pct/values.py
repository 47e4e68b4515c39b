"""Values: what pct makes of an option's value before it stores it."""

from __future__ import annotations

import os

from phoenix.pve import formats, options
from phoenix.pve.tables import container
from phoenix.rehearsal import volumes
from phoenix.rehearsal.failures import Failure

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from phoenix.rehearsal.tree import Tree


def properties(name: str, text: str) -> dict[str, str]:
    """The keys of a property string of the option `name`."""
    return formats.properties(container.PROPERTIES[name], text)[0]


def show(name: str, values: Mapping[str, str], release: int) -> str:
    """A property string as pct writes it: the default key, what is required, the rest by name."""
    table, parts = container.PROPERTIES[name], []
    first = [option.name for option in table.values() if option.bare]
    needed = sorted(option.name for option in table.values() if option.required and not option.bare)
    order = [*first, *needed, *sorted(set(values) - set(first) - set(needed))]
    for key in order:
        if key in values:
            value = _plain(table[key], values[key], release)
            parts.append(value if table[key].bare else f"{key}={value}")
    return ",".join(parts)


def _plain(option: options.Option, value: str, release: int) -> str:
    if option.format == "disk-size":
        return formats.show_size(formats.size(value) or 0)
    truth = formats.boolean(value) if option.type == "boolean" and release >= 9 else None
    return value if truth is None else str(int(truth))


def network(name: str, text: str, release: int) -> str:
    """A netN value as pct stores it: with a type and a hardware address."""
    values = properties("net", text)
    values.setdefault("hwaddr", _random_address())
    values.setdefault("type", "veth")
    if values.get("host-managed") and values.get("ip6") == "auto" and formats.boolean(values["host-managed"]):
        raise Failure(f"{name}: SLAAC is not supported for host-managed network configuration.")
    return show("net", values, release)


def _random_address() -> str:
    return "BC:24:11:" + ":".join(f"{byte:02X}" for byte in os.urandom(3))


def tags(text: str) -> str:
    """Tags as pct stores them: in lower case, each once, sorted."""
    return ";".join(sorted({tag.lower() for tag in formats.split_list(text)}))


def words(text: str) -> str:
    """A list as pct stores addresses and domains."""
    return " ".join(formats.split_list(text))


def check_hook(tree: Tree, volume: str) -> None:
    """Failure if the script of a container's hooks is not there."""
    if not volumes.exists(tree, volume):
        raise Failure(f"script '{volume}' does not exist", 2)


def check_device(tree: Tree, text: str) -> None:
    """Failure if a device is not on the node."""
    path = properties("dev", text).get("path", "")
    if path and not os.path.exists(tree(path)):
        raise Failure(f"Device {path} does not exist", 2)


def stored(tree: Tree, name: str, value: str) -> str:
    """Any option's value as pct stores it; Failure if the node lacks what it names."""
    base = name.rstrip("0123456789")
    if base == "net":
        return network(name, value, tree.release)
    if name == "tags":
        return tags(value)
    if name in ("nameserver", "searchdomain"):
        return words(value)
    if name == "hookscript":
        check_hook(tree, value)
    elif base == "dev":
        check_device(tree, value)
    return value


def volume_type(volume: str) -> str:
    """How a mount point is backed: volume, bind or device."""
    if volume.startswith("/dev/"):
        return "device"
    return "bind" if volume.startswith("/") else "volume"


def new_size(volume: str) -> tuple[str, int] | None:
    """The storage and KiB of a volume that is to be made (STORAGE:GIB), None for one that is there."""
    storage, _, gib = volume.partition(":")
    whole, point, part = gib.partition(".")
    if not whole.isdigit() or bool(point) != bool(part) or (part and not part.isdigit()):
        return None
    return storage, int(float(gib) * volumes.GIB_IN_KIB)
