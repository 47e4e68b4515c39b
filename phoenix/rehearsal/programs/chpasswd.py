"""`chpasswd`: gives accounts passwords, which it reads. By chpasswd(8); see accounts."""

from __future__ import annotations

import os

from phoenix.rehearsal.failures import Failure, WrongUsage
from phoenix.rehearsal.programs import accounts

TYPE_CHECKING = False
if TYPE_CHECKING:
    from phoenix.rehearsal.tree import Tree


def run(tree: Tree, words: list[str]) -> int:
    """Take `-e`: each line is NAME:HASH; 1, and nothing is changed, for a name that is not there."""
    if words != ["-e"]:
        raise WrongUsage("Usage: chpasswd [options]")
    found = accounts.lines(tree, accounts.SHADOW)
    text = b"".join(iter(lambda: os.read(0, 4096), b"")).decode("utf-8", "replace")
    for number, line in enumerate(text.splitlines(), 1):
        name, _, password = line.partition(":")
        place = next((place for place, fields in enumerate(found) if fields[0] == name), None)
        if place is None:
            wrong = f"chpasswd: line {number}: user '{name}' does not exist"
            raise Failure(f"{wrong}\nchpasswd: error detected, changes ignored", 1)
        found[place] = accounts.shadow(name, password)
    accounts.write(tree, accounts.SHADOW, found)
    return 0
