"""Work: one section of hypervisor.toml under one call, as the loop sees it; and how its steps are carried out."""

from __future__ import annotations

import contextlib
import os
import stat

from phoenix import files
from phoenix.errors import NotReady
from phoenix.host import aspect, owners
from phoenix.host.aspect import FOLDER, LINK, REMOVE, SET, WRITE, Obstacle, Step
from phoenix.host.host import LOOK_SECONDS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any

    from phoenix.call import Call
    from phoenix.host.aspect import Ask, Plan
    from phoenix.host.host import Host
    from phoenix.host.owed import Owed
    from phoenix.journal import Journal
    from phoenix.log import RunLog

KEPT = "/var/lib/phoenix/kept"
"""Where the files are that were replaced, below the name of the run."""
PVE = "/etc/pve/"
"""The cluster file system, which has modes of its own."""
OWN = "/var/lib/phoenix/"
"""Where what Phoenix notes for itself is."""
NAME = "node"
"""What the journal, the lock and the log of the node itself are called, where a guest has its ID."""


class Work:
    """One section under one call. `guest` is its name: what the loop tells begins with it."""

    def __init__(self, section: str, wanted: Any, call: Call, host: Host, owed: Owed, ask: Ask) -> None:
        self.guest = section
        self.wanted = wanted
        self.call = call
        self.host = host
        self.owed = owed
        self.ask = ask
        self.module = aspect.module(section)
        self.seconds = call.timeout
        self.status_command = f"phoenix.pyz setup --dry-run --only={section}"
        self.succeeded: set[tuple[str, ...]] = set()  # commands of this run
        self.log: RunLog
        self.journal: Journal

    def observe(self) -> Any:
        """What is there."""
        return self.module.observe(self.host, self.wanted)

    def plan(self, state: Any) -> Plan:
        """What is to be done from a state on."""
        found: Plan = self.module.plan(self.wanted, state, self.ask)
        linked = [why for step in found.steps if step.argv[0] in (WRITE, FOLDER) for why in [obstacle(self.host, step)]]
        return found.but(missing=(*found.missing, *(why for why in linked if why)))

    def steps(self, state: Any) -> tuple[Step, ...]:
        """The steps that are left, each after what must come first; what is owed comes after them."""
        planned: list[Step] = []
        for step in self.plan(state).steps:
            planned += [order(command) for command in step.first if command not in self.succeeded]
            planned.append(step)
        hint = f"when the cause is gone, run the same command again; or take its line out of {self.owed.path}"
        return (*planned, *(order(command).but(hint=hint) for command in self.owed.commands))

    def describe(self, state: Any) -> str:
        """The state in a word or two."""
        planned = self.plan(state)
        wrong = ", ".join(item.what for item in planned.differences)
        words = [f"not as wanted: {wrong}" if wrong else "as wanted", *(item.why for item in planned.waits)]
        return "; ".join(words)

    def before(self, _step: Step, _state: Any) -> dict[str, Any]:
        """What the journal is told before a step."""
        return {"section": self.guest}

    def after(self, state: Any) -> dict[str, Any]:
        """What the journal is told after a step."""
        return {"section": self.guest, "state": self.describe(state)}

    def ready(self) -> None:
        """NotReady if the node cannot be changed."""
        self.host.node.check_changeable()

    def turn(self, _step: Step) -> contextlib.AbstractContextManager[None]:
        """Nobody else works on the node itself: its lock is held."""
        return contextlib.nullcontext()

    def noted(self, step: Step, state: Any) -> None:
        """The state says it all."""

    def perform(self, step: Step, seconds: int) -> int | None:
        """Carry out a step; returns its exit status, or None if it still runs after `seconds`."""
        self.owed.add(step.after)
        own = _OWN.get(step.argv[0])
        if own:
            return own(self, step)
        with given(self.host, step) as stdin:
            status = self.log.run([self.host.program(step.argv[0]), *step.argv[1:]], seconds, stdin)[0]
        if status == 0:
            self.owed.paid(step.argv)
            self.succeeded.add(step.argv)
        return status


@contextlib.contextmanager
def given(host: Host, step: Step) -> Iterator[str]:
    """The path of what a step's program reads, "" for nothing; a secret that is put together is in memory alone."""
    path = host.paths(step.stdin) if step.stdin else ""
    if not step.feed:
        yield path
        return
    files.check_secret(path)
    line = files.read_trusted(path).decode("utf-8", "replace").partition("\n")[0]
    file = os.memfd_create("given", os.MFD_CLOEXEC)
    try:
        os.write(file, step.feed.replace("{}", line).encode())
        yield f"/proc/self/fd/{file}"
    finally:
        os.close(file)


