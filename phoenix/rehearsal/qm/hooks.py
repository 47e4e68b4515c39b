"""Hook scripts of machines: whether they could be called. What they do is for a real node, so none runs here."""

from __future__ import annotations

import os

from phoenix.rehearsal import volumes
from phoenix.rehearsal.failures import Failure
from phoenix.rehearsal.speech import complain

TYPE_CHECKING = False
if TYPE_CHECKING:
    from phoenix.pve.guestconf import GuestConf
    from phoenix.rehearsal.tree import Tree


def check(tree: Tree, guest: str, conf: GuestConf, phase: str, *, stop: bool = False) -> None:
    """Tell of a hook script that cannot be called; a Failure where that ends what is under way."""
    volume = conf.options.get("hookscript", "")
    fault = _fault(tree, volume) if volume else ""
    if not fault:
        return
    text = f"hookscript error for {guest} on {phase}: {fault}\n"
    if stop:
        raise Failure(text)
    complain(text)


def _fault(tree: Tree, volume: str) -> str:
    try:
        path = tree(volumes.node_path(tree, volume))
    except Failure as failure:
        return failure.text
    if not os.path.isfile(path):
        return f"script '{volume}' does not exist"
    return "" if os.access(path, os.X_OK) else f"script '{volume}' is not executable"
