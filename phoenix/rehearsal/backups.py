"""Backups: what the name of an archive says, the configuration inside, and the files beside it."""

from __future__ import annotations

import os

from phoenix.rehearsal import archives
from phoenix.rehearsal.failures import Failure
from phoenix.rehearsal.speech import complain
from phoenix.rehearsal.volumes import names

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Final

    from phoenix.rehearsal.tree import Tree

_TYPES: Final = ("lxc", "openvz", "qemu")
_MOMENT: Final = "%Y_%m_%d-%H_%M_%S"
OF_CONTAINER: Final = "etc/vzdump/pct.conf"
"""Where a container's configuration is in its backup."""
_IN_CONTAINERS: Final = (OF_CONTAINER, "etc/vzdump/vps.conf")
_FIREWALL: Final = "etc/vzdump/pct.fw"
_VMA: Final = b"VMA\0"
_VMA_NAMES_AT: Final = 2044
_VMA_COUNT: Final = 256
_WHOLE_NUMBER: Final = 4


class Archive:
    """What the name of an archive says: lxc, qemu or openvz; of a standard name also the guest and the time."""

    def __init__(self, kind: str, form: str) -> None:
        self.kind = kind
        self.form = form
        self.guest = ""
        self.made = 0.0

    @property
    def is_standard(self) -> bool:
        """Whether it is named as vzdump names archives."""
        return bool(self.guest)


def archive(name: str) -> Archive | None:
    """What the name of a file says; None if it is none of a backup."""
    form = names.backup_format(name)
    words = name.split("-")
    if not form or len(words) < 3 or words[0] != "vzdump" or words[1] not in _TYPES:
        return None
    found = Archive(words[1], form)
    moment = "-".join(words[3:])[: -len(form) - 1]
    if words[2].isdigit() and 3 <= len(words[2]) <= 9 and words[2][0] != "0" and len(moment) == 19:
        import time

        try:
            found.made = time.mktime(time.strptime(moment, _MOMENT))
            found.guest = words[2]
        except ValueError:
            return found
    return found


def configuration(tree: Tree, path: str) -> str:
    """The configuration of the guest in a backup, with its line ends; Failure if the archive holds none."""
    found = archive(path.rpartition("/")[2])
    if found is None:
        raise Failure(f"ERROR: couldn't determine archive info from '{path}'")
    if found.kind == "qemu" and found.form.startswith("vma"):
        return _machine(tree.given(path), path, found.form)
    wanted = _IN_CONTAINERS if found.kind != "qemu" else ("qemu-server.conf",)
    return packed(tree.given(path), wanted)


def packed(file: str, wanted: tuple[str, ...]) -> str:
    """The first of the files `wanted` in an archive; Failure if there is none."""
    try:
        name, content = archives.find(file, wanted)
    except archives.Unreadable:
        complain("tar: This does not look like a tar archive\ntar: Exiting with failure status due to previous errors")
        name, content = "", b""
    if not name:
        raise Failure("ERROR: archive contains no configuration file")
    return content.decode("utf-8", "replace")


def firewall(file: str) -> str:
    """The rules of the firewall in a backup of a container; "" if there are none."""
    try:
        return archives.find(file, (_FIREWALL,))[1].decode("utf-8", "replace")
    except archives.Unreadable:
        return ""


def _machine(file: str, path: str, form: str) -> str:
    """The configuration in an archive of the VMA format, which stands in its header."""
    import gzip

    try:
        if form.endswith("gz"):
            with gzip.open(file) as unpacked:
                return _of_header(unpacked.read).decode("utf-8", "replace")
        with open(file, "rb") as stream:
            return _of_header(stream.read).decode("utf-8", "replace")
    except (OSError, ValueError, EOFError) as error:
        raise Failure(f"command 'vma config {path}' failed: {error}") from error


def _of_header(read: Callable[[int], bytes]) -> bytes:
    head = read(12288)
    if not head.startswith(_VMA):
        raise ValueError("vma: wrong magic number")
    blob = int.from_bytes(head[48:52], "big")
    data = head + read(max(0, blob + int.from_bytes(head[52:56], "big") - len(head)))

    def text(place: int) -> bytes:
        at = int.from_bytes(data[place : place + _WHOLE_NUMBER], "big")
        count = int.from_bytes(data[blob + at : blob + at + 2], "little")
        return data[blob + at + 2 : blob + at + 2 + count] if at else b""

    for number in range(_VMA_COUNT):
        place = _VMA_NAMES_AT + number * _WHOLE_NUMBER
        if text(place).rstrip(b"\0") == b"qemu-server.conf":
            return text(place + _VMA_COUNT * _WHOLE_NUMBER).rstrip(b"\0")
    raise ValueError("vma: no configuration")


def notes(path: str) -> list[str]:
    """The files that belong to an archive: the log of its making, and what was noted about it."""
    folder, _, name = path.rpartition("/")
    found = archive(name)
    if found is None or not found.is_standard:
        return []
    return [f"{folder}/{name[: -len(found.form) - 1]}.log", f"{path}.notes"]


def remove_notes(tree: Tree, path: str) -> None:
    """Remove what belongs to an archive that is gone."""
    for beside in notes(path):
        if os.path.exists(tree(beside)):
            os.unlink(tree(beside))


def is_protected(tree: Tree, path: str) -> bool:
    """Whether a backup is kept from being removed."""
    return os.path.exists(tree(path + ".protected"))
