"""System users: those who administrate the node itself: accounts, groups, keys, sudo, passwords.

Groups and keys are only added. Keys are in a marked block, and root's are never taken away, not even those that are
ours.
"""

from __future__ import annotations

import os
import stat

from phoenix import files
from phoenix.errors import ConfigError
from phoenix.host import blocks, tables
from phoenix.host.aspect import FOLDER, REMOVE, WRITE, Difference, Obstacle, Plan, Step, join
from phoenix.pve.options import Option, by_name
from phoenix.value import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from phoenix.config.faults import Faults
    from phoenix.host.host import Host
    from phoenix.host.tables import Table

PASSWD, GROUP, SHADOW, SHELLS = "/etc/passwd", "/etc/group", "/etc/shadow", "/etc/shells"
SUDOERS = "/etc/sudoers.d"
ROOT = "root"
FIRST, LAST = 1000, 59999
"""The numbers of people, as Debian gives them; accounts below and above are the system's own."""
SHELL = "/bin/bash"
_HASH = r"\$(5|6|y)\$[^:\s]+"

_NAME = r"[a-z_][a-z0-9_-]{0,31}"
_PATH = r"(/[^\x00-\x1f/:]+)+"
_KEY = r"((ssh|ecdsa|sk)-[a-z0-9@.-]+) AAAA[A-Za-z0-9+/]+={0,3}( [^\x00-\x1f]*)?"
_SCHEMA: tables.Schema = {
    **by_name(
        Option("comment", pattern=r"[^\x00-\x1f:,]*"), Option("shell", pattern=_PATH), Option("sudo", "boolean"),
        Option("nopasswd", "boolean"), Option("password_hash_file", pattern=_PATH),
    ),
    "groups": tables.Many(Option("groups", pattern=_NAME)),
    "keys": tables.Many(Option("keys", pattern=_KEY)),
}  # fmt: skip


class Account(Value):
    """One that is there: its lines in the node's files, its home and its keys."""

    number: int
    group: str  # the number of its own
    comment: str
    home: str
    shell: str
    groups: frozenset[str]
    shadow: str | None  # the hash of its password, or what it has instead; None without a line in that file
    is_whole: bool  # False: useradd was killed before it had made the home
    place: str  # of its authorized_keys
    keys: str  # the text of that
    fault: str  # why its keys cannot be changed
    has_folder: bool


class State(Value):
    """What is there: accounts and drop-ins for sudo by name, which shells, what passwords are to be."""

    accounts: Mapping[str, Account]
    groups: frozenset[str]
    numbers: frozenset[str]  # of groups
    sudo: Mapping[str, str]
    has_sudo: bool
    shells: frozenset[str]
    hashes: Mapping[str, str]


def decode(table: Any, faults: Faults) -> dict[str, Table]:
    """The accounts by name."""
    found = tables.named(_SCHEMA, Option("name", pattern=_NAME), "users.system", table, faults)
    for name, account in found.items():
        key = f"users.system.{name}"
        if name == ROOT and account.keys() - {"keys"}:
            faults.say(key, "of root only keys can be given")
        if "nopasswd" in account and account.get("sudo") != "1":
            faults.say(f"{key}.nopasswd", "this is for sudo = true")
    return found


def sudo_file(name: str) -> str:
    """The drop-in of an account."""
    return f"{SUDOERS}/phoenix-{name}"


def observe(host: Host, wanted: Mapping[str, Table]) -> State:
    """What is there. ConfigError for a file with a hash that cannot be used."""
    groups = [line.split(":") for line in host.text(GROUP).split("\n") if line.count(":") == 3]
    shadow = {line.split(":")[0]: line.split(":")[1] for line in host.text(SHADOW).split("\n") if ":" in line}
    accounts = {}
    for line in host.text(PASSWD).split("\n"):
        parts = line.split(":")
        if parts[0] in wanted and len(parts) == 7 and parts[2].isdigit():
            accounts[parts[0]] = _account(host, parts, groups, shadow.get(parts[0]))
    return State(
        accounts,
        frozenset(group[0] for group in groups),
        frozenset(group[2] for group in groups),
        {name: host.text(sudo_file(name)) for name in wanted if host.exists(sudo_file(name))},
        host.has("visudo") and host.exists(SUDOERS),
        frozenset(host.text(SHELLS).split()),
        {
            name: _hash(host.paths(table["password_hash_file"]))
            for name, table in wanted.items()
            if "password_hash_file" in table
        },
    )


