"""The hypervisor: tells the state of the node itself. Setting it up comes in a later release.

Usage:
  hypervisor-manager --action=<action> [options]
  hypervisor-manager --help
  hypervisor-manager --version

Actions: status.
"""

from __future__ import annotations

from phoenix import output
from phoenix.pve.node import Node

TYPE_CHECKING = False
if TYPE_CHECKING:
    from phoenix.call import Call

WITHOUT_ID = ("status",)


def status(call: Call) -> int:
    """Say what the node is, whether it can be changed, and what is on it."""
    node = Node(call.paths)
    containers, machines = node.guest_ids("lxc"), node.guest_ids("qemu-server")
    facts = {
        "node": node.name,
        "quorum": node.has_quorum(),
        "containers": len(containers),
        "containers_running": sum(bool(node.container_start(guest)) for guest in containers),
        "virtual_machines": len(machines),
        "virtual_machines_running": sum(bool(node.machine_start(guest)) for guest in machines),
        "storages": sorted(node.storages()),
    }
    if call.json:
        output.document(manager=call.manager, action=call.action, kind=call.kind, **facts)
        return 0
    output.text(f"node              {facts['node']}")
    output.text(f"quorum            {'yes' if facts['quorum'] else 'no: nothing can be changed'}")
    output.text(f"containers        {facts['containers']}, {facts['containers_running']} running")
    output.text(f"virtual machines  {facts['virtual_machines']}, {facts['virtual_machines_running']} running")
    output.text(f"storages          {' '.join(node.storages()) or 'none'}")
    return 0


ACTIONS = {"status": status}
