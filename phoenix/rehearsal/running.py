"""Running containers: each has a line of the kernel's table of sockets, where its monitor listens."""

from __future__ import annotations

import time

from phoenix.rehearsal import locks

TYPE_CHECKING = False
if TYPE_CHECKING:
    from phoenix.rehearsal.tree import Tree

TABLE = "/proc/net/unix"
HEADER = "Num       RefCount Protocol Flags    Type St Inode Path\n"


def _socket(guest: str) -> str:
    return f"@/var/lib/lxc/{guest}/command"


def is_running(tree: Tree, guest: str) -> bool:
    """Whether a container runs."""
    return _socket(guest) in tree.read(TABLE).split()


def guests(tree: Tree) -> set[str]:
    """The IDs of the containers that run."""
    words = tree.read(TABLE).split()
    return {word.split("/")[4] for word in words if word.startswith("@/var/lib/lxc/") and word.endswith("/command")}


def start(tree: Tree, *guests: str) -> None:
    """From now on these containers run."""
    with locks.cluster(tree):
        table = tree.read(TABLE) or HEADER
        # The number of a socket is that of no other one before or after it.
        for inode, guest in enumerate(guests, time.monotonic_ns() // 100_000):
            table += f"0000000000000000: 00000002 00000000 00010000 0001 01 {inode} {_socket(guest)}\n"
        tree.replace(TABLE, table, 0o644)


def stop(tree: Tree, guest: str) -> None:
    """From now on a container does not run."""
    with locks.cluster(tree):
        lines = tree.read(TABLE).splitlines(keepends=True)
        kept = [line for line in lines if line.split()[-1:] != [_socket(guest)]]
        tree.replace(TABLE, "".join(kept), 0o644)
