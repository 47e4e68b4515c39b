"""The tree: one rehearsal node as a directory, what it is told to be, and its paths."""

from __future__ import annotations

import os

from phoenix.rehearsal import jsons

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

FACTS = "/usr/share/phoenix-rehearsal/node.json"
"""What the node is told to be; its presence makes a directory a rehearsal node."""
VOLUMES = "/var/lib/phoenix-rehearsal-volumes"
"""Where the volumes of storages are that are no folders on a real node."""
COUNTS = "/var/lib/phoenix-rehearsal"
"""Where calls are counted for the faults that were asked for."""


class Tree:
    """A rehearsal node. `root` is "" when the tree lies over / of a chroot."""

    def __init__(self, root: str) -> None:
        self.root = root.rstrip("/")
        with open(self(FACTS), encoding="utf-8") as file:
            self.facts: dict[str, Any] = jsons.read(file.read())
        self.release = int(str(self.facts["pve"]).partition(".")[0])
        self.name = os.path.basename(os.readlink(self("/etc/pve/local")))

    def __call__(self, path: str) -> str:
        """The absolute `path` of the node as a path of this machine."""
        return self.root + path

    def given(self, path: str) -> str:
        """A path that was given as an argument: absolute ones are the node's."""
        return self(path) if path.startswith("/") else path

    def read(self, path: str) -> str:
        """The text of one of the node's files; "" if it is not there."""
        try:
            with open(self(path), encoding="utf-8", errors="replace") as file:
                return file.read()
        except FileNotFoundError:
            return ""

    def replace(self, path: str, text: str, mode: int = 0o640) -> None:
        """Write one of the node's files: beside it, then renamed, so that a reader sees old or new."""
        beside = f"{self(path)}.tmp.{os.getpid()}"
        number = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, mode)
        try:
            os.write(number, text.encode("utf-8", "replace"))
        finally:
            os.close(number)
        os.replace(beside, self(path))
