"""A change of one guest: locked, looked at, cleaned up after, planned, carried out, and told."""

from __future__ import annotations

from phoenix import locks
from phoenix.errors import Refused
from phoenix.guests import ownership, plan, report
from phoenix.guests.work import Work

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from phoenix.call import Call
    from phoenix.guests.kind import Kind
    from phoenix.guests.observed import Observed
    from phoenix.guests.plan import Plan

    Planner = Callable[[Work, Observed], Plan]
    Preparation = Callable[[Work, Observed], None]
    Finish = Callable[[Work, Observed], None]


def change(
    call: Call,
    kind: Kind,
    planner: Planner,
    prepare: Preparation | None = None,
    finish: Finish | None = None,
    *,
    cleans: bool = False,
    strangers: bool = False,
) -> int:
    """Lock the guest, look at it, carry out what `planner` plans; returns the exit status.

    `prepare` runs before the first change; what it raises leaves everything as it was. `finish` runs after the last,
    while the lock is still held. `cleans` says that what a killed run has left is cleaned up first, `strangers` that
    the guest may be somebody else's.
    """
    work = Work(call, kind, planner)
    work.strangers = strangers
    if call.dry_run:
        return show_plan(work)
    work.ready()
    lock = locks.take(call.paths.lock(call.kind, call.id), call.id)
    try:
        state = work.look()
        done: list[tuple[str, ...]] = []
        if cleans and ownership.is_left(state, work.record):
            done = clean_up(work)
            state = work.look()
        state, planned = settled(work, state)
        if planned.steps:
            check_ha(work, planned)
            if prepare:
                prepare(work, state)
            state, more = carry_out(work, state)
            done += more
        if finish:
            finish(work, state)
    finally:
        locks.release(lock)
    return report.result(call, work.wanted, state, done, plan.waiting(state, work.record))


def clean_up(work: Work) -> list[tuple[str, ...]]:
    """Clean up what a killed run of ours has left of the guest; returns the commands that did it.

    Busy while its tool is still at it, PartlyDone or Refused where nothing proves that it was ours.
    """
    from phoenix import reconcile
    from phoenix.guests import atwork, recovery

    state = work.look()

    def look() -> str:
        nonlocal state
        state = work.look()
        return atwork.obstacle(work, state) if ownership.is_left(state, work.record) else ""

    atwork.wait(work, look)
    if not recovery.steps(work, state):
        recovery.check_nothing_left(work, state)
        return []
    work.begin()
    gone = ownership.is_half_gone(state, work.record)
    planner, work.planner = work.planner, recovery.plan
    state, done = reconcile.run(work, state)
    work.planner = planner
    if gone:
        recovery.forget(work)
    return done


def settled(work: Work, state: Observed) -> tuple[Observed, Plan]:
    """The guest's state and what is to be done, once nobody else is at it if anything is. Busy if that takes long."""
    planned = checked_plan(work, state)
    if not planned.steps:
        return state, planned
    from phoenix.guests import atwork

    def look() -> str:
        nonlocal state, planned
        state = work.look()
        planned = checked_plan(work, state)
        return atwork.obstacle(work, state) if planned.steps else ""

    atwork.wait(work, look)
    return state, planned


def checked_plan(work: Work, state: Observed) -> Plan:
    """What is to be done. Refused for what is not ours, or cannot be changed."""
    check_ours(work, state)
    work.adopt(state)
    planned = work.plan(state)
    report.check_refused(work.kind, work.guest, planned)
    return planned


def check_ours(work: Work, state: Observed) -> None:
    """Refused, Busy or PartlyDone for a guest that is not provably ours, or not whole."""
    ownership.check_id(work.guest, state)
    if not work.strangers:
        ownership.check(work.kind, work.guest, state, work.record)


def check_ha(work: Work, planned: Plan) -> None:
    """Refused if somebody else is in charge of whether the guest runs."""
    from phoenix.guests import dangers

    if {"start", "stop"} & {step.goal for step in planned.steps} and dangers.is_managed_by_ha(
        work.node, work.kind, work.guest
    ):
        raise Refused(
            f"{work.guest} is managed by HA, which starts and stops it",
            f"ha-manager set {work.kind.resource}:{work.guest} --state started, or stopped; ha-manager status",
        )


def carry_out(work: Work, state: Observed) -> tuple[Observed, list[tuple[str, ...]]]:
    """Run the loop; returns the last state, in which nothing is left to do, and the commands that led to it."""
    from phoenix import reconcile

    work.begin()
    state, done = reconcile.run(work, state)
    report.check_refused(work.kind, work.guest, work.plan(state))
    return state, done


def show_plan(work: Work) -> int:
    """Print what would be done; nothing is changed and nothing is locked."""
    state = work.look()
    check_ours(work, state)
    planned = work.plan(state)
    report.check_refused(work.kind, work.guest, planned)
    return report.show_plan(work.call, work.wanted, state, planned)
