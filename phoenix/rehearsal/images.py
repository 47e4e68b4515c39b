"""Images: what a storage can do with a volume that is there: snapshots, bases and linked clones, another size."""

from __future__ import annotations

import os

from phoenix.pve import storages
from phoenix.rehearsal import imagefiles, volumes
from phoenix.rehearsal.failures import Failure
from phoenix.rehearsal.speech import say

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Final

    from phoenix.pve.storages import Storage
    from phoenix.rehearsal.tree import Tree

    Features = Mapping[str, Mapping[str, tuple[str, ...]]]

_ALL = ("raw", "qcow2", "vmdk", "subvol")
_DIRECTORY: Features = {
    "snapshot": {"current": ("qcow2",), "snap": ("qcow2",)},
    "clone": {"base": ("raw", "qcow2", "vmdk")},
    "template": {"current": _ALL},
    "copy": {"base": _ALL, "current": _ALL, "snap": ("qcow2",)},
    "sparseinit": {"base": _ALL[:3], "current": _ALL[:3]},
    "rename": {"current": _ALL},
}
_BLOCK: Features = {
    "snapshot": {"current": _ALL},
    "clone": {"base": _ALL},
    "template": {"current": _ALL},
    "copy": {"base": _ALL, "current": _ALL, "snap": _ALL},
    "sparseinit": {"base": _ALL, "current": _ALL},
    "rename": {"current": _ALL},
}
_BTRFS: Features = {
    **_DIRECTORY,
    "snapshot": {"current": _ALL[:2] + _ALL[3:], "snap": _ALL[:2] + _ALL[3:]},
    "clone": {"base": _ALL, "current": ("raw", "subvol"), "snap": ("raw", "subvol")},
    "copy": {"base": _ALL, "current": _ALL, "snap": _ALL},
}
_FEATURES: Final[Mapping[str, Features]] = {
    "btrfs": _BTRFS,
    "lvm": {"copy": {"base": _ALL, "current": _ALL}, "rename": {"current": _ALL}},
    "lvmthin": {**_BLOCK, "copy": {"base": _ALL, "current": _ALL, "snap": _ALL}},
    "rbd": {**_BLOCK, "clone": {"base": _ALL, "snap": _ALL}},
    "zfspool": _BLOCK,
}
"""What each type of storage can do with a volume that is current, a base, or a snapshot, by its format."""


def has_feature(tree: Tree, volume: str, feature: str, snapshot: str = "") -> bool:
    """Whether the storage can do `feature` with a volume: snapshot, clone, template, copy, sparseinit, rename."""
    storage = volumes.existing(tree, volumes.split(volume)[0])
    state = "snap" if snapshot else "base" if is_base(volume) else "current"
    table = _FEATURES.get(storage.type, _DIRECTORY)
    return form(tree, volume) in table.get(feature, {}).get(state, ())


def form(tree: Tree, volume: str) -> str:
    """The format of a volume: raw, qcow2, vmdk or subvol."""
    storage, name = volumes.split(volume)
    if not volumes.existing(tree, storage).is_files():
        return "subvol" if name.rpartition("/")[2].startswith(("subvol-", "basevol-")) else "raw"
    return name.rpartition(".")[2]


def is_base(volume: str) -> bool:
    """Whether a volume is what linked clones continue."""
    return volume.replace(":", "/").rpartition("/")[2].startswith(("base-", "basevol-"))


def _place(tree: Tree, volume: str) -> tuple[Storage, str]:
    """The storage of a volume, and its file or folder: of a raw image on btrfs the folder."""
    storage = volumes.existing(tree, volumes.split(volume)[0])
    path = tree(volumes.node_path(tree, volume))
    return storage, path[: -len("/disk.raw")] if path.endswith("/disk.raw") else path


def _copy(source: str, target: str) -> None:
    if not os.path.isdir(source):
        imagefiles.copy(source, target)
        return
    import shutil

    shutil.copytree(source, target, symlinks=True, copy_function=imagefiles.copy)


def _remove(path: str) -> None:
    import shutil

    if os.path.isdir(path) and not os.path.islink(path):
        shutil.rmtree(path)
    elif os.path.lexists(path):
        os.unlink(path)


def _snapshot_path(storage: Storage, path: str, name: str) -> str:
    if storage.type == "lvmthin":
        folder, _, file = path.rpartition("/")
        return f"{folder}/snap_{file}_{name}"
    return f"{path}@{name}"


def snapshot(tree: Tree, volume: str, name: str) -> None:
    """Take a snapshot of a volume."""
    storage, path = _place(tree, volume)
    if form(tree, volume) == "qcow2":
        imagefiles.keep_snapshots(path, [*imagefiles.snapshots(path), name])
    else:
        _copy(path, _snapshot_path(storage, path, name))


def drop_snapshot(tree: Tree, volume: str, name: str) -> None:
    """Remove a snapshot of a volume."""
    storage, path = _place(tree, volume)
    if form(tree, volume) == "qcow2":
        imagefiles.keep_snapshots(path, [other for other in imagefiles.snapshots(path) if other != name])
    else:
        _remove(_snapshot_path(storage, path, name))


def rollback(tree: Tree, volume: str, name: str) -> None:
    """Make a volume what it was when the snapshot was taken."""
    storage, path = _place(tree, volume)
    kept = _snapshot_path(storage, path, name)
    if form(tree, volume) != "qcow2" and os.path.exists(kept):
        _remove(path)
        _copy(kept, path)


