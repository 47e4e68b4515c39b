"""A tool: one call of pct, pvesm, pveam or pveversion on a node, from its words to its exit status."""

from __future__ import annotations

import os

from phoenix.rehearsal import pauses, signals, speech
from phoenix.rehearsal.calls import Call, fault
from phoenix.rehearsal.failures import BadParameters, Failure, WrongUsage
from phoenix.rehearsal.tree import FACTS, Tree

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_MODULES = {
    "pct config": ("pct_show", "config"),
    "pct create": ("pct_create", "run"),
    "pct destroy": ("pct_destroy", "run"),
    "pct list": ("pct_show", "list_guests"),
    "pct pending": ("pct_show", "pending"),
    "pct set": ("pct_set", "run"),
    "pct shutdown": ("pct_state", "shutdown"),
    "pct start": ("pct_state", "start"),
    "pct status": ("pct_show", "status"),
    "pct stop": ("pct_state", "stop"),
    "pct unlock": ("pct_destroy", "unlock"),
    "pveam list": ("storage_tools", "list_templates"),
    "pvesm list": ("storage_tools", "list_volumes"),
    "pvesm status": ("storage_tools", "status"),
}
_CHANGERS = ("pct_create", "pct_destroy", "pct_set", "pct_state")


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
        status = _run(tree, name, _decoded(words))
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


def _run(tree: Tree, tool: str, words: list[str]) -> int:
    name = tool if tool == "pveversion" else f"{tool} {_command(tree, tool, words)}"
    wanted = fault(tree, name)
    before = wanted.get("before")
    if before is not None:
        return _pretend(before)
    if wanted.get("lie"):
        return 0
    pauses.seconds = float(wanted.get("slow", 0))
    if _MODULES.get(name, ("", ""))[0] not in _CHANGERS:
        pauses.pause()  # the others do it in the middle of their work, with their locks held
    status = _version(tree, words) if name == tool else _subcommand(tree, name, words[1:])
    after = wanted.get("after")
    return status if after is None else _pretend(after)


def _pretend(outcome: dict[str, Any]) -> int:
    text = str(outcome.get("stderr", ""))
    if text:
        speech.complain(text.rstrip("\n"))
    return int(outcome.get("code", 255))


def _version(tree: Tree, words: list[str]) -> int:
    from phoenix.rehearsal import storage_tools

    status, usage = storage_tools.version(tree, words)
    if usage:
        speech.complain(usage)
    return status


def _command(tree: Tree, tool: str, words: list[str]) -> str:
    """The subcommand that the first word means, which may be abbreviated."""
    if words and f"{tool} {words[0]}" in _MODULES:
        return words[0]
    from phoenix.rehearsal import usages

    if not words:
        raise WrongUsage(usages.unknown(tool, None, tree.release))
    commands = usages.commands(tool, tree.release)
    hits = [command for command in commands if command.startswith(words[0])]
    if words[0] in commands or len(hits) == 1:
        return words[0] if words[0] in commands else hits[0]
    say = usages.incomplete if hits else usages.unknown
    raise WrongUsage(say(tool, words[0], tree.release))


def _subcommand(tree: Tree, name: str, words: list[str]) -> int:
    from phoenix.pve import commands
    from phoenix.rehearsal import arguments

    if name not in _MODULES:
        raise Failure(f"the rehearsal node has no `{name}` yet")
    command = commands.COMMANDS[name]
    given = arguments.parse(name, command, words, tree.release)
    if "ssh-public-keys" in given:
        from phoenix.rehearsal import pct_create

        given["ssh-public-keys"] = pct_create.read_key_file(tree, given["ssh-public-keys"])
    module, function = _MODULES[name]
    try:
        arguments.check(command, given, tree.release)
        loaded = __import__(f"phoenix.rehearsal.{module}", fromlist=[function])
        return int(getattr(loaded, function)(tree, given))
    except BadParameters as bad:
        speech.complain(bad.text(arguments.usage(name, command)))
        return 255


def is_node(root: str) -> bool:
    """Whether a directory is a rehearsal node."""
    return os.path.isfile(root.rstrip("/") + FACTS)
