"""Cutoff: what a change of the interfaces would break: itself, or the way to the node. Pure."""

from __future__ import annotations

from phoenix.host.aspect import Obstacle
from phoenix.pve import interfaces
from phoenix.pve.interfaces import ADDRESS, FAMILIES, FILE, GATEWAY

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from phoenix.host.management import Session
    from phoenix.pve.interfaces import Block

OWNED = ("bridge-ports", "bond-slaves")
"""Options that name interfaces which serve one only."""


def conflicts(found: list[Block]) -> Iterator[str]:
    """What cannot be in one configuration: a port of two or with an address, an address of two, two gateways."""
    for what, keys in (("a port", OWNED), ("an address", (ADDRESS,))):
        owners: dict[str, list[str]] = {}
        for name in interfaces.names(found):
            for key in keys:
                for word in words(found, name, key):
                    owners.setdefault(word, []).append(name)
        yield from (f"{word} is {what} of {' and '.join(own)}" for word, own in owners.items() if len(own) > 1)
        if what == "a port":
            reached = [word for word in owners if interfaces.found_options(found, word, ADDRESS)]
            yield from (f"{word}, a port of {owners[word][0]}, has an address of its own" for word in reached)
    for family in FAMILIES:
        gateways = [
            f"{text} of {name}"
            for name in interfaces.names(found)
            for text in interfaces.found_options(found, name, GATEWAY)
            if interfaces.family_of(text) == family
        ]
        if len(gateways) > 1:
            yield f"there are two default gateways: {', '.join(gateways)}"


def lost(before: list[Block], after: list[Block], sessions: Iterable[Session]) -> Iterator[Obstacle]:
    """What administers the node, and would be cut off: by the change, or by its rollback."""
    hint = "keep it in [network]; or change it at the node's console, in a file of your own"
    for text in [text for text in values(before, GATEWAY) if text not in values(after, GATEWAY)]:
        yield Obstacle(f"network: the default gateway {text} would be gone", hint)
    carriers = [name for name in interfaces.names(before) if interfaces.found_options(before, name, GATEWAY)]
    of_gateway = [text for name in carriers for text in interfaces.found_options(before, name, ADDRESS)]
    for text in [text for text in of_gateway if text not in values(after, ADDRESS)]:
        yield Obstacle(f"network: {text}, the address on the way to the default gateway, would be gone", hint)
    for session in sessions:
        what = f"network: {session.local}, over which {session.peer} is connected to port {session.port} now,"
        if session.local in map(plain, values(before, ADDRESS)):
            if session.local not in map(plain, values(after, ADDRESS)):
                yield Obstacle(f"{what} would be gone", hint)
            continue
        family = interfaces.family_of(session.local)
        automatic = [name for name in interfaces.names(before) if is_automatic(before, name, family)]
        if not automatic and not session.local.startswith("fe80:"):
            yield Obstacle(f"{what} is declared in no file, so nothing would bring it back", f"declare it in {FILE}")
        for name in automatic:
            if not is_automatic(after, name, family):
                yield Obstacle(f"{what} may be what {name} gets from the network, and would be gone", hint)


def values(found: list[Block], key: str) -> list[str]:
    """What all interfaces have for an option."""
    return [text for name in interfaces.names(found) for text in interfaces.found_options(found, name, key)]


def plain(address: str) -> str:
    """An address without its prefix."""
    return address.partition("/")[0]


def is_automatic(found: list[Block], name: str, family: str) -> bool:
    """Whether an interface gets addresses from the network itself."""
    return interfaces.found_method(found, name, family) in ("dhcp", "auto")


def words(found: list[Block], name: str, key: str) -> list[str]:
    """The words of an option of an interface."""
    return [word for text in interfaces.found_options(found, name, key) for word in text.split()]