def _account(host: Host, parts: list[str], groups: list[list[str]], shadow: str | None) -> Account:
    name, _, number, own, comment, home, shell = parts
    place = f"{home.rstrip('/')}/.ssh/authorized_keys"
    if name == ROOT and host.link(place).startswith("/"):
        place = host.link(place)  # Proxmox VE has the keys of root for the whole cluster
    text, fault = "", ""
    try:
        text = _keys(host.paths(place), int(number))
        blocks.split(text)
    except (OSError, ValueError) as error:
        fault = f"{place}: {error.strerror if isinstance(error, OSError) else error}"
    facts = host.facts(home)
    unfinished = home == f"/home/{name}" and (facts is None or (facts.st_uid == 0 and not facts.st_mode & 0o777))
    return Account(
        int(number),
        own,
        comment.partition(",")[0],
        home,
        shell,
        frozenset(group[0] for group in groups if group[2] == own or name in group[3].split(",")),
        shadow,
        not unfinished,
        place,
        text,
        fault if facts or unfinished else f"there is no folder {home}",
        host.exists(os.path.dirname(place)),
    )


def _keys(path: str, number: int) -> str:
    """The text of a file with keys. ValueError for one that is not that user's, which could be any secret of root's."""
    try:
        with open(
            os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC),
            encoding="utf-8",
            errors="surrogateescape",
            newline="",
        ) as file:
            facts = os.fstat(file.fileno())
            if not stat.S_ISREG(facts.st_mode) or facts.st_uid not in (number, os.geteuid()):
                raise ValueError("it is no file of that user")
            if facts.st_size > files.MOST_BYTES:
                raise ValueError("it is larger than 1 MiB, which no list of keys is")
            return file.read()
    except FileNotFoundError:
        return ""


def _hash(path: str) -> str:
    """The hash in a file of root's. ConfigError if it is none, or others can read it."""
    import re

    files.check_secret(path)
    line = files.read_trusted(path).decode("ascii", "replace").rstrip("\n")
    if not re.fullmatch(_HASH, line):
        wanted = "one line, a hash of the form $y$..., $6$SALT$... or $5$SALT$..."
        raise ConfigError(f"{path}: expected {wanted}", f"umask 077; openssl passwd -6 >{path}")
    return line


def plan(wanted: Mapping[str, Table], state: State) -> Plan:
    """What is to be done."""
    return join(*(_plan(name, table, state) for name, table in wanted.items()))


def _plan(name: str, table: Table, state: State) -> Plan:
    key = f"system.{name}"
    found = state.accounts.get(name)
    if found and name != ROOT and not FIRST <= found.number <= LAST:
        why = f"users.{key}: {name} is an account of the system's own ({found.number}), not of a person"
        return Plan(refused=(Obstacle(why, f"getent passwd {name}; choose another name"),))
    return join(
        _plan_groups(key, table, state),
        _plan_account(key, name, table, state),
        _plan_rest(key, name, found, state) if found and name != ROOT else Plan(),
        _plan_sudo(key, name, table, state),
        _plan_password(key, name, table, state) if name in state.hashes else Plan(),
        _plan_keys(key, name, table["keys"], found) if "keys" in table else Plan(),
    )


def _plan_groups(key: str, table: Table, state: State) -> Plan:
    new = [group for group in table.get("groups", ()) if group not in state.groups]
    steps = (Step(f"group {group}", ("groupadd", group)) for group in new)
    return Plan(tuple(steps), tuple(Difference(f"{key}.groups", "", group) for group in new))


def _plan_account(key: str, name: str, table: Table, state: State) -> Plan:
    found = state.accounts.get(name)
    shell = table.get("shell", SHELL)
    lacks = shell not in state.shells and (not found or "shell" in table)
    missing = (Obstacle(f"users.{key}.shell: {SHELLS} has no {shell}", "[apt] packages can bring it"),) * lacks
    groups = [group for group in table.get("groups", ()) if not found or group not in found.groups]
    if not found:
        more = ["--comment", table["comment"]] if "comment" in table else []
        more += ["--groups", ",".join(groups)] if groups else []
        step = Step(f"user {name}", ("useradd", "--create-home", "--shell", shell, *more, name))
        return Plan((step,), (Difference(key, "", name),), missing=missing)
    fields = {"comment": found.comment, "shell": found.shell}
    left = {field: table[field] for field in fields if field in table and table[field] != fields[field]}
    words = [word for field, value in left.items() for word in (f"--{field}", value)]
    differences = [Difference(f"{key}.{field}", fields[field], value) for field, value in left.items()]
    if groups:
        words += ["--append", "--groups", ",".join(groups)]
        differences.append(Difference(f"{key}.groups", " ".join(sorted(found.groups)), " ".join(groups)))
    steps = (Step(f"change {name}", ("usermod", *words, name)),) if words else ()
    return Plan(steps, tuple(differences), missing=missing)


