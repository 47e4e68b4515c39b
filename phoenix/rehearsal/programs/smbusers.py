"""`smbpasswd` and `pdbedit`: Samba's users. They are kept as a text of their names; no password is kept.

Run for this: both of Samba 4.17 and 4.22, whose words and statuses tests/rehearsal/test_real_shares.py compares.
"""

from __future__ import annotations

import os
import sys

from phoenix.rehearsal import speech
from phoenix.rehearsal.failures import Failure, WrongUsage

TYPE_CHECKING = False
if TYPE_CHECKING:
    from phoenix.rehearsal.tree import Tree

USERS = "/var/lib/samba/private/passdb.tdb"


def run(tree: Tree, words: list[str]) -> int:
    """Take `-L` of pdbedit, which lists the users, and `-s -a NAME` of smbpasswd, which makes one."""
    if words == ["-L"]:
        speech.write(1, tree.read(USERS))
        return 0
    if len(words) != 3 or words[:2] != ["-s", "-a"]:
        raise WrongUsage("When run by root:\n    smbpasswd [options] [username]")
    first, second = sys.stdin.readline(), sys.stdin.readline()
    if not second:
        raise Failure("Unable to get new password.", 1)
    if first.rstrip("\n") != second.rstrip("\n"):
        raise Failure("Mismatch - password unchanged.\nUnable to get new password.", 1)
    lines = [line.split(":") for line in tree.read("/etc/passwd").splitlines()]
    entry = next((line for line in lines if line[0] == words[2]), None)
    if entry is None:
        raise Failure(f"Failed to add entry for user {words[2]}.", 1)
    text = tree.read(USERS)
    if not any(line.startswith(words[2] + ":") for line in text.splitlines()):
        os.makedirs(os.path.dirname(tree(USERS)), exist_ok=True)
        tree.replace(USERS, f"{text}{words[2]}:{entry[2]}:{entry[4]}\n", 0o600)
        speech.say(f"Added user {words[2]}.")
    return 0
