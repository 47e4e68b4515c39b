"""Users: who administrates the node itself, and who is a user of Proxmox VE there."""

from __future__ import annotations

from phoenix.host import pveusers, sysusers, tables
from phoenix.host.aspect import Ask, Plan, join
from phoenix.value import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from phoenix.config.faults import Faults
    from phoenix.host.host import Host
    from phoenix.host.tables import Table


class Wanted(Value):
    """The section [users]."""

    system: Mapping[str, Table]
    pve: pveusers.Wanted


class State(Value):
    """What is there."""

    system: sysusers.State
    pve: pveusers.State


def decode(table: Any, faults: Faults) -> Wanted:
    """The section as values."""
    parts = tables.part(table, "users", ("system", *pveusers.PARTS), faults)
    return Wanted(sysusers.decode(parts.get("system", {}), faults), pveusers.decode(parts, faults))


def observe(host: Host, wanted: Wanted) -> State:
    """What is there."""
    return State(sysusers.observe(host, wanted.system), pveusers.observe(host, wanted.pve))


def plan(wanted: Wanted, state: State, _ask: Ask) -> Plan:
    """What is to be done: the system's users first, whom the realm pam asks for."""
    return join(sysusers.plan(wanted.system, state.system), pveusers.plan(wanted.pve, state.pve))
