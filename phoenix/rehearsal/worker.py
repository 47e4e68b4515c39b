"""Tasks: work in a process of its own session, whose output is relayed and whose last words end the tool."""

from __future__ import annotations

import os

from phoenix.rehearsal import pauses, signals, speech, tasks
from phoenix.rehearsal.failures import Failure, Interrupted

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

_asked = 0
_worker = 0


def run(job: Callable[[], None]) -> int:
    """Do `job` as a task and wait for it; returns the tool's exit status.

    Like the real one, the worker outlives a tool that HUP or KILL ended, until it writes something.
    """
    global _worker
    output, result = os.pipe(), os.pipe()
    for number in (signals.INT, signals.TERM, signals.QUIT):
        signals.on(number, _pass_on)
    child = os.fork()
    if not child:
        _work(job, output, result)
    _worker = child
    task = tasks.begun(child)
    pauses.forget()
    if _asked:
        os.kill(child, signals.TERM)
    os.close(output[1])
    os.close(result[1])
    while True:
        data = os.read(output[0], 65536)
        if not data:
            break
        while data:
            data = data[os.write(1, data) :]
    words = b""
    while True:
        data = os.read(result[0], 65536)
        if not data:
            break
        words += data
    status = os.waitpid(child, 0)[1]
    tasks.ended(task)
    return _end(words.decode("utf-8", "replace"), status)


def detached(job: Callable[[], None]) -> None:
    """Do `job` in a process that nobody waits for."""

    def quiet() -> int:
        null = os.open("/dev/null", os.O_RDWR)
        for number in (0, 1, 2):
            os.dup2(null, number)
        job()
        return 0

    apart(quiet)


def is_program(name: str) -> bool:
    """Whether this machine has a program."""
    places = os.environ.get("PATH", os.defpath).split(os.pathsep)
    return any(os.access(f"{place}/{name}", os.X_OK) for place in places)


def call(argv: list[str]) -> int:
    """Run a program of this machine with our descriptors; returns its exit status as a shell says it."""
    child = os.fork()
    if not child:
        try:
            os.execvpe(argv[0], argv, {**os.environ, "PATH": os.defpath + ":/usr/sbin:/sbin"})  # noqa: S606
        finally:
            os._exit(127)
    status = os.waitpid(child, 0)[1]
    return os.WEXITSTATUS(status) if os.WIFEXITED(status) else 128 + os.WTERMSIG(status)


def apart(work: Callable[[], int]) -> int:
    """Do work in a process that outlives this one, in a session of its own; returns its number."""
    child = os.fork()
    if not child:
        status = 255
        try:
            os.setsid()
            status = work()
        finally:
            os._exit(status)
    return child


def begin(argv: list[str], folder: str, log: str) -> int:
    """Start a program of this machine that outlives this process, what it says going to a file; returns its number."""

    def be() -> int:
        os.chdir(folder)
        output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        for number, source in ((0, os.open(os.devnull, os.O_RDONLY)), (1, output), (2, output)):
            os.dup2(source, number)
        os.execvpe(argv[0], argv, {"PATH": os.defpath + ":/usr/sbin:/sbin"})  # noqa: S606 - no shell is wanted

    return apart(be)


def pipe_from(argv: list[str], source: int) -> tuple[int, int]:
    """Start a filter that reads the descriptor `source`; returns where its output can be read, and its process."""
    output = os.pipe()
    child = os.fork()
    if not child:
        os.dup2(source, 0)
        os.dup2(output[1], 1)
        try:
            os.execvpe(argv[0], argv, os.environ)  # noqa: S606 - no shell is wanted
        finally:
            os._exit(127)
    os.close(output[1])
    return output[0], child


def _pass_on(*_: object) -> None:
    global _asked
    _asked += 1
    if _worker:
        os.kill(_worker, signals.TERM if _asked < 4 else signals.KILL)


def _end(words: str, status: int) -> int:
    kind, _, text = words.partition(" ")
    if kind == "done" and not status:
        if text != "0":
            speech.complain(f"Task finished with {text} warning(s)!")
        return 0
    text = text if kind == "failed" else "unexpected status"
    speech.complain(" ".join(text.split("\n")))
    return 255


def _work(job: Callable[[], None], output: tuple[int, int], result: tuple[int, int]) -> None:
    os.setsid()
    pauses.in_worker = True
    signals.on(signals.INT, signals.IGNORE)
    signals.on(signals.QUIT, signals.DEFAULT)
    for number in (output[0], result[0]):
        os.close(number)
    os.dup2(output[1], 1)
    os.dup2(output[1], 2)
    os.close(output[1])
    try:
        signals.on(signals.TERM, _interrupt)
        if _asked:  # it came before this process was its own
            raise Interrupted
        job()
        words = f"done {speech.warnings}"
    except Failure as failure:
        words = "failed " + failure.text
    except Interrupted:
        words = "failed received interrupt"
    except OSError as error:
        words = f"failed {error.filename}: {error.strerror}"
    except BaseException:
        import traceback

        speech.complain(traceback.format_exc())
        words = "failed the rehearsal node made a mistake"
    os.write(result[1], words.encode("utf-8", "replace"))
    os._exit(0 if words.startswith("done ") else 255)


def _interrupt(*_: object) -> None:
    signals.on(signals.TERM, signals.IGNORE)
    raise Interrupted
