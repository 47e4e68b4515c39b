"""Owed: the commands that put what was written into effect, from before it is written until they have succeeded.

What a service has read cannot be seen, so a run that is killed between a file and its reload would leave that undone.
"""

from __future__ import annotations

from phoenix import cli, files
from phoenix.record import checksum

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    Command = tuple[str, ...]


class Owed:
    """A file of commands, one a line; each line ends in its checksum."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.commands: list[Command] = []
        try:
            lines = files.read_text(path).splitlines()
        except FileNotFoundError:
            return
        for line in lines:
            text, _, end = line.rpartition("\t")
            if end != checksum(text):
                cli.note(f"note: {path} is damaged; a service may not have read its files again")
                continue
            self.commands.append(tuple(text.split("\t")))

    def add(self, commands: Iterable[Command]) -> None:
        """Owe these as well, durably."""
        more = [command for command in commands if command not in self.commands]
        if more:
            self._save([*self.commands, *more])

    def paid(self, command: Command) -> None:
        """Owe this no more."""
        if command in self.commands:
            self._save([other for other in self.commands if other != command])

    def _save(self, commands: list[Command]) -> None:
        texts = ["\t".join(command) for command in commands]
        if texts:
            files.replace(self.path, "".join(f"{text}\t{checksum(text)}\n" for text in texts))
        else:
            files.remove(self.path)
        self.commands = commands
