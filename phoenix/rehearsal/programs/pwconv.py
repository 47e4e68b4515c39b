"""`pwconv`: gives accounts a line in /etc/shadow that have none. By pwconv(8); see accounts."""

from __future__ import annotations

from phoenix.rehearsal.failures import WrongUsage
from phoenix.rehearsal.programs import accounts

TYPE_CHECKING = False
if TYPE_CHECKING:
    from phoenix.rehearsal.tree import Tree


def run(tree: Tree, words: list[str]) -> int:
    """Take no words."""
    if words:
        raise WrongUsage("Usage: pwconv [options]")
    found = accounts.lines(tree, accounts.SHADOW)
    known = [fields[0] for fields in found]
    users = [fields for fields in accounts.lines(tree, accounts.PASSWD) if fields[0] not in known]
    accounts.write(tree, accounts.SHADOW, found + [accounts.shadow(fields[0], fields[1]) for fields in users])
    return 0
