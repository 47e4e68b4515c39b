"""The hypervisor: makes the node itself what hypervisor.toml says, and tells its state.

Usage:
  hypervisor-manager --action=<action> [options]
  hypervisor-manager --help
  hypervisor-manager --version

Actions: setup, plan, status, check. They take no ID: there is one node.

Options:
  --only=<sections>    setup and plan: these sections of hypervisor.toml alone, with commas between them
  --skip=<sections>    setup and plan: all but these
  --wipe=<disks>       setup and plan: these disks of [zfs.pools] may lose what is on them, with commas between them
  --reboot             setup: start the node anew if that is needed, once everything else is done
  --confirm-network    setup: keep the change of the network that waits for this; nothing else is done
  --exit-code          plan: end with 10 if there is anything to do
"""

from __future__ import annotations

from phoenix import output
from phoenix.pve.node import Node

TYPE_CHECKING = False
if TYPE_CHECKING:
    from phoenix.call import Call


def setup(call: Call) -> int:
    """Make the node what its file says."""
    from phoenix.setup import Setup

    work = Setup(call)
    return work.show() if call.dry_run else work.run()


def plan(call: Call) -> int:
    """Say what setup would do."""
    from phoenix.setup import Setup

    return Setup(call).show()


def check(call: Call) -> int:
    """Read the file and say everything that is wrong with it."""
    from phoenix.host import document

    sections = document.sections(call.config)
    path = document.path(call.config)
    if call.json:
        output.document(manager=call.manager, action=call.action, files=[path], exit_code=0)
    else:
        output.text(f"hypervisor: {len(sections)} section{'s' * (len(sections) != 1)} checked, nothing wrong")
    return 0


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


ACTIONS = {"setup": setup, "plan": plan, "status": status, "check": check}
WITHOUT_ID = tuple(ACTIONS)
