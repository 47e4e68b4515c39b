"""Usages: the lists that the tools show when they do not know a command."""

from __future__ import annotations

from phoenix.rehearsal.failures import WrongUsage

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any, Final

_PCT = """clone <vmid> <newid> [OPTIONS]
create <vmid> <ostemplate> [OPTIONS]
destroy <vmid> [OPTIONS]
list 
migrate <vmid> <target> [OPTIONS]
move-volume <vmid> <volume> [<storage>] [<target-vmid>] [<target-volume>] [OPTIONS]
pending <vmid>
resize <vmid> <disk> <size> [OPTIONS]
restore <vmid> <ostemplate> [OPTIONS]
template <vmid>

config <vmid> [OPTIONS]
set <vmid> [OPTIONS]

delsnapshot <vmid> <snapname> [OPTIONS]
listsnapshot <vmid>
rollback <vmid> <snapname> [OPTIONS]
snapshot <vmid> <snapname> [OPTIONS]

reboot <vmid> [OPTIONS]
resume <vmid>
shutdown <vmid> [OPTIONS]
start <vmid> [OPTIONS]
stop <vmid> [OPTIONS]
suspend <vmid>

console <vmid> [OPTIONS]
cpusets 
df <vmid>
enter <vmid> [OPTIONS]
exec <vmid> [<extra-args>] [OPTIONS]
fsck <vmid> [OPTIONS]
fstrim <vmid> [OPTIONS]
mount <vmid>
pull <vmid> <path> <destination> [OPTIONS]
push <vmid> <file> <destination> [OPTIONS]
remote-migrate <vmid> [<target-vmid>] <target-endpoint> --target-bridge <string> --target-storage <string> [OPTIONS]
rescan  [OPTIONS]
status <vmid> [OPTIONS]
unlock <vmid>
unmount <vmid>

help [<extra-args>] [OPTIONS]"""  # noqa: W291

_PVESM = """scan cifs <server> [OPTIONS]
scan glusterfs <server>
scan iscsi <portal>
scan lvm 
scan lvmthin <vg>
scan nfs <server>
scan pbs <server> <username> --password <string> [OPTIONS] [FORMAT_OPTIONS]
scan zfs 

add <type> <storage> [OPTIONS]
remove <storage>
set <storage> [OPTIONS]

alloc <storage> <vmid> <filename> <size> [OPTIONS]
free <volume> [OPTIONS]
list <storage> [OPTIONS]

status  [OPTIONS]

apiinfo 
export <volume> <format> <filename> [OPTIONS]
extractconfig <volume>
import <volume> <format> <filename> [OPTIONS]
path <volume>
prune-backups <storage> [OPTIONS]

help [<extra-args>] [OPTIONS]"""  # noqa: W291

_PVEAM = """download <storage> <template>

available  [OPTIONS]
list <storage>
remove <template_path>
update 

help [<extra-args>] [OPTIONS]"""  # noqa: W291

_LISTS: Final[Mapping[str, str]] = {"pct": _PCT, "pvesm": _PVESM, "pveam": _PVEAM}
_NINE_LACKS = "scan glusterfs"


def _lines(tool: str, release: int) -> list[str]:
    return [line for line in _LISTS[tool].split("\n") if release < 9 or not line.startswith(_NINE_LACKS)]


def find(tool: str, table: Any, words: list[str], release: int) -> tuple[str, list[str]]:
    """The subcommand that the first words mean, and the words after it; WrongUsage if they mean none."""
    names = [name for name, command in table.COMMANDS.items() if command.since <= release <= command.until]
    if words and table.ALIASES.get(words[0]) in names:
        return table.ALIASES[words[0]], words[1:]
    found, rest = "", list(words)
    while found not in names:
        if not rest:
            raise WrongUsage(incomplete(tool, found, release) if found else unknown(tool, None, release))
        found = _longer(tool, found, rest.pop(0), names, release)
    return found, rest


def _longer(tool: str, found: str, word: str, names: list[str], release: int) -> str:
    """`found` with one word more: the one that `word` is, or begins."""
    depth = len(found.split())
    begin = found + " " if found else ""
    choices = sorted({name.split(" ")[depth] for name in [*names, "help"] if name.startswith(begin)})
    hits = [word] if word in choices else [choice for choice in choices if choice.startswith(word)]
    if len(hits) == 1:
        return begin + hits[0]
    raise WrongUsage((incomplete if hits else unknown)(tool, begin + word, release))


def unknown(tool: str, word: str | None, release: int) -> str:
    """What is said when there is no such subcommand, or none was given."""
    head = "ERROR: no command specified" if word is None else f"ERROR: unknown command '{tool} {word}'"
    body = "\n".join(f"       {tool} {line}" if line else "" for line in _lines(tool, release))
    return f"{head}\nUSAGE: {tool} <COMMAND> [ARGS] [OPTIONS]\n\n{body}"


def incomplete(tool: str, word: str, release: int) -> str:
    """What is said when a subcommand is abbreviated too much."""
    body = "\n".join(f"       {tool} {word} {line}" for line in _lines(tool, release) if line)
    return f"ERROR: incomplete command '{tool} {word}'\nUSAGE: {tool} <COMMAND> [ARGS] [OPTIONS]\n\n{body}"
