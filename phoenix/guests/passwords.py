"""Passwords: the file that root's password in a container is set from. It is only ever read by the tool itself."""

from __future__ import annotations

import re

from phoenix import files
from phoenix.errors import ConfigError

_LINE = re.compile(rb"root:\$[56]\$[a-zA-Z0-9./]{1,16}\$[a-zA-Z0-9./]+\n?", re.ASCII)
"""One line for `chpasswd -e`. Other forms of hashes (rounds=, $y$) pct takes for a password and hashes again."""


def digest(path: str) -> str:
    """The SHA-256 of the file, as 64 hexadecimal digits, to see when it changes.

    ConfigError if others can read it, or if it is not one line `root:HASH` that every system of a container knows.
    """
    import hashlib

    files.check_secret(path)
    data = files.read_trusted(path)
    if not _LINE.fullmatch(data):
        raise ConfigError(
            f"{path}: expected one line, root: and a hash of the form $6$SALT$... or $5$SALT$..., without rounds=",
            f"umask 077; printf 'root:%s\\n' \"$(openssl passwd -6)\" >{path}",
        )
    return hashlib.sha256(data).hexdigest()
