"""`sysctl`: sets parameters of the kernel, which are files below /proc/sys."""

from __future__ import annotations

import os

from phoenix.rehearsal import speech
from phoenix.rehearsal.failures import WrongUsage

TYPE_CHECKING = False
if TYPE_CHECKING:
    from phoenix.rehearsal.tree import Tree


def run(tree: Tree, words: list[str]) -> int:
    """Take `-w NAME=VALUE`; 255 for a parameter that is not there."""
    if len(words) != 2 or words[0] != "-w" or "=" not in words[1]:
        raise WrongUsage("sysctl: bad usage")
    name, _, value = words[1].partition("=")
    place = name if "/" in name.partition(".")[0] else name.translate(str.maketrans("./", "/."))
    path = tree(f"/proc/sys/{place}")
    if not os.path.isfile(path):
        speech.complain(f"sysctl: cannot stat /proc/sys/{place}: No such file or directory")
        return 255
    with open(path, "w", encoding="utf-8") as file:
        file.write("\t".join(value.split()) + "\n")
    speech.say(f"{name} = {value}")
    return 0
