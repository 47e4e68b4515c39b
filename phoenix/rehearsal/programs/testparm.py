"""`testparm`: reads a smb.conf and says what is wrong with it.

Run for this: testparm of Samba 4.17 and 4.22, whose words and statuses tests/rehearsal/test_real_shares.py compares.
Kept short: only options that are yes or no have their values looked at, and what is printed is as it was written.
"""

from __future__ import annotations

import os

from phoenix.rehearsal import speech
from phoenix.rehearsal.failures import Failure, WrongUsage
from phoenix.rehearsal.programs.smbparameters import GLOBAL_BOOLEANS, GLOBAL_OTHERS, SHARE_BOOLEANS, SHARE_OTHERS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from phoenix.rehearsal.tree import Tree

_YES_OR_NO = ("yes", "no", "true", "false", "1", "0", "on", "off")


def run(tree: Tree, words: list[str]) -> int:
    """Take `-s FILE`; 1 for what cannot be read."""
    if len(words) != 2 or words[0] != "-s":
        raise WrongUsage("Usage: testparm [OPTION...] [CONFIG-FILE] [HOSTNAME [HOSTADDRESS]]")
    speech.complain(f"Load smb config files from {words[1]}")
    sections: dict[str, dict[str, str]] = {"global": {}}
    try:
        _load(tree, words[1], "global", sections)
    except OSError as error:
        raise Failure("Error loading services.", 1) from error
    for name, options in sections.items():
        if name not in ("global", "homes") and "path" not in options:
            speech.complain(f"WARNING: No path in service {name} - making it unavailable!")
            speech.complain(f"NOTE: Service {name} is flagged unavailable.")
    speech.complain("Loaded services file OK.")
    for name, options in sections.items():
        speech.say(f"[{name}]\n" + "".join(f"\t{key} = {value}\n" for key, value in options.items()))
    return 0


def _load(tree: Tree, path: str, within: str, sections: dict[str, dict[str, str]]) -> str:
    """Take in a file; returns the section that is open at its end."""
    with open(path if path.startswith("/dev/") else tree(path), encoding="utf-8", errors="replace") as file:
        lines = _lines(file.read())
    for line in lines:
        if line.startswith("["):
            if "]" not in line:
                raise Failure("Error loading services.", 1)
            within = _known(sections, line[1:].partition("]")[0].strip())
            continue
        name, equals, value = (part.strip() for part in line.partition("="))
        if not equals:
            continue  # without a word
        if not name:
            raise Failure("Error loading services.", 1)
        if name == "include":
            within = _load(tree, value, within, sections) if os.path.exists(tree(value)) else within
        elif _is_taken(name, value, within):
            sections[within]["path" if name == "directory" else name] = value
    return within


def _lines(text: str) -> list[str]:
    """The lines that are no comments; one that ends in a backslash goes on in the next, but for a comment."""
    found = [""]
    for line in map(str.strip, text.split("\n")):
        if found[-1].endswith("\\"):
            found[-1] = f"{found[-1][:-1].rstrip()} {line}"
        elif line and line[0] not in "#;":
            found.append(line)
    return found[1:]


def _known(sections: dict[str, dict[str, str]], name: str) -> str:
    """The name of a section as it was first written; a second one goes on with it."""
    found = next((other for other in sections if other.lower() == name.lower()), name)
    sections.setdefault(found, {})
    return found


def _is_taken(name: str, value: str, within: str) -> bool:
    """Whether an option counts; Failure for a value that it cannot have."""
    plain = "".join(name.split()).lower()
    if ":" in plain:
        return True
    if plain not in SHARE_BOOLEANS | SHARE_OTHERS | GLOBAL_BOOLEANS | GLOBAL_OTHERS:
        speech.complain(f'Unknown parameter encountered: "{name}"')
        speech.complain(f'Ignoring unknown parameter "{name}"')
        return False
    if within != "global" and plain in GLOBAL_BOOLEANS | GLOBAL_OTHERS:
        speech.complain(f"Global parameter {name} found in service section!")
        return False
    if plain in SHARE_BOOLEANS | GLOBAL_BOOLEANS and value.lower() not in _YES_OR_NO:
        raise Failure(f"set_variable_helper({value}): value is not boolean!\nError loading services.", 1)
    return True
