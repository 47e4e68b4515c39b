"""Volumes: what the tools do with them on every type of storage, as files under the names that a node has.

A volume is STORAGE:NAME. What each type does differently is in the classes of this package (plugin, btrfs, lvm,
zfspool), which are loaded when a storage of theirs is used.
"""

from __future__ import annotations

import os

from phoenix.pve import formats, storages
from phoenix.rehearsal import imagefiles, pauses
from phoenix.rehearsal.failures import BadParameters, Failure
from phoenix.rehearsal.volumes import names, words
from phoenix.rehearsal.volumes import plugin as plugins

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection

    from phoenix.pve.storages import Storage
    from phoenix.rehearsal.tree import Tree
    from phoenix.rehearsal.volumes.names import Name
    from phoenix.rehearsal.volumes.plugin import Plugin

GIB_IN_KIB = 1 << 20


def table(tree: Tree) -> dict[str, Storage]:
    """The storages of the node."""
    return storages.parse(tree.read("/etc/pve/storage.cfg"))


def existing(tree: Tree, name: str) -> Storage:
    """A storage by its name; Failure if there is none."""
    storage = table(tree).get(name)
    if storage is None:
        raise Failure(f"storage '{name}' does not exist")
    return storage


def enabled(tree: Tree, name: str) -> Storage:
    """A storage that is for this node and not disabled; Failure if it is not."""
    storage = existing(tree, name)
    _check_enabled(tree, storage)
    return storage


def _check_enabled(tree: Tree, storage: Storage) -> None:
    if storage.disabled:
        raise Failure(f"storage '{storage.name}' is disabled")
    if not storage.is_on(tree.name):
        raise Failure(f"storage '{storage.name}' is not available on node '{tree.name}'")


def for_containers(tree: Tree, name: str) -> Storage:
    """A storage that can hold containers' disks; Failure or BadParameters if it cannot."""
    storage = enabled(tree, name)
    if "rootdir" not in storage.content:
        raise BadParameters({"storage": f"storage '{name}' does not support container directories"})
    return storage


def activate(tree: Tree, storage: Storage) -> None:
    """Make a storage usable, as every use of it does; Failure if it cannot be: disabled, no mount, no folder."""
    _check_enabled(tree, storage)
    plugins.plugin(tree, storage).activate()


def is_active(tree: Tree, storage: Storage) -> bool:
    """Whether a storage that was made usable is there."""
    return plugins.plugin(tree, storage).is_active


def split(volume: str) -> tuple[str, str]:
    """A volume's storage and name; Failure if it has none."""
    if not formats.is_volume_id(volume):
        raise Failure(f"unable to parse volume ID '{volume}'")
    return storages.split_volume(volume)


def _find(tree: Tree, volume: str) -> tuple[Plugin, str]:
    storage, name = split(volume)
    return plugins.plugin(tree, existing(tree, storage)), name


def _usable(tree: Tree, volume: str) -> tuple[Plugin, str]:
    """The plugin of a volume's storage, made usable, and the volume's name."""
    found, name = _find(tree, volume)
    _check_enabled(tree, found.storage)
    found.activate()
    return found, name


def parsed(tree: Tree, volume: str) -> Name:
    """What the name of a volume says: kind, owner, base, format; Failure if it is none."""
    found, name = _find(tree, volume)
    return found.parse(name)


def check_name(storage: Storage, name: str, release: int = 9) -> None:
    """Failure if `name` is not one that a volume of this storage can have."""
    names.parse(storage, name, release)


image_format = names.image_format


def node_path(tree: Tree, volume: str, snapshot: str = "") -> str:
    """The path of a volume, or of a snapshot of it, on the node; Failure if its name is none."""
    found, name = _find(tree, volume)
    return found.path(name, snapshot)


def exists(tree: Tree, volume: str) -> bool:
    """Whether a volume is there."""
    found, name = _find(tree, volume)
    return found.exists(name)


def check_exists(tree: Tree, volume: str) -> None:
    """Failure if a volume is not there."""
    if not exists(tree, volume):
        raise Failure(f"volume '{volume}' does not exist", 2)


def size(tree: Tree, volume: str) -> int | None:
    """The bytes of a volume as its guest sees them (0 for a folder without quota), None if it is not there."""
    found, name = _find(tree, volume)
    return found.size(name)


def form(tree: Tree, volume: str) -> str:
    """The format of a volume, by its name: raw, qcow2, vmdk or subvol (a folder)."""
    return parsed(tree, volume).form


def owner(tree: Tree, volume: str) -> str:
    """The ID of the guest that a volume is for; "" for templates and the like."""
    return parsed(tree, volume).owner


def is_base(tree: Tree, volume: str) -> bool:
    """Whether a volume is one that linked clones continue, base-..."""
    return parsed(tree, volume).is_base


def valid_formats(tree: Tree, storage: Storage) -> Collection[str]:
    """The formats that new volumes of a storage can have."""
    return plugins.plugin(tree, storage).formats


def default_format(tree: Tree, storage: Storage) -> str:
    """The format that a new volume gets where none is asked for: what the storage's `format` says, else raw."""
    wanted = storage.other.get("format", "raw")
    return wanted if wanted in valid_formats(tree, storage) else "raw"


def guest_volumes(tree: Tree, storage: Storage, guest: str = "") -> list[str]:
    """The disks on a storage, of one guest or of all, linked clones with their base in the name, sorted."""
    found = plugins.plugin(tree, storage).listed(guest)
    return sorted((f"{storage.name}:{name}" for name in found), key=str.lower)


def free_name(tree: Tree, storage: Storage, guest: str, form: str = "raw") -> str:
    """The name that the next disk of a guest gets, without its folder: vm-100-disk-2.raw, subvol-100-disk-0."""
    return plugins.plugin(tree, storage).free_name(guest, form)


