"""Storages: /etc/pve/storage.cfg as data, where a storage keeps its files, and what a volume's name means."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Final

FILES: Final = frozenset(("btrfs", "cephfs", "cifs", "dir", "glusterfs", "nfs"))
"""The types whose volumes are files under one path."""

FOLDERS: Final[Mapping[str, str]] = {
    "backup": "dump",
    "images": "images",
    "import": "import",
    "iso": "template/iso",
    "rootdir": "private",
    "snippets": "snippets",
    "vztmpl": "template/cache",
}
"""The folder of each content type, under the path of a storage of files."""

_MOUNTED: Final = frozenset(("cephfs", "cifs", "glusterfs", "nfs"))
_SHARED: Final = _MOUNTED | {"esxi", "iscsi", "iscsidirect", "pbs", "rbd", "zfs"}
_LOCAL: Final = "/var/lib/vz"
_DEFAULT_CONTENT: Final[Mapping[str, tuple[str, ...]]] = {
    "btrfs": ("images", "rootdir"),
    "cephfs": ("backup",),
    "dir": ("images", "rootdir"),
    "esxi": ("import",),
    "lvmthin": ("images", "rootdir"),
    "pbs": ("backup",),
    "zfspool": ("images", "rootdir"),
}


class Storage:
    """One storage: its type and name, where it is, what it holds, on which nodes (none named: all)."""

    __slots__ = ("content", "disabled", "name", "nodes", "other", "path", "type")

    def __init__(self, kind: str, name: str) -> None:
        self.type = kind
        self.name = name
        self.path = f"/mnt/pve/{name}" if kind in _MOUNTED else ""
        self.content = frozenset(_DEFAULT_CONTENT.get(kind, ("images",)))
        self.disabled = False
        self.nodes: frozenset[str] = frozenset()
        self.other: dict[str, str] = {}

    def is_files(self) -> bool:
        """Whether its volumes are files under `path`."""
        return self.type in FILES

    def is_on(self, node: str) -> bool:
        """Whether it is there for `node`."""
        return not self.nodes or node in self.nodes

    def is_shared(self) -> bool:
        """Whether all nodes see the same volumes in it."""
        return self.type in _SHARED or self.other.get("shared", "0") in ("1", "yes", "on", "true")

    def places(self) -> list[str]:
        """The folders of the node that are there when the storage is: its path, or those of its devices."""
        if self.is_files():
            return [self.path] if self.path else []
        if self.type in ("lvm", "lvmthin"):
            return [f"/dev/{self.other.get('vgname', self.name)}"]
        if self.type == "zfspool":
            pool = self.other.get("pool", self.name)
            return [f"/dev/zvol/{pool}", self.other.get("mountpoint", f"/{pool}")]
        return []

    def folder(self, content: str) -> str:
        """The folder for one content type; "" where there are no files."""
        return f"{self.path}/{self._folders().get(content) or FOLDERS[content]}" if self.path else ""

    def _folders(self) -> dict[str, str]:
        parts = (item.partition("=") for item in self.other.get("content-dirs", "").split(","))
        return {kind: folder.strip("/") for kind, _, folder in parts if folder}


def parse(text: str) -> dict[str, Storage]:
    """The storages in the text of a storage.cfg, by name, in its order."""
    found: dict[str, Storage] = {}
    current: Storage | None = None
    for line in text.split("\n"):
        if line[:1] in (" ", "\t"):
            if current is not None:
                _set(current, line)
        else:
            kind, colon, name = line.partition(":")
            name = name.strip()
            current = Storage(kind.strip(), name) if colon and name and not kind.startswith("#") else None
            if current is not None:
                found[name] = current
    local = found.get("local")
    if local is None or local.type != "dir" or local.path != _LOCAL:  # Proxmox VE always has it
        local = found["local"] = Storage("dir", "local")
        local.path = _LOCAL
        local.content = frozenset(("backup", "images", "iso", "rootdir", "snippets", "vztmpl"))
    local.nodes = frozenset()  # and on every node
    return found


def _set(storage: Storage, line: str) -> None:
    key, _, value = line.strip().partition(" ")
    value = value.strip()
    if key == "path":
        storage.path = value.rstrip("/") or "/"
    elif key == "content":
        storage.content = frozenset(item for item in value.replace(";", ",").split(",") if item)
    elif key == "disable":
        storage.disabled = value in ("", "1", "yes", "on", "true")
    elif key == "nodes":
        storage.nodes = frozenset(item for item in value.replace(";", ",").split(",") if item)
    elif key:
        storage.other[key] = value or "1"


def split_volume(volume: str) -> tuple[str, str]:
    """A volume's storage and its name there; ("", "") if it is not STORAGE:NAME."""
    storage, colon, name = volume.partition(":")
    return (storage, name) if colon and storage and name and "/" not in storage else ("", "")


def volume_kind(name: str) -> str:
    """The content type of a volume by its `name` in a storage, such as vztmpl; guests' disks are images."""
    kind, slash, rest = name.partition("/")
    return kind if slash and rest and kind in FOLDERS and kind not in ("images", "rootdir") else "images"


def volume_owner(name: str) -> int:
    """The ID of the guest that a guest volume belongs to, 0 if its name does not say.

    `local:100/vm-100-disk-0.raw` has the name `100/vm-100-disk-0.raw`, a linked clone
    `100/base-100-disk-0.raw/101/vm-101-disk-0.qcow2`, a volume of a thin pool `vm-100-disk-0`.
    """
    parts = name.split("/")[-1].split("-")
    good = (
        len(parts) > 2 and parts[0] in ("base", "basevol", "subvol", "vm") and parts[1].isascii() and parts[1].isdigit()
    )
    return int(parts[1]) if good else 0


def volume_path(storage: Storage, volume: str) -> str:
    """The file (or folder) of a volume of a storage of files; "" where it is no file.

    btrfs keeps every image in a folder: 100/vm-100-disk-0.raw is 100/vm-100-disk-0/disk.raw, and
    100/subvol-100-disk-0.subvol is the folder 100/subvol-100-disk-0.
    """
    name = split_volume(volume)[1] or volume
    if not storage.is_files() or not storage.path:
        return ""
    kind = volume_kind(name)
    if kind != "images":
        return f"{storage.folder(kind)}/{name.partition('/')[2]}"
    parts = name.split("/")
    path = f"{storage.folder('images')}/{'/'.join(parts[-2:])}"
    if storage.type != "btrfs":
        return path
    if path.endswith(".subvol"):
        return path[: -len(".subvol")]
    return path[: -len(".raw")] + "/disk.raw" if path.endswith(".raw") else path
