"""Pools: groups of guests and storages, kept in user.cfg."""

from __future__ import annotations

from phoenix.pve import guestconf
from phoenix.rehearsal import cfslock
from phoenix.rehearsal.failures import Failure

TYPE_CHECKING = False
if TYPE_CHECKING:
    from phoenix.rehearsal.tree import Tree

_FILE = "/etc/pve/user.cfg"
LOCK = "file-user_cfg"
"""What the cluster is locked by while the file changes."""
_PARTS = (("user", "token"), ("group",), ("pool",), ("role",), ("acl",))


def table(tree: Tree) -> dict[str, list[str]]:
    """The pools by name, each as the fields of its line: comment, guests, storages."""
    found = {}
    for line in tree.read(_FILE).split("\n"):
        if line.startswith("pool:"):
            fields = line.split(":")[1:]
            comment, guests, storages = [*fields[1:], "", "", ""][:3]
            found[fields[0]] = [guestconf.decode(comment), guests, storages]
    return found


def write(tree: Tree, pools: dict[str, list[str]]) -> None:
    """Write the pools back; what else is in the file stays, in the order in which the real tools write it."""
    lines = [line for line in tree.read(_FILE).split("\n") if line and not line.startswith("pool:")]
    for name in sorted(pools):
        comment, guests, storages = pools[name]
        lines.append(f"pool:{name}:{guestconf.encode(comment)}:{guests}:{storages}:")
    parts = []
    for kinds in _PARTS:
        parts.append("".join(line + "\n" for line in lines if line.partition(":")[0] in kinds))
    tree.replace(_FILE, "\n".join(parts))


def check(tree: Tree, pool: str | None) -> None:
    """Failure if a pool is named that is not there."""
    if pool and pool not in table(tree):
        raise Failure(f"403 Permission check failed (pool '{pool}' does not exist)", 2)


def add(tree: Tree, pool: str | None, guest: str) -> None:
    """Put a guest into a pool, if one is named."""
    if pool not in table(tree):
        return
    with cfslock.held(tree, LOCK):
        pools = table(tree)
        guests = [item for item in pools[pool][1].split(",") if item]
        pools[pool][1] = ",".join(sorted({*guests, guest}, key=int))
        write(tree, pools)


def remove(tree: Tree, guest: str) -> None:
    """Take a guest out of its pool."""
    if not any(guest in fields[1].split(",") for fields in table(tree).values()):
        return
    with cfslock.held(tree, LOCK):
        pools = table(tree)
        for fields in pools.values():
            fields[1] = ",".join(item for item in fields[1].split(",") if item != guest)
        write(tree, pools)


def remove_storage(tree: Tree, name: str) -> None:
    """Take a storage that is no more out of its pools."""
    known = table(tree)
    having = [fields for fields in known.values() if name in fields[2].split(",")]
    for fields in having:
        fields[2] = ",".join(item for item in fields[2].split(",") if item != name)
    if having:
        write(tree, known)