def allocate(tree: Tree, storage: Storage, guest: str, kib: int, form: str = "raw", name: str = "") -> str:
    """Make a volume of a guest, say what the real tools say (`Formatting ...`), and return it.

    `form` is raw, qcow2, vmdk or subvol (a folder; its size must be 0 but on ZFS, where it is a quota). `name` is
    the one it gets, without folder, with or without the format's ending: vm-200-cloudinit, vm-200-state-before,
    vm-140-disk-7.raw; "" takes the next free disk. Failure if it is there already or the storage cannot make it.
    """
    _check_enabled(tree, storage)
    found = plugins.plugin(tree, storage)
    found.activate()
    if pauses.full:
        raise Failure(f"storage '{storage.name}': No space left on device", 28)
    if name and storage.is_files() and not name.endswith(tuple(f".{each}" for each in names.IMAGE_FORMATS)):
        name += found.suffix(form)
    with found.lock():
        return f"{storage.name}:{found.allocate(guest, form, name, kib)}"


announce_filesystem = words.file_system


def free(tree: Tree, volume: str) -> None:
    """Remove a volume with its snapshots, and the guest's folder with the last one.

    A missing one is only mentioned, but on btrfs a Failure, as is a base that linked clones continue.
    """
    found, name = _usable(tree, volume)
    with found.lock():
        if found.storage.type != "lvmthin" and found.uses(name):
            raise Failure(f"base volume '{name}' is still in use by linked clones")
        found.free(name)


def resize(tree: Tree, volume: str, size_bytes: int, *, running: bool = False) -> None:
    """Give a volume another size, in whole KiB, and say what is said then, unless its machine runs."""
    found, name = _find(tree, volume)
    found.resize(name, size_bytes + -size_bytes % 1024, running=running)


def has_feature(
    tree: Tree,
    volume: str,
    feature: str,
    snapshot: str = "",
    *,
    running: bool = False,  # noqa: ARG001 no type makes a difference
    formats: Collection[str] = (),
) -> bool:
    """Whether the storage can do `feature` with a volume, or with a snapshot of it.

    `feature` is snapshot, clone, template, copy, sparseinit or rename. `formats` are those that a linked clone may
    have: pct takes ("raw", "subvol").
    """
    found, name = _find(tree, volume)
    return found.feature(name, feature, snapshot, formats)


def snapshots(tree: Tree, volume: str) -> list[str]:
    """The snapshots of a volume; the oldest first where the storage knows that, else by name."""
    found, name = _find(tree, volume)
    return found.snapshots(name)


def snapshot(tree: Tree, volume: str, name: str) -> None:
    """Take the snapshot `name` of a volume; Failure with the real words if the storage cannot."""
    found, volname = _find(tree, volume)
    found.snapshot(volname, name)


def drop_snapshot(tree: Tree, volume: str, name: str) -> None:
    """Remove a snapshot of a volume; Failure if there is none."""
    found, volname = _find(tree, volume)
    found.drop_snapshot(volname, name)


def check_rollback(tree: Tree, volume: str, name: str) -> None:
    """Failure if a volume cannot go back to a snapshot, because others came after it (ZFS, chains of qcow2)."""
    found, volname = _find(tree, volume)
    found.check_rollback(volname, name)


def rollback(tree: Tree, volume: str, name: str) -> None:
    """Make a volume what it was when a snapshot was taken, its size included; Failure if it cannot go back."""
    found, volname = _find(tree, volume)
    found.check_rollback(volname, name)
    found.rollback(volname, name)


def make_base(tree: Tree, volume: str) -> str:
    """Make a volume one that linked clones continue (base-..., basevol-...); returns the volume that it is then."""
    found, name = _usable(tree, volume)
    with found.lock():
        return f"{found.storage.name}:{found.make_base(name)}"


def clone_linked(tree: Tree, base: str, guest: str, snapshot: str = "") -> str:
    """A new volume of `guest` that continues a base, or a snapshot where the storage can; returns the volume.

    It says what is said then (`clone ...`, `Formatting ...`).
    """
    found, name = _usable(tree, base)
    with found.lock():
        return f"{found.storage.name}:{found.clone(name, guest, snapshot)}"


def in_use_by_clones(tree: Tree, volume: str) -> bool:
    """Whether a volume is a base that linked clones continue."""
    found, name = _find(tree, volume)
    return found.uses(name)


def rename(tree: Tree, volume: str, guest: str, name: str = "") -> str:
    """Give a volume to another guest, under the file name `name` or the next free; returns what it is then."""
    found, volname = _usable(tree, volume)
    with found.lock():
        return f"{found.storage.name}:{found.rename(volname, guest, name)}"


def copy_into(tree: Tree, source: str, target: str, snapshot: str = "") -> None:
    """Copy the content of a volume, or of a snapshot of it, into another that was allocated for it."""
    first, name = _find(tree, source)
    text = _text(first.copy_path(name, snapshot))
    if text:
        fill(tree, target, text)


def fill(tree: Tree, volume: str, text: str) -> None:
    """Put the text that stands for an unpacked system on a disk."""
    path = tree(node_path(tree, volume))
    if os.path.isdir(path):
        path += "/.system"
        number = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o640)
        os.close(number)
    imagefiles.write_text(path, text)


def look(tree: Tree, volume: str, snapshot: str = "") -> str:
    """The text that stands for the system on a disk; "" if there is none."""
    try:
        found, name = _find(tree, volume)
        return _text(found.copy_path(name, snapshot))
    except Failure:
        return ""


def _text(path: str) -> str:
    try:
        return imagefiles.read_text(path + "/.system" if os.path.isdir(path) else path)
    except OSError:
        return ""
