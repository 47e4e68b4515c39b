"""`chronyc`: tells chronyd, which a rehearsal node does not run, to read its servers again."""

from __future__ import annotations

from phoenix.rehearsal import speech
from phoenix.rehearsal.failures import WrongUsage

TYPE_CHECKING = False
if TYPE_CHECKING:
    from phoenix.rehearsal.tree import Tree


def run(_tree: Tree, words: list[str]) -> int:
    """Take `reload sources`."""
    if words != ["reload", "sources"]:
        raise WrongUsage("Unrecognized command")
    speech.say("200 OK")
    return 0
