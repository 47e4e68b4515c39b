"""`ha-manager add`, `set`, `remove`, `config`, `status`: the resources, which are guests."""

from __future__ import annotations

from phoenix.pve import formats
from phoenix.rehearsal import cfslock, cluster, haconfig
from phoenix.rehearsal.failures import Failure
from phoenix.rehearsal.speech import complain, say

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Final

    from phoenix.rehearsal.tree import Tree

_WORDS: Final = {"CT": "ct", "VM": "vm"}
_OPTIONS: Final = ("comment", "failback", "group", "max_relocate", "max_restart", "state")
_GROUPS: Final = "/etc/pve/ha/groups.cfg"


def full_name(tree: Tree, sid: str) -> str:
    """A resource's name with its kind, which need not be given."""
    if not sid.isdigit():
        return sid
    word = cluster.owner(tree, sid)[0]
    if not word:
        raise Failure(f"unable do add resource - VM/CT {sid} does not exist")
    return f"{_WORDS[word]}:{sid}"


def digest(tree: Tree) -> str:
    """The digest of the file."""
    import hashlib

    return hashlib.sha1(tree.read(haconfig.FILE).encode(), usedforsecurity=False).hexdigest()


def _taken_apart(tree: Tree, given: dict[str, str]) -> tuple[str, str]:
    """The name and the kind of the resource that a call is about."""
    sid = full_name(tree, given.pop("sid"))
    kind = sid.partition(":")[0]
    if given.pop("type", kind) != kind:
        raise Failure("types does not match")
    return sid, kind


def _check_group(tree: Tree, group: str | None) -> None:
    if group and f"group: {group}" not in tree.read(_GROUPS).split("\n"):
        raise Failure(f"HA group '{group}' does not exist")


def _locked(tree: Tree, said: str, work: Callable[[haconfig.Resources], None]) -> None:
    """Change the resources; `said` is what a failure begins with."""
    try:
        with cfslock.held(tree, haconfig.LOCK):
            table = haconfig.read(tree)
            work(table)
            haconfig.write(tree, table)
    except Failure as failure:
        raise Failure(f"{said}: {failure.text}", failure.code) from failure


def add(tree: Tree, given: dict[str, str]) -> int:
    """Give a guest to the manager."""
    cluster.check_quorum(tree)
    sid, kind = _taken_apart(tree, given)
    guest = sid.partition(":")[2]
    if kind not in _WORDS.values():
        raise Failure(f"unknown section type '{kind}'")
    if not guest.isdigit() or guest.startswith("0"):
        raise Failure("invalid VMID")
    if _WORDS.get(cluster.owner(tree, guest)[0]) != kind:
        raise Failure(f"resource '{sid}' does not exist in cluster")
    _check_group(tree, given.get("group"))

    def work(table: haconfig.Resources) -> None:
        if sid in table:
            raise Failure(f"resource ID '{sid}' already defined")
        table[sid] = {"type": kind, **given}

    _locked(tree, "create resource failed", work)
    return 0


def change(tree: Tree, given: dict[str, str]) -> int:
    """Change what the manager is to do with a guest."""
    wanted, delete = given.pop("digest", None), formats.split_list(given.pop("delete", ""))
    sid, _ = _taken_apart(tree, given)
    _check_group(tree, given.get("group"))

    def work(table: haconfig.Resources) -> None:
        if wanted is not None and wanted != digest(tree):
            raise Failure("detected modified configuration - file changed by other user? Try again.")
        if sid not in table:
            raise Failure(f"no such resource '{sid}'")
        table[sid].update(given)
        for name in delete:
            if name not in _OPTIONS:
                raise Failure(f"no such option '{name}'")
            table[sid].pop(name, None)

    _locked(tree, "update resource failed", work)
    return 0


def remove(tree: Tree, given: dict[str, str]) -> int:
    """Take a guest from the manager."""
    sid = full_name(tree, given["sid"])
    if sid not in haconfig.read(tree):
        raise Failure(f"cannot delete service '{sid}', not HA managed!")

    def work(table: haconfig.Resources) -> None:
        table.pop(sid, None)

    _locked(tree, "delete resource failed", work)
    return 0


def config(tree: Tree, given: dict[str, str]) -> int:
    """What the manager is told."""
    table = haconfig.read(tree)
    for sid in sorted(table):
        entry = table[sid]
        if given.get("type") in (None, entry["type"]):
            say("\n".join([sid, *(f"\t{key} {entry[key]}" for key in sorted(entry) if key != "type"), ""]))
            group = entry.get("group")
            if group and f"group: {group}" not in tree.read(_GROUPS).split("\n"):
                complain(f"error: property 'group' - group '{group}' does not exist")
    return 0


def status(tree: Tree, given: dict[str, str]) -> int:
    """What the manager does: nothing yet."""
    quorate = cluster.has_quorum(tree)
    said = "OK" if quorate else f"No quorum on node '{tree.name}'!"
    say(f"quorum {said}")
    table = haconfig.read(tree)
    for sid in sorted(table):
        state = "ignored" if table[sid].get("state") == "ignored" else "queued"
        node = cluster.owner(tree, sid.partition(":")[2])[1]
        say(f"service {sid} ({node}, {state})")
    if given.get("verbose") == "1":
        import json

        full = {"manager_status": {}, "quorum": {"node": tree.name, "quorate": str(int(quorate))}}
        say("full cluster state:")
        say(json.dumps(full, sort_keys=True, indent=3, separators=(",", " : ")))
    return 0
