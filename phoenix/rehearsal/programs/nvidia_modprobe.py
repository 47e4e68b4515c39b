"""`nvidia-modprobe`: makes the device files of the driver. By nvidia-modprobe(1)."""

from __future__ import annotations

import os

from phoenix.rehearsal.failures import Failure, WrongUsage

TYPE_CHECKING = False
if TYPE_CHECKING:
    from phoenix.rehearsal.tree import Tree


def run(tree: Tree, words: list[str]) -> int:
    """Take `-c0 -u`: the files of the first card and of unified memory."""
    if words != ["-c0", "-u"]:
        raise WrongUsage("nvidia-modprobe: bad usage")
    if not os.path.isdir(tree("/sys/module/nvidia")):
        raise Failure("NVRM: the driver is not loaded", 1)
    for name in ("nvidia0", "nvidiactl", "nvidia-uvm"):
        with open(tree(f"/dev/{name}"), "ab"):
            pass
    return 0
