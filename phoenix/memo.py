"""Memo: what pure functions have said, by what they were asked: of many guests, most have most in common."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TypeVar

    Said = TypeVar("Said")

MOST = 10_000
"""So many answers are kept at most."""


class Memo(dict):  # type: ignore[type-arg]
    """Answers by question, for as long as this process lives. Nobody may change an answer."""

    def keep(self, question: object, answer: Said) -> Said:
        """Keep an answer; when there are too many all are forgotten, which costs less than to know the old ones."""
        if len(self) >= MOST:
            self.clear()
        self[question] = answer
        return answer
