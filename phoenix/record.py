"""The record of one guest: what proves that Phoenix made it."""

from __future__ import annotations

import os
import zlib

from phoenix import files
from phoenix.value import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

SUM = b"sum: "
_LISTS = ("volumes", "options", "features")
LEGEND = "# The guest that Phoenix made under this ID. Without this file Phoenix treats the guest as a stranger.\n"


class Record(Value):
    """`mark` is also in the guest's description; `volumes` are its own, sorted; `made` turns true once it was seen.

    `options` are those that Phoenix has set: one of them that is no longer in the file is taken back. `features` are
    those that are there, as name=digest; `password` is the digest of the file that it was set from. `finished` turns
    true when all that belongs to its creation is done, `well` when its health checks have passed since the last step.
    `options` has properties of tables too, as net0.tag. `waits` is the start of the guest whose end raw keys wait for.
    `cleaned` is true while it has been made fit to be a template since its last start; `drive` tells what was written
    to its drive of cloud-init. `agreed` is what phoenix/guests/agreement.py has written down.
    """

    mark: str
    made: bool
    volumes: tuple[str, ...]
    options: tuple[str, ...] = ()
    features: tuple[str, ...] = ()
    password: str = ""
    finished: bool = False
    well: bool = False
    waits: str = ""
    cleaned: bool = False
    drive: str = ""
    agreed: str = ""  # the last line, so that all before it is what it was written over


def checksum(text: str) -> str:
    """Eight hexadecimal digits that damage of the text changes; nothing secret depends on them."""
    return f"{zlib.crc32(text.encode('utf-8', 'surrogatepass')):08x}"


def new_mark() -> str:
    """A mark that no other guest has: 128 random bits as hexadecimal digits."""
    return os.urandom(16).hex()


def read(path: str) -> bytes:
    """The record in `path` without its sum; empty if there is none, or one that is not whole."""
    try:
        whole, sum_, end = files.read_bytes(path).rpartition(SUM)
    except OSError:
        return b""
    return whole if sum_ and end == b"%08x\n" % zlib.crc32(whole) else b""


def load(path: str) -> Record | None:
    """The record in `path`, or None if there is none. One that is not whole counts as none: it proves nothing."""
    text = read(path).decode("utf-8", "backslashreplace")
    facts = dict(line.split(": ", 1) for line in text.split("\n") if ": " in line and not line.startswith("#"))
    if not facts.get("mark"):
        return None
    found: dict[str, Any] = {}
    for name in Record.__annotations__:
        text, default = facts.get(name, ""), getattr(Record, name, None)
        if name in _LISTS:
            found[name] = tuple(text.split())
        else:
            found[name] = text == "yes" if default is False or name == "made" else text
    return Record(**found)


def save(path: str, record: Record) -> None:
    """Write the record durably."""
    text = lines(record)
    files.replace(path, f"{text}{SUM.decode()}{checksum(text)}\n")


def lines(record: Record) -> str:
    """The text of a record without its sum; what says nothing is left out."""
    text = LEGEND
    for name, value in record.fields().items():
        shown = " ".join(value) if name in _LISTS else {True: "yes", False: "no"}.get(value, value)
        text += f"{name}: {shown}\n" if value or not hasattr(Record, name) else ""
    return text
