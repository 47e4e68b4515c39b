"""View: what is seen of several guests at once: plain lines, a live picture on a terminal, or events for machines."""

from __future__ import annotations

import os
import sys
import time

from phoenix import cli, output, process
from phoenix.text import printable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from phoenix.dispatch.scheduler import Task

BAR, MOST_ROWS, TICKS = 30, 16, 0.25
"""The width of the bar, the most guests drawn at once, and the seconds between two pictures."""
UP, CLEAR, BOLD, PLAIN = "\x1b[{}A", "\x1b[J", "\x1b[1m", "\x1b[0m"


class View:
    """Plain lines, each with its guest's ID: what a pipe or a log file gets."""

    def __init__(self, total: int) -> None:
        self.total = total
        self.over = 0
        self.reasons: dict[str, str] = {}  # by task: what its manager said was wrong
        self._talked: set[str] = set()

    def begun(self, task: Task) -> None:
        """A task's manager was started."""

    def said(self, task: Task, stream: int, line: str) -> None:
        """A manager wrote a line."""
        if line.startswith("error: "):
            self.reasons[task.key] = line[len("error: ") :]
        if stream == process.TALK:
            self._talked.add(task.key)
        elif task.quiet and task.key not in self._talked:
            return
        named = line.startswith((f"{guest(task)}: ", f"{guest(task)}  "))
        self.line(stream, line if named else f"{guest(task)}: {line}")

    def line(self, stream: int, line: str) -> None:
        """Write a line of a manager where it belongs."""
        if stream == process.SAYS:
            output.text(line)
            if sys.stdout:
                sys.stdout.flush()
        else:
            cli.note(line)

    def ended(self, _task: Task, _code: int) -> None:
        """A manager ended."""
        self.over += 1

    def held(self, task: Task, needed: str) -> None:
        """A task is not begun, for one that it needs has failed."""
        self.over += 1
        self.line(process.TALK, f"{guest(task)}: held back; it needs {needed.partition(' ')[0]}")

    def stopping(self, running: int, passed_on: bool) -> None:
        """A signal has come."""
        if not running:
            return
        what = "the signal is passed on to" if passed_on else "no other guest is begun; waiting for"
        self.line(process.TALK, f"stopping: {what} {running} that {'is' if running == 1 else 'are'} under way")

    def tick(self) -> None:
        """A moment has passed."""

    def close(self) -> None:
        """It is over."""


class Live(View):
    """A line for each guest under way and a bar, drawn again and again below what has been said for good."""

    def __init__(self, total: int) -> None:
        super().__init__(total)
        self._since = time.monotonic()
        self._steps: dict[str, tuple[Task, float, str]] = {}  # by task: when it began, and its latest words
        self._talk: dict[str, list[str]] = {}
        self._drawn = 0
        self._next = 0.0
        self._bold, self._plain = ("", "") if os.environ.get("NO_COLOR") else (BOLD, PLAIN)

    def begun(self, task: Task) -> None:
        """Give it a line."""
        self._steps[task.key] = (task, time.monotonic(), "")
        self._next = 0.0

    def said(self, task: Task, stream: int, line: str) -> None:
        """Show a step in the guest's line; what is data or wrong stays on the terminal."""
        self._talked |= {task.key} if stream == process.TALK else set()
        if stream == process.SAYS or task.key in self.reasons or line.startswith("error: "):
            super().said(task, stream, line)
            return
        begun = self._steps[task.key][1]
        self._steps[task.key] = (task, begun, line[len(guest(task)) + 2 :] if line.startswith(guest(task)) else line)

    def line(self, stream: int, line: str) -> None:
        """Write a line above the picture."""
        self._erase()
        super().line(stream, line)
        self._next = 0.0

    def ended(self, task: Task, code: int) -> None:
        """Its line goes."""
        super().ended(task, code)
        del self._steps[task.key]
        self._next = 0.0

    def tick(self) -> None:
        """Draw it again, if it is time."""
        now = time.monotonic()
        if now >= self._next:
            self._next = now + TICKS
            self._draw(now)

    def close(self) -> None:
        """Leave only what was said."""
        self._erase()

    def _erase(self) -> None:
        if self._drawn:
            self._write(UP.format(self._drawn) + CLEAR)
            self._drawn = 0

    def _draw(self, now: float) -> None:
        columns = width()
        steps = list(self._steps.values())
        rows = [f"{guest(task):<10}{now - begun:>5.0f} s  {words or task.action}" for task, begun, words in steps]
        if len(rows) > MOST_ROWS:
            rows[MOST_ROWS - 1 :] = [f"and {len(rows) - MOST_ROWS + 1} more"]
        done = BAR * self.over // max(self.total, 1)
        bar = f"[{'#' * done}{'.' * (BAR - done)}] {self.over} of {self.total} steps  {now - self._since:.0f} s"
        self._erase()
        shown = "".join(printable(row)[:columns] + "\n" for row in rows)
        self._write(f"{shown}{self._bold}{bar[:columns]}{self._plain}\n")
        self._drawn = len(rows) + 1

    def _write(self, text: str) -> None:
        try:
            sys.stderr.write(text)
            sys.stderr.flush()
        except OSError:
            return  # the terminal has gone; the work has not


class Events(View):
    """One JSON document a line on standard output, for each thing that happens."""

    def begun(self, task: Task) -> None:
        """`begun`."""
        self._event("begun", task)

    def said(self, task: Task, stream: int, line: str) -> None:
        """`document` with what the manager wrote as its own, or `said` with a line of its talk."""
        if stream == process.SAYS:
            self._event("document", task, document=output.parsed(line))
            return
        if line.startswith("error: "):
            self.reasons[task.key] = line[len("error: ") :]
        self._event("said", task, text=line)

    def ended(self, task: Task, code: int) -> None:
        """`ended`, with the exit status."""
        self._event("ended", task, exit_code=code)

    def held(self, task: Task, needed: str) -> None:
        """`held`, with the guest that it needs."""
        self._event("held", task, needs=needed.partition(" ")[0])

    def _event(self, event: str, task: Task, **facts: Any) -> None:
        kind = task.target.kind if task.target else ""
        output.document(event=event, id=guest(task), kind=kind, action=task.action, **facts)
        if sys.stdout:
            sys.stdout.flush()


class Taken(View):
    """Documents alone, each for `take`; talk goes where it always goes."""

    def __init__(self, total: int, take: Callable[[str], None]) -> None:
        super().__init__(total)
        self._take = take

    def said(self, task: Task, stream: int, line: str) -> None:
        """Keep what is a document."""
        if stream == process.SAYS:
            self._take(line)
        else:
            super().said(task, stream, line)


def width() -> int:
    """How many characters a line of the terminal takes; some terminals do not say."""
    try:
        return (os.get_terminal_size(2).columns or 80) - 1
    except OSError:
        return 79


def guest(task: Task) -> str:
    """The ID of a task's guest."""
    return task.target.id if task.target else task.key


def of(total: int, *, in_json: bool, take: Callable[[str], None] | None) -> View:
    """The view that fits: the taker's, events, or what the terminal can show."""
    if take:
        return Taken(total, take)
    if in_json:
        return Events(total)
    lives = sys.stderr and sys.stderr.isatty() and os.environ.get("TERM", "dumb") not in ("", "dumb")
    return Live(total) if lives else View(total)
