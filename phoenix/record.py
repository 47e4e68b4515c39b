"""The record of one guest: what proves that Phoenix made it."""

from __future__ import annotations

import os

from phoenix import files
from phoenix.value import Value

LEGEND = "# The guest that Phoenix made under this ID. Without this file Phoenix treats the guest as a stranger.\n"


class Record(Value):
    """`mark` is also in the guest's description; `volumes` are its own, sorted; `made` turns true once it was seen."""

    mark: str
    made: bool
    volumes: tuple[str, ...]


def new_mark() -> str:
    """A mark that no other guest has: 128 random bits as hexadecimal digits."""
    return os.urandom(16).hex()


def load(path: str) -> Record | None:
    """The record in `path`, or None if there is none. An unreadable one counts as none: it proves nothing."""
    try:
        lines = files.read_text(path).split("\n")
    except OSError:
        return None
    facts = dict(line.split(": ", 1) for line in lines if ": " in line and not line.startswith("#"))
    if not facts.get("mark"):
        return None
    return Record(facts["mark"], facts.get("made") == "yes", tuple(facts.get("volumes", "").split()))


def save(path: str, record: Record) -> None:
    """Write the record durably."""
    made = "yes" if record.made else "no"
    text = f"mark: {record.mark}\nmade: {made}\nvolumes: {' '.join(record.volumes)}\n"
    files.replace(path, LEGEND + text)
