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
    take(text.strip())
    return code


def run_each(
    tree: str,
    action: str,
    targets: Sequence[routing.Target],
    words: Sequence[str],
    take: Take,
) -> int:
    """Run the managers of several targets, one after another; returns the status of the whole."""
    codes = []
    for target in targets:
        call = [f"--action={action}", f"--id={target.id}", *words]
        codes.append(run_to(tree, target.kind + routing.SUFFIX, call, take))
        if process.received:
            break
    return overall(codes)


def document(text: str) -> object:
    """A child's document; what a child that broke off has written instead stays as it is, a text."""
    import json

    try:
        return json.loads(text)
    except ValueError:
        return text


def overall(codes: Sequence[int]) -> int:
    """One status for several: 0 if all are, theirs if they agree, 7 if only some of it is done.

    10 says of a plan that there is something to do, which holds for all if it does for one.
    """
    different = set(codes)
    if different <= {0, 10}:
        return max(different, default=0)
    return different.pop() if len(different) == 1 else 7


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
