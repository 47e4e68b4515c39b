"""`pvs`: lists the physical volumes of LVM with their groups. By pvs(8): no LVM can be run where this was written."""

from __future__ import annotations

from phoenix.rehearsal import blockdevices, speech
from phoenix.rehearsal.failures import WrongUsage

TYPE_CHECKING = False
if TYPE_CHECKING:
    from phoenix.rehearsal.tree import Tree


def run(tree: Tree, words: list[str]) -> int:
    """Take `--noheadings --separator=, -o pv_name,vg_name`; a physical volume may be in no group."""
    if words != ["--noheadings", "--separator=,", "-o", "pv_name,vg_name"]:
        raise WrongUsage("  Error during parsing of command line.")
    for name in blockdevices.names(tree):
        for kind, group in blockdevices.content(tree, name):
            if kind == "LVM2_member":
                speech.say(f"  /dev/{name},{group}")
    return 0
