"""Tasks: the numbers they get, and the list of those that are at work, /var/log/pve/tasks/active."""

from __future__ import annotations

import os
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from phoenix.rehearsal.tree import Tree

ACTIVE = "/var/log/pve/tasks/active"

TYPES = {
    "pct clone": "vzclone", "pct create": "vzcreate", "pct delsnapshot": "vzdelsnapshot", "pct destroy": "vzdestroy",
    "pct migrate": "vzmigrate", "pct move-volume": "move_volume", "pct reboot": "vzreboot", "pct resize": "resize",
    "pct resume": "vzresume", "pct rollback": "vzrollback", "pct shutdown": "vzshutdown", "pct snapshot": "vzsnapshot",
    "pct start": "vzstart", "pct stop": "vzstop", "pct suspend": "vzsuspend",
    "qm clone": "qmclone", "qm create": "qmcreate", "qm delsnapshot": "qmdelsnapshot", "qm destroy": "qmdestroy",
    "qm disk move": "qmmove", "qm disk resize": "resize", "qm migrate": "qmigrate", "qm reboot": "qmreboot",
    "qm reset": "qmreset", "qm resume": "qmresume", "qm rollback": "qmrollback", "qm shutdown": "qmshutdown",
    "qm snapshot": "qmsnapshot", "qm start": "qmstart", "qm stop": "qmstop", "qm suspend": "qmsuspend",
    "qm template": "qmtemplate",
}  # fmt: skip
"""The subcommands that are tasks, each with its type."""

current: tuple[Tree, str, str] | None = None
"""The node, the type and the guest of the task that this call may begin."""


def announce(tree: Tree, command: str, guest: str) -> None:
    """Say which task a worker of this call will be."""
    global current
    kind = TYPES.get(command)
    current = (tree, kind, guest) if kind else None


def number(tree: Tree, kind: str, guest: str, pid: int) -> str:
    """The number of a task of the process `pid`."""
    return f"UPID:{tree.name}:{pid:08X}:{_start(pid):08X}:{int(time.time()):08X}:{kind}:{guest}:root@pam:"


def begun(pid: int) -> str:
    """Write down that the task that was announced is at work in the process `pid`; returns its number, "" for none."""
    if current is None:
        return ""
    tree, kind, guest = current
    told = number(tree, kind, guest, pid)
    _change(tree, lambda lines: [*lines, f"{told} 0"])
    return told


def ended(told: str) -> None:
    """Take a task off the list."""
    if told and current:
        _change(current[0], lambda lines: [line for line in lines if not line.startswith(told)])


def _start(pid: int) -> int:
    """When a process began, in clock ticks after the machine did; 0 where that cannot be seen."""
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as file:
            return int(file.read().rpartition(")")[2].split()[19])
    except OSError:
        return 0


def _change(tree: Tree, change: Callable[[list[str]], list[str]]) -> None:
    import fcntl

    lock = os.open(tree(os.path.dirname(ACTIVE) + "/.active.lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        lines = change(tree.read(ACTIVE).split("\n")[:-1])
        tree.replace(ACTIVE, "".join(f"{line}\n" for line in lines), 0o644)
    finally:
        os.close(lock)
