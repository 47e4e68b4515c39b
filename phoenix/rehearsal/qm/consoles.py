"""`qm terminal` and `vncproxy`: what is checked before the way to a machine's console opens. None opens here."""

from __future__ import annotations

import os

from phoenix.rehearsal import cluster
from phoenix.rehearsal.failures import Failure
from phoenix.rehearsal.kinds import VM
from phoenix.rehearsal.qm import running, state
from phoenix.rehearsal.speech import say

TYPE_CHECKING = False
if TYPE_CHECKING:
    from phoenix.rehearsal.tree import Tree

_INTERFACES = ("serial0", "serial1", "serial2", "serial3")


def terminal(tree: Tree, given: dict[str, str]) -> int:
    """A terminal on a serial interface."""
    guest = given["vmid"]
    escape = _code(given.get("escape", "^O"))
    settings = cluster.read(tree, VM, guest).options
    wanted = given.get("iface", "")
    if wanted and not settings.get(wanted):
        raise Failure(f"serial interface '{wanted}' is not configured")
    if wanted and settings[wanted] != "socket":
        raise Failure(f"wrong serial type on interface '{wanted}'")
    wanted = wanted or next((name for name in _INTERFACES if settings.get(name) == "socket"), "")
    if not wanted:
        raise Failure("unable to find a serial interface")
    if not running.pid(tree, guest):
        raise Failure(f"VM {guest} not running")
    hint = f" (press Ctrl+{chr(escape + 0x40)} to exit)" if escape else ""
    say(f"starting serial terminal on interface {wanted}{hint}")
    return 0


def _code(text: str) -> int:
    """The character that ends a terminal: ^O, 0x0f or 15."""
    if len(text) == 2 and text[0] == "^" and 0x40 <= ord(text[1]) <= 0x7A:
        return ord(text[1]) & 0x1F
    digits = text[2:] if text.lower().startswith("0x") else text
    try:
        return int(digits, 16 if digits != text else 10)
    except ValueError:
        raise Failure(f"invalid escape character definition: {text}") from None


def vnc(tree: Tree, given: dict[str, str]) -> int:
    """The screen, which the web interface asks for with a ticket."""
    guest = given["vmid"]
    runs = state.process(tree, guest, 2)
    if "LC_PVE_TICKET" not in os.environ:
        raise Failure("LC_PVE_TICKET not set, VNC proxy without password is forbidden")
    if not runs:
        raise Failure(f"VM {guest} not running")
    return 0
