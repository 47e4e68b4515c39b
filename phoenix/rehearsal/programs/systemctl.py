"""`systemctl`: tells units to read their files again, to start and to stop. By systemctl(1).

A rehearsal node runs no units: one that has a file is there, and that is all that is asked of it.
"""

from __future__ import annotations

import os

from phoenix.rehearsal import speech
from phoenix.rehearsal.failures import Failure, WrongUsage

TYPE_CHECKING = False
if TYPE_CHECKING:
    from phoenix.rehearsal.tree import Tree


FOLDERS = ("/etc/systemd/system", "/usr/lib/systemd/system", "/lib/systemd/system")
REBOOTED = "/run/rehearsal-rebooted"
"""Made by `systemctl reboot`, for tests to see."""
_OF_UNITS = ("disable", "enable", "reload", "reload-or-restart", "restart", "start", "stop")


def run(tree: Tree, words: list[str]) -> int:
    """Take daemon-reload, reboot, or a verb for units that are there; 5 for one that is not."""
    plain = [word for word in words if word not in ("--now", "--quiet", "--no-block")]
    if plain == ["daemon-reload"]:
        return 0
    if plain == ["reboot"]:
        with open(tree(REBOOTED), "ab"):
            return 0
    if len(plain) < 2 or plain[0] not in _OF_UNITS:
        raise WrongUsage("Unknown command verb " + " ".join(words))
    for unit in plain[1:]:
        name = unit if "." in unit else unit + ".service"
        if not any(os.path.exists(tree(f"{folder}/{name}")) for folder in FOLDERS):
            raise Failure(f"Failed to {plain[0]} {name}: Unit {name} not found.", 5)
        if plain[0] in ("enable", "disable"):
            _link(tree, name, wanted=plain[0] == "enable")
    speech.say("")
    return 0


def _link(tree: Tree, name: str, *, wanted: bool) -> None:
    """Let a unit be started with the node, or no more."""
    link = tree(f"{FOLDERS[0]}/multi-user.target.wants/{name}")
    if os.path.lexists(link):
        os.unlink(link)
    if wanted:
        os.makedirs(os.path.dirname(link), exist_ok=True)
        os.symlink(f"{FOLDERS[0]}/{name}", link)
