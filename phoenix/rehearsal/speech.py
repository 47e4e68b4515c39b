"""Speech: what a rehearsed tool writes, at once and unbuffered, and the count of its warnings."""

from __future__ import annotations

import os

warnings = 0
"""How many warnings this task has given so far; Proxmox VE 9 counts them at the end."""


def write(number: int, text: str) -> None:
    """Write `text` to a descriptor, all of it."""
    data = text.encode("utf-8", "replace")
    while data:
        data = data[os.write(number, data) :]


def say(text: str) -> None:
    """A line on standard output."""
    write(1, text + "\n")


def say_latin(text: str) -> None:
    """A line as Perl prints text that it was given no encoding for: in Latin-1 where that can say it."""
    data = (text + "\n").encode("latin-1" if all(ord(char) < 256 for char in text) else "utf-8", "replace")
    while data:
        data = data[os.write(1, data) :]


def complain(text: str) -> None:
    """A line on standard error; inside a task that is the caller's standard output."""
    write(2, text + "\n")


def count_warning(text: str) -> None:
    """A warning of a task."""
    global warnings
    warnings += 1
    complain("WARN: " + text)
