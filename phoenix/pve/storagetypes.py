"""Types of storages: what the entry of each can say, what it can hold, in which formats, and what never changes."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Final

    Words = frozenset[str]


class Type:
    """One type: the options that its entries must have and can have, and those that never change.

    `content` is all that it can hold, `default` what it holds where nothing is said, `formats` those of volumes,
    and `secret` the options that are kept in files of root's.
    """

    def __init__(self, required: str, optional: str, content: str, default: str, formats: str = "raw") -> None:
        self.required = tuple(required.replace("!", "").split())
        words = optional.split()
        self.fixed = frozenset(word[:-1] for word in (*required.split(), *words) if word.endswith("!"))
        self.options = frozenset(word.rstrip("!") for word in words) | set(self.required)
        self.content = frozenset(content.split())
        self.default = frozenset(default.split())
        self.formats = frozenset(formats.split())

    def has(self, option: str, release: int) -> bool:
        """Whether an entry of this type can have an option."""
        return option in self.options and not (release >= 9 and option in _OLD) and not (release < 9 and option in _NEW)


_OLD = frozenset(("maxfiles",))
_NEW = frozenset(("saferemove-stepsize", "snapshot-as-volume-chain"))
_COMMON = "content disable nodes"
_BACKUPS = "max-protected-backups maxfiles prune-backups"
_FILES = f"{_COMMON} {_BACKUPS} create-base-path create-subdirs format mkdir"
_SHARES = f"{_FILES} bwlimit content-dirs options preallocation snapshot-as-volume-chain!"
_HELD = "backup images import iso rootdir snippets vztmpl"
_IMAGES = "raw qcow2 vmdk"

TYPES: Final[Mapping[str, Type]] = {
    "btrfs": Type(
        "path!", f"{_FILES} is_mountpoint nocow preallocation shared", f"{_HELD} none", "images rootdir", "raw subvol"
    ),
    "cephfs": Type(
        "path!",
        f"{_FILES} bwlimit content-dirs fs-name fuse keyring monhost options subdir username",
        "backup import iso snippets vztmpl",
        "backup",
    ),
    "cifs": Type(
        "path! server! share!", f"{_SHARES} domain password smbversion subdir username", _HELD, "images", _IMAGES
    ),
    "dir": Type(
        "path!",
        f"{_FILES} bwlimit content-dirs is_mountpoint preallocation shared snapshot-as-volume-chain!",
        f"{_HELD} none",
        "images rootdir",
        f"{_IMAGES} subvol",
    ),
    "esxi": Type(
        "server username", "content disable nodes password port shared skip-cert-verification", "import", "import"
    ),
    "glusterfs": Type(
        "path! volume!",
        f"{_FILES} bwlimit content-dirs preallocation server server2 transport",
        "backup images import iso snippets vztmpl",
        "images",
        _IMAGES,
    ),
    "iscsi": Type("portal! target!", f"{_COMMON} bwlimit", "images none", "images"),
    "iscsidirect": Type("portal! target!", f"{_COMMON} bwlimit", "images none", "images"),
    "lvm": Type(
        "vgname!",
        f"{_COMMON} base! bwlimit saferemove saferemove-stepsize saferemove_throughput shared "
        "snapshot-as-volume-chain! tagged_only",
        "images rootdir",
        "images",
        "raw qcow2",
    ),
    "lvmthin": Type("thinpool! vgname!", f"{_COMMON} bwlimit", "images rootdir", "images rootdir"),
    "nfs": Type("export! path! server!", _SHARES, _HELD, "images", _IMAGES),
    "pbs": Type(
        "datastore! server!",
        f"{_COMMON} {_BACKUPS} encryption-key fingerprint master-pubkey namespace password port username",
        "backup none",
        "backup",
    ),
    "rbd": Type(
        "", f"{_COMMON} bwlimit data-pool keyring krbd monhost namespace pool username", "images rootdir", "images"
    ),
    "zfs": Type(
        "blocksize! iscsiprovider! pool! portal! target!",
        f"{_COMMON} bwlimit comstar_hg comstar_tg lio_tpg nowritecache sparse zfs-base-path",
        "images",
        "images",
    ),
    "zfspool": Type(
        "pool!", f"{_COMMON} blocksize bwlimit mountpoint sparse", "images rootdir", "images rootdir", "raw subvol"
    ),
}

SECRETS: Final[Mapping[str, Mapping[str, str]]] = {
    "cephfs": {"keyring": "/etc/pve/priv/ceph/{}.secret"},
    "cifs": {"password": "/etc/pve/priv/storage/{}.pw"},
    "esxi": {"password": "/etc/pve/priv/storage/{}.pw"},
    "pbs": {
        "encryption-key": "/etc/pve/priv/storage/{}.enc",
        "master-pubkey": "/etc/pve/priv/storage/{}.master.pem",
        "password": "/etc/pve/priv/storage/{}.pw",
    },
    "rbd": {"keyring": "/etc/pve/priv/ceph/{}.keyring"},
}
"""The options that are not written into an entry, and the files that keep them."""
