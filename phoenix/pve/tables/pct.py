"""The subcommands of pct, with all that they accept."""

from __future__ import annotations

from phoenix.pve.options import SNAPNAME, TARGET_ENDPOINT, VMID, Command, Option, by_name
from phoenix.pve.tables import container

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Final

CREATE: Final[Mapping[str, Option]] = by_name(
    Option("bwlimit", "number", 0, default="restore limit from datacenter or storage config"),
    Option("force", "boolean"),
    Option("ha-managed", "boolean", default="0", since=9),
    Option("ignore-unpack-errors", "boolean"),
    Option("password", shortest=5),
    Option("pool", format="pve-poolid"),
    Option("ssh-public-keys"),
    Option("start", "boolean", default="0"),
    Option("storage", format="pve-storage-id", default="local"),
    Option("unique", "boolean", requires="restore"),
)
"""What only `pct create` and `pct restore` have."""

SET: Final[Mapping[str, Option]] = by_name(
    Option("delete", format="pve-configid-list"),
    Option("digest", length=40),
    Option("revert", format="pve-configid-list"),
)
"""What only `pct set` has."""

OSTEMPLATE: Final = Option("ostemplate", length=255, required=True)

COMMANDS: Final[Mapping[str, Command]] = {
    "clone": Command(
        (VMID, Option("newid", "integer", 100, 999999999, format="pve-vmid", required=True)),
        Option("bwlimit", "number", 0, default="clone limit from datacenter or storage config"),
        Option("description"),
        Option("full", "boolean"),
        Option("hostname", format="dns-name"),
        Option("pool", format="pve-poolid"),
        Option("snapname", format="pve-configid", length=40),
        Option("storage", format="pve-storage-id"),
        Option("target", format="pve-node"),
    ),
    "config": Command(
        (VMID,),
        Option("current", "boolean", default="0"),
        Option("snapshot", format="pve-configid", length=40),
    ),
    "console": Command(
        (VMID,),
        Option("escape", pattern=r"\^?[a-z]", default="^a"),
    ),
    "cpusets": Command(),
    "create": Command(
        (VMID, OSTEMPLATE),
        *container.GUEST.values(),
        *CREATE.values(),
        Option("restore", "boolean"),
    ),
    "delsnapshot": Command(
        (VMID, SNAPNAME),
        Option("force", "boolean"),
    ),
    "destroy": Command(
        (VMID,),
        Option("destroy-unreferenced-disks", "boolean"),
        Option("force", "boolean", default="0"),
        Option("purge", "boolean", default="0"),
    ),
    "df": Command(
        (VMID,),
    ),
    "enter": Command(
        (VMID,),
        Option("keep-env", "boolean", default="1"),
    ),
    "exec": Command(
        (VMID, Option("extra-args", "array")),
        Option("keep-env", "boolean", default="1"),
    ),
    "fsck": Command(
        (VMID,),
        Option("device", enum=container.MOUNTS),
        Option("force", "boolean", default="0"),
    ),
    "fstrim": Command(
        (VMID,),
        Option("ignore-mountpoints", "boolean"),
    ),
    "list": Command(),
    "listsnapshot": Command(
        (VMID,),
    ),
    "migrate": Command(
        (VMID, Option("target", format="pve-node", required=True)),
        Option("bwlimit", "number", 0, default="migrate limit from datacenter or storage config"),
        Option("online", "boolean"),
        Option("restart", "boolean"),
        Option("target-storage", format="storage-pair-list"),
        Option("timeout", "integer", default="180"),
    ),
    "mount": Command(
        (VMID,),
    ),
    "move-volume": Command(
        (
            VMID,
            Option("volume", enum=(*container.MOUNTS, *container.UNUSED_MOUNTS), required=True),
            Option("storage", format="pve-storage-id"),
            Option("target-vmid", "integer", 100, 999999999, format="pve-vmid"),
            Option("target-volume", enum=(*container.MOUNTS, *container.UNUSED_MOUNTS)),
        ),
        Option("bwlimit", "number", 0, default="clone limit from datacenter or storage config"),
        Option("delete", "boolean", default="0"),
        Option("digest", length=40),
        Option("target-digest", length=40),
    ),
    "pending": Command(
        (VMID,),
    ),
    "pull": Command(
        (VMID, Option("path", required=True), Option("destination", required=True)),
        Option("group"),
        Option("perms"),
        Option("user"),
    ),
    "push": Command(
        (VMID, Option("file", required=True), Option("destination", required=True)),
        Option("group"),
        Option("perms"),
        Option("user"),
    ),
    "reboot": Command(
        (VMID,),
        Option("timeout", "integer", 0),
    ),
    "remote-migrate": Command(
        (
            VMID,
            Option("target-vmid", "integer", 100, 999999999, format="pve-vmid"),
            Option("target-endpoint", format="proxmox-remote", properties=TARGET_ENDPOINT, required=True),
        ),
        Option("bwlimit", "integer", 0, default="migrate limit from datacenter or storage config"),
        Option("delete", "boolean", default="0"),
        Option("online", "boolean"),
        Option("restart", "boolean"),
        Option("target-bridge", format="bridge-pair-list", required=True),
        Option("target-storage", format="storage-pair-list", required=True),
        Option("timeout", "integer", default="180"),
    ),
    "rescan": Command(
        (),
        Option("dryrun", "boolean", default="0"),
        Option("vmid", "integer", 100, 999999999, format="pve-vmid"),
    ),
    "resize": Command(
        (
            VMID,
            Option("disk", enum=container.MOUNTS, required=True),
            Option("size", pattern=r"\+?\d+(\.\d+)?[KMGT]?", required=True),
        ),
        Option("digest", length=40),
    ),
    "restore": Command((VMID, OSTEMPLATE), *container.GUEST.values(), *CREATE.values()),
    "resume": Command(
        (VMID,),
    ),
    "rollback": Command(
        (VMID, SNAPNAME),
        Option("start", "boolean", default="0"),
    ),
    "set": Command((VMID,), *container.GUEST.values(), *SET.values()),
    "shutdown": Command(
        (VMID,),
        Option("forceStop", "boolean", default="0"),
        Option("timeout", "integer", 0, default="60"),
    ),
    "snapshot": Command(
        (VMID, SNAPNAME),
        Option("description"),
    ),
    "start": Command(
        (VMID,),
        Option("debug", "boolean", default="0"),
        Option("skiplock", "boolean"),
    ),
    "status": Command(
        (VMID,),
        Option("verbose", "boolean"),
    ),
    "stop": Command(
        (VMID,),
        Option("overrule-shutdown", "boolean", default="0"),
        Option("skiplock", "boolean"),
    ),
    "suspend": Command(
        (VMID,),
    ),
    "template": Command(
        (VMID,),
    ),
    "unlock": Command(
        (VMID,),
    ),
    "unmount": Command(
        (VMID,),
    ),
}
"""The subcommands, by name."""

ALIASES: Final[Mapping[str, str]] = {"move_volume": "move-volume"}
"""Other words for subcommands."""
