"""`pct mount`, `unmount`, `fsck`, `df`, `fstrim`, `cpusets`: a container's file systems, and its processors."""

from __future__ import annotations

import os

from phoenix.pve import formats
from phoenix.rehearsal import cluster, locks, running, volumes
from phoenix.rehearsal.failures import Failure
from phoenix.rehearsal.kinds import CT
from phoenix.rehearsal.pauses import pause
from phoenix.rehearsal.pct import mounts, values
from phoenix.rehearsal.speech import complain, say

TYPE_CHECKING = False
if TYPE_CHECKING:
    from phoenix.pve.guestconf import GuestConf
    from phoenix.rehearsal.tree import Tree

_USED = {8: 248 << 10, 9: 504 << 10}
"""What a new file system uses itself."""
_BLOCK = 4096
_JOURNALS = ((32768, 1024), (262144, 4096), (524288, 8192), (4194304, 16384), (8388608, 32768), (33554432, 65536))
"""The journal that mkfs makes, in blocks, for file systems of fewer blocks than the first number."""


def mount(tree: Tree, given: dict[str, str]) -> int:
    """Mount a container's file systems on the node; the container is locked until they are unmounted."""
    guest = given["vmid"]
    path = f"/var/lib/lxc/{guest}/rootfs"
    with locks.config(tree, CT, guest):
        conf = cluster.read(tree, CT, guest)
        cluster.check_lock(CT, conf)
        mounts.check_present(tree, conf)
        os.makedirs(tree(path), exist_ok=True)
        conf.options["lock"] = "mounted"
        pause()
        cluster.write(tree, CT, guest, conf)
    say(f"mounted CT {guest} in '{path}'")
    return 0


def unmount(tree: Tree, given: dict[str, str]) -> int:
    """Unmount them."""
    guest = given["vmid"]
    with locks.config(tree, CT, guest):
        conf = cluster.read(tree, CT, guest)
        lock = conf.options.get("lock")
        if lock is None:
            raise Failure("no lock found trying to remove 'mounted'  lock")
        if lock != "mounted":
            raise Failure(f"found lock '{lock}' trying to remove 'mounted' lock")
        del conf.options["lock"]
        pause()
        cluster.write(tree, CT, guest, conf)
    return 0


def check(tree: Tree, given: dict[str, str]) -> int:
    """Check a file system of a container that does not run."""
    guest, name = given["vmid"], given.get("device", "rootfs")
    conf = cluster.read(tree, CT, guest)
    if name not in conf.options:
        raise Failure(f"cannot find {name} in container {guest}")
    volume = mounts.volume(name, conf.options[name])
    if not volume:
        raise Failure("can't check a mount point that is no volume")
    if running.is_running(tree, guest):
        raise Failure("cannot run fsck on active container")
    with locks.config(tree, CT, guest):
        say("fsck from util-linux 2.38.1")
        blocks = (volumes.size(tree, volume) or 0) >> 12
        say(f"{volumes.node_path(tree, volume)}: clean, 38/{blocks // 4} files, 13012/{blocks} blocks")
    return 0


def _file_systems(conf: GuestConf) -> list[tuple[str, dict[str, str]]]:
    names = sorted((name for name in conf.options if mounts.is_mount(name)), key=mounts.order)
    return [(name, values.properties(mounts.kind(name), conf.options[name])) for name in names]


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


def usage(tree: Tree, given: dict[str, str]) -> int:
    """How full the file systems are."""
    guest = given["vmid"]
    conf = cluster.read(tree, CT, guest)
    if not running.is_running(tree, guest):
        complain(f"{guest} doesn't exist")
    rows = [("MP", "Volume", "Size", "Used", "Avail", "Use%", "Path")]
    for name, parsed in _file_systems(conf):
        count = volumes.size(tree, parsed["volume"]) if formats.is_volume_id(parsed["volume"]) else 0
        total, used = _capacity(count or 0), _USED[min(tree.release, 9)]
        room = max(total - used - (count or 0) // 20 - min((count or 0) // 50, 4096 * _BLOCK), 0)
        cells = (_human(total), _human(used), _human(room), f"{100 * used / total if total else 0:.1f}")
        rows.append((name, parsed["volume"], *cells, parsed.get("mp", "/")))
    widths = [max(len(row[place]) for row in rows) for place in range(6)]
    for row in rows:
        left = " ".join(f"{row[place]:<{widths[place]}}" for place in (0, 1))
        right = " ".join(f"{row[place]:>{widths[place]}}" for place in (2, 3, 4, 5))
        say(f"{left} {right} {row[6]}")
    return 0


def _human(count: int) -> str:
    size, unit = float(count), ""
    for larger in "KMGT":
        if size < 1024:
            break
        size, unit = size / 1024, larger
    return f"{size:.1f}{unit or 'B'}"


def trim(tree: Tree, given: dict[str, str]) -> int:
    """Give unused blocks back to the storage."""
    guest = given["vmid"]
    with locks.config(tree, CT, guest):
        conf = cluster.read(tree, CT, guest)
        cluster.check_lock(CT, conf)
        for _, parsed in _file_systems(conf):
            if not formats.is_volume_id(parsed["volume"]):
                continue
            used = _USED[min(tree.release, 9)]
            free = max(_capacity(volumes.size(tree, parsed["volume"]) or 0) - used, 0)
            path = f"/var/lib/lxc/{guest}/rootfs{parsed.get('mp', '/')}"
            say(f"{path}: {free / (1 << 20):.1f} MiB ({free} bytes) trimmed")
    return 0


def processors(tree: Tree, _: dict[str, str]) -> int:
    """Which container uses which processors."""
    found = sorted(running.guests(tree), key=int)
    if not found:
        say("no running containers")
        return 0
    width = max(len(guest) for guest in found)
    count = int(tree.facts.get("cpus", 2))
    rows = [f"{guest:>{width}}: " + " ".join(str(number) for number in range(count)) for guest in found]
    line = "-" * max(len(row) for row in rows)
    say("\n".join([line, *rows, line]))
    return 0
