"""NFS: folders that the node exports, in a file of our own in /etc/exports.d, which `exportfs -ra` puts into effect.

What real ones do (nfs-utils 2.6 and 2.8): at an option that it does not know `exportfs -ra` stops reading the file, and
takes back what comes after it, so options are checked here. Of two lines for one path and host the first counts, and
what was exported by hand is taken back; both are refused instead.
"""

from __future__ import annotations

from phoenix.host import tables
from phoenix.host.aspect import Ask, Difference, Obstacle, Plan, write
from phoenix.pve import formats
from phoenix.pve.options import Option, by_name
from phoenix.value import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from phoenix.config.faults import Faults
    from phoenix.host.host import Host

FOLDER, MAIN = "/etc/exports.d", "/etc/exports"
FILE = f"{FOLDER}/phoenix.exports"
TABLE = "/var/lib/nfs/etab"
"""What is exported now."""
RELOAD = ("exportfs", "-ra")
WITHOUT_VALUE = (
    "acl", "all_squash", "async", "auth_nlm", "crossmnt", "hide", "insecure", "insecure_locks", "mountpoint", "mp",
    "no_acl", "no_all_squash", "no_auth_nlm", "no_pnfs", "no_root_squash", "no_subtree_check", "no_wdelay",
    "nocrossmnt", "nohide", "pnfs", "ro", "root_squash", "rw", "secure", "secure_locks", "security_label",
    "subtree_check", "sync", "wdelay",
)  # fmt: skip
WITH_VALUE = {
    "anongid": "-?[0-9]+", "anonuid": "-?[0-9]+", "fsid": "[0-9]+|root|[0-9a-f-]{32,36}", "mountpoint": "/[^ ,]+",
    "mp": "/[^ ,]+", "sec": "(sys|none|krb5|krb5i|krb5p)(:(sys|none|krb5|krb5i|krb5p))*",
}  # fmt: skip
"""The options of exports(5): those that stand alone, and what those take that have a value."""
_HOST = Option("host", pattern=r"[A-Za-z0-9@*?\[][A-Za-z0-9.:/@*?_\[\]-]*", required=True)
_OPTION = Option("options")
_EXPORT: tables.Schema = {
    **by_name(Option("path", pattern="/[^\r\n]*", required=True)),
    "options": tables.Many(_OPTION),
}
_CLIENT: tables.Schema = {**by_name(_HOST), "options": tables.Many(_OPTION)}

Export = tuple[str, tuple[tuple[str, tuple[str, ...]], ...]]
"""A path, and who may mount it how: (host, options) each."""


class State(Value):
    """What is there: our file, who else exports a path, what is exported by hand, and the folders that are there."""

    text: str
    others: Mapping[str, str]
    by_hand: tuple[str, ...]
    folders: frozenset[str]
    installed: bool


def decode(table: Any, faults: Faults) -> tuple[Export, ...] | None:
    """The section as values; None if it says nothing of exports."""
    parts = tables.part(table, "nfs", ("exports",), faults)
    if "exports" not in parts:
        return None
    if not isinstance(parts["exports"], list):
        faults.add("nfs.exports", "a list of tables, as [[nfs.exports]]", parts["exports"])
        return ()
    found = [export(f"nfs.exports.{place}", item, faults) for place, item in enumerate(parts["exports"])]
    paths = [item[0] for item in found]
    for place, path in enumerate(paths):
        if path and path in paths[:place]:
            faults.say(f"nfs.exports.{place}.path", f"{path} is exported above; give that more clients")
    return tuple(found)


def export(key: str, item: Any, faults: Faults) -> Export:
    """One export."""
    if not isinstance(item, dict):
        faults.add(key, "a table", item)
        return "", ()
    found = tables.decode(_EXPORT, key, {name: item[name] for name in item if name != "clients"}, faults)
    check_options(f"{key}.options", found.get("options", []), faults)
    path = found.get("path", "").rstrip("/") or "/"
    return path, tuple(clients(key, item, found.get("options", []), faults))


def clients(key: str, item: Mapping[str, Any], usual: list[str], faults: Faults) -> list[tuple[str, tuple[str, ...]]]:
    """Who may mount an export how: a client has options of its own, or the `usual` ones."""
    given = item.get("clients")
    if not isinstance(given, list) or not given:
        faults.add(f"{key}.clients", "a list of hosts, each a text, or a table with host and options", given)
        return []
    found = []
    for place, client in enumerate(given):
        at = f"{key}.clients.{place}"
        said = client if isinstance(client, dict) else {"host": client}
        one = tables.decode(_CLIENT, at, said, faults)
        check_options(f"{at}.options", one.get("options", []), faults)
        if said.get("options", item.get("options")) in (None, []):
            faults.say(f"{at}.options", 'missing, as ["rw", "sync", "no_subtree_check"]')
        found.append((one.get("host", ""), tuple(one.get("options") or usual)))
    hosts = [host for host, _ in found if host]
    if len(set(hosts)) < len(hosts):
        faults.say(f"{key}.clients", "a host is named twice")
    return found


