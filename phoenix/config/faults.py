"""Faults: everything that is wrong with a file, collected, so that one run names all of it."""

from __future__ import annotations

from phoenix.errors import ConfigError
from phoenix.text import printable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from phoenix.config.load import Document

NAMES = {
    bool: "a boolean",
    int: "an integer",
    float: "a number",
    str: "a string",
    dict: "a table",
    list: "a list",
}


class Faults:
    """What is wrong with one guest's file, and with the profile under it."""

    def __init__(self, document: Document) -> None:
        self.document = document
        self.found: list[str] = []

    def add(self, key: str, expected: str, value: Any, why: str = "") -> None:
        """Note that `key` is not what was expected, and `why` where that needs saying."""
        why = f" ({why})" if why else ""
        found = "nothing" if value is None else shown(value)
        self.say(key, f"expected {expected}, found {found}{why}")

    def say(self, key: str, text: str) -> None:
        """Note a fault in words of its own."""
        self.found.append(f"{self.document.origin(key)}: {printable(key)}: {text}")

    def stop(self) -> None:
        """ConfigError with everything that was noted, if anything was."""
        if self.found:
            raise ConfigError("\n       ".join(self.found), f"edit {self.document.path}; phoenix.pyz check")


def shown(value: Any) -> str:
    """A value as a user recognises it: its type where that is the point, cut short where it is long."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int) and abs(value) >= 1 << 64:
        return "a number of more than 64 bits"
    text = repr(value) if isinstance(value, (str, int, float)) else NAMES.get(type(value), type(value).__name__)
    return text if len(text) <= 80 else text[:77] + "..."
