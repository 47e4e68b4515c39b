"""Requests: what has to be done for a verb that names one thing to do: start, stop, delete, a snapshot. Pure."""

from __future__ import annotations

from phoenix.guests.changes import Difference
from phoenix.guests.plan import SHUTDOWN_SECONDS, Plan, Step, start, stop

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection

    from phoenix.guests.kind import Kind
    from phoenix.guests.observed import Observed


def run_state(kind: Kind, guest: str, observed: Observed, running: bool, seconds: int = SHUTDOWN_SECONDS) -> Plan:
    """Start or shut down a guest that is there. A template is refused: it does not start."""
    if not observed.exists or observed.running == running:
        return Plan()
    if running and observed.template:
        return Plan(refused=(Difference("state", "template", "running", "fixed"),))
    return Plan((start(kind, guest),) if running else (stop(kind, guest, seconds),))


def restart(kind: Kind, guest: str, observed: Observed, stopped: bool, seconds: int = SHUTDOWN_SECONDS) -> Plan:
    """Shut a guest down, unless that is done (`stopped`), and start it."""
    if stopped:
        return run_state(kind, guest, observed, running=True)
    stops = run_state(kind, guest, observed, running=False, seconds=seconds)
    return Plan((*stops.steps, start(kind, guest)))


def delete(kind: Kind, guest: str, observed: Observed, seconds: int = SHUTDOWN_SECONDS) -> Plan:
    """Shut a guest down and destroy it."""
    if not observed.exists:
        return Plan()
    destroy = Step("destroy", tuple(kind.tool.destroy(guest)))
    return Plan((*run_state(kind, guest, observed, running=False, seconds=seconds).steps, destroy))


def take_snapshot(kind: Kind, guest: str, observed: Observed, name: str, description: str) -> Plan:
    """Take a snapshot of that name, unless it is there."""
    if name in observed.snapshots:
        return Plan()
    return Plan((Step(f"snapshot {name}", tuple(kind.tool.snapshot(guest, name, description))),))


def drop_snapshot(kind: Kind, guest: str, observed: Observed, name: str) -> Plan:
    """Remove a snapshot."""
    if name not in observed.snapshots:
        return Plan()
    return Plan((Step(f"delete snapshot {name}", tuple(kind.tool.drop_snapshot(guest, name))),))


def roll_back(
    kind: Kind, guest: str, observed: Observed, name: str, ran: bool, done: Collection[str], seconds: int
) -> Plan:
    """Make a guest what it was at a snapshot. Only the tool's word (`done`) tells whether that has happened."""
    goal = f"rollback {name}"
    after = Plan() if not ran else run_state(kind, guest, observed, running=True)
    if goal in done:
        return after
    stops = run_state(kind, guest, observed, running=False, seconds=seconds)
    starts = [start(kind, guest)] if ran else []
    return Plan((*stops.steps, Step(goal, tuple(kind.tool.rollback(guest, name))), *starts))
