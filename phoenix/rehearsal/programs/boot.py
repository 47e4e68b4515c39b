"""Programs that make what the next start reads: nobody starts a rehearsal node, so they only take their words."""

from __future__ import annotations

from phoenix.rehearsal import speech

TYPE_CHECKING = False
if TYPE_CHECKING:
    from phoenix.rehearsal.tree import Tree


def run(_tree: Tree, words: list[str]) -> int:
    """Say what was asked for."""
    speech.say("done: " + " ".join(words))
    return 0
