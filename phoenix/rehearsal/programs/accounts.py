"""Accounts: the files of users and groups of the system, which useradd and its like change. By passwd(5) and group(5).

Run for them: passwd 4.13 and 4.17, whose words tests/bare/test_setup_users.py meets too. They keep no gshadow, no
subordinate numbers and no skeleton of a home here.
"""

from __future__ import annotations

import time

from phoenix.rehearsal.failures import Failure, WrongUsage

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Final

    from phoenix.rehearsal.tree import Tree

PASSWD, GROUP, SHADOW = "/etc/passwd", "/etc/group", "/etc/shadow"
FIRST, LAST = 1000, 59999
_MODES: Final = {PASSWD: 0o644, GROUP: 0o644, SHADOW: 0o640}


def lines(tree: Tree, path: str) -> list[list[str]]:
    """The fields of each line of a file."""
    return [line.split(":") for line in tree.read(path).split("\n") if line]


def write(tree: Tree, path: str, found: list[list[str]]) -> None:
    """Write a file of fields."""
    tree.replace(path, "".join(":".join(fields) + "\n" for fields in found), _MODES[path])


def free_number(found: list[list[str]], wanted: str = "") -> str:
    """The number `wanted`, if nobody has it in a file; else the one after the highest that a person or group has."""
    taken = [int(fields[2]) for fields in found if fields[2].isdigit()]
    if wanted and int(wanted) not in taken:
        return wanted
    return str(max([number for number in taken if FIRST <= number <= LAST], default=FIRST - 1) + 1)


def shadow(name: str, password: str) -> list[str]:
    """The line of an account with that password."""
    return [name, password, str(int(time.time()) // 86400), "0", "99999", "7", "", "", ""]


def join(groups: list[list[str]], name: str, wanted: str, program: str) -> None:
    """Make an account a member of these groups, with commas between them. Failure 6 for one that is not there."""
    for group in wanted.split(",") if wanted else ():
        fields = next((fields for fields in groups if fields[0] == group), None)
        if fields is None:
            raise Failure(f"{program}: group '{group}' does not exist", 6)
        members = [member for member in fields[3].split(",") if member]
        fields[3] = ",".join([*members, *[name] * (name not in members)])


def options(words: Sequence[str], flags: Sequence[str], valued: Sequence[str]) -> tuple[dict[str, str], list[str]]:
    """The options among some words, each by its long name, and what else there is."""
    found: dict[str, str] = {}
    rest = []
    left = list(words)
    while left:
        word = left.pop(0)
        if word in flags:
            found[word] = ""
        elif word in valued and left:
            found[word] = left.pop(0)
        elif word.startswith("-"):
            raise WrongUsage(f"unrecognized option '{word}'")
        else:
            rest.append(word)
    return found, rest
