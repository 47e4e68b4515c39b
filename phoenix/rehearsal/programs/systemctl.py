"""`systemctl`: tells units to read their files again, to start and to stop. By systemctl(1).

A rehearsal node runs no units: one that has a file is there, and that is all that is asked of it. A timer that was
started is waiting since then, and is never over.
"""

from __future__ import annotations

import os
import time

from phoenix.rehearsal import speech
from phoenix.rehearsal.failures import Failure, WrongUsage

TYPE_CHECKING = False
if TYPE_CHECKING:
    from phoenix.rehearsal.tree import Tree


FOLDERS = ("/etc/systemd/system", "/usr/lib/systemd/system", "/lib/systemd/system")
REBOOTED = "/run/rehearsal-rebooted"
"""Made by `systemctl reboot`, for tests to see."""
_STARTED = "/run/rehearsal-timers"
"""The timers that were started, each a file with the time of that, in microseconds since this machine's start."""
_OF_UNITS = ("disable", "enable", "reload", "reload-or-restart", "restart", "start", "stop")


def run(tree: Tree, words: list[str]) -> int:
    """Take daemon-reload, reboot, or a verb for units that are there; 5 for one that is not."""
    plain = [word for word in words if word not in ("--now", "--quiet", "--no-block")]
    if plain == ["daemon-reload"]:
        return 0
    if plain == ["reboot"]:
        with open(tree(REBOOTED), "ab"):
            return 0
    if len(plain) == 3 and plain[0] == "show" and plain[2].startswith("--property="):
        _show(tree, plain[1], plain[2].partition("=")[2].split(","))
        return 0
    if len(plain) < 2 or plain[0] not in _OF_UNITS:
        raise WrongUsage("Unknown command verb " + " ".join(words))
    for unit in plain[1:]:
        name = unit if "." in unit else unit + ".service"
        if not any(os.path.exists(tree(f"{folder}/{name}")) for folder in (*FOLDERS, _STARTED)):
            raise Failure(f"Failed to {plain[0]} {name}: Unit {name} not found.", 5)
        if plain[0] in ("enable", "disable"):
            _link(tree, name, wanted=plain[0] == "enable")
        elif name.endswith(".timer"):
            _set_timer(tree, name, started="start" in plain[0])
    speech.say("")
    return 0


def _set_timer(tree: Tree, name: str, *, started: bool) -> None:
    """Note when a timer was started, or that it was stopped."""
    os.makedirs(tree(_STARTED), exist_ok=True)
    if started:
        tree.replace(f"{_STARTED}/{name}", str(int(time.monotonic() * 1e6)))
    elif os.path.exists(tree(f"{_STARTED}/{name}")):
        os.unlink(tree(f"{_STARTED}/{name}"))


def _show(tree: Tree, name: str, names: list[str]) -> None:
    """The properties of a unit, one a line, also of one that is not there."""
    since = tree.read(f"{_STARTED}/{name}")
    known = {
        "ActiveEnterTimestampMonotonic": since or "0",
        "ActiveState": "active" if since else "inactive",
        "NeedDaemonReload": "no",
        "SubState": "waiting" if since else "dead",
    }
    for each in sorted(known.keys() & set(names)):
        speech.say(f"{each}={known[each]}")


def _link(tree: Tree, name: str, *, wanted: bool) -> None:
    """Let a unit be started with the node, or no more."""
    link = tree(f"{FOLDERS[0]}/multi-user.target.wants/{name}")
    if os.path.lexists(link):
        os.unlink(link)
    if wanted:
        os.makedirs(os.path.dirname(link), exist_ok=True)
        os.symlink(f"{FOLDERS[0]}/{name}", link)
