"""Many: a verb for its guests: whom it takes along, in which order they come, and what became of each."""

from __future__ import annotations

import time

from phoenix import cli, output, process
from phoenix.dispatch import order, routing
from phoenix.errors import ConfigError, overall

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from phoenix.dispatch.child import Take
    from phoenix.dispatch.order import Way
    from phoenix.dispatch.routing import Configuration, Target
    from phoenix.dispatch.scheduler import Schedule, Task
    from phoenix.dispatch.view import View
    from phoenix.paths import Paths

NOT_FOR_TEMPLATES = ("start", "restart")
"""What `all` and other groups do not mean templates by."""

DONE, NOT_BEGUN, HELD, FAILED = range(4)
OUTCOMES = {DONE: "done", NOT_BEGUN: "not begun", HELD: "held back", FAILED: "failed"}
"""What can become of a guest; the worst last."""


def tasks_of(
    verb: str, configuration: Configuration, names: Sequence[str], paths: Paths, words: Sequence[str]
) -> list[Task]:
    """What is to be done for the guests that names mean. ConfigError for guests that need each other in a circle."""
    targets, grouped = configuration.meant(names)
    if verb in NOT_FOR_TEMPLATES:
        targets = [one for one in targets if one.id not in grouped or configuration.glance(one).state != "template"]
    way = order.WAYS.get(verb, order.Way(verb, ordered=False))
    relations: order.Relations = {}
    if way.ordered and not (len(targets) == 1 and (not way.along or configuration.stands_alone(targets[0]))):
        relations = related(configuration, way, targets, paths)
        order.check(relations, configuration.folder)
        targets = [*targets, *along(configuration, targets, relations)]
    if verb == "LetsGo":
        seen = {target.id: configuration.glance(target) for target in targets}
        return order.raising(targets, seen, relations, words)
    return order.tasks(way, targets, relations, words)


def along(configuration: Configuration, targets: Sequence[Target], relations: order.Relations) -> list[Target]:
    """The guests that are taken along with those that are named; the user is told of each."""
    named = {target.id for target in targets}
    found = [configuration.find_id(guest) for guest in sorted(relations, key=int) if guest not in named]
    for target in found:
        whose = ", ".join(guest for guest in sorted(relations, key=int) if target.id in relations[guest])
        cli.note(f"note: {target.id} is taken along: {whose} need{'s' * (', ' not in whose)} it")
    return found


def related(configuration: Configuration, way: Way, targets: Sequence[Target], paths: Paths) -> order.Relations:
    """What each guest needs of those that are named or taken along. ConfigError for one that has no file."""
    named = {target.id: target for target in targets}
    known: dict[str, Target | None] = dict(named)

    def target_of(guest: str) -> Target | None:
        if guest not in known:
            known[guest] = configuration.known(guest) if cli.is_guest_id(guest) else None
        return known[guest]

    def is_taken(guest: str) -> bool:
        target = target_of(guest)
        if guest in named or target is None:
            return guest in named
        if way.along == "missing":
            return not is_there(paths, guest)
        return way.along == "all" or (way.along == "running" and configuration.glance(target).state != "template")

    def needs(guest: str) -> list[str]:
        target = target_of(guest) or routing.Target("", guest)
        seen = configuration.glance(target)
        for name in seen.needs:
            if target_of(name) is None:
                file = configuration.file(target)
                raise ConfigError(f"{file}: phoenix.depends_on: {name} has no file", f"edit {file}")
        return [name for name in (*seen.needs, *seen.sources * (way.along != "running")) if is_taken(name)]

    return order.with_needed(named, needs)


def is_there(paths: Paths, guest: str) -> bool:
    """Whether any node of the cluster has a guest of that ID. NotReady if that cannot be seen."""
    from phoenix.pve.node import Node

    return bool(Node(paths).owners(guest))


def run(tree: str, tasks: Sequence[Task], jobs: int, again: str, *, in_json: bool, take: Take) -> int:
    """Carry out several tasks and tell what became of each; `again` is the command. Returns one exit status."""
    from phoenix.dispatch import scheduler, view

    def command(task: Task) -> list[str]:
        target = task.target or routing.Target("", "")
        path = routing.manager_path(tree, target.kind + routing.SUFFIX)
        return process.manager_argv(path, [f"--action={task.action}", f"--id={target.id}", *task.words])

    begun = time.monotonic()
    shown = view.of(sum(task.target is not None for task in tasks), in_json=in_json, take=take)
    schedule = scheduler.Schedule(tasks, jobs or scheduler.default_jobs(), command, shown)
    try:
        schedule.run()
    finally:
        shown.close()
    code = 128 + process.received if process.received else overall(schedule.codes.values())
    summary(schedule, shown, code, again, time.monotonic() - begun, in_json=in_json)
    return code


def summary(schedule: Schedule, shown: View, code: int, again: str, seconds: float, *, in_json: bool) -> None:
    """Tell what became of each guest, the worst of its tasks, and what to do next."""
    worst: dict[str, tuple[int, str]] = {}
    for task in schedule.tasks.values():
        if task.target:
            worst[task.target.id] = max(worst.get(task.target.id, (0, "")), result(schedule, shown, task))
    found = {
        word: {guest: why for guest, (at, why) in worst.items() if at == place} for place, word in OUTCOMES.items()
    }
    if in_json:
        facts = {word.replace(" ", "_"): guests for word, guests in found.items()}
        output.document(event="summary", exit_code=code, seconds=round(seconds, 1), **facts)
        return
    counts = ", ".join(f"{len(guests)} {word}" for word, guests in found.items() if guests)
    cli.note(f"{len(worst)} guests: {counts}, in {seconds:.0f} s")
    if not code:
        return
    for word, guests in found.items():
        reasons = [f"{guest}: {why}" for guest, why in guests.items() if why]
        for line in reasons or [" ".join(guests)] * bool(guests):
            cli.note(f"  {word:<10} {line}")
    cli.note(f"next:  see to what is wrong, then again, which goes on from here: {again}")


def result(schedule: Schedule, shown: View, task: Task) -> tuple[int, str]:
    """What became of a task, as a key of OUTCOMES, and why."""
    from phoenix.text import shortened

    if task.key in schedule.held:
        return HELD, f"it needs {schedule.held[task.key].partition(' ')[0]}"
    if task.key not in schedule.codes:
        return NOT_BEGUN, ""
    code = schedule.codes[task.key]
    said = f": {shown.reasons[task.key]}" if task.key in shown.reasons else ""
    return (FAILED, shortened(f"exit {code}{said}", 300)) if code else (DONE, "")
