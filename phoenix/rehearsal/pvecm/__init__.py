"""pvecm: the tool of the cluster. Each subcommand and what does it, as MODULE.FUNCTION in here.

A rehearsal node is no member of a cluster unless it has a corosync.conf, as the copy of a member has.
"""

HANDLERS = {
    "apiver": "membership.version",
    "delnode": "membership.remove",
    "expected": "membership.expect",
    "nodes": "membership.nodes",
    "qdevice remove": "membership.remove",
    "qdevice setup": "membership.remove",
    "status": "membership.status",
}
