"""`pve-firewall`: only `localnet`, which tells the local network, by its documentation and its source.

The real one asks the kernel for the network of the node's address; here /etc/network/interfaces says it.
"""

from __future__ import annotations

from phoenix.pve import interfaces
from phoenix.rehearsal import speech
from phoenix.rehearsal.failures import WrongUsage

TYPE_CHECKING = False
if TYPE_CHECKING:
    from phoenix.rehearsal.tree import Tree


def run(tree: Tree, words: list[str]) -> int:
    """Take `localnet`."""
    if words != ["localnet"]:
        raise WrongUsage("the rehearsal node has no `pve-firewall " + " ".join(words) + "`")
    lines = [line.split() for line in tree.read("/etc/hosts").splitlines()]
    address = next((line[0] for line in lines if tree.name in line[1:]), "127.0.0.1")
    blocks = interfaces.parse(tree.read(interfaces.FILE))
    declared = [interfaces.interface(text) for block in blocks for text in interfaces.addresses(block)]
    network = next((str(found.network) for found in declared if found and str(found.ip) == address), "127.0.0.0/8")
    speech.say(f"local hostname: {tree.name}")
    speech.say(f"local IP address: {address}")
    speech.say(f"network auto detect: {network}")
    speech.say(f"using detected local_network: {network}")
    return 0
