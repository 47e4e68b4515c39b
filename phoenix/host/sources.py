"""Sources: apt's lists of them, in both forms, as entries; and one of them switched on or off. Pure."""

from __future__ import annotations

import re

from phoenix.value import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import Final

FOLDER: Final = "/etc/apt/sources.list.d"
LIST: Final = "/etc/apt/sources.list"
FIELDS: Final = (
    "Enabled", "Types", "URIs", "Suites", "Components", "Architectures", "Languages", "Targets", "PDiffs", "By-Hash",
    "Allow-Insecure", "Allow-Weak", "Allow-Downgrade-To-Insecure", "Trusted", "Signed-By", "Check-Valid-Until",
    "Valid-Until-Min", "Valid-Until-Max", "Check-Date", "Date-Max-Future", "InRelease-Path",
)  # fmt: skip
"""The fields of a source, as sources.list(5) has them, in the order in which they are written."""
OPTIONS: Final = {
    "Architectures": "arch", "Languages": "lang", "Targets": "target",
    **{name: name.lower() for name in FIELDS[FIELDS.index("PDiffs"):]},
}  # fmt: skip
"""What the fields that are no part of a line itself are called among its options."""
OFF: Final = ("no", "false", "without", "off", "0", "disable")
"""What apt takes for no."""
OF_LINES: Final = ("bullseye", "bookworm")
"""The releases whose own lists are lines; those after them have stanzas."""
_LINE: Final = re.compile(
    r"^(?P<off>[ \t]*#[#\s]*)?[ \t]*deb(?:-src)?[ \t]+(?:\[[^\]]*\][ \t]*)?(?P<uri>\S+)(?P<rest>.*)$"
)


class Entry(Value):
    """One source. `place` is that of its line, or of its first line, in its file."""

    path: str
    place: int
    uris: tuple[str, ...]
    suites: tuple[str, ...]
    components: tuple[str, ...]
    enabled: bool


def is_read(path: str) -> bool:
    """Whether apt reads a file of that name."""
    name = path.rpartition("/")[2]
    return re.fullmatch(r"[A-Za-z0-9_.-]+\.(list|sources)", name) is not None


def entries(texts: Mapping[str, str]) -> list[Entry]:
    """The sources of files, by their paths."""
    found: list[Entry] = []
    for path, text in texts.items():
        found += _stanzas(path, text) if path.endswith(".sources") else _lines(path, text)
    return found


def _lines(path: str, text: str) -> Iterator[Entry]:
    for place, line in enumerate(text.split("\n")):
        match = _LINE.match(line)
        if match:
            suite, *components = match["rest"].partition("#")[0].split() or [""]
            yield Entry(path, place, (match["uri"],), (suite,), tuple(components), match["off"] is None)


def _stanzas(path: str, text: str) -> Iterator[Entry]:
    for place, lines in _paragraphs(text):
        known: dict[str, str] = {}
        last = ""
        for line in lines:
            if line[:1] in (" ", "\t") and last:
                known[last] += " " + line.strip()
            elif not line.startswith("#"):
                last = _field(line)
                known[last] = line.partition(":")[2].strip()
        uris, suites, components = (tuple(known.get(name, "").split()) for name in ("uris", "suites", "components"))
        if uris:
            yield Entry(path, place, uris, suites, components, known.get("enabled", "yes").lower() not in OFF)


def _paragraphs(text: str) -> Iterator[tuple[int, list[str]]]:
    """The paragraphs of a text, each with the place of its first line."""
    begin, lines = 0, text.split("\n")
    for place, line in enumerate([*lines, ""]):
        if not line.strip():
            if place > begin:
                yield begin, lines[begin:place]
            begin = place + 1


def switched(text: str, entry: Entry, *, on: bool) -> str:
    """The text of a file with one of its sources switched on or off; no other line is touched."""
    lines = text.split("\n")
    if not entry.path.endswith(".sources"):
        lines[entry.place] = lines[entry.place].lstrip(" \t#") if on else f"# {lines[entry.place]}"
        return "\n".join(lines)
    stanza = next(found for place, found in _paragraphs(text) if place == entry.place)
    kept: list[str] = []
    state, places, inside = f"Enabled: {'true' if on else 'false'}", [], False
    for line in stanza:
        comment = line.startswith("#")  # apt goes on behind it as if it were not there
        inside = inside if comment or line[:1] in (" ", "\t") else _field(line) == "enabled"
        if inside and not comment:
            places.append(len(kept))
        else:
            kept.append(line)
    kept.insert(places[0] if places else len(kept), state)
    lines[entry.place : entry.place + len(stanza)] = kept
    return "\n".join(lines) + "\n" * (lines[-1] == state)


def _field(line: str) -> str:
    return line.partition(":")[0].strip().lower()


def own_paths(name: str) -> tuple[str, str]:
    """The paths of a source of ours: as a stanza, and as lines."""
    return f"{FOLDER}/phoenix-{name}.sources", f"{FOLDER}/phoenix-{name}.list"


def own(name: str, fields: Mapping[str, str], suite: str) -> dict[str, str]:
    """The files of a source of ours, in the form that a release has its own in; "" for the other form."""
    stanza, lines = own_paths(name)
    return {stanza: "", lines: lines_of(fields)} if suite in OF_LINES else {stanza: text_of(fields), lines: ""}


def text_of(fields: Mapping[str, str]) -> str:
    """The text of a file with one source."""
    return "".join(f"{name}: {fields[name]}\n" for name in FIELDS if name in fields)


def lines_of(fields: Mapping[str, str]) -> str:
    """As `text_of`, in lines: one for each type, place and suite."""
    options = " ".join(f"{OPTIONS[name]}={','.join(fields[name].split())}" for name in OPTIONS if name in fields)
    off = "# " if fields.get("Enabled", "yes") in OFF else ""
    between = f" [{options}] " if options else " "
    return "".join(
        f"{off}{kind}{between}{uri} {suite} {fields.get('Components', '')}".rstrip() + "\n"
        for kind in fields.get("Types", "").split()
        for uri in fields.get("URIs", "").split()
        for suite in fields.get("Suites", "").split()
    )
