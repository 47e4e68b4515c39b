"""The journal of one guest: every intent before it is carried out, every outcome after, one JSON object a line.

Each line ends in a checksum of what is before it: a line that a crash has torn, or that a disk has damaged, is
known as such, and never believed.
"""

from __future__ import annotations

import time

from phoenix import files, jsonline
from phoenix.record import checksum

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    Event = dict[str, Any]

_SUM = ', "sum": "'
_END = '"}'


class Journal:
    """An append-only file, made durable line by line. It is read to recover, and by `phoenix.pyz log`.

    `facts` are those of the run, which every line has: the run, the node and its boot, the guest and its kind, and
    this process.
    """

    def __init__(self, path: str, **facts: Any) -> None:
        self.path = path
        self.facts = facts

    def add(self, event: str, **facts: Any) -> None:
        """Append one event with its facts (JSON values). NotReady if it cannot be made durable."""
        stamp = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        files.append(self.path, line({"time": stamp, "event": event, **self.facts, **facts}) + "\n")

    def read(self) -> tuple[list[Event], list[int]]:
        """All events so far, oldest first, and the numbers of the lines that are damaged."""
        events: list[Event] = []
        damaged = []
        for number, written in enumerate(self._lines(), 1):
            event = parsed(written)
            if event is not None:
                events.append(event)
            elif written:
                damaged.append(number)
        return events, damaged

    def _lines(self) -> list[str]:
        try:
            return files.read_text(self.path).split("\n")
        except FileNotFoundError:
            return []

    def events(self) -> list[Event]:
        """All events so far that can be believed, oldest first."""
        return self.read()[0]

    def unfinished(self) -> Event | None:
        """The last intent, if nobody has written down how it ended."""
        last = self._last_of("intent", "outcome")
        if last is None or (last["event"] == "outcome" and last.get("status") is not None):
            return None
        return last if last["event"] == "intent" else self._last_of("intent")

    def _last_of(self, *names: str) -> Event | None:
        """The last event of one of these names; the lines before it, of which there may be many, are not parsed."""
        events = (parsed(written) for written in reversed(self._lines()))
        return next((event for event in events if event and event["event"] in names), None)

    def having(self, event: str, **facts: Any) -> list[Event]:
        """The events of that name with these facts, oldest first."""
        wanted = {"event": event, **facts}
        return [found for found in self.events() if wanted.items() <= found.items()]

    def first(self, event: str, **facts: Any) -> Event | None:
        """The first event of that name with these facts."""
        return next(iter(self.having(event, **facts)), None)

    def last(self, event: str, **facts: Any) -> Event | None:
        """The last event of that name with these facts."""
        return next(reversed(self.having(event, **facts)), None)


def line(event: Event) -> str:
    """An event as a line of a journal."""
    text = jsonline.written(event)[:-1]
    return f"{text}{_SUM}{checksum(text)}{_END}"


def parsed(written: str) -> Event | None:
    """The event of a line, or None if it is not whole."""
    text, _, end = written.rpartition(_SUM)
    if not end or end != checksum(text) + _END:
        return None
    try:
        event = jsonline.parsed(text + "}")
    except (ValueError, RecursionError):
        return None
    return event if isinstance(event, dict) and isinstance(event.get("event"), str) else None
