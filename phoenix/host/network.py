"""Network: the interfaces of /etc/network/interfaces, and the name servers of /etc/resolv.conf.

Proxmox VE's own interface shows and offers only what is in that one file, and writes all of it anew, without comments
of its own accord: so there is neither a drop-in nor a marked block. An interface is known by its name; the options that
are wanted are changed where they stand, and everything else stays. The change takes effect under a rollback.
"""

from __future__ import annotations

from phoenix.host import rollback, tables
from phoenix.host.aspect import Ask, Difference, Obstacle, Plan, join, write
from phoenix.pve import interfaces
from phoenix.pve.interfaces import ADDRESS, FAMILIES, FILE, GATEWAY, Interface
from phoenix.pve.options import Option, by_name
from phoenix.value import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import Any

    from phoenix.config.faults import Faults
    from phoenix.host.host import Host
    from phoenix.host.rollback import Rollback
    from phoenix.pve.interfaces import Block

RESOLV = "/etc/resolv.conf"
PENDING_OF_PVE = f"{FILE}.new"
PORTS = ("bridge-ports", "bond-slaves", "vlan-raw-device")
"""Options that name other interfaces."""
OWNED = PORTS[:2]
"""Those whose interfaces serve one only."""
_PORT = r"[A-Za-z0-9][A-Za-z0-9_.-]{0,14}"
_WORD = r"[^\s%\\#]+"
_COMMAND = r"[^\r\n%\\]+"
_NAME = Option("name", pattern=r"(?!lo$)[A-Za-z][A-Za-z0-9_.-]{0,14}")
_IP = r"[0-9A-Fa-f.:]+"
INTERFACE: tables.Schema = {
    **by_name(
        Option("auto", "boolean"),
        Option("bond-lacp-rate", enum=("slow", "fast")),
        Option("bond-miimon", "integer", low=0, high=10000),
        Option("bond-mode", enum=interfaces.BOND_MODES),
        Option("bond-primary", pattern=_PORT),
        Option("bond-xmit-hash-policy", enum=("layer2", "layer2+3", "layer3+4", "encap2+3", "encap3+4", "vlan+srcmac")),
        Option("bridge-ageing", "integer", low=0, high=1000000),
        Option("bridge-fd", "integer", low=0, high=255),
        Option("bridge-pvid", "integer", low=1, high=4094),
        Option("bridge-stp", "boolean"),
        Option("bridge-vlan-aware", "boolean"),
        Option("hwaddress", pattern=r"[0-9A-Fa-f]{2}(:[0-9A-Fa-f]{2}){5}"),
        Option("inet", enum=("static", "manual", "dhcp")),
        Option("inet6", enum=("static", "manual", "dhcp", "auto")),
        Option("mtu", "integer", low=576, high=65520),
        Option("vlan-id", "integer", low=1, high=4094),
        Option("vlan-raw-device", pattern=_PORT),
    ),
    ADDRESS: tables.Many(Option(ADDRESS, pattern=_IP + r"/\d{1,3}")),
    GATEWAY: tables.Many(Option(GATEWAY, pattern=_IP)),
    "bond-slaves": tables.Many(Option("bond-slaves", pattern=_PORT)),
    "bridge-ports": tables.Many(Option("bridge-ports", pattern=_PORT)),
    "bridge-vids": tables.Many(Option("bridge-vids", pattern=r"\d{1,4}(-\d{1,4})?")),
    **{
        name: tables.Many(Option(name, pattern=_COMMAND))
        for name in interfaces.REPEATED
        if name not in (ADDRESS, GATEWAY)
    },
}
"""What an interface may say, under ifupdown2's own names, and its `auto`, `inet` and `inet6`."""
DNS: tables.Schema = {
    "nameserver": tables.Many(Option("nameserver", pattern=_IP)),
    "search": tables.Many(Option("search", pattern=r"[A-Za-z0-9.-]+")),
}
"""What stands in [network] itself, under resolv.conf's own names."""


