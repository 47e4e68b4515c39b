"""Images: what disks of virtual machines are made of: whether they are there, right, and not too large."""

from __future__ import annotations

import os

from phoenix import cli
from phoenix.guests import preflight
from phoenix.pve import formats
from phoenix.pve.storages import volume_path

TYPE_CHECKING = False
if TYPE_CHECKING:
    from phoenix.guests.guest import Guest, Image
    from phoenix.pve.node import Node

_QCOW2 = b"QFI\xfb"
_SIZE_AT = 24
"""Where the header of a qcow2 image says how large its disk is, in eight bytes."""


def path_of(node: Node, image: Image) -> str:
    """Where an image is on this machine, "" if its storage has no folder for it."""
    if image.source.startswith("/"):
        return node.paths(image.source)
    storage, _, name = image.source.partition(":")
    found = node.storages().get(storage)
    path = volume_path(found, name) if found else ""
    return node.paths(path) if path else ""


def faults(node: Node, wanted: Guest, disk: str) -> list[tuple[str, str]]:
    """What is wrong with the image of a disk, as (fault, next step) pairs."""
    image = wanted.images[disk]
    if not image.source.startswith("/"):
        storage = image.source.partition(":")[0]
        if storage not in node.storages():
            return preflight.faults_of_storage(node, storage, "import", "images")
    path = path_of(node, image)
    if not path:
        return []  # a disk of another guest, on a storage without files
    if not os.path.isfile(path):
        return [(f"there is no image {image.source} for {disk}", f"copy it to {path}")]
    setting = wanted.settings[disk]
    size = formats.size("" if isinstance(setting, str) else setting.get("size", "")) or 0
    found = 0 if preflight.is_stand_in(node, path) else size_of(path)
    if 0 < size < found:
        needs = f"the {-(-found >> 20)} MiB of its image {image.source}"
        return [(f"{disk} is to have {formats.show_size(size)}, less than {needs}", f"qemu-img info {path}")]
    return []


def size_of(path: str) -> int:
    """The bytes of the disk in an image: what a qcow2's header says, else the size of the file."""
    with open(path, "rb") as file:
        head = file.read(_SIZE_AT + 8)
    return int.from_bytes(head[_SIZE_AT:], "big") if head.startswith(_QCOW2) else os.path.getsize(path)


def checksum_faults(node: Node, guest: str, disk: str, image: Image) -> list[tuple[str, str]]:
    """Whether an image is the one that the file means: the last check, for it reads all of it."""
    path = path_of(node, image)
    if not path:
        return [(f"{disk}.sha256: {image.source} is no file that could be read", f"remove sha256 from {guest}.toml")]
    if preflight.is_stand_in(node, path):
        cli.note(f"{guest}: sha256 was not checked: what is in images is not part of a rehearsal")
        return []
    if preflight.digest_of(path, "sha256") == image.sha256:
        return []
    return [(f"{path} is not what {disk}.sha256 says: it is damaged, or another release", f"sha256sum {path}")]
