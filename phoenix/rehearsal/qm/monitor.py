"""`qm monitor` and `sendkey`: QEMU's monitor, as far as it tells and changes whether a machine stands still."""

from __future__ import annotations

import sys

from phoenix.rehearsal import cluster, locks
from phoenix.rehearsal.failures import Failure
from phoenix.rehearsal.kinds import VM
from phoenix.rehearsal.qm import running, show, values
from phoenix.rehearsal.speech import say, write

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

    from phoenix.rehearsal.tree import Tree

_NAMED_KEYS: Final = (
    "shift shift_r alt alt_r ctrl ctrl_r menu esc minus equal backspace tab bracket_left bracket_right ret semicolon "
    "apostrophe grave_accent backslash comma dot slash asterisk spc caps_lock num_lock scroll_lock kp_divide "
    "kp_multiply kp_subtract kp_add kp_enter kp_decimal sysrq less print home pgup pgdn end left up down right insert "
    "delete stop again props undo front copy open paste find cut lf help meta_l meta_r compose pause ro hiragana "
    "henkan yen muhenkan katakanahiragana kp_comma kp_equals power sleep wake audionext audioprev audiostop audioplay "
    "audiomute volumeup volumedown mediaselect mail calculator computer ac_home ac_back ac_forward ac_refresh "
    "ac_bookmarks lang1 lang2 unmapped"
)


def _is_key(name: str) -> bool:
    if name.startswith("0x"):
        return bool(name[2:]) and all(char in "0123456789abcdefABCDEF" for char in name[2:])
    if len(name) == 1:
        return name.isascii() and (name.isdigit() or name.islower() or name == "<")
    if name[:1] == "f" and name[1:].isdigit():
        return 1 <= int(name[1:]) <= 24
    return name in _NAMED_KEYS.split() or (name.startswith("kp_") and name[3:] in tuple("0123456789"))


def send_key(tree: Tree, given: dict[str, str]) -> int:
    """Press keys, joined by a minus sign."""
    guest = given["vmid"]
    with locks.config(tree, VM, guest):
        cluster.read(tree, VM, guest)
        if not running.pid(tree, guest):
            raise Failure(f"VM {guest} not running")
        for name in given["key"].split("-"):
            if not _is_key(name):
                raise Failure(f"invalid parameter: {name}\r")
    return 0


def run(tree: Tree, given: dict[str, str]) -> int:
    """Take commands from standard input until it ends."""
    guest = given["vmid"]
    cluster.read(tree, VM, guest)
    say(f"Entering QEMU Monitor for VM {guest} - type 'help' for help")
    while True:
        write(2, "qm> ")
        line = sys.stdin.readline() if sys.stdin is not None else ""
        words = line.split()
        if not line or words in (["q"], ["quit"]):
            return 0
        if words:
            write(1, _do(tree, guest, words))


def _do(tree: Tree, guest: str, words: list[str]) -> str:
    """What the monitor says to a command."""
    if not running.pid(tree, guest):
        return f"ERROR: VM {guest} not running\n"
    if words in (["stop"], ["s"]):
        running.pause(tree, guest)
    elif words in (["cont"], ["c"]):
        running.resume(tree, guest)
    elif words == ["info", "status"]:
        return f"VM status: {'paused' if running.is_paused(tree, guest) else 'running'}\r\n"
    elif words == ["info", "name"]:
        return show.name(cluster.read(tree, VM, guest), guest).replace("VM ", "vm") + "\r\n"
    elif words == ["info", "version"]:
        return values.meta(tree.release).partition("=")[2].partition(",")[0] + "\r\n"
    elif words[0] not in ("system_reset", "info", "help", "?"):
        return f"unknown command: '{words[0]}'\r\n"
    return ""
