"""`pveum`: users, groups, roles, tokens and permissions in user.cfg, as far as setting up a node changes them.

By pveum(1), and by the order and form in which Proxmox VE writes the file. Privileges are not checked, and of passwords
nothing is kept but that there is one.
"""

from __future__ import annotations

import os

from phoenix.pve import guestconf, usercfg
from phoenix.pve.usercfg import Permission
from phoenix.rehearsal import cfslock, passwords, pauses, pools
from phoenix.rehearsal.failures import Failure, WrongUsage

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Final

    from phoenix.pve.usercfg import UserConfig
    from phoenix.rehearsal.tree import Tree

_USAGE: Final = "ERROR: unknown command 'pveum {}'"


class _Config:
    """What the file says, to be changed."""

    def __init__(self, known: UserConfig) -> None:
        self.users = {name: {**fields} for name, fields in known.users.items()}
        self.tokens = {name: {**fields} for name, fields in known.tokens.items()}
        self.groups = {name: {**fields} for name, fields in known.groups.items()}
        self.roles = {**known.roles}
        self.permissions = set(known.permissions)


def run(tree: Tree, words: list[str]) -> int:
    """Take what setting up a node says; 255 for what cannot be."""
    if words[:1] == ["passwd"]:
        return _passwd(tree, words[1:])
    size = 3 if words[:2] == ["user", "token"] else 2
    work = _COMMANDS.get(" ".join(words[:size]))
    if work is None:
        raise WrongUsage(_USAGE.format(" ".join(words[:2])))
    names, given = _arguments(words[size:])
    with cfslock.held(tree, pools.LOCK):
        config = _Config(usercfg.parse(tree.read(usercfg.FILE)))
        work(tree, config, names, given)
        pauses.pause()
        _write(tree, config)
    return 0


def _arguments(words: list[str]) -> tuple[list[str], dict[str, str]]:
    names = []
    while words and not words[0].startswith("--"):
        names.append(words[0])
        words = words[1:]
    if len(words) % 2:
        raise WrongUsage("400 unable to parse option")
    return names, {option[2:]: value for option, value in zip(words[::2], words[1::2])}


def _passwd(tree: Tree, names: list[str]) -> int:
    user = names[0]
    if user not in usercfg.parse(tree.read(usercfg.FILE)).users:
        raise Failure(f"no such user ('{user}')", 255)
    password = passwords.ask(twice=True)
    if len(password) < 8 or len(password) > 64:
        raise Failure("400 Parameter verification failed.\npassword: value must be at least 8 characters long", 255)
    name = user.partition("@")[0]
    known = usercfg.pairs(tree.read(usercfg.PASSWORDS), ":")
    known[name] = "$5$rehearsal$"
    os.makedirs(os.path.dirname(tree(usercfg.PASSWORDS)), exist_ok=True)
    tree.replace(usercfg.PASSWORDS, "".join(f"{user}:{value}:\n" for user, value in known.items()), 0o600)
    return 0


def _add_role(_tree: Tree, config: _Config, names: list[str], given: Mapping[str, str]) -> None:
    if names[0] in config.roles:
        raise Failure(f"create role failed: role '{names[0]}' already exists", 255)
    config.roles[names[0]] = frozenset(usercfg.words(given.get("privs", "")))


def _modify_role(_tree: Tree, config: _Config, names: list[str], given: Mapping[str, str]) -> None:
    if names[0] not in config.roles:
        raise Failure(f"update role failed: role '{names[0]}' does not exist", 255)
    config.roles[names[0]] = frozenset(usercfg.words(given.get("privs", "")))


def _add_group(_tree: Tree, config: _Config, names: list[str], given: Mapping[str, str]) -> None:
    if names[0] in config.groups:
        raise Failure(f"create group failed: group '{names[0]}' already exists", 255)
    config.groups[names[0]] = {"users": "", "comment": given.get("comment", "")}


def _modify_group(_tree: Tree, config: _Config, names: list[str], given: Mapping[str, str]) -> None:
    if names[0] not in config.groups:
        raise Failure(f"update group failed: group '{names[0]}' does not exist", 255)
    config.groups[names[0]].update(given)


def _add_user(_tree: Tree, config: _Config, names: list[str], given: Mapping[str, str]) -> None:
    if names[0] in config.users:
        raise Failure(f"create user failed: user '{names[0]}' already exists", 255)
    config.users[names[0]] = {"enable": "1", "expire": "0", **given}


