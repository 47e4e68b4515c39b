"""The parent's side of the boundary: a manager as a child process, with explicit arguments and nothing else."""

from __future__ import annotations

import os
import sys

from phoenix import cli, process
from phoenix.dispatch import routing
from phoenix.errors import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Optional

    Take = Optional[Callable[[str], None]]

FORWARDED = ("--config", "--root", "--output", "--dry-run", "--yes", "--timeout")
"""The dispatcher's own options that every manager has as well."""


def arguments(options: dict[str, str | bool], run: str, rest: Sequence[str]) -> list[str]:
    """What a manager is told besides its action and ID. Folders become absolute."""
    words = []
    for name in FORWARDED:
        value = options.get(name)
        if name in ("--config", "--root") and isinstance(value, str):
            value = os.path.abspath(value)
        if value is not None:
            words.append(name if value is True else f"{name}={value}")
    return [*words, f"--run-id={run}", *rest]


def run(tree: str, manager: str, words: Sequence[str]) -> int:
    """Run a manager in the foreground; returns its exit status."""
    return process.run_child(process.manager_argv(routing.manager_path(tree, manager), words))


def rehearsal(tree: str, words: Sequence[str]) -> int:
    """Run the program that makes rehearsal nodes; returns its exit status."""
    return process.run_child(process.manager_argv(tree + "/libexec/rehearsal", words))


def rehearsal_output(tree: str, words: Sequence[str]) -> tuple[int, str]:
    """As `rehearsal`, but returns its standard output as well."""
    return process.child_output(process.manager_argv(tree + "/libexec/rehearsal", words))


def output(tree: str, manager: str, words: Sequence[str]) -> tuple[int, str]:
    """Run a manager; returns its exit status and its standard output."""
    return process.child_output(process.manager_argv(routing.manager_path(tree, manager), words))


def run_to(tree: str, manager: str, words: Sequence[str], take: Take) -> int:
    """Run a manager; what it writes to its standard output goes to `take`, or without one to ours."""
    if take is None:
        return run(tree, manager, words)
    code, text = output(tree, manager, words)
    for line in text.strip().split("\n"):
        take(line)
    return code


LOSES = {
    "delete": "deletes {target} and its volumes",
    "rollback": "makes {target} what it was at the snapshot; what came after it is lost",
    "delete-snapshot": "removes the snapshot of {target}",
}
"""What the verbs that ask first are about to do."""


def confirm(verb: str, targets: Sequence[routing.Target]) -> None:
    """Let somebody at the terminal type the ID of each guest that loses something. UsageError if they do not."""
    if not (sys.stdin and sys.stdin.isatty()):
        what = "deleting" if verb == "delete" else verb
        raise UsageError(f"{what} needs --yes where there is no terminal to ask", "add --yes to the command")
    for target in targets:
        what = LOSES[verb].format(target=f"{target.kind} {target.id}")
        cli.note(f"This {what}. Type {target.id} to go on:")
        if sys.stdin.readline().strip() != target.id:
            raise UsageError(f"{target.id} was not typed; nothing was changed", f"phoenix.pyz status {target.id}")
