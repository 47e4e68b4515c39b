"""lvm: volumes that are devices under /dev: of a volume group, thin or not, and of other machines."""

from __future__ import annotations

import os

from phoenix.rehearsal import imagefiles
from phoenix.rehearsal.failures import Failure
from phoenix.rehearsal.speech import say
from phoenix.rehearsal.volumes import words
from phoenix.rehearsal.volumes.media import copy, remove
from phoenix.rehearsal.volumes.plugin import Plugin

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection

    from phoenix.rehearsal.volumes.names import Name

_RAW = ("raw",)


class LVMPlugin(Plugin):
    """A volume group: a volume is a device in /dev/GROUP."""

    CLONES_AS: Collection[str] = _RAW
    BEGINS: Collection[str] = ("vm",)
    """How the names of the volumes begin that are shown."""

    @property
    def formats(self) -> Collection[str]:
        """The formats that new volumes can have; the default comes first."""
        return ("raw", "qcow2") if self.is_chain else _RAW

    @property
    def folder(self) -> str:
        """The folder of the devices."""
        return f"/dev/{self.group}"

    def path(self, name: str, snapshot: str = "") -> str:
        """The path of a volume, or of a snapshot of it, on the node."""
        return f"{self.folder}/{self.snapshot_file(self.parse(name), snapshot)}"

    def snapshot_file(self, found: Name, snapshot: str) -> str:
        """The name of a snapshot that is a volume of its own."""
        if not snapshot:
            return found.file
        plain = found.file[: -len(".qcow2")] if found.file.endswith(".qcow2") else found.file
        return f"snap_{plain}_{snapshot}{found.file[len(plain) :]}"

    @property
    def group(self) -> str:
        """The volume group."""
        return self.storage.other.get("vgname", "")

    @property
    def is_active(self) -> bool:
        """Whether there is such a volume group."""
        return os.path.isdir(self.tree(self.folder))

    def activate(self) -> None:
        """Nothing is to be done; without its group a storage is only not active."""

    def check_group(self) -> None:
        """Failure if there is no such volume group."""
        if not self.is_active:
            raise Failure(f"no such volume group '{self.group}'")

    def listed(self, guest: str = "") -> list[str]:
        """The names of the volumes of a guest or of all."""
        folder, found = self.tree(self.folder), []
        for name in sorted(os.listdir(folder)) if os.path.isdir(folder) else []:
            begin, _, rest = name.partition("-")
            owner = rest.partition("-")[0]
            if begin in self.BEGINS and owner.isdigit() and guest in ("", owner) and "@" not in name:
                found.append(name)
        return found

    def suffix(self, form: str) -> str:
        """How names of a format end."""
        return ".qcow2" if form == "qcow2" else ""

    def allocate(self, guest: str, form: str, name: str, kib: int) -> str:
        """Make a volume and say what is said then; returns its name."""
        if form not in self.formats:
            raise Failure(f"unsupported format '{form}'")
        if name and not name.startswith(f"vm-{guest}-"):
            raise Failure(f"illegal name '{name}' - should be 'vm-{guest}-*'")
        self.check_group()
        name = name or self.free_name(guest, form)
        path = self.here(name)
        if os.path.exists(path):
            fault = f'Logical Volume "{name}" already exists in volume group "{self.group}"'
            raise Failure(f"lvcreate '{self.group}/{name}' error:   {fault}")
        self.make(path, name, form, kib << 10)
        return name

    def make(self, path: str, name: str, form: str, size: int) -> None:
        """Make the device of a new volume; its size is a whole number of extents."""
        say(f'  Logical volume "{name}" created.')
        if form == "qcow2":
            words.formatting(self.storage, self.path(name), form, size)
        imagefiles.create(path, form, size if form == "qcow2" else -(-size // (4 << 20)) * (4 << 20))

    def free(self, name: str) -> None:
        """Remove a volume with its snapshots."""
        for snapshot in self.snapshots(name):
            self._remove(self.snapshot_file(self.parse(name), snapshot))
        if os.path.exists(self.here(name)):
            self._remove(name)

    def _remove(self, name: str) -> None:
        remove(self.tree(f"{self.folder}/{name}"))
        end = "." if self.tree.release >= 9 else ""
        say(f'  Logical volume "{name}" successfully removed{end}')

    def make_base(self, name: str) -> str:
        """Make a volume one that linked clones continue."""
        raise Failure("can't create base images in lvm storage")

    def clone(self, name: str, guest: str, snapshot: str) -> str:
        """Make a volume that continues a base or a snapshot."""
        raise Failure("can't clone images in lvm storage")

    def rename(self, name: str, guest: str, wanted: str) -> str:
        """Give a volume to another guest, under the name `wanted` or the next free; returns its new name."""
        new = wanted or self.free_name(guest, self.parse(name).form)
        if os.path.exists(self.here(new)):
            raise Failure(f"target volume '{new}' already exists")
        os.rename(self.here(name), self.here(new))
        say(f'  Renamed "{name}" to "{new}" in volume group "{self.group}"')
        return new

    def resize(self, name: str, size: int, *, running: bool) -> None:
        """Give a volume another size, a whole number of extents."""
        path = self.here(name)
        size = -(-size // (4 << 20)) * (4 << 20)
        words.extended(self.group, name, imagefiles.size(path), size)
        imagefiles.resize(path, size)

    def uses(self, name: str) -> bool:
        """Whether linked clones continue a volume: nothing says so here."""
        return False


class LvmThinPlugin(LVMPlugin):
    """A thin pool: snapshots and linked clones are volumes of their own."""

    BEGINS = ("vm", "base")
    formats = _RAW
    is_chain = False

    def activate(self) -> None:
        """Make the storage usable; Failure if its pool is not there."""
        if not self.is_active:
            raise Failure(f"no such logical volume {self.group}/{self.storage.other.get('thinpool', '')}")

    def snapshots(self, name: str) -> list[str]:
        """The snapshots of a volume, by name."""
        begin = f"snap_{name}_"
        folder = self.tree(self.folder)
        others = os.listdir(folder) if os.path.isdir(folder) else []
        return sorted(other[len(begin) :] for other in others if other.startswith(begin))

    def snapshot(self, name: str, snapshot: str) -> None:
        """Take a snapshot."""
        copy(self.here(name), self.here(name, snapshot))
        say(f'  Logical volume "{self.snapshot_file(self.parse(name), snapshot)}" created.')

    def drop_snapshot(self, name: str, snapshot: str) -> None:
        """Remove a snapshot."""
        kept = self.snapshot_file(self.parse(name), snapshot)
        if snapshot not in self.snapshots(name):
            fault = f'Failed to find logical volume "{self.group}/{kept}"'
            raise Failure(f"lvremove snapshot '{self.group}/{kept}' error:   {fault}")
        self._remove(kept)

    def check_rollback(self, name: str, snapshot: str) -> None:
        """Every snapshot can be gone back to."""

    def rollback(self, name: str, snapshot: str) -> None:
        """Make a volume what it was at a snapshot."""
        self._remove(name)
        copy(self.here(name, snapshot), self.here(name))
        say(f'  Logical volume "{name}" created.')

    def make_base(self, name: str) -> str:
        """Make a volume one that linked clones continue; returns its new name."""
        found = self.parse(name)
        if found.is_base:
            raise Failure("create_base not possible with base image")
        for snapshot in self.snapshots(name):
            raise Failure(f"unable to create base volume - found snaphost '{self.snapshot_file(found, snapshot)}'")
        new = "base" + name[len("vm") :]
        os.rename(self.here(name), self.here(new))
        say(f'  Renamed "{name}" to "{new}" in volume group "{self.group}"')
        return new

    def clone(self, name: str, guest: str, snapshot: str) -> str:
        """Make a volume that continues a base or a snapshot; returns its name."""
        if not snapshot and not self.parse(name).is_base:
            raise Failure("clone_image only works on base images")
        new = self.free_name(guest, "raw")
        copy(self.here(name, snapshot), self.here(new))
        say(f'  Logical volume "{new}" created.')
        return new

    def copy_path(self, name: str, snapshot: str) -> str:
        """The file or folder with the content of a volume, or of a snapshot of it, on this machine."""
        return self.here(name, snapshot)


class OtherPlugin(LVMPlugin):
    """A storage that holds no volumes which this node could make."""

    @property
    def folder(self) -> str:
        """The folder of the devices."""
        return f"/dev/{self.storage.type}/{self.storage.name}"

    def allocate(self, guest: str, form: str, name: str, kib: int) -> str:
        """Failure: nothing can be made."""
        raise Failure(f"can't allocate space in {self.storage.type} storage")
