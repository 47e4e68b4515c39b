"""`lsblk`: shows a disk and its partitions, as JSON. By lsblk(8)."""

from __future__ import annotations

from phoenix.rehearsal import blockdevices, jsons, speech
from phoenix.rehearsal.failures import Failure, WrongUsage

TYPE_CHECKING = False
if TYPE_CHECKING:
    from phoenix.rehearsal.tree import Tree

NOTHING = 32
"""The status where none of the devices is there."""


def run(tree: Tree, words: list[str]) -> int:
    """Take `--json --paths --output=NAME,TYPE DISK`."""
    if words[:-1] != ["--json", "--paths", "--output=NAME,TYPE"]:
        raise WrongUsage("lsblk: bad usage\nTry 'lsblk --help' for more information.")
    device = blockdevices.find(tree, words[-1])
    if not device:
        raise Failure(f"lsblk: {words[-1]}: not a block device", NOTHING)
    is_part = bool(tree.read(f"{blockdevices.BLOCK}/{device}/partition"))
    parts = [jsons.show({"name": f"/dev/{part}", "type": "part"}) for part in blockdevices.parts(tree, device)]
    shown = jsons.show({"name": f"/dev/{device}", "type": "part" if is_part else "disk"})
    children = f', "children": [{", ".join(parts)}]' * bool(parts)
    speech.say(f'{{"blockdevices": [{shown[:-1]}{children}}}]}}')
    return 0
