"""`pvesm status` and `pvesm list`."""

from __future__ import annotations

from phoenix.pve import formats
from phoenix.rehearsal import volumes
from phoenix.rehearsal.failures import BadParameters
from phoenix.rehearsal.speech import say
from phoenix.rehearsal.volumes import content, usage

TYPE_CHECKING = False
if TYPE_CHECKING:
    from phoenix.pve.storages import Storage
    from phoenix.rehearsal.tree import Tree

_TITLES = {8: ("Total", "Used", "Available"), 9: ("Total (KiB)", "Used (KiB)", "Available (KiB)")}
TOTAL, USED = usage.TOTAL, usage.USED
rows = content.rows


def status(tree: Tree, given: dict[str, str]) -> int:
    """The storages and how full they are."""
    found = _wanted(tree, given)
    if given.get("storage") not in (None, *(storage.name for storage in found)):
        raise BadParameters({"storage": "No such storage."})
    rows = []
    for storage in sorted(found, key=lambda storage: storage.name):
        figures = usage.figures(tree, storage)
        if given.get("storage") in (None, storage.name) and _is_shown(tree, storage, given):
            rows.append((storage.name, storage.type, *_cells(tree, storage, figures)))
    width = max((len(row[0]) for row in rows), default=0) + 1
    for row in (("Name", "Type", "Status", *_TITLES[min(tree.release, 9)], "%"), *rows):
        name, kind, state, *sizes, share = row
        say(f"{name:<{width}} {kind:>10} {state:>10} " + " ".join(f"{cell:>15}" for cell in sizes) + f" {share:>8}")
    return 0


def _wanted(tree: Tree, given: dict[str, str]) -> list[Storage]:
    """The storages that hold what is asked for; those that cannot be used hold nothing."""
    found = list(volumes.table(tree).values())
    if "content" not in given:
        return found
    kinds = set(formats.split_list(given["content"]))
    return [storage for storage in found if kinds & storage.content and usage.is_enabled(tree, storage)]


def _is_shown(tree: Tree, storage: Storage, given: dict[str, str]) -> bool:
    """Whether a storage is one that --enabled and --target ask for."""
    if given.get("enabled") == "1" and storage.disabled:
        return False
    target = given.get("target", tree.name)
    elsewhere = target not in (tree.name, "localhost")
    return not elsewhere or (storage.is_shared() and storage.is_on(tree.name) and storage.is_on(target))


def _cells(tree: Tree, storage: Storage, figures: tuple[int, int, int]) -> tuple[str, ...]:
    total, used, _ = figures
    sizes = tuple(str(figure) for figure in figures)
    if not usage.is_enabled(tree, storage):
        return ("disabled", *sizes, "N/A")
    return ("active" if total else "inactive", *sizes, f"{100 * used / total if total else 0:.2f}%")


def list_volumes(tree: Tree, given: dict[str, str]) -> int:
    """The volumes of a storage: those of guests first, then the others by format."""
    storage = volumes.enabled(tree, given["storage"])
    volumes.activate(tree, storage)
    found = content.rows(tree, storage, given.get("content", ""), given.get("vmid", ""))
    width = max((len(row[0]) for row in found), default=0)
    digits = max((len(str(row[3])) for row in found), default=1)
    say(f"{'Volid':<{width}} {'Format':<7} {'Type':<9} {'Size':>{digits}} VMID")
    of_guests = [row for row in found if row[4]]
    for volume, form, kind, size, guest in of_guests + sorted((row for row in found if not row[4]), key=_form):
        say(f"{volume:<{width}} {form:<7} {kind:<9} {size:>{digits}}" + (f" {guest}" if guest else ""))
    return 0


def _form(row: content.Row) -> str:
    return row[1]
