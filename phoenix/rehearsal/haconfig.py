"""The guests that are given to the high availability manager, as resources.cfg has them."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

    from phoenix.rehearsal.kinds import Kind
    from phoenix.rehearsal.tree import Tree

FILE: Final = "/etc/pve/ha/resources.cfg"
LOCK: Final = "domain-ha"
"""What the cluster is locked by while the file changes."""
REQUESTS: Final = {"start": "started", "stop": "stopped", "shutdown": "stopped"}
"""The state that is asked for where a tool starts or stops a guest that is managed."""

Resources = dict[str, dict[str, str]]
"""Each resource's options by its name, ct:100 or vm:100; `type` is one of them."""


def read(tree: Tree) -> Resources:
    """The resources."""
    found: Resources = {}
    current: dict[str, str] = {}
    for line in tree.read(FILE).split("\n"):
        if line[:1] in (" ", "\t"):
            key, _, value = line.strip().partition(" ")
            if key:
                current[key] = value.strip()
        elif ":" in line and not line.startswith("#"):
            kind, _, name = line.partition(":")
            current = found.setdefault(f"{kind.strip()}:{name.strip()}", {})
            current["type"] = kind.strip()
    return found


def write(tree: Tree, resources: Resources) -> None:
    """Write the resources back: of each its comment first, then the rest by name."""
    text = ""
    for sid, entry in resources.items():
        kind, _, name = sid.partition(":")
        text += f"{kind}: {name}\n"
        for key in sorted(entry, key=lambda key: (key != "comment", key)):
            if key != "type":
                text += f"\t{key} {entry[key]}\n"
        text += "\n"
    tree.replace(FILE, text)


def name_of(kind: Kind, guest: str) -> str:
    """What a guest is called here."""
    return f"{kind.word.lower()}:{guest}"


def is_managed(tree: Tree, kind: Kind, guest: str) -> bool:
    """Whether a guest is given to the manager, which is not told to ignore it."""
    entry = read(tree).get(name_of(kind, guest))
    return entry is not None and entry.get("state") != "ignored"