def _plan_rest(key: str, name: str, found: Account, state: State) -> Plan:
    """What useradd had not made when it was killed."""
    steps = []
    if found.shadow is None:
        steps.append(Step("shadow", ("pwconv",)))
    if found.group not in state.numbers and name not in state.groups:
        steps.append(Step(f"group of {name}", ("groupadd", "--gid", found.group, name)))
    if not found.is_whole:
        steps.append(Step(f"folder {found.home}", (FOLDER, found.home), mode=0o700, owner=f"{name}:"))
    return Plan(tuple(steps), (Difference(key, "not complete", name),) if steps else ())


def _plan_sudo(key: str, name: str, table: Table, state: State) -> Plan:
    if "sudo" not in table:
        return Plan()
    path, found = sudo_file(name), state.sudo.get(name)
    if table["sudo"] == "0":
        step = Step(f"remove {path}", (REMOVE, path))
        return Plan((step,), (Difference(f"{key}.sudo", "yes", "no"),)) if found is not None else Plan()
    text = f"{name} ALL=(ALL:ALL) {'NOPASSWD: ' if table.get('nopasswd') == '1' else ''}ALL\n"
    if found == text:
        return Plan()
    missing = () if state.has_sudo else (Obstacle(f"users.{key}.sudo: sudo is not installed", "[apt] packages"),)
    step = Step(f"write {path}", (WRITE, path), content=text, mode=0o440, check=("visudo", "-c", "-f"))
    found = "otherwise" if found else ""
    return Plan((step,), (Difference(f"{key}.sudo", found, text.strip()),), missing=missing)


def _plan_password(key: str, name: str, table: Table, state: State) -> Plan:
    found = state.accounts.get(name)
    if found and found.shadow == state.hashes[name]:
        return Plan()
    path = table["password_hash_file"]
    step = Step(f"password of {name}", ("chpasswd", "-e"), stdin=path, feed=f"{name}:{{}}\n")
    there = "another password" if found and (found.shadow or "").strip("!*") else "no password"
    return Plan((step,), (Difference(key, there, f"that of {path}"),))


def _plan_keys(key: str, name: str, keys: list[str], found: Account | None) -> Plan:
    """The keys that are not there go into our block; what else is in it goes, but of root nothing does."""
    difference = Difference(f"{key}.keys", "", "")
    if found is None:
        return Plan((), (difference.but(wanted=_shown(keys)),))
    if found.fault:
        why = f"users.{key}.keys: {found.fault}"
        return Plan(refused=(Obstacle(why, f"ls -ld {found.place}; put it right by hand"),))
    before, own, after = blocks.split(found.keys)
    elsewhere = {_blob(line) for line in (before + after).split("\n")}
    lines = [line for line in (own or "").split("\n") if line] if name == ROOT else []
    lines += [line for line in keys if _blob(line) not in {*elsewhere, *map(_blob, lines)}]
    text = blocks.merged(found.keys, "".join(f"{line}\n" for line in lines))
    if text == found.keys:
        return Plan()
    owner = f"{name}:" if name != ROOT else ""
    folder = os.path.dirname(found.place)
    make = Step(f"folder {folder}", (FOLDER, folder), mode=0o700, owner=owner)
    step = Step(f"write {found.place}", (WRITE, found.place), content=text, mode=0o600, owner=owner)
    return Plan(
        (*[make] * (not found.has_folder), step),
        (difference.but(found=_shown((own or "").split("\n")), wanted=_shown(keys)),),
    )


def _blob(line: str) -> str:
    """What a key is by, wherever it stands in its line, "" for a line without one, and for a comment."""
    words = () if line.lstrip().startswith("#") else line.split()
    return next((word for word in words if word.startswith("AAAA")), "")


def _shown(lines: list[str]) -> str:
    """Keys by what they are called."""
    return ", ".join(line.split(" ", 2)[-1] for line in lines if line)
