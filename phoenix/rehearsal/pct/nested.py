"""Nested tasks: a start at the end of another task, as --start asks for it."""

from __future__ import annotations

from phoenix.rehearsal import speech
from phoenix.rehearsal.failures import Failure
from phoenix.rehearsal.pct import state
from phoenix.rehearsal.speech import complain

TYPE_CHECKING = False
if TYPE_CHECKING:
    from phoenix.rehearsal.tree import Tree


def start(tree: Tree, guest: str) -> None:
    """Start a container. How that ended is only told: the task around it has succeeded."""
    before = speech.warnings
    try:
        state.start_task(tree, guest, False)
    except Failure as failure:
        complain(failure.text)
        return
    if speech.warnings > before:
        complain(f"Task finished with {speech.warnings} warning(s)!")
        speech.warnings = 1
