"""Owners: users and groups of the node as numbers, by its own files."""

from __future__ import annotations

from phoenix.errors import ConfigError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from phoenix.host.host import Host

SHIFT = 100000
"""The number of a container's user 0 on the node, where the container is unprivileged."""
SHIFTED = 65536
"""How many users such a container has."""


def ids(host: Host, owner: str) -> tuple[int, int]:
    """The numbers of USER:GROUP; of USER: with the group that the user has.

    ConfigError for a name that the node does not know.
    """
    user, _, group = owner.partition(":")
    own = _number(host, "/etc/group", group) if group else _number(host, "/etc/passwd", user, 3)
    return _number(host, "/etc/passwd", user), own


def _number(host: Host, path: str, name: str, place: int = 2) -> int:
    if name.isascii() and name.isdigit() and place == 2:
        return int(name)
    fields = (line.split(":") for line in host.text(path).splitlines())
    found = next((line[place] for line in fields if line[0] == name and len(line) > place), "")
    if not found.isdigit():
        raise ConfigError(f"{path} has no {name}", f"getent {path.rpartition('/')[2]} {name}; see [users]")
    return int(found)
