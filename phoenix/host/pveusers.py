"""Proxmox VE's users: roles, groups, users, tokens and permissions, made by pveum and read from its own files.

What is declared is made so; of what the file does not name nothing is changed. A token's value is copied from Proxmox
VE's own file to the one that is named: no program prints it, and none is told it.
"""

from __future__ import annotations

import os

from phoenix import files
from phoenix.errors import ConfigError
from phoenix.host import tables
from phoenix.host.aspect import Difference, Obstacle, Plan, Step, join, write
from phoenix.pve import usercfg
from phoenix.pve.options import Option, by_name
from phoenix.pve.usercfg import Permission
from phoenix.value import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from phoenix.config.faults import Faults
    from phoenix.host.host import Host
    from phoenix.host.tables import Table
    from phoenix.pve.usercfg import UserConfig

PARTS = ("roles", "groups", "accounts", "tokens", "acl")
ROOT = "root@pam"
DOMAINS = "/etc/pve/domains.cfg"
SHORTEST_PASSWORD, LONGEST_PASSWORD = 8, 64

_NAME = r"[A-Za-z0-9._-]+"
_USER = r"[^\s:/!@,;]+@[A-Za-z][A-Za-z0-9._-]+"
_TOKEN = _USER + r"![A-Za-z][A-Za-z0-9._-]+"
_TEXT = r"(\S([^\x00-\x1f]*\S)?)?"
_PATH = r"(/[^\x00-\x1f/]+)+"
_ROLE = {"privs": tables.Many(Option("privs", pattern=r"[A-Z][A-Za-z]+(\.[A-Z][A-Za-z]+)+", required=True))}
_GROUP = by_name(Option("comment", pattern=_TEXT))
_ACCOUNT: tables.Schema = {
    **by_name(
        Option("enable", "boolean"), Option("expire", "integer", 0), Option("firstname", pattern=_TEXT),
        Option("lastname", pattern=_TEXT), Option("email", pattern=r"[^\s:]+"), Option("comment", pattern=_TEXT),
        Option("initial_password_file", pattern=_PATH),
    ),
    "groups": tables.Many(Option("groups", pattern=_NAME)),
}  # fmt: skip
_TOKENS = by_name(
    Option("privsep", "boolean"), Option("expire", "integer", 0), Option("comment", pattern=_TEXT, shortest=1),
    Option("secret_file", pattern=_PATH, required=True),
)  # fmt: skip
_ACL: tables.Schema = {
    **by_name(Option("path", pattern=r"/|(/[A-Za-z0-9._-]+)+", required=True), Option("propagate", "boolean")),
    "roles": tables.Many(Option("roles", pattern=_NAME, required=True)),
    "users": tables.Many(Option("users", pattern=_USER)),
    "groups": tables.Many(Option("groups", pattern=_NAME)),
    "tokens": tables.Many(Option("tokens", pattern=_TOKEN)),
}


class Wanted(Value):
    """The parts of [users] that are Proxmox VE's own: tables by name, and permissions in the order of the file."""

    roles: Mapping[str, Table]
    groups: Mapping[str, Table]
    accounts: Mapping[str, Table]
    tokens: Mapping[str, Table]
    acl: tuple[Table, ...]


class State(Value):
    """What is there. `passwords` are the users of the realm pve that have one; `values` those of tokens, by name.

    `secrets` are the texts of the files that tokens name, "" for one that others can read; `exposed` says of a file why
    it cannot take a value.
    """

    config: UserConfig
    realms: frozenset[str]
    passwords: frozenset[str]
    values: Mapping[str, str]
    secrets: Mapping[str, str]
    exposed: Mapping[str, str]


def decode(parts: Mapping[str, Any], faults: Faults) -> Wanted:
    """The parts as values."""
    tables_of: Mapping[str, tuple[tables.Schema, str]] = {
        "roles": (_ROLE, _NAME),
        "groups": (_GROUP, _NAME),
        "accounts": (_ACCOUNT, _USER),
        "tokens": (_TOKENS, _TOKEN),
    }
    found = {
        part: tables.named(schema, Option("name", pattern=pattern), f"users.{part}", parts.get(part, {}), faults)
        for part, (schema, pattern) in tables_of.items()
    }
    acl = tuple(tables.listed(_ACL, "users.acl", parts.get("acl", []), faults))
    for role in found["roles"]:
        if usercfg.is_built_in(role):
            faults.say(f"users.roles.{role}", "Proxmox VE's own roles cannot be changed")
    for name, account in found["accounts"].items():
        if "initial_password_file" in account and not name.endswith("@pve"):
            faults.say(f"users.accounts.{name}.initial_password_file", "only the realm pve has passwords of its own")
    for place, entry in enumerate(acl):
        if not any(entry.get(kind) for kind in usercfg.KINDS):
            faults.say(f"users.acl.{place}", "expected users, groups or tokens")
        if ROOT in entry.get("users", ()):
            faults.say(f"users.acl.{place}.users", f"{ROOT} may do everything, whatever is said here")
    return Wanted(acl=acl, **found)


