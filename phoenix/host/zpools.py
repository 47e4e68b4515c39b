"""Pools of ZFS: what a pool is made of, as declared, and as `zpool status` and `zpool import` tell it. Pure."""

from __future__ import annotations

import re

from phoenix.value import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Final

CLASSES: Final = ("log", "cache", "special", "dedup", "spare")
"""What a vdev can be for beside data, in zpool's words."""
KEEPING: Final = ("", "special", "dedup")
"""The classes of those vdevs that a pool is lost without."""
_HEADINGS: Final = {"logs": "log", "cache": "cache", "special": "special", "dedup": "dedup", "spares": "spare"}
TYPES: Final = {"log": ("", "mirror"), "cache": ("",), "spare": ("",)}
"""The types that the vdevs of a class can have, where that is not all of them."""
LEAST: Final = {"": 1, "mirror": 2, "raidz1": 2, "raidz2": 3, "raidz3": 4}
"""The types of vdevs, and how many disks each has at least; a disk by itself has no word."""


class Vdev(Value):
    """Disks that are one part of a pool."""

    role: str  # one of CLASSES, "" for data
    type: str  # of LEAST
    disks: tuple[str, ...]

    def __str__(self) -> str:
        return " ".join(words([self]))


def words(vdevs: Iterable[Vdev]) -> list[str]:
    """Vdevs as `zpool create` and `zpool add` take them: each class once, and disks by themselves before groups."""
    vdevs = list(vdevs)
    found = []
    for role in ("", *CLASSES):
        mine = sorted((vdev for vdev in vdevs if vdev.role == role), key=lambda vdev: bool(vdev.type))
        found += [role] * bool(role and mine)
        for vdev in mine:
            found += [*([vdev.type] if vdev.type else []), *vdev.disks]
    return found


class Pool(Value):
    """One pool as it was found."""

    name: str
    number: str  # its identity, where it was told
    vdevs: tuple[Vdev, ...]
    gone: frozenset[str] = frozenset()  # its disks that are not there, or have nothing of it any more

    def disks(self) -> list[str]:
        """The paths or names of those disks that have something of it."""
        return [disk for vdev in self.vdevs for disk in vdev.disks if disk not in self.gone]


def parse(text: str) -> list[Pool]:
    """The pools that `zpool status -P` or `zpool import` tells of."""
    found = []
    for part in re.split(r"^ +pool: ", text, flags=re.MULTILINE)[1:]:
        name, _, rest = part.partition("\n")
        number = next((line.split()[1] for line in rest.splitlines() if line.strip().startswith("id: ")), "")
        config = rest.partition("config:\n")[2]
        lines = (line.split() for line in config.splitlines() if line.startswith("\t"))
        gone = frozenset(_was(words) for words in lines if words[1:2] == ["UNAVAIL"])
        found.append(Pool(name.strip(), number, tuple(_vdevs(_indented(config, name.strip()))), gone))
    return found


def _indented(config: str, name: str) -> list[tuple[int, str]]:
    """The lines of a configuration below the pool itself: how deep each is, and what it names."""
    lines = []
    begun = False
    for line in config.splitlines():
        words = line.split()
        if not line.startswith("\t"):
            if words:
                break  # errors, or the next pool
            continue
        word = _was(words) if words else ""
        depth = len(line[1:]) - len(line[1:].lstrip(" "))
        if begun:
            lines += [(depth // 2, word)] if word else []
        begun = begun or (word == name and depth == 0)
    return lines


def _was(words: list[str]) -> str:
    """The name of a disk; of one that is gone, what it was called."""
    return words[words.index("was") + 1] if "was" in words[1:-1] else words[0]


def _vdevs(lines: list[tuple[int, str]]) -> Iterable[Vdev]:
    role = ""
    place = 0
    while place < len(lines):
        depth, word = lines[place]
        place += 1
        if depth == 0:
            role = _HEADINGS.get(word, word)
            continue
        below = []
        while place < len(lines) and lines[place][0] > 1:
            below.append(lines[place])
            place += 1
        leaves = [name for number, (deep, name) in enumerate(below) if not _has_more(below, number, deep)]
        if leaves or not word.startswith("indirect-"):  # what is left of a vdev that was removed
            yield Vdev(role, word.partition("-")[0] if leaves else "", tuple(leaves) or (word,))


def _has_more(lines: list[tuple[int, str]], number: int, depth: int) -> bool:
    """Whether a line is a group: the next one is deeper."""
    return number + 1 < len(lines) and lines[number + 1][0] > depth


def named(pool: Pool, identity: Callable[[str], str]) -> Pool:
    """The pool with another name for each disk."""
    vdevs = (vdev.but(disks=tuple(sorted(identity(disk) for disk in vdev.disks))) for vdev in pool.vdevs)
    return pool.but(vdevs=tuple(vdevs), gone=frozenset(map(identity, pool.gone)))
