"""Drives of a virtual machine: the options that hold volumes, and what their strings say."""

from __future__ import annotations

from phoenix.pve import formats
from phoenix.pve.tables import machine
from phoenix.rehearsal import volumes
from phoenix.rehearsal.kinds import VM

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from phoenix.pve.guestconf import GuestConf
    from phoenix.rehearsal.tree import Tree


def parse(name: str, text: str) -> dict[str, str]:
    """The keys of a drive's string; `file` is the volume, a path, none or cdrom."""
    return formats.properties(machine.PROPERTIES[name.rstrip("0123456789")], text)[0]


def show(values: Mapping[str, str], release: int = 8) -> str:
    """A drive's string as qm writes it: the volume, then the rest by name."""
    parts = [values["file"]]
    for key in sorted(set(values) - {"file"}):
        value = values[key]
        truth = formats.boolean(value) if release >= 9 and key in _BOOLEANS else None
        parts.append(f"{key}={value if truth is None else int(truth)}")
    return ",".join(parts)


_BOOLEANS = frozenset(
    option.name for keys in machine.PROPERTIES.values() for option in keys.values() if option.type == "boolean"
)


def volume(name: str, text: str) -> str:
    """The volume of a drive or an unused one; "" for none, cdrom and paths of the node."""
    found = text.partition(",")[0] if name.startswith("unused") else parse(name, text).get("file", "")
    return found if formats.is_volume_id(found) else ""


def is_cloud_init(text: str) -> bool:
    """Whether a volume is the generated drive of cloud-init."""
    name = text.rpartition("/")[2] or text
    return name.partition(".")[0].endswith("-cloudinit") or text.rpartition(":")[2] == "cloudinit"


def is_cdrom(values: Mapping[str, str]) -> bool:
    """Whether a drive is a CD-ROM, the one of cloud-init included."""
    return values.get("media") == "cdrom" or values.get("file") in ("none", "cdrom")


def all_of(conf: GuestConf) -> Iterator[tuple[str, dict[str, str]]]:
    """The drives of a section, in the order in which one looks for something to boot from."""
    for name in (*machine.DRIVES, "efidisk0", "tpmstate0"):
        if name in conf.options:
            yield name, parse(name, conf.options[name])


def disks(conf: GuestConf) -> list[tuple[str, str]]:
    """The drives of a section that hold volumes and are no CD-ROMs, each with its volume."""
    return [
        (name, found["file"])
        for name, found in all_of(conf)
        if not is_cdrom(found) and formats.is_volume_id(found["file"])
    ]


def referenced(conf: GuestConf) -> list[str]:
    """The volumes that a section names and that belong to guests, unused ones included."""
    found = []
    for name, text in conf.options.items():
        if VM.is_drive(name) or _is_unused(name) or name == "vmstate":
            item = text if name == "vmstate" else volume(name, text)
            if item and "/" in item.partition(":")[2] and item.partition(":")[2].startswith(("iso/", "import/")):
                continue
            found.append(item)
    return list(dict.fromkeys(item for item in found if item))


def _is_unused(name: str) -> bool:
    return name.startswith("unused") and name[6:].isdigit()


def in_use(conf: GuestConf, wanted: str, but: str = "", *, snapshots: bool = True) -> bool:
    """Whether a volume is named by another drive than `but`; by one of a snapshot only if these count."""
    for section in (conf, *(conf.snapshots.values() if snapshots else ())):
        for name, text in section.options.items():
            if VM.is_drive(name) and not (section is conf and name == but) and volume(name, text) == wanted:
                return True
    return False


def keep_unused(conf: GuestConf, kept: str) -> str:
    """Note a volume under the next free unusedN, unless it is noted already; returns the option."""
    for name, text in conf.options.items():
        if _is_unused(name) and volume(name, text) == kept:
            return name
    name = next(f"unused{n}" for n in range(256) if f"unused{n}" not in conf.options)
    conf.options[name] = kept
    return name


def measure(tree: Tree, values: dict[str, str]) -> None:
    """Put the size of the volume into a drive."""
    count = volumes.size(tree, values["file"])
    if count is not None:
        values["size"] = formats.show_size(count)


def boot_order(conf: GuestConf) -> list[str]:
    """The devices that the machine boots from, as its `boot` says."""
    text = conf.options.get("boot", "")
    order = formats.properties(machine.PROPERTIES["boot"], text)[0].get("order", "") if text.strip() else ""
    return [device for device in order.split(";") if device]


def boot_disk(conf: GuestConf) -> dict[str, str]:
    """The disk that the machine boots from; {} if there is none."""
    found = dict(all_of(conf))
    for name in (*boot_order(conf), conf.options.get("bootdisk", "")):
        if name in found and not is_cdrom(found[name]):
            return found[name]
    first = [values for name, values in found.items() if name in machine.DRIVES and not is_cdrom(values)]
    return first[0] if first and not boot_order(conf) else {}


def default_boot(conf: GuestConf) -> str:
    """The `boot` that a new machine gets: its first disk, CD-ROM and network interface."""
    found = [(name, is_cdrom(values)) for name, values in all_of(conf) if name in machine.DRIVES]
    disks = [name for name, is_disc in found if not is_disc][:1]
    discs = [name for name, is_disc in found if is_disc][:1]
    nets = sorted((name for name in conf.options if name.startswith("net")), key=lambda name: int(name[3:]))[:1]
    order = [*disks, *discs, *nets]
    return "order=" + ";".join(order) if order else ""
