"""Places: where a volume is, as a table of TOML says it and as Proxmox VE's own text does, in one comparable form.

A volume of a storage is `storage` and `size`. A path of the node is `volume` for a container and `file` for a virtual
machine, whose `file` may also be an image of a disc; its drive of cloud-init is `storage` and `cloudinit`.
"""

from __future__ import annotations

from phoenix.pve import formats

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from phoenix.config.faults import Faults
    from phoenix.pve.options import Option

MIB = 1 << 20
SIZED_BY_QM = ("efidisk", "tpmstate")
"""Disks that are as large as qm makes them."""
NO_DISC = ("none", "cdrom")
_DISK = ("storage", "size", "file", "cloudinit", "import_from", "sha256")
FORMATS = ("raw", "qcow2", "vmdk")
_DIGITS = frozenset("0123456789abcdef")


def decode_volume(option: Option, key: str, value: dict[str, Any], found: dict[str, str], faults: Faults) -> None:
    """What a container's table says of where its volume is."""
    path = value.get("volume")
    if path is not None and option.name == "mp":
        good = isinstance(path, str) and path.startswith("/") and path.isprintable() and "," not in path
        if not good or "/../" in f"{path}/" or "storage" in value or "size" in value:
            faults.add(f"{key}.volume", "an absolute path of the node, without storage and size", path)
        else:
            found["volume"] = str(path)
        return
    _storage(key, value, found, faults)
    _size(key, value, found, faults)
    if path is not None:
        faults.add(f"{key}.volume", "nothing: rootfs is made on a storage", path)


def _storage(key: str, value: dict[str, Any], found: dict[str, str], faults: Faults) -> None:
    storage = value.get("storage")
    if not isinstance(storage, str) or formats.check("pve-storage-id", storage):
        faults.add(f"{key}.storage", "the name of a storage", storage)
    else:
        found["storage"] = storage


def _size(key: str, value: dict[str, Any], found: dict[str, str], faults: Faults) -> None:
    size = value.get("size")
    bytes_ = formats.size(size) if isinstance(size, str) else None
    if not bytes_ or bytes_ % MIB:
        faults.add(f"{key}.size", 'whole MiB or GiB as "512M" or "8G"', size)
    else:
        found["size"] = formats.show_size(bytes_)


def decode_disk(option: Option, key: str, value: dict[str, Any], found: dict[str, str], faults: Faults) -> None:
    """What a virtual machine's table says of where its disk is; what it is made of is left in `found`."""
    if "import-from" in value:
        faults.say(f"{key}.import-from", "write import_from")
    if "file" in value:
        _file(key, value, found, faults)
        return
    _storage(key, value, found, faults)
    if "cloudinit" in value:
        if value["cloudinit"] is not True or option.name in SIZED_BY_QM or {"size", "import_from"} & value.keys():
            faults.add(f"{key}.cloudinit", "true, with storage alone", value["cloudinit"])
        found["cloudinit"] = "1"
        return
    if "import_from" in value:
        _image(key, value, found, faults)
    elif "sha256" in value:
        faults.say(f"{key}.sha256", "it is that of the image of import_from, which is missing")
    if option.name in SIZED_BY_QM:
        if "size" in value:
            faults.say(f"{key}.size", "qm makes it as large as it has to be")
    elif "size" in value or "import_from" not in value:
        _size(key, value, found, faults)


def _file(key: str, value: dict[str, Any], found: dict[str, str], faults: Faults) -> None:
    """A drive without a volume of its own: a disc, or a device of the node."""
    file = value["file"]
    beside = [name for name in _DISK if name != "file" and name in value]
    good = isinstance(file, str) and file.isprintable() and not {" ", ","} & set(file) and not beside
    if not good or not (file in NO_DISC or is_disc(file) or (file.startswith("/dev/") and "/../" not in file)):
        expected = (
            'a disc as "local:iso/debian.iso" or "none", or a device as "/dev/disk/by-id/...", and nothing beside'
        )
        faults.add(f"{key}.file", f"{expected}; a new disk is storage and size", file)
        return
    found["file"] = file
    if not file.startswith("/"):
        found["media"] = "cdrom"


def is_disc(volume: str) -> bool:
    """Whether a volume is the image of a disc."""
    return volume.partition(":")[2].startswith("iso/")


def _image(key: str, value: dict[str, Any], found: dict[str, str], faults: Faults) -> None:
    source, digest = value["import_from"], value.get("sha256", "")
    plain = isinstance(source, str) and source.isprintable() and not {" ", ","} & set(source)
    if not plain or not (source.startswith("/") or formats.is_volume_id(source)) or "/../" in source:
        faults.add(f"{key}.import_from", 'an image as "local:import/noble.qcow2", or an absolute path', source)
    else:
        found["import-from"] = source
    if not isinstance(digest, str) or (digest and (len(digest) != 64 or not _DIGITS.issuperset(digest))):
        faults.add(f"{key}.sha256", "64 digits from 0 to 9 and a to f", digest)
    else:
        found["sha256"] = digest


def place_volume(_option: Option, found: dict[str, str]) -> None:
    """Turn the name of a container's volume into the storage that holds it; a path of the node stays."""
    volume = found.get("volume", "/")  # a line that somebody spoilt has none
    if not volume.startswith("/"):
        found["storage"] = volume.partition(":")[0]
        del found["volume"]
        _show_size(found)


def place_disk(option: Option, found: dict[str, str]) -> None:
    """Turn the name of a virtual machine's disk into the storage that holds it; discs and devices stay."""
    file = found.get("file", "")
    if file in NO_DISC or is_disc(file) or file.startswith("/") or ":" not in file:
        found.pop("size", None)
        return
    del found["file"]
    found["storage"] = file.partition(":")[0]
    name, _, suffix = file.rpartition("/")[2].rpartition(".")
    if is_generated(file):
        found["cloudinit"] = "1"
        for key in ("media", "size", "format"):
            found.pop(key, None)
        return
    if name and suffix in FORMATS:
        found["format"] = suffix
    if option.name in SIZED_BY_QM:
        found.pop("size", None)
    else:
        _show_size(found)


def is_generated(volume: str) -> bool:
    """Whether a volume is the drive of cloud-init, which qm generates."""
    name = volume.rpartition(":")[2].rpartition("/")[2]
    return name == "cloudinit" or name.partition(".")[0].endswith("-cloudinit")


def _show_size(found: dict[str, str]) -> None:
    bytes_ = formats.size(found.get("size", ""))
    if bytes_ is not None:
        found["size"] = formats.show_size(bytes_)


class Place:
    """How the place of an option's volume is decoded and found, and the keys that say it."""

    def __init__(
        self,
        keys: tuple[str, ...],
        decode: Callable[[Option, str, dict[str, Any], dict[str, str], Faults], None],
        find: Callable[[Option, dict[str, str]], None],
    ) -> None:
        self.keys = keys
        self.decode = decode
        self.find = find


_OF_CONTAINERS = Place(("storage", "size", "volume"), decode_volume, place_volume)
_OF_MACHINES = Place(_DISK, decode_disk, place_disk)
PLACES = {
    **dict.fromkeys(("rootfs", "mp"), _OF_CONTAINERS),
    **dict.fromkeys(("ide", "sata", "scsi", "virtio", "efidisk", "tpmstate"), _OF_MACHINES),
}
"""By option."""