def observe(host: Host, wanted: Wanted) -> State:
    """What is there. ConfigError for a file with a password that cannot be used."""
    config = usercfg.parse(host.text(usercfg.FILE))
    passwords = frozenset(usercfg.pairs(host.text(usercfg.PASSWORDS), ":"))
    for name, account in wanted.accounts.items():
        if "initial_password_file" in account and name.partition("@")[0] not in passwords:
            _check_password(host.paths(account["initial_password_file"]))
    places = {table["secret_file"]: host.facts(table["secret_file"]) for table in wanted.tokens.values()}
    secrets = {path: "" if facts.st_mode & 0o077 else host.text(path) for path, facts in places.items() if facts}
    return State(
        config,
        frozenset(line.split()[1] for line in host.text(DOMAINS).split("\n") if line[:1].isalpha() and ": " in line),
        passwords,
        usercfg.pairs(host.text(usercfg.TOKENS), " "),
        secrets,
        {path: why for path in places for why in [_exposed(host, path)] if why},
    )


def _check_password(path: str) -> None:
    files.check_secret(path)
    line = files.read_trusted(path).decode("utf-8", "replace")
    if not SHORTEST_PASSWORD <= len(line.rstrip("\n")) <= LONGEST_PASSWORD or "\n" in line.rstrip("\n"):
        wanted = f"one line, a password of {SHORTEST_PASSWORD} to {LONGEST_PASSWORD} characters"
        raise ConfigError(f"{path}: expected {wanted}", f"umask 077; $EDITOR {path}")


def _exposed(host: Host, path: str) -> str:
    """Why a token's value must not be written there, "" if it may be."""
    folder = host.paths(os.path.dirname(path))
    if not os.path.isdir(folder):
        return f"there is no folder {os.path.dirname(path)}"
    foreign = files.foreign_part(folder)
    if foreign:
        return f"others than root may change {foreign}"
    text = host.text(path).strip()
    return f"{path} is there and holds something else" if text and not _is_value(text) else ""


def _is_value(text: str) -> bool:
    """Whether a text is a token's value: a UUID."""
    return len(text) == 36 and text.count("-") == 4 and not set(text.lower()) - set("0123456789abcdef-")


def plan(wanted: Wanted, state: State) -> Plan:
    """What is to be done: what others name comes first."""
    return join(
        *(_plan_role(name, table, state) for name, table in wanted.roles.items()),
        *(_plan_group(name, table, state) for name, table in wanted.groups.items()),
        *(_plan_account(name, table, wanted, state) for name, table in wanted.accounts.items()),
        *(_plan_token(name, table, wanted, state) for name, table in wanted.tokens.items()),
        *(_plan_entry(place, entry, wanted, state) for place, entry in enumerate(wanted.acl)),
    )


def _plan_role(name: str, table: Table, state: State) -> Plan:
    privs, found = frozenset(table.get("privs", ())), state.config.roles.get(name)
    if privs == found:
        return Plan()
    verb = "add" if found is None else "modify"
    step = Step(f"role {name}", ("pveum", "role", verb, name, "--privs", ",".join(sorted(privs))))
    return Plan((step,), (Difference(f"roles.{name}", " ".join(sorted(found or ())), " ".join(sorted(privs))),))


def _plan_group(name: str, table: Table, state: State) -> Plan:
    found = state.config.groups.get(name)
    return _changed("group", f"groups.{name}", (name,), table, None if found is None else {**found})


def _changed(what: str, key: str, names: tuple[str, ...], fields: Table, found: Mapping[str, str] | None) -> Plan:
    """The command that gives something its fields, each an option of pveum; None: it is not there."""
    left = {option: value for option, value in fields.items() if found is None or _plain(found.get(option)) != value}
    if found is not None and not left:
        return Plan()
    options = tuple(word for option, value in left.items() for word in (f"--{option}", value))
    quiet = ("--quiet", "1") if what == "user token" else ()  # else it prints what nobody else may see
    verb = "add" if found is None else "modify"
    step = Step(f"{what} {' '.join(names)}", ("pveum", *what.split(), verb, *names, *options, *quiet))
    if found is None:
        return Plan((step,), (Difference(key, "", " ".join(names)),))
    return Plan((step,), tuple(Difference(f"{key}.{o}", found.get(o, ""), value) for o, value in left.items()))


def _plain(text: str | None) -> str:
    return text or ""


