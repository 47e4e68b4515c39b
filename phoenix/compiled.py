"""Compiled modules: the table of a group that only some runs need, made when a module of it is first imported.

It lies beside the archive of the modules, and says of which build and for which Python it is, with a checksum. One
that is anything else is made anew; where none can be kept, only the module that is wanted is compiled.
"""

from __future__ import annotations

import fcntl
import marshal
import os
import sys
import zlib
from _frozen_importlib_external import MAGIC_NUMBER
from zipimport import zipimporter

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import BinaryIO

MODE = 0o644


def codes(archive: str, group: str, files: Mapping[str, str], wanted: str) -> Mapping[str, bytes]:
    """The code of the modules of a group by name, or of `wanted` alone; `files` says where each is in the archive."""
    tree = os.path.dirname(archive)
    path = f"{tree}/{group}.{sys.implementation.cache_tag}"
    found = load(path, tree)
    if found is not None:
        return found
    sources = zipimporter(archive)
    try:
        with open(archive, "rb") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)  # one run makes it, no other waits for that
            with begun(path + ".new") as file:
                found = {name: compiled(sources, files[name]) for name in files}
                keep(file, path, head_and(marshal.dumps(found), tree))
    except OSError:
        found = found or {wanted: compiled(sources, files[wanted])}
    return found


def compiled(sources: zipimporter, file: str) -> bytes:
    """A module's code as it is kept."""
    return marshal.dumps(compile(sources.get_data(file), file, "exec", dont_inherit=True))


def head_and(data: bytes, tree: str) -> bytes:
    """A table with the line before it that shows whether it is whole, and of this build and this Python."""
    return f"{os.path.basename(tree)} {MAGIC_NUMBER.hex()} {zlib.crc32(data):08x}\n".encode() + data


def load(path: str, tree: str) -> Mapping[str, bytes] | None:
    """The table in a file, None if it is not exactly what was kept there."""
    try:
        # Not blocked by a fifo, not led astray by a link.
        with open(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as file:
            facts = os.fstat(file.fileno())
            if (facts.st_mode, facts.st_uid) != (0o100000 | MODE, os.stat(tree).st_uid):
                return None  # others could have changed it
            whole = file.read()
    except OSError:
        return None
    data = whole[whole.find(b"\n") + 1 :]
    found: Mapping[str, bytes] | None = marshal.loads(data) if head_and(data, tree) == whole else None
    return found


def begun(path: str) -> BinaryIO:
    """A new file, in the place of what a run that was killed has left."""
    if os.path.lexists(path):
        os.unlink(path)
    return open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, MODE), "wb")


def keep(file: BinaryIO, path: str, data: bytes) -> None:
    """Make a file the one at `path`, unsynced: its checksum tells what a power cut leaves. A failure leaves none."""
    try:
        file.write(data)
        file.flush()
        os.fchmod(file.fileno(), MODE)
        os.rename(path + ".new", path)
    except OSError:
        os.unlink(path + ".new")
        raise
