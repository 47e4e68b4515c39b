"""Calls: each is noted in the tree."""

from __future__ import annotations

import os
import time

from phoenix.rehearsal import jsons

TYPE_CHECKING = False
if TYPE_CHECKING:
    from phoenix.rehearsal.tree import Tree

LOG = "/var/log/rehearsal-calls.jsonl"


class Call:
    """One call of a tool, from its beginning."""

    def __init__(self, words: list[str]) -> None:
        self._words = words
        self._begun = time.time()
        self._inputs = [_kind(number) for number in (0, 1)]
        try:
            self._folder = os.getcwd()
        except OSError:
            self._folder = ""

    def note(self, tree: Tree, status: int) -> None:
        """Append it to the log, in one write."""
        line: dict[str, jsons.Value] = {
            "at": round(self._begun, 3),
            "argv": [*self._words],
            "env": [*sorted(os.environ)],
            "stdin": self._inputs[0],
            "stdout": self._inputs[1],
            "pid": os.getpid(),
            "ppid": os.getppid(),
            "cwd": self._folder,
            "duration": round(time.time() - self._begun, 3),
            "exit": status,
        }
        try:
            number = os.open(tree(LOG), os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        except OSError:
            return  # the tree is gone or read-only: that is no matter of the tool
        try:
            os.write(number, jsons.show(line).encode() + b"\n")
        finally:
            os.close(number)


def _kind(number: int) -> str:
    """What a descriptor is: null, file, pipe, tty, closed or other."""
    try:
        status = os.fstat(number)
    except OSError:
        return "closed"
    mode = status.st_mode & 0o170000
    if mode == 0o020000:
        if os.isatty(number):
            return "tty"
        return "null" if status.st_rdev == os.makedev(1, 3) else "other"
    return {0o100000: "file", 0o010000: "pipe", 0o140000: "socket"}.get(mode, "other")
