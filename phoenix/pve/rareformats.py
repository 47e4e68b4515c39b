"""Rarer formats: those that only virtual machines and storages have, loaded when one is asked for."""

from __future__ import annotations

from phoenix.pve import formats

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Final

_HOTPLUG: Final = ("network", "disk", "cpu", "memory", "usb", "cloudinit")
_CPU_FLAGS: Final = (
    "pcid", "spec-ctrl", "ibpb", "ssbd", "virt-ssbd", "amd-ssbd", "amd-no-ssb", "pdpe1gb", "md-clear", "hv-tlbflush",
    "hv-evmcs", "aes",
)  # fmt: skip
_SMALL: Final = frozenset("abcdefghijklmnopqrstuvwxyz")
_LEVELS: Final = ("x86-64-v2", "x86-64-v2-AES", "x86-64-v3", "x86-64-v4")
_BOOT_DEVICES: Final = ("ide", "sata", "scsi", "virtio", "net", "usb", "hostpci")


def _volume_or_path(text: str, release: int) -> str:
    return "" if text in ("none", "cdrom") or text.startswith("/") else formats.check("pve-volume-id", text, release)


def _volume_or_absolute(text: str, release: int) -> str:
    return "" if text.startswith("/") else formats.check("pve-volume-id", text, release)


def _hotplug(text: str, _release: int) -> str:
    if text in ("0", "1"):
        return ""
    wrong = next((word for word in formats.split_list(text) if word not in _HOTPLUG), "")
    return f"invalid hotplug feature '{wrong}'" if wrong else ""


def _cpu(text: str, release: int) -> str:
    from phoenix.pve.tables import devices

    values, faults = formats.properties(devices.CPU, text, release)
    if faults:
        return "format error"
    model = values.get("cputype", "")
    known = devices.MODELS if release >= 9 else devices.MODELS_8
    if model.startswith("custom-"):
        return f"Custom cputype '{model[len('custom-') :]}' not found"
    if model and model not in known and model not in _LEVELS:
        return f"Built-in cputype '{model}' is not defined (missing 'custom-' prefix?)"
    allowed = sorted((*_CPU_FLAGS, "nested-virt")) if release >= 9 else list(_CPU_FLAGS)
    if any(flag[1:] not in allowed for flag in values.get("flags", "").split(";") if flag):
        return f"VM-specific CPU flags must be a subset of: {', '.join(allowed)}"
    return ""


def _phys_bits(text: str, _release: int) -> str:
    number = formats.integer(text)
    good = text == "host" or (number is not None and 8 <= number <= 64)
    return "" if good else "value must be an integer between 8 and 64 or 'host'"


def _cpu_set(text: str, _release: int) -> str:
    for part in text.split(","):
        first, dash, last = part.partition("-")
        if not first.isdigit() or (dash and not (last.isdigit() and int(last) >= int(first))):
            return f"unable to parse cpuset entry '{part}'" if part else "unable to parse cpuset"
    return ""


def _boot_device(text: str, _release: int) -> str:
    base = text.rstrip("0123456789")
    good = base in _BOOT_DEVICES and base != text
    return "" if good else f"invalid boot device '{text}'"


def _address(text: str, _release: int) -> str:
    good = formats.is_ipv4(text) or formats.is_ipv6(text)
    return "" if good else "value is not a valid IP address"


def _network(text: str, _release: int) -> str:
    where, _, bits = text.partition("/")
    longest = 32 if formats.is_ipv4(where) else 128 if formats.is_ipv6(where) else -1
    good = bits.isdigit() and 0 <= int(bits) <= longest
    return "" if good else "value does not look like a valid CIDR network"


def _bridge(text: str, _release: int) -> str:
    good = bool(text) and text.replace("-", "").replace("_", "").replace(".", "").isalnum()
    return "" if good else f"bridge ID '{text}' contains illegal characters"


