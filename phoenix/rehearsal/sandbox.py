"""Sandbox: a command that runs with a folder as its root, apart from the machine it runs on.

It has name spaces of its own for files, processes, host name and network, the programs of this machine read-only
where the folder has none of its own, six harmless devices, and not the rights that would reach beyond that.
"""

from __future__ import annotations

import os

from phoenix.rehearsal import confined

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import Any, NoReturn

_NEW_FILES, _NEW_NAMES, _NEW_PROCESSES, _NEW_NETWORK = 0x20000, 0x4000000 | 0x8000000, 0x20000000, 0x40000000
_NEW_USERS = 0x10000000
_READ_ONLY, _REMOUNT, _BIND, _RECURSIVE, _PRIVATE = 1, 32, 4096, 16384, 1 << 18
_NO_DEVICES, _NO_SET_USER = 4, 2
_DIE_WITH_PARENT, _DROP_RIGHT = 1, 24
_KILL, _NOT_THERE, _NO_PROGRAM = 9, 2, 8
_KEPT_RIGHTS = frozenset((0, 1, 3, 4, 5, 6, 7, 8, 10, 12, 13, 23, 29, 31))
"""What root of a container may do to its own files, processes and network; of the machine nothing."""
_MOST_RIGHTS = 64
_PROGRAMS = ("usr", "bin", "sbin", "lib", "lib32", "lib64", "libx32")
_DEVICES = ("full", "null", "random", "tty", "urandom", "zero")
_OF_MACHINE = ("acpi", "bus", "fs", "irq", "scsi", "sys", "sysrq-trigger")
_SET_ATTRIBUTES = 442
"""The number of the system call mount_setattr, the same on every machine."""


class Unavailable(Exception):
    """This machine does not let a command run apart from it."""


class Box:
    """What a command finds: its root, folders from elsewhere (at which path, from where, read-only), its host name."""

    def __init__(self, root: str, host_name: str, folders: Sequence[tuple[str, str, bool]] = ()) -> None:
        self.root = root
        self.host_name = host_name
        self.folders = folders

    def has_programs(self) -> bool:
        """Whether the root has a shell of its own."""
        return any(os.path.isfile(confined.resolve(self.root, f"{place}/sh")) for place in ("usr/bin", "bin"))


class Command:
    """What is to be run. `failed` says why it could not be started, and returns the exit status for that."""

    def __init__(self, argv: Sequence[str], environment: Mapping[str, str], failed: Callable[[OSError], int]) -> None:
        self.argv = argv
        self.environment = environment
        self.failed = failed

    def become(self, folder: str) -> int:
        """Be the command from now on, in `folder` if that is there. Returns only if it cannot be started."""
        try:
            os.chdir(folder)
        except OSError:
            os.chdir("/")
        name = self.argv[0]
        path = self.environment.get("PATH", os.defpath)
        fault: OSError = FileNotFoundError(_NOT_THERE, os.strerror(_NOT_THERE))
        for program in [name] if "/" in name else [f"{place}/{name}" for place in path.split(":")]:
            try:  # nothing more can be imported in another root, which the other functions of os would do
                os.execve(program, [*self.argv], {**self.environment})  # noqa: S606 - as asked for, without a shell
            except (FileNotFoundError, NotADirectoryError):
                continue
            except OSError as error:
                fault = error
                if error.errno == _NO_PROGRAM:  # a script that does not say of which language
                    os.execve("/bin/sh", ["sh", program, *self.argv[1:]], {**self.environment})  # noqa: S606
        return self.failed(fault)


def run(box: Box, command: Command) -> int:
    """Run a command in a box with the caller's descriptors; returns its exit status as a shell says it.

    Unavailable if this machine gives nobody, or not this user, what that needs.
    """
    import ctypes

    libc = ctypes.CDLL(None, use_errno=True)
    report = os.pipe()
    keeper = os.fork()
    if not keeper:
        os.close(report[0])
        leave(lambda: _keep(libc, box, command, report[1]))
    os.close(report[1])
    problem = os.read(report[0], 4096)
    os.close(report[0])
    status = status_of(os.waitpid(keeper, 0)[1])
    if problem:
        raise Unavailable(problem.decode("utf-8", "replace"))
    return status


def leave(work: Callable[[], int]) -> NoReturn:
    """End this process with the status that `work` returns."""
    status = 255
    try:
        status = work()
    except OSError as error:
        os.write(2, f"{error}\n".encode())
    finally:
        os._exit(status)


def status_of(status: int) -> int:
    """What waitpid says, as a shell says it."""
    return os.WEXITSTATUS(status) if os.WIFEXITED(status) else 128 + os.WTERMSIG(status)


