"""`dpkg`: goes on where it was interrupted; and its list of packages, which `apt-get` here changes too.

By dpkg(1) and deb822(5); run for this: dpkg 1.21.
"""

from __future__ import annotations

import os

from phoenix.pve import debian
from phoenix.rehearsal import pauses, speech
from phoenix.rehearsal.failures import WrongUsage

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from phoenix.rehearsal.tree import Tree

STATUS, UPDATES = "/var/lib/dpkg/status", "/var/lib/dpkg/updates"


def run(tree: Tree, words: list[str]) -> int:
    """Take `--configure -a` and what is to become of configuration files, of which there are none."""
    plain = [word for word in words if not word.startswith("--force-conf")]
    if plain != ["--configure", "-a"]:
        raise WrongUsage("dpkg: error: need an action option")
    found = paragraphs(tree)
    for name, text in found.items():
        if not is_installed(text):
            speech.say(f"Setting up {name} ({debian.fields(text)['version']}) ...")
            found[name] = "\n".join(
                "Status: install ok installed" if line.startswith("Status: ") else line for line in text.split("\n")
            )
    pauses.pause()
    write(tree, found)
    for name in interrupted(tree):
        os.unlink(tree(f"{UPDATES}/{name}"))
    return 0


def interrupted(tree: Tree) -> list[str]:
    """What an interrupted dpkg has left in its folder."""
    folder = tree(UPDATES)
    return [name for name in sorted(os.listdir(folder)) if name.isdigit()] if os.path.isdir(folder) else []


def paragraphs(tree: Tree) -> dict[str, str]:
    """What the list says of each package, by its name."""
    texts = (text.strip("\n") for text in tree.read(STATUS).split("\n\n"))
    return {debian.fields(text)["package"]: text for text in texts if text}


def is_installed(text: str) -> bool:
    """Whether a package is installed completely, by its paragraph."""
    return debian.fields(text).get("status") == "install ok installed"


def write(tree: Tree, found: Mapping[str, str]) -> None:
    """Make this the list."""
    tree.replace(STATUS, "".join(f"{text}\n\n" for text in found.values()), 0o644)
