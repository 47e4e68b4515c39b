"""Allocation: guests take turns at a storage; a manager that makes volumes on one waits for another that does."""

from __future__ import annotations

from phoenix import cli, locks, process
from phoenix.errors import Busy, Interrupted, NotReady
from phoenix.guests import preflight

TYPE_CHECKING = False
if TYPE_CHECKING:
    from phoenix.guests.plan import Step
    from phoenix.guests.work import Work

SECONDS = 3600
"""The longest wait for one storage: as long as a step may take."""
SOURCE_SECONDS = 60
"""The longest wait for a guest that is to be cloned: its lock can be one that nobody takes away."""


class Turn:
    """The storages that a step allocates on, held until it is over.

    Busy if it takes too long to have them, Interrupted after a signal.
    """

    def __init__(self, work: Work, step: Step) -> None:
        self._work = work
        self._step = step
        self._held: list[int] = []

    def __enter__(self) -> None:
        try:
            for storage in sorted(storages(self._work, self._step)):  # in one order: no two wait for each other
                self._held.append(_take(self._work, storage))
            if self._step.goal == "create" and self._work.wanted.clone:
                _wait_for_source(self._work)
        except BaseException:
            self.__exit__()
            raise

    def __exit__(self, *_: object) -> None:
        for lock in self._held:
            locks.release(lock)


def storages(work: Work, step: Step) -> set[str]:
    """The storages of the node on which a step makes volumes, or lets them grow."""
    word, *names = step.goal.split()
    if word == "create":
        from phoenix.guests import inventory

        found = inventory.storages_of(work.node, work.wanted)
    elif word in ("set", "resize"):
        settings = [work.wanted.settings.get(name, "") for name in names if work.kind.may_hold(name)]
        found = {setting["storage"] for setting in settings if not isinstance(setting, str) and "storage" in setting}
    else:
        return set()
    return found & work.node.storages().keys()


def _take(work: Work, storage: str) -> int:
    """The lock of a storage, once nobody else has it."""
    path = work.call.paths.lock("storage", storage)
    lock: int | None = None
    busy: Busy | None = None

    def taken() -> bool:
        nonlocal lock, busy
        try:
            lock = locks.take(path, f"storage {storage}")
        except Busy as error:
            if not busy:
                cli.note(f"{work.guest}: waiting for its turn at storage {storage}")
            busy = error
        return lock is not None or bool(process.received)

    process.wait_until(taken, work.seconds or SECONDS)
    if lock is None:
        raise stopped(work, f"storage {storage}") if process.received or not busy else busy
    return lock


def _wait_for_source(work: Work) -> None:
    """Wait until nobody else works on the guest that is to be cloned. NotReady if that takes too long."""
    error: NotReady | None = None

    def is_free() -> bool:
        nonlocal error
        error = preflight.locked_source(work.node, work.wanted)
        return error is None or bool(process.received)

    process.wait_until(is_free, work.seconds or SOURCE_SECONDS)
    if error:
        raise stopped(work, work.wanted.clone["from"]) if process.received else error


def stopped(work: Work, what: str) -> Interrupted:
    """The error for a wait that a signal has ended."""
    wrong = f"{work.guest}: stopped by signal {process.received} while it waited for {what}"
    return Interrupted(process.received, wrong, "running the same command again goes on from here")
