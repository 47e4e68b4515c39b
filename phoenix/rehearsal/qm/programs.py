"""Programs that a guest agent is told to run: here they run apart, in a folder that stands in for the machine's disk.

What they say and how they end is kept in files, so that one that takes long can be asked for later.
"""

from __future__ import annotations

import fcntl
import os
import time

from phoenix.rehearsal import fence, jsons, sandbox, worker
from phoenix.rehearsal.failures import Failure

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from phoenix.rehearsal.tree import Tree

_FOLDER = "/var/lib/phoenix-rehearsal/machines"
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_PAUSE = 0.02
_MISSING = "Guest agent command failed, error was 'Failed to execute child process “{}” ({})'"
_KILLED: dict[str, Any] = {"signal": 9}
"""How a program ended that nobody could write down: what stays with it was killed, and it is killed with it."""
_FOLDERS = ("root", "tmp", "etc", "run", "var/lib", "var/tmp")


def begin(tree: Tree, guest: str, argv: Sequence[str], given: bytes) -> str:
    """Start a program with `given` as its input; returns the number that it is asked for by."""
    root, kept = _files(tree, guest), tree(f"{_FOLDER}/{guest}/programs")
    os.makedirs(kept, exist_ok=True)
    new = f"{kept}/{os.getpid()}.new"
    with open(new, "wb") as held, open(new, "rb") as source:
        held.write(given)
        held.flush()
        fcntl.flock(held, fcntl.LOCK_EX)  # which the child keeps to its end, however that comes
        number = str(worker.apart(lambda: _be(root, f"{kept}/{os.getpid()}", guest, argv, source.fileno())))
        os.rename(new, f"{kept}/{number}.in")
    return number


def _files(tree: Tree, guest: str) -> str:
    root = tree(f"{_FOLDER}/{guest}/files")
    for folder in _FOLDERS:
        os.makedirs(f"{root}/{folder}", exist_ok=True)
    return root


def _be(root: str, kept: str, guest: str, argv: Sequence[str], source: int) -> int:
    """Be what stays with the program until it ends, and writes down how."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
    os.dup2(source, 0)
    os.dup2(os.open(f"{kept}.out", flags, 0o600), 1)
    os.dup2(os.open(f"{kept}.err", flags, 0o600), 2)
    problem = ""

    def failed(error: OSError) -> int:
        os.write(2, _MISSING.format(argv[0], error.strerror).encode())
        return 127

    command = sandbox.Command(argv, {"PATH": _PATH}, failed)
    try:
        status = sandbox.run(sandbox.Box(root, f"VM{guest}"), command)
    except sandbox.Unavailable:
        try:
            status = fence.run(root, command)
        except sandbox.Unavailable as error:
            status, problem = 255, f"the rehearsal node cannot run programs on this machine: {error}"
    with open(f"{kept}.new", "wb") as file:
        file.write(jsons.show({"exitcode": status, "problem": problem}).encode())
    os.rename(f"{kept}.new", f"{kept}.json")
    return 0


def ended(tree: Tree, guest: str, number: str) -> dict[str, Any] | None:
    """How a program has ended, as the agent says it; None while it runs. Failure if there is none of that number."""
    kept = f"{_FOLDER}/{guest}/programs/{number}"
    if not number.isdigit() or not os.path.exists(tree(f"{kept}.in")):
        raise Failure(f"Agent error: Invalid parameter 'PID {number} does not exist'")
    runs = _is_held(tree(f"{kept}.in"))  # asked first: what it leaves is there before it ends
    text = tree.read(f"{kept}.json")
    if not text and runs:
        return None
    facts = jsons.read(text) if text else _KILLED
    output, errors = (tree.read(f"{kept}.{name}") for name in ("out", "err"))
    if facts.get("problem"):
        raise Failure(facts["problem"])
    if facts.get("exitcode") == 127 and errors.startswith(_MISSING.partition("{")[0]):
        raise Failure(f"Agent error: {errors}")
    found: dict[str, Any] = {**{name: facts[name] for name in ("exitcode", "signal") if name in facts}, "exited": 1}
    found.update({name: said for name, said in (("out-data", output), ("err-data", errors)) if said})
    return found


def _is_held(path: str) -> bool:
    """Whether the process that stays with a program is there still."""
    with open(path, "rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def wait(tree: Tree, guest: str, number: str, seconds: float) -> dict[str, Any] | None:
    """How a program ends within that time, 0 for any; None if it does not."""
    deadline = time.monotonic() + seconds
    while True:
        found = ended(tree, guest, number)
        if found is not None or (seconds and time.monotonic() > deadline):
            return found
        time.sleep(_PAUSE)


def forget(tree: Tree, guest: str) -> None:
    """Remove the folder that stands in for a machine's disk."""
    folder = tree(f"{_FOLDER}/{guest}")
    if os.path.isdir(folder):
        import shutil

        shutil.rmtree(folder, ignore_errors=True)
