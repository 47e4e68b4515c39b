"""Block devices: the disks of a rehearsal node, their partitions, and what would be found on each.

A disk is what the kernel shows of it, its links, and a file in /dev that holds what its content is called: a signature
a line, its type and its label. Nothing else of a disk is there.
"""

from __future__ import annotations

import contextlib
import os
import shutil

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Any, Final

    from phoenix.rehearsal.tree import Tree

BLOCK: Final = "/sys/class/block"
BY_ID: Final = "/dev/disk/by-id"
TABLES: Final = ("gpt", "dos")
"""The signatures that are tables of partitions."""


def make(tree: Tree, disks: Iterable[Mapping[str, Any]]) -> None:
    """Give a node disks: each has a `name` (sdb), an `id` (its name in /dev/disk/by-id), `content` and `parts`."""
    for number, disk in enumerate(disks):
        _node(tree, f"{BLOCK}/{disk['name']}", disk["name"], f"8:{16 * (number + 1)}")
        put(tree, disk["name"], disk.get("content", ()))
        link(tree, disk["id"], disk["name"])
        for part, content in disk.get("parts", {}).items():
            add_part(tree, disk["name"], part, content)


def _node(tree: Tree, path: str, name: str, numbers: str) -> None:
    """What the kernel shows of one; a partition also in the folder of its disk."""
    for folder in {path, f"{BLOCK}/{name}"}:
        os.makedirs(tree(folder), exist_ok=True)
        tree.replace(f"{folder}/dev", f"{numbers}\n", 0o444)


def link(tree: Tree, name: str, device: str) -> None:
    """Give a device a name in /dev/disk/by-id."""
    os.makedirs(tree(BY_ID), exist_ok=True)
    if os.path.lexists(tree(f"{BY_ID}/{name}")):
        os.unlink(tree(f"{BY_ID}/{name}"))
    os.symlink(f"../../{device}", tree(f"{BY_ID}/{name}"))


def part_name(disk: str, number: str) -> str:
    """What the kernel calls a partition."""
    return f"{disk}{'p' * disk[-1].isdigit()}{number}"


def add_part(tree: Tree, disk: str, number: str, content: Iterable[str]) -> None:
    """Give a disk a partition, with the links that udev makes."""
    name = part_name(disk, number)
    major, _, minor = tree.read(f"{BLOCK}/{disk}/dev").strip().partition(":")
    _node(tree, f"{BLOCK}/{disk}/{name}", name, f"{major}:{int(minor) + int(number)}")
    for folder in (f"{BLOCK}/{disk}/{name}", f"{BLOCK}/{name}"):
        tree.replace(f"{folder}/partition", f"{number}\n", 0o444)
    put(tree, name, content)
    for known in ids(tree, disk):
        link(tree, f"{known}-part{number}", name)


def parts(tree: Tree, disk: str) -> list[str]:
    """The partitions of a disk, by the kernel's names."""
    folder = tree(f"{BLOCK}/{disk}")
    names = os.listdir(folder) if os.path.isdir(folder) else []
    return sorted(name for name in names if os.path.exists(f"{folder}/{name}/partition"))


def ids(tree: Tree, device: str) -> list[str]:
    """The names of a device in /dev/disk/by-id."""
    names = os.listdir(tree(BY_ID)) if os.path.isdir(tree(BY_ID)) else []
    return sorted(name for name in names if os.readlink(tree(f"{BY_ID}/{name}")) == f"../../{device}")


def find(tree: Tree, path: str) -> str:
    """The kernel's name for a path, "" if it is that of no block device."""
    whole = tree(path)
    name = os.path.basename(os.readlink(whole) if os.path.islink(whole) else path)
    return name if path.startswith("/dev/") and os.path.isdir(tree(f"{BLOCK}/{name}")) else ""


def names(tree: Tree) -> list[str]:
    """All of them, partitions too."""
    return sorted(os.listdir(tree(BLOCK))) if os.path.isdir(tree(BLOCK)) else []


def content(tree: Tree, device: str) -> list[tuple[str, str]]:
    """The signatures on a device itself: type and label of each."""
    words = [line.partition(" ") for line in tree.read(f"/dev/{device}").splitlines()]
    return [(kind, label) for kind, _, label in words]


def put(tree: Tree, device: str, lines: Iterable[str]) -> None:
    """Let a device have these signatures; one that loses its table of partitions loses them."""
    lines = list(lines)
    tree.replace(f"/dev/{device}", "".join(f"{line}\n" for line in lines), 0o660)
    if any(line.partition(" ")[0] in TABLES for line in lines):
        return
    for part in parts(tree, device):
        for path in (*(f"{BY_ID}/{known}" for known in ids(tree, part)), f"/dev/{part}"):
            with contextlib.suppress(FileNotFoundError):
                os.unlink(tree(path))
        for folder in (f"{BLOCK}/{part}", f"{BLOCK}/{device}/{part}"):
            shutil.rmtree(tree(folder), ignore_errors=True)


def is_mounted(tree: Tree, device: str) -> bool:
    """Whether the node's table of mounts has a device."""
    return any(find(tree, line.split()[0]) == device for line in tree.read("/proc/mounts").splitlines())
