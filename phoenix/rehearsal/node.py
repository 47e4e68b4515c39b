"""The program that makes rehearsal nodes: new ones, copies of the node that is here, and what became of a copy."""

from __future__ import annotations

import os
import sys

from phoenix import __version__, errors, output
from phoenix.rehearsal import layout, places, signals
from phoenix.rehearsal import setup as description

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import Any

USAGE = """\
usage: node new DIR [--pve 8|9] [--from SETUP.json]
       node copy DIR [--root NODE] [--config CONFIG]
       node outcome DIR

new makes a rehearsal node in DIR, which must not exist yet or be an empty folder: a Proxmox VE node as a
directory, with programs pct, qm, pvesm and others that behave like the real ones. --pve is the release it
stands for (default 9). --from describes another node: host name, storage.cfg, user.cfg, bridges, disks,
templates and files.

copy makes one that is like this machine, or like the node in the folder NODE, whose files are only read:
its guests, storages, bridges, templates, and which guests run. Folders and files of the node that the
configuration in CONFIG names are there too, without their content. `rehearse` does this.

outcome says what has become of a copy since it was made. copy and outcome take --output=json.
"""
_RELEASES = ("8", "9")
_USAGE_HINT = "phoenix.pyz node --help"


def main(argv: Sequence[str]) -> int:
    """Run `node ...`; returns the exit status."""
    if "--help" in argv or "-h" in argv:
        output.text(USAGE.rstrip())
        return 0
    for number in (signals.INT, signals.TERM, signals.HUP):
        if not signals.is_ignored(number):
            signals.on(number, _stop)
    try:
        command, folder, options = _understand(list(argv))
        _COMMANDS[command][0](folder, options)
        sys.stdout.flush()
    except errors.PhoenixError as error:
        if "--output=json" in argv:
            output.failure(error.code, error)
        sys.stderr.write(f"error: {error.message}\n" + (f"next:  {error.hint}\n" if error.hint else ""))
        return error.code
    return 0


def _stop(number: int, _frame: object) -> None:
    raise errors.Interrupted(number, f"stopped by signal {number}")


def _understand(words: list[str]) -> tuple[str, str, dict[str, str]]:
    """The command, its folder, and its options. UsageError if the words are none."""
    known = {name for _, names in _COMMANDS.values() for name in names}
    options: dict[str, str] = {}
    rest = []
    while words:
        word = words.pop(0)
        name, equals, value = word.partition("=")
        if name in known:
            if not equals:
                if not words:
                    raise errors.UsageError(f"{name} needs a value", _USAGE_HINT)
                value = words.pop(0)
            options[name] = value
        elif word.startswith("-"):
            raise errors.UsageError(f"there is no option {name}", _USAGE_HINT)
        else:
            rest.append(word)
    command = rest[0] if rest else ""
    if command not in _COMMANDS:
        raise errors.UsageError(f"there is no command {command!r}" if rest else "a command is missing", _USAGE_HINT)
    for name in options:
        if name not in _COMMANDS[command][1]:
            raise errors.UsageError(f"node {command} has no option {name}", _USAGE_HINT)
    if len(rest) != 2 or not rest[1]:
        raise errors.UsageError("exactly one folder must be named", _USAGE_HINT)
    return command, rest[1], options


def _new(folder: str, options: Mapping[str, str]) -> None:
    release = options.get("--pve", "9")
    if release not in _RELEASES:
        raise errors.UsageError(f"--pve is {release!r}; it must be 8 or 9", _USAGE_HINT)
    setup = description.read(options["--from"]) if "--from" in options else {}
    output.text(new(folder, release, setup))
    output.text(f"next: phoenix.pyz --root {folder} init")


def new(folder: str, release: str = "9", setup: Mapping[str, Any] | None = None) -> str:
    """Make a rehearsal node in `folder`; returns a line that says what was made. PhoenixError if it cannot be."""
    root = places.check(folder)
    make(root, lambda: layout.make(root, facts(release, setup or {}), setup or {}))
    return layout.describe(root, folder)


def facts(release: str, setup: Mapping[str, Any]) -> dict[str, Any]:
    """What a new node is told to be."""
    return {**layout.facts(release, setup), "made by": __version__}


def make(root: str, work: Callable[[], object]) -> None:
    """Do the work of making a node in `root`; what is not finished is removed again."""
    existed = os.path.isdir(root)
    try:
        work()
    except BaseException as error:
        _clear(root, existed)
        if isinstance(error, OSError):
            where = error.filename or root
            raise errors.NotReady(f"{where} cannot be written: {error.strerror}", "choose another folder") from error
        raise


def _clear(root: str, existed: bool) -> None:
    import shutil

    if not existed:
        shutil.rmtree(root, ignore_errors=True)
        return
    for name in os.listdir(root):
        shutil.rmtree(os.path.join(root, name), ignore_errors=True)


def _copy(folder: str, options: Mapping[str, str]) -> None:
    from phoenix.rehearsal import copying

    copying.run(folder, options)


def _outcome(folder: str, options: Mapping[str, str]) -> None:
    from phoenix.rehearsal import outcome

    outcome.run(folder, options)


_COMMANDS: Mapping[str, tuple[Callable[[str, Mapping[str, str]], None], tuple[str, ...]]] = {
    "new": (_new, ("--pve", "--from")),
    "copy": (_copy, ("--root", "--config", "--output")),
    "outcome": (_outcome, ("--output",)),
}
