"""`pct push` and `pull`: files into a running container and out of it. They end with 0 whatever becomes of the file."""

from __future__ import annotations

import os

from phoenix.rehearsal import cluster, locks, running
from phoenix.rehearsal.failures import Failure
from phoenix.rehearsal.kinds import CT
from phoenix.rehearsal.pct import rootfs
from phoenix.rehearsal.speech import complain

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from phoenix.rehearsal.tree import Tree

_USUAL = 0o644


def push(tree: Tree, given: dict[str, str]) -> int:
    """Copy a file of the node into a container."""
    guest = given["vmid"]

    def copy() -> None:
        try:
            source = os.open(tree.given(given["file"]), os.O_RDONLY | os.O_CLOEXEC)
        except OSError:
            raise Failure(f"failed to open {given['file']} for reading") from None
        place = rootfs.place(tree, guest, given["destination"])
        names = rootfs.place(tree, guest, "/etc/passwd"), rootfs.place(tree, guest, "/etc/group")
        _fill(_target(place, given["destination"], given, names), source)

    with locks.config(tree, CT, guest):
        if not running.is_running(tree, guest):
            raise Failure("can only push files to a running CT")
        cluster.read(tree, CT, guest)
        return _task(copy)


def pull(tree: Tree, given: dict[str, str]) -> int:
    """Copy a file of a container to the node. The target is made before it is known whether there is a source."""
    guest = given["vmid"]

    def copy() -> None:
        names = tree("/etc/passwd"), tree("/etc/group")
        target = _target(tree.given(given["destination"]), given["destination"], given, names)
        try:
            source = os.open(rootfs.place(tree, guest, given["path"]), os.O_RDONLY | os.O_CLOEXEC)
        except OSError as error:
            raise Failure(f"failed to open {given['path']}: {error.strerror}") from error
        _fill(target, source)

    with locks.config(tree, CT, guest):
        if not running.is_running(tree, guest):
            raise Failure("can only pull files from a running VM at /usr/share/perl5/PVE/CLI/pct.pm line 672.")
        return _task(copy)


def _task(copy: Callable[[], None]) -> int:
    """The real ones do it as a task, of whose failure they only tell."""
    try:
        copy()
    except Failure as failure:
        complain(failure.text)
    return 0


def _fill(target: int, source: int) -> None:
    """Copy all of one file into another. A folder is copied as an empty file, as Perl's copy does it."""
    while True:
        try:
            data = os.read(source, 1 << 20)
        except IsADirectoryError:
            return
        if not data:
            return
        while data:
            data = data[os.write(target, data) :]


def _target(place: str, shown: str, given: dict[str, str], names: tuple[str, str]) -> int:
    """Open the file that is to be written, with the owner and the mode that were asked for."""
    user, group = _number(given.get("user"), names[0], "uid"), _number(given.get("group"), names[1], "gid")
    mode = _mode(given.get("perms"))
    try:
        try:
            number = os.open(place, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0)
            mode = _USUAL if mode is None else mode
        except OSError:
            number = os.open(place, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o666)
    except OSError as error:
        raise Failure(f"failed to create file: {shown}: {error.strerror}") from error
    if mode is not None:
        os.fchmod(number, mode & 0o7777)
    if (user, group) != (-1, -1) and os.geteuid() == 0:  # others cannot give files away
        os.fchown(number, user, group)
    return number


def _number(name: str | None, table: str, kind: str) -> int:
    """The number of a user or a group by the table that it must be in; -1 for none."""
    if name is None:
        return -1
    if name.isdigit():
        return int(name)
    try:
        with open(table, encoding="utf-8", errors="replace") as file:
            for line in file:
                fields = line.split(":")
                if fields[0] == name and fields[2].isdigit():
                    return int(fields[2])
    except (OSError, IndexError):
        pass
    if name == "root":
        return 0
    raise Failure(f"failed to get {kind} for: {name}")


def _mode(text: str | None) -> int | None:
    """--perms as a number, octal unless it begins with 0x; None for none."""
    if text is None:
        return None
    shown = text if text.startswith("0") else f"0{text}"
    try:
        return int(shown, 16 if shown[:2].lower() == "0x" else 8)
    except ValueError:
        raise Failure(f"invalid mode: '{shown}'") from None
