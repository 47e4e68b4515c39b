"""`pct resize`."""

from __future__ import annotations

from phoenix.pve import formats
from phoenix.rehearsal import cluster, locks, running, sizes, volumes, worker
from phoenix.rehearsal.failures import Failure
from phoenix.rehearsal.kinds import CT
from phoenix.rehearsal.pauses import pause
from phoenix.rehearsal.pct import mounts, values
from phoenix.rehearsal.speech import say

TYPE_CHECKING = False
if TYPE_CHECKING:
    from phoenix.rehearsal.tree import Tree

_BLOCK = 4096
_PASSES = (
    "inodes, blocks, and sizes",
    "directory structure",
    "directory connectivity",
    "reference counts",
    "group summary information",
)
"""What e2fsck says that it checks."""


class _Order:
    """A mount point that gets another size, as it was found."""

    def __init__(self, tree: Tree, given: dict[str, str]) -> None:
        guest, self.name = given["vmid"], given["disk"]
        self.conf = cluster.read(tree, CT, guest)
        cluster.check_lock(CT, self.conf)
        cluster.check_digest(tree, CT, guest, given.get("digest"))
        self.parsed = mounts.parsed(self.conf, self.name)
        self.volume = self.parsed["volume"]
        owner = volumes.owner(tree, self.volume)
        if owner != guest:
            place = "/usr/share/perl5/PVE/API2/LXC.pm line 1893"
            raise Failure(f"can't resize mount point owned by another container ({owner}) at {place}.")
        volumes.check_exists(tree, self.volume)
        self.before = volumes.size(tree, self.volume) or 0
        self.after = sizes.wanted(given["size"], self.before)
        if self.after < self.before:
            raise Failure("unable to shrink disk size")
        if self.after == self.before:
            raise Failure("disk is already at specified size")


def run(tree: Tree, given: dict[str, str]) -> int:
    """Make a volume larger, and its file system. What fails in the task is only told: the real one ends with 0."""
    _Order(tree, given)
    worker.run(lambda: _task(tree, given))
    return 0


def _task(tree: Tree, given: dict[str, str]) -> None:
    guest = given["vmid"]
    with locks.config(tree, CT, guest):
        order = _Order(tree, given)
        volumes.resize(tree, order.volume, order.after)
        pause()
        order.parsed["size"] = formats.show_size(order.after)
        order.conf.options[order.name] = values.show(mounts.kind(order.name), order.parsed, tree.release)
        cluster.write(tree, CT, guest, order.conf)
        if volumes.form(tree, order.volume) == "raw":
            _announce(tree, order, running.is_running(tree, guest))


def _announce(tree: Tree, order: _Order, is_running: bool) -> None:
    """What e2fsck and resize2fs say of a file system that has grown."""
    path = volumes.node_path(tree, order.volume)
    blocks = order.before // _BLOCK
    if is_running:
        path = "/dev/loop0" if volumes.existing(tree, volumes.split(order.volume)[0]).is_files() else path
    else:
        say("e2fsck 1.47.0 (5-Feb-2023)")
        for number, what in enumerate(
            ("inodes, blocks, and sizes", "directory structure", "directory connectivity"), 1
        ):
            say(f"Pass {number}: Checking {what}")
        say("Pass 4: Checking reference counts\nPass 5: Checking group summary information")
        say(f"{path}: 38/{blocks // 4} files (0.0% non-contiguous), {min(13012, blocks)}/{blocks} blocks")
    say("resize2fs 1.47.0 (5-Feb-2023)")
    if is_running:
        say(f"Filesystem at {path} is mounted on /tmp; on-line resizing required")
        say("old_desc_blocks = 1, new_desc_blocks = 1")
    else:
        say(f"Resizing the filesystem on {path} to {order.after // _BLOCK} (4k) blocks.")
    say(f"The filesystem on {path} is now {order.after // _BLOCK} (4k) blocks long.\n")
