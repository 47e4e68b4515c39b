"""The subcommands of pvesm, with all that they accept."""

from __future__ import annotations

from phoenix.pve.options import STORAGE, VMID, Command, Option
from phoenix.pve.tables import storage

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Final

_TYPES = (
    "btrfs", "cephfs", "cifs", "dir", "esxi", "iscsi", "iscsidirect", "lvm", "lvmthin", "nfs", "pbs", "rbd", "zfs",
    "zfspool",
)  # fmt: skip
TYPE: Final = Option(
    "type", enum=_TYPES, required=True, eight=Option("type", enum=tuple(sorted((*_TYPES, "glusterfs"))), required=True)
)

COMMANDS: Final[Mapping[str, Command]] = {
    "add": Command((TYPE, STORAGE), *storage.SHARED, *storage.ADD),
    "alloc": Command(
        (STORAGE, VMID, Option("filename", required=True), Option("size", pattern=r"\d+[MG]?", required=True)),
        Option("format", enum=("raw", "qcow2", "subvol", "vmdk"), requires="size"),
    ),
    "apiinfo": Command(),
    "export": Command(
        (
            Option("volume", required=True),
            Option("format", enum=("raw+size", "tar+size", "qcow2+size", "vmdk+size", "zfs", "btrfs"), required=True),
            Option("filename", required=True),
        ),
        Option("base", pattern=r"(?i:[a-z0-9_\-]{1,40})", length=40),
        Option("snapshot", pattern=r"(?i:[a-z0-9_\-]{1,40})", length=40),
        Option("snapshot-list", format="string-list"),
        Option("with-snapshots", "boolean", default="0"),
    ),
    "extractconfig": Command(
        (Option("volume", required=True),),
    ),
    "free": Command(
        (Option("volume", required=True),),
        Option("delay", "integer", 1, 30),
        Option("storage", format="pve-storage-id"),
    ),
    "import": Command(
        (
            Option("volume", required=True),
            Option("format", enum=("raw+size", "tar+size", "qcow2+size", "vmdk+size", "zfs", "btrfs"), required=True),
            Option("filename", required=True),
        ),
        Option("allow-rename", "boolean", default="0"),
        Option("base", pattern=r"(?i:[a-z0-9_\-]{1,40})", length=40),
        Option("delete-snapshot", pattern=r"(?i:[a-z0-9_\-]{1,80})", length=80),
        Option("snapshot", pattern=r"(?i:[a-z0-9_\-]{1,40})", length=40),
        Option("with-snapshots", "boolean", default="0"),
    ),
    "list": Command(
        (STORAGE,),
        Option("content", format="pve-storage-content"),
        Option("vmid", "integer", 100, 999999999, format="pve-vmid"),
    ),
    "path": Command(
        (Option("volume", format="pve-volume-id", required=True),),
    ),
    "prune-backups": Command(
        (STORAGE,),
        Option("dry-run", "boolean"),
        Option("keep-all", "boolean"),
        Option("keep-daily", "integer", 0),
        Option("keep-hourly", "integer", 0),
        Option("keep-last", "integer", 0),
        Option("keep-monthly", "integer", 0),
        Option("keep-weekly", "integer", 0),
        Option("keep-yearly", "integer", 0),
        Option("type", enum=("qemu", "lxc")),
        Option("vmid", "integer", 100, 999999999, format="pve-vmid"),
    ),
    "remove": Command(
        (STORAGE,),
    ),
    "scan cifs": Command(
        (Option("server", format="pve-storage-server", required=True),),
        Option("domain"),
        Option("password"),
        Option("username"),
    ),
    "scan glusterfs": Command(
        (Option("server", format="pve-storage-server", required=True),),
        until=8,
    ),
    "scan iscsi": Command(
        (Option("portal", format="pve-storage-portal-dns", required=True),),
    ),
    "scan lvm": Command(),
    "scan lvmthin": Command(
        (Option("vg", pattern=r"[a-zA-Z0-9\.\+\_][a-zA-Z0-9\.\+\_\-]+", length=100, required=True),),
    ),
    "scan nfs": Command(
        (Option("server", format="pve-storage-server", required=True),),
    ),
    "scan pbs": Command(
        (Option("server", format="pve-storage-server", required=True), Option("username", required=True)),
        Option("fingerprint", pattern="([A-Fa-f0-9]{2}:){31}[A-Fa-f0-9]{2}"),
        Option("human-readable", "boolean", default="1"),
        Option("noborder", "boolean", default="0"),
        Option("noheader", "boolean", default="0"),
        Option("output-format", enum=("text", "json", "json-pretty", "yaml"), default="text"),
        Option("password", required=True),
        Option("port", "integer", 1, 65535, default="8007"),
        Option("quiet", "boolean"),
    ),
    "scan zfs": Command(),
    "set": Command((STORAGE,), *storage.SHARED, *storage.SET),
    "status": Command(
        (),
        Option("content", format="pve-storage-content-list"),
        Option("enabled", "boolean", default="0"),
        Option("format", "boolean", default="0"),
        Option("storage", format="pve-storage-id"),
        Option("target", format="pve-node"),
    ),
}
"""The subcommands, by name."""

ALIASES: Final[Mapping[str, str]] = {
    "cifsscan": "scan cifs",
    "glusterfsscan": "scan glusterfs",
    "iscsiscan": "scan iscsi",
    "lvmscan": "scan lvm",
    "lvmthinscan": "scan lvmthin",
    "nfsscan": "scan nfs",
    "zfsscan": "scan zfs",
}
"""Other words for subcommands."""
