"""Management: who administers the node, and whether a firewall lets them in.

As Proxmox VE's firewall does it for what comes to the node itself: the IP set `blacklist`, the rules of host.fw, those
of cluster.fw, the ports of management for the addresses of the IP set `management` and the local network, then the
policy, which is DROP.
What cannot be told for certain, such as a rule for one interface, is taken to shut out and never to let in.
"""

from __future__ import annotations

from phoenix.value import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    import ipaddress
    from collections.abc import Iterable, Iterator
    from typing import Final, Union

    from phoenix.host.host import Host
    from phoenix.pve.firewallconf import Firewall, Rule

    Network = Union[ipaddress.IPv4Network, ipaddress.IPv6Network]

SSH, API = 22, 8006
PORTS: Final = ((SSH, SSH), (3128, 3128), (5900, 5999), (API, API), (60000, 60050))
"""What Proxmox VE opens by itself for the IP set `management`: the first port and the last."""
SET, ALIAS, BLACKLIST = "management", "local_network", "blacklist"
SSHD = "/etc/ssh/sshd_config"
_TABLES = ("/proc/net/tcp", "/proc/net/tcp6")
_ESTABLISHED = "01"


class Session(Value):
    """A connection over which somebody administers the node now."""

    local: str  # the node's own address
    peer: str
    port: int  # the node's


def look(host: Host) -> tuple[tuple[int, ...], tuple[Session, ...]]:
    """The ports over which a node is administered, and who does so now."""
    folder = f"{SSHD}.d"
    ports = ssh_ports([host.text(SSHD), *(host.text(f"{folder}/{name}") for name in host.names(folder))])
    found = {each for table in _TABLES for each in sessions(host.text(table), (*ports, API))}
    return ports, tuple(sorted(found, key=lambda each: (each.peer, each.port, each.local)))


def sessions(table: str, ports: tuple[int, ...]) -> set[Session]:
    """Who is connected to one of these ports, by /proc/net/tcp or tcp6; not the node to itself."""
    found = set()
    for line in table.splitlines()[1:]:
        fields = line.split()
        if len(fields) < 4 or fields[3] != _ESTABLISHED:
            continue
        port = int(fields[1].rpartition(":")[2], 16)
        local, peer = (_address(field.partition(":")[0]) for field in fields[1:3])
        if port in ports and not peer.is_loopback and peer != local:
            found.add(Session(str(local), str(peer), port))
    return found


def _address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    """An address as the kernel prints it: words of 32 bits, each in the machine's order."""
    import ipaddress
    import sys

    data = b"".join(int(text[place : place + 8], 16).to_bytes(4, sys.byteorder) for place in range(0, len(text), 8))
    if len(data) == 4:
        return ipaddress.IPv4Address(data)
    whole = ipaddress.IPv6Address(data)
    return whole.ipv4_mapped or whole


def ssh_ports(texts: Iterable[str]) -> tuple[int, ...]:
    """Where sshd listens, by the texts of its configuration."""
    lines = (line.split() for text in texts for line in text.splitlines())
    found = tuple(int(words[1]) for words in lines if words[:1] == ["Port"] and words[1:2] and words[1].isdigit())
    return found or (SSH,)


def network(text: str) -> Network | None:
    """An address or a network, None for what is neither."""
    import ipaddress

    try:
        return ipaddress.ip_network(text, strict=False)
    except ValueError:
        return None


def is_loopback(text: str) -> bool:
    """Whether an address or a network is the node's own to itself."""
    found = network(text)
    return found is not None and found.is_loopback


