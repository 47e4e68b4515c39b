"""Firewall: that of the cluster and of this node, as whole files of Proxmox VE's own: cluster.fw and host.fw.

Such a file is Phoenix's to change if it says what Phoenix wrote last, or what is wanted: by its content, since Proxmox
VE's interface writes it anew without comments. What each was to say is noted before it is written.
"""

from __future__ import annotations

from phoenix.guests import firewall as form
from phoenix.host import management, tables
from phoenix.host.aspect import Ask, Difference, Obstacle, Plan, Step, write
from phoenix.pve import firewallconf
from phoenix.value import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import Any, Final

    from phoenix.config.faults import Faults
    from phoenix.host.host import Host
    from phoenix.pve.firewallconf import Firewall

CLUSTER, HOST = "cluster", "host"
FORMS: Final = {CLUSTER: form.CLUSTER, HOST: form.HOST}
WRITTEN = "/var/lib/phoenix/firewall/"
"""Where it is noted what each file was to say."""
SSHD = "/etc/ssh/sshd_config"
_TABLES = ("/proc/net/tcp", "/proc/net/tcp6")


class State(Value):
    """What is there. Who is connected, and the local network, are looked at only if something is to change."""

    node: str
    texts: Mapping[str, str]
    written: Mapping[str, tuple[str, ...]]
    sessions: tuple[tuple[str, int], ...] = ()
    local: str = ""
    ports: tuple[int, ...] = (management.SSH,)


def decode(table: Any, faults: Faults) -> dict[str, str]:
    """The section as values: the text of each file that it is about."""
    parts = tables.part(table, "firewall", tuple(FORMS), faults)
    found = {name: form.decode(part, faults, FORMS[name]) for name, part in parts.items()}
    cluster = firewallconf.parse(found.get(CLUSTER, ""))
    for name in parts:
        for rule in firewallconf.parse(found[name]).rules:
            if rule.type == "group" and CLUSTER in parts and rule.action.lower() not in cluster.groups:
                faults.say(f"firewall.{name}.rules", f"there is no group {rule.action} in firewall.cluster.groups")
    return found


def path(name: str, node: str) -> str:
    """The file of the cluster's firewall, or of the node's."""
    return "/etc/pve/firewall/cluster.fw" if name == CLUSTER else f"/etc/pve/nodes/{node}/host.fw"


def observe(host: Host, wanted: Mapping[str, str]) -> State:
    """What is there."""
    node = host.node.name
    texts = {name: host.text(path(name, node)) for name in FORMS}
    state = State(node, texts, {name: tuple(host.text(WRITTEN + name).split()) for name in FORMS})
    if not list(differing(wanted, state)) or not judge(wanted, state).works:
        return state
    folder = f"{SSHD}.d"
    ports = management.ssh_ports([host.text(SSHD), *(host.text(f"{folder}/{name}") for name in host.names(folder))])
    found = {who for table in _TABLES for who in management.sessions(host.text(table), (*ports, management.API))}
    return state.but(sessions=tuple(sorted(found)), ports=ports, local=local_network(host))


def local_network(host: Host) -> str:
    """The network that Proxmox VE takes for the local one where no alias says it; "" if it cannot tell."""
    marker = "network auto detect:"
    lines = host.output("pve-firewall", "localnet").splitlines()
    return next((line.partition(marker)[2].strip() for line in lines if line.startswith(marker)), "")


def differing(wanted: Mapping[str, str], state: State) -> Iterator[str]:
    """The files that do not say what they are to say."""
    return (name for name, text in wanted.items() if parsed(text) != parsed(state.texts[name]))


def parsed(text: str) -> Firewall:
    """What a file says."""
    return firewallconf.parse(text)


def judge(wanted: Mapping[str, str], state: State) -> management.Judge:
    """What the firewall does once the files are as wanted."""
    after = {**state.texts, **wanted}
    return management.Judge(parsed(after[CLUSTER]), parsed(after[HOST]), state.local)


def plan(wanted: Mapping[str, str], state: State, _ask: Ask) -> Plan:
    """What is to be done."""
    steps: list[Step] = []
    differences, refused = [], []
    changing = list(differing(wanted, state))
    for name, text in wanted.items():
        will, was = firewallconf.digest(parsed(text)), firewallconf.digest(parsed(state.texts[name]))
        known = state.written[name]
        if will not in known:
            steps.append(write(WRITTEN + name, "".join(f"{word}\n" for word in dict.fromkeys((was, will))), mode=0o600))
        if name not in changing:
            continue
        differences += compare(name, parsed(state.texts[name]), parsed(text))
        file = path(name, state.node)
        if state.texts[name].strip() and was not in known:
            why = f"firewall.{name}: {file} says something else, and Phoenix did not write it"
            refused.append(Obstacle(why, f"write what it says into [firewall.{name}], or move it: mv {file} /root/"))
        steps.append(write(file, text))
    if changing:
        refused += shut_out(wanted, state)
    return Plan(tuple(steps), tuple(differences), tuple(refused))


def compare(name: str, found: Firewall, wanted: Firewall) -> Iterator[Difference]:
    """What differs between two files, part by part."""
    for part in ("options", "aliases", "ipsets", "groups"):
        was, will = getattr(found, part), getattr(wanted, part)
        for key in sorted({*was, *will}):
            if was.get(key) != will.get(key):
                yield Difference(
                    f"{name}.{part}.{key}", _shown(was.get(key, "")), _shown(will.get(key, "")) or "(gone)"
                )
    if found.rules != wanted.rules:
        yield Difference(f"{name}.rules", _shown(found.rules), _shown(wanted.rules) or "(gone)")
    if found.strange:
        yield Difference(f"{name}", "; ".join(found.strange), "(gone)")


def _shown(value: Any) -> str:
    if isinstance(value, str):
        return value
    if all(isinstance(item, str) for item in value):
        return " ".join(value)
    return f"{len(value)} rule{'s' * (len(value) != 1)}"


def shut_out(wanted: Mapping[str, str], state: State) -> list[Obstacle]:
    """Those who administer the node and would not reach it any more."""
    found = judge(wanted, state)
    if not found.works:
        return []
    everyone = [
        (who, port) for who in found.management if who[:1] not in ("", "!") for port in (*state.ports, management.API)
    ]
    resolved = [(found.cluster.aliases.get(who.lower(), who), port) for who, port in everyone]
    wrong = [
        f"{who} to port {port}"
        for who, port in dict.fromkeys([*state.sessions, *resolved])
        if not found.lets_in(who, port)
    ]
    connected = [f"{who} to port {port}" for who, port in state.sessions]
    refused = []
    if wrong:
        now = [each for each in wrong if each in connected]
        words = f"{', '.join(wrong)}" + f" ({', '.join(now)} is connected now)" * bool(now)
        hint = "add them to ipsets.management of [firewall.cluster], or a rule that lets them in before those that drop"
        refused.append(Obstacle(f"firewall: it would shut out those who administer the node: {words}", hint))
    if not resolved and not state.sessions:
        why = "firewall: nobody is known who could administer the node then"
        refused.append(Obstacle(why, "name them: ipsets = { management = [...] } in [firewall.cluster]"))
    return refused
