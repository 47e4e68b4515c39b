"""Glance: the little that the dispatcher reads in a guest's file: its name, its tags, whom it needs, when it starts.

Whether that is right is the manager's to say; what has another form than expected is as if it were not there.
"""

from __future__ import annotations

from phoenix import files
from phoenix.config import load
from phoenix.value import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

LAST = 1 << 31
"""The place in the startup order of a guest that has none: after all others, as Proxmox VE has it."""
RELATING = (b"depends_on", b"clone", b"profile", b"\\")
"""A file without any of these words outside of comments relates to no other guest. A key can have escapes, too."""


class Glance(Value):
    """What a file says that matters to the order of several guests."""

    name: str  # hostname, or name
    tags: tuple[str, ...]
    needs: tuple[str, ...]  # the IDs of depends_on
    sources: tuple[str, ...]  # those it is cloned from
    state: str  # running, stopped or template
    order: int  # its place in the startup order
    up: int  # seconds from its start to that of the next in the order


def at(folder: str, kind: str, guest: str, seen: set[str]) -> Glance:
    """What the file of a guest says, and its profile. ConfigError if they are no TOML or cannot be trusted.

    `seen` are the folders that were found to be trustworthy already.
    """
    table = load.guest(folder, kind, guest, seen).table
    needs, sources = load.relations(table)
    ours = table.get("phoenix")
    state = ours.get("state") if isinstance(ours, dict) else None
    order, up = startup(table.get("startup"))
    return Glance(
        name=str(table.get("hostname") or table.get("name") or ""),
        tags=tags(table.get("tags")),
        needs=tuple(dict.fromkeys(needs)),
        sources=tuple(sources),
        state=state if isinstance(state, str) else "running",
        order=order,
        up=up,
    )


def stands_alone(folder: str, kind: str, guest: str) -> bool:
    """Whether a file says nothing of other guests, seen without parsing it."""
    lines = files.read_trusted(load.guest_path(folder, kind, guest)).split(b"\n")
    return not any(word in line for line in lines if line[:1] != b"#" for word in RELATING)


def tags(value: Any) -> tuple[str, ...]:
    """The tags of a list, or of a text as Proxmox VE writes them."""
    words = value if isinstance(value, list) else str(value or "").replace(",", ";").replace(" ", ";").split(";")
    return tuple(str(word).lower() for word in words if word)


def startup(value: Any) -> tuple[int, int]:
    """The order and the `up` delay of a table, or of a text as "order=1,up=30" or "1,up=30"."""
    if isinstance(value, int):
        return value, 0
    if isinstance(value, str):
        words = [word.strip() for word in value.split(",")]
        value = dict((word if "=" in word else f"order={word}").split("=", 1) for word in words)
    found = value if isinstance(value, dict) else {}
    order, up = (number(found.get(key)) for key in ("order", "up"))
    return LAST if order is None else order, up or 0


def number(value: Any) -> int | None:
    """A whole number, also as text; None for what is none."""
    text = str(value)
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else None
