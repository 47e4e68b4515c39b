"""The log of one run: what the tools printed, in a file that only its owner can read."""

from __future__ import annotations

import os
import time

from phoenix import files
from phoenix.text import printable, shell

TAIL_BYTES = 64 * 1024


class RunLog:
    """A file made when the first command is run, 0600, in a folder that is 0700."""

    def __init__(self, path: str) -> None:
        self.path = path
        self._file = -1

    def open(self) -> int:
        """The descriptor of the log, for a tool to write to."""
        if self._file < 0:
            files.make_folder(os.path.dirname(self.path), 0o700)
            flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
            try:
                self._file = os.open(self.path, flags, 0o600)
            except OSError as error:
                raise files.cannot_write(self.path, error) from error
            self.line("run by " + shell(command_line()))
        return self._file

    def line(self, text: str) -> int:
        """Add one line with the time; returns the size of the log after it."""
        stamp = time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime())
        file = self.open()
        os.write(file, f"{stamp} {printable(text)}\n".encode())
        return os.fstat(file).st_size

    def since(self, start: int) -> str:
        """What was written after the log had `start` bytes: the last 64 KiB of it at most."""
        file = self.open()
        start = max(start, os.fstat(file).st_size - TAIL_BYTES)
        return os.pread(file, TAIL_BYTES, start).decode("utf-8", "backslashreplace")


def command_line() -> list[str]:
    """The command line of this process, as ps shows it."""
    return files.read_text("/proc/self/cmdline").rstrip("\0").split("\0")
