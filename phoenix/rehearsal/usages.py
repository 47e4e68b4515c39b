"""Usages: how a subcommand is called, the lists of all of them, and which one the first words mean."""

from __future__ import annotations

from phoenix.pve.options import Command, Option
from phoenix.rehearsal import passwords
from phoenix.rehearsal.failures import WrongUsage

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import Any, Final

_GROUPS: Final[Mapping[str, tuple[str, ...]]] = {
    "ha-manager": (
        "crm-command/node-maintenance/disable crm-command/node-maintenance/enable crm-command/migrate "
        "crm-command/relocate crm-command/stop",
        "rules/add rules/config rules/list rules/remove rules/set",
        "groupadd groupconfig groupremove groupset",
        "add config remove set",
        "status",
    ),
    "pvecm": (
        "qdevice/remove qdevice/setup",
        "addnode apiver create delnode",
        "add expected keygen mtunnel nodes status updatecerts",
    ),
    "pct": (
        "clone create destroy list migrate move-volume pending resize restore template",
        "config set",
        "delsnapshot listsnapshot rollback snapshot",
        "reboot resume shutdown start stop suspend",
        "console cpusets df enter exec fsck fstrim mount pull push remote-migrate rescan status unlock unmount",
    ),
    "qm": (
        "cloudinit/dump cloudinit/pending cloudinit/update",
        "disk/move disk/resize disk/unlink disk/import disk/rescan",
        "guest/cmd guest/exec-status guest/passwd guest/exec",
        "clone config create delsnapshot destroy list listsnapshot migrate pending reboot reset resume rollback "
        "sendkey set shutdown snapshot start stop suspend template",
        "cleanup enroll-efi-keys import importovf monitor mtunnel nbdstop remote-migrate showcmd status terminal "
        "unlock vncproxy wait",
    ),
    "pvesm": (
        "scan/cifs scan/glusterfs scan/iscsi scan/lvm scan/lvmthin scan/nfs scan/pbs scan/zfs",
        "add remove set",
        "alloc free list",
        "status",
        "apiinfo export extractconfig import path prune-backups",
    ),
    "pveam": ("download", "available list remove update"),
    "pvesh": ("create delete get ls set usage",),
}
"""The subcommands in the order and the groups in which they are listed."""

HELP: Final = Command((Option("extra-args", "array"),), Option("verbose", "boolean"))
"""The subcommand that all tools have."""


FORMAT_OPTIONS: Final = frozenset(("human-readable", "noborder", "noheader", "output-format", "quiet"))
"""Options that say how an answer is shown; a usage line speaks of them apart."""


class Meaning:
    """What words mean: the subcommand `name` and the words after it, or with `name` "" why there is none.

    `words` are the command's words as understood so far, the last one perhaps as it was typed. `group` are those that
    choose the group in which the meaning ended; it is None if there is no such word in it.
    """

    def __init__(self, name: str, rest: list[str], words: list[str], group: tuple[str, ...] | None) -> None:
        self.name = name
        self.rest = rest
        self.words = words
        self.group = group


def usage(name: str, command: Command, line: str = "") -> str:
    """The usage line of a subcommand, which begins with `line` if that is another than its name."""
    words = [f"<{option.name}>" if option.required else f"[<{option.name}>]" for option in command.positional]
    asked = passwords.ASKED.get(name, ("", False))[0]  # what is asked for need not be given
    options = {key: option for key, option in command.options.items() if not (key == asked and option.required)}
    words += [f"--{key} <{option.type}>" for key, option in sorted(options.items()) if option.required]
    line = f"{line or name} {' '.join(words)}"
    formatted = "output-format" in options
    if options.keys() - (FORMAT_OPTIONS if formatted else frozenset()):
        line += " [OPTIONS]"
    return line + (" [FORMAT_OPTIONS]" if formatted else "")


def known(table: Any, release: int) -> dict[str, Command]:
    """The subcommands of a tool that a release has, by name, and help."""
    found = {name: command for name, command in table.COMMANDS.items() if command.since <= release <= command.until}
    return {**found, "help": HELP}


def resolve(table: Any, words: list[str], release: int) -> Meaning:
    """What the first words mean, each of which may be abbreviated as far as it stays the only one; aliases not."""
    names = known(table, release)
    alias = table.ALIASES.get(words[0]) if words else None
    if alias in names:
        words = [*alias.split(" "), *words[1:]]
    group: tuple[str, ...] = ()
    for place, word in enumerate(words):
        depth = len(group)
        choices = {name.split(" ")[depth] for name in names if tuple(name.split(" ")[:depth]) == group}
        hits = [word] if word in choices else [choice for choice in choices if choice.startswith(word)]
        if len(hits) != 1:
            return Meaning("", words[place + 1 :], [*group, word], group if hits else None)
        group = (*group, hits[0])
        if " ".join(group) in names:
            return Meaning(" ".join(group), words[place + 1 :], [*group], group)
    return Meaning("", [], [*group], group)


def find(tool: str, table: Any, words: list[str], release: int) -> tuple[str, list[str]]:
    """The subcommand that the first words mean, and the words after it; WrongUsage if they mean none."""
    if not words or words[0] in ("", "0"):  # what Perl takes for nothing
        raise WrongUsage(listing("no command specified", tool, table, release))
    meaning = resolve(table, words, release)
    if meaning.name:
        return meaning.name, meaning.rest
    said = f"command '{' '.join((tool, *meaning.words))}'"
    if meaning.group is None:
        raise WrongUsage(listing(f"unknown {said}", tool, table, release))
    raise WrongUsage(listing(f"incomplete {said}", tool, table, release, meaning))


def listing(said: str, tool: str, table: Any, release: int, meaning: Meaning | None = None) -> str:
    """What is said when there is no such subcommand, none was given, or it was abbreviated too much.

    Of an abbreviated one the subcommands of its group are shown, in one block, with what was typed before each.
    """
    lines = list(lines_of(tool, table, release, meaning))
    body = "\n".join(f"       {line}" if line else "" for line in lines)
    return f"ERROR: {said}\nUSAGE: {tool} <COMMAND> [ARGS] [OPTIONS]\n\n{body}"


def lines_of(tool: str, table: Any, release: int, meaning: Meaning | None = None) -> Iterator[str]:
    """The usage lines of the subcommands in their order, "" between two groups; or of the group of `meaning`."""
    names = known(table, release)
    group: tuple[str, ...] = (meaning.group or ()) if meaning is not None else ()
    shown = [tool, *(meaning.words if meaning is not None else ())]
    for block in (*_GROUPS[tool], "help"):
        lines = []
        for name in (item.replace("/", " ") for item in block.split()):
            words = tuple(name.split(" "))
            if name in names and words[: len(group)] == group:
                lines.append(usage(f"{tool} {name}", names[name], " ".join((*shown, *words[len(group) :]))))
        yield from lines
        if lines and meaning is None and block != "help":
            yield ""
