"""`apt-get`: fetches nothing, and installs packages by adding them to dpkg's list. By apt-get(8).

Run for this: apt 2.6 and 3.0, whose words tests/bare/test_setup_apt.py meets too. Which packages there are, and what
they conflict with, is in the lists of packages in /var/lib/apt/lists; a node that has none is believed to find all that
it is asked for. Of a file the node reads what it says of itself. No package is brought because another one needs it.
"""

from __future__ import annotations

import os

from phoenix.pve import debian
from phoenix.rehearsal import pauses, speech
from phoenix.rehearsal.failures import Failure, WrongUsage
from phoenix.rehearsal.programs import dpkg

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Final

    from phoenix.rehearsal.tree import Tree

LISTS: Final = "/var/lib/apt/lists"
_FLAGS: Final = ("--fix-broken", "--no-install-recommends", "--no-remove", "--simulate", "--yes")
_INTERRUPTED: Final = "E: dpkg was interrupted, you must manually run 'dpkg --configure -a' to correct the problem. "


def run(tree: Tree, words: list[str]) -> int:
    """Take `update`, and `install` with packages and .deb files; 100 for what cannot be."""
    plain = _without_options(words)
    flags = {word for word in plain if word.startswith("-")}
    names = [word for word in plain if word not in flags]
    if not names or names[0] not in ("install", "update") or not flags <= {*_FLAGS}:
        raise WrongUsage(f"E: Invalid operation {' '.join(words)}")
    speech.say("Reading package lists...")
    if names[0] == "update":
        return 0
    if dpkg.interrupted(tree) and "--simulate" not in flags:
        raise Failure(_INTERRUPTED, 100)
    return _install(tree, flags, names[1:])


def _without_options(words: list[str]) -> list[str]:
    """The words but those of the configuration: -o NAME=VALUE."""
    return [word for word, before in zip(words, ["", *words]) if word != "-o" and before != "-o"]


def _install(tree: Tree, flags: set[str], names: list[str]) -> int:
    there = dpkg.paragraphs(tree)
    given = [_of_file(tree, name) if name.startswith("/") else _of_lists(tree, name) for name in names]
    new = {known["package"]: known for known in given if not _has(there, known)}
    _check_needs(there, new)
    gone = [name for name in there for known in new.values() if name in _names(known.get("conflicts", ""))]
    if gone and "--no-remove" in flags:
        raise Failure("E: Packages need to be removed but remove is disabled.", 100)
    for name in gone:
        speech.say(f"Remv {name} [{debian.fields(there[name])['version']}]")
    for word in ("Inst", "Conf"):
        for name, known in new.items():
            speech.say(f"{word} {name} ({known['version']} [{known.get('architecture', 'all')}])")
    if "--simulate" in flags:
        return 0
    for name, known in new.items():
        there[name] = (
            f"Package: {name}\nStatus: install ok installed\n"
            f"Architecture: {known.get('architecture', 'all')}\nVersion: {known['version']}"
        )
    pauses.pause()
    dpkg.write(tree, there)
    return 0


def _of_file(tree: Tree, path: str) -> Mapping[str, str]:
    try:
        with open(tree(path), "rb") as file:
            found = debian.control(file.read())
    except OSError:
        found = None
    if not found:
        raise Failure(f"E: Unsupported file {path} given on commandline", 100)
    return found


def _of_lists(tree: Tree, name: str) -> Mapping[str, str]:
    folder = tree(LISTS)
    lists = [file for file in os.listdir(folder) if file.endswith("_Packages")] if os.path.isdir(folder) else []
    for file in lists:
        for text in tree.read(f"{LISTS}/{file}").split("\n\n"):
            known = debian.fields(text)
            if known.get("package") == name:
                return known
    if lists:
        raise Failure(f"E: Unable to locate package {name}", 100)
    return {"package": name.partition(":")[0], "version": "1.0-1"}


def _has(there: Mapping[str, str], known: Mapping[str, str]) -> bool:
    text = there.get(known["package"], "")
    return dpkg.is_installed(text) and not debian.is_older(debian.fields(text)["version"], known["version"])


def _check_needs(there: Mapping[str, str], new: Mapping[str, Mapping[str, str]]) -> None:
    """Failure if a file needs a package that is not there and was not given."""
    for name, known in new.items():
        for needed in _names(known.get("depends", "")):
            if needed not in new and not dpkg.is_installed(there.get(needed, "")):
                speech.say("The following packages have unmet dependencies:")
                speech.say(f" {name} : Depends: {needed} but it is not installable")
                raise Failure("E: Unable to correct problems, you have held broken packages.", 100)


def _names(field: str) -> list[str]:
    """The names in a field, the first of those that one may choose from; versions are not looked at."""
    return [words[0] for part in field.split(",") for words in [part.partition("|")[0].split()] if words]
