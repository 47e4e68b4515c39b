"""The subcommands of ha-manager, with all that they accept. Not from the recorded schemas: from its public source."""

from __future__ import annotations

from phoenix.pve.options import Command, Option

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Final

_SID = Option("sid", format="pve-ha-resource-or-vm-id", required=True)
_NODE = Option("node", format="pve-node", required=True)
_GROUP = Option("group", format="pve-configid", required=True)
_RULE = Option("rule", format="pve-configid", required=True)
_RULE_TYPE = Option("type", enum=("node-affinity", "resource-affinity"), required=True)
_RESOURCE = (
    Option("comment", length=4096),
    Option("failback", "boolean", default="1", since=9),
    Option("group", format="pve-configid"),
    Option("max_relocate", "integer", 0, default="1"),
    Option("max_restart", "integer", 0, default="1"),
    Option("state", enum=("started", "stopped", "enabled", "disabled", "ignored"), default="started"),
)
_CHANGE = (Option("delete", format="pve-configid-list", length=4096), Option("digest", length=64))
_NODES = "pve-ha-group-node-list"
_IN_GROUP = (
    Option("comment", length=4096),
    Option("nofailback", "boolean", default="0"),
    Option("restricted", "boolean", default="0"),
)
_IN_RULE = (
    Option("affinity", enum=("positive", "negative")),
    Option("comment", length=4096),
    Option("disable", "boolean"),
    Option("nodes", format=_NODES),
    Option("strict", "boolean", default="0"),
)
_OUTPUT = (
    Option("human-readable", "boolean", default="1"),
    Option("noborder", "boolean", default="0"),
    Option("noheader", "boolean", default="0"),
    Option("output-format", enum=("text", "json", "json-pretty", "yaml"), default="text"),
    Option("quiet", "boolean"),
)
_RULES = Command(
    (),
    Option("resource", format="pve-ha-resource-or-vm-id"),
    Option("type", enum=("node-affinity", "resource-affinity")),
    *_OUTPUT,
    since=9,
)

COMMANDS: Final[Mapping[str, Command]] = {
    "add": Command((_SID,), *_RESOURCE, Option("type", enum=("ct", "vm"))),
    "config": Command((), Option("type", enum=("ct", "vm"))),
    "crm-command migrate": Command((_SID, _NODE)),
    "crm-command node-maintenance disable": Command((_NODE,)),
    "crm-command node-maintenance enable": Command((_NODE,)),
    "crm-command relocate": Command((_SID, _NODE)),
    "crm-command stop": Command((_SID, Option("timeout", "integer", 0, required=True))),
    "groupadd": Command(
        (_GROUP,), *_IN_GROUP, Option("nodes", format=_NODES, required=True), Option("type", enum=("group",))
    ),
    "groupconfig": Command(),
    "groupremove": Command((_GROUP,)),
    "groupset": Command((_GROUP,), *_IN_GROUP, Option("nodes", format=_NODES), *_CHANGE),
    "remove": Command((_SID,), Option("purge", "boolean", default="1", since=9)),
    "rules add": Command(
        (_RULE_TYPE, _RULE), *_IN_RULE, Option("resources", format="pve-ha-resource-id-list", required=True), since=9
    ),
    "rules config": _RULES,
    "rules list": _RULES,
    "rules remove": Command((_RULE,), since=9),
    "rules set": Command(
        (_RULE_TYPE, _RULE), *_IN_RULE, Option("resources", format="pve-ha-resource-id-list"), *_CHANGE, since=9
    ),
    "set": Command((_SID,), *_RESOURCE, *_CHANGE),
    "status": Command((), Option("verbose", "boolean", default="0")),
}
"""The subcommands, by name."""

ALIASES: Final[Mapping[str, str]] = {"migrate": "crm-command migrate", "relocate": "crm-command relocate"}
"""Other words for subcommands."""
