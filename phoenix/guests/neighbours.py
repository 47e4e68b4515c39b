"""Neighbours: what guests are to each other: who has an address, who relies on whom, in /etc/pve and in the files."""

from __future__ import annotations

import os
import re

from phoenix import files
from phoenix.config import load
from phoenix.errors import ConfigError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from phoenix.config.load import Document
    from phoenix.guests.guest import Guest
    from phoenix.guests.values import Setting
    from phoenix.pve.node import Node

KINDS = ("lxc", "vm")
_SAYING = ("net", "ipconfig")
"""The options that say addresses."""
_NETS = re.compile(r"(?m)^(?:net|ipconfig)\d+: .*$")
_ADDRESS = re.compile(r"\bip6?=([0-9a-fA-F.:]+)/")
_MAC = re.compile(r"=((?:[0-9A-Fa-f]{2}:){5}[0-9A-Fa-f]{2})\b")


def taken(node: Node, folder: str, wanted: Guest) -> list[tuple[str, str]]:
    """What of a guest's addresses somebody else has, as (fault, next step) pairs."""
    mine = of_settings(wanted.settings)
    found = []
    for what, guest, where in (*of_node(node), *of_configuration(folder)):
        if guest != wanted.id and what in mine:
            found.append((f"{what} is already that of {guest}", f"grep -i '{what}' {where}"))
    return list(dict.fromkeys(found))


def of_settings(settings: Mapping[str, Setting]) -> set[str]:
    """The fixed addresses and the MAC addresses of a guest."""
    found: set[str] = set()
    for name, setting in settings.items():
        if name.startswith(_SAYING) and not isinstance(setting, str):
            found.update(_of_net(setting))
    return found


def _of_net(net: Mapping[str, object]) -> Iterator[str]:
    for key in ("ip", "ip6"):
        address, slash, _ = str(net.get(key, "")).partition("/")
        if slash:
            yield address.lower()
    for key in ("hwaddr", "macaddr"):
        if net.get(key):
            yield str(net[key]).upper()


def of_node(node: Node) -> Iterator[tuple[str, str, str]]:
    """What the guests of the cluster have: the address, the guest, the file."""
    for path in node.guest_files():
        text = files.read_text(path).partition("\n[")[0]
        guest = os.path.basename(path)[: -len(".conf")]
        for line in _NETS.findall(text):
            yield from ((found.lower(), guest, path) for found in _ADDRESS.findall(line))
            yield from ((found.upper(), guest, path) for found in _MAC.findall(line))


def of_configuration(folder: str) -> Iterator[tuple[str, str, str]]:
    """What the guests of the configuration are to have. A file that cannot be read is not this guest's fault."""
    for guest, document in _documents(folder):
        for name, net in document.table.items():
            if name.startswith(_SAYING) and isinstance(net, dict):
                for what in _of_net(net):
                    yield what, guest, document.path


def _documents(folder: str) -> Iterator[tuple[str, Document]]:
    seen: set[str] = set()
    for kind in KINDS:
        for guest in load.guest_ids(folder, kind) if os.path.isdir(f"{folder}/{kind}") else ():
            try:
                yield guest, load.guest(folder, kind, guest, seen)
            except ConfigError:
                continue


def relied_on(folder: str, *, sources: bool = False) -> dict[str, list[str]]:
    """Which guests each guest of the configuration names in `depends_on`; those it is cloned from too if `sources`."""
    found = {}
    for guest, document in _documents(folder):
        names, origins = load.relations(document.table)
        found[guest] = [*names, *origins] if sources else names
    return found


def dependants(node: Node, folder: str, guest: str) -> list[str]:
    """The guests that are there and rely on one that is to go."""
    return [name for name, names in relied_on(folder).items() if guest in names and node.owners(name)]


def faults(folder: str) -> list[str]:
    """What the files of the configuration say against each other: addresses, guests that are not there, circles."""
    found = []
    seen: dict[str, str] = {}
    for what, guest, path in of_configuration(folder):
        other = seen.setdefault(what, guest)
        if other != guest:
            found.append(f"{path}: {what} is that of {other} as well")
    relations = relied_on(folder, sources=True)
    for guest, names in relied_on(folder).items():
        missing = [name for name in names if name not in relations]
        found += [f"{folder}: {guest} depends on {name}, which has no file" for name in missing]
    circle = _circle(relations)
    if circle:
        found.append(f"{folder}: these depend on each other: {' -> '.join(circle)}")
    return found


def _circle(relations: Mapping[str, list[str]]) -> list[str]:
    """Guests that rely on each other in a circle, the first one again at the end; none if there is no circle."""
    import graphlib

    try:
        graphlib.TopologicalSorter(relations).prepare()
    except graphlib.CycleError as error:
        return list(error.args[1])
    return []