class Wanted(Value):
    """The section [network]; None for a line of resolv.conf that it does not say."""

    interfaces: tuple[Interface, ...]
    nameserver: tuple[str, ...] | None
    search: tuple[str, ...] | None

    def text(self) -> str:
        """The interfaces that are wanted, the same for the same: what a rollback remembers."""
        return "".join(f"{item!r}\n" for item in self.interfaces)


class State(Value):
    """What is there. `complaint` is what ifupdown2 says is wrong with the file as it would become."""

    rollback: Rollback
    others: Mapping[str, str]  # the files that the main one takes in
    devices: tuple[str, ...]
    resolv: str
    links: tuple[str, ...] = ()  # which of the two files are links
    pending_of_pve: bool = False
    installed: bool = True
    complaint: str = ""


def decode(table: Any, faults: Faults) -> Wanted:
    """The section as values."""
    if not isinstance(table, dict):
        faults.add("network", "a table", table)
        return Wanted((), None, None)
    named = {name: value for name, value in table.items() if name not in DNS}
    dns = tables.decode(DNS, "network", {name: value for name, value in table.items() if name in DNS}, faults)
    for name, value in named.items():
        if isinstance(value, dict):
            named[name] = {key: _listed(key, item) for key, item in value.items()}
    found = tables.named(INTERFACE, _NAME, "network", named, faults)
    wanted = tuple(_interface(name, item, faults) for name, item in sorted(found.items()))
    return Wanted(wanted, *(tuple(dns[name]) if name in dns else None for name in DNS))


def _listed(key: str, value: Any) -> Any:
    """A list may be one text, with its words as interfaces(5) has them."""
    if not isinstance(value, str) or not isinstance(INTERFACE.get(key), tables.Many):
        return value
    return [word for word in value.split() if word != "none"] if key in interfaces.SETS else [value]


def _interface(name: str, found: Mapping[str, Any], faults: Faults) -> Interface:
    """One interface: its options in their canonical form, and how its addresses are known."""
    options: dict[str, tuple[str, ...]] = {}
    for key in sorted(found.keys() - {"auto", *FAMILIES}, key=lambda key: (key != ADDRESS, key != GATEWAY, key)):
        value = found[key]
        texts = value if isinstance(value, list) else [value]
        if key in (ADDRESS, GATEWAY):
            parsed = [(text, interfaces.interface(text)) for text in texts]
            for text, address in parsed:
                if address is None:
                    faults.add(f"network.{name}.{key}", "an address" + " with its prefix" * (key == ADDRESS), text)
            texts = [str(address if key == ADDRESS else address.ip) for _, address in parsed if address is not None]
        options[key] = interfaces.canonical(key, texts or (["none"] if key == "bridge-ports" else []))
    methods = {family: found[family] for family in FAMILIES if family in found}
    for family in FAMILIES:
        given = [text for text in options.get(ADDRESS, ()) if interfaces.family_of(text) == family]
        if ADDRESS in options:
            methods.setdefault(family, "static" if given else "manual")
        if given and methods[family] != "static":
            faults.say(f"network.{name}.{family}", f"{methods[family]}, but there is an {ADDRESS} of that family")
        if methods.get(family) == "static" and ADDRESS in options and not given:
            faults.say(f"network.{name}.{family}", f"static, but there is no {ADDRESS} of that family")
    auto = found["auto"] == "1" if "auto" in found else None
    return Interface(name, auto, methods, options)


def observe(host: Host, wanted: Wanted) -> State:
    """What is there. What would become of the file is shown to ifupdown2 if it is to change."""
    undo = rollback.observe(host)
    others = {}
    for pattern in interfaces.sources(interfaces.parse(undo.main)):
        folder, _, name = pattern.rpartition("/")
        found = [folder + "/" + each for each in host.names(folder)] if name == "*" else [pattern]
        others.update({path: host.exact(path) or "" for path in found if path.startswith("/")})
    state = State(
        undo,
        others,
        tuple(host.names("/sys/class/net")),
        host.exact(RESOLV) or "",
        tuple(path for path in (FILE, RESOLV) if host.link(path)),
        host.exists(PENDING_OF_PVE),
        host.has("ifreload"),
    )
    text = "" if undo.waits else result(wanted, state)
    if not text or text == undo.main or not state.installed:
        return state
    return state.but(complaint=complaint(host, text))


