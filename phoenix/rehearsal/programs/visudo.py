"""`visudo`: says whether a file of sudo's is right. By visudo(8) and sudoers(5), of which it knows one kind of line."""

from __future__ import annotations

import re

from phoenix.rehearsal import speech
from phoenix.rehearsal.failures import Failure, WrongUsage

TYPE_CHECKING = False
if TYPE_CHECKING:
    from phoenix.rehearsal.tree import Tree

_RULE = re.compile(r"%?[a-z_][a-z0-9_-]* ALL=\(ALL(:ALL)?\) (NOPASSWD: )?ALL")


def run(_tree: Tree, words: list[str]) -> int:
    """Take `-c -f` and a file; 1 for one that is wrong."""
    if words[:2] != ["-c", "-f"] or len(words) != 3:
        raise WrongUsage("usage: visudo [-chqsV] [[-f] sudoers ]")
    with open(words[2], encoding="utf-8") as file:
        for number, line in enumerate(file, 1):
            if line.strip() and not line.startswith("#") and not _RULE.fullmatch(line.strip()):
                raise Failure(f"{words[2]}:{number}: syntax error", 1)
    speech.say(f"{words[2]}: parsed OK")
    return 0
