"""Commands: the subcommands of pct, pvesm and pveam, with all that they accept, as data."""

from __future__ import annotations

from phoenix.pve.options import GUEST, Option, by_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Final


class Command:
    """One subcommand: its positional arguments in order, and its options by name."""

    __slots__ = ("options", "positional")

    def __init__(self, positional: tuple[Option, ...] = (), *options: Option) -> None:
        self.positional = positional
        self.options: Mapping[str, Option] = by_name(*options)


CREATE: Final[Mapping[str, Option]] = by_name(
    Option("bwlimit", "number", 0, default="restore limit from datacenter or storage config"),
    Option("force", "boolean"),
    Option("ha-managed", "boolean", default="0", since=9),
    Option("ignore-unpack-errors", "boolean"),
    Option("password", shortest=5),
    Option("pool", format="pve-poolid"),
    Option("restore", "boolean"),
    Option("ssh-public-keys"),
    Option("start", "boolean", default="0"),
    Option("storage", format="pve-storage-id", default="local"),
    Option("unique", "boolean", requires="restore"),
)
"""What only `pct create` has."""

SET: Final[Mapping[str, Option]] = by_name(
    Option("delete", format="pve-configid-list"),
    Option("digest", length=40),
    Option("revert", format="pve-configid-list"),
)
"""What only `pct set` has."""

VMID: Final = Option("vmid", "integer", 100, 999999999, format="pve-vmid", required=True)
_STORAGE: Final = Option("storage", format="pve-storage-id", required=True)

COMMANDS: Final[Mapping[str, Command]] = {
    "pct create": Command((VMID, Option("ostemplate", length=255, required=True)), *GUEST.values(), *CREATE.values()),
    "pct set": Command((VMID,), *GUEST.values(), *SET.values()),
    "pct start": Command((VMID,), Option("debug", "boolean", default="0"), Option("skiplock", "boolean")),
    "pct stop": Command((VMID,), Option("overrule-shutdown", "boolean", default="0"), Option("skiplock", "boolean")),
    "pct shutdown": Command(
        (VMID,),
        Option("forceStop", "boolean", default="0"),
        Option("timeout", "integer", 0, default="60"),
    ),
    "pct destroy": Command(
        (VMID,),
        Option("destroy-unreferenced-disks", "boolean"),
        Option("force", "boolean", default="0"),
        Option("purge", "boolean", default="0"),
    ),
    "pct status": Command((VMID,), Option("verbose", "boolean")),
    "pct config": Command(
        (VMID,),
        Option("current", "boolean", default="0"),
        Option("snapshot", format="pve-configid", length=40),
    ),
    "pct pending": Command((VMID,)),
    "pct list": Command(),
    "pct unlock": Command((VMID,)),
    "pvesm status": Command(
        (),
        Option("content", format="pve-storage-content-list"),
        Option("enabled", "boolean", default="0"),
        Option("format", "boolean", default="0"),
        Option("storage", format="pve-storage-id"),
        Option("target", format="pve-node"),
    ),
    "pvesm list": Command(
        (_STORAGE,),
        Option("content", format="pve-storage-content"),
        Option("vmid", "integer", 100, 999999999, format="pve-vmid"),
    ),
    "pveam list": Command((_STORAGE,)),
}
"""The subcommands, by "TOOL SUBCOMMAND"."""
