"""`TOOL help`: how the subcommands are called and what their options take."""

from __future__ import annotations

from phoenix.pve import options
from phoenix.rehearsal import usages
from phoenix.rehearsal.failures import WrongUsage
from phoenix.rehearsal.speech import say

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from phoenix.pve.options import Command, Option

_WIDTH = 78


def show(tool: str, table: Any, words: list[str], release: int) -> int:
    """Print the help of one subcommand, or of all."""
    wanted = " ".join(word for word in words if not word.startswith("-"))
    known = [name for name, command in table.COMMANDS.items() if command.since <= release <= command.until]
    wanted = table.ALIASES.get(wanted, wanted)
    hits = [wanted] if wanted in known else [name for name in known if name.startswith(wanted)]
    if not hits:
        raise WrongUsage(usages.listing(f"unknown command '{wanted}'", tool, table, release))
    for name in hits:
        _show_one(tool, name, table.COMMANDS[name], release)
    return 0


def _show_one(tool: str, name: str, command: Command, release: int) -> None:
    say(f"USAGE: {usages.usage(f'{tool} {name}', command)}\n")
    for option in command.positional:
        _line(f"<{option.name}>", option)
    table = options.known(command.options, release)
    for key in sorted(table):
        option = table[key]
        _line(f"--{option.name}[n]" if option.last >= 0 else f"--{option.name}", option)


def _line(name: str, option: Option) -> None:
    words = _takes(option) + (f"   (default={option.default})" if option.default else "")
    say(f"  {name:<10} {words}\n")


def _takes(option: Option) -> str:
    if option.properties:
        return " ".join(f"[,{key.name}=<{_plain(key)}>]" for key in option.properties.values() if not key.alias)
    if option.low is None:
        return f"<{_plain(option)}>"
    return f"<{option.type}> ({option.low} - {'N' if option.high is None else option.high})"


def _plain(option: Option) -> str:
    if option.enum and len(", ".join(option.enum)) < _WIDTH:
        return " | ".join(sorted(option.enum))
    return "1|0" if option.type == "boolean" else option.type
