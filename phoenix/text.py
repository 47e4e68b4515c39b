"""Text made safe to show: what comes from elsewhere, and commands."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence


def printable(text: str) -> str:
    """`text` as one line that cannot move a cursor or forge another line: everything unprintable as escapes."""
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text)


def shell(argv: Sequence[str]) -> str:
    """A command as one would type it."""
    import shlex

    return " ".join(shlex.quote(word) for word in argv)
