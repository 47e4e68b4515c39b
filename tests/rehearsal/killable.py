"""A manager that can be killed between, before and during its calls; undisturbed it works in the test's process."""

from __future__ import annotations

import gc
import os
import signal
import sys
from contextlib import redirect_stderr, redirect_stdout
from typing import NamedTuple

from phoenix import journal, manager, process
from tests.rehearsal.forked import be

KILLED, UNTRUE = 97, 96
"""How a manager ends that is killed here, and one that is about to do what it never may."""
READING = {"status", "config", "list", "pending", "listsnapshot", "help"}
NEVER = {"--purge", "--force", "--skiplock", "--destroy-unreferenced-disks"}


class Ran(NamedTuple):
    """How an operation ended, and what it said."""

    status: int
    said: str


class EndError(BaseException):
    """Ends a manager at once, with its first argument as its status, whatever it would catch."""


def run(root, name, argv, written, kill=None):
    """Run a manager on a node to the end of all that it has started.

    `written` is its journal; `kill` is the number of the call at which it ends, and whether before, during or after.
    """
    path = root / "said"
    output = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND)
    if kill:
        child = os.fork()
        if not child:
            status = 98
            try:
                gc.disable()  # as a manager's own program does
                status = act(root, name, argv, Tool(written, kill), output)
            finally:
                os._exit(status)
        status = process.status_of(os.waitpid(child, 0)[1])
    else:
        status = act(root, name, argv, Tool(written), output)
    os.close(output)
    while has_child():
        os.wait()
    return Ran(status, path.read_text(errors="replace"))


def act(root, name, argv, tool, output):
    """Be the manager, in this process; returns its exit status."""
    kept = process.run_tool, manager.hold, [(number, signal.getsignal(number)) for number in process.SIGNALS]
    process.run_tool = tool.run
    manager.hold = lambda tree: None  # it would do so until this process ends
    try:
        with open(output, "w", encoding="utf-8", closefd=False) as file, redirect_stdout(file), redirect_stderr(file):
            return manager.run(str(root / "usr"), name, argv)
    except EndError as end:
        return end.args[0]
    finally:
        process.run_tool, manager.hold, handlers = kept
        for number, handler in handlers:
            signal.signal(number, handler)
        if process.received:  # a Ctrl-C at the tests, which the manager took for its own
            process.received = 0
            raise KeyboardInterrupt


class Tool:
    """What stands for phoenix.process.run_tool in a manager: the tool in a fork, and the manager's end before its."""

    def __init__(self, written, kill=None):
        self.written = written
        self.left, self.when = kill or (0, "")

    def run(self, argv, log, _seconds, stdin=""):
        argv = list(argv)
        if argv[1] not in READING:
            self.check(argv)
        self.left -= 1
        if self.left == 0 and self.when == "before":
            os._exit(KILLED)
        child = os.fork()
        if not child:
            be(argv, log, stdin)
        if self.left == 0 and self.when == "during":
            os._exit(KILLED)
        status = process.status_of(os.waitpid(child, 0)[1])
        if self.left == 0:
            os._exit(KILLED)
        return status

    def check(self, argv):
        """What changes something was written down before, and is never forced."""
        with open(self.written, encoding="utf-8", errors="replace") as file:
            last = journal.parsed(file.read().rstrip("\n").rpartition("\n")[2])
        if last is None or last["event"] != "intent" or last["argv"][1:] != argv[1:]:
            refuse(f"not in the journal: {argv}")
        if NEVER & {word.partition("=")[0] for word in argv}:
            refuse(f"never by default: {argv}")


def refuse(why):
    """End the manager; its schedule has failed."""
    sys.stderr.write(why)
    raise EndError(UNTRUE)


def by_hand(root, tool, *words):
    """Run a tool to its end, as a person does; returns its exit status."""
    child = os.fork()
    if not child:
        be([str(root / "usr/sbin" / tool), *words], os.open(os.devnull, os.O_WRONLY), "")
    return process.status_of(os.waitpid(child, 0)[1])


def has_child():
    """Whether anything that was started here lives, or waits to be buried."""
    try:
        return os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOWAIT) is not None
    except ChildProcessError:
        return False