HARMLESS = ('bridge-ports: invalid value "none"', "interface not recognized")
"""What ifupdown2 says when it only checks, of the `none` of its own manual, and of an interface that is not there yet."""
_checked: dict[str, str] = {}
"""What ifupdown2 said of a text: it says the same again, and takes its time."""


def complaint(host: Host, text: str) -> str:
    """What ifupdown2 says is wrong with a file, "" for nothing."""
    if text not in _checked:
        status, said, talk = host.run("ifup", "--syntax-check", "-a", "-i", "-", text=text)
        lines = (talk + said).splitlines()
        wrong = [line for line in lines if not any(words in line for words in HARMLESS)]
        well = status == 0 or (lines and not wrong)
        _checked[text] = "" if well else "; ".join(wrong) or f"it ends with {status}"
    return _checked[text]


def result(wanted: Wanted, state: State) -> str:
    """The text of the file with the interfaces as they are wanted."""
    text = state.rollback.main
    elsewhere = declared_elsewhere(state)
    for item in wanted.interfaces:
        if item.name not in elsewhere:
            text = interfaces.changed(text, item.but(auto=True) if is_new(text, item) else item)
    return text


def is_new(text: str, item: Interface) -> bool:
    """Whether an interface is in none of the file's stanzas, and is to come up by itself if nothing else is said."""
    return item.auto is None and item.name not in interfaces.names(interfaces.parse(text))


def declared_elsewhere(state: State) -> dict[str, str]:
    """The interfaces that the file takes in from others, and from which."""
    return {name: path for path, text in state.others.items() for name in interfaces.names(interfaces.parse(text))}


def plan(wanted: Wanted, state: State, _ask: Ask) -> Plan:
    """What is to be done."""
    if state.rollback.waits:
        return join(plan_resolv(wanted, state), rollback.waiting(state.rollback))
    return join(plan_resolv(wanted, state), plan_interfaces(wanted, state))


def plan_interfaces(wanted: Wanted, state: State) -> Plan:
    """The plan of /etc/network/interfaces."""
    blocks = interfaces.parse(state.rollback.main)
    elsewhere = declared_elsewhere(state)
    differences, refused = [], []
    for item in wanted.interfaces:
        path = elsewhere.get(item.name, "")
        there = interfaces.parse(state.others[path]) if path else blocks
        found = interfaces.differences(there, item)
        differences += [Difference(f"{item.name}.{key}".rstrip("."), was, will) for key, was, will in found]
        if path and found:
            why = f"network.{item.name}: {path}, which is not Phoenix's, declares it otherwise"
            refused.append(Obstacle(why, f"move its stanza into {FILE}, or change it there"))
    text = result(wanted, state)
    if text == state.rollback.main:
        return Plan((), tuple(differences), tuple(refused))
    refused += refusals(state, text) + list(rollback.refuse_again(state.rollback, wanted.text()))
    missing = absent(state, text)
    steps = (*rollback.arm(state.rollback, wanted.text()), write(FILE, text, rollback.APPLY))
    return Plan(steps, tuple(differences), tuple(refused), tuple(missing))


