"""A tool: one call of pct, qm, pvesm or another on a node, from its words to its exit status."""

from __future__ import annotations

import os

from phoenix.rehearsal import programs, signals, speech, tasks
from phoenix.rehearsal.calls import Call
from phoenix.rehearsal.failures import BadParameters, Failure
from phoenix.rehearsal.tree import FACTS, Tree

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

    from phoenix.pve.options import Command

_FILES = ("ssh-public-keys", "sshkeys")
"""Options whose value is a file that is read before anything is checked."""
_WITHOUT_SUBCOMMANDS = ("pveversion", "umount")


def main(script: str, words: list[str]) -> int:
    """Run the tool that `script` (DIR/usr/sbin/TOOL) is, and note the call."""
    script = os.path.realpath(script)
    name = os.path.basename(script)
    call = Call([name, *words])
    _fill_standard_descriptors()
    tree = Tree(script.rsplit("/", 3)[0])
    signals.on(signals.PIPE, signals.DEFAULT)
    signals.on(signals.INT, signals.DEFAULT)
    status = 255
    try:
        status = run(tree, name, _decoded(words))
    except (Failure, OSError) as error:
        speech.complain(str(error))
        status = error.code if isinstance(error, Failure) else error.errno or 255
    finally:
        call.note(tree, status)
    return status


def _fill_standard_descriptors() -> None:
    """Put /dev/null where the caller closed one, so that no file of ours gets its number."""
    while True:
        number = os.open("/dev/null", os.O_RDWR)
        if number > 2:
            os.close(number)
            return
        os.set_inheritable(number, True)


def _decoded(words: list[str]) -> list[str]:
    """The words as the real tools see them: in the C locale every byte beyond ASCII is lost."""
    locale = next((os.environ[name] for name in ("LC_ALL", "LC_CTYPE", "LANG") if os.environ.get(name)), "C")
    coding = "ascii" if locale in ("C", "POSIX") else "utf-8"
    return [word if word.isascii() else os.fsencode(word).decode(coding, "replace") for word in words]


def run(tree: Tree, tool: str, words: list[str]) -> int:
    """Do what a tool is told to, or what is to go wrong with that; returns its exit status."""
    if tool in programs.PROGRAMS:
        called = " ".join([tool, *words[:1]]) if words and words[0][:1] not in ("", "-") else tool
        return _faulted(
            tree, called, words, lambda: int(_load(f"programs.{programs.PROGRAMS[tool]}", "run")(tree, words))
        )
    if tool in _WITHOUT_SUBCOMMANDS:
        return _faulted(tree, tool, words, lambda: int(_load(tool, "run")(tree, words)))
    if tool == "pvesh":
        words = _load("pvesh.words", "ready")(words)
    name, rest = _command(tree, tool, words)
    if name == "help":
        return int(_load("helptexts", "show")(tool, _table(tool), rest, tree.release))
    command = _table(tool).COMMANDS[name]
    if tool == "pvesh":
        command = _load("pvesh.words", "command")(tree, name, command, words)
    return _faulted(tree, f"{tool} {name}", rest, lambda: _subcommand(tree, tool, name, command, rest))


def _faulted(tree: Tree, name: str, words: list[str], work: Callable[[], int]) -> int:
    """Do the work of a call as faults.toml has it."""
    if not os.path.exists(tree("/faults.toml")):
        return work()
    from phoenix.rehearsal import faults

    return faults.applied(tree, faults.chosen(tree, name), words, work)


def _load(module: str, function: str) -> Callable[..., Any]:
    loaded: Callable[..., Any] = getattr(__import__(f"phoenix.rehearsal.{module}", fromlist=[function]), function)
    return loaded


def _package(tool: str) -> str:
    return tool.replace("-", "_")


def _table(tool: str) -> Any:
    return __import__(f"phoenix.pve.tables.{_package(tool)}", fromlist=["COMMANDS"])


def _command(tree: Tree, tool: str, words: list[str]) -> tuple[str, list[str]]:
    """The subcommand that the first words mean, each of which may be abbreviated, and the words after it."""
    table = _table(tool)
    if words and words[0] in table.COMMANDS:
        return words[0], words[1:]
    from phoenix.rehearsal import usages

    return usages.find(tool, table, words, tree.release)


def _subcommand(tree: Tree, tool: str, name: str, command: Command, words: list[str]) -> int:
    from phoenix.rehearsal import arguments

    package = _package(tool)
    handlers: Mapping[str, str] = __import__(f"phoenix.rehearsal.{package}", fromlist=["HANDLERS"]).HANDLERS
    handler = handlers.get(name)
    if handler is None:
        raise Failure(f"the rehearsal node has no `{tool} {name}`")
    given = arguments.parse(f"{tool} {name}", command, words, tree.release)
    for option in _FILES:
        if option in given and tool != "pvesh":  # the API takes the keys themselves
            given[option] = _load("keyfiles", "read")(tree, option, given[option])
    module, _, function = handler.partition(".")
    try:
        arguments.check(command, given, tree.release)
        tasks.announce(tree, f"{tool} {name}", given.get("vmid", ""))
        return int(_load(f"{package}.{module}", function)(tree, given))
    except BadParameters as bad:
        from phoenix.rehearsal import usages

        speech.complain(bad.text(usages.usage(f"{tool} {name}", command)))
        return 255


def is_node(root: str) -> bool:
    """Whether a directory is a rehearsal node."""
    return os.path.isfile(root.rstrip("/") + FACTS)
