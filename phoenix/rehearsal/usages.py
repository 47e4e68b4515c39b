"""Usages: how a subcommand is called, the lists of all of them, and which one the first words mean."""

from __future__ import annotations

from phoenix.rehearsal.failures import WrongUsage

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import Any, Final

    from phoenix.pve.options import Command

_GROUPS: Final[Mapping[str, tuple[str, ...]]] = {
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

_HELP: Final = "help [<extra-args>] [OPTIONS]"
_FORMAT_OPTIONS: Final = frozenset(("human-readable", "noborder", "noheader", "output-format", "quiet"))


def usage(name: str, command: Command) -> str:
    """The usage line of a subcommand."""
    words = [f"<{option.name}>" if option.required else f"[<{option.name}>]" for option in command.positional]
    asked = () if name.endswith("guest passwd") else command.options.items()  # it asks for that on the terminal
    words += [f"--{name} <{option.type}>" for name, option in sorted(asked) if option.required]
    line = f"{name} {' '.join(words)}"
    optional = {name for name, option in command.options.items() if not option.required}
    if optional - (_FORMAT_OPTIONS if "output-format" in optional else frozenset()) or (
        "output-format" in optional and "noproxy" in optional
    ):
        line += " [OPTIONS]"
    return line + (" [FORMAT_OPTIONS]" if "output-format" in optional else "")


def _lines(tool: str, table: Any, release: int, only: str = "") -> Iterator[str]:
    """The usage lines of the subcommands, "" between two groups; `only` those that begin with some words."""
    for group in _GROUPS[tool]:
        names = [name.replace("/", " ") for name in group.split()]
        shown = [name for name in names if name.startswith(only) and _is_known(table, name, release)]
        for name in shown:
            yield usage(name, table.COMMANDS[name])
        if shown:
            yield ""
    if not only:
        yield _HELP


def _is_known(table: Any, name: str, release: int) -> bool:
    command = table.COMMANDS[name]
    return bool(command.since <= release <= command.until)


def find(tool: str, table: Any, words: list[str], release: int) -> tuple[str, list[str]]:
    """The subcommand that the first words mean, and the words after it; WrongUsage if they mean none."""
    names = [name for name in table.COMMANDS if _is_known(table, name, release)]
    if words and table.ALIASES.get(words[0]) in names:
        return table.ALIASES[words[0]], words[1:]
    found, rest = "", list(words)
    while found not in names:
        if not rest:
            said = "no command specified" if not found else f"incomplete command '{tool} {found}'"
            raise WrongUsage(listing(said, tool, table, release, only=found + " " if found else ""))
        word, depth = rest.pop(0), len(found.split())
        begin = found + " " if found else ""
        choices = sorted({name.split(" ")[depth] for name in names if name.startswith(begin)} | {"help"} - {found})
        hits = [word] if word in choices else [choice for choice in choices if choice.startswith(word)]
        if not hits:
            raise WrongUsage(listing(f"unknown command '{tool} {begin}{word}'", tool, table, release))
        if len(hits) > 1:
            said = f"incomplete command '{tool} {begin}{word}'"
            raise WrongUsage(listing(said, tool, table, release, before=f"{begin}{word} "))
        found = begin + hits[0]
        if found == "help":
            return found, rest
    return found, rest


def listing(said: str, tool: str, table: Any, release: int, *, only: str = "", before: str = "") -> str:
    """What is said when there is no such subcommand, none was given, or it was abbreviated too much.

    `before` stands before every subcommand, in one block: the real tools show what was typed there.
    """
    lines = list(_lines(tool, table, release, only))
    if only or before:
        lines = [before + line for line in lines if line]
    body = "\n".join(f"       {tool} {line}" if line else "" for line in lines)
    return f"ERROR: {said}\nUSAGE: {tool} <COMMAND> [ARGS] [OPTIONS]\n\n{body}"