class Judge:
    """What the firewall of a node would do with connections to the node."""

    def __init__(self, cluster: Firewall, host: Firewall, local: str) -> None:
        self.cluster = cluster
        self.rules = [*self._expanded(host.rules), *self._expanded(cluster.rules)]
        self.management = (*cluster.ipsets.get(SET, ()), cluster.aliases.get(ALIAS) or local)
        self.works = cluster.options.get("enable", "0") != "0" and host.options.get("enable", "1") != "0"

    def _expanded(self, rules: tuple[Rule, ...]) -> Iterator[tuple[Rule, Rule | None]]:
        """The rules that hold, each with the one of a group in whose place it stands."""
        for rule in rules:
            if rule.enable and rule.type == "group":
                own = self.cluster.groups.get(rule.action.lower(), ())
                yield from ((item, rule) for item in own if item.enable and item.type == "in")
            elif rule.enable and rule.type == "in":
                yield rule, None

    def resolved(self, who: str) -> str:
        """An alias as the address that it stands for; anything else as it is."""
        return self.cluster.aliases.get(who.lower().rpartition("/")[2] if who.startswith("dc/") else who.lower(), who)

    def lets_in(self, source: str, port: int) -> bool:
        """Whether all of an address or a network certainly reaches a TCP port of the node."""
        wanted = network(source)
        if not self.works:
            return True
        if wanted is None or (BLACKLIST in self.cluster.ipsets and self._part(f"+{BLACKLIST}", wanted) is not False):
            return False
        for rule, around in self.rules:
            macro, _, action = rule.action.rstrip(")").rpartition("(")
            where = _macro(macro, port) if macro else _ports(rule.more.get("dport", ""), port)
            who = self._covers(rule.more.get("source", ""), wanted)
            sure = not any(name in rule.more for name in ("iface", "dest", "sport"))
            sure = sure and not (around and around.more)
            if rule.more.get("proto", "tcp") not in ("tcp", "6") or where is False or who is False:
                continue
            if action != "ACCEPT":
                return False
            if where and who and sure:
                return True
        if any(low <= port <= high for low, high in PORTS) and self._in_set(self.management, wanted):
            return True
        return self.cluster.options.get("policy_in", "DROP") == "ACCEPT"

    def _covers(self, text: str, wanted: Network) -> bool | None:
        """Whether a rule's source is all of these addresses (True), none of them (False), or cannot be told (None)."""
        if not text:
            return True
        found = [self._part(part.strip(), wanted) for part in text.split(",")]
        if True in found:
            return True
        return None if None in found else False

    def _part(self, text: str, wanted: Network) -> bool | None:
        if text.startswith("+"):
            name = text[1:].rpartition("/")[2].lower()
            if text[1:].startswith(("sdn/", "guest/")) or name not in {*self.cluster.ipsets, SET}:
                return None
            members = self.management if name == SET else self.cluster.ipsets[name]
            if self._in_set(members, wanted):
                return True
            apart = [self._part(member.lstrip("!"), wanted) for member in members]
            return False if all(part is False for part in apart) else None
        found = network(self.resolved(text))
        if found is None:
            return None
        if found.version != wanted.version or not found.overlaps(wanted):
            return False
        return True if _within(wanted, found) else None

    def _in_set(self, members: tuple[str, ...], wanted: Network) -> bool:
        """Whether an IP set certainly has all of these addresses."""
        apart = [self._part(member[1:], wanted) for member in members if member.startswith("!")]
        own = [self._part(member, wanted) for member in members if member and not member.startswith("!")]
        return True in own and all(part is False for part in apart)


def _within(inner: Network, outer: Network) -> bool:
    return inner.version == outer.version and inner[0] in outer and inner[-1] in outer


def _macro(name: str, port: int) -> bool | None:
    """Whether a macro is for this port: of all of them, SSH alone is for one of management."""
    if port not in (SSH, API):
        return None
    return port == SSH and name.upper() == "SSH"


def _ports(text: str, port: int) -> bool | None:
    """Whether a rule's ports have this one; None if that cannot be told."""
    if not text:
        return True
    found: list[bool | None] = []
    for part in text.split(","):
        low, _, high = part.partition(":")
        if low.isdigit() and (high or low).isdigit():
            found.append(int(low) <= port <= int(high or low))
        else:
            found.append({"ssh": port == SSH}.get(part))
    if True in found:
        return True
    return None if None in found else False
