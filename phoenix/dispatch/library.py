"""Library: the archive that the unpacked build keeps all in that is no program, read as data."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from zipfile import ZipFile

NAME = "library.zip"


def opened(tree: str) -> ZipFile:
    """The library of the build unpacked in `tree`; its names are sorted."""
    from zipfile import ZipFile

    return ZipFile(f"{tree}/{NAME}")