def _path(text: str, _release: int) -> str:
    good = text.startswith("/") and len(text) > 1 and text[1] not in ";()"
    return "" if good else "value does not look like a valid absolute path"


def _mount_options(text: str, _release: int) -> str:
    return f"invalid options '{text}'" if any(char.isspace() for char in text) else ""


def _retention(text: str, _release: int) -> str:
    counts = dict(part.partition("=")[::2] for part in text.split(",") if part)
    every = formats.boolean(counts.pop("keep-all", "0"))
    return (
        "keep-all cannot be set together with other options."
        if every and any(value != "0" for value in counts.values())
        else ""
    )


def _server(text: str, _release: int) -> str:
    good = formats.is_ipv4(text) or formats.is_ipv6(text) or all(formats.is_label(part) for part in text.split("."))
    return "" if good else "value does not look like a valid server name or IP address"


def _portal(text: str, _release: int) -> str:
    host, _, port = text.rpartition(":") if text.count(":") == 1 or "]" in text else (text, "", "")
    host = host or text
    good = not _server(host.strip("[]"), 0) and (not port or port.isdigit())
    return "" if good else "value does not look like a valid portal address"


def _volume_group(text: str, _release: int) -> str:
    good = len(text) > 1 and text[0].isalnum() and text[-1].isalnum() and set(text) <= _VOLUME_GROUP
    return "" if good else f"lvm name '{text}' contains illegal characters"


_VOLUME_GROUP: Final = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-")


def _block_size(text: str, release: int) -> str:
    unit = {"k": 1 << 10, "m": 1 << 20}.get(text[-1:].lower(), 1)
    digits = text[:-1] if unit > 1 else text
    count = int(digits) * unit if digits.isdigit() else 0
    if release < 9 or (512 <= count <= 16 << 20 and count & (count - 1) == 0):
        return ""
    return (
        f"value '{text}' is not a valid ZFS blocksize. Must be a power of 2 between 512B and 16MiB "
        "(e.g., 4k, 8k, 16k, 64k, 1m)."
    )


def _content_folder(text: str, _release: int) -> str:
    kind, _, folder = text.partition("=")
    parts = folder.split("/")
    good = kind.isalpha() and kind.islower() and folder and ".." not in folder and not folder.endswith(".")
    if not good or len(folder) >= 1023 or any(len(part) >= 255 for part in parts):
        return f"invalid override '{text}'"
    return "" if kind in formats.CONTENT else f"invalid content type '{kind}'"


def _resource(text: str, release: int) -> str:
    return "" if text.isascii() and text.isdigit() else _resource_id(text, release)


def _resource_id(text: str, _release: int) -> str:
    kind, colon, name = text.partition(":")
    good = bool(colon) and _SMALL.issuperset(kind) and kind != "" and name != "" and not any(map(str.isspace, name))
    return "" if good else "value does not look like a valid ha resource id"


CHECKS: Final[Mapping[str, Callable[[str, int], str]]] = {
    "CIDR": _network,
    "address": _address,
    "pve-bridge-id": _bridge,
    "pve-cpuset": _cpu_set,
    "pve-dir-override": _content_folder,
    "pve-ha-resource-id": _resource_id,
    "pve-ha-resource-or-vm-id": _resource,
    "pve-hotplug-features": _hotplug,
    "pve-phys-bits": _phys_bits,
    "pve-qm-bootdev": _boot_device,
    "pve-storage-options": _mount_options,
    "pve-storage-path": _path,
    "pve-storage-portal-dns": _portal,
    "pve-storage-server": _server,
    "pve-storage-vgname": _volume_group,
    "pve-storage-zfs-blocksize": _block_size,
    "pve-vm-cpu-conf": _cpu,
    "pve-volume-id-or-absolute-path": _volume_or_absolute,
    "pve-volume-id-or-qm-path": _volume_or_path,
    "prune-backups": _retention,
}
"""The checks by the format's name; they answer as those of formats.py do."""
