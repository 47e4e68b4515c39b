"""The host: how a node is looked at: its files first, and its programs where there are none. Nothing is changed."""

from __future__ import annotations

import errno
import os

from phoenix import files, process
from phoenix.errors import NotReady
from phoenix.host import fstab
from phoenix.paths import TOOL_FOLDERS
from phoenix.text import last_line, shell

TYPE_CHECKING = False
if TYPE_CHECKING:
    from phoenix.paths import Paths
    from phoenix.pve.node import Node

LOOK_SECONDS = 60
"""The longest that a program may take to tell something."""


class Host:
    """One node as it is looked at. Paths are the node's own, absolute."""

    def __init__(self, node: Node) -> None:
        self.node = node
        self.paths: Paths = node.paths

    def text(self, path: str) -> str:
        """The text of a file, "" if there is none. NotReady if it is there and cannot be read."""
        try:
            return files.read_text(self.paths(path))
        except (FileNotFoundError, NotADirectoryError):
            return ""
        except OSError as error:
            raise NotReady(f"{path}: cannot be read: {error.strerror}", f"ls -l {path}") from error

    def exact(self, path: str) -> str | None:
        """The text of a file, which written again is the same, byte for byte; None if there is none."""
        try:
            with open(self.paths(path), encoding="utf-8", errors="surrogateescape", newline="") as file:
                return file.read()
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            raise NotReady(f"{path}: cannot be read: {error.strerror}", f"ls -l {path}") from error

    def sha256(self, path: str) -> str:
        """The SHA-256 of a file, "" if there is none."""
        import hashlib

        digest = hashlib.sha256()
        try:
            with open(self.paths(path), "rb") as file:
                for piece in iter(lambda: file.read(1 << 20), b""):
                    digest.update(piece)
        except OSError:
            return ""
        return digest.hexdigest()

    def names(self, folder: str) -> list[str]:
        """The names in a folder, sorted; none if there is no folder."""
        try:
            return sorted(os.listdir(self.paths(folder)))
        except (FileNotFoundError, NotADirectoryError):
            return []

    def matching(self, pattern: str) -> list[str]:
        """The paths that a pattern of the shell is for, sorted; hidden names only if it names them so."""
        import glob

        root = self.paths("/").rstrip("/")
        return sorted(path[len(root) :] for path in glob.glob(glob.escape(root) + pattern))

    def link(self, path: str) -> str:
        """Where a symbolic link leads, as it is written; "" if `path` is none."""
        try:
            return os.readlink(self.paths(path))
        except OSError:
            return ""

    def exists(self, path: str) -> bool:
        """Whether there is anything of that name."""
        return os.path.lexists(self.paths(path))

    def is_folder(self, path: str) -> bool:
        """Whether there is a folder of that name."""
        return os.path.isdir(self.paths(path))

    def mounts(self) -> dict[str, str]:
        """What is mounted: its source by the folder, the last where there are several."""
        return {entry.path: entry.source for entry in fstab.parse(self.text("/proc/mounts"))}

    def facts(self, path: str) -> os.stat_result | None:
        """What the system says of a file, None if there is none."""
        try:
            return os.stat(self.paths(path))
        except OSError:
            return None

    def is_taken(self, path: str) -> bool:
        """Whether something has a block device for itself alone: a mount, swap, another device."""
        try:
            os.close(os.open(self.paths(path), os.O_RDONLY | os.O_EXCL | os.O_NONBLOCK | os.O_CLOEXEC))
        except OSError as error:
            if error.errno == errno.EBUSY:
                return True
            raise NotReady(f"{path}: cannot be opened: {error.strerror}", f"ls -lL {path}") from error
        return False

    def has(self, name: str) -> bool:
        """Whether a program is installed."""
        return bool(self._find(name))

    def program(self, name: str) -> str:
        """The path, on this machine, of one of the node's programs. NotReady if it is not installed."""
        path = self._find(name)
        if not path:
            raise NotReady(f"{name} is not installed", f"which package has it: dpkg -S {name}, apt-file search {name}")
        return path

    def _find(self, name: str) -> str:
        paths = (self.paths(f"{folder}/{name}") for folder in TOOL_FOLDERS)
        return next((path for path in paths if os.access(path, os.X_OK)), "")

    def run(self, *argv: str, given: str = "") -> tuple[int, str, str]:
        """Run a program that only tells something, of what it is `given` to read: its status, and both its outputs."""
        status, said, talk = process.read([self.program(argv[0]), *argv[1:]], LOOK_SECONDS, given)
        if status is None:
            raise NotReady(
                f"`{shell(argv)}` has told nothing for {LOOK_SECONDS} s", f"ps -ef; run it by hand: {shell(argv)}"
            )
        return status, said, talk

    def output(self, *argv: str) -> str:
        """What a program tells on its standard output. NotReady if it fails."""
        status, said, talk = self.run(*argv)
        if status:
            raise NotReady(f"`{shell(argv)}` ended with {status}: {last_line(talk or said)}", shell(argv))
        return said
