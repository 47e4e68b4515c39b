"""Actions: what a manager of guests can be told to do, the same for every kind."""

from __future__ import annotations

from phoenix import output
from phoenix.change import change, show_plan
from phoenix.config import load
from phoenix.errors import NotReady, OperationFailed, Refused, UsageError
from phoenix.guests import agreement, ownership, plan, report, requests
from phoenix.guests.work import Work

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from phoenix.call import Call
    from phoenix.guests.kind import Kind
    from phoenix.guests.observed import Observed
    from phoenix.guests.plan import Plan

    Action = Callable[[Call, Kind], int]


def converge(work: Work, state: Observed) -> Plan:
    """The plan of create."""
    if not work.done:
        work.check_named_volumes(state)
    return plan.converge(work.wanted, state, work.record, work.ask())


def prepare_converge(work: Work, state: Observed) -> None:
    """Refuse what cannot work on this node; then write down that a guest is about to be made."""
    from phoenix.guests import inventory, preflight, recovery

    if state.exists:
        preflight.check_change(work.node, work.wanted)
    else:
        preflight.check_create(work.node, work.wanted, work.call.config)
        recovery.check_left_over(work)
        work.stock = tuple(inventory.volumes(work, inventory.storages_of(work.node, work.wanted)))
        work.announce()


def prepare_start(work: Work, _state: Observed) -> None:
    """Refuse what cannot start on this node."""
    from phoenix.guests import preflight

    preflight.check_change(work.node, work.wanted)


def existing(work: Work, state: Observed) -> None:
    """OperationFailed for a guest that is not there."""
    if not state.exists:
        raise OperationFailed(f"{work.call.id} is not created", f"phoenix.pyz create {work.call.id}")


def create(call: Call, kind: Kind) -> int:
    """Make the guest what its file says."""
    return change(call, kind, converge, prepare_converge, made, cleans=True)


def made(work: Work, state: Observed) -> None:
    """Wait until it is of use, and write down that it is made as a whole; one that was not to start may not be yet."""
    wait(work, state)
    if work.record and (state.running or work.ask().starts):
        finished = work.finished(work.record, state)
        news = finished != work.record
        try:
            work.write(agreement.noted(work, state, finished))
        except NotReady:  # a full disk: an agreement can do without, for a comparison says the same
            if news:
                raise


def wait(work: Work, state: Observed) -> None:
    """Wait until a guest that runs is well."""
    if state.running and (work.wanted.ours.health or work.wanted.ours.wait) and (work.done or not work.is_well()):
        from phoenix.guests import waiting

        work.begin()
        waiting.until_well(work)
        work.found_well()


def start(call: Call, kind: Kind) -> int:
    """Start the guest."""

    def planner(work: Work, state: Observed) -> Plan:
        existing(work, state)
        return requests.run_state(kind, call.id, state, running=True)

    return change(call, kind, planner, prepare_start, wait)


def stop(call: Call, kind: Kind) -> int:
    """Shut the guest down."""

    def planner(work: Work, state: Observed) -> Plan:
        existing(work, state)
        return requests.run_state(kind, call.id, state, running=False, seconds=work.shutdown_seconds)

    return change(call, kind, planner)


def restart(call: Call, kind: Kind) -> int:
    """Shut the guest down and start it."""
    stopped = False

    def planner(work: Work, state: Observed) -> Plan:
        nonlocal stopped
        existing(work, state)
        stopped = stopped or not state.running
        return requests.restart(kind, call.id, state, stopped, work.shutdown_seconds)

    return change(call, kind, planner, prepare_start, wait)


def delete(call: Call, kind: Kind) -> int:
    """Destroy the guest and its volumes, and see that they are gone."""
    if not call.yes and not call.dry_run:
        raise UsageError("delete needs --yes", f"{call.manager} --action=delete --id={call.id} --yes")

    def planner(work: Work, state: Observed) -> Plan:
        planned = requests.delete(kind, call.id, state, work.shutdown_seconds)
        if planned.steps:
            from phoenix.guests import dangers, neighbours

            reasons = dangers.of_deleting(work.node, kind, call.id)
            others = neighbours.dependants(work.node, call.config, call.id)
            reasons += ["others depend on it: " + ", ".join(others)] * bool(others)
            ownership.check_deletable(kind, call.id, state, work.record, reasons)
        return planned

    def forget(work: Work, _state: Observed) -> None:
        from phoenix.guests import recovery

        recovery.forget(work)

    return change(call, kind, planner, finish=forget, cleans=True)


def status(call: Call, kind: Kind) -> int:
    """Say what is there and whether it is as the file says."""
    agreed = agreement.told(call, kind)
    if agreed:
        return report.tell_status(call, *agreed, report.AS_CONFIGURED, ours=True)
    work = Work(call, kind, converge)
    state = work.look()
    return report.status(call, work.wanted, state, work.plan(state), ownership.doubt(state, work.record))


def show_converge(call: Call, kind: Kind) -> int:
    """Say what create would do."""
    return show_plan(Work(call, kind, converge))


