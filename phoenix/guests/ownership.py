"""Ownership: the proof that a guest is ours. The record, the mark in the description and the volumes must agree."""

from __future__ import annotations

from phoenix.errors import Busy, PartlyDone, Refused
from phoenix.guests.places import is_generated

TYPE_CHECKING = False
if TYPE_CHECKING:
    from phoenix.guests.kind import Kind
    from phoenix.guests.observed import Observed
    from phoenix.record import Record


def doubt(observed: Observed, record: Record | None) -> str:
    """Why an existing guest is not provably ours, or ""."""
    if record is None:
        return "Phoenix has no record of making it, or only a damaged one"
    if observed.mark != record.mark:
        return "its description does not have the mark of Phoenix's record"
    # A guest that was seen only before pct had finished has no volumes in its record yet; the mark, which pct
    # was given and nobody else knows, is in its description.
    found = {plain(volume) for volume in observed.volumes}
    # The drive of cloud-init holds nothing of its own, and qm removes it with its option, at the next start even.
    lacking = [volume for volume in record.volumes if plain(volume) not in found and not is_generated(volume)]
    if record.made and lacking:
        return "it lacks volumes that Phoenix recorded: " + ", ".join(lacking)
    return ""


def plain(volume: str) -> str:
    """A volume's name as it is before it becomes the base of a template."""
    begin, slash, name = volume.replace(":", ":/", 1).rpartition("/")
    for base, other in (("base-", "vm-"), ("basevol-", "subvol-")):
        name = other + name[len(base) :] if name.startswith(base) else name
    return begin + slash + name


def check(kind: Kind, guest: str, observed: Observed, record: Record | None) -> None:
    """Let through what is ours and at rest, or not there. Refused, Busy or PartlyDone, with the reason, otherwise."""
    check_id(guest, observed)
    if is_half_made(observed, record):
        raise half_made(kind, guest, observed, record)
    if is_half_gone(observed, record):
        raise half_gone(guest, observed)
    if not observed.exists:
        return
    why = doubt(observed, record)
    if why:
        raise Refused(
            f"{guest} is there ({observed.state}), but not provably Phoenix's own: {why}",
            f"look at it with {kind.tool.name} config {guest}; to take it over as it is: "
            f"phoenix.pyz import {guest} --adopt; to let Phoenix make its own: give {guest}.toml another ID",
        )


def check_id(guest: str, observed: Observed) -> None:
    """Refused if a guest of another node, or of the other kind, has the ID."""
    if observed.elsewhere:
        raise Refused(
            f"the ID {guest} is taken by {observed.elsewhere}; an ID is one guest in the whole cluster",
            f"give the guest another ID: rename its file {guest}.toml",
        )


MAKING = ("create", "clone")
"""The words of locks under which pct and qm make a guest."""


def is_left(state: Observed, record: Record | None) -> bool:
    """Whether a run may have left something when it was killed or failed: no guest yet, or none any more."""
    if not state.exists:
        return bool(record and not record.made)
    return is_half_made(state, record) or is_half_gone(state, record)


def is_half_made(state: Observed, record: Record | None) -> bool:
    """Whether a guest is on its way, or was when its tool was killed."""
    if not state.exists:
        return False
    if record and not record.made and state.mark in ("", record.mark):
        return state.unfinished or state.lock in MAKING or is_bare(state)
    return state.lock in MAKING and is_bare(state)


def is_half_gone(state: Observed, record: Record | None) -> bool:
    """Whether nothing is left of a guest of ours but its lock, or not even that: its destruction was begun."""
    return state.exists and bool(record and record.made) and is_bare(state) and state.lock in ("destroyed", "")


def is_bare(state: Observed) -> bool:
    """Whether a guest's file says nothing but that it is locked."""
    return not state.mark and not state.volumes and not set(state.raw) - {"lock"}


def half_made(kind: Kind, guest: str, observed: Observed, record: Record | None) -> Exception:
    """The error for a guest that is nothing yet but locked for its making."""
    if observed.worked_on:
        return Busy(f"{guest} is being created at this moment", f"try again later: phoenix.pyz status {guest}")
    if record is None or record.made:
        return Refused(
            f"{guest} is half made (lock: create), and not by Phoenix",
            f"look at it with {kind.tool.name} config {guest}; whoever began it has to end it",
        )
    return PartlyDone(
        f"{guest} was left half made by an earlier run that was killed; nothing works on it now",
        f"phoenix.pyz create {guest} cleans that up and makes it, phoenix.pyz delete {guest} only cleans up",
    )


def half_gone(guest: str, observed: Observed) -> Exception:
    """The error for a guest of ours that is nothing any more but locked by its destruction."""
    if observed.worked_on:
        return Busy(f"{guest} is being destroyed at this moment", f"try again later: phoenix.pyz status {guest}")
    return PartlyDone(
        f"{guest} was left half destroyed by a run that was killed; nothing works on it now",
        f"phoenix.pyz delete {guest} finishes that",
    )


def check_deletable(kind: Kind, guest: str, observed: Observed, record: Record | None, dangers: list[str]) -> None:
    """Refused if destroying the guest could take what is protected or not ours; `dangers` are more reasons."""
    reasons = list(dangers)
    if observed.protection:
        reasons.append("it is protected (protection: 1)")
    if record:
        ours = {plain(volume) for volume in record.volumes}
        strange = [volume for volume in observed.volumes if plain(volume) not in ours]
        if strange:
            reasons.append("it has volumes that Phoenix did not make: " + ", ".join(strange))
    if reasons:
        raise Refused(
            f"{guest} is not deleted: {'; '.join(reasons)}",
            f"{kind.tool.name} config {guest}; settle that first, then delete again",
        )
