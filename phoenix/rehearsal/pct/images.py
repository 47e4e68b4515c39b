"""OCI images as templates: what an image says of itself becomes options of the container."""

from __future__ import annotations

import os

from phoenix.rehearsal import archives, confined, oci
from phoenix.rehearsal.failures import Failure
from phoenix.rehearsal.pct import rootfs, values
from phoenix.rehearsal.speech import say

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from phoenix.pve.guestconf import GuestConf
    from phoenix.rehearsal.tree import Tree

_SAFE = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_!%+,-./:=@^")
_INIT = "/sbin/init"


def unpack(tree: Tree, guest: str, conf: GuestConf, path: str) -> str:
    """Unpack an image into the container's files and take over what it says; returns the folder of the files."""
    say("Detected OCI archive")
    root = rootfs.new(tree, guest)
    try:
        said = oci.unpack(tree.given(path), root)
    except archives.Unreadable as error:
        raise Failure(f"failed to parse and extract image: {error}") from error
    for place in sorted(_words(said, "Volumes")):
        say(f"creating base directory for volume at {place}")
        os.makedirs(confined.resolve(root, place), exist_ok=True)
    command = [*_words(said, "Entrypoint"), *_words(said, "Cmd")]
    if command and command[0] != _INIT:
        conf.options["entrypoint"] = " ".join(map(_quoted, command))
        conf.options["cmode"] = "console"  # the other kinds need an init that serves terminals
        _let_node_manage(tree, conf)
    conf.raw += _raw_lines(said, root)
    return root


def _words(said: dict[str, Any], name: str) -> list[str]:
    """A list (or the keys of a table) that the image gives; Failure if it could break a line of the configuration."""
    found = [str(word) for word in said.get(name) or ()]
    if any((ord(char) < 32 and char != "\t") or char == "\x7f" for word in found for char in word):
        raise Failure(f"OCI config array-value for '{name}' contains forbidden control characters!")
    return found


def _text(said: dict[str, Any], name: str) -> str:
    return "".join(_words({name: [said.get(name) or ""]}, name))


def _quoted(word: str) -> str:
    return word if word and _SAFE.issuperset(word) else "'" + word.replace("'", "'\\''") + "'"


def _let_node_manage(tree: Tree, conf: GuestConf) -> None:
    """Such a container has no programs for its network."""
    for name in sorted(conf.options):
        if name.startswith("net") and name[3:].isdigit():
            parsed = values.properties("net", conf.options[name])
            if "host-managed" not in parsed:
                say(f"Auto-Enabling host-managed network for network device {name}.")
                parsed["host-managed"] = "1"
                conf.options[name] = values.show("net", parsed, tree.release)


def _raw_lines(said: dict[str, Any], root: str) -> list[str]:
    lines = [f"lxc.environment.runtime: {word}" for word in _words(said, "Env")]
    user = _text(said, "User")
    for name, value in zip(("uid", "gid", "groups"), _user(user, root) if user else ()):
        if value:
            lines.append(f"lxc.init.{name}: {value}")
    folder = _text(said, "WorkingDir")
    if folder:
        lines.append(f"lxc.init.cwd: {folder}")
    return [*lines, f"lxc.signal.halt: {_text(said, 'StopSignal') or 'SIGTERM'}"]


def _user(text: str, root: str) -> tuple[str, str, str]:
    """The numbers of a user, its group, and its other groups, by the image's own tables; "" for what they lack."""
    name, colon, group = text.partition(":")
    if not name or (colon and not group) or ":" in group:
        raise Failure("OCI config value for 'User' has an invalid format")
    users, groups = _table(root, "etc/passwd"), _table(root, "etc/group")
    if name.isdigit():
        number, word = name, _look_up(users, 2, name, 0)
    else:
        number, word = _look_up(users, 0, name, 2), name
    if group:
        return number, group if group.isdigit() else _look_up(groups, 0, group, 2), ""
    others = [row[2] for row in groups if len(row) > 3 and word and word in row[3].split(",")]
    return number, _look_up(users, 2, number, 3), ",".join(others)


def _table(root: str, name: str) -> list[list[str]]:
    try:
        with open(confined.resolve(root, name), encoding="utf-8", errors="replace") as file:
            return [line.rstrip("\r\n").split(":") for line in file]
    except OSError:
        return []


def _look_up(table: list[list[str]], by: int, wanted: str, column: int) -> str:
    return next((row[column] for row in table if len(row) > max(by, column) and row[by] == wanted), "")