def refusals(state: State, text: str) -> list[Obstacle]:
    """Why the file is not changed."""
    found = []
    main = state.rollback.main
    odd = interfaces.unusual(main)
    if odd:
        found.append(Obstacle(f"network: {FILE} is not changed: {odd}", f"make it plain: {FILE}"))
    if FILE in state.links:
        found.append(Obstacle(f"network: {FILE} is a link", "replace the link by what it leads to"))
    if state.pending_of_pve:
        why = f"network: {PENDING_OF_PVE}: changes made in Proxmox VE's interface wait there, and would undo this one"
        found.append(Obstacle(why, f"apply or revert them there (ifreload -a, or rm {PENDING_OF_PVE})"))
    blocks = interfaces.parse(text)
    others = [block for other in state.others.values() for block in interfaces.parse(other)]
    before = list(conflicts([*interfaces.parse(main), *others]))
    wrong = [why for why in conflicts([*blocks, *others]) if why not in before]
    found += [Obstacle(f"network: {why}", f"correct [network], or {FILE}") for why in wrong]
    if state.complaint:
        why = f"network: ifupdown2 does not take the file as it would become: {state.complaint}"
        found.append(Obstacle(why, f"correct [network], or what is wrong in {FILE}"))
    return found


def conflicts(blocks: list[Block]) -> Iterator[str]:
    """What cannot be in one configuration: a port of two, an address of two, two default gateways."""
    for what, keys in (("a port", OWNED), ("an address", (ADDRESS,))):
        owners: dict[str, list[str]] = {}
        for name in interfaces.names(blocks):
            for key in keys:
                texts = interfaces.found_options(blocks, name, key)
                for word in [word for text in texts for word in text.split()]:
                    owners.setdefault(word, []).append(name)
        yield from (f"{word} is {what} of {' and '.join(own)}" for word, own in owners.items() if len(own) > 1)
    for family in FAMILIES:
        gateways = [
            f"{text} of {name}"
            for name in interfaces.names(blocks)
            for text in interfaces.found_options(blocks, name, GATEWAY)
            if interfaces.family_of(text) == family
        ]
        if len(gateways) > 1:
            yield f"there are two default gateways: {', '.join(gateways)}"


def absent(state: State, text: str) -> Iterator[Obstacle]:
    """What the node lacks: ifupdown2, and interfaces that are to be ports."""
    if not state.installed:
        yield Obstacle("network: ifupdown2 is not installed", "apt-get install ifupdown2")
    blocks = interfaces.parse(text)
    before = interfaces.parse(state.rollback.main)
    known = {*interfaces.names(blocks), *declared_elsewhere(state), *state.devices}
    for name in interfaces.names(blocks):
        for key in PORTS:
            now = interfaces.found_options(blocks, name, key)
            if now == interfaces.found_options(before, name, key):
                continue  # what was so before is not Phoenix's to mend
            for word in [word for text in now for word in text.split()]:
                if word not in known:
                    there = " ".join(device for device in state.devices if device != "lo")
                    why = f"network.{name}.{key}: there is no {word}; there are {there or 'none'}"
                    yield Obstacle(why, "ip -br link; correct the name, or declare it: [network.NAME]")


def plan_resolv(wanted: Wanted, state: State) -> Plan:
    """The plan of /etc/resolv.conf: the lines that are wanted, in place of the first of their kind."""
    text, differences = state.resolv, []
    for key, values in (("search", wanted.search), ("nameserver", wanted.nameserver)):
        if values is None:
            continue
        lines = [" ".join(values)] if key == "search" and values else list(values)
        found = [" ".join(line.split()[1:]) for line in text.splitlines() if line.split()[:1] == [key]]
        if found != lines:
            differences.append(Difference(key, " ".join(found), " ".join(lines) or "(none)"))
            text = _with_lines(text, key, lines)
    refused = ()
    if differences and RESOLV in state.links:
        why = f"network: {RESOLV} is a link, so another program writes it"
        refused = (Obstacle(why, f"ls -l {RESOLV}; leave nameserver and search out of [network], or replace the link"),)
    return Plan((write(RESOLV, text),) if differences else (), tuple(differences), refused)


def _with_lines(text: str, key: str, values: list[str]) -> str:
    """The text with these lines of one kind, where the first of them was, or at its end."""
    kept: list[str] = []
    place = None
    for line in text.splitlines():
        if line.split()[:1] == [key]:
            place = len(kept) if place is None else place
        else:
            kept.append(line)
    place = len(kept) if place is None else place
    kept[place:place] = [f"{key} {value}" for value in values]
    return "".join(f"{line}\n" for line in kept)
