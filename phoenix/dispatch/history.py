"""`log`: the journals of the node's guests, as people read them."""

from __future__ import annotations

import os

from phoenix import cli, output
from phoenix.errors import NotReady, UnknownName
from phoenix.journal import Journal
from phoenix.text import printable, shell

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from phoenix.paths import Paths

    Event = dict[str, Any]

SUFFIX = ".jsonl"
NO_END = "no end is written"


def show(paths: Paths, guest: str, *, json: bool) -> int:
    """Print what was done to one guest, or to all, oldest first; what is damaged is said, and not believed."""
    found = [Journal(path).read() for path in journals(paths, guest)]
    events = sorted((event for events, _ in found for event in events), key=lambda event: str(event.get("time")))
    damaged = {path: lines for path, (_, lines) in zip(journals(paths, guest), found) if lines}
    for path, lines in damaged.items():
        cli.note(f"note: {path}: damaged, and not believed: line {', '.join(map(str, lines))}")
    if json:
        output.document(events=events, damaged=damaged)
    else:
        output.text("\n".join(told(events)) or "nothing was done yet")
    return 0


def journals(paths: Paths, guest: str) -> list[str]:
    """The journals of one guest, or of all. UnknownName if there is none of that guest."""
    folder = os.path.dirname(paths.journal("", ""))
    try:
        names = sorted(name for name in os.listdir(folder) if name.endswith(SUFFIX))
    except FileNotFoundError:
        names = []
    except OSError as error:
        raise NotReady(f"{folder}: {error.strerror}", "run it as root") from error
    known = [name[: -len(SUFFIX)].rpartition("-")[2] for name in names]
    if guest and guest not in known:
        raise UnknownName(
            f"Phoenix has done nothing to {guest} here{cli.did_you_mean(guest, known)}", "phoenix.pyz log"
        )
    return [f"{folder}/{name}" for name, one in zip(names, known) if guest in ("", one)]


def told(events: list[Event]) -> list[str]:
    """A line for each command, with what it led to, and for what else happened."""
    rows: list[list[str]] = []
    begun: dict[str, list[str]] = {}
    for event in events:
        guest = f"{event.get('kind')} {event.get('id')}"
        before = begun.pop(guest, None)
        if event["event"] == "outcome" and before:
            before[2] = ended(event)
            continue
        words = event.get("argv") if isinstance(event.get("argv"), list) else []
        command = "$ " + shell([str(word) for word in words]) if words else ""
        rows.append([str(event.get("time")), guest, NO_END if words else str(event["event"]), command])
        if words:
            begun[guest] = rows[-1]
    width = max((len(row[2]) for row in rows), default=0)
    return [printable(f"{time}  {guest}  {end:<{width}}  {command}".rstrip()) for time, guest, end, command in rows]


def ended(event: Event) -> str:
    """How a command ended: the state after it, and its exit status if that was not 0."""
    status = event.get("status")
    state = str(event.get("state"))
    if status is None:
        return f"{state} (it took too long)"
    return state if status == 0 else f"{state} (exit {status})"
