"""Passwords: asked for where a call gives none."""

from __future__ import annotations

from phoenix.rehearsal.failures import Failure


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
