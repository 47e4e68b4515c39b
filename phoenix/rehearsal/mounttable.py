"""Mounts: what the node's table /proc/mounts says of the file systems of containers that are being made."""

from __future__ import annotations

from phoenix.rehearsal import locks

TYPE_CHECKING = False
if TYPE_CHECKING:
    from phoenix.rehearsal.tree import Tree

TABLE = "/proc/mounts"


def place(guest: str) -> str:
    """Where the root of a container is mounted while its template is unpacked."""
    return f"/var/lib/lxc/{guest}/rootfs"


def mount(tree: Tree, guest: str) -> None:
    """From now on a container's root is mounted; like really nothing undoes that when the process is killed."""
    with locks.cluster(tree):
        tree.replace(TABLE, f"{tree.read(TABLE)}/dev/loop0 {place(guest)} ext4 rw,relatime 0 0\n", 0o644)


def unmount(tree: Tree, folder: str) -> bool:
    """Take away what is mounted on a folder; whether there was anything."""
    with locks.cluster(tree):
        lines = tree.read(TABLE).splitlines(keepends=True)
        kept = [line for line in lines if line.split()[1:2] != [folder]]
        tree.replace(TABLE, "".join(kept), 0o644)
    return len(kept) != len(lines)
