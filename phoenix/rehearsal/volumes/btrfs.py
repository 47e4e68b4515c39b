"""btrfs: raw images in subvolumes, NAME/disk.raw, and snapshots beside them as NAME@SNAP."""

from __future__ import annotations

import os

from phoenix.rehearsal import imagefiles
from phoenix.rehearsal.failures import Failure
from phoenix.rehearsal.volumes import names
from phoenix.rehearsal.volumes.media import copy, remove
from phoenix.rehearsal.volumes.plugin import Plugin

_SUBVOLUMES = ("raw", "subvol")
_DISK = "/disk.raw"


class BTRFSPlugin(Plugin):
    """A storage on btrfs: raw images and folders are subvolumes, other formats files as elsewhere."""

    CLONES_AS = names.IMAGE_FORMATS
    formats = names.IMAGE_FORMATS
    is_chain = False
    frozen = "Read-only file system"
    no_quota = "btrfs quotas are currently not supported, use an unsized subvolume or a raw file"

    def _is_subvolume(self, name: str) -> bool:
        found = self.parse(name)
        return found.kind == "images" and found.form in _SUBVOLUMES

    def path(self, name: str, snapshot: str = "") -> str:
        """The path of a volume, or of a snapshot of it, on the node."""
        if not self._is_subvolume(name):
            return super().path(name)
        found = self.parse(name)
        file = found.file[: -len(".raw")] if found.form == "raw" else found.file
        path = f"{self.storage.folder('images')}/{found.owner}/{file}"
        path += f"@{snapshot}" if snapshot else ""
        return path + _DISK if found.form == "raw" else path

    def folder_of(self, path: str) -> str:
        """What is renamed with a volume: its file, on btrfs the folder around it."""
        return path[: -len(_DISK)] if path.endswith(_DISK) else path

    def activate(self) -> None:
        """Make the storage usable; Failure if it cannot be."""
        from phoenix.rehearsal.volumes import activation

        activation.of_files(self.tree, self.storage)
        activation.check_btrfs(self.tree, self.storage)

    def _listed(self, folder: str, file: str) -> str:
        if "@" in file:
            return ""
        form = file.rpartition(".")[2]
        is_folder = os.path.isdir(self.tree(f"{folder}/{file}"))
        if "." not in file:
            return file + ".raw" if is_folder else ""
        return file if form in ("qcow2", "vmdk", "subvol") and is_folder == (form == "subvol") else ""

    def create(self, path: str, form: str, kib: int) -> None:
        """Make the file or folder of a new volume."""
        if form == "raw":
            imagefiles.create(self.tree(path), form, kib << 10)
        else:
            super().create(path, form, kib)

    def free(self, name: str) -> None:
        """Remove a volume with its snapshots, and the guest's folder with the last one."""
        if not self._is_subvolume(name):
            super().free(name)
            return
        path = self.folder_of(self.path(name))
        if not os.path.isdir(self.tree(path)):
            fault = "ERROR: Could not statfs: No such file or directory"
            raise Failure(f"command 'btrfs subvolume delete -- {path}' failed: {fault}")
        for snapshot in self.snapshots(name):
            remove(self.tree(f"{path}@{snapshot}"))
        remove(self.tree(path))
        folder = os.path.dirname(self.tree(path))
        if not os.listdir(folder):
            os.rmdir(folder)

    def snapshots(self, name: str) -> list[str]:
        """The snapshots of a volume, by name."""
        if not self._is_subvolume(name):
            return super().snapshots(name)
        folder, _, file = self.folder_of(self.here(name)).rpartition("/")
        others = os.listdir(folder) if os.path.isdir(folder) else []
        return sorted(other[len(file) + 1 :] for other in others if other.startswith(f"{file}@"))

    def snapshot(self, name: str, snapshot: str) -> None:
        """Take a snapshot."""
        if not self._is_subvolume(name):
            super().snapshot(name, snapshot)
            return
        path, kept = (self.folder_of(self.path(name, part)) for part in ("", snapshot))
        if not os.path.isdir(self.tree(path)):
            fault = f"ERROR: cannot access '{path}': No such file or directory"
            raise Failure(f"command 'btrfs subvolume snapshot -r -- {path} {kept}' failed: {fault}")
        copy(self.tree(path), self.tree(kept))

    def drop_snapshot(self, name: str, snapshot: str) -> None:
        """Remove a snapshot."""
        if not self._is_subvolume(name):
            super().drop_snapshot(name, snapshot)
            return
        path = self.folder_of(self.path(name, snapshot))
        if not os.path.isdir(self.tree(path)):
            fault = "ERROR: Could not statfs: No such file or directory"
            raise Failure(f"command 'btrfs subvolume delete -- {path}' failed: {fault}")
        remove(self.tree(path))

    def rollback(self, name: str, snapshot: str) -> None:
        """Make a volume what it was at a snapshot."""
        if not self._is_subvolume(name):
            super().rollback(name, snapshot)
            return
        path, kept = (self.folder_of(self.path(name, part)) for part in ("", snapshot))
        beside = f"{path}.tmp.{os.getpid()}"
        if not os.path.isdir(self.tree(kept)):
            fault = f"ERROR: cannot access '{kept}': No such file or directory"
            raise Failure(f"command 'btrfs subvolume snapshot -- {kept} {beside}' failed: {fault}")
        copy(self.tree(kept), self.tree(beside))
        remove(self.tree(path))
        os.rename(self.tree(beside), self.tree(path))

    def clone(self, name: str, guest: str, snapshot: str) -> str:
        """Make a volume that continues a base or a snapshot; returns its name."""
        if not self._is_subvolume(name):
            return super().clone(name, guest, snapshot)
        new = f"{guest}/{self.free_name(guest, self.parse(name).form)}"
        source, target = self.folder_of(self.here(name, snapshot)), self.folder_of(self.here(new))
        os.makedirs(os.path.dirname(target), exist_ok=True)
        copy(source, target)
        disk = target + _DISK
        if os.path.isfile(disk):
            os.chmod(disk, 0o640)
        return new

    def copy_path(self, name: str, snapshot: str) -> str:
        """The file or folder with the content of a volume, or of a snapshot of it, on this machine."""
        return self.here(name, snapshot if self._is_subvolume(name) else "")