def _keep(libc: Any, box: Box, command: Command, report: int) -> int:
    """The process that stays outside: it makes the name spaces, and waits for the first process in them."""
    libc.prctl(_DIE_WITH_PARENT, _KILL, 0, 0, 0)
    try:
        _separate(libc)
    except OSError as error:
        os.write(report, str(error).encode())
        return 255
    first = os.fork()
    if not first:
        leave(lambda: _begin(libc, box, command, report))
    os.close(report)
    return status_of(os.waitpid(first, 0)[1])


def _separate(libc: Any) -> None:
    user, group = os.geteuid(), os.getegid()
    flags = _NEW_FILES | _NEW_NAMES | _NEW_PROCESSES | _NEW_NETWORK
    _check(libc.unshare(flags if not user else flags | _NEW_USERS), "no name spaces")
    if user:  # in there it is root, of its own files only
        for name, text in (("setgroups", "deny"), ("uid_map", f"0 {user} 1"), ("gid_map", f"0 {group} 1")):
            with open(f"/proc/self/{name}", "w", encoding="ascii") as file:
                file.write(text)


def _check(result: int, what: str) -> None:
    import ctypes

    if result:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")


def _begin(libc: Any, box: Box, command: Command, report: int) -> int:
    """The first process inside: it furnishes the box, starts the command, and is there as long as that."""
    libc.prctl(_DIE_WITH_PARENT, _KILL, 0, 0, 0)
    folder = os.getcwd()
    try:
        _furnish(libc, box)
        os.chroot(box.root)
    except OSError as error:
        os.write(report, str(error).encode())
        return 255
    os.close(report)
    os.chdir("/")
    for right in range(_MOST_RIGHTS):
        if right not in _KEPT_RIGHTS:
            libc.prctl(_DROP_RIGHT, right, 0, 0, 0)
    child = os.fork()
    if not child:
        leave(lambda: command.become(folder))
    while True:
        found, status = os.waitpid(-1, 0)
        if found == child:
            return status_of(status)


def _furnish(libc: Any, box: Box) -> None:
    _check(libc.mount(b"none", b"/", None, _RECURSIVE | _PRIVATE, None), "mount /")
    name = os.fsencode(box.host_name)
    libc.sethostname(name, len(name))
    if not box.has_programs():
        _lend_programs(libc, box.root)
    for place, source, read_only in box.folders:
        _bind(libc, source, place, read_only)
    _make_devices(libc, f"{box.root}/dev")
    _show_processes(libc, f"{box.root}/proc")


def _lend_programs(libc: Any, root: str) -> None:
    for name in _PROGRAMS:
        here, inside = f"/{name}", f"{root}/{name}"
        if os.path.islink(here):
            if not os.path.lexists(inside):
                os.symlink(os.readlink(here), inside)
        elif os.path.isdir(here):
            os.makedirs(inside, exist_ok=True)
            _bind(libc, here, inside, True)


def _bind(libc: Any, source: str, place: str, read_only: bool) -> None:
    """Show a folder or file at another place too, with all that is mounted in it."""
    import ctypes

    target = os.fsencode(place)
    _check(libc.mount(os.fsencode(source), target, None, _BIND | _RECURSIVE, None), f"mount {place}")
    if not read_only:
        return
    wanted = (ctypes.c_uint64 * 4)(_READ_ONLY, 0, 0, 0)
    at, recursive = -100, 0x8000
    if libc.syscall(_SET_ATTRIBUTES, at, target, recursive, ctypes.byref(wanted), ctypes.sizeof(wanted)):
        _check(libc.mount(None, target, None, _REMOUNT | _BIND | _READ_ONLY, None), f"mount {place}")


def _make_devices(libc: Any, folder: str) -> None:
    os.makedirs(folder, exist_ok=True)
    _check(libc.mount(b"none", os.fsencode(folder), b"tmpfs", _NO_SET_USER, b"mode=0755,size=1m"), "mount /dev")
    for name in _DEVICES:
        if os.path.exists(f"/dev/{name}"):
            os.close(os.open(f"{folder}/{name}", os.O_CREAT | os.O_WRONLY, 0o666))
            _bind(libc, f"/dev/{name}", f"{folder}/{name}", False)
    os.mkdir(f"{folder}/shm", 0o777)
    for name, target in (("fd", "fd"), ("stdin", "fd/0"), ("stdout", "fd/1"), ("stderr", "fd/2")):
        os.symlink(f"/proc/self/{target}", f"{folder}/{name}")


def _show_processes(libc: Any, folder: str) -> None:
    """The table of the processes inside; what in it would reach the machine is read-only."""
    os.makedirs(folder, exist_ok=True)
    flags = _NO_SET_USER | _NO_DEVICES
    if libc.mount(b"proc", os.fsencode(folder), b"proc", flags, None):
        return  # a machine that hides its own from this user: then there is none
    for name in _OF_MACHINE:
        if os.path.exists(f"{folder}/{name}"):
            _bind(libc, f"{folder}/{name}", f"{folder}/{name}", True)
