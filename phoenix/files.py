"""Files: reading what a user wrote with suspicion, writing what must survive a crash."""

from __future__ import annotations

import os
import stat

from phoenix.errors import ConfigError, NotReady

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

MOST_BYTES = 1 << 20
_PIECE = 1 << 14


def read_text(path: str) -> str:
    """The text of a file of the node; bytes that are not UTF-8 are kept as escapes. OSError if it cannot be read.

    Carriage returns stay what they are: to Proxmox VE they end no line, and to a checksum they are damage.
    """
    return read_bytes(path).decode("utf-8", "backslashreplace")


def read_bytes(path: str) -> bytes:
    """The bytes of a file of the node. OSError if it cannot be read."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        return _rest(descriptor)
    except OSError as error:  # one of a descriptor does not say which file it is
        error.filename = path
        raise
    finally:
        os.close(descriptor)


def _rest(descriptor: int) -> bytes:
    """What can still be read. A file object would ask the kernel as much again, which a thousand files make felt."""
    found = os.read(descriptor, _PIECE)
    while True:
        piece = os.read(descriptor, _PIECE)
        if not piece:
            return found
        found += piece


def read_trusted(path: str) -> bytes:
    """The bytes of a configuration file that nobody but root or the caller can have written.

    ConfigError if it cannot be read, belongs to another user, is writable by others, is not a regular file or is
    larger than a mebibyte.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        try:
            facts = os.fstat(descriptor)
            fault = distrusted(facts, path, stat.S_ISREG)
            if fault:
                raise fault
            data = _rest(descriptor) if facts.st_size <= MOST_BYTES else None
        finally:
            os.close(descriptor)
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}", f"ls -l {path}") from error
    if data is None or len(data) > MOST_BYTES:
        raise ConfigError(f"{path}: larger than 1 MiB, which no configuration is", f"ls -l {path}")
    return data


def foreign_part(path: str) -> str:
    """The first component of an absolute path that somebody else than root and us could change; "" if there is none."""
    for whole in (path, os.path.realpath(path)):
        parts = whole.rstrip("/").split("/")
        for part in ("/".join(parts[: i + 1]) for i in range(1, len(parts))):
            facts = os.lstat(part)
            loose = facts.st_mode & 0o022 and not facts.st_mode & stat.S_ISVTX and not stat.S_ISLNK(facts.st_mode)
            if facts.st_uid not in (0, os.geteuid()) or loose:
                return part
    return ""


def distrusted(facts: os.stat_result, path: str, right_type: Callable[[int], bool]) -> ConfigError | None:
    """Why what `facts` describe cannot be trusted as configuration, or None. `right_type` is S_ISREG or S_ISDIR."""
    if not right_type(facts.st_mode):
        return ConfigError(
            f"{path}: expected a {'folder' if right_type is stat.S_ISDIR else 'regular file'}", f"ls -ld {path}"
        )
    if facts.st_uid not in (0, os.geteuid()):
        return ConfigError(f"{path}: belongs to user {facts.st_uid}", f"chown {os.geteuid()} {path}")
    if facts.st_mode & 0o022:
        return ConfigError(f"{path}: writable by others (mode {facts.st_mode & 0o7777:04o})", f"chmod go-w {path}")
    return None


def check_secret(path: str) -> None:
    """ConfigError unless a file with a secret is there and only its owner, root or the caller, can read it."""
    try:
        facts = os.stat(path)
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}", f"ls -l {path}") from error
    fault = distrusted(facts, path, stat.S_ISREG)
    if fault:
        raise fault
    if facts.st_mode & 0o044:
        raise ConfigError(f"{path}: others can read it (mode {facts.st_mode & 0o7777:04o})", f"chmod 600 {path}")


def make_folder(path: str, mode: int = 0o755) -> None:
    """Make a folder and its parents, durably. NotReady if that is not possible."""
    if os.path.isdir(path):
        return
    parent = os.path.dirname(path)
    make_folder(parent)
    try:
        os.mkdir(path, mode)
    except FileExistsError:
        return
    except OSError as error:
        raise cannot_write(path, error) from error
    sync_folder(parent)


def sync_folder(path: str) -> None:
    """Make the names in a folder durable."""
    folder = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def cannot_write(path: str, error: OSError) -> NotReady:
    """The error for a path of ours that cannot be written."""
    return NotReady(f"{path}: cannot be written: {error.strerror}", f"df -h {path}; ls -ld {path}")


