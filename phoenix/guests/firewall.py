"""Firewall: a table as a file of rules in Proxmox VE's own format: of a guest, of a node, of the cluster. Pure."""

from __future__ import annotations

from phoenix import cli
from phoenix.guests import marks, values
from phoenix.pve.options import Option, by_name
from phoenix.value import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from phoenix.config.faults import Faults

_LEVELS = ("emerg", "alert", "crit", "err", "warning", "notice", "info", "debug", "nolog")
_POLICIES = ("ACCEPT", "REJECT", "DROP")
_OPTIONS = by_name(
    Option("dhcp", "boolean"),
    Option("enable", "boolean"),
    Option("ipfilter", "boolean"),
    Option("log_level_in", enum=_LEVELS),
    Option("log_level_out", enum=_LEVELS),
    Option("macfilter", "boolean"),
    Option("ndp", "boolean"),
    Option("policy_in", enum=_POLICIES),
    Option("policy_out", enum=_POLICIES),
    Option("radv", "boolean"),
)
"""What [OPTIONS] of a guest's firewall holds."""
_CLUSTER_OPTIONS = by_name(
    Option("ebtables", "boolean"),
    Option("enable", "boolean"),
    Option("log_ratelimit", pattern=r"[A-Za-z0-9=,/]+"),
    Option("policy_forward", enum=("ACCEPT", "DROP")),
    Option("policy_in", enum=_POLICIES),
    Option("policy_out", enum=_POLICIES),
)
_HOST_OPTIONS = by_name(
    Option("enable", "boolean"),
    Option("log_level_forward", enum=_LEVELS),
    Option("log_level_in", enum=_LEVELS),
    Option("log_level_out", enum=_LEVELS),
    Option("log_nf_conntrack", "boolean"),
    Option("ndp", "boolean"),
    Option("nf_conntrack_allow_invalid", "boolean"),
    Option("nf_conntrack_helpers", pattern=r"[a-z0-9,]*"),
    Option("nf_conntrack_max", "integer", low=32768),
    Option("nf_conntrack_tcp_timeout_established", "integer", low=7875),
    Option("nf_conntrack_tcp_timeout_syn_recv", "integer", low=30, high=60),
    Option("nftables", "boolean"),
    Option("nosmurfs", "boolean"),
    Option("protection_synflood", "boolean"),
    Option("protection_synflood_burst", "integer", low=0),
    Option("protection_synflood_rate", "integer", low=0),
    Option("smurf_log_level", enum=_LEVELS),
    Option("tcp_flags_log_level", enum=_LEVELS),
    Option("tcpflags", "boolean"),
)

_ADDRESSES = r"[A-Za-z0-9_.:/,+!-]+"
_PORTS = r"[A-Za-z0-9:,_-]+"
_RULE = by_name(
    Option("action", pattern=r"[A-Za-z0-9][A-Za-z0-9_-]*(?:\((?:ACCEPT|REJECT|DROP)\))?", required=True),
    Option("comment", pattern=r"[^\r\n]*"),
    Option("dest", pattern=_ADDRESSES),
    Option("dport", pattern=_PORTS),
    Option("enable", "boolean", default="1"),
    Option("icmp-type", pattern=r"[A-Za-z0-9-]+"),
    Option("iface", pattern=r"net\d{1,2}"),
    Option("log", enum=_LEVELS),
    Option("proto", pattern=r"[A-Za-z0-9-]+"),
    Option("source", pattern=_ADDRESSES),
    Option("sport", pattern=_PORTS),
    Option("type", enum=("in", "out", "group"), required=True),
)
"""One rule; the names are those of Proxmox VE's own interface."""

_WORDS = {
    "iface": "-i", "source": "-source", "dest": "-dest", "proto": "-p", "dport": "-dport", "sport": "-sport",
    "icmp-type": "-icmp-type", "log": "-log",
}  # fmt: skip
"""How a rule's properties are written, in order."""
_HOST_RULE = {**_RULE, **by_name(Option("iface", pattern=r"[A-Za-z0-9][A-Za-z0-9_.-]{0,14}"))}
_GROUP_RULE = {**_RULE, **by_name(Option("type", enum=("in", "out"), required=True))}
_GROUP_RULE.pop("iface")
_NAME = Option("name", pattern=r"[A-Za-z][A-Za-z0-9_-]+")
_MEMBER = Option("member", pattern=r"!?[A-Za-z0-9_.:/+-]+")
_GROUP = Option("name", pattern=r"[A-Za-z][A-Za-z0-9_-]{1,17}")


