"""interfaces(5): /etc/network/interfaces as ifupdown2 and Proxmox VE read it, and the least change of its text. Pure.

An interface can have several stanzas, one a family. What a stanza has beside what is changed stays as it is.
"""

from __future__ import annotations

from phoenix.value import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Final, Union

    import ipaddress

    Address = Union[ipaddress.IPv4Interface, ipaddress.IPv6Interface]

FILE = "/etc/network/interfaces"
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
TAB = "\t"
_TRUE = ("yes", "on", "1", "true")
_KEYWORDS = ("auto", "iface", "mapping", "rename", "source", "source-directory", "template", "vlan")


class Interface(Value):
    """One interface as it is wanted. What is None or not there stays as the file has it."""

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

    def end(self) -> int:
        """The place after the last option of the body."""
        return max((place + 1 for place, line in enumerate(self.body) if option(line)[0]), default=0)

    def text(self) -> str:
        """The text of the block."""
        return self.head + "".join(self.body)


def option(line: str) -> tuple[str, str]:
    """The name of an option in its usual spelling, and its value; "" for a line that has none."""
    words = line.replace("\\\n", " ").split(None, 1)
    if not words or words[0].startswith("#"):
        return "", ""
    name = words[0].replace("_", "-")
    return _SAME.get(name, name), " ".join(words[1].split()) if len(words) > 1 else ""


def parse(text: str) -> list[Block]:
    """The blocks of a file; together they are its text."""
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
    """The paths, with wildcards, of the files that the file takes in."""
    found = [block.words[1:2] for block in blocks if block.words[:1] == ["source"]]
    folders = [block.words[1:2] for block in blocks if block.words[:1] == ["source-directory"]]
    return [path for words in found for path in words] + [f"{path}/*" for words in folders for path in words]


def is_auto(blocks: Iterable[Block], name: str) -> bool:
    """Whether an interface comes up by itself."""
    words = [block.words for block in blocks if block.words[:1] in (["auto"], ["allow-auto"], ["allow-hotplug"])]
    return any(name in line[1:] or line[1:] == ["all"] for line in words)


def unusual(text: str) -> str:
    """Why Phoenix does not change such a file, "" if it does."""
    blocks = parse(text)
    seen = [(block.name, block.family) for block in blocks if block.name]
    twice = next((f"{name} {family}".strip() for name, family in seen if seen.count((name, family)) > 1), "")
    if twice:
        return f"it has two stanzas of {twice}"
    if any(line.lstrip().startswith(("%", "<%")) for line in text.splitlines()):
        return "it is a template"
    return ""


def canonical(key: str, values: Iterable[str]) -> tuple[str, ...]:
    """An option's values in one form, so that two that mean the same are equal."""
    texts = list(values)
    if key in BOOLEANS:
        return tuple(BOOLEANS[key][text.lower() in _TRUE] for text in texts[-1:])
    if key in SETS:
        words = sorted({word for text in texts for word in text.replace(",", " ").split()} - {"none"})
        return (" ".join(words),) if words or key == "bridge-ports" and texts else ()
    if key == "bond-mode":
        return tuple(BOND_MODES[int(text)] if text in "0123456" else text for text in texts[-1:])
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


def changed(text: str, wanted: Interface) -> str:
    """The text with an interface as it is wanted; equal if it is so."""
    blocks = parse(text if text.endswith("\n") or not text else text + "\n")
    different = [key for key, _, _ in differences(blocks, wanted)]
    if not different:
        return text
    if wanted.name not in names(blocks):
        _append(blocks, wanted)
    else:
        for family in FAMILIES:
            if family in different or (wanted.methods.get(family) == "static" and ADDRESS in different):
                _set_method(blocks, wanted.name, family, wanted.methods[family])
        for key in different:
            if key in wanted.options:
                _set_option(blocks, wanted.name, key, wanted.options[key])
    if wanted.auto is not None:
        _set_auto(blocks, wanted.name, auto=wanted.auto)
    return "".join(block.text() for block in blocks)


def _append(blocks: list[Block], wanted: Interface) -> None:
    """Declare a new interface: before the lines that take in other files, which Proxmox VE keeps last."""
    place = len(blocks)
    while place > 1 and blocks[place - 1].words[:1] in (["source"], ["source-directory"]):
        place -= 1
    before = blocks[place - 1]
    whole = before.text()
    if whole and not whole.endswith("\n"):
        before.body.append("\n")
    if whole.strip() and before.text()[-2:] != "\n\n":
        before.body.append("\n")
    families = [family for family in FAMILIES if family == "inet" or wanted.methods.get(family, "manual") != "manual"]
    for family in families:
        block = Block(f"iface {wanted.name} {family} {wanted.methods.get(family, 'manual')}\n")
        for key, values in wanted.options.items():
            block.body += [
                f"{TAB}{key} {written(value)}\n"
                for value in values
                if (family_of(value) if key in (ADDRESS, GATEWAY) else "inet") == family
            ]
        block.body.append("\n")
        blocks.insert(place, block)
        place += 1


def _set_auto(blocks: list[Block], name: str, *, auto: bool) -> None:
    if is_auto(blocks, name) == auto:
        return
    if auto:
        blocks.insert(next(place for place, block in enumerate(blocks) if block.name == name), Block(f"auto {name}\n"))
        return
    for block in blocks:
        if block.words[:1] in (["auto"], ["allow-auto"], ["allow-hotplug"]) and name in block.words[1:]:
            block.words.remove(name)
            block.head = " ".join(block.words) + "\n" if len(block.words) > 1 else ""


def _set_method(blocks: list[Block], name: str, family: str, method: str) -> None:
    own = stanzas(blocks, name)
    block = next((block for block in own if block.family in (family, "")), None)
    if block is None:
        if method == "manual":
            return
        block = Block("")
        last = own[-1]
        tail = last.body[last.end() :]
        last.body[last.end() :] = ["\n"]
        block.body = tail or ["\n"]
        blocks.insert(blocks.index(last) + 1, block)
    block.head = f"iface {name} {family} {method}\n" if block.family or not block.head else block.head
    block.words = block.head.split()


def _set_option(blocks: list[Block], name: str, key: str, values: tuple[str, ...]) -> None:
    """Replace the lines of an option, where they are; new ones come last in the stanza that they are for."""
    own = stanzas(blocks, name)
    gone = (key, "netmask") if key == ADDRESS else (key,)
    indents = [line[: len(line) - len(line.lstrip())] for block in own for line in block.body if option(line)[0]]
    places: list[int] = []
    usual = None
    for number, block in enumerate(own):
        hits = [place for place, line in enumerate(block.body) if option(line)[0] in gone]
        usual = number if hits and usual is None else usual
        places.append(hits[0] if hits else block.end())
        block.body = [line for place, line in enumerate(block.body) if place not in hits]
    for value in reversed(values):
        number = usual or 0
        if key in (ADDRESS, GATEWAY):
            fits = [place for place, block in enumerate(own) if block.family in (family_of(value), "")]
            number = fits[0] if fits else 0
        own[number].body.insert(places[number], f"{(indents or [TAB])[0]}{key} {written(value)}\n")
