"""Time: the node's time zone, and the servers that chrony asks.

The zone is a link and a name in a file; servers are one file in chrony's own folder for them, which Debian's
chrony.conf reads (`sourcedir /etc/chrony/sources.d`).
"""

from __future__ import annotations

from phoenix.host import tables
from phoenix.host.aspect import LINK, Ask, Difference, Obstacle, Plan, Step, write
from phoenix.pve.options import Option, by_name
from phoenix.value import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from phoenix.config.faults import Faults
    from phoenix.host.host import Host

ZONES = "/usr/share/zoneinfo/"
NAME, CLOCK = "/etc/timezone", "/etc/localtime"
SOURCES = "/etc/chrony/sources.d/phoenix.sources"
_SERVER = Option("servers", pattern=r"[A-Za-z0-9.:_-]+")
SCHEMA: tables.Schema = {
    **by_name(Option("timezone", pattern=r"[A-Za-z0-9_+-]+(/[A-Za-z0-9_+-]+)*")),
    "servers": tables.Many(_SERVER),
}


class Wanted(Value):
    """The section [time]: "" and None for what it does not say."""

    timezone: str
    servers: tuple[str, ...] | None


class State(Value):
    """What is there. `known` says whether the node knows the zone that is wanted."""

    timezone: str
    link: str
    known: bool
    sources: str
    chrony: bool


def decode(table: Any, faults: Faults) -> Wanted:
    """The section as values."""
    found = tables.decode(SCHEMA, "time", table, faults)
    servers = tuple(found["servers"]) if "servers" in found else None
    return Wanted(found.get("timezone", ""), servers)


def observe(host: Host, wanted: Wanted) -> State:
    """What is there."""
    return State(
        host.text(NAME).strip(),
        host.link(CLOCK),
        host.exists(ZONES + wanted.timezone),
        host.text(SOURCES),
        host.has("chronyc"),
    )


def plan(wanted: Wanted, state: State, _ask: Ask) -> Plan:
    """What is to be done."""
    steps: list[Step] = []
    differences: list[Difference] = []
    missing: list[Obstacle] = []
    found = state.link.partition(ZONES)[2] or state.timezone
    if wanted.timezone and (found, state.timezone) != (wanted.timezone, wanted.timezone):
        if not state.known:
            why = f"time.timezone: the node knows no time zone {wanted.timezone}"
            missing.append(Obstacle(why, "timedatectl list-timezones; apt-get install tzdata"))
        differences.append(Difference("timezone", found, wanted.timezone))
        if found != wanted.timezone:
            steps.append(Step(f"link {CLOCK}", (LINK, CLOCK, ZONES + wanted.timezone)))
        if state.timezone != wanted.timezone:
            steps.append(write(NAME, wanted.timezone + "\n"))
    if wanted.servers is not None:
        text = "".join(f"server {server} iburst\n" for server in wanted.servers)
        if text != state.sources:
            differences.append(Difference("servers", _servers(state.sources), " ".join(wanted.servers)))
            if not state.chrony:
                missing.append(Obstacle("time.servers: chrony is not installed", "apt-get install chrony"))
            steps.append(write(SOURCES, text, ("chronyc", "reload", "sources")))
    return Plan(tuple(steps), tuple(differences), missing=tuple(missing))


def _servers(text: str) -> str:
    return " ".join(line.split()[1] for line in text.splitlines() if line.startswith("server "))
