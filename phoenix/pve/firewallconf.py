"""Firewall files: /etc/pve/firewall/cluster.fw and host.fw as values, so that two that mean the same are equal. Pure.

Proxmox VE drops the lines that are comments when it writes such a file anew; a comment at a rule's end it keeps.
"""

from __future__ import annotations

from phoenix.value import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Final

_FLAGS: Final[Mapping[str, str]] = {
    "-i": "iface", "-source": "source", "-dest": "dest", "-p": "proto", "-proto": "proto", "-dport": "dport",
    "-sport": "sport", "-icmp-type": "icmp-type", "-log": "log",
}  # fmt: skip


class Rule(Value):
    """One rule, its properties by the names of Proxmox VE's own interface; `type` is in, out, forward or group."""

    enable: bool
    type: str
    action: str
    more: Mapping[str, str]
    comment: str = ""


class Firewall(Value):
    """What a file says."""

    options: Mapping[str, str]
    aliases: Mapping[str, str]
    ipsets: Mapping[str, tuple[str, ...]]
    rules: tuple[Rule, ...]
    groups: Mapping[str, tuple[Rule, ...]]
    strange: tuple[str, ...] = ()  # lines that are none of these


def parse(text: str) -> Firewall:
    """The values of a file."""
    options: dict[str, str] = {}
    aliases: dict[str, str] = {}
    ipsets: dict[str, list[str]] = {}
    groups: dict[str, list[Rule]] = {"": []}
    strange = []
    section = name = ""
    for line in text.splitlines():
        line = line.strip()
        plain, _, comment = (part.strip() for part in line.partition("#"))
        if not plain:
            continue
        if plain.startswith("[") and plain.endswith("]"):
            section, _, name = plain[1:-1].lower().partition(" ")
            if section == "ipset":
                ipsets.setdefault(name, [])
            elif section in ("group", "rules"):
                groups.setdefault(name, [])
        elif section == "options" and ":" in plain:
            key, _, value = plain.partition(":")
            options[key.strip().lower()] = value.strip()
        elif section == "aliases" and len(plain.split()) == 2:
            aliases[plain.split()[0].lower()] = plain.split()[1]
        elif section == "ipset":
            ipsets[name].append("".join(plain.split()))
        elif section in ("group", "rules") and len(plain.split()) > 1:
            groups[name].append(rule(plain, comment))
        else:
            strange.append(plain)
    rules = tuple(groups.pop(""))
    sets = {key: tuple(sorted(members)) for key, members in ipsets.items()}
    return Firewall(options, aliases, sets, rules, {key: tuple(own) for key, own in groups.items()}, tuple(strange))


def rule(text: str, comment: str = "") -> Rule:
    """The rule of a line."""
    enable = not text.startswith("|")
    words = text.lstrip("|").split()
    more: dict[str, str] = {}
    rest = iter(words[2:])
    for flag in rest:
        plain = flag.replace("--", "-", 1)
        more[_FLAGS.get(plain, plain)] = next(rest, "")
    return Rule(enable, words[0].lower(), words[1], more, comment)


def digest(found: Firewall) -> str:
    """A short name of what a file says."""
    import hashlib

    parts = [
        found.options,
        found.aliases,
        found.ipsets,
        {key: [item.fields() for item in own] for key, own in {"": found.rules, **found.groups}.items()},
    ]
    text = "\n".join(repr(sorted((key, _plain(value)) for key, value in part.items())) for part in parts)
    return hashlib.sha256(f"{text}\n{found.strange!r}".encode("utf-8", "surrogateescape")).hexdigest()


def _plain(value: object) -> object:
    """A value whose text is the same for the same."""
    if isinstance(value, dict):
        return sorted((key, _plain(item)) for key, item in value.items())
    return [_plain(item) for item in value] if isinstance(value, (list, tuple)) else value