class Form(Value):
    """One kind of file: where its table stands in ours, and what it can have."""

    key: str
    options: Mapping[str, Option]
    rule: Mapping[str, Option]
    parts: tuple[str, ...]


GUEST = Form("firewall", _OPTIONS, _RULE, ("options", "aliases", "ipsets", "rules"))
HOST = Form("firewall.host", _HOST_OPTIONS, _HOST_RULE, ("options", "rules"))
CLUSTER = Form("firewall.cluster", _CLUSTER_OPTIONS, _HOST_RULE, ("options", "aliases", "ipsets", "rules", "groups"))


def decode(table: Any, faults: Faults, form: Form = GUEST) -> str:
    """The whole file without the line that says whose it is; "" with the faults noted."""
    if not isinstance(table, dict):
        faults.add(form.key, "a table", table)
        return ""
    for key in table:
        if key not in form.parts:
            faults.say(f"{form.key}.{key}", f"unknown key{cli.did_you_mean(key, form.parts)}")
    before = len(faults.found)
    found = values.decode_texts(form.options, f"{form.key}.options", table.get("options", {}), faults)
    options = "".join(f"{name}: {found[name]}\n" for name in sorted(found))
    text = f"[OPTIONS]\n\n{options}\n" if options else ""
    text += _aliases(f"{form.key}.aliases", table.get("aliases", {}), faults)
    text += _sets(f"{form.key}.ipsets", table.get("ipsets", {}), faults)
    rules = _rules(f"{form.key}.rules", form.rule, table.get("rules", []), faults)
    text += f"[RULES]\n\n{rules}\n" if rules else ""
    text += _groups(f"{form.key}.groups", table.get("groups", {}), faults)
    return text if len(faults.found) == before else ""


def _aliases(key: str, table: Any, faults: Faults) -> str:
    if not isinstance(table, dict):
        faults.add(key, 'a table as { web = "10.0.0.1" }', table)
        return ""
    lines = []
    for name, address in table.items():
        values.decode_scalar(_NAME, f"{key}.{name}", name, faults)
        text = values.decode_scalar(_MEMBER, f"{key}.{name}", address, faults)
        lines.append(f"{name} {text}\n")
    return "[ALIASES]\n\n" + "".join(lines) + "\n" if lines else ""


def _sets(key: str, table: Any, faults: Faults) -> str:
    if not isinstance(table, dict):
        faults.add(key, 'a table of lists, as { office = ["10.0.0.0/24"] }', table)
        return ""
    text = ""
    for name, members in table.items():
        values.decode_scalar(_NAME, f"{key}.{name}", name, faults)
        if not isinstance(members, list):
            faults.add(f"{key}.{name}", "a list of addresses", members)
            continue
        found = [values.decode_scalar(_MEMBER, f"{key}.{name}", member, faults) for member in members]
        text += f"[IPSET {name}]\n\n" + "".join(f"{member}\n" for member in found) + "\n"
    return text


def _groups(key: str, table: Any, faults: Faults) -> str:
    if not isinstance(table, dict):
        faults.add(key, "a table of lists of rules", table)
        return ""
    text = ""
    for name, rules in sorted(table.items()):
        values.decode_scalar(_GROUP, f"{key}.{name}", name, faults)
        text += f"[group {name}]\n\n{_rules(f'{key}.{name}', _GROUP_RULE, rules, faults)}\n"
    return text


def _rules(key: str, known: Mapping[str, Option], rules: Any, faults: Faults) -> str:
    if not isinstance(rules, list):
        faults.add(key, 'a list of tables, as [{ type = "in", action = "ACCEPT" }]', rules)
        return ""
    found = [values.decode_texts(known, f"{key}.{place}", rule, faults) for place, rule in enumerate(rules)]
    return "".join(map(_line, found))


def _line(rule: Mapping[str, str]) -> str:
    words = [rule.get("type", "").upper(), rule.get("action", "")]
    words += [f"{word} {rule[name]}" for name, word in _WORDS.items() if name in rule]
    comment = f" # {rule['comment']}" if rule.get("comment") else ""
    return ("" if rule.get("enable", "1") == "1" else "|") + " ".join(words) + comment + "\n"


def signed(text: str, mark: str) -> str:
    """The whole file, whose first line says whose it is."""
    return f"# {marks.LINE}{mark}\n\n{text}"


def is_ours(text: str, mark: str) -> bool:
    """Whether a file's first line has our mark; the Proxmox VE interface drops comments when it writes a file anew."""
    return bool(mark) and text.startswith(f"# {marks.LINE}{mark}\n")
