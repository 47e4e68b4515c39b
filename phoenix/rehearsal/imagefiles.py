"""Image files: raw, qcow2 and vmdk, with as much of their headers as says size, backing file and snapshots."""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Final

_QCOW: Final = b"QFI\xfb"
_VMDK: Final = b"KDMV"
_SECTOR: Final = 512
_BLANK: Final = 4 << 20
"""As much space uses an image at most that was never written to."""
_CLUSTER_BITS: Final = 16
_SNAPSHOTS_AT: Final = 1 << 20
"""Where the table of snapshots stands in our qcow2 files; the header says so."""
_ENTRY: Final = 40
_TEXT: Final = 512
_OURS: Final = b"phoenix rehearsal "
_SYSTEM: Final = "phoenix rehearsal system"


def create(path: str, form: str, size: int, backing: str = "") -> None:
    """Make an image of `size` bytes that uses no space; `backing` is the file that a linked clone continues."""
    number = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o640)
    try:
        if form == "qcow2":
            os.write(number, _qcow_header(size, os.fsencode(backing)))
        elif form == "vmdk":
            os.write(number, _VMDK + (1).to_bytes(4, "little") + bytes(4) + (size // _SECTOR).to_bytes(8, "little"))
        os.ftruncate(number, size if form == "raw" else _SNAPSHOTS_AT)
    finally:
        os.close(number)


def _qcow_header(size: int, backing: bytes) -> bytes:
    place = 512 if backing else 0
    head = _QCOW + (3).to_bytes(4, "big") + place.to_bytes(8, "big") + len(backing).to_bytes(4, "big")
    head += _CLUSTER_BITS.to_bytes(4, "big") + size.to_bytes(8, "big")
    return head.ljust(512, b"\0") + backing if backing else head.ljust(104, b"\0")


def size(path: str) -> int:
    """The bytes that a guest sees of an image."""
    with open(path, "rb") as file:
        head = file.read(32)
        if head.startswith(_QCOW):
            return int.from_bytes(head[24:32], "big")
        if head.startswith(_VMDK):
            return int.from_bytes(head[12:20], "little") * _SECTOR
        return file.seek(0, os.SEEK_END)


def kind(path: str) -> str:
    """What an image is by its first bytes: qcow2, vmdk or raw."""
    with open(path, "rb") as file:
        head = file.read(4)
    return {_QCOW: "qcow2", _VMDK: "vmdk"}.get(head, "raw")


def backing(path: str) -> str:
    """The file that a qcow2 image continues, as it was given; "" for none."""
    with open(path, "rb") as file:
        head = file.read(20)
        if not head.startswith(_QCOW):
            return ""
        file.seek(int.from_bytes(head[8:16], "big"))
        return os.fsdecode(file.read(int.from_bytes(head[16:20], "big")))


def resize(path: str, count: int) -> None:
    """Give an image another size."""
    form = kind(path)
    number = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
    try:
        if form == "qcow2":
            os.pwrite(number, count.to_bytes(8, "big"), 24)
        elif form == "vmdk":
            os.pwrite(number, (count // _SECTOR).to_bytes(8, "little"), 12)
        else:
            os.ftruncate(number, count)
    finally:
        os.close(number)


def snapshots(path: str) -> dict[str, int]:
    """The names of the snapshots in a qcow2 image, the oldest first, and the size that it had then."""
    with open(path, "rb") as file:
        head = file.read(72)
        if not head.startswith(_QCOW):
            return {}
        file.seek(int.from_bytes(head[64:72], "big"))
        table, found = file.read(), {}
    for _ in range(int.from_bytes(head[60:64], "big")):
        id_size, name_size = (int.from_bytes(table[place : place + 2], "big") for place in (12, 14))
        more = int.from_bytes(table[36:40], "big")
        begin = _ENTRY + more + id_size
        size = int.from_bytes(table[_ENTRY + 8 : _ENTRY + 16], "big") if more >= 16 else 0
        found[os.fsdecode(table[begin : begin + name_size])] = size
        table = table[-(-(begin + name_size) // 8) * 8 :]
    return found


def keep_snapshots(path: str, kept: Mapping[str, int]) -> None:
    """Write the table of snapshots of a qcow2 image."""
    table = b""
    for place, (name, size) in enumerate(kept.items()):
        ident, text = str(place + 1).encode(), os.fsencode(name)
        entry = bytes(12) + len(ident).to_bytes(2, "big") + len(text).to_bytes(2, "big")
        entry = entry.ljust(_ENTRY - 4, b"\0") + (16).to_bytes(4, "big") + bytes(8) + size.to_bytes(8, "big")
        entry += ident + text
        table += entry.ljust(-(-len(entry) // 8) * 8, b"\0")
    number = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
    try:
        os.ftruncate(number, _SNAPSHOTS_AT)
        os.pwrite(number, table, _SNAPSHOTS_AT)
        os.pwrite(number, len(kept).to_bytes(4, "big") + _SNAPSHOTS_AT.to_bytes(8, "big"), 60)
    finally:
        os.close(number)


def _text_at(path: str) -> int:
    return 0 if kind(path) == "raw" else _SNAPSHOTS_AT - _TEXT


def write_text(path: str, text: str) -> None:
    """Write the text that stands for what is on an image."""
    place = _text_at(path)
    number = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
    try:
        os.pwrite(number, text.encode()[:_TEXT], place)
    finally:
        os.close(number)


def read_text(path: str) -> str:
    """The text that stands for what is on an image, or on the one that it continues; "" if there is none."""
    with open(path, "rb") as file:
        file.seek(_text_at(path))
        text = file.read(_TEXT).partition(b"\0")[0]
    if text.startswith(_OURS):
        return text.decode("utf-8", "replace")
    below = os.path.join(os.path.dirname(path), backing(path) or ".")
    return read_text(below) if os.path.isfile(below) else ""


def mark(path: str) -> None:
    """Note in an image that it holds a system that boots."""
    write_text(path, _SYSTEM)


def is_marked(path: str) -> bool:
    """Whether an image is noted to hold a system that boots."""
    return read_text(path).startswith(_SYSTEM)


def holds_system(path: str) -> bool:
    """Whether an image, or what it continues, holds a system that boots, as far as one sees: it is not blank."""
    while os.path.isfile(path):
        if is_marked(path) or os.stat(path).st_blocks * _SECTOR > _BLANK:
            return True
        below = backing(path)
        path = os.path.join(os.path.dirname(path), below) if below else ""
    return False


def copy(source: str, target: str) -> None:
    """Copy a file and leave its holes holes."""
    reader = os.open(source, os.O_RDONLY | os.O_CLOEXEC)
    writer = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o640)
    try:
        length, place = os.fstat(reader).st_size, 0
        while place < length:
            try:
                begin = os.lseek(reader, place, os.SEEK_DATA)
            except OSError:
                break  # only a hole is left
            place = os.lseek(reader, begin, os.SEEK_HOLE)
            while begin < place:
                data = os.pread(reader, min(place - begin, 1 << 20), begin)
                os.pwrite(writer, data, begin)
                begin += len(data)
        os.ftruncate(writer, length)
    finally:
        os.close(reader)
        os.close(writer)
