"""Recovery: what a killed run has left of a guest, whose it is, and the commands that clean it up."""

from __future__ import annotations

import os

from phoenix import files
from phoenix.errors import PartlyDone
from phoenix.guests import inventory, ownership
from phoenix.guests.plan import Plan, Step

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from phoenix.guests.observed import Observed
    from phoenix.guests.work import Work

CLEANING = ("unmount", "free", "unlock", "destroy")
"""What the steps are for that clean up."""
MOUNTED = "/var/lib/lxc/{}/rootfs"
"""Where pct mounts the root of a container that it makes."""


def plan(work: Work, state: Observed) -> Plan:
    """What cleans up after a killed or failed run of ours."""
    return Plan(tuple(steps(work, state)))


def check_nothing_left(work: Work, state: Observed) -> None:
    """PartlyDone, Refused or Busy for what is left of a guest, and the journal does not say that it was ours."""
    if not state.exists or not ownership.is_left(state, work.record):
        return
    kind, guest = work.kind, work.guest
    tool = kind.tool.name
    if work.record is None or (work.record.made and not ownership.is_half_gone(state, work.record)):
        ownership.check(kind, guest, state, work.record)
    if work.record and work.record.made:
        raise PartlyDone(
            f"{guest} is half destroyed, and the journal {work.journal.path} does not say that Phoenix began that",
            f"see that no `{tool} destroy {guest}` runs, then: {tool} unlock {guest}; {tool} destroy {guest}; "
            f"and run the same command again",
        )
    unmount = f"umount -d {MOUNTED.format(guest)}; " if tool == "pct" else ""
    raise PartlyDone(
        f"{guest} is half made, and the journal {work.journal.path} does not say what was there before",
        f"see that no `{tool} create {guest}` runs, then: {unmount}{tool} unlock {guest}; "
        f"{kind.tool.scanning} --vmid {guest}; {tool} config {guest}; {tool} destroy {guest}; and run create again",
    )


def beginning(work: Work) -> dict[str, Any] | None:
    """The first intent to make the guest that the record announces; None if the journal has none."""
    if not work.record:
        return None
    return work.journal.first("intent", goal="create", mark=work.record.mark)


def steps(work: Work, state: Observed) -> list[Step]:
    """What cleans up after a killed or failed run of ours; nothing if the journal does not prove that it was one."""
    if not ownership.is_left(state, work.record):
        return []
    if ownership.is_half_gone(state, work.record):
        return _removal(work, state) if _was_destroying(work) else []
    begun = beginning(work)
    if begun is None:
        return []
    left = [Step(f"free {volume}", ("pvesm", "free", volume)) for volume in left_over(work, state, begun)]
    return [*_unmounting(work), *left, *_removal(work, state)]


def left_over(work: Work, state: Observed, begun: dict[str, Any]) -> list[str]:
    """The volumes that came since the guest was begun, and that no configuration names."""
    known = {*begun.get("volumes", ()), *state.volumes}
    found = inventory.volumes(work, inventory.storages_of(work.node, work.wanted))
    return [volume for volume in found if volume not in known and inventory.is_disk(volume, work.guest)]


def _was_destroying(work: Work) -> bool:
    return bool(work.record and work.journal.last("intent", goal="destroy", mark=work.record.mark))


def _unmounting(work: Work) -> list[Step]:
    mounted = work.kind.name == "lxc" and is_mounted(work)
    return [Step("unmount", ("umount", "-d", MOUNTED.format(work.guest)))] if mounted else []


def is_unfinished(work: Work, state: Observed) -> bool:
    """Whether a guest that may seem whole is not: pct mounts its root until the very end, or we were cleaning it up."""
    if state.lock in ownership.MAKING or (work.kind.name == "lxc" and is_mounted(work)):
        return True
    last = work.journal.last("intent", mark=work.record.mark) if work.record else None
    return last is not None and str(last["goal"]).split(" ")[0] in CLEANING


def is_mounted(work: Work) -> bool:
    """Whether the root of a container is mounted on the node, as its table says."""
    path, place = work.node.paths("/proc/mounts"), MOUNTED.format(work.guest)
    return os.path.exists(path) and any(line.split()[1:2] == [place] for line in files.read_text(path).split("\n"))


def _removal(work: Work, state: Observed) -> list[Step]:
    tool = work.kind.tool
    unlock = [Step("unlock", (tool.name, "unlock", work.guest))] if state.lock else []
    return [*unlock, Step("destroy", tuple(tool.destroy(work.guest)))] if state.exists else []


def forget(work: Work) -> None:
    """Remove the record of a guest that is gone. PartlyDone if volumes of it are left."""
    if work.record:
        check_left_over(work)
        if work.kind.name == "vm":
            from phoenix.guests import snippets

            snippets.remove(work.node, work.guest, work.record.mark)
        work.journal.add("deleted", mark=work.record.mark)
        files.remove(work.record_path)


def check_left_over(work: Work) -> None:
    """PartlyDone if volumes of a guest that is gone are still there: the record names them until they are not."""
    if work.record is None or not work.record.volumes:
        return
    there = inventory.volumes(work, {inventory.storage_of(volume) for volume in work.record.volumes})
    left = [volume for volume in work.record.volumes if volume in there]
    if left:
        raise PartlyDone(
            f"{work.guest} is not there any more, but volumes of it are left: {', '.join(left)}",
            "look at them, then: " + "; ".join(f"pvesm free {volume}" for volume in left),
        )
