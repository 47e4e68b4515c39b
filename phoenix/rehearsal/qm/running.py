"""Running machines: each has a file with the number of its process, and that process in /proc."""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from phoenix.rehearsal.tree import Tree

_PAUSED = "/var/lib/phoenix-rehearsal/paused-{}"
"""QEMU knows that a machine is paused; no file of a real node says it."""
_FIRST_PROCESS = 1 << 22
"""No process of Linux has a number as high, so that none of this machine is ever meant."""
_SOCKETS = ("qmp", "vnc")


def _run_file(guest: str, kind: str = "pid") -> str:
    return f"/run/qemu-server/{guest}.{kind}"


def pid(tree: Tree, guest: str) -> int:
    """The process of a machine, 0 if it does not run."""
    text = tree.read(_run_file(guest)).strip()
    words = tree.read(f"/proc/{text}/cmdline").split("\0") if text.isdigit() else []
    return int(text) if "-id" in words and words[words.index("-id") + 1 : words.index("-id") + 2] == [guest] else 0


def seconds(tree: Tree, guest: str) -> int:
    """How long a machine has run, 0 if it does not."""
    import time

    number = pid(tree, guest)
    return max(1, int(time.time() - os.path.getmtime(tree(f"/proc/{number}/cmdline")))) if number else 0


def is_paused(tree: Tree, guest: str) -> bool:
    """Whether a machine that runs stands still."""
    return os.path.exists(tree(_PAUSED.format(guest)))


def pause(tree: Tree, guest: str) -> None:
    """From now on the machine stands still."""
    os.makedirs(os.path.dirname(tree(_PAUSED)), exist_ok=True)
    tree.replace(_PAUSED.format(guest), "")


def resume(tree: Tree, guest: str) -> None:
    """From now on it goes on."""
    if is_paused(tree, guest):
        os.unlink(tree(_PAUSED.format(guest)))


def start(tree: Tree, guest: str, real: int = 0) -> None:
    """From now on a machine runs, as a process of this machine if there is one for it (`real`)."""
    resume(tree, guest)
    number = real or _FIRST_PROCESS + int(guest)
    if real:
        os.makedirs(tree("/proc"), exist_ok=True)
        os.symlink(f"/proc/{real}", tree(f"/proc/{real}"))
    else:
        os.makedirs(tree(f"/proc/{number}"), exist_ok=True)
        tree.replace(f"/proc/{number}/cmdline", f"/usr/bin/kvm\0-id\0{guest}\0-daemonize\0", 0o444)
        for kind in _SOCKETS:
            tree.replace(_run_file(guest, kind), "", 0o600)
    tree.replace(_run_file(guest), f"{number}\n", 0o644)


def stop(tree: Tree, guest: str) -> None:
    """From now on a machine does not run."""
    number = tree.read(_run_file(guest)).strip()
    if number:
        os.unlink(tree(_run_file(guest)))
        if os.path.islink(tree(f"/proc/{number}")):
            os.unlink(tree(f"/proc/{number}"))
        elif os.path.exists(tree(f"/proc/{number}/cmdline")):
            os.unlink(tree(f"/proc/{number}/cmdline"))
            os.rmdir(tree(f"/proc/{number}"))
    for kind in _SOCKETS:
        if os.path.exists(tree(_run_file(guest, kind))):
            os.unlink(tree(_run_file(guest, kind)))
    resume(tree, guest)
