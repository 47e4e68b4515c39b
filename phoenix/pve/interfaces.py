"""interfaces(5): /etc/network/interfaces as ifupdown2 and Proxmox VE read it, and interfaces as they are written. Pure.

An interface can have several stanzas, one a family.
"""

from __future__ import annotations

from phoenix.value import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    import ipaddress
    from collections.abc import Iterable, Mapping
    from typing import Final, Union

    Address = Union[ipaddress.IPv4Interface, ipaddress.IPv6Interface]

FILE = "/etc/network/interfaces"
DROP_IN = "/etc/network/interfaces.d/phoenix"
"""Phoenix's own file, where the main one takes it in."""
FAMILIES = ("inet", "inet6")
ADDRESS, GATEWAY = "address", "gateway"
BOOLEANS: Final[Mapping[str, tuple[str, str]]] = {"bridge-stp": ("off", "on"), "bridge-vlan-aware": ("no", "yes")}
"""Options that are false or true, and the words that Proxmox VE writes for that."""
SETS = ("bond-slaves", "bridge-ports", "bridge-vids")
"""Options that are words, in any order."""
REPEATED = (ADDRESS, GATEWAY, "down", "post-down", "post-up", "pre-down", "pre-up", "up")
"""Options that may be there several times."""
BOND_MODES = ("balance-rr", "active-backup", "balance-xor", "broadcast", "802.3ad", "balance-tlb", "balance-alb")
"""How a bond works; a file may have the number instead."""
_SAME: Final[Mapping[str, str]] = {"slaves": "bond-slaves", "bond-ports": "bond-slaves"}
_OF_A_BRIDGE: Final[Mapping[str, str]] = {"bridge-stp": "off", "bridge-fd": "0"}
"""What Proxmox VE writes for a bridge that says nothing else."""
_TRUE = ("yes", "on", "1", "true")
_KEYWORDS = ("auto", "iface", "mapping", "rename", "source", "source-directory", "template", "vlan")


class Interface(Value):
    """One interface as it is wanted. What is None or not there is of no matter."""

    name: str
    auto: bool | None
    methods: Mapping[str, str]  # by family
    options: Mapping[str, tuple[str, ...]]  # by name, each in its canonical form; () for one that must not be there


class Block:
    """A line that begins with a keyword, and the lines after it; the first block of a file may have none."""

    def __init__(self, head: str) -> None:
        self.head = head
        self.words = head.split()
        self.body: list[str] = []

    @property
    def name(self) -> str:
        """The interface whose stanza this is, "" if it is none."""
        return self.words[1].partition(":")[0] if len(self.words) > 1 and self.words[0] == "iface" else ""

    @property
    def family(self) -> str:
        """The family of a stanza, "" where it names none."""
        return self.words[2] if len(self.words) > 2 else ""

    @property
    def method(self) -> str:
        """How a stanza's addresses are known."""
        return self.words[3] if len(self.words) > 3 else "static"

    def values(self, key: str) -> list[str]:
        """What the stanza has for an option, in order."""
        return [value for name, value in map(option, self.body) if name == key]


def option(line: str) -> tuple[str, str]:
    """The name of an option in its usual spelling, and its value; "" for a line that has none."""
    words = line.replace("\\\n", " ").split(None, 1)
    if not words or words[0].startswith("#"):
        return "", ""
    name = words[0].replace("_", "-")
    return _SAME.get(name, name), " ".join(words[1].split()) if len(words) > 1 else ""


def parse(text: str) -> list[Block]:
    """The blocks of a file."""
    blocks = [Block("")]
    for line in logical(text):
        word = line.split(None, 1)[0] if line.strip() else ""
        if word in _KEYWORDS or word.startswith("allow-"):
            blocks.append(Block(line))
        else:
            blocks[-1].body.append(line)
    return blocks


def logical(text: str) -> list[str]:
    """The lines of a file with their ends; one that ends in a backslash goes on in the next."""
    lines: list[str] = []
    for line in text.splitlines(keepends=True):
        if lines and lines[-1].endswith("\\\n"):
            lines[-1] += line
        else:
            lines.append(line)
    return lines


def names(blocks: Iterable[Block]) -> list[str]:
    """The interfaces that are declared, each once, in order."""
    return list(dict.fromkeys(block.name for block in blocks if block.name))


def stanzas(blocks: Iterable[Block], name: str) -> list[Block]:
    """The stanzas of an interface."""
    return [block for block in blocks if block.name == name]


def sources(blocks: Iterable[Block]) -> list[str]:
    """The paths, with wildcards, of the files that the file takes in; ifupdown2 takes in no other but absolute ones."""
    found = [block.words[1] for block in blocks if block.words[:1] == ["source"] and block.words[1:2]]
    return [path for path in found if path.startswith("/")]


