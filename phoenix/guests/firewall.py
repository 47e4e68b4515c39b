"""Firewall: the table [firewall] of a guest's file as /etc/pve/firewall/N.fw, in Proxmox VE's own format. Pure."""

from __future__ import annotations

from phoenix import cli
from phoenix.guests import marks, values
from phoenix.pve.options import Option, by_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from phoenix.config.faults import Faults

_LEVELS = ("emerg", "alert", "crit", "err", "warning", "notice", "info", "debug", "nolog")
_POLICIES = ("ACCEPT", "REJECT", "DROP")
OPTIONS = by_name(
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

_ADDRESSES = r"[A-Za-z0-9_.:/,+!-]+"
_PORTS = r"[A-Za-z0-9:,_-]+"
RULE = by_name(
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
_NAME = Option("name", pattern=r"[A-Za-z][A-Za-z0-9_-]+")
_MEMBER = Option("member", pattern=r"!?[A-Za-z0-9_.:/+-]+")
PARTS = ("options", "aliases", "ipsets", "rules")


def decode(table: Any, faults: Faults) -> str:
    """The whole file without the line that says whose it is; "" with the faults noted."""
    if not isinstance(table, dict):
        faults.add("firewall", "a table", table)
        return ""
    for key in table:
        if key not in PARTS:
            faults.say(f"firewall.{key}", f"unknown key{cli.did_you_mean(key, PARTS)}")
    before = len(faults.found)
    text = _options(table.get("options", {}), faults)
    text += _aliases(table.get("aliases", {}), faults)
    text += _sets(table.get("ipsets", {}), faults)
    text += _rules(table.get("rules", []), faults)
    return text if len(faults.found) == before else ""


def _options(table: Any, faults: Faults) -> str:
    found = values.decode_texts(OPTIONS, "firewall.options", table, faults)
    return "[OPTIONS]\n\n" + "".join(f"{name}: {found[name]}\n" for name in sorted(found)) + "\n" if found else ""


def _aliases(table: Any, faults: Faults) -> str:
    if not isinstance(table, dict):
        faults.add("firewall.aliases", 'a table as { web = "10.0.0.1" }', table)
        return ""
    lines = []
    for name, address in table.items():
        values.decode_scalar(_NAME, f"firewall.aliases.{name}", name, faults)
        text = values.decode_scalar(_MEMBER, f"firewall.aliases.{name}", address, faults)
        lines.append(f"{name} {text}\n")
    return "[ALIASES]\n\n" + "".join(lines) + "\n" if lines else ""


def _sets(table: Any, faults: Faults) -> str:
    if not isinstance(table, dict):
        faults.add("firewall.ipsets", 'a table of lists, as { office = ["10.0.0.0/24"] }', table)
        return ""
    text = ""
    for name, members in table.items():
        values.decode_scalar(_NAME, f"firewall.ipsets.{name}", name, faults)
        if not isinstance(members, list):
            faults.add(f"firewall.ipsets.{name}", "a list of addresses", members)
            continue
        found = [values.decode_scalar(_MEMBER, f"firewall.ipsets.{name}", member, faults) for member in members]
        text += f"[IPSET {name}]\n\n" + "".join(f"{member}\n" for member in found) + "\n"
    return text


def _rules(rules: Any, faults: Faults) -> str:
    if not isinstance(rules, list):
        faults.add("firewall.rules", 'a list of tables, as [{ type = "in", action = "ACCEPT" }]', rules)
        return ""
    found = [values.decode_texts(RULE, f"firewall.rules.{place}", rule, faults) for place, rule in enumerate(rules)]
    return "[RULES]\n\n" + "".join(_line(rule) for rule in found) + "\n" if found else ""


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
