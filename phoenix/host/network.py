"""Network: interfaces of Phoenix's own, and the name servers of /etc/resolv.conf.

They are in a file of their own in /etc/network/interfaces.d where /etc/network/interfaces takes that in, else in a
marked block of it. What stands outside is the administrator's: an interface that is declared there is compared and
never changed. A change takes effect under a rollback, and none that would cost the node the address over which it is
administered is made at all.
"""

from __future__ import annotations

from phoenix.host import blocks, cutoff, management, resolv, rollback, tables
from phoenix.host.aspect import Ask, Difference, Obstacle, Plan, Step, join, write
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

HEADER = "# Written by Phoenix, of [network] in hypervisor.toml; what is changed here is lost.\n\n"
PENDING_OF_PVE = f"{FILE}.new"
PORTS = ("bridge-ports", "bond-slaves", "vlan-raw-device")
"""Options that name other interfaces."""
_PORT = r"[A-Za-z0-9][A-Za-z0-9_.-]{0,14}"
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


class Wanted(Value):
    """The section [network]."""

    interfaces: tuple[Interface, ...]
    resolv: resolv.Wanted


class State(Value):
    """What is there. Texts of interfaces are exact."""

    rollback: Rollback
    own: str | None  # what is Phoenix's, None for a block whose ends are not what they were
    theirs: Mapping[str, str]  # what is not, by file
    devices: tuple[str, ...]
    guests: Mapping[str, tuple[str, ...]]  # the guests on each bridge that has some
    resolv: str
    links: tuple[str, ...] = ()  # which of the files are links
    pending_of_pve: bool = False
    installed: bool = True
    sessions: tuple[management.Session, ...] = ()  # looked at only if something is to change, as what follows
    complaint: str = ""  # what ifupdown2 says is wrong with the interfaces as they would become


def decode(table: Any, faults: Faults) -> Wanted:
    """The section as values."""
    if not isinstance(table, dict):
        faults.add("network", "a table", table)
        return Wanted((), resolv.Wanted(None, None))
    named = {name: value for name, value in table.items() if name not in resolv.SCHEMA}
    plain = {name: value for name, value in table.items() if name in resolv.SCHEMA}
    dns = tables.decode(resolv.SCHEMA, "network", plain, faults)
    for name, value in named.items():
        if isinstance(value, dict):
            named[name] = {key: _listed(key, item) for key, item in value.items()}
    found = tables.named(INTERFACE, _NAME, "network", named, faults)
    wanted = tuple(_interface(name, item, faults) for name, item in sorted(found.items()))
    return Wanted(wanted, resolv.Wanted(*(tuple(dns[name]) if name in dns else None for name in resolv.SCHEMA)))


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
    theirs = {path: host.exact(path) or "" for path in taken_in(host, undo.main) if path != undo.path}
    theirs[FILE], own = parted(undo)
    state = State(
        undo,
        own,
        theirs,
        tuple(host.names("/sys/class/net")),
        {name: found for name in host.names("/sys/class/net") for found in [guests_on(host, name)] if found},
        host.exact(resolv.FILE) or "",
        tuple(path for path in (undo.path, resolv.FILE) if host.link(path)),
        host.exists(PENDING_OF_PVE),
        host.has("ifreload"),
    )
    text = result(wanted, state)
    if undo.waits or text == state.own:
        return state
    state = state.but(sessions=management.look(host)[1])
    return state.but(complaint=complaint(host, text)) if state.installed and text else state


def taken_in(host: Host, main: str) -> list[str]:
    """The files that /etc/network/interfaces takes in, and those that they do."""
    found: list[str] = []
    left = [main]
    while left:
        for pattern in interfaces.sources(interfaces.parse(left.pop())):
            new = [path for path in host.matching(pattern) if path not in (FILE, *found)]
            found += new
            left += [host.exact(path) or "" for path in new]
    return found


