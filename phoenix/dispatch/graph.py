"""`graph`: who needs whom, as a tree for people, for Graphviz, or as a document."""

from __future__ import annotations

from phoenix import output
from phoenix.dispatch import order
from phoenix.text import printable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from phoenix.dispatch.routing import Configuration, Target

    Needs = Mapping[str, Sequence[str]]


def show(configuration: Configuration, names: Sequence[str], form: str) -> int:
    """Print the guests that names mean and all that they need. ConfigError for a circle."""
    targets, _ = configuration.meant(names)
    found: dict[str, Target | None] = {target.id: target for target in targets}

    def needs(guest: str) -> list[str]:
        target = found.setdefault(guest, configuration.known(guest))
        if target is None:
            return []
        seen = configuration.glance(target)
        return list(dict.fromkeys((*seen.needs, *seen.sources)))

    relations = order.with_needed([target.id for target in targets], needs)
    order.check(relations, configuration.folder)
    titles = {guest: title(configuration, guest, found[guest]) for guest in sorted(relations, key=int)}
    if form == "json":
        called = {guest: name(configuration, found[guest]) for guest in titles}
        output.document(guests=[{"id": guest, "name": called[guest], "needs": relations[guest]} for guest in titles])
    else:
        output.text("\n".join((dot if form == "dot" else tree)(titles, relations)))
    return 0


def name(configuration: Configuration, target: Target | None) -> str:
    """The hostname of a guest, "" for one that has no file."""
    return configuration.glance(target).name if target else ""


def title(configuration: Configuration, guest: str, target: Target | None) -> str:
    """A guest in a few words."""
    kind = target.kind if target else "no file"
    return printable(f"{guest}  {kind}  {name(configuration, target)}".rstrip())


def tree(titles: Mapping[str, str], relations: Needs) -> Iterator[str]:
    """The guests that need no other, and below each guest those that need it; one that has been there is only named."""
    above: dict[str, list[str]] = {guest: [] for guest in titles}
    for guest in titles:
        for needed in relations[guest]:
            above[needed].append(guest)
    shown: set[str] = set()
    left = [(guest, "", "") for guest in sorted(titles, key=int, reverse=True) if not relations[guest]]
    while left:
        guest, before, indent = left.pop()
        again = guest in shown and bool(above[guest])
        yield f"{before}{titles[guest]}{' ...' * again}"
        if not again:
            shown.add(guest)
            for place, other in enumerate(reversed(above[guest])):
                branch, beside = ("|-- ", "|   ") if place else ("`-- ", "    ")
                left.append((other, indent + branch, indent + beside))


def dot(titles: Mapping[str, str], relations: Needs) -> Iterator[str]:
    """The same in the language of Graphviz; an arrow goes from a guest to one that it needs."""
    yield "digraph phoenix {"
    yield "  rankdir=BT; node [shape=box];"
    for guest, text in titles.items():
        quoted = text.replace("\\", "\\\\").replace('"', '\\"')
        yield f'  {guest} [label="{quoted}"];'
    for guest in titles:
        yield from (f"  {guest} -> {needed};" for needed in relations[guest])
    yield "}"
