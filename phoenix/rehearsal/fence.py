"""Fence: a command that runs in a plain folder and cannot write outside of it; for users who get no name spaces.

It sees the machine's own root, so a path of the container among its arguments is given as one of the folder.
"""

from __future__ import annotations

import os

from phoenix.rehearsal import confined, sandbox

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_CREATE_RULES, _ADD_RULE, _RESTRICT = 444, 445, 446
"""The numbers of the system calls of Landlock, the same on every machine."""
_ASK_VERSION, _BENEATH, _NO_NEW_RIGHTS = 1, 1, 38
_WRITES = 0b1_1111_1111_0010
"""Writing to files, removing them, and making files, folders, links, devices and sockets."""
_RENAME, _TRUNCATE, _WRITE = 1 << 13, 1 << 14, 1 << 1


def run(root: str, command: sandbox.Command) -> int:
    """Run a command in the folder `root`; returns its exit status. Unavailable where nothing keeps it in there."""
    if os.geteuid() == 0:
        raise sandbox.Unavailable("root needs name spaces for that")
    import ctypes

    libc = ctypes.CDLL(None, use_errno=True)
    version = libc.syscall(_CREATE_RULES, None, 0, _ASK_VERSION)
    if version < 1:
        raise sandbox.Unavailable("neither name spaces nor Landlock")
    inside = sandbox.Command([_inside(root, word) for word in command.argv], command.environment, command.failed)
    child = os.fork()
    if not child:
        sandbox.leave(lambda: _enclose(libc, version, root) or inside.become(root))
    return sandbox.status_of(os.waitpid(child, 0)[1])


def _inside(root: str, word: str) -> str:
    """A word as it is meant: a path that the container has, as one of this machine."""
    if not word.startswith("/"):
        return word
    place = confined.resolve(root, word)
    folder = os.path.dirname(place)
    return place if os.path.lexists(place) or (folder != root and os.path.isdir(folder)) else word


def _enclose(libc: Any, version: int, root: str) -> int:
    """Take from this process the right to write outside of `root`; 0, or an exit status if that fails."""
    import ctypes

    access = _WRITES | (_RENAME if version >= 2 else 0) | (_TRUNCATE if version >= 3 else 0)
    wanted = ctypes.c_uint64(access)
    rules = libc.syscall(_CREATE_RULES, ctypes.byref(wanted), ctypes.sizeof(wanted), 0)
    good = rules >= 0
    for place, allowed in ((root, access), ("/dev/null", _WRITE), ("/dev/tty", _WRITE)):
        try:
            number = os.open(place, os.O_PATH)
        except OSError:
            continue
        rule = allowed.to_bytes(8, "little") + number.to_bytes(4, "little")
        good = good and not libc.syscall(_ADD_RULE, rules, _BENEATH, rule, 0)
    good = good and not libc.prctl(_NO_NEW_RIGHTS, 1, 0, 0, 0) and not libc.syscall(_RESTRICT, rules, 0)
    return 0 if good else 255
