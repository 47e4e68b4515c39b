"""smb.conf: what a text in Samba's own form says, and how one is written. Pure."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

GLOBAL = "global"


class Parsed:
    """The sections of a text, each a table of its options, and the one that is open at its end, as it is written."""

    def __init__(self, text: str, within: str = GLOBAL) -> None:
        self.sections: dict[str, dict[str, str]] = {}
        self.within = within
        for line in lines(text):
            if line.startswith("[") and "]" in line:
                self.within = line[1:].partition("]")[0].strip()
                self.sections.setdefault(section(self.within), {})
            else:
                name, equals, value = line.partition("=")
                if equals:
                    self.sections.setdefault(section(self.within), {})[option(name)] = value.strip()


def lines(text: str) -> Iterator[str]:
    """The lines that are no comments; one that ends in a backslash goes on in the next, but for a comment."""
    whole = ""
    for line in map(str.strip, text.split("\n")):
        if not whole and line[:1] in ("#", ";"):
            continue
        whole = f"{whole} {line}".strip()
        if whole.endswith("\\"):
            whole = whole[:-1].rstrip()
        elif whole:
            yield whole
            whole = ""
    if whole:
        yield whole


def section(name: str) -> str:
    """A section's name as Samba compares it."""
    return " ".join(name.split()).lower()


def option(name: str) -> str:
    """An option's name as Samba compares it: without blanks, in one case."""
    return "".join(name.split()).lower()


def path(options: Mapping[str, str]) -> str:
    """The folder of a share, under either of the option's two names."""
    names = {option(name): value for name, value in options.items()}
    found = names.get("path", names.get("directory", "")).strip('"')
    return found.rstrip("/") or found


def rendered(sections: Iterable[tuple[str, Mapping[str, str]]], within: str) -> str:
    """Sections as a block that leaves open, for the lines after it, the section that was open before it."""
    text = ""
    for name, options in sections:
        text += f"[{name}]\n" + "".join(f"   {key} = {value}\n" for key, value in options.items())
    return f"{text}[{within}]\n" if text else ""
