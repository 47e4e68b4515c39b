"""The log of one run: what the tools printed, in a file that only its owner can read."""

from __future__ import annotations

import os
import time

from phoenix import files, process
from phoenix.text import printable, shell

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

TAIL_BYTES = 64 * 1024
"""So much is kept of the begin and of the end of what a tool prints."""


class RunLog:
    """A file made when the first command is run, 0600, in a folder that is 0700.

    Every event is a line with its time; what a tool printed follows, indented: it can neither look like an event, nor
    move a cursor. A tool itself writes to `output`, which is gone when it has ended.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        self.output = path + ".output"
        self.said = ""  # by the tools since the last event: 128 KiB of each at most
        self._file = -1

    def run(self, argv: Sequence[str], seconds: float, stdin: str = "") -> tuple[int | None, str]:
        """Run a tool as `process.run_tool` does; returns its exit status, and what it printed: 128 KiB at most."""
        self._open()
        output = _append_to(self.output)
        begin = os.fstat(output).st_size  # another tool of this run may still write to it
        try:
            status = process.run_tool(argv, output, seconds, stdin)
            said = _ends_of(output, begin)
        finally:
            os.close(output)
        self.said += said
        if self._copy(said) and status is not None:
            files.discard(self.output)
        return status, said

    def _copy(self, said: str) -> bool:
        """Add what a tool printed. On a full disk it stays where it is: what the tool did has to be looked at first."""
        shown = "".join(f"  {printable(line)}\n" for line in said.rstrip("\n").split("\n")) if said else ""
        try:
            os.write(self._open(), shown.encode())
        except OSError:
            return False
        return True

    def _open(self) -> int:
        if self._file < 0:
            files.make_folder(os.path.dirname(self.path), 0o700)
            self._file = _append_to(self.path)
            self.line("run by " + shell(command_line()))
        return self._file

    def line(self, text: str) -> None:
        """Add one line with the time."""
        stamp = time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime())
        self.said = ""
        os.write(self._open(), f"{stamp} {printable(text)}\n".encode())


def _append_to(path: str) -> int:
    flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        return os.open(path, flags, 0o600)
    except OSError as error:
        raise files.cannot_write(path, error) from error


def _ends_of(file: int, begin: int) -> str:
    """What was written to a file from there on, without the middle where it is too much."""
    end = os.fstat(file).st_size
    size = end - begin
    if size <= 2 * TAIL_BYTES:
        found = os.pread(file, size, begin)
    else:
        left_out = f"\n... {size - 2 * TAIL_BYTES} bytes are left out here ...\n".encode()
        found = os.pread(file, TAIL_BYTES, begin) + left_out + os.pread(file, TAIL_BYTES, end - TAIL_BYTES)
    return found.decode("utf-8", "backslashreplace")


def command_line() -> list[str]:
    """The command line of this process, as ps shows it."""
    return files.read_text("/proc/self/cmdline").rstrip("\0").split("\0")
