"""Blocks: the marked part of a file that Phoenix shares with the administrator. Pure."""

from __future__ import annotations

BEGIN, END = "# phoenix begin", "# phoenix end"
"""The lines around what is ours; what stands outside is never touched."""


def split(text: str) -> tuple[str, str | None, str]:
    """What stands before our block, the block's own lines (None: there is none), and what stands after it.

    ValueError for a block that does not end, for two of them, and for an end without its begin.
    """
    lines = text.splitlines(keepends=True)
    begins = [place for place, line in enumerate(lines) if line.strip() == BEGIN]
    ends = [place for place, line in enumerate(lines) if line.strip() == END]
    if not begins and not ends:
        return text, None, ""
    if len(begins) != 1 or len(ends) != 1 or ends[0] < begins[0]:
        raise ValueError(f"expected one line {BEGIN!r} and one {END!r} after it")
    begin, end = begins[0], ends[0]
    return "".join(lines[:begin]), "".join(lines[begin + 1 : end]), "".join(lines[end + 1 :])


def merged(text: str, lines: str) -> str:
    """The text with these lines as our block, which comes last if there was none; without the block for no lines."""
    before, own, after = split(text)
    if own is None and before and not before.endswith("\n"):
        before += "\n"
    block = f"{BEGIN}\n{lines if lines.endswith(chr(10)) else lines + chr(10)}{END}\n" if lines else ""
    return before + block + after