def parted(undo: Rollback) -> tuple[str, str | None]:
    """What /etc/network/interfaces says that is not Phoenix's, and what is Phoenix's; None if that cannot be told."""
    if undo.path != FILE:
        return undo.main, undo.now
    try:
        before, own, after = blocks.split(undo.main)
    except ValueError:
        return undo.main, None
    return before + after, own or ""


def guests_on(host: Host, bridge: str) -> tuple[str, ...]:
    """The guests that are on a bridge now, by Proxmox VE's names for their ends of it."""
    import re

    ports = host.names(f"/sys/class/net/{bridge}/brif")
    found = [re.fullmatch(r"(?:tap|veth|fwpr)(\d+)[ip]\d+", port) for port in ports]
    return tuple(sorted({match[1] for match in found if match}, key=int))


HARMLESS = (
    'bridge-ports: invalid value "none"', "interface not recognized", "bridge inherits mtu from its ports"
)  # fmt: skip
"""What ifupdown2 says of the `none` of its own manual, of an interface that is not there yet, and as advice."""
_checked: dict[str, str] = {}
"""What ifupdown2 said of a text: it says the same again, and takes its time."""


def complaint(host: Host, text: str) -> str:
    """What ifupdown2 says is wrong with a file, "" for nothing."""
    if text not in _checked:
        status, said, talk = host.run("ifup", "--syntax-check", "-a", "-i", "-", given=text)
        lines = (talk + said).splitlines()
        wrong = [line for line in lines if not any(words in line for words in HARMLESS)]
        well = status == 0 or (lines and not wrong)
        _checked[text] = "" if well else "; ".join(wrong) or f"it ends with {status}"
    return _checked[text]


def ours(wanted: Wanted, state: State) -> list[Interface]:
    """The interfaces that are Phoenix's to make: those that nobody else declares."""
    theirs = interfaces.names(foreign(state))
    return [item for item in wanted.interfaces if item.name not in theirs]


def not_there(wanted: Wanted, state: State) -> list[str]:
    """The interfaces that are to come up by themselves, and are not there."""
    return [item.name for item in ours(wanted, state) if item.auto is not False and item.name not in state.devices]


def foreign(state: State) -> list[Block]:
    """What is declared by others."""
    return [block for text in state.theirs.values() for block in interfaces.parse(text)]


def result(wanted: Wanted, state: State) -> str:
    """What is to be Phoenix's: the interfaces as they are wanted."""
    own = "\n".join(map(interfaces.stanza, ours(wanted, state)))
    return (HEADER * (state.rollback.path != FILE) + own) if own else ""


def plan(wanted: Wanted, state: State, _ask: Ask) -> Plan:
    """What is to be done."""
    names = resolv.plan(wanted.resolv, state.resolv, is_link=resolv.FILE in state.links)
    if state.rollback.waits:
        return join(names, rollback.waiting(state.rollback, not_there(wanted, state)))
    return join(names, plan_interfaces(wanted, state))


def plan_interfaces(wanted: Wanted, state: State) -> Plan:
    """The plan of the interfaces."""
    refused = list(declared_otherwise(wanted, state))
    text = result(wanted, state)
    if text == state.own:
        hint = "ifquery --check -a; journalctl -u networking; ifreload -a"
        gone_since = [
            Obstacle(f"network.{name}: it is declared and not there", hint) for name in not_there(wanted, state)
        ]
        return Plan(refused=tuple(refused), missing=tuple(gone_since))
    before, after = (interfaces.parse(each) for each in (state.own or "", text))
    differences = [Difference(name, "declared", "(gone)") for name in gone(before, after)]
    for item in ours(wanted, state):
        found = interfaces.differences(before, item)
        differences += [Difference(f"{item.name}.{key}".rstrip("."), was, will) for key, was, will in found]
    undo = state.rollback
    refused += [*refusals(state, before, after), *rollback.refuse_again(undo, text)]
    if state.own is None:
        return Plan((), tuple(differences), tuple(refused))
    missing = tuple(absent(state, before, after))
    steps = (*rollback.arm(undo, text), change(undo, text))
    whole = differences or [Difference(undo.path, "written otherwise", f"{len(interfaces.names(after))} interfaces")]
    return Plan(steps, tuple(whole), tuple(refused), missing)


