"""Debian: dpkg's list of packages, what a .deb says of itself, and versions in their order. Pure."""

from __future__ import annotations

import re

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Final

    from typing_extensions import TypeAlias

    Packages: TypeAlias = "dict[str, tuple[str, str]]"

INSTALLED: Final = "installed"
_FIELD: Final = re.compile(r"^([!-9;-~]+):[ \t]*(.*)$", re.MULTILINE)
_MAGIC, _HEADER = b"!<arch>\n", 60
_ORDER: Final = {"~": -1, "": 0}


def fields(paragraph: str) -> dict[str, str]:
    """The fields of a paragraph, without the lines that continue one; names in lower case, as they have none."""
    return {name.lower(): value.strip() for name, value in _FIELD.findall(paragraph)}


def packages(status: str) -> Packages:
    """The version and the state of each package that dpkg knows, by NAME and by NAME:ARCHITECTURE.

    A package of several architectures is found by its name as installed if one of them is.
    """
    found: Packages = {}
    for paragraph in status.split("\n\n"):
        known = fields(paragraph)
        name, state = known.get("package", ""), known.get("status", "").rpartition(" ")[2]
        if name and state:
            item = (known.get("version", ""), state)
            found[f"{name}:{known.get('architecture', '')}"] = item
            if found.get(name, ("", ""))[1] != INSTALLED:
                found[name] = item
    return found


def control(data: bytes) -> dict[str, str] | None:
    """The fields of the control file in the first bytes of a .deb, or None for what is no .deb.

    A compression that Python does not know is ValueError: dpkg-deb does.
    """
    if not data.startswith(_MAGIC):
        return None
    place = len(_MAGIC)
    while place + _HEADER <= len(data):
        name = data[place : place + 16].decode("ascii", "replace").strip().rstrip("/")
        digits = data[place + 48 : place + 58].strip()
        begin = place + _HEADER
        if not digits.isdigit():
            return None
        size = int(digits)
        if name.startswith("control.tar"):
            return _unpacked(data[begin : begin + size], name)
        place = begin + size + size % 2
    return None


def _unpacked(data: bytes, name: str) -> dict[str, str] | None:
    import io
    import lzma
    import tarfile
    import zlib

    if name.rpartition(".")[2] not in ("tar", "gz", "xz"):
        raise ValueError(name)
    try:
        with tarfile.open(fileobj=io.BytesIO(data)) as archive:
            member = next((item for item in archive if item.name in ("control", "./control")), None)
            file = archive.extractfile(member) if member else None
            return fields(file.read(1 << 20).decode("utf-8", "replace")) if file else None
    except (tarfile.TarError, lzma.LZMAError, zlib.error, EOFError, OSError, ValueError):
        return None


def is_older(one: str, other: str) -> bool:
    """Whether a version comes before another, as deb-version(7) has it."""
    return _key(one) < _key(other)


def _key(version: str) -> tuple[int, list[tuple[list[int], int]], list[tuple[list[int], int]]]:
    epoch, _, rest = version.rpartition(":")
    upstream, _, revision = rest.rpartition("-") if "-" in rest else (rest, "", "")
    return int(epoch) if epoch.isdigit() else 0, _parts(upstream), _parts(revision)


def _parts(text: str) -> list[tuple[list[int], int]]:
    """The parts of a version: what is no digit, by the order of characters, and a number, again and again.

    A part that ends sorts before every character but ~, which the 0 at its end says.
    """
    found = re.findall(r"(\D*)(\d*)", text)
    return [([*map(_weight, words), 0], int(digits or 0)) for words, digits in found]


def _weight(char: str) -> int:
    return _ORDER.get(char, ord(char) if char.isalpha() else ord(char) + 256)


def suite(os_release: str) -> str:
    """The code name of a release, as /etc/os-release has it."""
    lines = (line.partition("=") for line in os_release.splitlines())
    return next((value.strip().strip('"') for name, _, value in lines if name == "VERSION_CODENAME"), "")


def sums(text: str) -> Mapping[str, str] | None:
    """The digests of files by their names, as sha256sum writes them; None if a line is none of its."""
    found = {}
    for line in text.splitlines():
        match = re.fullmatch(r"([0-9a-f]{64}) [ *](?:\./)?([^/\\]+)", line)
        if not match:
            return None
        found[match[2]] = match[1]
    return found
