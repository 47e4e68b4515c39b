"""A tracer: a program and all its children, stopped just before each call that changes files.

strace can kill at a call too, but it counts for each process and each call alone, and kills every process that gets
so far. Here one point of one run is one call of one process.
"""

from __future__ import annotations

import ctypes
import errno
import os
import platform
import signal
import struct
import time

CALLS = {
    "write": 1, "pwrite64": 18, "writev": 20, "sendfile": 40, "flock": 73, "fsync": 74, "fdatasync": 75,
    "truncate": 76, "ftruncate": 77, "rename": 82, "mkdir": 83, "rmdir": 84, "creat": 85, "link": 86, "unlink": 87,
    "symlink": 88, "chmod": 90, "fchmod": 91, "chown": 92, "fchown": 93, "mount": 165, "umount2": 166,
    "openat": 257, "mkdirat": 258, "fchownat": 260, "unlinkat": 263, "renameat": 264, "linkat": 265,
    "symlinkat": 266, "fchmodat": 268, "utimensat": 280, "fallocate": 285, "renameat2": 316, "copy_file_range": 326,
}  # fmt: skip
"""The calls that change files or locks, by their numbers on x86-64."""
NAMES = {number: name for name, number in CALLS.items()}
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC

_TRACEME, _CONT, _SYSCALL, _SETOPTIONS, _EVENT, _INFO = 0, 7, 24, 0x4200, 0x4201, 0x420E
# System calls are told from signals; forks, vforks, clones and execs are followed; a stop at each call of the filter;
# and nothing outlives the tracer.
_OPTIONS = 0x1 | 0x2 | 0x4 | 0x8 | 0x10 | 0x80 | 0x100000
_NEW, _EXEC, _STOPPED_BY_FILTER = (1, 2, 3), 4, 7
_ALL = 0x40000000  # __WALL
_X86_64 = 0xC000003E
_libc = ctypes.CDLL(None, use_errno=True)
_libc.ptrace.restype = ctypes.c_long
_libc.ptrace.argtypes = (ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p)


def is_possible():
    """Whether this machine can be traced on: the numbers are those of x86-64."""
    return platform.machine() == "x86_64" and platform.system() == "Linux"


def _filter():
    """The BPF program that stops at CALLS, at openat only if it may write."""
    rest = [number for name, number in CALLS.items() if name != "openat"]
    code = [(0x20, 0, 0, 4), (0x15, 1, 0, _X86_64), (0x06, 0, 0, 0x7FFF0000), (0x20, 0, 0, 0)]
    code += [(0x15, len(rest) - place + 3, 0, number) for place, number in enumerate(rest)]
    code += [(0x15, 0, 2, CALLS["openat"]), (0x20, 0, 0, 32), (0x45, 1, 0, WRITING), (0x06, 0, 0, 0x7FFF0000)]
    code += [(0x06, 0, 0, 0x7FF00000)]
    return b"".join(struct.pack("HBBI", *line) for line in code)


