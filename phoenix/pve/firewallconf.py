"""Firewall files: cluster.fw and host.fw of /etc/pve as values, and with what is Phoenix's written into them. Pure.

Proxmox VE drops the lines that are comments when it writes such a file anew, and keeps a comment at the end of a rule,
an alias or a heading: so that is where Phoenix's own are marked.
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
MARK = "[phoenix]"
"""How the comment of what is Phoenix's ends."""
_ORDER = ("options", "aliases", "ipset", "rules", "group")
"""The sections as Proxmox VE writes them, what others use first."""
_NAMED = ("ipset", "group")
"""Those of which there are several."""


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
    if more.get("log") == "nolog":  # as without it
        del more["log"]
    return Rule(enable, words[0].lower(), words[1], more, comment)


class Section:
    """A heading and the lines after it, as they are written; the first one of a file has no heading."""

    def __init__(self, head: str) -> None:
        self.head = head
        self.lines: list[str] = []

    @property
    def kind(self) -> str:
        """What the section is about: options, aliases, ipset, rules, group."""
        return self.key[0]

    @property
    def key(self) -> tuple[str, str]:
        """The kind and the name, which is "" where there is one section of a kind."""
        kind, _, name = self.head.partition("#")[0].strip().strip("[]").lower().partition(" ")
        return kind, name.strip()

    def text(self) -> str:
        """The text of the section."""
        return "".join(f"{line}\n" for line in ([self.head] if self.head else []) + self.lines)


def sections(text: str) -> list[Section]:
    """A file in its sections."""
    found = [Section("")]
    for line in text.splitlines():
        if line.strip().startswith("["):
            found.append(Section(line))
        else:
            found[-1].lines.append(line)
    return found


def is_marked(line: str) -> bool:
    """Whether a line is Phoenix's."""
    return line.partition("#")[2].rstrip().endswith(MARK)


def marked(line: str) -> str:
    """A line as Phoenix's."""
    return f"{line.rstrip()} {MARK}" if "#" in line else f"{line.rstrip()} # {MARK}"


def merged(text: str, wanted: str) -> str:
    """The text with all that is wanted in it as Phoenix's, and nothing else that was; an option is set where it stands.

    Rules stand where Phoenix's stood, else before all others. What others have under a name stays theirs.
    """
    want = {section.key: section for section in sections(wanted) if section.head}
    options = {_key(line) for section in want.values() if section.kind == "options" for line in section.lines}
    found = [section for section in sections(text) if section.key in want or not is_marked(section.head)]
    for section in found:
        own = want.pop(section.key, Section(section.head))
        if section.kind == "options":
            _set_options(section, own, options)
        elif section.kind in _NAMED and is_marked(section.head) and parse(section.text()) != parse(own.text()):
            section.lines = own.lines
        elif section.kind in ("aliases", "rules"):
            _set_lines(section, own)
    for own in want.values():
        _add(found, own)
    return "".join(section.text() for section in found)


def _add(found: list[Section], own: Section) -> None:
    """Add a section before those that may use it."""
    if own.kind in _NAMED:
        own.head = marked(own.head)
    elif own.kind != "options":
        own.lines = [marked(line) if line.strip() else line for line in own.lines]
    later = _ORDER[_ORDER.index(own.kind) + 1 :]
    place = next((at for at, section in enumerate(found) if section.kind in later), len(found))
    before = found[place - 1]
    if before.text() and not before.text().endswith("\n\n"):
        before.lines.append("")
    found.insert(place, own)


def _set_options(section: Section, own: Section, keys: set[str]) -> None:
    """Set options where they stand, those that stand nowhere at the end; `keys` are all that are wanted."""
    left = {_key(line): line for line in own.lines if line.strip()}
    lines = []
    for line in section.lines:
        if not line.strip() or _key(line) not in keys:
            lines.append(line)
        elif _key(line) in left:
            lines.append(left.pop(_key(line)))
    end = max((at + 1 for at, line in enumerate(lines) if line.strip()), default=len(lines))
    section.lines = [*lines[:end], *left.values(), *lines[end:]]


def _key(line: str) -> str:
    """The name of an option."""
    return line.partition(":")[0].strip().lower()


def _set_lines(section: Section, own: Section) -> None:
    """Replace Phoenix's lines: rules stand where they stood or come first; aliases of others keep their names."""
    marks = [at for at, line in enumerate(section.lines) if is_marked(line)]
    theirs = [line for line in section.lines if not is_marked(line)]
    names = {line.split()[0].lower() for line in theirs if line.strip()} if section.kind == "aliases" else set()
    first = next((at for at, line in enumerate(theirs) if line.strip()), 0)
    place = marks[0] if marks else first
    new = [marked(line) for line in own.lines if line.strip() and line.split()[0].lower() not in names]
    section.lines = [*theirs[:place], *new, *theirs[place:]]
