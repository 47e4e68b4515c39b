"""Inside: what is asked of a guest that runs: of a container by pct exec, of a virtual machine by its agent.

What the tool's exit status says is that of the command only for a container; qm's says nothing, and its JSON does.
"""

from __future__ import annotations

import os

from phoenix import files
from phoenix.pve import pct
from phoenix.text import last_line, shell
from phoenix.value import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from phoenix.guests.work import Work

GRACE_SECONDS = 15
"""How much longer a tool may take than the command that it is to run."""
PIECE = 512 << 10
"""Bytes that one call gives to a machine: qm takes a mebibyte at most."""
PUT, ADD = 'umask 077; cat >"$1"', 'cat >>"$1"'
"""A shell's words that take a file, and more of it."""


class Answer(Value):
    """How a command ended: its status, None if that is not known, and why; what it said; whether it still runs."""

    status: int | None
    output: str
    why: str = ""
    runs: bool = False


def run(work: Work, words: Sequence[str], seconds: float, shown: Sequence[str] = ()) -> Answer:
    """Run a command in a guest; the log has `shown` instead of its words where these are long."""
    runner = _in_container if work.kind.name == "lxc" else _in_machine
    return runner(work, words, max(1, int(seconds)), shown or words)


def _in_container(work: Work, words: Sequence[str], seconds: int, shown: Sequence[str]) -> Answer:
    status, said = call(work, pct.execute(work.guest, words), seconds + GRACE_SECONDS, pct.execute(work.guest, shown))
    late = status is None
    return Answer(status, said, f"it did not end within {seconds} s" if late else "", late)


def _in_machine(work: Work, words: Sequence[str], seconds: int, shown: Sequence[str], stdin: str = "") -> Answer:
    from phoenix.pve import qm

    argv = qm.guest_exec(work.guest, words, seconds, with_input=bool(stdin))
    status, said = call(work, argv, seconds + GRACE_SECONDS, qm.guest_exec(work.guest, shown, seconds), stdin)
    if status is None:
        return Answer(None, said, "qm guest exec did not end", True)
    return ended(said) if status == 0 else Answer(None, said, last_line(said))


def ended(said: str) -> Answer:
    """What the JSON says that qm has printed among other things: it ends with 0 whatever became of the command."""
    import json

    lines = said.split("\n")
    try:
        first, last = lines.index("{"), len(lines) - 1 - lines[::-1].index("}")
        facts = json.loads("\n".join(lines[first : last + 1]))
    except (ValueError, RecursionError):
        return Answer(None, said, f"qm guest exec said: {last_line(said)}")
    output = f"{facts.get('out-data', '')}\n{facts.get('err-data', '')}"
    if not facts.get("exited"):
        why = f"it did not end in time and still runs there as process {facts.get('pid', '?')}"
        return Answer(None, output, why, True)
    name = "signal" if "signal" in facts else "exitcode"
    number = facts.get(name, 1)
    if type(number) is not int:
        return Answer(None, output, f"qm guest exec said: its {name} is {number!r}")
    return Answer(number + 128 * (name == "signal"), output)


def put(work: Work, source: str, target: str, seconds: float) -> str:
    """Copy a file of the node, a path of it, into a guest for its root alone; returns why it is not there, or ""."""
    if work.kind.name == "lxc":
        status, said = call(work, pct.push(work.guest, source, target, "0600"), seconds)
        return "" if status == 0 else last_line(said)
    if os.path.getsize(work.node.paths(source)) <= PIECE:
        return _piece(work, PUT, source, target, seconds)
    return _in_pieces(work, source, target, seconds)


def _piece(work: Work, script: str, source: str, target: str, seconds: float) -> str:
    words = ("sh", "-c", script, "phoenix", target)
    answer = _in_machine(work, words, max(1, int(seconds)), words, source)
    return "" if answer.status == 0 else answer.why or last_line(answer.output)


def _in_pieces(work: Work, source: str, target: str, seconds: float) -> str:
    piece, script, why = f"{source}.piece", PUT, ""
    try:
        with open(work.node.paths(source), "rb") as file:
            while not why:
                data = file.read(PIECE)
                if not data:
                    break
                files.replace_bytes(work.node.paths(piece), data)
                why, script = _piece(work, script, piece, target, seconds), ADD
    finally:
        files.discard(work.node.paths(piece))
    return why


def call(
    work: Work, argv: Sequence[str], seconds: float, shown: Sequence[str] = (), stdin: str = ""
) -> tuple[int | None, str]:
    """Run pct or qm; returns its exit status, None if it takes longer, and what it said."""
    work.log.line("$ " + shell(shown or argv))
    tool = [work.node.tool(argv[0]), *argv[1:]]
    given = work.node.paths(stdin) if stdin else ""
    return work.log.run(tool, max(1.0, seconds), given)
