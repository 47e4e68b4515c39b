"""Processes: the only place that starts one; managers as children, and Proxmox VE's tools.

Every child gets the same small environment, /dev/null as its standard input, and the first INT, TERM or HUP that
reaches us. Phoenix never sends KILL, and waits for what it started.
"""

from __future__ import annotations

import os
import sys
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    import signal
    from collections.abc import Callable, Iterator, Sequence
else:
    # The module signal wraps this one in enums, which costs the dispatcher a quarter of its start-up.
    import _signal as signal

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
ENDED = (signal.SIGCHLD,)
IGNORED = (signal.SIGPIPE, signal.SIGXFSZ)
"""The signals that Python ignores, and other programs rely on."""
PIECE = 0.1
"""The longest sleep that a signal does not end, in seconds."""
PATH = "/usr/sbin:/usr/bin:/sbin:/bin"

received = 0
"""The first of SIGNALS that arrived in this process since `listen`, or 0."""

again = 0
"""The first of them that arrived after that, or 0."""
SAYS, TALK = 1, 2
"""A child's standard output, and its standard error."""

_child = 0
_passing: tuple[int, ...] = ()


def environment() -> dict[str, str]:
    """The whole environment of a child. TERM alone is the caller's: it says what the terminal can draw."""
    term = os.environ.get("TERM", "")
    plain = term.isascii() and term.replace("-", "").replace(".", "").replace("+", "").isalnum()
    return {"PATH": PATH, "LANG": "C.UTF-8", "HOME": _home(), "TERM": term if plain else "dumb"}


def _home() -> str:
    if os.geteuid() == 0:
        return "/root"
    import pwd

    try:
        return pwd.getpwuid(os.geteuid()).pw_dir
    except KeyError:
        return "/"


