"""`ifreload`: makes the interfaces what /etc/network/interfaces says, as ifupdown2 3.0.0 was run: on a rehearsal node
those that come up by themselves and are no hardware get a folder in /sys/class/net, and lose it when they are declared
no more; ports that are not there are told and do not keep the rest from being done, but it ends with 1.
"""

from __future__ import annotations

import glob
import os
import shutil

from phoenix.pve import interfaces
from phoenix.rehearsal import speech
from phoenix.rehearsal.failures import WrongUsage
from phoenix.rehearsal.programs import ifup

TYPE_CHECKING = False
if TYPE_CHECKING:
    from phoenix.pve.interfaces import Block
    from phoenix.rehearsal.tree import Tree

NET = "/sys/class/net"
STATE = "/run/network/ifstatenew"
"""What was declared when it ran last."""


def run(tree: Tree, words: list[str]) -> int:
    """Take `-a`."""
    if words != ["-a"]:
        raise WrongUsage("ifreload: error: one of the arguments -a/--all -c/--currently-up --allow is required", 2)
    text = tree.read(interfaces.FILE)
    blocks = interfaces.parse(text)
    wrong = [line for line in ifup.complaints(interfaces.FILE, text) if line.startswith("error:")]
    for pattern in interfaces.sources(blocks):
        found = sorted(glob.glob(glob.escape(tree.root) + pattern))
        blocks += [block for path in found for block in interfaces.parse(tree.read(path[len(tree.root) :]))]
    made = [name for name in interfaces.names(blocks) if _is_made(blocks, name) and interfaces.is_auto(blocks, name)]
    for name in tree.read(STATE).split():
        if name not in made:
            shutil.rmtree(tree(f"{NET}/{name}"), ignore_errors=True)
    for name in made:
        os.makedirs(tree(f"{NET}/{name}" + "/bridge" * _is_bridge(blocks, name)), exist_ok=True)
    os.makedirs(tree(os.path.dirname(STATE)), exist_ok=True)
    tree.replace(STATE, "\n".join(made) + "\n")
    for name in made:
        ports = " ".join(interfaces.found_options(blocks, name, "bridge-ports")).split()
        wrong += [
            f"error: {name}: bridge port {port} does not exist"
            for port in ports
            if not os.path.isdir(tree(f"{NET}/{port}"))
        ]
    for line in wrong:
        speech.complain(line)
    return int(bool(wrong))


def _is_made(blocks: list[Block], name: str) -> bool:
    """Whether an interface is made of others, or of nothing."""
    keys = ("bridge-ports", "bond-slaves", "vlan-raw-device")
    return "." in name or any(interfaces.found_options(blocks, name, key) for key in keys)


def _is_bridge(blocks: list[Block], name: str) -> bool:
    return bool(interfaces.found_options(blocks, name, "bridge-ports"))
