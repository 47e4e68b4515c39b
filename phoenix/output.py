"""Output: standard output as text for people or as one JSON document for machines."""

from __future__ import annotations

import sys

from phoenix.errors import PhoenixError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

VERSION = 1


def document(**facts: Any) -> None:
    """Write one JSON document; every one has a `version`."""
    import json

    text(json.dumps({"version": VERSION, **facts}, ensure_ascii=False))


def failure(code: int, error: PhoenixError, **facts: Any) -> None:
    """Write the document of a run that ended with an error."""
    document(**facts, exit_code=code, error={"message": error.message, "hint": error.hint})


def text(line: str) -> None:
    """Write one line for people. Where standard output is closed nobody wants it."""
    if sys.stdout:
        sys.stdout.write((line + "\n").encode("utf-8", "backslashreplace").decode())
