"""Calls: each is noted in the tree, and can be made to go wrong as DIR/faults.toml asks."""

from __future__ import annotations

import os
import time

from phoenix.rehearsal import jsons
from phoenix.rehearsal.failures import Failure
from phoenix.rehearsal.tree import COUNTS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

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


def fault(tree: Tree, command: str) -> dict[str, Any]:
    """What is to go wrong with this call of `command`, as faults.toml says; {} if nothing is."""
    path = tree("/faults.toml")
    if not os.path.exists(path):
        return {}
    import tomli

    try:
        with open(path, "rb") as file:
            entries = tomli.load(file).get("fault", [])
    except ValueError as error:
        raise Failure(f"{path}: {error}", 70) from error
    chosen: dict[str, Any] = {}
    number = 0
    for entry in entries:
        if entry.get("command") != command:
            continue
        number = number or _count(tree, command)
        if not chosen and entry.get("call", number) == number:
            chosen = entry
    return chosen


def _count(tree: Tree, command: str) -> int:
    """Which call of `command` this is, counted from 1 in the tree."""
    os.makedirs(tree(COUNTS), exist_ok=True)
    path = f"{tree(COUNTS)}/calls-{command.replace(' ', '-')}"
    number = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
    try:
        os.write(number, b".")
        return os.lseek(number, 0, os.SEEK_CUR)
    finally:
        os.close(number)
