"""The loop, the same for every kind: observe, plan, one command, observe again, until the plan is empty.

The intent is in the journal before a command starts and its outcome after. What a tool's exit status says is only
believed when the state, read again, agrees.
"""

from __future__ import annotations

from phoenix import cli, process
from phoenix.errors import Busy, Interrupted, OperationFailed, PartlyDone
from phoenix.pve.transient import hindrance
from phoenix.text import called, last_line, shell

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from contextlib import AbstractContextManager
    from typing import Any, Protocol, TypeVar

    from phoenix.journal import Journal
    from phoenix.log import RunLog

    State = TypeVar("State")

    class Step(Protocol):
        """One command of a plan; two steps with one `goal` are for the same thing."""

        @property
        def goal(self) -> str:
            """What the command is for."""

        @property
        def argv(self) -> tuple[str, ...]:
            """The command; its first word is the tool's name."""

        @property
        def seconds(self) -> int:
            """The longest it may take; 0 for the task's."""

        @property
        def hint(self) -> str:
            """What to do if it fails, "" for what helps with all of them."""

    AStep = TypeVar("AStep", bound=Step)

    class Task(Protocol[State, AStep]):
        """What the loop needs to know of one piece of work."""

        guest: str
        log: RunLog
        seconds: int  # the longest that one step may take, 0 for STEP_SECONDS
        status_command: str  # what shows the state

        @property
        def journal(self) -> Journal:
            """Where every intent and outcome is written down."""

        def observe(self) -> State:
            """The state as it is now."""

        def steps(self, state: State) -> Sequence[AStep]:
            """The steps that are left from a state on."""

        def describe(self, state: State) -> str:
            """The state in a word or two."""

        def before(self, step: AStep, state: State) -> dict[str, Any]:
            """What the journal is told of the state before a step (JSON values)."""

        def after(self, state: State) -> dict[str, Any]:
            """What the journal is told of the state after a step (JSON values)."""

        def ready(self) -> None:
            """Raise if the node cannot be changed any more."""

        def turn(self, step: AStep) -> AbstractContextManager[None]:
            """What is held while a step goes on, once it is its turn among those of others."""

        def perform(self, step: AStep, seconds: int) -> int | None:
            """Carry out a step; returns its exit status, or None if it takes longer than `seconds`."""

        def noted(self, step: AStep, state: State) -> None:
            """Take notice of the state that a command has led to."""


STEP_SECONDS = 3600
EFFECT_SECONDS = 5
"""How long after a tool's success its effect may take to show."""
HOLD_SECONDS = 1
"""How long after a tool's failure its effect must last to be believed."""
RETRY_SECONDS = 60
"""How long a command is tried again that somebody else hinders."""
FIRST_PAUSE, LONGEST_PAUSE = 1, 15
"""The first wait before a command is tried again, and the longest."""
OVER = object()


def run(task: Task[State, AStep], state: State) -> tuple[State, list[tuple[str, ...]]]:
    """Carry out what is planned from `state` on; returns the last state and the commands that were run.

    OperationFailed if a command does not have its effect, PartlyDone if it takes too long, Busy if somebody else is in
    its way for too long, Interrupted after a signal.
    """
    done: list[tuple[str, ...]] = []
    goals: set[str] = set()
    tries: dict[str, Iterator[None]] = {}
    while True:
        steps = task.steps(state)
        if not steps:
            return state, done
        step = steps[0]
        if process.received:
            raise interrupted(task, state)
        if step.goal in goals:
            raise OperationFailed(
                f"{task.guest}: `{step.goal}` did not last; it is {task.describe(state)}", retry(task)
            )
        task.ready()
        with task.turn(step):
            state, hindered = carry_out(task, step, state)
        if hindered:
            wait(task, tries, step.goal, hindered)
            continue
        goals.add(step.goal)
        done.append(step.argv)


