"""Resolv: the name servers of /etc/resolv.conf, which has no other place for them, and which Proxmox VE writes too."""

from __future__ import annotations

from phoenix.host import tables
from phoenix.host.aspect import Difference, Obstacle, Plan, write
from phoenix.pve.options import Option
from phoenix.value import Value

FILE = "/etc/resolv.conf"
SCHEMA: tables.Schema = {
    "nameserver": tables.Many(Option("nameserver", pattern=r"[0-9A-Fa-f.:]+")),
    "search": tables.Many(Option("search", pattern=r"[A-Za-z0-9.-]+")),
}
"""What stands in [network] itself, under resolv.conf's own names."""


class Wanted(Value):
    """What is wanted of it; None for lines that are of no matter."""

    nameserver: tuple[str, ...] | None
    search: tuple[str, ...] | None


def plan(wanted: Wanted, found: str, *, is_link: bool) -> Plan:
    """The plan of /etc/resolv.conf: the lines that are wanted, in place of the first of their kind."""
    text, differences = found, []
    for key, values in (("search", wanted.search), ("nameserver", wanted.nameserver)):
        if values is None:
            continue
        lines = [" ".join(values)] if key == "search" and values else list(values)
        there = [" ".join(line.split()[1:]) for line in text.splitlines() if line.split()[:1] == [key]]
        if there != lines:
            differences.append(Difference(key, " ".join(there), " ".join(lines) or "(none)"))
            text = _with_lines(text, key, lines)
    refused: tuple[Obstacle, ...] = ()
    if differences and is_link:
        why = f"network: {FILE} is a link, so another program writes it"
        refused = (Obstacle(why, f"ls -l {FILE}; leave nameserver and search out of [network], or replace the link"),)
    return Plan((write(FILE, text),) if differences else (), tuple(differences), refused)


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