def _modify_user(_tree: Tree, config: _Config, names: list[str], given: Mapping[str, str]) -> None:
    if names[0] not in config.users:
        raise Failure(f"update user failed: no such user ('{names[0]}')", 255)
    fields = {**given}
    groups, append = fields.pop("groups", ""), fields.pop("append", "0")
    for group in usercfg.words(groups):
        if group not in config.groups or append != "1":
            raise Failure(f"update user failed: no such group '{group}'", 255)
        members = usercfg.words(config.groups[group]["users"])
        config.groups[group]["users"] = ",".join(sorted({*members, names[0]}))
    config.users[names[0]].update(fields)


def _add_token(tree: Tree, config: _Config, names: list[str], given: Mapping[str, str]) -> None:
    if names[0] not in config.users:
        raise Failure(f"no such user ('{names[0]}')", 255)
    full = "!".join(names)
    if full in config.tokens:
        raise Failure("400 Parameter verification failed.\ntokenid: Token already exists.", 255)
    if given.get("quiet") != "1":
        raise WrongUsage("a rehearsal node prints no token")
    import uuid

    values = {**usercfg.pairs(tree.read(usercfg.TOKENS), " "), full: str(uuid.uuid4())}
    tree.replace(usercfg.TOKENS, "".join(f"{name} {values[name]}\n" for name in sorted(values)), 0o600)
    config.tokens[full] = {"expire": "0", "privsep": "1", "comment": "", **given}


def _modify_token(_tree: Tree, config: _Config, names: list[str], given: Mapping[str, str]) -> None:
    full = "!".join(names)
    if full not in config.tokens:
        raise Failure(f"no such token '{names[-1]}' for user '{names[0]}'", 255)
    config.tokens[full].update(given)


def _modify_permissions(_tree: Tree, config: _Config, names: list[str], given: Mapping[str, str]) -> None:
    there = {"users": config.users, "groups": config.groups, "tokens": config.tokens}
    for role in usercfg.words(given["roles"]):
        if role not in config.roles and not usercfg.is_built_in(role):
            raise Failure(f"ACL update failed: role '{role}' does not exist", 255)
        for kind in usercfg.KINDS:
            for name in usercfg.words(given.get(kind, "")):
                if name not in there[kind]:
                    raise Failure(f"ACL update failed: {kind[:-1]} '{name}' does not exist", 255)
                wanted = Permission(names[0], kind, name, role, given.get("propagate", "1"))
                other = wanted.but(propagate="0" if wanted.propagate == "1" else "1")
                config.permissions = (config.permissions - {other}) | {wanted}


_COMMANDS: Mapping[str, Callable[[Tree, _Config, list[str], Mapping[str, str]], None]] = {
    "acl modify": _modify_permissions,
    "group add": _add_group,
    "group modify": _modify_group,
    "role add": _add_role,
    "role modify": _modify_role,
    "user add": _add_user,
    "user modify": _modify_user,
    "user token add": _add_token,
    "user token modify": _modify_token,
}


def _write(tree: Tree, config: _Config) -> None:
    """The file in Proxmox VE's own order: each kind by itself, sorted."""
    text = guestconf.encode
    users = []
    for name, user in sorted(config.users.items()):
        fields = [user.get(key, "") for key in usercfg.USER]
        shown = [*fields[:2], text(fields[2]), text(fields[3]), fields[4], text(fields[5]), fields[6]]
        users.append(f"user:{name}:{':'.join(shown)}:")
        for full, token in sorted(config.tokens.items()):
            if full.partition("!")[0] == name:
                users.append(f"token:{full}:{token['expire']}:{token['privsep']}:{text(token['comment'])}:")
    groups = [
        f"group:{name}:{group['users']}:{text(group['comment'])}:" for name, group in sorted(config.groups.items())
    ]
    kept = [line for line in tree.read(usercfg.FILE).split("\n") if line.startswith("pool:")]
    roles = [f"role:{name}:{','.join(sorted(privs))}:" for name, privs in sorted(config.roles.items())]
    parts = (users, groups, kept, roles, _lines_of(config.permissions))
    tree.replace(usercfg.FILE, "\n".join("".join(line + "\n" for line in part) for part in parts))


def _lines_of(permissions: set[Permission]) -> list[str]:
    """Who has the same roles on a path is on one line."""
    roles: dict[tuple[str, str, str], set[str]] = {}
    for item in permissions:
        member = f"@{item.name}" if item.kind == "groups" else item.name
        roles.setdefault((item.path, item.propagate, member), set()).add(item.role)
    members: dict[tuple[str, str, str], list[str]] = {}
    for (path, propagate, member), names in roles.items():
        members.setdefault((path, propagate, ",".join(sorted(names))), []).append(member)
    return [
        f"acl:{propagate}:{path}:{','.join(sorted(whose))}:{names}:"
        for (path, propagate, names), whose in sorted(members.items())
    ]