def check(call: Call, kind: Kind) -> int:
    """Read the guest's file, or all of them, and say everything that is wrong."""
    guests = [call.id] if call.id else load.guest_ids(call.config, call.kind)
    paths = {guest: load.guest_path(call.config, call.kind, guest) for guest in guests}
    report.check_files(paths, lambda _, guest: check_file(call, kind, guest))
    if not call.id:
        from phoenix.guests import neighbours

        report.check_relations(neighbours.faults(call.config))
    if call.json:
        output.document(manager=call.manager, action=call.action, files=sorted(paths.values()), exit_code=0)
    else:
        output.text(f"{call.kind}: {len(paths)} file{'s' * (len(paths) != 1)} checked, nothing wrong")
    return 0


def check_file(call: Call, kind: Kind, guest: str) -> None:
    """Read one guest's file, and those of its features."""
    wanted = kind.decode(load.guest(call.config, call.kind, guest), guest)
    if wanted.ours.provision:
        from phoenix.guests import features

        features.of_guest(call.config, kind.name, wanted.ours.provision)


def health_check(call: Call, kind: Kind) -> int:
    """See whether the guest is well, and change nothing."""
    from phoenix.guests import waiting

    work = Work(call, kind, converge)
    state = work.look()
    ownership.check(kind, call.id, state, work.record)
    existing(work, state)
    if not state.running:
        raise OperationFailed(f"{call.id} does not run", f"phoenix.pyz start {call.id}")
    work.begin()
    waiting.until_well(work)
    return report.result(call, work.wanted, state, [], ())


def snapshot(call: Call, kind: Kind) -> int:
    """Take a snapshot."""
    from phoenix.guests import snapshots

    name = snapshots.checked(call.options.get("--name"))
    description = str(call.options.get("--description") or "")

    def planner(work: Work, state: Observed) -> Plan:
        existing(work, state)
        return requests.take_snapshot(kind, call.id, state, name, description)

    def prepare(work: Work, state: Observed) -> None:
        obstacle = snapshots.obstacle(kind, state.raw, work.node.storages())
        if obstacle:
            raise Refused(f"{call.id} takes no snapshot: {obstacle}", f"{work.look_at}; vzdump {call.id}")

    return change(call, kind, planner, prepare)


def rollback(call: Call, kind: Kind) -> int:
    """Make the guest what it was at a snapshot; it runs afterwards if it ran before."""
    from phoenix.guests import snapshots

    name = snapshots.checked(call.options.get("--name"))
    need_yes(call, "rollback loses what came after the snapshot; it")
    ran: list[bool] = []

    def planner(work: Work, state: Observed) -> Plan:
        existing(work, state)
        check_snapshot(call, state, name)
        ran.append(state.running)
        return requests.roll_back(kind, call.id, state, name, ran[0], work.done, work.shutdown_seconds)

    return change(call, kind, planner)


def delete_snapshot(call: Call, kind: Kind) -> int:
    """Remove a snapshot."""
    from phoenix.guests import snapshots

    name = snapshots.checked(call.options.get("--name"))
    need_yes(call, "delete-snapshot")

    def planner(work: Work, state: Observed) -> Plan:
        existing(work, state)
        return requests.drop_snapshot(kind, call.id, state, name)

    return change(call, kind, planner)


def adopt(call: Call, kind: Kind) -> int:
    """Take over a guest that is there: its description gets a mark of ours, and its volumes count as ours."""
    from phoenix.guests import adoption

    if not call.options.get("--adopt"):
        again = f"phoenix.pyz import {call.id} --adopt"
        raise UsageError("import takes a guest over as if Phoenix had made it, and wants to be told so", again)

    def planner(work: Work, state: Observed) -> Plan:
        existing(work, state)
        return adoption.plan(work, state)

    return change(call, kind, planner, adoption.prepare, adoption.finish, strangers=True)


def need_yes(call: Call, what: str) -> None:
    """UsageError unless --yes is given."""
    if not call.yes and not call.dry_run:
        words = f"{call.manager} --action={call.action} --id={call.id} --name={call.options.get('--name')} --yes"
        raise UsageError(f"{what} needs --yes", words)


def check_snapshot(call: Call, state: Observed, name: str) -> None:
    """OperationFailed for a snapshot that is not there."""
    if name not in state.snapshots:
        known = ", ".join(state.snapshots) or "none"
        raise OperationFailed(
            f"{call.id} has no snapshot {name} (it has: {known})", f"phoenix.pyz list-snapshots {call.id}"
        )


def list_snapshots(call: Call, kind: Kind) -> int:
    """Say which snapshots there are."""
    work = Work(call, kind, converge)
    state = work.look()
    existing(work, state)
    if call.json:
        output.document(manager=call.manager, action=call.action, id=call.id, snapshots=list(state.snapshots))
    else:
        output.text("\n".join(state.snapshots) or f"{call.id} has no snapshots")
    return 0


_ALL: Mapping[str, Action] = {
    "create": create,
    "start": start,
    "stop": stop,
    "restart": restart,
    "delete": delete,
    "status": status,
    "plan": show_converge,
    "check": check,
    "health-check": health_check,
    "snapshot": snapshot,
    "rollback": rollback,
    "list-snapshots": list_snapshots,
    "delete-snapshot": delete_snapshot,
    "import": adopt,
}
WITHOUT_ID = ("check",)
SEVERAL = ("plan", "status")
"""The actions of several guests at once: they only look, and an interpreter for each would be most of their time."""


def of(kind: Kind) -> dict[str, Callable[[Call], int]]:
    """What a manager of a kind can be told to do."""

    def bound(action: Action) -> Callable[[Call], int]:
        return lambda call: action(call, kind)

    return {name: bound(action) for name, action in _ALL.items()}