def takes_in(text: str, path: str) -> bool:
    """Whether a file takes in the one at `path`."""
    from fnmatch import fnmatchcase

    return any(fnmatchcase(path, pattern) for pattern in sources(parse(text)))


def is_auto(blocks: Iterable[Block], name: str) -> bool:
    """Whether an interface comes up by itself."""
    words = [block.words for block in blocks if block.words[:1] in (["auto"], ["allow-auto"], ["allow-hotplug"])]
    return any(name in line[1:] or line[1:] == ["all"] for line in words)


def canonical(key: str, values: Iterable[str]) -> tuple[str, ...]:
    """An option's values in one form, so that two that mean the same are equal."""
    texts = list(values)
    if key in BOOLEANS:
        return tuple(BOOLEANS[key][text.lower() in _TRUE] for text in texts[-1:])
    if key in SETS:
        words = sorted({word for text in texts for word in text.replace(",", " ").split()} - {"none"})
        return (" ".join(words),) if words or (key == "bridge-ports" and texts) else ()
    if key == "bond-mode":
        return tuple(BOND_MODES[int(text)] if text in tuple("0123456") else text for text in texts[-1:])
    if key == "hwaddress":
        return tuple(text.split()[-1].lower() for text in texts[-1:])
    if key in REPEATED:
        return tuple(sorted(texts) if key in (ADDRESS, GATEWAY) else texts)
    return tuple(texts[-1:])


def written(value: str) -> str:
    """A canonical value as Proxmox VE writes it."""
    return value or "none"


def addresses(block: Block) -> list[str]:
    """The addresses of a stanza, each with its prefix, which an older file has in a line of its own."""
    found: list[str] = []
    for name, value in map(option, block.body):
        if name == ADDRESS:
            found.append(value)
        elif name == "netmask" and found and "/" not in found[-1]:
            found[-1] += f"/{value}"
    return [str(parsed or text) for text, parsed in ((text, interface(text)) for text in found)]


def interface(text: str) -> Address | None:
    """An address with its network, None for a text that is none."""
    import ipaddress

    try:
        return ipaddress.ip_interface(text)
    except ValueError:
        return None


def family_of(address: str) -> str:
    """The family of an address, with or without its prefix."""
    return FAMILIES[":" in address]


def found_options(blocks: Iterable[Block], name: str, key: str) -> tuple[str, ...]:
    """What an interface has for an option, in its canonical form."""
    own = stanzas(blocks, name)
    if key == ADDRESS:
        return canonical(key, [text for block in own for text in addresses(block)])
    return canonical(key, [text for block in own for text in block.values(key)])


def found_method(blocks: Iterable[Block], name: str, family: str) -> str:
    """How an interface's addresses of one family are known."""
    own = stanzas(blocks, name)
    found = [block.method for block in own if block.family == family]
    if found:
        return found[0]
    mixed = (text for block in own if block.method == "static" for text in addresses(block))
    return "static" if family in map(family_of, mixed) else "manual"


def differences(blocks: list[Block], wanted: Interface) -> list[tuple[str, str, str]]:
    """What is not as wanted: the option, what is found, what is wanted."""
    if wanted.name not in names(blocks):
        shown = [f"{key} {written(value)}" for key, values in wanted.options.items() for value in values]
        return [("", "", "; ".join(shown) or "declared")]
    found = []
    if wanted.auto is not None and wanted.auto != is_auto(blocks, wanted.name):
        found.append(("auto", "no" if wanted.auto else "yes", "yes" if wanted.auto else "no"))
    for family, method in wanted.methods.items():
        there = found_method(blocks, wanted.name, family)
        if there != method:
            found.append((family, there, method))
    for key, values in wanted.options.items():
        there_too = found_options(blocks, wanted.name, key)
        if there_too != values:
            found.append((key, "; ".join(there_too), "; ".join(written(value) for value in values) or "(none)"))
    return found


def stanza(wanted: Interface) -> str:
    """An interface as it is written whole: it comes up by itself unless it says otherwise, a bridge without delay."""
    options = dict(wanted.options)
    if "bridge-ports" in options:
        options = {**options, **{key: options.get(key, (value,)) for key, value in _OF_A_BRIDGE.items()}}
    text = "" if wanted.auto is False else f"auto {wanted.name}\n"
    for family in FAMILIES:
        method = wanted.methods.get(family, "manual")
        if family == "inet6" and method == "manual":
            continue
        text += f"iface {wanted.name} {family} {method}\n"
        for key, values in options.items():
            own = (value for value in values if _family(key, value) == family)
            text += "".join(f"\t{key} {written(value)}\n" for value in own)
    return text


def _family(key: str, value: str) -> str:
    """The stanza in which a value stands: the first, but for addresses."""
    return family_of(value) if key in (ADDRESS, GATEWAY) else FAMILIES[0]
