"""Values: what qm makes of an option's value before it stores it."""

from __future__ import annotations

import os
import time

from phoenix.pve import formats
from phoenix.pve.tables import machine
from phoenix.rehearsal import imagefiles, volumes
from phoenix.rehearsal.failures import BadParameters, Failure

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from phoenix.rehearsal.tree import Tree

_QEMU = {8: "9.2.0", 9: "10.0.2"}
_UNRESERVED = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~")


def network(text: str, release: int) -> str:
    """A netN value as qm stores it: MODEL=ADDRESS first, then the rest by name."""
    values = formats.properties(machine.PROPERTIES["net"], text)[0]
    model = values.pop("model")
    address = values.pop("macaddr", "") or "BC:24:11:" + ":".join(f"{byte:02X}" for byte in os.urandom(3))
    parts = [f"{model}={address}"]
    for key in sorted(values):
        value = values[key]
        truth = formats.boolean(value) if release >= 9 and key in ("firewall", "host-tunnel", "link_down") else None
        parts.append(f"{key}={value if truth is None else int(truth)}")
    return ",".join(parts)


def tags(text: str) -> str:
    """Tags in lower case, each once, sorted."""
    return ";".join(sorted({tag.lower() for tag in formats.split_list(text)}))


def uuid() -> str:
    """A random UUID."""
    text = os.urandom(16).hex()
    return f"{text[:8]}-{text[8:12]}-4{text[13:16]}-a{text[17:20]}-{text[20:]}"


def with_uuid(text: str) -> str:
    """A smbios1 value with a UUID."""
    if "uuid=" in text:
        return text
    return f"uuid={uuid()},{text}" if text else f"uuid={uuid()}"


def meta(release: int) -> str:
    """What a new machine notes of its making."""
    return f"creation-qemu={_QEMU[min(release, 9)]},ctime={int(time.time())}"


def url_encoded(text: str) -> str:
    """`text` with all but letters, digits and -._~ as %XX."""
    return "".join(chr(byte) if chr(byte) in _UNRESERVED else f"%{byte:02X}" for byte in text.encode())


def url_decoded(text: str) -> str:
    """The opposite of `url_encoded`."""
    head, *parts = text.split("%")
    return (head.encode() + b"".join(bytes([int(part[:2], 16)]) + part[2:].encode() for part in parts)).decode()


def stored(tree: Tree, name: str, value: str, *, new: bool = False) -> str:
    """Any option's value but a drive's as qm stores it; Failure if the node lacks what it names."""
    base = name.rstrip("0123456789")
    if base == "net" and base != name:
        return network(value, tree.release)
    if name == "tags":
        return value if new and tree.release < 9 else tags(value)
    if name == "nameserver":
        return " ".join(formats.split_list(value))
    if name == "vmgenid" and value == "1":
        return uuid()
    if name == "smbios1":
        return with_uuid(value) if new else value
    if name == "hookscript" and not volumes.exists(tree, value):
        raise Failure(f"script '{value}' does not exist", 2)
    return value


def new_size(text: str) -> tuple[str, int] | None:
    """The storage and KiB of a disk that is to be made (STORAGE:GIB), None for one that is there."""
    storage, _, gib = text.partition(":")
    whole, point, part = gib.partition(".")
    if not whole.isdigit() or bool(point) != bool(part) or (part and not part.isdigit()):
        return None
    return storage, int(float(gib) * volumes.GIB_IN_KIB)


def for_images(tree: Tree, name: str) -> None:
    """Failure or BadParameters unless a storage can hold disks of machines."""
    storage = volumes.enabled(tree, name)
    if "images" not in storage.content:
        raise BadParameters({"storage": f"storage '{name}' does not support vm images"})


def default_form(tree: Tree, storage: str) -> str:
    """The format of a new disk that names none."""
    found = volumes.existing(tree, storage)
    return found.other.get("format", "raw") if found.is_files() else "raw"


def check_import(tree: Tree, source: str) -> None:
    """Failure unless what is to be imported is there."""
    if source.startswith("/"):
        if not os.path.exists(tree(source)):
            raise Failure(f"can't find file '{source}'")
    else:
        volumes.check_exists(tree, source)


def import_size(tree: Tree, source: str) -> int:
    """The bytes of an image that is to be imported."""
    if source.startswith("/"):
        return imagefiles.size(tree(source))
    return volumes.size(tree, source) or 0


def hidden(given: Mapping[str, str]) -> str:
    """The options of a call as qm shows them: by name, without secrets."""
    shown = {name: "<hidden>" if name in ("cipassword", "password") else value for name, value in given.items()}
    return " ".join(f"-{name} {shown[name]}" for name in sorted(shown))


def system_of(tree: Tree, source: str) -> bool:
    """Whether an image that is imported holds a system, as far as one sees: it is not blank."""
    path = tree(source) if source.startswith("/") else tree(volumes.node_path(tree, source))
    return imagefiles.holds_system(path)
