"""Pauses: where in the middle of its work a slow call waits."""

from __future__ import annotations

seconds = 0.0
"""How long, asked for in faults.toml."""


def pause() -> None:
    """Wait, if this call was asked to be slow."""
    if seconds:
        import time

        time.sleep(seconds)
