"""Passwords: asked for where a call gives none."""

from __future__ import annotations

from phoenix.rehearsal.failures import Failure

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Final

ASKED: Final[Mapping[str, tuple[str, bool]]] = {
    "pct create": ("password", True),
    "pct restore": ("password", True),
    "pvesm add": ("password", False),
    "pvesm scan cifs": ("password", False),
    "pvesm set": ("password", False),
    "qm create": ("cipassword", True),
    "qm guest passwd": ("password", True),
    "qm set": ("cipassword", True),
}
"""The option of a subcommand whose value is asked for if none is given, and whether twice."""


def ask(*, twice: bool) -> str:
    """A password from the terminal, or a line of what else is on standard input; `twice` to be sure of it."""
    if not twice:
        return _read("Enter Password: ")
    password = _read("Enter new password: ")
    if _read("Retype new password: ") != password:
        raise Failure("passwords do not match")
    return password


def _read(prompt: str) -> str:
    import os

    if os.isatty(0):
        import getpass

        return getpass.getpass(prompt)
    line = b""
    while not line.endswith(b"\n"):
        part = os.read(0, 1)  # no more than the line: what follows may be for another
        if not part:
            break
        line += part
    if not line:
        raise Failure("EOF while reading password")
    return line.rstrip(b"\n").decode("utf-8", "replace")
