"""`TOOL help`: how the subcommands are called and what their options take."""

from __future__ import annotations

from phoenix.pve import options
from phoenix.rehearsal import arguments, usages
from phoenix.rehearsal.failures import WrongUsage
from phoenix.rehearsal.speech import say

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from phoenix.pve.options import Command, Option

_WIDTH = 75
_INDENT = " " * 13
_FEW = 3
"""An enumeration in a property string is spelled out if it is as short as this."""


def show(tool: str, table: Any, words: list[str], release: int) -> int:
    """Print the help of one subcommand, of a group of them, or of all."""
    given = arguments.parse(f"{tool} help", usages.HELP, words, release)
    asked = [word for word in given.get("extra-args", "").split("\0") if word]
    meaning = usages.resolve(table, asked, release)
    if not meaning.name and meaning.group is None:
        raise WrongUsage(usages.listing(f"unknown command '{asked[0]}'", tool, table, release))
    names = usages.known(table, release)
    group = meaning.group or ()
    texts = []
    for name in sorted(names, key=lambda name: name.split(" ")):
        words = name.split(" ")
        if tuple(words[: len(group)]) != group:
            continue
        line = usages.usage(f"{tool} {name}", names[name], " ".join((tool, *meaning.words, *words[len(group) :])))
        if given.get("verbose", "1") == "1":
            texts.append(full(line, names[name], release))
        else:
            texts.append(f"{'       ' if texts else 'USAGE: '}{line}\n")
    say("".join(texts))
    return 0


def full(line: str, command: Command, release: int) -> str:
    """A usage line and what each argument and option takes."""
    text = f"USAGE: {line}\n\n" + "".join(_described(f"<{option.name}>", option) for option in command.positional)
    table = options.known(command.options, release)
    hidden = usages.FORMAT_OPTIONS if "output-format" in table else frozenset()
    for key in sorted(table.keys() - hidden, key=lambda key: table[key].name):
        option = table[key]
        number = "[n]" if option.last > 0 else "0" if option.last == 0 else ""
        text += _described(f"--{option.name}{number}", option)
    return text


def _described(name: str, option: Option) -> str:
    import textwrap

    default = f"   (default={option.default})" if option.default else ""
    lines = textwrap.wrap(f"  {name:<10} {_takes(option)}{default}", _WIDTH, subsequent_indent=_INDENT)
    if option.requires:
        lines.append(f"{_INDENT}Requires option(s): {option.requires}")
    return "\n".join(lines).replace("\n" + _INDENT, "\n\t     ") + "\n\n"


def _takes(option: Option) -> str:
    if option.enum:
        return f"<{' | '.join(sorted(option.enum))}>"
    if option.pattern:
        return option.pattern
    if option.properties:
        return _properties(option)
    if option.low is None and option.high is None:
        return f"<{option.type}>"
    low, high = "-N" if option.low is None else option.low, "N" if option.high is None else option.high
    return f"<{option.type}> ({low} - {high})"


def _properties(option: Option) -> str:
    """The keys of a property string: the one that may go without its name, those that must be, the others."""
    keys = [key for key in option.properties.values() if not key.alias]
    keys.sort(key=lambda key: (not key.bare, not key.required, key.name))
    text = ""
    for key in keys:
        part = ("," if text else "") + (f"[{key.name}=]" if key.bare else f"{key.name}=") + _plain(key)
        text += (" " if text else "") + (part if key.required else f"[{part}]")
    return text


def _plain(key: Option) -> str:
    if key.enum:
        return f"<{'|'.join(key.enum)}>" if len(key.enum) <= _FEW else "<enum>"
    return "<1|0>" if key.type == "boolean" else f"<{key.type}>"
