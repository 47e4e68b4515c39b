"""`modprobe`: loads a module of the kernel: from then on /sys/module has it. By modprobe(8)."""

from __future__ import annotations

import os

from phoenix.rehearsal.failures import Failure, WrongUsage

TYPE_CHECKING = False
if TYPE_CHECKING:
    from phoenix.rehearsal.tree import Tree


def run(tree: Tree, words: list[str]) -> int:
    """Load one module; 1 for one that this kernel does not have, as far as it is known: modules.dep lists them."""
    if len(words) != 1 or words[0].startswith("-"):
        raise WrongUsage("modprobe: bad usage")
    release = tree.read("/proc/sys/kernel/osrelease").strip()
    names = [line.partition(":")[0].rpartition("/")[2] for line in modules(tree, release)]
    name = words[0].replace("-", "_")
    if name not in [known.partition(".")[0].replace("-", "_") for known in names]:
        raise Failure(f"modprobe: FATAL: Module {words[0]} not found in directory /lib/modules/{release}", 1)
    os.makedirs(tree(f"/sys/module/{name}"), exist_ok=True)
    return 0


def modules(tree: Tree, release: str) -> list[str]:
    """The lines of the list of the kernel's modules."""
    return tree.read(f"/lib/modules/{release}/modules.dep").splitlines()
