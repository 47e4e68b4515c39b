"""Firewall: that of the cluster and of this node, in Proxmox VE's own cluster.fw and host.fw.

What is Phoenix's in them is marked, and what is not marked is never touched, but for options, which are set where they
stand. Nothing is done that would shut out those who administer the node.
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
    from phoenix.pve.firewallconf import Firewall, Rule

CLUSTER, HOST = "cluster", "host"
FORMS: Final = {CLUSTER: form.CLUSTER, HOST: form.HOST}
NAMED = ("aliases", "ipsets", "groups")
"""What rules call by a name."""


class State(Value):
    """What is there. What comes after the texts is looked at only if something is to change."""

    node: str
    texts: Mapping[str, str]
    users: Mapping[str, str] = {}  # the other files that may use what cluster.fw has
    sessions: tuple[management.Session, ...] = ()
    ports: tuple[int, ...] = (management.SSH,)
    local: str = ""


def decode(table: Any, faults: Faults) -> dict[str, str]:
    """The section as values: the text of each file that it is about."""
    parts = tables.part(table, "firewall", tuple(FORMS), faults)
    return {name: form.decode(part, faults, FORMS[name]) for name, part in parts.items()}


def path(name: str, node: str) -> str:
    """The file of the cluster's firewall, or of the node's."""
    return "/etc/pve/firewall/cluster.fw" if name == CLUSTER else f"/etc/pve/nodes/{node}/host.fw"


def observe(host: Host, wanted: Mapping[str, str]) -> State:
    """What is there."""
    node = host.node.name
    state = State(node, {name: host.exact(path(name, node)) or "" for name in FORMS})
    if after(wanted, state) == state.texts:
        return state
    paths = [*host.matching("/etc/pve/firewall/*.fw"), *host.matching("/etc/pve/nodes/*/host.fw")]
    own = [path(name, node) for name in FORMS]
    ports, sessions = management.look(host)
    return state.but(
        users={each: host.text(each) for each in paths if each not in own},
        sessions=sessions,
        ports=ports,
        local=local_network(host) if judge(wanted, state).works else "",
    )


def local_network(host: Host) -> str:
    """The network that Proxmox VE takes for the local one where no alias says it; "" if it cannot tell."""
    marker = "network auto detect:"
    lines = host.output("pve-firewall", "localnet").splitlines()
    return next((line.partition(marker)[2].strip() for line in lines if line.startswith(marker)), "")


def after(wanted: Mapping[str, str], state: State) -> dict[str, str]:
    """The files as they are to be; the same text where they say so already."""
    found = dict(state.texts)
    for name, text in wanted.items():
        merged = firewallconf.merged(found[name], text)
        if firewallconf.parse(merged) != firewallconf.parse(found[name]):
            found[name] = merged
    return found


def judge(wanted: Mapping[str, str], state: State) -> management.Judge:
    """What the firewall does once the files are as wanted."""
    will = after(wanted, state)
    return management.Judge(firewallconf.parse(will[CLUSTER]), firewallconf.parse(will[HOST]), state.local)


def plan(wanted: Mapping[str, str], state: State, _ask: Ask) -> Plan:
    """What is to be done."""
    steps: list[Step] = []
    differences: list[Difference] = []
    refused: list[Obstacle] = []
    will = after(wanted, state)
    for name, text in wanted.items():
        found, becomes = firewallconf.parse(state.texts[name]), firewallconf.parse(will[name])
        refused += declared_otherwise(name, path(name, state.node), becomes, firewallconf.parse(text))
        if found != becomes:
            differences += compare(name, found, becomes)
            steps.append(write(path(name, state.node), will[name]))
            refused += still_used(found, becomes, {**state.users, **will})
    if steps:
        refused += shut_out(wanted, state)
    return Plan(tuple(steps), tuple(differences), tuple(refused), tuple(absent(wanted, will)))


def absent(wanted: Mapping[str, str], will: Mapping[str, str]) -> Iterator[Obstacle]:
    """The groups that are wanted and are nowhere."""
    groups = firewallconf.parse(will[CLUSTER]).groups
    for name, text in wanted.items():
        for rule in firewallconf.parse(text).rules:
            if rule.type == "group" and rule.action.lower() not in groups:
                why = (
                    f"firewall.{name}.rules: cluster.fw has no group {rule.action}; it has {' '.join(groups) or 'none'}"
                )
                yield Obstacle(why, f"declare it: [firewall.cluster.groups] {rule.action} = [...]")


def declared_otherwise(name: str, file: str, becomes: Firewall, wanted: Firewall) -> Iterator[Obstacle]:
    """What others have under a name that is wanted, and otherwise."""
    for part in NAMED:
        there, own = getattr(becomes, part), getattr(wanted, part)
        for key in own:
            if there.get(key) != own[key]:
                why = f"firewall.{name}.{part}.{key}: {file} has it, not of Phoenix: {_shown(there[key])}"
                yield Obstacle(why, "give it another name, or write what it says there, or remove it there")


def still_used(found: Firewall, becomes: Firewall, texts: Mapping[str, str]) -> Iterator[Obstacle]:
    """What would be gone while rules of others name it."""
    words = {word.lower() for text in texts.values() for word in text.replace(",", " ").split()}
    for part in NAMED:
        for key in getattr(found, part):
            names = {key, f"+{key}", f"dc/{key}", f"+dc/{key}"}
            if key not in getattr(becomes, part) and words & names:
                why = f"firewall: {part}.{key} would be gone, and rules that are not Phoenix's name it"
                yield Obstacle(why, f"grep -rnw {key} /etc/pve/firewall /etc/pve/nodes; change those rules first")


def compare(name: str, found: Firewall, wanted: Firewall) -> Iterator[Difference]:
    """What differs between two files, part by part."""
    for part in ("options", "aliases", "ipsets", "groups"):
        was, will = getattr(found, part), getattr(wanted, part)
        for key in sorted({*was, *will}):
            if was.get(key) != will.get(key):
                shown = _shown(will[key]) if key in will else "(gone)"
                yield Difference(f"{name}.{part}.{key}", _shown(was.get(key, "")), shown)
    was, will = list(map(line, found.rules)), list(map(line, wanted.rules))
    for text in [text for text in [*was, *will] if text not in was or text not in will]:
        there, stays = text in was, text in will
        yield Difference(f"{name}.rules", text if there else "", text if stays else "(gone)")
    if sorted(was) == sorted(will) and was != will:
        yield Difference(f"{name}.rules", "in another order", "; ".join(will))


def line(rule: Rule) -> str:
    """A rule in a line."""
    words = [rule.type.upper(), rule.action, *(f"{name} {value}" for name, value in rule.more.items())]
    return "|" * (not rule.enable) + " ".join(words) + f" # {rule.comment}" * bool(rule.comment)


def _shown(value: Any) -> str:
    if isinstance(value, str):
        return value
    if all(isinstance(item, str) for item in value):
        return " ".join(value)
    return f"{len(value)} rule{'s' * (len(value) != 1)}"


def shut_out(wanted: Mapping[str, str], state: State) -> Iterator[Obstacle]:
    """Those who administer the node and would not reach it any more."""
    found = judge(wanted, state)
    if not found.works:
        return
    now = [(session.peer, session.port) for session in state.sessions]
    members = [who for who in map(found.resolved, found.management) if who[:1] not in ("", "!")]
    members = [who for who in members if not management.is_loopback(who)]
    everyone = dict.fromkeys([*now, *((who, port) for who in members for port in (*state.ports, management.API))])
    if not everyone:
        why = "firewall: nobody is known who could administer the node then"
        yield Obstacle(why, "name them: ipsets = { management = [...] } in [firewall.cluster]")
    wrong = [each for each in everyone if not found.lets_in(*each)]
    if wrong:
        said = [f"{who} to port {port}{', connected now' * ((who, port) in now)}" for who, port in wrong]
        hint = "add them to ipsets.management of [firewall.cluster], or a rule that lets them in before those that drop"
        yield Obstacle(f"firewall: it would shut out those who administer the node: {'; '.join(said)}", hint)
