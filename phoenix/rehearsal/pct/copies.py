"""Copies: a volume of a container copied file by file into a new one, as clones and moves do it."""

from __future__ import annotations

from phoenix.rehearsal import volumes
from phoenix.rehearsal.failures import Failure, Interrupted
from phoenix.rehearsal.pct import mounts
from phoenix.rehearsal.speech import say

TYPE_CHECKING = False
if TYPE_CHECKING:
    from phoenix.rehearsal.tree import Tree

_RSYNC = """
Number of files: 18 (reg: 6, dir: 12)
Number of created files: 17 (reg: 6, dir: 11)
Number of deleted files: 0
Number of regular files transferred: 6
Total file size: {0:,} bytes
Total transferred file size: {0:,} bytes
Literal data: {0:,} bytes
Matched data: 0 bytes
File list size: 0
File list generation time: 0.001 seconds
File list transfer time: 0.000 seconds
Total bytes sent: {1:,}
Total bytes received: 148

sent {1:,} bytes  received 148 bytes  {2:,}.00 bytes/sec
total size is {0:,}  speedup is {3:.2f}"""
_FILES = 66000
_SENT = 67041


def make(tree: Tree, volume: str, storage: str, guest: str, snapshot: str = "") -> tuple[str, int]:
    """Copy a volume, or a snapshot of it, into a new one of a guest; returns that and its bytes."""
    volumes.check_exists(tree, volume)
    count = volumes.size(tree, volume) or 0
    made = mounts.allocate(tree, volumes.existing(tree, storage), guest, -(-count // 1024))
    try:
        volumes.copy_into(tree, volume, made, snapshot)
        rate = 2 * (_SENT + 148)
        say(_RSYNC.format(_FILES, _SENT, rate, _FILES / (_SENT + 148)))
    except (Failure, Interrupted, OSError):
        mounts.free(tree, [made])
        raise
    return made, count
