"""The child's side of the boundary: a manager's arguments in, its exit status out.

A manager is a module of the package `managers`: its docstring is its usage text up to the options that every manager
has (BOUNDARY, which are added here), ACTIONS maps each action to a function that takes a `Call` and returns an exit
status. WITHOUT_ID names the actions that may go without an ID, SEVERAL those that may have more than one.
"""

from __future__ import annotations

import os

import phoenix
from phoenix import cli, errors, files, output, process
from phoenix.call import Call
from phoenix.errors import NotReady, PhoenixError, UsageError
from phoenix.paths import Paths
from phoenix.text import printable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from types import ModuleType
    from typing import Any

    from phoenix.cli import Answer

LIST_ACTIONS = "list-actions"

BOUNDARY = """
  --action=<action>    what to do; list-actions tells
  --id=<id>            the ID of the guest, a number from 100 to 999999999; plan and status take several
  --config=<dir>       the configuration folder, instead of /etc/phoenix
  --root=<dir>         work on the node in this folder instead of this machine
  --output=<format>    text or json
  --dry-run            say what would be done and change nothing
  --yes                do not ask
  --run-id=<id>        the name of this run, for its log
  --timeout=<seconds>  the longest that one step may take
  --help               this text
  --version            the version
"""
"""The options of every manager."""


def run(tree: str, manager: str, argv: list[str]) -> int:
    """Be the manager of that name; returns the exit status."""
    os.umask(0o022)  # what the node's programs read is written under a mode of its own, whoever's shell this is
    asked: dict[str, Answer] = {}

    def act() -> int:
        module = __import__("managers." + manager.replace("-", "_"), fromlist=["ACTIONS"])
        asked.update(cli.parse(usage_text(module), argv))
        return answer(module, manager, asked, tree)

    def tell(code: int, error: PhoenixError) -> None:
        if cli.wants_json(argv):
            output.failure(code, error, manager=manager, action=asked.get("--action"), id=asked.get("--id"))

    return cli.guarded(act, lambda: Paths(str(asked.get("--root") or "")).bug_log(), tell)


def usage_text(module: ModuleType) -> str:
    """A manager's whole usage text, for people and for docopt."""
    doc = (module.__doc__ or "").rstrip()
    return doc + ("" if "\nOptions:\n" in doc else "\n\nOptions:") + BOUNDARY


def answer(module: ModuleType, manager: str, asked: Mapping[str, Answer], tree: str) -> int:
    """Do what was asked: help, version, the list of actions, or an action."""
    if asked["--help"]:
        output.text(usage_text(module).strip())
        return 0
    if asked["--version"]:
        output.text(f"{manager} {phoenix.__version__} ({os.path.basename(tree)})")
        return 0
    actions = sorted([*module.ACTIONS, LIST_ACTIONS])
    if asked["--action"] == LIST_ACTIONS:
        if asked["--output"] == "json":
            output.document(manager=manager, actions=actions)
        else:
            output.text("\n".join(actions))
        return 0
    action = str(asked["--action"])
    if action not in module.ACTIONS:
        wrong = f"{manager} has no action {printable(action)!r}{cli.did_you_mean(action, actions)}"
        raise UsageError(wrong, f"{manager} --action=list-actions")
    guests = guests_of(module, action, asked["--id"])
    call = call_of(manager, asked, guests[0], os.path.basename(tree))
    hold(tree)
    process.listen()
    return each(module.ACTIONS[action], call, guests) if len(guests) > 1 else int(module.ACTIONS[action](call))


def guests_of(module: ModuleType, action: str, asked: Answer) -> list[str]:
    """The guests that are meant, [""] for none. UsageError for one that is no ID, and for more than may be."""
    if asked is None and action in getattr(module, "WITHOUT_ID", ()):
        return [""]
    words: list[Answer] = [*asked.split(cli.BETWEEN)] if isinstance(asked, str) else [asked]
    found = [cli.guest_id(word) for word in words]
    if len(found) > 1 and action not in getattr(module, "SEVERAL", ()):
        raise UsageError(f"{action} takes one --id, found {len(found)}")
    return list(dict.fromkeys(found))


def each(action: Callable[[Call], int], call: Call, guests: Sequence[str]) -> int:
    """Do an action for several guests, one after another; what is wrong with one does not stop the others.

    Their lines go out together: each by itself would wake the dispatcher, which takes as long as to look at a guest.
    """
    codes = []
    together: dict[str, Any] = {}
    for guest in guests:
        one = call.but(id=guest, together=together)

        def tell(code: int, error: PhoenixError, one: Call = one) -> None:
            if one.json:
                output.failure(code, error, manager=one.manager, action=one.action, id=one.id)

        codes.append(cli.guarded(lambda one=one: action(one), call.paths.bug_log, tell, flush=False))  # type: ignore[misc]
        if process.received or codes[-1] == cli.NOBODY_READS:
            break
    return codes[-1] if process.received or codes[-1] == cli.NOBODY_READS else errors.overall(codes)


def call_of(manager: str, asked: Mapping[str, Answer], guest: str, build: str) -> Call:
    """The typed call for one guest. UsageError for a value that cannot be meant."""
    paths = Paths(root_folder(asked["--root"]))
    if asked["--output"] not in (None, "text", "json"):
        raise UsageError(f"--output is {asked['--output']!r}, expected text or json")
    seconds = asked["--timeout"]
    if seconds is not None and not (isinstance(seconds, str) and is_count(seconds)):
        raise UsageError(f"--timeout is {seconds!r}, expected a number of seconds")
    name = str(asked["--run-id"] or cli.new_run())
    if not (name.isascii() and name.replace("-", "").isalnum()):
        raise UsageError(f"--run-id is {name!r}, expected letters, digits and dashes")
    return Call(
        manager=manager,
        action=str(asked["--action"]),
        id=guest,
        paths=paths,
        config=os.path.abspath(str(asked["--config"])) if asked["--config"] else paths.config,
        json=asked["--output"] == "json",
        dry_run=bool(asked["--dry-run"]),
        yes=bool(asked["--yes"]),
        run=name,
        timeout=int(str(seconds)) if seconds else 0,
        options=asked,
        build=build,
    )


def is_count(word: str) -> bool:
    """Whether a word is a number from 1 to 9999999 in plain digits."""
    return word.isascii() and word.isdigit() and len(word) <= 7 and int(word) > 0


def root_folder(word: Answer) -> str:
    """The checked value of --root, absolute, or ""."""
    if word is None:
        return ""
    if not isinstance(word, str) or not os.path.isdir(word):
        raise UsageError(
            f"--root is {word!r}, which is not a folder", "phoenix.pyz node new DIR makes a rehearsal node"
        )
    folder = os.path.abspath(word)
    foreign = files.foreign_part(folder)
    if foreign:
        hint = f"ls -ld {foreign}; the tools in it would be run, so nobody else may be able to change it"
        raise NotReady(f"--root: {foreign} belongs to another user or is writable by others", hint)
    return folder


def hold(tree: str) -> None:
    """Keep this build from being pruned while this process lives."""
    import fcntl

    try:
        fcntl.flock(os.open(tree, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC), fcntl.LOCK_SH)
    except OSError:
        cli.note(f"note: cannot lock {tree}; a newer build may prune it")
