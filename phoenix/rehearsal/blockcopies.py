"""Copies of block devices: what a copy of a node knows of its disks and pools, from files: no disk is opened."""

from __future__ import annotations

import os

from phoenix.rehearsal import blockdevices, layout, zpools

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

    from phoenix.rehearsal.present import Present
    from phoenix.rehearsal.tree import Tree

_LINKS: Final = "/dev/disk"
_UDEV: Final = "/run/udev/data/b"
_TOLD: Final = "/proc/spl/kstat/zfs"


def bring(present: Present, tree: Tree) -> None:
    """Give a copy the disks that have links, their partitions, what udev says is on them, and the pools."""
    for folder in present.names(_LINKS):
        for name in present.names(f"{_LINKS}/{folder}"):
            path = f"{_LINKS}/{folder}/{name}"
            target = os.path.basename(os.readlink(present(path)))
            os.makedirs(tree(f"{_LINKS}/{folder}"), exist_ok=True)
            os.symlink(f"../../{target}", tree(path))
            if not os.path.isdir(tree(f"{blockdevices.BLOCK}/{target}")):
                _device(present, tree, target)
    state = present.data(zpools.STATE)
    if state is not None:
        layout.write(tree(zpools.STATE), state)
    elif any(os.path.isdir(present(f"{_TOLD}/{name}")) for name in present.names(_TOLD)):
        present.remarks.append("the pools of ZFS were not looked into: to [zfs] it is as if there were none")


def _device(present: Present, tree: Tree, name: str) -> None:
    """One device; a partition also in the folder of its disk."""
    path = f"{blockdevices.BLOCK}/{name}"
    places = [path]
    if present.data(f"{path}/partition") is not None:
        disk = os.path.basename(os.path.dirname(os.path.realpath(present(path))))
        places.append(f"{blockdevices.BLOCK}/{disk if disk != 'block' else _disk_of(name)}/{name}")
    for place in places:
        for part in ("dev", "partition"):
            data = present.data(f"{path}/{part}")
            if data is not None:
                layout.write(tree(f"{place}/{part}"), data)
    ours = bool(present.facts)  # a rehearsal node's disks are files of signatures
    layout.write(tree(f"/dev/{name}"), present.data(f"/dev/{name}") or b"" if ours else _content(present, path))


def _disk_of(part: str) -> str:
    """The disk of a partition, by its name."""
    disk = part.rstrip("0123456789")
    return disk[:-1] if disk[-1:] == "p" and disk[-2:-1].isdigit() else disk


def _content(present: Present, path: str) -> str:
    """The signatures on a device, by udev's own notes."""
    notes = present.read(f"{_UDEV}{present.read(f'{path}/dev').strip()}")
    told = dict(line[2:].split("=", 1) for line in notes.splitlines() if line.startswith("E:") and "=" in line)
    table, kind = told.get("ID_PART_TABLE_TYPE", ""), told.get("ID_FS_TYPE", "")
    if present.data(f"{path}/partition") is not None:
        table = ""  # udev notes that of its disk
    lines = [table, f"{kind} {told.get('ID_FS_LABEL', '')}".strip()]
    return "".join(f"{line}\n" for line in lines if line)
