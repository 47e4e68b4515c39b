"""`groupadd`: makes a group. By groupadd(8); see accounts."""

from __future__ import annotations

from phoenix.rehearsal.failures import Failure, WrongUsage
from phoenix.rehearsal.programs import accounts

TYPE_CHECKING = False
if TYPE_CHECKING:
    from phoenix.rehearsal.tree import Tree


def run(tree: Tree, words: list[str]) -> int:
    """Take --gid and a name; 9 for one that is there."""
    given, names = accounts.options(words, (), ("--gid",))
    if len(names) != 1:
        raise WrongUsage("Usage: groupadd [options] GROUP")
    groups = accounts.lines(tree, accounts.GROUP)
    if any(fields[0] == names[0] for fields in groups):
        raise Failure(f"groupadd: group '{names[0]}' already exists", 9)
    number = given.get("--gid") or accounts.free_number(groups)
    accounts.write(tree, accounts.GROUP, [*groups, [names[0], "x", number, ""]])
    return 0
