"""Setup: all sections of hypervisor.toml, one after another: looked at, planned, carried out, looked at again."""

from __future__ import annotations

from phoenix import locks
from phoenix.host import document, report
from phoenix.host.aspect import Ask, Plan
from phoenix.host.host import Host
from phoenix.host.owed import Owed
from phoenix.host.work import NAME, Work
from phoenix.pve.node import Node

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from phoenix.call import Call

REBOOT = ("systemctl", "reboot")


class Setup:
    """The sections that a call is for, on one node."""

    def __init__(self, call: Call) -> None:
        self.call = call
        self.host = Host(Node(call.paths))
        self.owed = Owed(call.paths.record(call.kind, "owed"))
        options = call.options
        wanted = document.sections(call.config)
        named = document.chosen(str(options.get("--only") or ""), str(options.get("--skip") or ""))
        ask = Ask(wipe=tuple(word for word in str(options.get("--wipe") or "").split(",") if word))
        self.works = [Work(name, wanted[name], call, self.host, self.owed, ask) for name in named if name in wanted]

    def plans(self) -> dict[str, Plan]:
        """What each section is to do from what is there now; what one will make, the next does not see yet."""
        return {work.guest: work.plan(work.observe()) for work in self.works}

    def show(self) -> int:
        """Print the plan; nothing is changed and nothing is locked."""
        return report.show_plan(self.call, self.host.node.name, self.plans(), self.owed.commands)

    def run(self) -> int:
        """Make the node what its file says; returns the exit status."""
        self.host.node.check_changeable()
        lock = locks.take(self.call.paths.lock(self.call.kind, NAME), "the node")
        try:
            done, reboot = self.carry_out()
        finally:
            locks.release(lock)
        return report.result(self.call, self.host.node.name, done, reboot)

    def carry_out(self) -> tuple[list[tuple[str, ...]], list[str]]:
        """Carry out section after section; returns the commands, and why the node must be started anew.

        What is refused is refused before anything is done, as far as it can be seen then.
        """
        report.check_refused(self.plans())
        done: list[tuple[str, ...]] = []
        reboot: list[str] = []
        for work in self.works:
            state = work.observe()
            if work.steps(state):
                state, more = self.loop(work, state)
                done += more
            planned = work.plan(state)
            report.check_refused({work.guest: planned})
            reboot += planned.reboot
        return done, reboot

    def loop(self, work: Work, state: object) -> tuple[object, Iterable[tuple[str, ...]]]:
        """Run the loop for one section, with a log and a journal now that there is something to do."""
        from phoenix import reconcile, workers
        from phoenix.journal import Journal
        from phoenix.log import RunLog

        call = self.call
        if not hasattr(self, "log"):
            facts = {"run": call.run, "node": self.host.node.name, "kind": call.kind, "id": NAME}
            self.log = RunLog(call.paths.log(call.run, call.kind, NAME))
            self.journal = Journal(call.paths.journal(call.kind, NAME), **facts, **workers.this_process())
        work.log, work.journal = self.log, self.journal
        return reconcile.run(work, state)