def append(path: str, line: str) -> None:
    """Add one line to a file of ours (0600), durably. NotReady if it cannot be made durable.

    A line torn by a crash is ended first, so that it does not swallow this one.
    """
    make_folder(os.path.dirname(path), 0o700)
    new = not os.path.exists(path)
    try:
        with open(
            os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600), "r+b"
        ) as file:
            size = os.fstat(file.fileno()).st_size
            torn = size and os.pread(file.fileno(), 1, size - 1) != b"\n"
            file.write(b"\n" * bool(torn) + line.encode())
            file.flush()
            os.fsync(file.fileno())
        if new:
            sync_folder(os.path.dirname(path))
    except OSError as error:
        raise cannot_write(path, error) from error


def replace(path: str, text: str, mode: int = 0o600) -> None:
    """Make `path` a file with this text, durably and at once: a reader sees the old text or the new one.

    One process at a time may do so: what a killed one has left beside it, the next one replaces.
    """
    replace_bytes(path, text.encode("utf-8", "surrogateescape"), mode)


def replace_bytes(path: str, data: bytes, mode: int = 0o600) -> None:
    """As `replace`, for any bytes. The file beside it is hidden: a program that reads a whole folder leaves it out."""
    folder, name = os.path.split(path)
    make_folder(folder, 0o700)
    beside = f"{folder}/.{name}.new"
    try:
        discard(beside)
        with open(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode), "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.rename(beside, path)
        sync_folder(folder)
    except OSError as error:
        discard(beside)
        raise cannot_write(path, error) from error


def replace_for(path: str, text: str, mode: int, user: int, group: int) -> None:
    """As `replace`, in a folder that belongs to somebody else, who may put anything in its place meanwhile.

    The file is theirs. NotReady where the folder is a link.
    """
    name = os.path.basename(path)
    beside = f"{name}.new"
    try:
        folder = os.open(os.path.dirname(path), os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            if beside in os.listdir(folder):
                os.unlink(beside, dir_fd=folder)
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
            with open(os.open(beside, flags, 0o600, dir_fd=folder), "wb") as file:
                _give(file.fileno(), mode, user, group)
                file.write(text.encode("utf-8", "surrogateescape"))
                file.flush()
                os.fsync(file.fileno())
            os.rename(beside, name, src_dir_fd=folder, dst_dir_fd=folder)
            os.fsync(folder)
        finally:
            os.close(folder)
    except OSError as error:
        raise cannot_write(path, error) from error


def give(path: str, mode: int, user: int = -1, group: int = -1) -> None:
    """Give a folder that mode and owner (-1: as it is), durably. NotReady if that is not possible, as for a link."""
    try:
        folder = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            _give(folder, mode, user, group)
            os.fsync(folder)
        finally:
            os.close(folder)
    except OSError as error:
        raise cannot_write(path, error) from error


def _give(file: int, mode: int, user: int, group: int) -> None:
    if os.geteuid() == 0:  # nobody else may, and on a rehearsal node of their own all is theirs
        os.fchown(file, user, group)
    os.fchmod(file, mode)


def replace_in_pve(path: str, text: str, mode: int = 0o640) -> None:
    """Write a file in /etc/pve, or as there: a new one beside it, and a rename, the only thing that happens at once.

    What a killed run has left beside it, which can be a hash of a password, the next one replaces.
    """
    beside = f"{path}.phoenix"
    try:
        with open(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, mode), "wb") as file:
            file.write(text.encode("utf-8", "surrogateescape"))
            file.flush()
            os.fsync(file.fileno())
        os.rename(beside, path)
        sync_folder(os.path.dirname(path))
    except OSError as error:
        discard(beside)
        raise NotReady(
            f"{path}: cannot be written: {error.strerror}", "systemctl status pve-cluster; pvecm status"
        ) from error


def create(path: str, data: bytes) -> bool:
    """Write a new file (0644); False, and nothing changed, if something of that name is there already."""
    make_folder(os.path.dirname(path))
    try:
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644), "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
    except FileExistsError:
        return False
    except OSError as error:
        raise cannot_write(path, error) from error
    sync_folder(os.path.dirname(path))
    return True


def discard(path: str) -> None:
    """Remove a file that nobody relies on, if that is possible."""
    try:
        os.unlink(path)
    except OSError:
        return


def remove(path: str) -> None:
    """Remove a file of ours, durably; it may be gone already."""
    try:
        os.unlink(path)
        sync_folder(os.path.dirname(path))
    except FileNotFoundError:
        return
