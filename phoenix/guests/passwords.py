"""Passwords: the files that a password in a guest is set from. None of them is ever an argument."""

from __future__ import annotations

import re

from phoenix import files
from phoenix.errors import ConfigError

_FORMS = {
    "password_file": (
        # One line for `chpasswd -e`. Other forms (rounds=, $y$) pct takes for a password and hashes again.
        re.compile(rb"root:\$[56]\$[a-zA-Z0-9./]{1,16}\$[a-zA-Z0-9./]+\n?", re.ASCII),
        "root: and a hash of the form $6$SALT$... or $5$SALT$..., without rounds=",
        "umask 077; printf 'root:%s\\n' \"$(openssl passwd -6)\" >{}",
    ),
    "cipassword_file": (
        # What every cloud-init knows to be a hash; $y$ older ones take for a password.
        re.compile(rb"\$[56]\$(?:rounds=\d+\$)?[a-zA-Z0-9./]{1,16}\$[a-zA-Z0-9./]+\n?", re.ASCII),
        "a hash of the form $6$SALT$... or $5$SALT$...",
        "umask 077; openssl passwd -6 >{}",
    ),
}
"""What a file may hold, by the key that names it: the form, in words, and how one is made."""


def digest(path: str, key: str) -> str:
    """The SHA-256 of the file, as 64 hexadecimal digits, to see when it changes. ConfigError as for `content`."""
    import hashlib

    return hashlib.sha256(content(path, key)).hexdigest()


def content(path: str, key: str) -> bytes:
    """The one line that the file of a key holds.

    ConfigError if others can read it, or if it is not such a line that every system of a guest knows.
    """
    files.check_secret(path)
    data = files.read_trusted(path)
    form, words, hint = _FORMS[key]
    if not form.fullmatch(data):
        raise ConfigError(f"{path}: expected one line, {words}", hint.format(path))
    return data
