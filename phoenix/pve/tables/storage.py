"""Storage: what the entry of a storage can say, and the keys of its property strings."""

from __future__ import annotations

from phoenix.pve.options import Option, by_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

BWLIMIT: Final = by_name(
    Option("clone", "number", 0),
    Option("default", "number", 0),
    Option("migration", "number", 0),
    Option("move", "number", 0),
    Option("restore", "number", 0),
)
PRUNE_BACKUPS: Final = by_name(
    Option("keep-all", "boolean"),
    Option("keep-daily", "integer", 0),
    Option("keep-hourly", "integer", 0),
    Option("keep-last", "integer", 0),
    Option("keep-monthly", "integer", 0),
    Option("keep-weekly", "integer", 0),
    Option("keep-yearly", "integer", 0),
)

SHARED: Final = (
    Option("blocksize", format="pve-storage-zfs-blocksize", eight=Option("blocksize")),
    Option("bwlimit", properties=BWLIMIT),
    Option("comstar_hg"),
    Option("comstar_tg"),
    Option("content", format="pve-storage-content-list"),
    Option("content-dirs", format="pve-dir-override-list"),
    Option("create-base-path", "boolean", default="yes"),
    Option("create-subdirs", "boolean", default="yes"),
    Option("data-pool"),
    Option("disable", "boolean"),
    Option("domain", length=256),
    Option("encryption-key"),
    Option("fingerprint", pattern="([A-Fa-f0-9]{2}:){31}[A-Fa-f0-9]{2}"),
    Option("format", enum=("raw", "qcow2", "subvol", "vmdk")),
    Option("fs-name", format="pve-configid"),
    Option("fuse", "boolean"),
    Option("is_mountpoint", default="no"),
    Option("keyring"),
    Option("krbd", "boolean", default="0"),
    Option("lio_tpg"),
    Option("master-pubkey"),
    Option(
        "max-protected-backups",
        "integer",
        -1,
        default="Unlimited for users with Datastore.Allocate privilege, 5 for other users",
    ),
    Option("maxfiles", "integer", 0, until=8),
    Option("mkdir", "boolean", default="yes"),
    Option("monhost", format="pve-storage-portal-dns-list"),
    Option("mountpoint", format="pve-storage-path"),
    Option("namespace"),
    Option("nocow", "boolean", default="0"),
    Option("nodes", format="pve-node-list"),
    Option("nowritecache", "boolean"),
    Option("options", format="pve-storage-options"),
    Option("password", length=256),
    Option("pool"),
    Option("port", "integer", 1, 65535),
    Option("preallocation", enum=("off", "metadata", "falloc", "full"), default="metadata"),
    Option("prune-backups", format="prune-backups", properties=PRUNE_BACKUPS),
    Option("saferemove", "boolean"),
    Option("saferemove-stepsize", "integer", enum=("1", "2", "4", "8", "16", "32"), default="32", since=9),
    Option("saferemove_throughput"),
    Option("server", format="pve-storage-server"),
    Option("server2", format="pve-storage-server", until=8, requires="server"),
    Option("shared", "boolean"),
    Option("skip-cert-verification", "boolean", default="false"),
    Option("smbversion", enum=("default", "2.0", "2.1", "3", "3.0", "3.11"), default="default"),
    Option("snapshot-as-volume-chain", "boolean", default="0", since=9),
    Option("sparse", "boolean"),
    Option("subdir", format="pve-storage-path"),
    Option("tagged_only", "boolean"),
    Option("transport", enum=("tcp", "rdma", "unix"), until=8),
    Option("username"),
    Option("zfs-base-path", format="pve-storage-path"),
)
"""What `pvesm add` and `pvesm set` share."""

ADD: Final = (
    Option("authsupported"),
    Option("base", format="pve-volume-id"),
    Option("datastore"),
    Option("export", format="pve-storage-path"),
    Option("iscsiprovider"),
    Option("path", format="pve-storage-path"),
    Option("portal", format="pve-storage-portal-dns"),
    Option("share"),
    Option("target"),
    Option("thinpool", format="pve-storage-vgname"),
    Option("vgname", format="pve-storage-vgname"),
    Option("volume", until=8),
)

SET: Final = (
    Option("delete", format="pve-configid-list", length=4096),
    Option("digest", length=64),
)
