"""The journal of one guest: every intent before it is carried out, every outcome after, one JSON object a line."""

from __future__ import annotations

import os
import time

from phoenix import files

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


class Journal:
    """An append-only file, made durable line by line. It is read only to recover, and by `phoenix.pyz log` later."""

    def __init__(self, path: str, run: str) -> None:
        self.path = path
        self.run = run

    def add(self, event: str, **facts: Any) -> None:
        """Append one event with its facts (JSON values). NotReady if it cannot be made durable."""
        import json

        stamp = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        line = json.dumps({"time": stamp, "run": self.run, "pid": os.getpid(), "event": event, **facts})
        files.append(self.path, line + "\n")

    def events(self) -> list[dict[str, Any]]:
        """All events so far, oldest first; a last line torn by a crash is left out."""
        import json

        try:
            lines = files.read_text(self.path).split("\n")
        except FileNotFoundError:
            return []
        found: list[dict[str, Any]] = []
        for line in lines:
            try:
                found.append(json.loads(line))
            except ValueError:
                continue
        return found
