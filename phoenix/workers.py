"""Workers: which processes are at work: those of Phoenix's own, of Proxmox VE's tasks, and holders of a lock."""

from __future__ import annotations

import os

from phoenix.text import printable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from typing import Any

TASKS = "/var/log/pve/tasks/active"
"""The tasks of Proxmox VE's tools: its number, and whether it has ended, a line each."""


def boot() -> str:
    """What tells this boot of the machine from others; "" where that cannot be seen."""
    return _read("/proc/sys/kernel/random/boot_id").strip()


def start_of(pid: int | str) -> str:
    """When a process began, in clock ticks after the machine did; "" if there is none of that number."""
    return " ".join(_read(f"/proc/{pid}/stat").rpartition(")")[2].split()[19:20])


def this_process() -> dict[str, Any]:
    """What tells this process from all others, ever."""
    return {"boot": boot(), "pid": os.getpid(), "started": start_of(os.getpid())}


def holders(path: str) -> list[str]:
    """The processes that hold a lock of a file, in words."""
    try:
        inode = str(os.stat(path).st_ino)
    except OSError:
        return []
    lines = (line.split() for line in _read("/proc/locks").split("\n"))
    found = {words[4] for words in lines if len(words) > 5 and words[5].rpartition(":")[2] == inode}
    return [described(pid) for pid in sorted(found) if pid.isdigit() and int(pid) > 0]


def tasks(text: str, guest: str) -> list[str]:
    """The tasks of a guest that are at work, in words; `text` is that of TASKS.

    A process that has the number of an ended task's is told by its start.
    """
    found = []
    for line in text.split("\n"):
        fields = line.partition(" ")[0].split(":")
        if len(fields) < 8 or fields[0] != "UPID" or fields[6] != guest:
            continue
        _, _, pid, start, _, kind, _, user = fields[:8]
        try:
            if start_of(int(pid, 16)) == str(int(start, 16)):
                found.append(f"{kind} by {printable(user)} (process {int(pid, 16)})")
        except ValueError:
            continue
    return found


def running(tool: str, words: Sequence[str]) -> list[str]:
    """The processes that run a tool, by its path, with these words, in words."""
    wanted = [tool, *words]
    return [described(pid) for pid, line in _command_lines() if line[-len(wanted) :] == wanted]


def still_at(intent: Mapping[str, Any], tool: str) -> list[str]:
    """Who still carries out an intent of the journal: nobody, if the machine was started since."""
    argv = intent.get("argv")
    if intent.get("boot") != boot() or not isinstance(argv, list):
        return []
    return running(tool, [str(word) for word in argv[1:]])


def described(pid: str) -> str:
    """A process in words."""
    words = _read(f"/proc/{pid}/cmdline").split("\0")
    line = printable(" ".join(words).strip())
    return f"process {pid} ({line[:80]}{'...' * (len(line) > 80)})" if line else f"process {pid}"


def _command_lines() -> Iterator[tuple[str, list[str]]]:
    for pid in filter(str.isdigit, _folder("/proc")):
        yield pid, _read(f"/proc/{pid}/cmdline").rstrip("\0").split("\0")


def _folder(path: str) -> list[str]:
    try:
        return sorted(os.listdir(path))
    except OSError:
        return []


def _read(path: str) -> str:
    """The text of a file of /proc, "" if it is not there or its process ends meanwhile."""
    try:
        with open(path, encoding="utf-8", errors="backslashreplace", newline="") as file:
            return file.read()
    except OSError:
        return ""
