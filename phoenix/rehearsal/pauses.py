"""Pauses: where in the middle of its work a slow call waits."""

from __future__ import annotations

seconds = 0.0
"""How long is still to be waited, as faults.toml asks."""


def pause() -> None:
    """Wait, once, if this call was asked to be slow."""
    global seconds
    if seconds:
        import time

        wanted, seconds = seconds, 0.0
        time.sleep(wanted)
