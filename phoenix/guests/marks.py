"""The mark of a guest that Phoenix made: one line at the end of its description."""

from __future__ import annotations

LINE = "Made by Phoenix, mark "
"""What the line begins with, before the mark of the guest's record."""

LENGTH = len("\n" + LINE) + 32
"""What the line adds to a description, in characters."""


def split(description: str) -> tuple[str, str]:
    """A description without our line, and the mark in that line; "" if there is none, or more than one."""
    lines = description.rstrip("\n").split("\n")
    marks = [line[len(LINE) :].strip() for line in lines if line.startswith(LINE)]
    rest = "\n".join(line for line in lines if not line.startswith(LINE))
    return rest.rstrip("\n"), marks[0] if len(marks) == 1 else ""


def join(description: str, mark: str) -> str:
    """A description with our line as its last."""
    return f"{description}\n{LINE}{mark}" if description else LINE + mark
