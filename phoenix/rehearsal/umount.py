"""`umount`: takes the file system of a container away that a killed task has left mounted."""

from __future__ import annotations

from phoenix.rehearsal import mounttable
from phoenix.rehearsal.failures import Failure, WrongUsage

TYPE_CHECKING = False
if TYPE_CHECKING:
    from phoenix.rehearsal.tree import Tree


def run(tree: Tree, words: list[str]) -> int:
    """Unmount one folder; with -d its loop device goes too, of which the rehearsal node has none."""
    folders = [word for word in words if word != "-d"]
    if len(folders) != 1 or folders[0].startswith("-"):
        raise WrongUsage("umount: bad usage")
    if not mounttable.unmount(tree, folders[0]):
        raise Failure(f"umount: {folders[0]}: not mounted.", 32)
    return 0
