"""High availability: which guests the manager has, and in which state it is to bring them."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from phoenix.rehearsal.kinds import Kind
    from phoenix.rehearsal.tree import Tree

_RESOURCES = "/etc/pve/ha/resources.cfg"


def is_managed(tree: Tree, kind: Kind, guest: str) -> bool:
    """Whether starting and stopping a guest is for the manager; one in the state `ignored` is left to the tools."""
    block = _block(tree.read(_RESOURCES), kind, guest)
    return bool(block) and "\tstate ignored" not in block


def set_state(tree: Tree, kind: Kind, guest: str, state: str) -> None:
    """Have the manager bring a guest into another state."""
    text = tree.read(_RESOURCES)
    block = _block(text, kind, guest)
    kept = [line for line in block if not line.startswith("\tstate ")]
    wanted = [kept[0], f"\tstate {state}", *kept[1:]]
    tree.replace(_RESOURCES, text.replace("\n".join(block), "\n".join(wanted)))


def _block(text: str, kind: Kind, guest: str) -> list[str]:
    """The lines about a guest; none if it is not managed."""
    lines, found = text.split("\n"), []
    head = f"{kind.word.lower()}: {guest}"
    if head in lines:
        found = [head]
        for line in lines[lines.index(head) + 1 :]:
            if not line.startswith("\t"):
                break
            found.append(line)
    return found
