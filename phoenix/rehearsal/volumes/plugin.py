"""Plugin: what every type of storage does with its volumes, as the storages of files do it."""

from __future__ import annotations

import os

from phoenix.pve import storages
from phoenix.rehearsal import imagefiles, locks
from phoenix.rehearsal.failures import Failure
from phoenix.rehearsal.speech import complain, say
from phoenix.rehearsal.volumes import features, media, names, words

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection
    from contextlib import AbstractContextManager

    from phoenix.pve.storages import Storage
    from phoenix.rehearsal.tree import Tree
    from phoenix.rehearsal.volumes.names import Name


_IMAGES = ("raw", "qcow2", "vmdk")
_MOST_VOLUMES = 1024
_CHAIN = "snapshot-as-volume-chain"


class Plugin:
    """A storage of files on a node, and what it does with volumes, which are called by their name on it."""

    CLONES_AS: Collection[str] = ("qcow2",)
    """The formats that a linked clone can have."""

    def __init__(self, tree: Tree, storage: Storage) -> None:
        self.tree = tree
        self.storage = storage

    @property
    def formats(self) -> Collection[str]:
        """The formats that new volumes can have; the default comes first."""
        return names.IMAGE_FORMATS if self.storage.type == "dir" else _IMAGES

    @property
    def is_chain(self) -> bool:
        """Whether snapshots are files of their own."""
        return self.storage.other.get(_CHAIN, "0") not in ("0", "no", "off", "false")

    def parse(self, name: str) -> Name:
        """What the name of a volume says; Failure if it is none."""
        return names.parse(self.storage, name, self.tree.release)

    def path(self, name: str, snapshot: str = "") -> str:
        """The path of a volume, or of a snapshot of it, on the node."""
        found = self.parse(name)
        if snapshot and found.form != "qcow2":
            raise Failure("can't snapshot this image format")
        folder = self.storage.folder(found.kind)
        if found.kind == "images":
            folder += "/" + found.owner
        return f"{folder}/{self.snapshot_file(found, snapshot) if self.is_chain else found.file}"

    def snapshot_file(self, found: Name, snapshot: str) -> str:
        """The file of a snapshot that is a file of its own."""
        return f"snap-{snapshot}-{found.file}" if snapshot else found.file

    def here(self, name: str, snapshot: str = "") -> str:
        """The path of a volume on this machine."""
        return self.tree(self.path(name, snapshot))

    def lock(self) -> AbstractContextManager[None]:
        """One change of a storage at a time: in the cluster where it is shared, else on this node."""
        if self.storage.is_shared():
            from phoenix.rehearsal import cfslock

            return cfslock.held(self.tree, f"storage-{self.storage.name}")
        return locks.file(self.tree, f"/var/lock/pve-manager/pve-storage-{self.storage.name}")

    def activate(self) -> None:
        """Make the storage usable; Failure if it cannot be."""
        from phoenix.rehearsal.volumes import activation

        activation.of_files(self.tree, self.storage)

    @property
    def is_active(self) -> bool:
        """Whether a storage that was made usable can be used."""
        return True

    def exists(self, name: str) -> bool:
        """Whether a volume is there."""
        return os.path.exists(self.here(name))

    def size(self, name: str) -> int | None:
        """The bytes of a volume, None if it is not there."""
        path = self.here(name)
        try:
            return 0 if os.path.isdir(path) else imagefiles.size(path)
        except OSError:
            return None

    def listed(self, guest: str = "") -> list[str]:
        """The names of the volumes of a guest or of all, in the order of their files."""
        base, found = self.storage.folder("images"), []
        owners = os.listdir(self.tree(base)) if os.path.isdir(self.tree(base)) else []
        for owner in sorted(owners):
            if not owner.isdigit() or guest not in ("", owner) or not os.path.isdir(self.tree(f"{base}/{owner}")):
                continue
            for file in sorted(os.listdir(self.tree(f"{base}/{owner}"))):
                shown = self._listed(f"{base}/{owner}", file)
                if shown:
                    found.append(f"{self._continued(f'{base}/{owner}/{file}')}{owner}/{shown}")
        return found

    def _listed(self, folder: str, file: str) -> str:
        form = file.rpartition(".")[2]
        good = form in self.formats and os.path.isdir(self.tree(f"{folder}/{file}")) == (form == "subvol")
        return file if good and not (self.is_chain and file.startswith("snap-")) else ""

    def _continued(self, path: str) -> str:
        """Of a linked clone the base that it continues and a slash, as in its name; "" for others."""
        if not path.endswith(".qcow2"):
            return ""
        backing = imagefiles.backing(self.tree(path))
        return backing[len("../") :] + "/" if backing.startswith("../") else ""

    def free_name(self, guest: str, form: str) -> str:
        """The name for the next disk of a guest, without folder."""
        suffix = self.suffix(form)
        taken = {self._number(name.rpartition("/")[2], guest, suffix) for name in self.listed(guest)}
        number = next((number for number in range(_MOST_VOLUMES) if number not in taken), -1)
        if number < 0:
            raise Failure(f"unable to allocate an image name for VM {guest} in storage '{self.storage.name}'")
        return f"{'subvol' if form == 'subvol' else 'vm'}-{guest}-disk-{number}{suffix}"

    def suffix(self, form: str) -> str:
        """How names of a format end."""
        return f".{form}"

    def _number(self, file: str, guest: str, suffix: str) -> int:
        """The number of a disk of a guest, -1 if it has none. Only where folders are volumes all formats count."""
        begin, hit, rest = file.partition(f"-{guest}-disk-")
        digits = rest[: len(rest) - len(rest.lstrip("0123456789"))]
        known = ("vm", "base", "subvol", "basevol") if "subvol" in self.formats else ("vm", "base")
        good = bool(hit) and bool(digits) and begin.endswith(known)
        return int(digits) if good and (len(known) > 2 or rest[len(digits) :].startswith(suffix)) else -1

    def allocate(self, guest: str, form: str, name: str, kib: int) -> str:
        """Make a volume and say what is said then; returns its name. `name` is without folder, "" for the next."""
        file = name or self.free_name(guest, form)
        said = names.image_format(file)
        if said != form:
            raise Failure(f"illegal name '{file}' - wrong extension for format ('{said} != '{form}')", 25)
        path = self.path(f"{guest}/{file}")
        shown = path[: -len("/disk.raw")] if path.endswith("/disk.raw") else path
        if os.path.exists(self.tree(shown)):
            raise Failure(f"disk image '{shown}' already exists", 25)
        if form == "subvol" and kib:
            raise Failure(self.no_quota, 25)
        os.makedirs(os.path.dirname(self.tree(path)), exist_ok=True)
        self.create(path, form, kib)
        return f"{guest}/{file}"

    no_quota = "storage does not support subvol quotas"
    frozen = "Operation not permitted"
    """Why the file of a base cannot be changed: it is immutable."""

    def create(self, path: str, form: str, kib: int) -> None:
        """Make the file or folder of a new volume."""
        if form == "subvol":
            os.mkdir(self.tree(path), 0o755)
            return
        words.formatting(self.storage, path, form, kib << 10)
        imagefiles.create(self.tree(path), form, kib << 10)

    def represent(self, name: str, size: int) -> None:
        """Make what stands for a volume that a real node has: empty, and as large."""
        found, path = self.parse(name), self.here(name)
        if found.form == "subvol":
            os.makedirs(path, 0o755)
            return
        os.makedirs(os.path.dirname(path), exist_ok=True)
        backing = f"../{found.base_owner}/{found.base}" if found.base and found.form == "qcow2" else ""
        imagefiles.create(path, found.form, size, backing)

    def free(self, name: str) -> None:
        """Remove a volume with its snapshots, and the guest's folder with the last one."""
        found, path = self.parse(name), self.path(name)
        if os.path.exists(media.protection(self.tree(path))):
            raise Failure(f"cannot remove protected volume '{name}' on '{self.storage.name}'")
        if found.form == "subvol":
            media.remove(self.tree(path))
        elif not os.path.isfile(self.tree(path)):
            complain(f"disk image '{path}' does not exist")
            return
        else:
            kept = self.snapshots(name) if self.is_chain and found.form == "qcow2" else []
            for snapshot in kept:
                media.remove(self.here(name, snapshot))
            os.unlink(self.tree(path))
        media.drop_folder(os.path.dirname(self.tree(path)))

    def feature(self, name: str, feature: str, snapshot: str, formats: Collection[str]) -> bool:
        """Whether it can do `feature` with a volume, or with a snapshot of it."""
        found = self.parse(name)
        if feature == "clone" and formats and not set(formats) & set(self.CLONES_AS):
            return False
        state = "snap" if snapshot else "base" if found.is_base else "current"
        return found.form in features.of(self.storage.type, feature, state)

    def snapshots(self, name: str) -> list[str]:
        """The snapshots of a volume, the oldest first."""
        if self.parse(name).form != "qcow2":
            return []
        path = self.here(name)
        if not self.is_chain:
            return list(imagefiles.snapshots(path))
        from phoenix.rehearsal.volumes import chain

        return chain.snapshots(self, name)

    def snapshot(self, name: str, snapshot: str) -> None:
        """Take a snapshot."""
        path = self._snapshot_path(name, "can't snapshot this image format")
        if self.is_chain:
            from phoenix.rehearsal.volumes import chain

            chain.take(self, name, snapshot)
            return
        kept = imagefiles.snapshots(path)
        imagefiles.keep_snapshots(path, {**kept, snapshot: imagefiles.size(path)})

    def _snapshot_path(self, name: str, fault: str) -> str:
        if self.parse(name).form != "qcow2":
            raise Failure(fault)
        path = self.path(name)
        if not os.path.exists(self.tree(path)):
            raise Failure(f"qemu-img: Could not open '{path}': No such file or directory")
        return self.tree(path)

    def drop_snapshot(self, name: str, snapshot: str) -> None:
        """Remove a snapshot."""
        path = self._snapshot_path(name, "can't delete snapshot for this image format")
        if self.is_chain:
            from phoenix.rehearsal.volumes import chain

            chain.drop(self, name, snapshot)
            return
        kept = imagefiles.snapshots(path)
        if snapshot not in kept:
            shown = self.path(name)
            fault = f"qemu-img: Could not delete snapshot '{snapshot}': snapshot not found"
            raise Failure(f"command '/usr/bin/qemu-img snapshot -d {snapshot} {shown}' failed: {fault}")
        imagefiles.keep_snapshots(path, {key: size for key, size in kept.items() if key != snapshot})

    def check_rollback(self, name: str, snapshot: str) -> None:
        """Failure if the volume cannot become what it was at a snapshot."""
        if not self.is_chain:
            return
        self.check_last(name, snapshot, name)

    def check_last(self, name: str, snapshot: str, shown: str) -> None:
        """Failure unless a snapshot is the last one of its volume."""
        kept = self.snapshots(name)
        if snapshot not in kept:
            raise Failure(f"can't rollback, snapshot '{snapshot}' does not exist on '{shown}'")
        if kept[-1] != snapshot:
            raise Failure(f"can't rollback, '{snapshot}' is not most recent snapshot on '{shown}'")

    def rollback(self, name: str, snapshot: str) -> None:
        """Make a volume what it was at a snapshot."""
        path = self._snapshot_path(name, "can't rollback snapshot this image format")
        if self.is_chain:
            from phoenix.rehearsal.volumes import chain

            chain.go_back(self, name, snapshot)
            return
        kept = imagefiles.snapshots(path)
        if snapshot not in kept:
            shown = self.path(name)
            fault = f"qemu-img: Could not apply snapshot '{snapshot}': snapshot not found"
            raise Failure(f"command '/usr/bin/qemu-img snapshot -a {snapshot} {shown}' failed: {fault}")
        imagefiles.resize(path, kept[snapshot])

    def make_base(self, name: str) -> str:
        """Make a volume one that linked clones continue; returns its new name."""
        found = self.parse(name)
        if found.is_base:
            raise Failure("create_base not possible with base image")
        if self.size(name) is None:
            complain(f"failed to stat '{self.path(name)}'")
            raise Failure(f"file_size_info on '{name}' failed")
        new = f"{found.owner}/{self.base_file(found)}"
        new = f"{found.base_owner}/{found.base}/{new}" if found.base else new
        path, target = self.folder_of(self.path(name)), self.folder_of(self.path(new))
        if os.path.isfile(self.tree(target)):
            raise Failure(f"file '{target}' already exists")
        os.rename(self.tree(path), self.tree(target))
        if os.path.isfile(self.tree(target)):
            os.chmod(self.tree(target), 0o444)
        return new

    def base_file(self, found: Name) -> str:
        """The name of the file of a volume that becomes a base."""
        return "base-" + found.file[len("vm-") :] if found.file.startswith("vm-") else found.file

    def folder_of(self, path: str) -> str:
        """What is renamed with a volume: its file, on btrfs the folder around it."""
        return path

    def clone(self, name: str, guest: str, snapshot: str) -> str:
        """Make a volume that continues a base or a snapshot; returns its name."""
        found = self.parse(name)
        fault = "on snapshot" if snapshot else "on subvolumes" if found.form == "subvol" else ""
        if fault:
            raise Failure(f"this storage type does not support clone_image {fault}")
        if not found.is_base:
            raise Failure("clone_image only works on base images")
        file = self.free_name(guest, "qcow2")
        backing = f"../{found.owner}/{found.file}"
        complain(f"clone {name}: images, {file}, {guest} to {file} (base={backing})")
        new = f"{found.owner}/{found.file}/{guest}/{file}"
        path, size = self.path(new), imagefiles.size(self.here(name))
        words.formatting_clone(self.storage, path, size, backing, found.form, self.tree.release)
        os.makedirs(os.path.dirname(self.tree(path)), exist_ok=True)
        imagefiles.create(self.tree(path), "qcow2", size, backing)
        return new

    def rename(self, name: str, guest: str, wanted: str) -> str:
        """Give a volume to another guest, under the name `wanted` or the next free; returns its new name."""
        found = self.parse(name)
        file = wanted or self.free_name(guest, found.form)
        path, target = self.folder_of(self.path(name)), self.folder_of(self.path(f"{guest}/{file}"))
        if os.path.exists(self.tree(target)):
            raise Failure(f"target volume '{guest}/{file}' already exists")
        os.makedirs(os.path.dirname(self.tree(target)), exist_ok=True)
        os.rename(self.tree(path), self.tree(target))
        return f"{found.base_owner}/{found.base}/{guest}/{file}" if found.base else f"{guest}/{file}"

    def resize(self, name: str, size: int, *, running: bool) -> None:
        """Give a volume another size."""
        found = self.parse(name)
        if found.form not in ("raw", "qcow2"):
            raise Failure("can't resize this image format")
        if found.is_base:
            words.refuse_resize(self.tree.release, self.path(name), found.form, size, self.frozen)
        imagefiles.resize(self.here(name), size)
        if not running:
            say("Image resized.")

    def uses(self, name: str) -> bool:
        """Whether linked clones continue a volume."""
        found = self.parse(name)
        if not found.is_base:
            return False
        others = (self.parse(other) for other in self.listed())
        return any((other.base_owner, other.base) == (found.owner, found.file) for other in others)

    def copy_path(self, name: str, snapshot: str) -> str:
        """The file or folder with the content of a volume, or of a snapshot of it, on this machine."""
        return self.here(name, snapshot if self.is_chain else "")


def plugin(tree: Tree, storage: Storage) -> Plugin:
    """The plugin for a storage."""
    if storage.type in storages.FILES and storage.type != "btrfs":
        return Plugin(tree, storage)
    module, name = {
        "btrfs": ("btrfs", "BTRFSPlugin"),
        "lvm": ("lvm", "LVMPlugin"),
        "lvmthin": ("lvm", "LvmThinPlugin"),
        "rbd": ("zfspool", "RBDPlugin"),
        "zfspool": ("zfspool", "ZFSPoolPlugin"),
    }.get(storage.type, ("lvm", "OtherPlugin"))
    found: Plugin = getattr(__import__(f"phoenix.rehearsal.volumes.{module}", fromlist=[name]), name)(tree, storage)
    return found
