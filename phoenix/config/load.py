"""Loading: the TOML files of the configuration, read with suspicion; a guest's over its profile."""

from __future__ import annotations

import os
import stat
import sys

from phoenix import cli, files
from phoenix.config import plain
from phoenix.errors import ConfigError
from phoenix.value import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any


class Document(Value):
    """A TOML file and what is in it. `profile` is the file that was merged under it, "" for none; `own` is without.

    `data` are the bytes of the file itself.
    """

    path: str
    table: dict[str, Any]
    profile: str = ""
    own: Mapping[str, Any] = {}
    data: bytes = b""

    def origin(self, key: str) -> str:
        """The file that a key, dotted where it is in a table, comes from."""
        if not self.profile or holds(self.own, key) or not holds(self.table, key):
            return self.path
        return self.profile


def holds(table: Mapping[str, Any], key: str) -> bool:
    """Whether there is such a key, dotted where it is in a table of the table."""
    here: Any = table
    for part in key.split("."):
        if not isinstance(here, dict) or part not in here:
            return False
        here = here[part]
    return True


def guest(folder: str, kind: str, name: str, seen: set[str] | None = None) -> Document:
    """What the configuration says of one guest: its own file over the profile that this names.

    Tables are merged, everything else, lists too, is replaced. ConfigError as for `document`. `seen` is as for
    `trusted`.
    """
    own = document(guest_path(folder, kind, name, seen))
    if "profile" not in own.table:
        return own
    profile = profile_of(folder, own)
    if "profile" in profile.table:
        raise ConfigError(f"{profile.path}: profile: a profile has none of its own", f"edit {profile.path}")
    table = merged(profile.table, own.table)
    del table["profile"]
    return Document(own.path, table, profile.path, own.table, own.data)


def profile_of(folder: str, own: Document) -> Document:
    """The profile that a guest's file names."""
    name = own.table["profile"]
    if not isinstance(name, str) or not name.replace("-", "").replace("_", "").isalnum() or not name.isascii():
        raise ConfigError(
            f"{own.path}: profile: expected the name of a file in {folder}/profiles, without .toml", f"edit {own.path}"
        )
    trusted(folder, "profiles")
    path = f"{folder}/profiles/{name}.toml"
    if not os.path.exists(path):
        known = [file[: -len(".toml")] for file in os.listdir(f"{folder}/profiles") if file.endswith(".toml")]
        raise ConfigError(
            f"{own.path}: profile: there is no {path}{cli.did_you_mean(name, known)}", f"ls {folder}/profiles"
        )
    return document(path)


def merged(base: dict[str, Any], over: dict[str, Any]) -> dict[str, Any]:
    """Two tables as one: tables in both are merged, all else of `over` replaces that of `base`."""
    table = dict(base)
    for key, value in over.items():
        below = table.get(key)
        table[key] = merged(below, value) if isinstance(value, dict) and isinstance(below, dict) else value
    return table


def guest_path(folder: str, kind: str, guest: str, seen: set[str] | None = None) -> str:
    """The file of one guest in the configuration folder. ConfigError if the folders cannot be trusted."""
    trusted(folder, kind, seen)
    return f"{folder}/{kind}/{guest}.toml"


def trusted(folder: str, name: str, seen: set[str] | None = None) -> None:
    """ConfigError unless a folder of the configuration, and that itself, are there and ours alone.

    `seen` are those that one who reads many files has found to be so, each once.
    """
    if seen is not None and f"{folder}/{name}" in seen:
        return
    for part in (folder, f"{folder}/{name}"):
        try:
            foreign = files.foreign_part(os.path.dirname(part))
            facts = os.stat(part)
        except OSError as error:
            hint = "phoenix.pyz init writes a configuration to start from"
            raise ConfigError(f"{part}: {error.strerror}", hint) from error
        if foreign:
            raise ConfigError(f"{foreign}: belongs to another user or is writable by others", f"ls -ld {foreign}")
        fault = files.distrusted(facts, part, stat.S_ISDIR)
        if fault:
            raise fault
    if seen is not None:
        seen.add(f"{folder}/{name}")


def guest_ids(folder: str, kind: str) -> list[str]:
    """The IDs that have a file in the folder of a kind, in order. ConfigError for a file whose name is no ID."""
    place = os.path.dirname(guest_path(folder, kind, "0"))
    names = [name for name in os.listdir(place) if name.endswith(".toml") and name[0] != "."]
    for name in sorted(names):
        if not cli.is_guest_id(name[: -len(".toml")]):
            raise ConfigError(f"{place}/{name}: expected the name to be an ID, as 9001.toml", f"ls {place}")
    return sorted((name[: -len(".toml")] for name in names), key=int)


def document(path: str) -> Document:
    """Read and parse `path`. ConfigError, with the line, if it is not TOML."""
    data = files.read_trusted(path)
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise ConfigError(f"{path}: line {line}: not UTF-8", f"edit {path}") from error
    table = plain.read(text)
    return Document(path, parsed(path, text) if table is None else table, data=data)


def parsed(path: str, text: str) -> dict[str, Any]:
    """What tomli makes of a text. ConfigError, with the line, if it is not TOML."""
    # tomli wants the types of datetime. The C module has them all; importing the Python module around it takes as
    # long as a third of tomli itself, at every start.
    import _datetime  # type: ignore[import-not-found]

    sys.modules.setdefault("datetime", _datetime)
    import tomli

    try:
        return tomli.loads(text)
    except tomli.TOMLDecodeError as error:
        raise ConfigError(f"{path}: {error}", f"edit {path}") from error
    except ValueError as error:  # an integer of thousands of digits
        raise ConfigError(f"{path}: {error}", f"edit {path}") from error
    except RecursionError as error:
        raise ConfigError(f"{path}: nested too deeply", f"edit {path}") from error


def relations(table: dict[str, Any]) -> tuple[list[str], list[str]]:
    """The guests that a file names in `depends_on`, and those it is cloned from; what is no list is not read."""
    ours, clone = table.get("phoenix"), table.get("clone")
    names = ours.get("depends_on") if isinstance(ours, dict) else None
    source = clone.get("from") if isinstance(clone, dict) else None
    return [str(name) for name in names] if isinstance(names, list) else [], [str(source)] if source else []
