"""`useradd`: makes an account of a person, with a group of its own and a home. By useradd(8); see accounts."""

from __future__ import annotations

import os

from phoenix.rehearsal import pauses
from phoenix.rehearsal.failures import Failure, WrongUsage
from phoenix.rehearsal.programs import accounts

TYPE_CHECKING = False
if TYPE_CHECKING:
    from phoenix.rehearsal.tree import Tree


def run(tree: Tree, words: list[str]) -> int:
    """Take --create-home, --shell, --comment, --groups and a name; 9 for one that is there."""
    given, names = accounts.options(words, ("--create-home",), ("--shell", "--comment", "--groups"))
    if len(names) != 1:
        raise WrongUsage("Usage: useradd [options] LOGIN")
    name, home = names[0], f"/home/{names[0]}"
    users, groups = accounts.lines(tree, accounts.PASSWD), accounts.lines(tree, accounts.GROUP)
    if any(fields[0] == name for fields in users):
        raise Failure(f"useradd: user '{name}' already exists", 9)
    if any(fields[0] == name for fields in groups):
        raise Failure(f"useradd: group {name} exists - if you want to add this user to that group, use -g.", 9)
    number = accounts.free_number(users)
    group = accounts.free_number(groups, number)
    accounts.join(groups, name, given.get("--groups", ""), "useradd")
    users.append([name, "x", number, group, given.get("--comment", ""), home, given.get("--shell", "/bin/sh")])
    pauses.pause()
    accounts.write(tree, accounts.PASSWD, users)
    accounts.write(tree, accounts.SHADOW, [*accounts.lines(tree, accounts.SHADOW), accounts.shadow(name, "!")])
    accounts.write(tree, accounts.GROUP, [*groups, [name, "x", group, ""]])
    if "--create-home" in given and not os.path.isdir(tree(home)):
        os.makedirs(tree("/home"), exist_ok=True)
        os.mkdir(tree(home), 0)
        if not os.geteuid():
            os.chown(tree(home), int(number), int(group))
        os.chmod(tree(home), 0o700)
    return 0
