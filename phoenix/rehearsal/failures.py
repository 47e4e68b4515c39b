"""Failures: how a rehearsed tool ends when it does not succeed."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping


class Failure(Exception):
    """The tool says `text` on standard error and ends with `code`; inside a task the code is always 255."""

    def __init__(self, text: str, code: int = 255) -> None:
        super().__init__(text)
        self.text = text
        self.code = code


class WrongUsage(Failure):
    """The words of the command line do not fit; `text` is all of what is said."""


class BadParameters(Exception):
    """Values that are wrong, by option: reported together, followed by the usage line."""

    def __init__(self, faults: Mapping[str, str]) -> None:
        super().__init__(", ".join(faults))
        self.faults = faults

    def text(self, usage: str) -> str:
        """What is said, in the real layout: a format's own words bring a line break of their own."""
        lines = ["400 Parameter verification failed.\n"]
        for name, fault in self.faults.items():
            lines.append(f"{name}: {fault}\n" + ("\n" if fault.startswith("invalid format - ") else ""))
        return "".join(lines) + usage


class Interrupted(Exception):
    """A signal asks the worker of a task to stop."""
