"""pct's command lines, as lists of arguments. Long options in full, values behind `=`."""

from __future__ import annotations

from phoenix.pve import formats

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Union

    Settings = Mapping[str, Union[str, Mapping[str, str]]]

FIRST = ("volume", "name")
"""The properties that pct writes before the others."""
GIB = 1 << 30


def create(guest: str, template: str, settings: Settings) -> list[str]:
    """Make a container with all that it can carry."""
    return ["pct", "create", guest, template, *options(settings)]


def set_options(guest: str, settings: Settings, digest: str) -> list[str]:
    """Change options; pct refuses if the configuration is no longer the one with `digest` (SHA-1, hexadecimal)."""
    return ["pct", "set", guest, f"--digest={digest}", *options(settings)]


def start(guest: str) -> list[str]:
    """Start a container."""
    return ["pct", "start", guest]


def shutdown(guest: str, seconds: int) -> list[str]:
    """Ask a container to shut down, and wait for it; pct never kills it."""
    return ["pct", "shutdown", guest, f"--timeout={seconds}"]


def destroy(guest: str) -> list[str]:
    """Destroy a container and the volumes that its configuration names, nothing else."""
    return ["pct", "destroy", guest]


def options(settings: Settings) -> list[str]:
    """The settings as options, by name."""
    return [
        f"--{name}={text(setting)}" for name, setting in sorted(settings.items()) if setting or isinstance(setting, str)
    ]


def text(setting: str | Mapping[str, str]) -> str:
    """A setting as pct takes it; a new volume is STORAGE:GIB."""
    if isinstance(setting, str):
        return setting
    rest = dict(setting)
    parts = [f"{name}={rest.pop(name)}" for name in FIRST if name in rest and name != "volume"]
    if "storage" in rest:
        parts.insert(0, f"{rest.pop('storage')}:{gibibytes(rest.pop('size'))}")
    elif "volume" in rest:
        parts.insert(0, rest.pop("volume"))
    return ",".join([*parts, *(f"{name}={rest[name]}" for name in sorted(rest))])


def gibibytes(size: str) -> str:
    """A size such as 512M in GiB, exactly: 0.5."""
    return f"{(formats.size(size) or 0) / GIB:.10f}".rstrip("0").rstrip(".")