def _plan_account(name: str, table: Table, wanted: Wanted, state: State) -> Plan:
    found = state.config.users.get(name)
    realm = name.rpartition("@")[2]
    if realm not in ("pam", "pve", *state.realms):
        why = f"users.accounts.{name}: there is no realm {realm}"
        return Plan(missing=(Obstacle(why, "pveum realm list"),))
    if name == ROOT and table.get("enable") == "0":
        why = f"users.accounts.{name}: without {ROOT} nobody could undo it"
        return Plan(refused=(Obstacle(why, "leave it enabled"),))
    fields = {key: value for key, value in table.items() if key not in ("initial_password_file", "groups")}
    groups = [group for group in table.get("groups", ()) if name not in _members(state, group)]
    missing = [
        Obstacle(f"users.accounts.{name}: there is no group {group}", f"add [users.groups.{group}]")
        for group in groups
        if group not in state.config.groups and group not in wanted.groups
    ]
    planned = _changed("user", f"accounts.{name}", (name,), fields, found)
    if groups:
        more = ("--groups", ",".join(groups), "--append", "1")
        step = Step(f"groups of {name}", ("pveum", "user", "modify", name, *more))
        planned = join(planned, Plan((step,), (Difference(f"accounts.{name}.groups", "", " ".join(groups)),)))
    path = table.get("initial_password_file", "")
    if path and name.partition("@")[0] not in state.passwords:
        step = Step(f"password of {name}", ("pveum", "passwd", name), stdin=path, feed="{}\n{}\n")
        planned = join(planned, Plan((step,), (Difference(f"accounts.{name}", "no password", f"that of {path}"),)))
    return join(planned, Plan(missing=tuple(missing)))


def _members(state: State, group: str) -> list[str]:
    return usercfg.words(state.config.groups.get(group, {}).get("users", ""))


def _plan_token(name: str, table: Table, wanted: Wanted, state: State) -> Plan:
    user, _, short = name.partition("!")
    path = table.get("secret_file", "")
    key = f"tokens.{name}"
    if user not in state.config.users and user not in wanted.accounts and user != ROOT:
        why = f"users.{key}: there is no user {user}"
        return Plan(missing=(Obstacle(why, f'add [users.accounts."{user}"]'),))
    if path in state.exposed:
        why = f"users.{key}.secret_file: {state.exposed[path]}"
        return Plan(refused=(Obstacle(why, f"ls -l {path}; name a file of its own, in a folder of root's"),))
    found = state.config.tokens.get(name)
    fields = {option: value for option, value in table.items() if option != "secret_file"}
    planned = _changed("user token", key, (user, short), fields, found)
    value = state.values.get(name, "")
    if found is not None and not value:
        why = f"users.{key}.secret_file: {usercfg.TOKENS} does not have its value"
        hint = f"pveum user token delete {user} {short}, if nobody uses it; then the same command again"
        return join(planned, Plan(missing=(Obstacle(why, hint),)))
    if found is None or state.secrets.get(path) != f"{value}\n":
        there = "another value" if path in state.secrets else ""
        steps = () if found is None else (write(path, f"{value}\n", mode=0o600),)
        planned = join(planned, Plan(steps, (Difference(f"{key}.secret_file", there, path),)))
    return planned


def _plan_entry(place: int, entry: Table, wanted: Wanted, state: State) -> Plan:
    """One command for an entry of which anything is not so."""
    propagate = entry.get("propagate", "1")
    lacking = [
        permission
        for kind in usercfg.KINDS
        for name in entry.get(kind, ())
        for role in entry["roles"]
        for permission in [Permission(entry["path"], kind, name, role, propagate)]
        if permission not in state.config.permissions
    ]
    if not lacking:
        return Plan()
    known = {
        "roles": {*wanted.roles, *state.config.roles},
        "users": {*wanted.accounts, *state.config.users, ROOT},
        "groups": {*wanted.groups, *state.config.groups},
        "tokens": {*wanted.tokens, *state.config.tokens},
    }
    missing = tuple(
        Obstacle(f"users.acl.{place}.{kind}: there is no {name}", f"pveum {kind[:-1]} list")
        for kind, names in known.items()
        for name in entry.get(kind, ())
        if name not in names and not (kind == "roles" and usercfg.is_built_in(name))
    )
    whose = tuple(word for kind in usercfg.KINDS if entry.get(kind) for word in (f"--{kind}", ",".join(entry[kind])))
    argv = ("pveum", "acl", "modify", entry["path"], "--roles", ",".join(entry["roles"]), *whose)
    step = Step(f"acl {place} {entry['path']}", (*argv, "--propagate", propagate))
    names = " ".join(dict.fromkeys(item.name for item in lacking))
    return Plan((step,), (Difference(f"acl {entry['path']}", "", f"{' '.join(entry['roles'])}: {names}"),), (), missing)
