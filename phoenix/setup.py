"""Setup: all sections of hypervisor.toml, one after another: looked at, planned, carried out, looked at again."""

from __future__ import annotations

from phoenix import cli, locks
from phoenix.errors import OperationFailed, PartlyDone, UsageError
from phoenix.host import document, report
from phoenix.host.aspect import Ask, Plan
from phoenix.host.host import LOOK_SECONDS, Host
from phoenix.host.owed import Owed
from phoenix.host.work import NAME, Work
from phoenix.pve.node import Node
from phoenix.text import last_line, shell

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from phoenix.call import Call

WIPING = "zfs"
"""The section that wipes disks, those that the command line names."""
REBOOT = ("systemctl", "reboot")


class Setup:
    """The sections that a call is for, on one node."""

    def __init__(self, call: Call) -> None:
        self.call = call
        self.host = Host(Node(call.paths))
        self.owed = Owed(call.paths.record(call.kind, "owed"))
        options = call.options
        if options.get("--confirm-network"):
            self.works = [self.confirming()]
            return
        wanted = document.sections(call.config)
        named = document.chosen(str(options.get("--only") or ""), str(options.get("--skip") or ""))
        ask = Ask(wipe=tuple(word for word in str(options.get("--wipe") or "").split(",") if word))
        self.works = [Work(name, wanted[name], call, self.host, self.owed, ask) for name in named if name in wanted]
        if ask.wipe and WIPING not in [work.guest for work in self.works]:
            raise UsageError(
                f"--wipe is for disks of [{WIPING}], which is not among the sections of this run",
                "leave --wipe out; phoenix.pyz help setup",
            )

    def confirming(self) -> Work:
        """The work of confirming a change of the network: what the file says now does not matter to that."""
        from phoenix.host import rollback

        if rollback.APPLY in self.owed.commands:
            raise PartlyDone("the change of the network is not in effect yet", "phoenix.pyz setup --only=network")
        return Work("rollback", None, self.call, self.host, self.owed, Ask())

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
            begun = bool(reboot and self.call.options.get("--reboot"))
            if begun:
                self.start_anew(reboot)
        finally:
            locks.release(lock)
        return report.result(self.call, self.host.node.name, done, reboot, begun=begun)

    def carry_out(self) -> tuple[list[tuple[str, ...]], list[str]]:
        """Carry out section after section; returns the commands, and why the node must be started anew."""
        report.check(self.plans())
        done: list[tuple[str, ...]] = []
        reboot: list[str] = []
        for work in self.works:
            state = work.observe()
            report.check({work.guest: work.plan(state)})
            if work.steps(state):
                state, more = self.loop(work, state)
                done += more
            planned = work.plan(state)
            report.check({work.guest: planned})
            reboot += planned.reboot
            report.check_waits(self.host.node.name, planned, reboot)
        return done, reboot

    def loop(self, work: Work, state: object) -> tuple[object, Iterable[tuple[str, ...]]]:
        """Run the loop for one section."""
        from phoenix import reconcile

        self.begin()
        work.log, work.journal = self.log, self.journal
        return reconcile.run(work, state)

    def begin(self) -> None:
        """Open the log and the journal, once there is something to do."""
        from phoenix import workers
        from phoenix.journal import Journal
        from phoenix.log import RunLog

        call = self.call
        if not hasattr(self, "log"):
            facts = {"run": call.run, "node": self.host.node.name, "kind": call.kind, "id": NAME}
            self.log = RunLog(call.paths.log(call.run, call.kind, NAME))
            self.journal = Journal(call.paths.journal(call.kind, NAME), **facts, **workers.this_process())

    def start_anew(self, why: Sequence[str]) -> None:
        """Start the node anew. OperationFailed if it does not take that."""
        self.begin()
        self.journal.add("intent", goal="reboot", argv=list(REBOOT), section="", why=list(why))
        cli.note(f"{self.host.node.name}: {shell(REBOOT)}")
        status, said = self.log.run([self.host.program(REBOOT[0]), *REBOOT[1:]], LOOK_SECONDS)
        self.journal.add("outcome", goal="reboot", status=status, reached=status == 0, section="")
        if status:
            raise OperationFailed(
                f"{self.host.node.name}: `{shell(REBOOT)}` ended with {status}: {last_line(said)}",
                "reboot it by hand, then again: phoenix.pyz setup",
            )
