"""Sizes as the resize commands take them: a whole size, or how much is added."""

from __future__ import annotations

from phoenix.pve import formats


def wanted(text: str, now: int) -> int:
    """The bytes that `text`, as +2G or 32G, asks for where there are `now`."""
    count = formats.size(text.lstrip("+")) or 0
    return now + count if text.startswith("+") else count
