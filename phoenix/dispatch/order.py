"""Order: which guests a verb takes besides those that are named, and which of them comes before which. Pure."""

from __future__ import annotations

from phoenix.dispatch.scheduler import Task
from phoenix.errors import ConfigError
from phoenix.value import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from phoenix.dispatch.glance import Glance
    from phoenix.dispatch.routing import Target

    Relations = Mapping[str, Sequence[str]]


class Way(Value):
    """How a verb goes through several guests."""

    action: str  # what the managers are told
    along: str = ""  # which of those that the named ones need are taken as well: missing, all, or running ones
    ordered: bool = True  # one after those that it needs
    backward: bool = False  # or before them


WAYS = {
    "create": Way("create", "missing"),
    "converge": Way("create", "all"),
    "start": Way("start", "running"),
    "restart": Way("restart"),
    "stop": Way("stop", backward=True),
    "delete": Way("delete", backward=True),
    "LetsGo": Way("create"),
}
"""Verbs that are not here take exactly the guests that are named, in no order."""
MAKE = " made"
"""What a guest's ID is followed by in the key of the task that makes it and does not start it."""


def with_needed(named: Iterable[str], needs: Callable[[str], Sequence[str]]) -> dict[str, Sequence[str]]:
    """The named guests and all that they need, those of these too; each with what it needs."""
    found: dict[str, Sequence[str]] = {}
    left = list(named)
    while left:
        guest = left.pop()
        if guest not in found:
            found[guest] = needs(guest)
            left += found[guest]
    return found


def check(relations: Relations, folder: str) -> None:
    """ConfigError, with the whole way, for guests that need each other in a circle."""
    import graphlib

    try:
        graphlib.TopologicalSorter(relations).prepare()
    except graphlib.CycleError as error:
        circle = list(reversed(error.args[1]))
        begin = circle.index(min(circle[:-1]))
        way = [*circle[begin:-1], *circle[:begin], circle[begin]]
        wrong = f"{folder}: these depend on each other: {' -> '.join(way)}"
        raise ConfigError(wrong, "edit depends_on or clone of one of them") from error


def tasks(way: Way, targets: Sequence[Target], relations: Relations, words: Sequence[str]) -> list[Task]:
    """A task for each guest, after those that it needs or before them."""
    known = {target.id for target in targets}
    before: dict[str, list[str]] = {target.id: [] for target in targets}
    for guest in known if way.ordered else ():
        for name in relations.get(guest, ()):
            if name in known:
                first, then = (guest, name) if way.backward else (name, guest)
                before[then].append(first)
    return [
        Task(target.id, target, way.action, tuple(words), tuple(sorted(before[target.id], key=int)))
        for target in targets
    ]


def raising(
    targets: Sequence[Target], seen: Mapping[str, Glance], relations: Relations, words: Sequence[str]
) -> list[Task]:
    """First all are made, then those that are to run are started, by their place in the startup order."""
    runs = {target.id for target in targets if seen[target.id].state == "running"}
    places = places_of(runs, seen)
    keys = {target.id: target.id + MAKE * (target.id in runs) for target in targets}
    found = [
        Task(
            keys[target.id],
            target,
            "create",
            (*words, "--no-start") if target.id in runs else tuple(words),
            tuple(keys[name] for name in relations[target.id] if name in keys),
            quiet=target.id in runs,
        )
        for target in targets
    ]
    gate = "all there"
    found.append(Task(gate, None, after=tuple(keys.values())))
    for place in sorted(set(places.values())):
        group = [target for target in targets if places.get(target.id) == place]
        found += [
            Task(
                target.id,
                target,
                "create",
                tuple(words),
                (keys[target.id], *(name for name in seen[target.id].needs if name in runs)),
                (gate,),
                seen[target.id].up,
            )
            for target in group
        ]
        gate = f"order {place}"
        found.append(Task(gate, None, after=tuple(target.id for target in group)))
    return found


def places_of(guests: Iterable[str], seen: Mapping[str, Glance]) -> dict[str, int]:
    """The place of each guest in the startup order, none before that of a guest that it needs."""
    import graphlib

    known = set(guests)
    relations = {guest: [name for name in seen[guest].needs if name in known] for guest in known}
    found: dict[str, int] = {}
    for guest in graphlib.TopologicalSorter(relations).static_order():
        found[guest] = max([seen[guest].order, *(found[name] for name in relations[guest])])
    return found
