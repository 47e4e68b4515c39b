"""Snapshots: whether a container can have any, and what they are called."""

from __future__ import annotations

from phoenix.errors import UsageError
from phoenix.pve import formats

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from phoenix.pve.storages import Storage

ABLE = frozenset(("btrfs", "cephfs", "lvmthin", "rbd", "zfspool"))
"""The types of storages whose volumes of containers can have snapshots."""
RESERVED = ("current", "vzdump")


def obstacle(raw: Mapping[str, str], storages: Mapping[str, Storage]) -> str:
    """What forbids a snapshot of a container whose options are `raw`, in words; "" if nothing does."""
    for name, text in sorted(raw.items()):
        if name != "rootfs" and not (name.startswith("mp") and name[2:].isdigit()):
            continue
        volume = text.partition(",")[0]
        volume = volume[len("volume=") :] if volume.startswith("volume=") else volume
        if volume.startswith("/"):
            return f"{name} is {volume}, a folder of the node, of which there are no snapshots"
        storage = storages.get(volume.partition(":")[0])
        if storage is None or storage.type not in ABLE:
            kind = f"of type {storage.type}" if storage else "not there"
            return f"{name} is on {volume.partition(':')[0]}, which is {kind} and takes no snapshots of containers"
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
