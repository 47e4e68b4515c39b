"""Looking: plan and status of guests: few managers, each with its share of them, and their words in one order."""

from __future__ import annotations

from phoenix import cli, output, process
from phoenix.dispatch import child, routing, scheduler
from phoenix.errors import overall

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from phoenix.dispatch.child import Take
    from phoenix.dispatch.routing import Target

    Call = tuple[str, list[str]]  # a manager, and what it is told

VERBS = ("plan", "status")
"""The verbs whose managers take several guests at once, and only look."""
MOST, FEWEST = 500, 25
"""So many guests a manager is given at most, for its memory; and at least, for else its start is most of its work."""


def look(tree: str, verb: str, targets: Sequence[Target], words: Sequence[str], jobs: int, take: Take) -> int:
    """Let managers look at guests, `jobs` of them at once; 0: as many as may be. Returns one exit status."""
    jobs = jobs or scheduler.default_jobs()
    calls = shares(verb, targets, words, jobs)
    if len(calls) == 1:
        return child.run_to(tree, *calls[0], take)
    codes = Looking(tree, calls, jobs, take).codes()
    return 128 + process.received if process.received else overall(codes)


def shares(verb: str, targets: Sequence[Target], words: Sequence[str], jobs: int) -> list[Call]:
    """What the managers are told, in the order of the targets, kind by kind."""
    found = []
    for kind in dict.fromkeys(target.kind for target in targets):
        guests = [f"--id={target.id}" for target in targets if target.kind == kind]
        parts = max(1, min(jobs, len(guests) // FEWEST), -(-len(guests) // MOST))
        size = -(-len(guests) // parts)
        for begin in range(0, len(guests), size):
            found.append((kind + routing.SUFFIX, [f"--action={verb}", *guests[begin : begin + size], *words]))
    return found


class Looking:
    """Managers side by side; what one says whose turn has not come is kept until those before it are over."""

    def __init__(self, tree: str, calls: Sequence[Call], jobs: int, take: Take) -> None:
        self._tree = tree
        self._left = list(enumerate(calls))
        self._jobs = jobs
        self._take = take
        self._children = process.Children()
        self._turn = 0
        self._kept: dict[int, list[tuple[int, str]]] = {}
        self._codes: dict[int, int] = {}

    def codes(self) -> list[int]:
        """Run them, up to a signal, which they are told of; returns their exit statuses."""
        process.listen()
        told = False
        try:
            while self._children or (self._left and not process.received):
                self._begin()
                if process.received and not told:
                    self._children.pass_on(process.received)
                    told = True
                self._hear()
        finally:
            self._children.drain()  # where nobody listens to us any more, or no other can be started
        return list(self._codes.values())

    def _begin(self) -> None:
        while self._left and len(self._children) < self._jobs and not process.received:
            place, (manager, words) = self._left.pop(0)
            argv = process.manager_argv(routing.manager_path(self._tree, manager), words)
            self._children.start(str(place), argv)

    def _hear(self) -> None:
        for key, stream, text in self._children.events(scheduler.TICK):
            place = int(key)
            if not stream:
                self._codes[place] = int(text)
            elif place == self._turn:
                self._tell(stream, text)
            else:
                self._kept.setdefault(place, []).append((stream, text))
        while self._turn in self._codes:
            self._turn += 1
            for stream, text in self._kept.pop(self._turn, ()):
                self._tell(stream, text)

    def _tell(self, stream: int, text: str) -> None:
        if stream == process.TALK:
            cli.note(text)
        elif self._take:
            self._take(text)
        else:
            output.text(text)