def listen() -> None:
    """From now on INT, TERM and HUP do not end this process: they are noted and passed on to the child."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)  # where our caller ignores it, nobody would tell how children end
    for number in SIGNALS:
        if signal.getsignal(number) != signal.SIG_IGN:  # nohup stays nohup
            signal.signal(number, _note)


def _note(number: int, _frame: object) -> None:
    global again, received
    if received:
        again = again or number
    received = received or number
    _pass_on()


def _pass_on() -> None:
    global _passing
    if _child and received in _passing:
        _passing = ()
        os.kill(_child, received)


def _adopt(pid: int, passing: tuple[int, ...] = SIGNALS) -> None:
    """From now on `pid` is the child that these signals go to, once; one that came too early is passed on now."""
    global _child, _passing
    _child, _passing = pid, passing
    _pass_on()


def _release() -> None:
    global _child
    _child = 0


def status_of(wait_status: int) -> int:
    """The exit status a shell would show: 128+n if signal n ended the child."""
    if os.WIFSIGNALED(wait_status):
        return 128 + os.WTERMSIG(wait_status)
    return os.WEXITSTATUS(wait_status)


def run_child(argv: list[str]) -> int:
    """Run a program of this build in the foreground, on our own output; returns its exit status."""
    listen()
    actions = [(os.POSIX_SPAWN_OPEN, 0, "/dev/null", os.O_RDONLY, 0)]
    pid = os.posix_spawn(argv[0], argv, environment(), file_actions=actions)
    _adopt(pid)
    try:
        return status_of(os.waitpid(pid, 0)[1])
    finally:
        _release()


def child_output(argv: list[str]) -> tuple[int, str]:
    """As `run_child`, but returns what the child wrote to its standard output as well."""
    listen()
    reader, writer = os.pipe()
    actions = [(os.POSIX_SPAWN_OPEN, 0, "/dev/null", os.O_RDONLY, 0), (os.POSIX_SPAWN_DUP2, writer, 1)]
    pid = os.posix_spawn(argv[0], argv, environment(), file_actions=actions)
    os.close(writer)
    _adopt(pid)
    try:
        with open(reader, encoding="utf-8", errors="backslashreplace") as pipe:
            output = pipe.read()
        return status_of(os.waitpid(pid, 0)[1]), output
    finally:
        _release()


class Children:
    """Managers that run side by side: each with a process group of its own, its words read line by line.

    A Ctrl-C at the terminal reaches us alone, who decide what becomes of them.
    """

    def __init__(self) -> None:
        import select

        self._poll = select.poll()
        self._pids: dict[str, int] = {}
        self._pipes: dict[int, tuple[str, int, bytearray]] = {}  # by our end: whose it is, 1 or 2, an unfinished line

    def __len__(self) -> int:
        return len(self._pids)

    def start(self, key: str, argv: list[str]) -> None:
        """Start one; `key` is its name in what `events` tells."""
        actions = [(os.POSIX_SPAWN_OPEN, 0, "/dev/null", os.O_RDONLY, 0)]
        readers, writers = [], []
        try:
            for stream in (SAYS, TALK):
                reader, writer = os.pipe()
                readers.append(reader)
                writers.append(writer)
                actions.append((os.POSIX_SPAWN_DUP2, writer, stream))  # type: ignore[arg-type]
            self._pids[key] = os.posix_spawn(argv[0], argv, environment(), file_actions=actions, setpgroup=0)
        except OSError:
            for reader in readers:
                os.close(reader)
            raise
        finally:
            for writer in writers:
                os.close(writer)
        for stream, reader in zip((SAYS, TALK), readers):
            self._pipes[reader] = (key, stream, bytearray())
            self._poll.register(reader)

    def events(self, seconds: float) -> Iterator[tuple[str, int, str]]:
        """What happens within `seconds`: (key, SAYS or TALK, a line of that), and at its end (key, 0, its status)."""
        for reader, _ in self._poll.poll(seconds * 1000):
            key, stream, rest = self._pipes[reader]
            data = os.read(reader, 1 << 16)
            *lines, rest[:] = (rest + data).split(b"\n")
            lines += [rest[:]] * bool(rest and not data)
            for line in lines:
                yield key, stream, line.decode("utf-8", "backslashreplace")
            if not data:
                self._poll.unregister(reader)
                os.close(reader)
                del self._pipes[reader]
                if key not in [other for other, _, _ in self._pipes.values()]:
                    yield key, 0, str(status_of(os.waitpid(self._pids.pop(key), 0)[1]))

    def drain(self) -> None:
        """Wait for each of them, whatever it says."""
        while self._pids:
            for _ in self.events(PIECE):
                pass

    def pass_on(self, number: int) -> None:
        """Send a signal to each of them."""
        for pid in self._pids.values():
            os.kill(pid, number)


def manager_argv(executable: str, words: Sequence[str]) -> list[str]:
    """The command line of a program of this build: the same Python, isolated."""
    return [sys.executable or "/usr/bin/python3", "-I", "-S", executable, *words]


def run_tool(argv: Sequence[str], log: int, seconds: float, stdin: str = "", talk: int = -1) -> int | None:
    """Run a Proxmox VE tool; returns its exit status, or None if it still runs after `seconds`.

    It reads the file `stdin`, or nothing. What it says on standard error goes to `talk`, if that is given.

    Its output goes to the file descriptor `log`, a regular file: a pipe of ours would break with us, and a broken
    pipe kills Proxmox VE's worker. It gets a session of its own, so that a closed terminal does not reach it.
    A HUP of ours is not passed on: it would kill the tool and leave its worker alone.
    """
    # Held back, the news of its end is not lost before it is waited for.
    before = signal.pthread_sigmask(signal.SIG_BLOCK, ENDED)
    try:
        pid = _start_tool(argv, log, log if talk < 0 else talk, stdin or "/dev/null")
        _adopt(pid, (signal.SIGINT, signal.SIGTERM))
        return _status_within(pid, seconds)
    finally:
        _release()
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _start_tool(argv: Sequence[str], says: int, talk: int, stdin: str) -> int:
    """Start a tool in /, with the signals as a program expects them; returns its process ID."""
    _keep_open_files()
    source = os.open(stdin, os.O_RDONLY | os.O_CLOEXEC)
    here = _open_our_folder()
    actions = [(os.POSIX_SPAWN_DUP2, file, number) for number, file in enumerate((source, says, talk))]
    os.chdir("/")
    try:
        return os.posix_spawn(
            argv[0],
            list(argv),
            environment(),
            file_actions=actions,
            setsid=True,
            setsigmask=(),
            setsigdef=IGNORED,
        )
    finally:
        os.close(source)
        if here >= 0:
            os.fchdir(here)
            os.close(here)


def _open_our_folder() -> int:
    """Our working folder, -1 where we may not enter it, so that nothing in it can be meant and we need not go back."""
    try:
        return os.open(".", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    except PermissionError:
        return -1


def _keep_open_files() -> None:
    """Pass nothing on to a tool that our own caller has left open: its worker would hold it for months."""
    for name in os.listdir("/proc/self/fd"):
        if int(name) > TALK:
            try:
                os.set_inheritable(int(name), False)
            except OSError:
                continue  # that of the folder itself


def _status_within(pid: int, seconds: float) -> int | None:
    """The exit status of a child, None if it still runs after `seconds`."""
    deadline = time.monotonic() + seconds
    while True:
        ended, status = os.waitpid(pid, os.WNOHANG)
        if ended:
            return status_of(status)
        left = deadline - time.monotonic()
        if left <= 0:
            return None
        signal.sigtimedwait(ENDED, left)


def read(argv: Sequence[str], seconds: float, given: str = "") -> tuple[int | None, str, str]:
    """Run a program that tells something, of what is `given` to it on its standard input.

    Returns its status as that of `run_tool`, and what it says on both its outputs.
    """
    files = [os.memfd_create(name, os.MFD_CLOEXEC) for name in ("said", "talk", "given")]
    try:
        os.pwrite(files[2], given.encode("utf-8", "surrogateescape"), 0)
        status = run_tool(argv, files[0], seconds, f"/proc/self/fd/{files[2]}", files[1])
        said, talk = (
            os.pread(file, os.fstat(file).st_size, 0).decode("utf-8", "backslashreplace") for file in files[:2]
        )
    finally:
        for file in files:
            os.close(file)
    return status, said, talk


def ticks(seconds: float, first: float = 0.002, longest: float = PIECE) -> Iterator[None]:
    """Waits that grow from `first` to `longest`, in seconds, until `seconds` are over."""
    deadline, pause = time.monotonic() + seconds, first
    while True:
        yield
        left = deadline - time.monotonic()
        if left <= 0:
            return
        _sleep(min(pause, left))
        pause = min(pause * 1.5, longest)


def _sleep(seconds: float) -> None:
    """Sleep; a long sleep ends when a signal arrives."""
    until = time.monotonic() + seconds
    while seconds <= PIECE or not received:
        left = until - time.monotonic()
        if left <= 0:
            return
        time.sleep(min(left, PIECE))


def wait_until(condition: Callable[[], bool], seconds: float) -> bool:
    """Whether `condition()` came true within `seconds`; asked often at first, then ten times a second."""
    return any(condition() for _ in ticks(seconds))
