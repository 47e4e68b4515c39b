"""Pauses: the point in the middle of a tool's work where something may be made to go wrong."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

action: Callable[[], None] | None = None
"""What happens at that point, once."""
in_worker = False
"""Whether this process is the worker of a task."""
full = False
"""Whether no space is left on any storage."""


def forget() -> None:
    """From now on nothing happens here: it does in the worker of the task."""
    global action
    action = None


def pause() -> None:
    """The point in the middle of the work, with the locks held."""
    global action
    if action is not None:
        wanted, action = action, None
        wanted()
