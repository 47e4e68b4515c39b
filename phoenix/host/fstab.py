"""fstab: the table of what is mounted at every start: its lines, and those of them that are ours. Pure."""

from __future__ import annotations

from phoenix.value import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

PATH: Final = "/etc/fstab"
_ESCAPES: Final = (("\\", "\\134"), (" ", "\\040"), ("\t", "\\011"))


class Entry(Value):
    """One line: what is mounted where, and how."""

    source: str
    path: str
    type: str
    options: str
    order: str = "0"  # of the check at the start: 0 for none

    def line(self) -> str:
        """The line as the table has it."""
        return f"{escaped(self.source)} {escaped(self.path)} {self.type} {self.options} 0 {self.order}"

    def flags(self) -> tuple[str, ...]:
        """The single options."""
        return tuple(self.options.split(","))


def escaped(text: str) -> str:
    """A word as the table has it, in which blanks are written as numbers."""
    for char, number in _ESCAPES:
        text = text.replace(char, number)
    return text


def plain(word: str) -> str:
    """A word of the table, or of the kernel's own, as it is meant."""
    for char, number in reversed(_ESCAPES):
        word = word.replace(number, char)
    return word


def parse(text: str) -> list[Entry]:
    """The entries of a table; comments, and lines that mount nothing, are left out."""
    found = []
    for line in text.splitlines():
        words = line.split()
        if len(words) >= 3 and not line.lstrip().startswith("#"):
            rest = [*words[3:], *("defaults", "0", "0")[len(words[3:]) :]]
            found.append(Entry(plain(words[0]), plain(words[1]), words[2], rest[0], rest[2]))
    return found
