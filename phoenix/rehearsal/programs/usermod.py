"""`usermod`: changes an account. By usermod(8); see accounts."""

from __future__ import annotations

from phoenix.rehearsal.failures import Failure, WrongUsage
from phoenix.rehearsal.programs import accounts

TYPE_CHECKING = False
if TYPE_CHECKING:
    from phoenix.rehearsal.tree import Tree

_PLACES = {"--comment": 4, "--shell": 6}


def run(tree: Tree, words: list[str]) -> int:
    """Take --comment, --shell, --append with --groups, and a name; 6 for one that is not there."""
    given, names = accounts.options(words, ("--append",), ("--comment", "--shell", "--groups"))
    if len(names) != 1 or ("--groups" in given) != ("--append" in given):
        raise WrongUsage("Usage: usermod [options] LOGIN")
    users, groups = accounts.lines(tree, accounts.PASSWD), accounts.lines(tree, accounts.GROUP)
    fields = next((fields for fields in users if fields[0] == names[0]), None)
    if fields is None:
        raise Failure(f"usermod: user '{names[0]}' does not exist", 6)
    accounts.join(groups, names[0], given.get("--groups", ""), "usermod")
    for option, place in _PLACES.items():
        fields[place] = given.get(option, fields[place])
    accounts.write(tree, accounts.PASSWD, users)
    accounts.write(tree, accounts.GROUP, groups)
    return 0
