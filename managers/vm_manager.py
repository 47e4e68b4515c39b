"""Virtual machines: tells what is there. Making them comes in a later release.

Usage:
  vm-manager --action=<action> [options]
  vm-manager --help
  vm-manager --version

Actions: status.
"""

from __future__ import annotations

from phoenix import files, output
from phoenix.pve import guestconf
from phoenix.pve.node import Node

TYPE_CHECKING = False
if TYPE_CHECKING:
    from phoenix.call import Call


def status(call: Call) -> int:
    """Say whether the virtual machine is there and runs."""
    node = Node(call.paths)
    owners = node.owners(call.id)
    name, state = "", "not created"
    if (node.name, "VM") in owners:
        conf = guestconf.parse(files.read_text(call.paths.guest_config("qemu-server", call.id)))
        name = dict(conf.options).get("name", f"VM {call.id}")
        state = "running" if node.machine_runs(call.id) else "stopped"
    elif owners:
        state = "elsewhere: " + ", ".join(f"{what} {call.id} on node '{where}'" for where, what in owners)
    if call.json:
        output.document(manager=call.manager, action=call.action, id=call.id, kind=call.kind, name=name, state=state)
    else:
        output.text(f"{call.id}  {name or '-'}  {state}")
    return 0


ACTIONS = {"status": status}
