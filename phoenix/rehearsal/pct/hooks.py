"""Hook scripts of a container: whether they can be run. They are not: what they do is done to the node."""

from __future__ import annotations

import os

from phoenix.rehearsal import volumes
from phoenix.rehearsal.failures import Failure
from phoenix.rehearsal.speech import complain

TYPE_CHECKING = False
if TYPE_CHECKING:
    from phoenix.pve.guestconf import GuestConf
    from phoenix.rehearsal.tree import Tree


def run(tree: Tree, guest: str, conf: GuestConf, phase: str) -> None:
    """What becomes of a phase (pre-start, post-start, pre-stop, post-stop): only the first can prevent what follows."""
    volume = conf.options.get("hookscript")
    if not volume:
        return
    fault = ""
    try:
        path = tree(volumes.node_path(tree, volume))
        if not os.path.exists(path):
            fault = f"script '{volume}' does not exist"
        elif not os.access(path, os.X_OK):
            fault = f"script '{volume}' is not executable"
    except Failure as failure:
        fault = failure.text
    if fault:
        text = f"hookscript error for {guest} on {phase}: {fault}\n"
        if phase == "pre-start":
            raise Failure(text)
        complain(text)
