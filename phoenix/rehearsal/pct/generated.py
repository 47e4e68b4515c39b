"""The generated LXC configuration: what pct writes for lxc-start, and what can go wrong with that."""

from __future__ import annotations

import os

from phoenix.rehearsal.failures import Failure
from phoenix.rehearsal.pct import values

TYPE_CHECKING = False
if TYPE_CHECKING:
    from phoenix.pve.guestconf import GuestConf
    from phoenix.rehearsal.tree import Tree


def write(tree: Tree, guest: str, conf: GuestConf, *, first: bool) -> None:
    """Write the LXC configuration: at a start, and later with every change."""
    folder = f"/var/lib/lxc/{guest}"
    if conf.options.get("template") == "1":
        return
    if first:
        check_architecture(conf)
    elif not os.path.exists(tree(folder + "/config")):
        return
    os.makedirs(tree(folder + "/rootfs"), exist_ok=True)
    if first:
        tree.replace(folder + "/config", f"lxc.arch = {conf.options['arch']}\n", 0o644)
    for name in sorted(conf.options):
        if name.startswith("net") and name[3:].isdigit():
            bridge = values.properties("net", conf.options[name]).get("bridge", "")
            if bridge and not os.path.isdir(tree("/sys/class/net/" + bridge)):
                raise Failure(f"bridge '{bridge}' does not exist", 2)


def check_architecture(conf: GuestConf) -> None:
    """Failure if the container has no architecture any more."""
    if "arch" not in conf.options:
        raise Failure("missing 'arch' - internal error")
