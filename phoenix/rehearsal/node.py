"""A new node: the directory tree, the tools in it, and the command `node new` that makes them."""

from __future__ import annotations

import os
import sys

from phoenix import __version__, errors
from phoenix.rehearsal import layout

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

USAGE = """\
usage: node new DIR [--pve 8|9] [--from SETUP.json]

Makes a rehearsal node in DIR, which must not exist yet or be an empty folder: a Proxmox VE node as a
directory, with programs pct, pvesm, pveam and pveversion that behave like the real ones. --pve is the release
it stands for (default 9). --from describes another node: host name, storage.cfg, user.cfg, bridges, templates
and files.
"""
_RELEASES = ("8", "9")


class _Wishes:
    def __init__(self) -> None:
        self.folder = ""
        self.release = "9"
        self.setup = ""


def main(argv: Sequence[str]) -> int:
    """Run `node ...`; returns the exit status."""
    if "--help" in argv or "-h" in argv:
        sys.stdout.write(USAGE)
        return 0
    try:
        wishes = _understand(list(argv))
        made = new(wishes.folder, wishes.release, _read_setup(wishes.setup))
    except errors.PhoenixError as error:
        sys.stderr.write(f"error: {error.message}\n" + (f"next: {error.hint}\n" if error.hint else ""))
        return error.code
    sys.stdout.write(f"{made}\nnext: phoenix.pyz --root {wishes.folder} init\n")
    return 0


def _understand(words: list[str]) -> _Wishes:
    wishes, rest = _Wishes(), []
    while words:
        word = words.pop(0)
        name, equals, value = word.partition("=")
        if name in ("--pve", "--from"):
            if not equals:
                if not words:
                    raise _usage(f"{name} needs a value")
                value = words.pop(0)
            setattr(wishes, "release" if name == "--pve" else "setup", value)
        elif word.startswith("-"):
            raise _usage(f"there is no option {word}")
        else:
            rest.append(word)
    if wishes.release not in _RELEASES:
        raise _usage(f"--pve is {wishes.release!r}; it must be 8 or 9")
    if rest[:1] != ["new"]:
        raise _usage(f"there is no command {rest[0]!r}" if rest else "a command is missing")
    if len(rest) != 2 or not rest[1]:
        raise _usage("exactly one folder must be named")
    wishes.folder = rest[1]
    return wishes


def _usage(message: str) -> errors.UsageError:
    return errors.UsageError(message, "node new DIR [--pve 8|9] [--from SETUP.json]")


def _read_setup(path: str) -> dict[str, Any]:
    if not path:
        return {}
    import json

    hint = "it must hold a JSON object that describes a node"
    try:
        with open(path, encoding="utf-8") as file:
            setup = json.load(file)
    except OSError as error:
        raise errors.ConfigError(f"{path} cannot be read: {error.strerror}", hint) from error
    except ValueError as error:
        raise errors.ConfigError(f"{path} is no JSON: {error}", hint) from error
    if not isinstance(setup, dict):
        raise errors.ConfigError(f"{path} holds no JSON object", hint)
    return setup


def new(folder: str, release: str = "9", setup: dict[str, Any] | None = None) -> str:
    """Make a rehearsal node in `folder`; returns a line that says what was made. PhoenixError if it cannot be."""
    root = os.path.abspath(folder)
    _check_empty(folder, root)
    existed = os.path.isdir(root)
    facts = layout.facts(release, setup or {})
    facts["made by"] = __version__
    try:
        layout.make(root, facts, setup or {})
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        _clear(root, existed)
        if isinstance(error, OSError):
            where = error.filename or root
            message = f"{where} cannot be written: {error.strerror}"
            raise errors.NotReady(message, "choose another folder") from error
        raise errors.ConfigError(f"the description of the node cannot be used: {error!r}", "correct it") from error
    return layout.describe(root, folder)


def _check_empty(folder: str, root: str) -> None:
    hint = "choose a folder that does not exist yet, or remove this one if it is no longer needed"
    try:
        if os.path.lexists(root) and not (os.path.isdir(root) and not os.listdir(root)):
            what = "is not empty" if os.path.isdir(root) else "is not a folder"
            raise errors.Refused(f"{folder} exists and {what}; nothing was changed", hint)
    except OSError as error:
        raise errors.NotReady(f"{folder} cannot be read: {error.strerror}", "choose another folder") from error


def _clear(root: str, existed: bool) -> None:
    import shutil

    if not existed:
        shutil.rmtree(root, ignore_errors=True)
        return
    for name in os.listdir(root):
        shutil.rmtree(os.path.join(root, name), ignore_errors=True)
