"""Words of a call of pvesh: the path among them decides which options there are."""

from __future__ import annotations

from phoenix.pve.options import Command
from phoenix.rehearsal.failures import Failure
from phoenix.rehearsal.pvesh import index, paths

TYPE_CHECKING = False
if TYPE_CHECKING:
    from phoenix.rehearsal.tree import Tree

_METHODS = ("create", "delete", "get", "set")
_OLD = {"--noproxy": "--noproxy", "--nooutput": "--quiet"}
"""Options that may stand before the subcommand, and what they are called behind it."""


def ready(words: list[str]) -> list[str]:
    """The words with the subcommand first."""
    early = []
    while words and words[0] in _OLD:
        early.append(_OLD[words[0]])
        words = words[1:]
    return words + early if words[:1] != ["usage"] else words


def command(tree: Tree, name: str, known: Command, words: list[str]) -> Command:
    """A subcommand with the options of the path that comes right after it; `words` are the words of the call.

    Like the real one it looks for the path only where it belongs, and only if the subcommand is not abbreviated.
    """
    if name not in _METHODS or words[0] != name or len(words) < 2:
        return known
    path = words[1]
    added = paths.options_of(name, path)
    if added is None:
        raise _refusal(tree, name, path)
    return Command(known.positional, *added, *known.options.values())


def _refusal(tree: Tree, name: str, path: str) -> Failure:
    words = paths.words_of(path)
    if index.has(name, words, tree.release) or index.is_beyond(words, tree.release):
        return Failure(f"the rehearsal node has no `pvesh {name} {path}`")
    return Failure(f"No '{name}' handler defined for '{path}'", 1)
