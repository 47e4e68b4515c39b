"""Loading: one TOML file of the configuration, read with suspicion."""

from __future__ import annotations

import os
import stat
import sys

from phoenix import cli, files
from phoenix.errors import ConfigError
from phoenix.value import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


class Document(Value):
    """A TOML file and what is in it."""

    path: str
    table: dict[str, Any]


def guest_path(folder: str, kind: str, guest: str) -> str:
    """The file of one guest in the configuration folder. ConfigError if the folders cannot be trusted."""
    for part in (folder, f"{folder}/{kind}"):
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
    return f"{folder}/{kind}/{guest}.toml"


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
    # tomli wants the types of datetime. The C module has them all; importing the Python module around it takes as
    # long as a third of tomli itself, at every start.
    import _datetime  # type: ignore[import-not-found]

    sys.modules.setdefault("datetime", _datetime)
    import tomli

    data = files.read_trusted(path)
    try:
        return Document(path, tomli.loads(data.decode("utf-8")))
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise ConfigError(f"{path}: line {line}: not UTF-8", f"edit {path}") from error
    except tomli.TOMLDecodeError as error:
        raise ConfigError(f"{path}: {error}", f"edit {path}") from error
    except ValueError as error:  # an integer of thousands of digits
        raise ConfigError(f"{path}: {error}", f"edit {path}") from error
    except RecursionError as error:
        raise ConfigError(f"{path}: nested too deeply", f"edit {path}") from error
