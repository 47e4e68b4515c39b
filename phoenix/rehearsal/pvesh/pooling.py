"""Changes of pools, which only the API can make."""

from __future__ import annotations

from phoenix.pve import formats
from phoenix.rehearsal import cfslock, cluster, pools, volumes
from phoenix.rehearsal.failures import Failure

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from phoenix.rehearsal.tree import Tree

    Table = dict[str, list[str]]

_GUESTS, _STORAGES = 1, 2


def _change(tree: Tree, said: str, work: Callable[[Table], None]) -> None:
    """Change the table of the pools; `said` is what a failure begins with."""
    try:
        with cfslock.held(tree, pools.LOCK):
            table = pools.table(tree)
            work(table)
            pools.write(tree, table)
    except Failure as failure:
        raise Failure(f"{said}: {failure.text}", failure.code) from failure


def create(tree: Tree, given: dict[str, str]) -> None:
    """Make a pool."""
    name = given["poolid"]

    def work(table: Table) -> None:
        if name in table:
            raise Failure(f"pool '{name}' already exists")
        parent = name.rpartition("/")[0]
        if parent and parent not in table:
            raise Failure(f"parent '{parent}' of pool '{name}' does not exist")
        table[name] = [given.get("comment", ""), "", ""]

    _change(tree, "create pool failed", work)


def remove(tree: Tree, given: dict[str, str]) -> None:
    """Remove an empty pool."""
    name = given["poolid"]

    def work(table: Table) -> None:
        _check(name, table)
        for guest in _members(table[name], _GUESTS):
            if cluster.owner(tree, guest)[0]:
                raise Failure(f"pool '{name}' is not empty (contains VM {guest})")
        known = volumes.table(tree)
        for storage in _members(table[name], _STORAGES):
            if storage in known:
                raise Failure(f"pool '{name}' is not empty (contains storage '{storage}')")
        del table[name]

    _change(tree, "delete pool failed", work)


def update(tree: Tree, given: dict[str, str]) -> None:
    """Change what is in a pool, or what is said about it."""
    name, delete = given["poolid"], given.get("delete") == "1"

    def work(table: Table) -> None:
        _check(name, table)
        fields = table[name]
        fields[0] = given.get("comment", fields[0])
        for guest in formats.split_list(given.get("vms", "")):
            if not delete:
                _take_from_others(table, name, guest, move=given.get("allow-move") == "1")
            _put(fields, _GUESTS, guest, f"VM {guest}", delete=delete)
        for storage in formats.split_list(given.get("storage", "")):
            _put(fields, _STORAGES, storage, f"Storage '{storage}'", delete=delete)

    _change(tree, "update pools failed", work)


def _check(name: str, table: Table) -> None:
    if name not in table:
        raise Failure(f"pool '{name}' does not exist")


def _members(fields: list[str], place: int) -> list[str]:
    return [item for item in fields[place].split(",") if item]


def _take_from_others(table: Table, name: str, guest: str, *, move: bool) -> None:
    for other, fields in table.items():
        members = _members(fields, _GUESTS)
        if other != name and guest in members:
            if not move:
                raise Failure(f"VM {guest} belongs already to pool '{other}' and allow-move is not set")
            fields[_GUESTS] = ",".join(item for item in members if item != guest)


def _put(fields: list[str], place: int, item: str, called: str, *, delete: bool) -> None:
    members = _members(fields, place)
    if delete and item not in members:
        raise Failure(f"{called} is not a pool member")
    if not delete and item in members:
        raise Failure(f"{called} is already a pool member")
    members = [member for member in members if member != item] if delete else [*members, item]
    fields[place] = ",".join(sorted(members, key=int if place == _GUESTS else str))