def rename(tree: Tree, volume: str, name: str) -> str:
    """Give a volume another name on its storage; returns the volume that it is then."""
    _, path = _place(tree, volume)
    storage = volumes.split(volume)[0]
    target = _place(tree, f"{storage}:{name}")[1]
    os.makedirs(os.path.dirname(target), exist_ok=True)
    os.rename(path, target)
    for kept in os.listdir(os.path.dirname(path)):
        if kept.startswith(os.path.basename(path) + "@"):
            os.rename(f"{os.path.dirname(path)}/{kept}", target + kept[len(os.path.basename(path)) :])
    if not os.listdir(os.path.dirname(path)):
        os.rmdir(os.path.dirname(path))
    return f"{storage}:{name}"


def reassign(tree: Tree, volume: str, guest: str) -> str:
    """Give a volume to another guest; returns the volume that it is then."""
    storage, name = volumes.split(volume)
    found = volumes.existing(tree, storage)
    kind = "subvol" if name.rpartition("/")[2].startswith("subvol-") else "vm"
    suffix = "." + name.rpartition(".")[2] if found.is_files() else ""
    number = volumes.free_number(tree, found, guest)
    plain = f"{kind}-{guest}-disk-{number}{suffix}"
    return rename(tree, volume, f"{guest}/{plain}" if found.is_files() else plain)


def make_base(tree: Tree, volume: str) -> str:
    """Make a volume one that linked clones continue; returns its new name."""
    if not has_feature(tree, volume, "template"):
        raise Failure(f"Template feature is not available for '{volume}'")
    name = volumes.split(volume)[1]
    folder, slash, file = name.rpartition("/")
    folder = folder.rpartition("/")[2]  # a linked clone that becomes a base forgets what it continued
    begin = {"vm": "base", "subvol": "basevol"}[file.partition("-")[0]]
    return rename(tree, volume, f"{folder}{slash}{begin}-{file.partition('-')[2]}")


def clone_linked(tree: Tree, volume: str, guest: str, snapshot_name: str = "") -> str:
    """A new volume of `guest` that continues a base; returns the volume."""
    storage_name, name = volumes.split(volume)
    storage, path = _place(tree, volume)
    number = volumes.free_number(tree, storage, guest)
    if storage.is_files() and storage.type != "btrfs":
        file = f"vm-{guest}-disk-{number}.qcow2"
        short = "/".join(name.split("/")[-2:])
        backing = f"../{short}"
        say(f"clone {short}: images, {file}, {guest} to {file} (base={backing})")
        target = storages.volume_path(storage, f"{storage_name}:{guest}/{file}")
        count = imagefiles.size(path)
        _announce_clone(target, count, backing, form(tree, volume), tree.release)
        os.makedirs(os.path.dirname(tree(target)), exist_ok=True)
        imagefiles.create(tree(target), "qcow2", count, backing)
        return f"{storage_name}:{short}/{guest}/{file}"
    kind = "subvol" if form(tree, volume) == "subvol" else "vm"
    file = f"{kind}-{guest}-disk-{number}"
    if storage.type == "btrfs":
        made = f"{storage_name}:{guest}/{file}.{form(tree, volume)}"
        source = f"{path}@{snapshot_name}" if snapshot_name else path
    else:
        made = f"{storage_name}:{name}/{file}" if storage.type in ("zfspool", "rbd") else f"{storage_name}:{file}"
        source = _snapshot_path(storage, path, snapshot_name) if snapshot_name else path
    target = _place(tree, made)[1]
    os.makedirs(os.path.dirname(target), exist_ok=True)
    _copy(source, target)
    return made


def _announce_clone(target: str, count: int, backing: str, backing_form: str, release: int) -> None:
    clusters = "65536 extended_l2=off" if release < 9 else "131072 extended_l2=on preallocation=off"
    say(
        f"Formatting '{target}', fmt=qcow2 cluster_size={clusters} compression_type=zlib size={count} "
        f"backing_file={backing} backing_fmt={backing_form} lazy_refcounts=off refcount_bits=16"
    )


def is_used_base(tree: Tree, volume: str) -> bool:
    """Whether a volume is a base that linked clones need."""
    if not is_base(volume):
        return False
    storage, name = volumes.split(volume)
    found = volumes.existing(tree, storage)
    if found.is_files():
        wanted = "/".join(name.split("/")[-2:]) + "/"
        return any(volumes.split(other)[1].startswith(wanted) for other in volumes.guest_volumes(tree, found))
    return any(f":{name}/" in text for text in _all_configurations(tree))


def _all_configurations(tree: Tree) -> list[str]:
    found = []
    for kind in ("lxc", "qemu-server"):
        folder = f"/etc/pve/nodes/{tree.name}/{kind}"
        found += [tree.read(f"{folder}/{name}") for name in os.listdir(tree(folder)) if name.endswith(".conf")]
    return found


def resize(tree: Tree, volume: str, count: int) -> None:
    """Give a volume another size."""
    path = tree(volumes.node_path(tree, volume))
    if os.path.isfile(path):
        imagefiles.resize(path, count)


def copy_into(tree: Tree, source: str, target: str) -> None:
    """Copy the content of one volume into another that was allocated for it."""
    first, second = (tree(volumes.node_path(tree, volume)) for volume in (source, target))
    if os.path.isdir(first) or os.path.isdir(second):
        text = volumes.look(tree, source)
        if text:
            volumes.fill(tree, target, text)
        return
    if form(tree, source) == form(tree, target) == "raw":
        count = os.path.getsize(second)
        imagefiles.copy(first, second)
        os.truncate(second, max(count, os.path.getsize(second)))