def order(command: tuple[str, ...]) -> Step:
    """The step that runs a command whose effect nobody can see."""
    return Step(f"run {' '.join(command)}", command)


def write(work: Work, step: Step) -> int | None:
    """Make a file, at once for every reader. What it replaces is kept first. Returns the status of what checks it."""
    path = place(work, step)
    files.make_folder(os.path.dirname(path))
    if step.check:
        status = checked(work, step, f"{path}.check")
        if status != 0:
            return status
    keep(work, step.argv[1])
    if step.owner:
        files.replace_for(path, step.content, step.mode, *owners.ids(work.host, step.owner))
    elif step.argv[1].startswith(PVE):
        files.replace_in_pve(path, step.content)
    else:
        files.replace(path, step.content, mode_of(work, step))
    return 0


def checked(work: Work, step: Step, beside: str) -> int | None:
    """What the program that is to check a file says of it, before it has its name: its status."""
    try:
        files.replace(beside, step.content, mode_of(work, step))
        return work.log.run([work.host.program(step.check[0]), *step.check[1:], beside], LOOK_SECONDS)[0]
    finally:
        files.discard(beside)


def obstacle(host: Host, step: Step) -> Obstacle | None:
    """Why the path of a step is not written: it is a link, or leads out of the node."""
    root = os.path.realpath(host.paths.root or "/").rstrip("/")
    path = host.paths(step.argv[1])
    if not os.path.islink(path) and f"{os.path.realpath(os.path.dirname(path))}/".startswith(root + "/"):
        return None
    hint = f"ls -l {path}; replace the link by what it leads to, and run the same command again"
    return Obstacle(f"{path} is reached by a link; Phoenix writes what it can see whole", hint)


def place(work: Work, step: Step) -> str:
    """The path that a step is for, on this machine. NotReady for a link, which may be there only now."""
    found = obstacle(work.host, step)
    if found:
        raise NotReady(found.why, found.hint)
    return work.host.paths(step.argv[1])


def mode_of(work: Work, step: Step) -> int:
    """The mode of what a step writes: the administrator's own for a file that is there."""
    facts = work.host.facts(step.argv[1])
    return step.mode or (stat.S_IMODE(facts.st_mode) if facts else 0o644)


def keep(work: Work, path: str) -> None:
    """Keep a file as it is before the run changes it for the first time; our own drop-ins too, but not our books."""
    if path.startswith(OWN):
        return
    try:
        with open(work.host.paths(path), "rb") as file:
            data = file.read()
    except FileNotFoundError:
        return
    kept = work.host.paths(f"{KEPT}/{work.call.run}{path}")
    if not os.path.exists(kept):
        files.replace_bytes(kept, data)


def link(work: Work, step: Step) -> int:
    """Make a symbolic link, at once for every reader, in place of a link or a file."""
    path, target = work.host.paths(step.argv[1]), step.argv[2]
    beside = f"{path}.new"
    files.make_folder(os.path.dirname(path))
    if not os.path.islink(path):
        keep(work, step.argv[1])
    try:
        files.discard(beside)
        os.symlink(target, beside)
        os.rename(beside, path)
        files.sync_folder(os.path.dirname(path))
    except OSError as error:
        raise files.cannot_write(path, error) from error
    return 0


def folder(work: Work, step: Step) -> int:
    """Make a folder, or give the one that is there the owner and mode that are wanted."""
    path = place(work, step)
    files.make_folder(path)
    files.give(path, step.mode, *(owners.ids(work.host, step.owner) if step.owner else (-1, -1)))
    return 0


def remove(work: Work, step: Step) -> int:
    """Remove a file of ours; it is kept."""
    keep(work, step.argv[1])
    files.remove(work.host.paths(step.argv[1]))
    return 0


def tell(work: Work, step: Step) -> int:
    """Tell a file of the kernel a value; there is nothing to keep."""
    path = work.host.paths(step.argv[1])
    try:
        with open(path, "r+", encoding="utf-8") as file:
            file.truncate()
            file.write(f"{step.argv[2]}\n")
    except OSError as error:
        raise files.cannot_write(path, error) from error
    return 0


_OWN: dict[str, Callable[[Work, Step], int | None]] = {
    WRITE: write, LINK: link, FOLDER: folder, REMOVE: remove, SET: tell,
}  # fmt: skip
"""How steps are carried out that are no program."""
