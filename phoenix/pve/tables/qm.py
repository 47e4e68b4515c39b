"""The subcommands of qm, with all that they accept."""

from __future__ import annotations

from phoenix.pve.options import SNAPNAME, STORAGE, TARGET_ENDPOINT, VMID, Command, Option, by_name
from phoenix.pve.tables import devices, machine

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Final

CREATE: Final[Mapping[str, Option]] = by_name(
    Option("archive", length=255),
    Option("bwlimit", "integer", 0, default="restore limit from datacenter or storage config"),
    Option("force", "boolean", requires="archive"),
    Option("ha-managed", "boolean", default="0", since=9),
    Option("import-working-storage", format="pve-storage-id"),
    Option("live-restore", "boolean"),
    Option("pool", format="pve-poolid"),
    Option("start", "boolean", default="0"),
    Option("storage", format="pve-storage-id"),
    Option("unique", "boolean", requires="archive"),
)
"""What only `qm create` has."""

SET: Final[Mapping[str, Option]] = by_name(
    Option("delete", format="pve-configid-list"),
    Option("digest", length=40),
    Option("force", "boolean", requires="delete"),
    Option("revert", format="pve-configid-list"),
    Option("skiplock", "boolean"),
)
"""What only `qm set` has."""

COMMANDS: Final[Mapping[str, Command]] = {
    "cleanup": Command(
        (VMID, Option("clean-shutdown", "boolean", required=True), Option("guest-requested", "boolean", required=True)),
    ),
    "clone": Command(
        (VMID, Option("newid", "integer", 100, 999999999, format="pve-vmid", required=True)),
        Option("bwlimit", "integer", 0, default="clone limit from datacenter or storage config"),
        Option("description"),
        Option("format", enum=("raw", "qcow2", "vmdk")),
        Option("full", "boolean"),
        Option("name", format="dns-name"),
        Option("pool", format="pve-poolid"),
        Option("snapname", format="pve-configid", length=40),
        Option("storage", format="pve-storage-id"),
        Option("target", format="pve-node"),
    ),
    "cloudinit dump": Command(
        (VMID, Option("type", enum=("user", "network", "meta"), required=True)),
    ),
    "cloudinit pending": Command(
        (VMID,),
    ),
    "cloudinit update": Command(
        (VMID,),
    ),
    "config": Command(
        (VMID,),
        Option("current", "boolean", default="0"),
        Option("snapshot", format="pve-configid", length=40),
    ),
    "create": Command((VMID,), *machine.GUEST.values(), *CREATE.values()),
    "delsnapshot": Command(
        (VMID, SNAPNAME),
        Option("force", "boolean"),
    ),
    "destroy": Command(
        (VMID,),
        Option("destroy-unreferenced-disks", "boolean", default="0"),
        Option("purge", "boolean"),
        Option("skiplock", "boolean"),
    ),
    "disk import": Command(
        (VMID, Option("source", required=True), STORAGE),
        Option("format", enum=("raw", "qcow2", "vmdk")),
        Option("target-disk", enum=(*machine.DISKS, *machine.UNUSED_DISKS)),
    ),
    "disk move": Command(
        (
            VMID,
            Option("disk", enum=(*machine.DISKS, *machine.UNUSED_DISKS), required=True),
            Option("storage", format="pve-storage-id"),
        ),
        Option("bwlimit", "integer", 0, default="move limit from datacenter or storage config"),
        Option("delete", "boolean", default="0"),
        Option("digest", length=40),
        Option("format", enum=("raw", "qcow2", "vmdk")),
        Option("target-digest", length=40),
        Option("target-disk", enum=(*machine.DISKS, *machine.UNUSED_DISKS)),
        Option("target-vmid", "integer", 100, 999999999, format="pve-vmid"),
    ),
    "disk rescan": Command(
        (),
        Option("dryrun", "boolean", default="0"),
        Option("vmid", "integer", 100, 999999999, format="pve-vmid"),
    ),
    "disk resize": Command(
        (
            VMID,
            Option("disk", enum=machine.DISKS, required=True),
            Option("size", pattern=r"\+?\d+(\.\d+)?[KMGT]?", required=True),
        ),
        Option("digest", length=40),
        Option("skiplock", "boolean"),
    ),
    "disk unlink": Command(
        (VMID,),
        Option("force", "boolean"),
        Option("idlist", format="pve-configid-list", required=True),
    ),
    "enroll-efi-keys": Command(
        (VMID,),
    ),
    "guest cmd": Command(
        (
            VMID,
            Option(
                "command",
                enum=(
                    "fsfreeze-freeze",
                    "fsfreeze-status",
                    "fsfreeze-thaw",
                    "fstrim",
                    "get-fsinfo",
                    "get-host-name",
                    "get-memory-block-info",
                    "get-memory-blocks",
                    "get-osinfo",
                    "get-time",
                    "get-timezone",
                    "get-users",
                    "get-vcpus",
                    "info",
                    "network-get-interfaces",
                    "ping",
                    "shutdown",
                    "suspend-disk",
                    "suspend-hybrid",
                    "suspend-ram",
                ),
                required=True,
            ),
        ),
    ),
    "guest exec": Command(
        (VMID, Option("extra-args", "array")),
        Option("pass-stdin", "boolean", default="0"),
        Option("synchronous", "boolean", default="1"),
        Option("timeout", "integer", 0, default="30"),
    ),
    "guest exec-status": Command(
        (VMID, Option("pid", "integer", required=True)),
    ),
    "guest passwd": Command(
        (VMID, Option("username", required=True)),
        Option("crypted", "boolean", default="0"),
        Option("password", length=1024, shortest=5, required=True),
    ),
    "import": Command(
        (VMID, Option("source", required=True)),
        *(machine.of_import(option) for option in machine.GUEST.values()),
        Option("delete", format="pve-configid-list"),
        Option("dryrun", "boolean", default="0"),
        Option("format", enum=("raw", "qcow2", "vmdk")),
        Option("live-import", "boolean", default="0"),
        Option("storage", format="pve-storage-id", required=True),
    ),
    "importovf": Command(
        (VMID, Option("manifest", required=True), STORAGE),
        Option("dryrun", "boolean"),
        Option("format", enum=("raw", "qcow2", "vmdk")),
    ),
    "list": Command(
        (),
        Option("full", "boolean"),
    ),
    "listsnapshot": Command(
        (VMID,),
    ),
    "migrate": Command(
        (VMID, Option("target", format="pve-node", required=True)),
        Option("bwlimit", "integer", 0, default="migrate limit from datacenter or storage config"),
        Option("force", "boolean"),
        Option("migration_network", format="CIDR"),
        Option("migration_type", enum=("secure", "insecure")),
        Option("online", "boolean"),
        Option("targetstorage", format="storage-pair-list"),
        Option("with-conntrack-state", "boolean", default="0", since=9),
        Option("with-local-disks", "boolean"),
    ),
    "monitor": Command(
        (VMID,),
    ),
    "mtunnel": Command(),
    "nbdstop": Command(
        (VMID,),
    ),
    "pending": Command(
        (VMID,),
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
        Option("target-bridge", format="bridge-pair-list", required=True),
        Option("target-storage", format="storage-pair-list", required=True),
    ),
    "reset": Command(
        (VMID,),
        Option("skiplock", "boolean"),
    ),
    "resume": Command(
        (VMID,),
        Option("nocheck", "boolean"),
        Option("skiplock", "boolean"),
    ),
    "rollback": Command(
        (VMID, SNAPNAME),
        Option("start", "boolean", default="0"),
    ),
    "sendkey": Command(
        (VMID, Option("key", required=True)),
        Option("skiplock", "boolean"),
    ),
    "set": Command((VMID,), *machine.GUEST.values(), *SET.values()),
    "showcmd": Command(
        (VMID,),
        Option("pretty", "boolean", default="0"),
        Option("snapshot", format="pve-configid", length=40),
    ),
    "shutdown": Command(
        (VMID,),
        Option("forceStop", "boolean", default="0"),
        Option("keepActive", "boolean", default="0"),
        Option("skiplock", "boolean"),
        Option("timeout", "integer", 0),
    ),
    "snapshot": Command(
        (VMID, SNAPNAME),
        Option("description"),
        Option("vmstate", "boolean"),
    ),
    "start": Command(
        (VMID,),
        Option("force-cpu"),
        Option("machine", properties=devices.MACHINE),
        Option("migratedfrom", format="pve-node"),
        Option("migration_network", format="CIDR"),
        Option("migration_type", enum=("secure", "insecure")),
        Option("nets-host-mtu", pattern=r"net\d+=\d+(,net\d+=\d+)*"),
        Option("skiplock", "boolean"),
        Option("stateuri", length=128),
        Option("targetstorage", format="storage-pair-list"),
        Option("timeout", "integer", 0, default="max(30, vm memory in GiB)"),
        Option("with-conntrack-state", "boolean", default="0", since=9),
    ),
    "status": Command(
        (VMID,),
        Option("verbose", "boolean"),
    ),
    "stop": Command(
        (VMID,),
        Option("keepActive", "boolean", default="0"),
        Option("migratedfrom", format="pve-node"),
        Option("overrule-shutdown", "boolean", default="0"),
        Option("skiplock", "boolean"),
        Option("timeout", "integer", 0),
    ),
    "suspend": Command(
        (VMID,),
        Option("skiplock", "boolean"),
        Option("statestorage", format="pve-storage-id", requires="todisk"),
        Option("todisk", "boolean", default="0"),
    ),
    "template": Command(
        (VMID,),
        Option("disk", enum=machine.DISKS),
    ),
    "terminal": Command(
        (VMID,),
        Option("escape", default="^O"),
        Option("iface", enum=("serial0", "serial1", "serial2", "serial3")),
    ),
    "unlock": Command(
        (VMID,),
    ),
    "vncproxy": Command(
        (VMID,),
    ),
    "wait": Command(
        (VMID,),
        Option("timeout", "integer", 1),
    ),
}
"""The subcommands, by name."""

ALIASES: Final[Mapping[str, str]] = {
    "agent": "guest cmd",
    "importdisk": "disk import",
    "move-disk": "disk move",
    "move_disk": "disk move",
    "rescan": "disk rescan",
    "resize": "disk resize",
    "unlink": "disk unlink",
}
"""Other words for subcommands."""
