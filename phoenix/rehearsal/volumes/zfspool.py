"""zfspool: volumes that are datasets of a pool, and those of Ceph, whose names say what they continue alike."""

from __future__ import annotations

import os

from phoenix.rehearsal import imagefiles, zpools
from phoenix.rehearsal.failures import Failure
from phoenix.rehearsal.tree import VOLUMES
from phoenix.rehearsal.volumes.media import copy, remove
from phoenix.rehearsal.volumes.plugin import Plugin

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection

    from phoenix.rehearsal.volumes.names import Name

_BOTH = ("raw", "subvol")
_MIB = 1 << 20


class ZFSPoolPlugin(Plugin):
    """A pool: disks are devices in /dev/zvol, containers' volumes are folders where the pool is mounted.

    What ZFS knows of a dataset beside its content, such as a quota, is kept where a real node has no files.
    """

    CLONES_AS: Collection[str] = _BOTH
    formats: Collection[str] = _BOTH
    is_chain = False

    @property
    def pool(self) -> str:
        """The pool or dataset that holds the volumes."""
        return self.storage.other.get("pool", "rbd")

    def folder(self, form: str) -> str:
        """The folder of the volumes of a format."""
        if form == "subvol":
            return self.storage.other.get("mountpoint", f"/{self.pool}")
        return f"/dev/zvol/{self.pool}"

    def path(self, name: str, snapshot: str = "") -> str:
        """The path of a volume, or of a snapshot of it, on the node."""
        found = self.parse(name)
        return f"{self.folder(found.form)}/{found.file}" + (f"@{snapshot}" if snapshot else "")

    def activate(self) -> None:
        """Make the storage usable; Failure if its pool is not there, neither from the start nor made since."""
        if not os.path.isdir(self.tree(self.folder("raw"))) and not zpools.has(self.tree, self.pool):
            pool = self.pool.partition("/")[0]
            fault = f"zfs error: cannot import '{pool}': no such pool available"
            raise Failure(f"could not activate storage '{self.storage.name}', {fault}")

    def _properties(self, name: str) -> dict[str, str]:
        lines = self.tree.read(f"{VOLUMES}/zfs/{self.pool}/{self.parse(name).file}").split("\n")
        return {key: value for key, equals, value in (line.partition("=") for line in lines) if equals}

    def _note(self, name: str, found: dict[str, str]) -> None:
        path = f"{VOLUMES}/zfs/{self.pool}/{self.parse(name).file}"
        os.makedirs(os.path.dirname(self.tree(path)), exist_ok=True)
        self.tree.replace(path, "".join(f"{key}={value}\n" for key, value in found.items()))

    def _forget(self, name: str) -> dict[str, str]:
        found = self._properties(name)
        remove(self.tree(f"{VOLUMES}/zfs/{self.pool}/{self.parse(name).file}"))
        return found

    def size(self, name: str) -> int | None:
        """The bytes of a volume, None if it is not there."""
        if self.parse(name).form == "subvol":
            return int(self._properties(name).get("refquota", "0")) if self.exists(name) else None
        return super().size(name)

    def listed(self, guest: str = "") -> list[str]:
        """The names of the volumes of a guest or of all."""
        found = []
        for form, begins in (("raw", ("vm", "base")), ("subvol", ("subvol", "basevol"))):
            folder = self.tree(self.folder(form))
            for name in sorted(os.listdir(folder)) if os.path.isdir(folder) else []:
                begin, _, rest = name.partition("-")
                owner = rest.partition("-")[0]
                if begin in begins and owner.isdigit() and guest in ("", owner) and "@" not in name:
                    origin = self._properties(name).get("origin", "")
                    found.append(f"{origin}/{name}" if origin else name)
        return found

    def suffix(self, form: str) -> str:
        """Names do not say their format."""
        return ""

    def allocate(self, guest: str, form: str, name: str, kib: int) -> str:
        """Make a volume; returns its name."""
        if form not in self.formats:
            raise Failure(f"unsupported format '{form}'")
        begin = "subvol" if form == "subvol" else "vm"
        if name and not name.startswith(f"{begin}-{guest}-"):
            raise Failure(f"illegal name '{name}' - should be '{begin}-{guest}-*'")
        name = name or self.free_name(guest, form)
        path = self.here(name)
        if os.path.exists(path):
            raise Failure(f"zfs error: cannot create '{self.pool}/{name}': dataset already exists")
        os.makedirs(os.path.dirname(path), exist_ok=True)
        if form == "subvol":
            os.mkdir(path, 0o755)
            self._note(name, {"refquota": str(kib << 10)})
        else:
            imagefiles.create(path, "raw", -(-(kib << 10) // _MIB) * _MIB)
        return name

    def represent(self, name: str, size: int) -> None:
        """Make what stands for a volume that a real node has: empty, and as large."""
        super().represent(name, size)
        found = self.parse(name)
        facts = {"refquota": str(size)} if found.form == "subvol" and size else {}
        if found.base:
            facts["origin"] = found.base
        if facts:
            self._note(name, facts)

    def free(self, name: str) -> None:
        """Remove a volume with its snapshots."""
        for snapshot in self.snapshots(name):
            remove(self.here(name, snapshot))
        remove(self.here(name))
        self._forget(name)

    def snapshots(self, name: str) -> list[str]:
        """The snapshots of a volume, the oldest first."""
        return [snapshot for snapshot in self._properties(name).get("snapshots", "").split(" ") if snapshot]

    def snapshot(self, name: str, snapshot: str) -> None:
        """Take a snapshot."""
        kept = self.snapshots(name)
        if snapshot in kept:
            shown = f"{self.pool}/{self.parse(name).file}@{snapshot}"
            raise Failure(f"zfs error: cannot create snapshot '{shown}': dataset already exists")
        copy(self.here(name), self.here(name, snapshot))
        self._note(name, {**self._properties(name), "snapshots": " ".join([*kept, snapshot])})

    def drop_snapshot(self, name: str, snapshot: str) -> None:
        """Remove a snapshot."""
        kept = self.snapshots(name)
        if snapshot not in kept:
            shown = f"{self.pool}/{self.parse(name).file}@{snapshot}"
            raise Failure(f"zfs error: could not find any snapshots to destroy; check snapshot names. ({shown})")
        remove(self.here(name, snapshot))
        rest = [other for other in kept if other != snapshot]
        self._note(name, {**self._properties(name), "snapshots": " ".join(rest)})

    def check_rollback(self, name: str, snapshot: str) -> None:
        """Failure if a snapshot is not the last one of its volume."""
        self.check_last(name, snapshot, f"{self.storage.name}:{name}")

    def rollback(self, name: str, snapshot: str) -> None:
        """Make a volume what it was at a snapshot."""
        remove(self.here(name))
        copy(self.here(name, snapshot), self.here(name))

    def base_file(self, found: Name) -> str:
        """The name of the file of a volume that becomes a base."""
        begin, _, rest = found.file.partition("-")
        return f"{'basevol' if begin == 'subvol' else 'base'}-{rest}"

    def make_base(self, name: str) -> str:
        """Make a volume one that linked clones continue; returns its new name."""
        found = self.parse(name)
        if found.is_base:
            raise Failure("create_base not possible with base image")
        file = self.base_file(found)
        new = f"{found.base}/{file}" if found.base else file
        self._move(name, new)
        return new

    def _move(self, name: str, new: str) -> None:
        for snapshot in self.snapshots(name):
            os.rename(self.here(name, snapshot), self.here(new, snapshot))
        os.rename(self.here(name), self.here(new))
        self._note(new, self._forget(name))

    def clone(self, name: str, guest: str, snapshot: str) -> str:
        """Make a volume that continues a base; returns its name."""
        found = self.parse(name)
        if not found.is_base:
            raise Failure("clone_image only works on base images")
        file = self.free_name(guest, found.form)
        copy(self.here(name, snapshot), self.here(file))
        quota = {key: value for key, value in self._properties(name).items() if key == "refquota"}
        self._note(file, {**quota, "origin": found.file})
        return f"{found.file}/{file}"

    def rename(self, name: str, guest: str, wanted: str) -> str:
        """Give a volume to another guest, under the name `wanted` or the next free; returns its new name."""
        found = self.parse(name)
        new = wanted or self.free_name(guest, found.form)
        if os.path.exists(self.here(new)):
            raise Failure(f"target volume '{new}' already exists")
        self._move(name, new)
        return f"{found.base}/{new}" if found.base else new

    def resize(self, name: str, size: int, *, running: bool) -> None:
        """Give a volume another size."""
        if self.parse(name).form == "subvol":
            self._note(name, {**self._properties(name), "refquota": str(size)})
        else:
            imagefiles.resize(self.here(name), -(-size // _MIB) * _MIB)

    def uses(self, name: str) -> bool:
        """Whether linked clones continue a volume."""
        found = self.parse(name)
        return found.is_base and any(self.parse(other).base == found.file for other in self.listed())

    def copy_path(self, name: str, snapshot: str) -> str:
        """The file or folder with the content of a volume, or of a snapshot of it, on this machine."""
        return self.here(name, snapshot)


class RBDPlugin(ZFSPoolPlugin):
    """A pool of Ceph: disks only, and snapshots can be continued too."""

    CLONES_AS = ("raw",)
    formats = ("raw",)

    def folder(self, form: str) -> str:
        """The folder of the devices."""
        return f"/dev/rbd/{self.pool}"

    def activate(self) -> None:
        """The pool is on other machines."""

    def check_rollback(self, name: str, snapshot: str) -> None:
        """Every snapshot can be gone back to."""
