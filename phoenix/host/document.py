"""hypervisor.toml: what the configuration says of the node itself, as the values of each section."""

from __future__ import annotations

import os

from phoenix.config import load
from phoenix.config.faults import Faults
from phoenix.errors import ConfigError, UsageError
from phoenix.host import aspect

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

NAME = "hypervisor.toml"


def path(folder: str) -> str:
    """The file, in a configuration folder."""
    return f"{folder}/{NAME}"


def sections(folder: str) -> dict[str, Any]:
    """The values of each section that the file has, in the order of setting up. ConfigError with all that is wrong."""
    from phoenix import cli

    load.trusted(folder, ".")
    if not os.path.exists(path(folder)):
        raise ConfigError(f"{path(folder)}: there is none", "phoenix.pyz init writes one to start from")
    document = load.document(path(folder))
    faults = Faults(document)
    for key in document.table:
        if key not in aspect.ORDER:
            faults.say(key, f"unknown section{cli.did_you_mean(key, aspect.ORDER)}")
    found = {
        name: aspect.module(name).decode(document.table[name], faults)
        for name in aspect.ORDER
        if name in document.table
    }
    faults.stop()
    return found


def chosen(only: str, skip: str) -> list[str]:
    """The sections that --only and --skip leave, each a list with commas. UsageError for a name that is none."""
    return [
        name
        for name in aspect.ORDER
        if (not only or name in _names("--only", only)) and name not in _names("--skip", skip)
    ]


def _names(option: str, words: str) -> Sequence[str]:
    from phoenix import cli

    names = [word for word in words.split(",") if word]
    for name in names:
        if name not in aspect.ORDER:
            near = cli.did_you_mean(name, aspect.ORDER)
            raise UsageError(f"{option}: there is no section {name!r}{near}", f"there are: {', '.join(aspect.ORDER)}")
    return names
