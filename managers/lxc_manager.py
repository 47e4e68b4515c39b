"""Containers: makes them what their files say, with pct.

Usage:
  lxc-manager --action=<action> [options]
  lxc-manager --help
  lxc-manager --version

Actions: create, start, stop, restart, delete, status, plan, check. check may go without --id: it reads every
file of containers then. delete needs --yes. A shutdown may take --timeout seconds, 60 if that is not given.

Options:
  --exit-code          with plan: end with 10 if there is anything to do
"""

from __future__ import annotations

from phoenix import locks, output, record
from phoenix.config import load
from phoenix.errors import OperationFailed, PartlyDone, Refused, UsageError
from phoenix.guests import container, ownership, plan, report
from phoenix.guests.observed import Observed, observe, volumes_of
from phoenix.pve.node import Node
from phoenix.record import Record
from phoenix.text import shell

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from phoenix.call import Call
    from phoenix.guests.plan import Plan, Step
    from phoenix.reconcile import Step as LoopStep

    Planner = Callable[["Work", Observed], Plan]
    Preparation = Callable[["Work", Observed], None]
    Finish = Callable[["Work"], None]

TOOL = "pct"
WITHOUT_ID = ("check",)


class Work:
    """One container under one call, as the loop sees it: its node, its wish, its record, its plan."""

    def __init__(self, call: Call, planner: Planner) -> None:
        self.call = call
        self.guest = call.id
        self.planner = planner
        self.wanted = container.decode(load.document(load.guest_path(call.config, call.kind, call.id)), call.id)
        self.node = Node(call.paths)
        self.tool = ""
        self.seconds = call.timeout
        self.record_path = call.paths.record(call.kind, call.id)
        self.record: Record | None = None

    def look(self) -> Observed:
        """The container as it is now, and what its record says. Before a change the lock must be ours already."""
        self.record = record.load(self.record_path)
        return self.observe()

    def begin(self) -> None:
        """Open the books, now that there is something to do: a run that has nothing to do needs none of them."""
        from phoenix.journal import Journal
        from phoenix.log import RunLog

        if hasattr(self, "journal"):
            return
        self.journal = Journal(self.call.paths.journal(self.call.kind, self.call.id), self.call.run)
        self.log = RunLog(self.call.paths.log(self.call.run, self.call.kind, self.call.id))

    def observe(self) -> Observed:
        """The container as it is now."""
        return observe(self.node, self.guest)

    def plan(self, state: Observed) -> Plan:
        """What is to be done from a state on."""
        return self.planner(self, state)

    def steps(self, state: Observed) -> tuple[Step, ...]:
        """The commands of the plan."""
        return self.plan(state).steps

    def describe(self, state: Observed) -> str:
        """The state in a word or two."""
        return state.state

    def ready(self) -> None:
        """NotReady if the node cannot be changed any more: asked before every command."""
        self.tool = self.node.check_changeable(TOOL)

    def noted(self, step: LoopStep, state: Observed) -> None:
        """Keep the record true after a command of ours: it made the volumes of the options that it was given.

        What else the container has, somebody else has attached; that does not become ours.
        """
        words = step.goal.split()
        if words[0] in ("create", "set") and self.record and state.mark == self.record.mark and not state.lock:
            names = list(self.wanted.settings) if words[0] == "create" else words[1:]
            self.keep({*self.record.volumes, *volumes_of({name: state.raw.get(name, "") for name in names})})

    def adopt(self, state: Observed) -> None:
        """Complete the record of a container that a killed run has begun and pct has finished."""
        if self.record and not self.record.made and state.mark == self.record.mark and not state.lock:
            self.keep(set(volumes_of({name: state.raw.get(name, "") for name in self.wanted.settings})))

    def keep(self, volumes: set[str]) -> None:
        """Write the record of the container that is there."""
        seen = Record(self.mark, True, tuple(sorted(volumes)))
        if seen != self.record:
            self.record = seen
            record.save(self.record_path, seen)

    def announce(self) -> None:
        """Write down that a guest with a mark of its own is about to be made.

        A mark whose guest was never seen is used again: that guest may still be on its way.
        """
        if self.record is None or self.record.made:
            self.record = Record(record.new_mark(), False, ())
            record.save(self.record_path, self.record)

    @property
    def mark(self) -> str:
        """The mark that the guest's description has or is to get."""
        return self.record.mark if self.record else "(new)"

    @property
    def shutdown_seconds(self) -> int:
        """How long a shutdown may take."""
        return self.call.timeout or plan.SHUTDOWN_SECONDS


