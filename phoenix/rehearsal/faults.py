"""Faults on request: which calls of a tool go wrong, and how, as DIR/faults.toml says.

    [[fault]]
    command = "pct create"    # the tool and its subcommand, by their full names
    call = 2                  # the second call of it; without this, every call
    slow = 3                  # and what happens, one or more of these:

before = { code = 255, stderr = "..." }    fails at once, nothing is done
half = { code = 255, stderr = "..." }      fails in the middle of the work; the tool cleans up as it does for itself
after = { code = 255, stderr = "..." }     does everything, and ends as if it had failed
lie = true                                 does nothing, and ends as if it had succeeded
late = 2                                   ends at once with 0; the work begins that many seconds later
slow = 2                                   waits that many seconds in the middle of the work, locks held
hang = true                                waits there for ever
stop = "before"                            writes its number into DIR/stopped, and waits there until DIR/go is made;
                                           "half": in the middle of the work; "after": when all is done
die = "tool" or "worker"                   that process is killed in the middle of the work ...
signal = 9                                 ... by this signal (9 unless given)
hold = 2                                   something else holds the guest's lock for that many seconds from the start
noise = 1000                               prints that many bytes first; 100000000 is not too much
garbage = true                             prints bytes that are no UTF-8 first
full = true                                no disk can be made: no space is left on the storage
quorum = false                             the node loses quorum in the middle of the work
"""

from __future__ import annotations

import os

from phoenix.rehearsal import cluster, jsons, kinds, locks, pauses, signals
from phoenix.rehearsal.failures import Failure
from phoenix.rehearsal.speech import complain, write
from phoenix.rehearsal.tree import COUNTS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from phoenix.rehearsal.tree import Tree

FILE = "/faults.toml"
_TYPES: dict[str, tuple[type, ...]] = {
    "after": (dict,),
    "before": (dict,),
    "call": (int,),
    "command": (str,),
    "die": (str,),
    "full": (bool,),
    "garbage": (bool,),
    "half": (dict,),
    "hang": (bool,),
    "hold": (int, float),
    "late": (int, float),
    "lie": (bool,),
    "noise": (int,),
    "quorum": (bool,),
    "signal": (int,),
    "slow": (int, float),
    "stop": (str,),
}
_CHUNK = 1 << 16


def chosen(tree: Tree, command: str) -> dict[str, Any]:
    """What is to go wrong with this call of `command`; {} if nothing is. Failure if the file is not right."""
    path = tree(FILE)
    if not os.path.exists(path):
        return {}
    import tomli

    try:
        with open(path, "rb") as file:
            entries = tomli.load(file).get("fault", [])
        for entry in entries:
            _check(entry)
    except ValueError as error:
        raise Failure(f"{path}: {error}", 70) from error
    found: dict[str, Any] = {}
    number = 0
    for entry in entries:
        if entry["command"] != command:
            continue
        number = number or _count(tree, command)
        if not found and entry.get("call", number) == number:
            found = entry
    return found


def _check(entry: dict[str, Any]) -> None:
    for key, value in entry.items():
        if key not in _TYPES:
            raise ValueError(f"a fault has no {key!r}; it can have {', '.join(sorted(_TYPES))}")
        if not isinstance(value, _TYPES[key]) or (isinstance(value, bool) and bool not in _TYPES[key]):
            raise ValueError(f"{key} is {value!r}; it must be {' or '.join(kind.__name__ for kind in _TYPES[key])}")
    if "command" not in entry:
        raise ValueError("a fault must name its command")
    if entry.get("stop", "half") not in ("before", "half", "after"):
        raise ValueError(f"stop is {entry['stop']!r}; it must be before, half or after")
    if entry.get("die", "tool") not in ("tool", "worker"):
        raise ValueError(f"die is {entry['die']!r}; it must be tool or worker")


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


def applied(tree: Tree, fault: dict[str, Any], words: list[str], work: Callable[[], int]) -> int:
    """Do the work of a call, with what is to go wrong; returns the exit status."""
    _print_first(fault)
    _stop(tree, fault, "before")
    if "before" in fault:
        return _pretend(fault["before"])
    if fault.get("lie"):
        return 0
    if "hold" in fault:
        _hold(tree, words, float(fault["hold"]))
    if "late" in fault:
        return _later(float(fault["late"]), work)
    pauses.full = bool(fault.get("full"))
    pauses.action = lambda: _in_the_middle(tree, fault)
    status = work()
    pauses.pause()  # what changes something has been there already, in the middle of its work and with its locks held
    _stop(tree, fault, "after")
    return _pretend(fault["after"]) if "after" in fault else status


def _print_first(fault: dict[str, Any]) -> None:
    if fault.get("garbage"):
        os.write(1, b"\xff\xfe \xc3\x28 \x80 garbage\n")
    left = int(fault.get("noise", 0))
    line = "x" * 79 + "\n"
    while left > 0:
        write(1, (line * (_CHUNK // len(line)))[:left])
        left -= _CHUNK // len(line) * len(line)


def _pretend(outcome: dict[str, Any]) -> int:
    text = str(outcome.get("stderr", ""))
    if text:
        complain(text.rstrip("\n"))
    return int(outcome.get("code", 255))


def _hold(tree: Tree, words: list[str], seconds: float) -> None:
    """Let another process hold the lock of the guest that the call names."""
    guest = next((word for word in words if word.isdigit()), "")
    ready, told = os.pipe()
    from phoenix.rehearsal import worker

    def holder() -> None:
        os.close(ready)
        kind = kinds.VM if cluster.owner(tree, guest)[0] == "VM" else kinds.CT
        with locks.config(tree, kind, guest):
            os.write(told, b".")
            os.close(told)
            _sleep(seconds)

    worker.detached(holder)
    os.close(told)
    os.read(ready, 1)
    os.close(ready)


def _later(seconds: float, work: Callable[[], int]) -> int:
    from phoenix.rehearsal import worker

    def task() -> None:
        _sleep(seconds)
        work()

    worker.detached(task)
    return 0


def _sleep(seconds: float) -> None:
    import time

    time.sleep(seconds)


def _stop(tree: Tree, fault: dict[str, Any], place: str) -> None:
    if fault.get("stop") != place:
        return
    with open(tree("/stopped"), "w", encoding="ascii") as file:
        file.write(str(os.getpid()))
    while not os.path.exists(tree("/go")):
        _sleep(0.01)


def _in_the_middle(tree: Tree, fault: dict[str, Any]) -> None:
    _stop(tree, fault, "half")
    if "slow" in fault:
        _sleep(float(fault["slow"]))
    if fault.get("quorum") is False:
        members: dict[str, jsons.Value] = {
            "nodename": tree.name,
            "version": 1,
            "cluster": {"name": "c", "nodes": 1, "quorate": 0},
        }
        tree.replace("/etc/pve/.members", jsons.show(members), 0o440)
    if "die" in fault:
        to_tool = fault["die"] == "tool" and pauses.in_worker
        os.kill(os.getppid() if to_tool else os.getpid(), int(fault.get("signal", signals.KILL)))
    while fault.get("hang"):
        _sleep(3600)
    if "half" in fault:
        outcome = fault["half"]
        raise Failure(str(outcome.get("stderr", "it was made to fail")), int(outcome.get("code", 255)))
