"""Archives: real ones are read for what they hold, and unpacked into a folder. Templates, backups and layers."""

from __future__ import annotations

import os

from phoenix.rehearsal import confined, worker

TYPE_CHECKING = False
if TYPE_CHECKING:
    import tarfile
    from collections.abc import Iterator
    from typing import IO

_ZSTD = b"\x28\xb5\x2f\xfd"
_BIG = 1 << 20


class Unreadable(Exception):
    """A file is no archive that can be read here."""


class Unsupported(Unreadable):
    """It may be an archive, but the program that unpacks it is not on this machine."""


class Members:
    """The members of an archive, in its order, each with its name without a leading ./ or /.

    The content of one must be read before the next is asked for. Unreadable if the archive is broken.
    """

    def __init__(self, archive: tarfile.TarFile, file: IO[bytes], child: int) -> None:
        self._archive = archive
        self._file = file
        self._child = child

    def __enter__(self) -> Members:
        return self

    def __exit__(self, *_: object) -> None:
        self._archive.close()
        self._file.close()
        if self._child:
            os.waitpid(self._child, 0)

    def __iter__(self) -> Iterator[tuple[str, tarfile.TarInfo]]:
        import tarfile

        try:
            for member in self._archive:
                yield "/".join(part for part in member.name.split("/") if part not in ("", ".")), member
        except (tarfile.TarError, OSError, EOFError) as error:
            raise Unreadable(str(error)) from error

    def content(self, member: tarfile.TarInfo, most: int = _BIG) -> bytes:
        """The first bytes of a member."""
        file = self._archive.extractfile(member)
        return file.read(most) if file is not None else b""

    def write(self, member: tarfile.TarInfo, place: str) -> None:
        """Write a member's content to a file."""
        import shutil

        file = self._archive.extractfile(member)
        with open(place, "wb") as target:
            if file is not None:
                shutil.copyfileobj(file, target)


def members_of(source: str | IO[bytes]) -> Members:
    """The members of an archive: a path, or an open file, which is closed in the end. Unreadable if it is none."""
    import tarfile

    child = 0
    try:
        file = open(source, "rb") if isinstance(source, str) else source  # noqa: SIM115
        head = file.read(len(_ZSTD))
        file.seek(0)
        if head == _ZSTD:  # only the newest Python reads it
            if not worker.is_program("zstd"):
                file.close()
                raise Unsupported("there is no program zstd")
            number, child = worker.pipe_from(["zstd", "-dcq"], file.fileno())
            file.close()
            file = open(number, "rb")  # noqa: SIM115
        archive = tarfile.open(fileobj=file, mode="r|" if child else "r|*")  # noqa: SIM115
    except (tarfile.TarError, OSError, EOFError) as error:
        raise Unreadable(str(error)) from error
    return Members(archive, file, child)


def is_blank(path: str) -> bool:
    """Whether a file begins with nothing but zeros, as one does that was only made to have a size."""
    with open(path, "rb") as file:
        return not file.read(4096).strip(b"\0")


def find(path: str, names: tuple[str, ...]) -> tuple[str, bytes]:
    """The first member of one of these names, and its content; ("", b"") if there is none."""
    with members_of(path) as members:
        for name, member in members:
            if name in names:
                return name, members.content(member)
    return "", b""


def unpack(source: str | IO[bytes], root: str, *, whiteouts: bool = False) -> None:
    """Unpack an archive into `root`: no device nodes, nothing outside; with `whiteouts` as a layer of an image."""
    with members_of(source) as members:
        for name, member in members:
            if name and not name.startswith("dev/"):
                try:
                    _put(members, root, name, member, whiteouts)
                except (FileExistsError, IsADirectoryError, NotADirectoryError, PermissionError):
                    continue  # the archive disagrees with itself, or it needs rights that are lacking here


def _put(members: Members, root: str, name: str, member: tarfile.TarInfo, whiteouts: bool) -> None:
    folder, _, last = name.rpartition("/")
    parent = confined.resolve(root, folder)
    os.makedirs(parent, exist_ok=True)
    place = f"{parent}/{last}"
    if whiteouts and last.startswith(".wh."):
        _take_away(parent, last)
        return
    if member.isdir():
        if os.path.islink(place) or not os.path.isdir(place):
            _remove(place)
            os.mkdir(place)
    elif member.issym():
        _remove(place)
        os.symlink(member.linkname, place)
    elif member.islnk():
        _remove(place)
        os.link(confined.resolve(root, member.linkname, last=False), place)
    elif member.isfile():
        _remove(place)
        members.write(member, place)
    else:
        return
    if os.geteuid() == 0:
        os.lchown(place, member.uid, member.gid)
    if not os.path.islink(place):
        os.chmod(place, member.mode & 0o7777 | (0o700 if member.isdir() else 0o400))


def _take_away(parent: str, mark: str) -> None:
    """What a mark in a layer says: one name of the layers below goes, or all in the folder."""
    if mark != ".wh..wh..opq":
        _remove(f"{parent}/{mark[4:]}")
        return
    for other in os.listdir(parent):
        _remove(f"{parent}/{other}")


def _remove(place: str) -> None:
    import shutil

    if os.path.isdir(place) and not os.path.islink(place):
        shutil.rmtree(place)
    elif os.path.lexists(place):
        os.unlink(place)
