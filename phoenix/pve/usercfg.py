"""user.cfg: users, tokens, groups, roles and permissions of Proxmox VE, as its file in /etc/pve has them. Pure."""

from __future__ import annotations

from phoenix.pve import guestconf
from phoenix.value import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import Final

    from typing_extensions import TypeAlias

    Fields: TypeAlias = "Mapping[str, str]"

FILE: Final = "/etc/pve/user.cfg"
TOKENS: Final = "/etc/pve/priv/token.cfg"
PASSWORDS: Final = "/etc/pve/priv/shadow.cfg"
USER: Final = ("enable", "expire", "firstname", "lastname", "email", "comment", "keys")
TOKEN: Final = ("expire", "privsep", "comment")
GROUP: Final = ("users", "comment")
_PLAIN: Final = ("enable", "expire", "email", "keys", "privsep", "users")
"""Fields that are not written as %XX."""


class Permission(Value):
    """Who may do what: on a path, of one of KINDS by its name, by a role; "1" if it goes for what is below as well."""

    path: str
    kind: str
    name: str
    role: str
    propagate: str


KINDS: Final = ("users", "groups", "tokens")


class UserConfig(Value):
    """What the file says. Fields are called as pveum calls its options; those of a group are its users and comment."""

    users: Mapping[str, Fields]
    tokens: Mapping[str, Fields]
    groups: Mapping[str, Fields]
    roles: Mapping[str, frozenset[str]]
    permissions: frozenset[Permission]


def is_built_in(role: str) -> bool:
    """Whether a role is Proxmox VE's own, or could be one day."""
    return role in ("NoAccess", "Administrator") or role[:3].upper() == "PVE"


def parse(text: str) -> UserConfig:
    """The file. What Proxmox VE would not understand is left out, as it does."""
    users: dict[str, Fields] = {}
    tokens: dict[str, Fields] = {}
    groups: dict[str, Fields] = {}
    roles: dict[str, frozenset[str]] = {}
    permissions: set[Permission] = set()
    for line in text.split("\n"):
        kind, *data = [part.strip() for part in line.strip().split(":")]
        data += [""] * 8
        if kind == "user":
            users[data[0]] = _fields(USER, data[1:])
        elif kind == "token":
            tokens[data[0]] = _fields(TOKEN, data[1:])
        elif kind == "group":
            groups[data[0]] = _fields(GROUP, data[1:])
        elif kind == "role":
            roles[data[0]] = frozenset(words(data[1]))
        elif kind == "acl":
            permissions.update(_permissions(data))
    return UserConfig(users, tokens, groups, roles, frozenset(permissions))


def _fields(names: tuple[str, ...], data: list[str]) -> Fields:
    return {name: value if name in _PLAIN else guestconf.decode(value) for name, value in zip(names, data)}


def _permissions(data: list[str]) -> Iterator[Permission]:
    propagate, path, members, roles = data[:4]
    for member in words(members):
        kind = "groups" if member.startswith("@") else "tokens" if "!" in member else "users"
        for role in words(roles):
            yield Permission(path, kind, member.lstrip("@"), role, propagate)


def words(text: str) -> list[str]:
    """A list of Proxmox VE's."""
    return text.replace(";", " ").replace(",", " ").split()


def pairs(text: str, between: str) -> dict[str, str]:
    """What a file of secrets says of each name: of a token its value, of a user the hash of the password."""
    parts = (line.strip().split(between) for line in text.split("\n"))
    return {part[0]: part[1] for part in parts if len(part) > 1}
