"""storage.cfg: the storages' entries, read and written as the real tools write them, under pmxcfs's lock."""

from __future__ import annotations

import hashlib

from phoenix.rehearsal import cluster, locks
from phoenix.rehearsal.failures import Failure
from phoenix.rehearsal.speech import complain

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Final

    from phoenix.rehearsal.tree import Tree

FILE: Final = "/etc/pve/storage.cfg"
REQUIRED: Final[Mapping[str, tuple[str, ...]]] = {
    "btrfs": ("path",),
    "cifs": ("server", "share"),
    "dir": ("path",),
    "esxi": ("password", "server", "username"),
    "glusterfs": ("volume",),
    "iscsi": ("portal", "target"),
    "iscsidirect": ("portal", "target"),
    "lvm": ("vgname",),
    "lvmthin": ("thinpool", "vgname"),
    "nfs": ("export", "server"),
    "pbs": ("datastore", "server"),
    "rbd": ("pool",),
    "zfs": ("blocksize", "iscsiprovider", "pool", "portal", "target"),
    "zfspool": ("pool",),
}
"""The options without which a storage of a type cannot be."""

_COMMON = "content disable nodes bwlimit shared"
_FILES = f"{_COMMON} format preallocation prune-backups maxfiles max-protected-backups content-dirs create-base-path"
_FILES += " create-subdirs mkdir snapshot-as-volume-chain"
_OPTIONAL: Final[Mapping[str, str]] = {
    "btrfs": f"{_FILES} is_mountpoint nocow",
    "cephfs": f"{_FILES} fuse fs-name keyring monhost options path secret subdir username data-pool",
    "cifs": f"{_FILES} domain options path password smbversion subdir username",
    "dir": f"{_FILES} is_mountpoint",
    "esxi": f"{_COMMON} port skip-cert-verification",
    "glusterfs": f"{_FILES} path server server2 transport",
    "iscsi": _COMMON,
    "iscsidirect": _COMMON,
    "lvm": f"{_COMMON} base saferemove saferemove_throughput saferemove-stepsize tagged_only snapshot-as-volume-chain",
    "lvmthin": _COMMON,
    "nfs": f"{_FILES} options path",
    "pbs": f"{_COMMON} encryption-key fingerprint master-pubkey max-protected-backups maxfiles namespace password port "
    "prune-backups username skip-cert-verification",
    "rbd": f"{_COMMON} data-pool keyring krbd monhost namespace username authsupported",
    "zfs": f"{_COMMON} comstar_hg comstar_tg lio_tpg nowritecache sparse zfs-base-path",
    "zfspool": f"{_COMMON} blocksize mountpoint sparse",
}
FIXED: Final = frozenset((*(name for names in REQUIRED.values() for name in names), "snapshot-as-volume-chain")) - {
    "password",
    "username",
}
"""Options that an entry keeps for ever."""
_LOCAL = {"type": "dir", "path": "/var/lib/vz", "content": "backup,iso,vztmpl"}
_TRIES = 9

Entries = dict[str, dict[str, str]]
"""Each storage's options by its name; `type` is one of them."""


def read(tree: Tree) -> Entries:
    """The entries of the file; the storage local is there in any case."""
    found: Entries = {}
    current: dict[str, str] = {}
    for line in tree.read(FILE).split("\n"):
        if line[:1] in (" ", "\t"):
            key, _, value = line.strip().partition(" ")
            if key:
                current[key] = value.strip() or "1"
        elif ":" in line and not line.startswith("#"):
            kind, _, name = line.partition(":")
            current = found.setdefault(name.strip(), {})
            current["type"] = kind.strip()
    found.setdefault("local", dict(_LOCAL))
    return found


def render(entries: Entries) -> str:
    """The text of the file: local first; of each what it must have, its content, and the rest by name."""
    text = ""
    for name in sorted(entries, key=lambda name: name != "local"):
        entry = entries[name]
        text += f"{entry['type']}: {name}\n"
        if entry.get("disable") == "1":
            text += "\tdisable\n"
        first = [*sorted(REQUIRED.get(entry["type"], ())), "content"]
        rest = sorted(set(entry) - set(first) - {"type", "disable"})
        text += "".join(f"\t{key} {entry[key]}\n" for key in [*first, *rest] if key in entry) + "\n"
    return text


def change(tree: Tree, verb: str, work: Callable[[Entries], None], digest: str | None = None) -> None:
    """Change the entries by `work`; `verb` is what a failure says: create, update or delete."""
    try:
        if not cluster.has_quorum(tree):
            _wait_in_vain()
        with locks.cluster(tree):
            if (
                digest is not None
                and digest != hashlib.sha1(tree.read(FILE).encode(), usedforsecurity=False).hexdigest()
            ):
                raise Failure("detected modified configuration - file changed by other user? Try again.")
            entries = read(tree)
            work(entries)
            tree.replace(FILE, render(entries))
    except Failure as failure:
        raise Failure(f"{verb} storage failed: {failure.text}", failure.code) from failure


def _wait_in_vain() -> None:
    import time

    for _ in range(_TRIES):
        complain("trying to acquire cfs lock 'file-storage_cfg' ...")
        time.sleep(1)
    raise Failure("cfs-lock 'file-storage_cfg' error: no quorum!", 13)


def check(kind: str, given: Mapping[str, str]) -> None:
    """Failure if a new entry of a type lacks something, or has what such an entry cannot have."""
    for name in sorted(REQUIRED.get(kind, ())):
        if name not in given:
            raise Failure(f"missing value for required option '{name}'")
    for name in sorted(given):
        if not allowed(kind, name):
            raise Failure(f"unexpected property '{name}'")


def allowed(kind: str, name: str) -> bool:
    """Whether an entry of a type can have an option."""
    return name in REQUIRED.get(kind, ()) or name in _OPTIONAL.get(kind, "").split()
