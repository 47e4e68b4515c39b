"""The subcommands of pvecm, with all that they accept. Not from the recorded schemas: from its public source."""

from __future__ import annotations

from phoenix.pve.options import Command, Option, by_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Final

_LINK = Option(
    "link",
    last=7,
    properties=by_name(Option("address", required=True, bare=True), Option("priority", "integer", 0, 255)),
)
_MEMBER = (_LINK, Option("nodeid", "integer", 1), Option("votes", "integer", 0))
_NODE = Option("node", format="pve-node", required=True)
_FORCE = Option("force", "boolean")

COMMANDS: Final[Mapping[str, Command]] = {
    "add": Command(
        (Option("hostname", required=True),),
        *_MEMBER,
        Option("fingerprint", pattern="([A-Fa-f0-9]{2}:){31}[A-Fa-f0-9]{2}"),
        _FORCE,
        Option("use_ssh", "boolean"),
    ),
    "addnode": Command((_NODE,), *_MEMBER, Option("apiversion", "integer"), _FORCE, Option("new_node_ip")),
    "apiver": Command(),
    "create": Command((Option("clustername", format="pve-node", length=15, required=True),), *_MEMBER),
    "delnode": Command((_NODE,)),
    "expected": Command((Option("expected", "integer", 1, required=True),)),
    "keygen": Command((Option("filename", required=True),)),
    "mtunnel": Command(
        (Option("extra-args", "array"),),
        Option("get_migration_ip", "boolean", default="0"),
        Option("migration_network", format="CIDR"),
        Option("run-command", "boolean"),
    ),
    "nodes": Command(),
    "qdevice remove": Command(),
    "qdevice setup": Command((Option("address", required=True),), _FORCE, Option("network", format="CIDR")),
    "status": Command(),
    "updatecerts": Command(
        (), _FORCE, Option("silent", "boolean"), Option("unmerge-known-hosts", "boolean", default="0")
    ),
}
"""The subcommands, by name."""

ALIASES: Final[Mapping[str, str]] = {}
"""Other words for subcommands."""
