"""Locks: one flock per guest while a manager works on it, and a look at Proxmox VE's own."""

from __future__ import annotations

import fcntl
import os
import stat

from phoenix import files
from phoenix.errors import Busy, NotReady


def take(path: str, what: str) -> int:
    """Lock `path` for this process; returns the descriptor to keep open. Busy, naming the holder, if it is taken.

    The file stays: removing it would let two runs hold two files of one name.
    """
    files.make_folder(os.path.dirname(path))
    check_folder(os.path.dirname(path))
    try:
        lock = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise files.cannot_write(path, error) from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        holder = os.pread(lock, 32, 0).decode("ascii", "replace").strip() or "unknown"
        os.close(lock)
        raise Busy(
            f"{what}: another run of Phoenix (process {holder}) is working on it",
            f"ps -fp {holder}; try again later",
        ) from error
    size = os.pwrite(lock, f"{os.getpid()}\n".encode(), 0)
    if os.fstat(lock).st_size != size:  # to shorten a file takes some disks longer than all else here
        os.ftruncate(lock, size)
    return lock


def check_folder(folder: str) -> None:
    """NotReady if somebody else could take a lock away under its holder: /run/lock is open to every user."""
    facts = os.lstat(folder)
    if facts.st_uid != os.geteuid() or not stat.S_ISDIR(facts.st_mode) or facts.st_mode & 0o022:
        raise NotReady(f"{folder} is not a folder of ours alone", f"ls -ld {folder}; rm -r {folder}")


def release(lock: int) -> None:
    """Give a lock back."""
    os.close(lock)


def is_held(path: str) -> bool:
    """Whether somebody holds the flock of `path` at this moment; a file that is not there is not held."""
    try:
        lock = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(lock)
    return False