def change(undo: Rollback, text: str) -> Step:
    """The step that changes the file that has Phoenix's interfaces."""
    if undo.path != FILE:
        return write(undo.path, text, rollback.APPLY)
    return write(FILE, blocks.merged(undo.main, text), rollback.APPLY)


def gone(before: list[Block], after: list[Block]) -> list[str]:
    """The interfaces of Phoenix's that are to be no more."""
    return [name for name in interfaces.names(before) if name not in interfaces.names(after)]


def declared_otherwise(wanted: Wanted, state: State) -> Iterator[Obstacle]:
    """What others declare, and not as it is wanted."""
    for path, text in state.theirs.items():
        there = interfaces.parse(text)
        for item in wanted.interfaces:
            if item.name in interfaces.names(there):
                found = interfaces.differences(there, item)
                said = ", ".join(f"{key} is {was or '(none)'} and not {will}" for key, was, will in found)
                why = f"network.{item.name}: {path} declares it, outside of what is Phoenix's: {said}"
                hint = f"change it in {path}, or write into [network.{item.name}] what it says, or nothing"
                yield from [Obstacle(why, hint)] * bool(found)


def refusals(state: State, before: list[Block], after: list[Block]) -> Iterator[Obstacle]:
    """Why the file is not changed."""
    path = state.rollback.path
    if path in state.links:
        yield Obstacle(f"network: {path} is a link", "replace the link by what it leads to")
    if path == FILE:
        yield from of_the_block(state, before, after)
    others = foreign(state)
    known = list(cutoff.conflicts([*others, *before]))
    wrong = [why for why in cutoff.conflicts([*others, *after]) if why not in known]
    yield from (Obstacle(f"network: {why}", "correct [network]") for why in wrong)
    for name in gone(before, [*after, *others]):
        if name in state.guests:
            why = f"network: {name} would be gone, and guests are on it: {' '.join(state.guests[name])}"
            yield Obstacle(why, f"give their network devices another bridge first, or keep [network.{name}]")
    yield from cutoff.lost([*before, *others], [*after, *others], state.sessions)
    if state.complaint:
        yield Obstacle(f"network: ifupdown2 does not take it: {state.complaint}", "correct [network]")


def of_the_block(state: State, before: list[Block], after: list[Block]) -> Iterator[Obstacle]:
    """Why the block is not changed: Proxmox VE's interface writes the whole file anew, in its own order."""
    if state.own is None:
        why = f"network: {FILE}: expected one line {blocks.BEGIN!r} and one {blocks.END!r} after it"
        yield Obstacle(why, "put the interfaces of [network] between them again, and no others; or remove both")
    for name in gone(before, after):
        why = f"network: {name} stands in Phoenix's block of {FILE}, and [network] does not have it"
        yield Obstacle(why, f"move it out of the block, or remove it there, or declare it: [network.{name}]")
    if state.pending_of_pve:
        why = f"network: {PENDING_OF_PVE}: changes made in Proxmox VE's interface wait there, and would undo this one"
        yield Obstacle(why, f"apply or revert them there (or rm {PENDING_OF_PVE})")


def absent(state: State, before: list[Block], after: list[Block]) -> Iterator[Obstacle]:
    """What the node lacks: ifupdown2, and interfaces that are to be ports."""
    if not state.installed:
        yield Obstacle("network: ifupdown2 is not installed", "apt-get install ifupdown2")
    known = {*interfaces.names(after), *interfaces.names(foreign(state)), *state.devices}
    there = " ".join(device for device in state.devices if device != "lo") or "none"
    for name in interfaces.names(after):
        for key in PORTS:
            for word in cutoff.words(after, name, key):
                if word not in known and word not in cutoff.words(before, name, key):
                    why = f"network.{name}.{key}: there is no {word}; there are {there}"
                    yield Obstacle(why, "ip -br link; correct the name, or declare it: [network.NAME]")