def _begin(argv, env, cwd):
    """Become the program, to be traced."""
    code = ctypes.create_string_buffer(_filter())
    program = struct.pack("HxxxxxxP", len(code.raw) // 8, ctypes.addressof(code))
    for number, name in ((0, os.devnull), (1, "out"), (2, "err")):
        path = name if not number else f"{cwd}/{name}"
        os.dup2(os.open(path, os.O_RDONLY if not number else os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), number)
    _ptrace(_TRACEME, 0)
    os.kill(os.getpid(), signal.SIGSTOP)
    if _libc.prctl(38, 1, 0, 0, 0) or _libc.prctl(22, 2, ctypes.c_char_p(program), 0, 0):
        os._exit(126)
    os.execve(argv[0], argv, env)


def _ptrace(request, pid, address=0, data=0):
    ctypes.set_errno(0)
    found = _libc.ptrace(request, pid, address, data)
    if found == -1 and ctypes.get_errno():
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return found


class Call:
    """One call that is about to be made."""

    def __init__(self, pid, birth, role, index, place, number, arguments):
        self.pid, self.birth, self.role, self.index, self.place = pid, birth, role, index, place
        self.name, self.arguments = NAMES[number], arguments
        self.result = None

    def memory(self, address, size):
        with open(f"/proc/{self.pid}/mem", "rb", 0) as file:
            file.seek(address)
            return file.read(size)

    def text(self, which):
        """The argument that is a path."""
        found = b""
        while b"\0" not in found:
            address = self.arguments[which] + len(found)
            found += self.memory(address, 4096 - address % 4096)
        return os.fsdecode(found.split(b"\0", 1)[0])

    def command(self):
        """The words of the process."""
        with open(f"/proc/{self.pid}/cmdline", "rb") as file:
            return file.read().decode(errors="replace").split("\0")

    def file(self, which=0):
        """The path of the argument that is a descriptor."""
        number = ctypes.c_int(self.arguments[which] & 0xFFFFFFFF).value
        return os.readlink(f"/proc/{self.pid}/cwd" if number == -100 else f"/proc/{self.pid}/fd/{number}")


class Tracer:
    """Runs one program to the end of all its children.

    `at(call)` is asked before each call and says what to do: None, "kill" its process, or "kill all". `after(call)` is
    told of each that was made, with its result.
    """

    def __init__(self, at=None, after=None, roles=(), seconds=120):
        self.at, self.after, self.roles, self.seconds = at, after, roles, seconds
        self.alive, self.births, self.role, self.indexes = set(), {}, {}, {}
        self.count, self.status, self.pending = 0, None, {}

    def run(self, argv, cwd, env=None):
        """The exit status of the program; what it said is in the files out and err of `cwd`."""
        first = os.fork()
        if not first:
            try:
                _begin(argv, {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin"} if env is None else env, cwd)
            finally:
                os._exit(127)
        os.waitpid(first, _ALL)
        _ptrace(_SETOPTIONS, first, 0, _OPTIONS)
        self._born(first, "dispatcher")
        self._go(first)
        deadline = time.monotonic() + self.seconds
        while self.alive:
            pid, status = os.waitpid(-1, _ALL | os.WNOHANG)
            if not pid:
                pid, status = self._wait(deadline)
            self._turn(pid, status, first)
        return self.status

    def _wait(self, deadline):
        signal.setitimer(signal.ITIMER_REAL, max(deadline - time.monotonic(), 0.01))
        before = signal.signal(signal.SIGALRM, self._late)
        try:
            return os.waitpid(-1, _ALL)
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, before)

    def _late(self, *_):
        self._kill(list(self.alive))
        raise TimeoutError(f"still running after {self.seconds} s: {[self.role[pid] for pid in self.alive]}")

    def _born(self, pid, role):
        if pid not in self.births:
            self.births[pid] = len(self.births)
            self.indexes[pid] = 0
            self.role[pid] = role
        self.alive.add(pid)

    def _go(self, pid, number=0, request=_CONT):
        try:
            _ptrace(request, pid, 0, number)
        except OSError as error:
            if error.errno != errno.ESRCH:  # it was killed
                raise

    def _kill(self, pids):
        for pid in pids:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue

    def _turn(self, pid, status, first):
        """What one report of the kernel asks for."""
        if os.WIFEXITED(status) or os.WIFSIGNALED(status):
            self.alive.discard(pid)
            if pid == first:
                self.status = -os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)
            return
        number, event = os.WSTOPSIG(status), status >> 16
        if pid not in self.births:  # a child that stops before its parent says that it has it
            self._born(pid, "")
            self._go(pid)
        elif number == signal.SIGTRAP | 0x80:
            self._made(pid)
        elif event:
            self._event(pid, event)
        else:
            fresh = number == signal.SIGSTOP and not self.indexes[pid]
            self._go(pid, 0 if fresh else number)

    def _event(self, pid, event):
        if event in _NEW:
            child = ctypes.c_ulong()
            _ptrace(_EVENT, pid, 0, ctypes.addressof(child))
            if child.value not in self.births or child.value in self.alive:
                self._born(child.value, "")
            self.role[child.value] = self.role[child.value] or self.role[pid] + "'s child"
        elif event == _EXEC:
            self.role[pid] = self._named(pid)
        elif event == _STOPPED_BY_FILTER:
            self._before(pid)
            return
        self._go(pid)

    def _named(self, pid):
        with open(f"/proc/{pid}/cmdline", "rb") as file:
            words = file.read().decode(errors="replace")
        return next((role for part, role in self.roles if part in words), words.split("\0")[0])

    def _before(self, pid):
        info = ctypes.create_string_buffer(88)
        _ptrace(_INFO, pid, 88, ctypes.addressof(info))
        number, *arguments = struct.unpack_from("7Q", info.raw, 24)
        call = Call(pid, self.births[pid], self.role[pid], self.indexes[pid], self.count, number, arguments)
        self.count += 1
        self.indexes[pid] += 1
        verdict = self.at(call) if self.at else None
        if verdict:
            self._kill(list(self.alive) if verdict == "kill all" else [pid])
            return
        if self.after:
            self.pending[pid] = call
        self._go(pid, 0, _SYSCALL if self.after else _CONT)

    def _made(self, pid):
        """A call that was begun is over: told by the second stop after the filter's, the first is its beginning."""
        info = ctypes.create_string_buffer(88)
        _ptrace(_INFO, pid, 88, ctypes.addressof(info))
        call = self.pending.get(pid)
        if info.raw[0] != 2:  # its beginning
            self._go(pid, 0, _SYSCALL)
            return
        if call:
            call.result = struct.unpack_from("q", info.raw, 24)[0]
            del self.pending[pid]
            self.after(call)
        self._go(pid)