def change(call: Call, planner: Planner, prepare: Preparation | None = None, finish: Finish | None = None) -> int:
    """Lock the container, look at it, carry out what `planner` plans; returns the exit status.

    `prepare` runs before the first change; what it raises leaves everything as it was. `finish` runs after the last,
    while the lock is still held.
    """
    work = Work(call, planner)
    if call.dry_run:
        return show_plan(work)
    work.ready()
    lock = locks.take(call.paths.lock(call.kind, call.id), call.id)
    try:
        done: list[tuple[str, ...]] = []
        state = work.look()
        ownership.check(call.id, state, work.record)
        work.adopt(state)
        planned = work.plan(state)
        report.check_refused(call.id, planned)
        if planned.steps:
            check_steps(work, state, planned)
            if prepare:
                prepare(work, state)
            state, done = carry_out(work, state)
        if finish:
            finish(work)
    finally:
        locks.release(lock)
    return report.result(call, work.wanted, state, done)


def check_steps(work: Work, state: Observed, planned: Plan) -> None:
    """Busy or Refused if somebody else is at the container, or in charge of whether it runs."""
    from phoenix.guests import dangers

    ownership.check_unlocked(work.guest, state)
    if {"start", "stop"} & {step.goal for step in planned.steps} and dangers.is_managed_by_ha(work.node, work.guest):
        raise Refused(
            f"{work.guest} is managed by HA, which starts and stops it",
            f"ha-manager set ct:{work.guest} --state started, or stopped; ha-manager status",
        )


def carry_out(work: Work, state: Observed) -> tuple[Observed, list[tuple[str, ...]]]:
    """Run the loop; returns the last state, in which nothing is left to do, and the commands that led to it."""
    from phoenix import reconcile

    work.begin()
    state, done = reconcile.run(work, state)
    report.check_refused(work.guest, work.plan(state))
    return state, done


def show_plan(work: Work) -> int:
    """Print what would be done; nothing is changed and nothing is locked."""
    state = work.look()
    ownership.check(work.call.id, state, work.record)
    planned = work.plan(state)
    report.check_refused(work.call.id, planned)
    return report.show_plan(work.call, work.wanted, state, planned)


def converge(work: Work, state: Observed) -> Plan:
    """The plan of create."""
    return plan.converge(work.wanted, state, work.mark)


def prepare_converge(work: Work, state: Observed) -> None:
    """Refuse what cannot work on this node; then write down that a guest is about to be made."""
    from phoenix.guests import preflight

    if state.exists:
        preflight.check_change(work.node, work.wanted)
    else:
        preflight.check_create(work.node, work.wanted)
        check_left_over(work)
        work.announce()


def prepare_start(work: Work, _state: Observed) -> None:
    """Refuse what cannot start on this node."""
    from phoenix.guests import preflight

    preflight.check_change(work.node, work.wanted)


def existing(work: Work, state: Observed) -> None:
    """OperationFailed for a container that is not there."""
    if not state.exists:
        raise OperationFailed(f"{work.call.id} is not created", f"phoenix.pyz create {work.call.id}")


def create(call: Call) -> int:
    """Make the container what its file says."""
    return change(call, converge, prepare_converge)