def check_options(key: str, chosen: Sequence[str], faults: Faults) -> None:
    """Note what exportfs would not take."""
    for place, word in enumerate(chosen):
        fault = option_fault(word)
        if fault:
            faults.say(f"{key}.{place}", f"{word!r}: {fault}")


def option_fault(word: str) -> str:
    """What is wrong with an option, "" if it is as exports(5) has it."""
    from phoenix import cli

    name, equals, value = word.partition("=")
    if equals and name in WITH_VALUE:
        return formats.fault(Option(name, pattern=WITH_VALUE[name]), value)
    if not equals and name in WITHOUT_VALUE:
        return ""
    if name in WITHOUT_VALUE or name in WITH_VALUE:
        return "it takes no value" if equals else f"it takes a value, {name}=..."
    return f"exports(5) has no such option{cli.did_you_mean(name, [*WITHOUT_VALUE, *WITH_VALUE])}"


def line(item: Export) -> str:
    """One line of a file of exports."""
    return " ".join((escaped(item[0]), *(f"{host}({','.join(chosen)})" for host, chosen in item[1]))) + "\n"


def escaped(path: str) -> str:
    """A path as exports(5) has it: what could mean something else as the octal numbers of its bytes."""
    return "".join(
        char if char.isascii() and (char.isalnum() or char in "/._-+:@%,=") else _octal(char) for char in path
    )


def _octal(char: str) -> str:
    return "".join(f"\\{byte:03o}" for byte in char.encode())


def paths(text: str) -> list[str]:
    """The paths that a file of exports names, and so does the table of what is exported."""
    found = []
    for line in map(str.strip, text.replace("\\\n", " ").split("\n")):
        if line.startswith('"'):
            found.append(unescaped(line[1:].partition('"')[0]))
        elif line and not line.startswith("#"):
            found.append(unescaped(line.split()[0]))
    return [path.rstrip("/") or "/" for path in found]


def unescaped(word: str) -> str:
    """A path without octal numbers."""
    found = bytearray()
    place = 0
    while place < len(word):
        digits = word[place + 1 : place + 4]
        if word[place] == "\\" and len(digits) == 3 and all(digit in "01234567" for digit in digits):
            found.append(int(digits, 8) & 0xFF)
            place += 4
        else:
            found += word[place].encode("utf-8", "surrogateescape")
            place += 1
    return found.decode("utf-8", "backslashreplace")


def observe(host: Host, wanted: tuple[Export, ...] | None) -> State:
    """What is there."""
    others = {}
    for place in (MAIN, *(f"{FOLDER}/{name}" for name in host.names(FOLDER) if name.endswith(".exports"))):
        for path in paths(host.text(place)) if place != FILE else ():
            others[path] = place
    text = host.text(FILE)
    known = {*others, *paths(text)}
    by_hand = tuple(dict.fromkeys(path for path in paths(host.text(TABLE)) if path not in known))
    folders = frozenset(path for path, _ in wanted or () if host.exists(path))
    return State(text, others, by_hand, folders, host.has("exportfs"))


def plan(wanted: tuple[Export, ...] | None, state: State, _ask: Ask) -> Plan:
    """What is to be done."""
    if wanted is None:
        return Plan()
    refused = [
        Obstacle(
            f"nfs.exports: {path} is exported by {state.others[path]} already",
            f"take it out of {state.others[path]}, or out of [[nfs.exports]]",
        )
        for path, _ in wanted
        if path in state.others
    ]
    text = "".join(line(item) for item in wanted)
    if text == state.text:
        return Plan(refused=tuple(refused))
    refused += [
        Obstacle(
            f"nfs.exports: {path} is exported by hand, and `exportfs -ra` would take that back",
            f"write it into {MAIN}, or end it: exportfs -v; exportfs -u HOST:{path}",
        )
        for path in state.by_hand
    ]
    before = {item.split(" ", 1)[0]: item for item in state.text.splitlines()}
    after = {item.split(" ", 1)[0]: item for item in text.splitlines()}
    differences = tuple(
        Difference(path, shown(before.get(path, "")), shown(after.get(path, "")))
        for path in {**before, **after}
        if before.get(path) != after.get(path)
    )
    missing = [
        Obstacle(f"nfs.exports: there is no folder {path}", f"ls -ld {path}; [zfs] and [mounts] come before")
        for path, _ in wanted
        if path not in state.folders
    ]
    if not state.installed:
        missing.append(
            Obstacle("nfs.exports: nfs-kernel-server is not installed", "apt-get install nfs-kernel-server, or [apt]")
        )
    return Plan((write(FILE, text, RELOAD),), differences, tuple(refused), tuple(missing))


def shown(line: str) -> str:
    """Who may mount a path, of its line; a path without a line is exported no more."""
    return line.partition(" ")[2] if line else "not exported"
