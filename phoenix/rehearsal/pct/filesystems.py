"""The file systems of a container: how large they are, and how full."""

from __future__ import annotations

import os

from phoenix.rehearsal import templates, volumes
from phoenix.rehearsal.pct import mounts, values

TYPE_CHECKING = False
if TYPE_CHECKING:
    from phoenix.pve.guestconf import GuestConf
    from phoenix.rehearsal.tree import Tree

_EMPTY = {8: 248 << 10, 9: 504 << 10}
"""What a new file system uses itself, in bytes."""
_BLOCK = 4096
_JOURNALS = ((32768, 1024), (262144, 4096), (524288, 8192), (4194304, 16384), (8388608, 32768), (33554432, 65536))
"""The journal that mkfs makes, in blocks, for file systems of fewer blocks than the first number."""


class Figures:
    """What df says of a file system, in bytes."""

    def __init__(self, total: int, used: int, available: int) -> None:
        self.total = total
        self.used = used
        self.available = available


def each(conf: GuestConf) -> list[tuple[str, dict[str, str]]]:
    """The mount points of a container, rootfs first: name and properties, with a path for rootfs too."""
    return [(name, {"mp": "/", **parsed}) for name, parsed in mounts.all_of(conf).items()]


def figures(tree: Tree, name: str, volume: str) -> Figures:
    """What df says of what is mounted from `volume`, a folder or device of the node included."""
    path = tree(volumes.node_path(tree, volume)) if values.volume_type(volume) == "volume" else tree(volume)
    if os.path.isdir(path):
        found = os.statvfs(path)
        size = found.f_frsize
        return Figures(found.f_blocks * size, (found.f_blocks - found.f_bfree) * size, found.f_bavail * size)
    count = (volumes.size(tree, volume) or 0) if values.volume_type(volume) == "volume" else 0
    total, used = _capacity(count), _EMPTY[min(tree.release, 9)]
    if name == "rootfs":
        system = templates.read(volumes.look(tree, volume)).get("bytes", "")
        used = min(used + (int(system) if system.isdigit() else 0), total)
    return Figures(total, used, max(total - used - count // 20 - min(count // 50, 4096 * _BLOCK), 0))


def _capacity(count: int) -> int:
    """What ext4 leaves of an image of `count` bytes: inodes, journal, and the copies of its tables are taken off."""
    blocks = count // _BLOCK
    groups = -(-blocks // 32768)
    copies = 1 + sum(1 for group in range(1, groups) if group == 1 or _is_power(group))
    tables = -(-groups * 64 // _BLOCK)
    reserve = max(min(1024, groups * 16) - tables, 0)
    journal = next((size for limit, size in _JOURNALS if blocks < limit), 262144)
    taken = copies * (1 + tables + reserve) + 2 * groups + journal
    return max(count - count // 64 - taken * _BLOCK, 0)


def _is_power(number: int) -> bool:
    return any(base**power == number for base in (3, 5, 7) for power in range(1, 12))
