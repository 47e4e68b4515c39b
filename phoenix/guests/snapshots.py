"""Snapshots: whether a guest can have any, and what they are called."""

from __future__ import annotations

from phoenix.errors import UsageError
from phoenix.guests.places import NO_DISC, is_generated
from phoenix.pve import formats

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from phoenix.guests.kind import Kind
    from phoenix.pve.storages import Storage

ABLE = {
    "lxc": frozenset(("btrfs", "cephfs", "lvmthin", "rbd", "zfspool")),
    "vm": frozenset(("btrfs", "lvmthin", "rbd", "zfspool")),
}
"""The types of storages on which every volume of a kind can have snapshots; else qcow2 can."""
RESERVED = ("current", "pending", "vzdump")


def obstacle(kind: Kind, raw: Mapping[str, str], storages: Mapping[str, Storage]) -> str:
    """What forbids a snapshot of a guest whose options are `raw`, in words; "" if nothing does."""
    for name, text in sorted(raw.items()):
        if not kind.may_hold(name) or ("media=cdrom" in text.split(",") and not is_generated(text.partition(",")[0])):
            continue
        volume = text.partition(",")[0].partition("=")[2] if "=" in text.partition(",")[0] else text.partition(",")[0]
        if volume in NO_DISC:
            continue
        if volume.startswith("/"):
            what = {"lxc": "folder", "vm": "device"}[kind.name]
            return f"{name} is {volume}, a {what} of the node, of which there are no snapshots"
        storage = storages.get(volume.partition(":")[0])
        if storage is None or not (storage.type in ABLE[kind.name] or (kind.name == "vm" and ".qcow2" in text)):
            of = f"of type {storage.type}" if storage else "not there"
            return f"{name} is on {volume.partition(':')[0]}, which is {of} and takes no snapshots of {kind.noun}s so"
    return ""


def checked(name: object) -> str:
    """The name of a snapshot from the command line. UsageError if it cannot be one."""
    text = name if isinstance(name, str) else ""
    if formats.check("pve-configid", text) or len(text) > 40 or text in RESERVED:
        raise UsageError(
            f"--name is {name!r}, expected a snapshot's name: a letter, then letters, digits, - and _, 40 at most",
            "phoenix.pyz snapshot 9001 --name=before-upgrade",
        )
    return text
