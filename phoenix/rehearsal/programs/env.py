"""`env`: runs another program of the node with variables, which none of those here asks for. By env(1)."""

from __future__ import annotations

from phoenix.rehearsal.failures import Failure

TYPE_CHECKING = False
if TYPE_CHECKING:
    from phoenix.rehearsal.tree import Tree


def run(tree: Tree, words: list[str]) -> int:
    """Take NAME=VALUE ... PROGRAM WORD ..."""
    from phoenix.rehearsal import programs, tool

    while words and "=" in words[0]:
        words = words[1:]
    if not words or words[0] not in programs.PROGRAMS:
        raise Failure(f"env: '{' '.join(words[:1])}': No such file or directory", 127)
    return tool.run(tree, words[0], words[1:])
