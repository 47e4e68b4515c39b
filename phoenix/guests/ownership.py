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
        return "Phoenix has no record of making it"
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
    if observed.elsewhere:
        raise Refused(
            f"the ID {guest} is taken by {observed.elsewhere}; an ID is one guest in the whole cluster",
            f"give the guest another ID: rename its file {guest}.toml",
        )
    if observed.half_made:
        raise half_made(kind, guest, observed, record)
    if observed.half_gone and record:
        raise half_gone(kind, guest, observed)
    if not observed.exists:
        return
    why = doubt(observed, record)
    if why:
        raise Refused(
            f"{guest} is there ({observed.state}), but not provably Phoenix's own: {why}",
            f"look at it with {kind.tool.name} config {guest}; "
            f"to let Phoenix make its own, give the file {guest}.toml another ID",
        )


def check_unlocked(kind: Kind, guest: str, observed: Observed) -> None:
    """Busy if Proxmox VE has locked the guest, or works on it at this moment."""
    if observed.worked_on:
        raise Busy(f"{guest}: Proxmox VE is working on it", f"try again later: phoenix.pyz status {guest}")
    if observed.lock:
        raise Busy(
            f"{guest} is locked by Proxmox VE ({observed.lock})",
            f"wait until that has ended: {kind.tool.name} config {guest}; Phoenix never unlocks by itself",
        )


def half_made(kind: Kind, guest: str, observed: Observed, record: Record | None) -> Exception:
    """The error for a guest that is nothing yet but locked for its making."""
    if observed.worked_on:
        return Busy(f"{guest} is being created at this moment", f"try again later: phoenix.pyz status {guest}")
    if record is None or record.made:
        return Refused(
            f"{guest} is half made (lock: create), and not by Phoenix",
            f"look at it with {kind.tool.name} config {guest}; whoever began it has to end it",
        )
    tool = kind.tool.name
    mounted = f"umount -d /var/lib/lxc/{guest}/rootfs; " if tool == "pct" else ""
    return PartlyDone(
        f"{guest} was left half made by an earlier run that was killed; nothing works on it now",
        f"see that no `{tool} create {guest}` runs, then: {mounted}{tool} unlock {guest}; "
        f"{kind.tool.scanning} --vmid {guest}; {tool} destroy {guest}; and run create again",
    )


def half_gone(kind: Kind, guest: str, observed: Observed) -> Exception:
    """The error for a guest of ours that is nothing any more but locked by its destruction."""
    if observed.worked_on:
        return Busy(f"{guest} is being destroyed at this moment", f"try again later: phoenix.pyz status {guest}")
    return PartlyDone(
        f"{guest} was left half destroyed by a run that was killed; nothing works on it now",
        f"see that no `{kind.tool.name} destroy {guest}` runs, then: {kind.tool.name} unlock {guest}; "
        f"{kind.tool.name} destroy {guest}; and run delete again",
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