def wait(task: Task[State, AStep], tries: dict[str, Iterator[None]], goal: str, hindered: str) -> None:
    """Wait before a goal is tried again, longer each time. Busy, with what its tool said, when the time is up."""
    if goal not in tries:
        tries[goal] = process.ticks(task.seconds or RETRY_SECONDS, FIRST_PAUSE, LONGEST_PAUSE)
        next(tries[goal])  # the first is at once
    cli.note(f"{task.guest}: {hindered}; trying again")
    if next(tries[goal], OVER) is OVER:
        raise Busy(f"{task.guest}: {hindered}", f"try again later; the whole output is in {task.log.path}")


def carry_out(task: Task[State, AStep], step: AStep, state: State) -> tuple[State, str]:
    """Run one command and read the state after it; raises unless the step's goal is reached.

    What somebody else hinders, and has changed nothing, does not raise: the words that say so are returned.
    """
    before = task.describe(state)
    task.journal.add("intent", goal=step.goal, argv=list(step.argv), **task.before(step, state))
    line = shell(step.argv)
    cli.note(f"{task.guest}: {line}")
    task.log.line("$ " + line)
    seconds = step.seconds or task.seconds or STEP_SECONDS
    status = task.perform(step, seconds)
    state, reached = read_again(task, step, status)
    task.journal.add("outcome", goal=step.goal, status=status, reached=reached, **task.after(state))
    task.noted(step, state)
    said = task.log.said
    words = last_line(said)
    if not reached:
        if status is None:
            raise unfinished(task, step, seconds, state)
        if process.received:
            raise interrupted(task, state)
        if status and hindrance(said) and task.describe(state) == before:
            return state, f"`{called(step.argv)}` ended with {status}: {last_line(hindrance(said))}"
        raise failed(task, step, status, words, state)
    if status:
        cli.note(f"{task.guest}: {step.argv[0]} ended with {status} ({words}), but its work is done")
    return state, ""


def read_again(task: Task[State, AStep], step: AStep, status: int | None) -> tuple[State, bool]:
    """The state after a command, and whether the command's goal is reached.

    A tool that reports success is given a moment for the effect to show; one that reports failure is not.
    """
    state = task.observe()

    def reached() -> bool:
        nonlocal state
        state = task.observe()
        return all(left.goal != step.goal for left in task.steps(state))

    done = process.wait_until(reached, EFFECT_SECONDS if status == 0 else 0)
    if done and status:
        # A container that fails to start can be seen running for a moment: what a failure leaves has to last.
        done = not process.wait_until(lambda: not reached(), HOLD_SECONDS)
    return state, done


def unfinished(task: Task[State, AStep], step: AStep, seconds: int, state: State) -> PartlyDone:
    """The error for a command that is left to itself."""
    what = f"`{called(step.argv)}` still runs after {seconds} s"
    hint = f"wait for it: {task.status_command}; its output is in {task.log.output}"
    return PartlyDone(f"{task.guest}: {what}; it is {task.describe(state)}", hint)


def failed(task: Task[State, AStep], step: AStep, status: int, words: str, state: State) -> OperationFailed:
    """The error for a command without effect."""
    if status == 0:
        cause = f"`{called(step.argv)}` reported success, but what it was to do is not there"
    else:
        cause = f"`{called(step.argv)}` ended with {status}: {words}"
    hint = f"{step.hint}; its output is in {task.log.path}" if step.hint else retry(task)
    return OperationFailed(f"{task.guest}: {cause}; it is {task.describe(state)}", hint)


def interrupted(task: Task[State, AStep], state: State) -> Interrupted:
    """The error for work that a signal has ended early."""
    wrong = f"{task.guest}: stopped by signal {process.received}; it is {task.describe(state)}"
    return Interrupted(process.received, wrong, "running the same command again goes on from here")


def retry(task: Task[State, AStep]) -> str:
    """What to do after a failure."""
    return f"the whole output is in {task.log.path}; when the cause is gone, run the same command again"
