"""Output: standard output as text for people or as one JSON document for machines."""

from __future__ import annotations

import sys

from phoenix.errors import PhoenixError
from phoenix.text import shown

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

VERSION = 1


def document(**facts: Any) -> None:
    """Write one JSON document; every one has a `version`."""
    import json

    words = json.dumps({"version": VERSION, **facts}, ensure_ascii=False)
    if not words.isprintable():
        words = "".join(char if char.isprintable() else json.dumps(char)[1:-1] for char in words)
    text(words)


def parsed(written: str) -> object:
    """A child's document; what a child that broke off has written instead stays as it is, a text."""
    import json

    try:
        return json.loads(written)
    except ValueError:
        return written


def failure(code: int, error: PhoenixError, **facts: Any) -> None:
    """Write the document of a run that ended with an error."""
    document(**facts, exit_code=code, error={"message": error.message, "hint": error.hint})


def text(line: str) -> None:
    """Write a line, or several, for people. Where standard output is closed nobody wants it."""
    if sys.stdout:
        sys.stdout.write(shown(line) + "\n")
