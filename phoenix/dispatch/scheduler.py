"""Scheduler: carries out tasks side by side, each when those before it are over, and no more of them than may run."""

from __future__ import annotations

import time

from phoenix import process
from phoenix.value import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    import collections
    from collections.abc import Callable, Iterable

    from phoenix.dispatch.routing import Target
    from phoenix.dispatch.view import View

TICK = 0.1
"""Seconds between two looks at whether a signal came or a rest is over."""
INTERRUPT = 2
"""The signal of Ctrl-C."""
JOB_BYTES = 110 << 20
"""What a call of the real pct or qm holds in memory."""


class Task(Value):
    """One start of a manager. `needs` are those that must have succeeded before it, `after` those that must be over."""

    key: str
    target: Target | None  # None: there is nothing to do; it is over when those before it are
    action: str = ""
    words: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()
    after: tuple[str, ...] = ()
    rest: int = 0  # seconds that those after it wait if it did anything
    quiet: bool = False  # what it says is of no interest if it did nothing


class Schedule:
    """Tasks on their way. `codes` are the exit statuses of those that ended, `held` why others were not begun."""

    def __init__(self, tasks: Iterable[Task], jobs: int, command: Callable[[Task], list[str]], view: View) -> None:
        import collections
        import graphlib

        self.tasks = {task.key: task for task in tasks}
        self.codes: dict[str, int] = {}
        self.held: dict[str, str] = {}  # by task: the task that it needs, and that failed or was held itself
        self._jobs = jobs
        self._command = command
        self._view = view
        self._children = process.Children()
        self._ready: collections.deque[str] = collections.deque()
        self._left = sum(task.target is not None for task in self.tasks.values())
        self._busy: set[str] = set()  # those that said something, so that they did something
        self._resting: dict[str, float] = {}  # by task: when those after it may begin
        self._told_to_stop = 0
        self._sorter: graphlib.TopologicalSorter[str] = graphlib.TopologicalSorter(
            {task.key: [*task.needs, *task.after] for task in self.tasks.values()}
        )

    def run(self) -> None:
        """Carry all of them out; after a signal, let those that run come to their end and begin no other."""
        process.listen()
        self._sorter.prepare()
        try:
            while self._sorter.is_active():
                self._obey()
                if process.received and not self._children:
                    return
                self._ready += self._sorter.get_ready()
                if not self._begin():
                    self._wait()
        finally:
            self._children.drain()  # where nobody listens to us any more, or no other can be started

    def _obey(self) -> None:
        """Ctrl-C lets those that run finish; a second one, or another signal, is theirs as well, once."""
        wanted = bool(process.received) + bool(process.again or process.received not in (0, INTERRUPT))
        if wanted > self._told_to_stop:
            self._told_to_stop = wanted
            self._view.stopping(len(self._children), wanted > 1)
            if wanted > 1 and self._children:
                self._children.pass_on(process.again or process.received)

    def _begin(self) -> bool:
        """Begin what may; whether anything was over at once, so that others may be ready now."""
        over = False
        while self._ready and len(self._children) < self._jobs and not process.received:
            key = self._ready.popleft()
            task = self.tasks[key]
            self._left -= task.target is not None
            failed = next((name for name in task.needs if self.codes.get(name, 0) or name in self.held), "")
            if failed:
                self.held[key] = failed
                self._view.held(task, failed)
            if failed or task.target is None:
                self._sorter.done(key)
                over = True
            else:
                self._children.start(key, self._command(task))
                self._view.begun(task)
        return over

    def _wait(self) -> None:
        """Take notice of what happens until something does, or a moment is over."""
        for key, stream, text in self._children.events(TICK):
            if stream:
                if stream == process.TALK:
                    self._busy.add(key)
                self._view.said(self.tasks[key], stream, text)
            else:
                self._ended(key, int(text))
        now = time.monotonic()
        for key in [key for key, until in self._resting.items() if until <= now]:
            del self._resting[key]
            self._sorter.done(key)
        self._view.tick()

    def _ended(self, key: str, code: int) -> None:
        self.codes[key] = code
        task = self.tasks[key]
        self._view.ended(task, code)
        if task.rest and key in self._busy and not code and self._left:
            self._resting[key] = time.monotonic() + task.rest
        else:
            self._sorter.done(key)


def default_jobs() -> int:
    """So many at once: one a processor, as far as the free memory goes."""
    import os

    return max(1, min(len(os.sched_getaffinity(0)), free_memory() // JOB_BYTES))


def free_memory() -> int:
    """The memory that can be had on this machine, in bytes; much where that cannot be seen."""
    try:
        with open("/proc/meminfo", encoding="ascii") as file:
            found = [line.split() for line in file if line.startswith("MemAvailable:")]
        return int(found[0][1]) << 10
    except (OSError, ValueError, IndexError):
        return 1 << 40