def start(call: Call) -> int:
    """Start the container."""

    def planner(work: Work, state: Observed) -> Plan:
        existing(work, state)
        return plan.run_state(call.id, state, running=True)

    return change(call, planner, prepare_start)


def stop(call: Call) -> int:
    """Shut the container down."""

    def planner(work: Work, state: Observed) -> Plan:
        existing(work, state)
        return plan.run_state(call.id, state, running=False, seconds=work.shutdown_seconds)

    return change(call, planner)


def restart(call: Call) -> int:
    """Shut the container down and start it."""
    stopped = False

    def planner(work: Work, state: Observed) -> Plan:
        nonlocal stopped
        existing(work, state)
        stopped = stopped or not state.running
        return plan.restart(call.id, state, stopped, work.shutdown_seconds)

    return change(call, planner, prepare_start)


def delete(call: Call) -> int:
    """Destroy the container and its volumes, and see that they are gone."""
    if not call.yes and not call.dry_run:
        raise UsageError("delete needs --yes", f"lxc-manager --action=delete --id={call.id} --yes")

    def planner(work: Work, state: Observed) -> Plan:
        planned = plan.delete(call.id, state, work.shutdown_seconds)
        if planned.steps:
            from phoenix.guests import dangers

            ownership.check_deletable(call.id, state, work.record, dangers.of_deleting(work.node, call.id))
        return planned

    return change(call, planner, finish=forget)


def forget(work: Work) -> None:
    """Remove the record of a container that is gone. PartlyDone if volumes of it are left."""
    from phoenix import files

    if work.record:
        check_left_over(work)
        work.journal.add("deleted", mark=work.record.mark)
        files.remove(work.record_path)


def check_left_over(work: Work) -> None:
    """PartlyDone if volumes of a container that is gone are still there: the record names them until they are not."""
    if work.record is None:
        return
    from phoenix.guests import dangers

    work.begin()
    left = dangers.left_over(work.record.volumes, lambda storage: list_volumes(work, storage))
    if left:
        raise PartlyDone(
            f"{work.guest} is not there any more, but volumes of it are left: {', '.join(left)}",
            "look at them, then: " + "; ".join(f"pvesm free {volume}" for volume in left),
        )


def list_volumes(work: Work, storage: str) -> str:
    """What `pvesm list` prints of the container's volumes on a storage."""
    from phoenix import process

    argv = [work.node.tool("pvesm"), "list", storage, f"--vmid={work.call.id}"]
    start = work.log.line("$ " + shell(["pvesm", *argv[1:]]))
    if process.run_tool(argv, work.log.open(), 60) != 0:
        raise PartlyDone(
            f"{work.guest} is not there any more, but whether its volumes are gone from {storage} cannot be seen",
            f"pvesm list {storage} --vmid {work.call.id}; its output is in {work.log.path}",
        )
    return work.log.since(start)


def status(call: Call) -> int:
    """Say what is there and whether it is as the file says."""
    work = Work(call, converge)
    state = work.look()
    return report.status(call, work.wanted, state, work.plan(state), ownership.doubt(state, work.record))


def show_converge(call: Call) -> int:
    """Say what create would do."""
    return show_plan(Work(call, converge))


def check(call: Call) -> int:
    """Read the container's file, or all of them, and say everything that is wrong."""
    guests = [call.id] if call.id else load.guest_ids(call.config, call.kind)
    paths = {guest: load.guest_path(call.config, call.kind, guest) for guest in guests}
    report.check_files(paths, lambda path, guest: container.decode(load.document(path), guest))
    if call.json:
        output.document(manager=call.manager, action=call.action, files=sorted(paths.values()), exit_code=0)
    else:
        output.text(f"{call.kind}: {len(paths)} file{'s' * (len(paths) != 1)} checked, nothing wrong")
    return 0


ACTIONS = {
    "create": create,
    "start": start,
    "stop": stop,
    "restart": restart,
    "delete": delete,
    "status": status,
    "plan": show_converge,
    "check": check,
}
