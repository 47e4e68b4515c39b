"""pct's command lines, as lists of arguments. Long options in full, values behind `=`."""

from __future__ import annotations

from phoenix.pve import formats

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Union

    Settings = Mapping[str, Union[str, Mapping[str, str]]]

FIRST = ("volume", "name")
"""The properties that pct writes before the others."""
GIB = 1 << 30


def create(guest: str, template: str, settings: Settings) -> list[str]:
    """Make a container with all that it can carry."""
    return ["pct", "create", guest, template, *options(settings)]


def clone(source: str, guest: str, settings: Mapping[str, str]) -> list[str]:
    """Make a container of another. `settings` may have description, full, hostname, snapshot and storage."""
    given = {name: value for name, value in settings.items() if name not in ("from", "snapshot", "full")}
    if "snapshot" in settings:
        given["snapname"] = settings["snapshot"]
    if settings.get("full") == "1":
        given["full"] = "1"
    return ["pct", "clone", source, guest, *options(given)]


def set_options(guest: str, settings: Settings, digest: str = "", delete: Sequence[str] = ()) -> list[str]:
    """Change options and take others back.

    pct refuses if the configuration is no longer the one with `digest` (SHA-1, hexadecimal).
    """
    tied = [f"--digest={digest}"] * bool(digest)
    return ["pct", "set", guest, *tied, *[f"--delete={','.join(sorted(delete))}"] * bool(delete), *options(settings)]


def resize(guest: str, disk: str, size: str, digest: str = "") -> list[str]:
    """Let a volume grow to a size."""
    return ["pct", "resize", guest, disk, size, *[f"--digest={digest}"] * bool(digest)]


def template(guest: str) -> list[str]:
    """Make a container a template."""
    return ["pct", "template", guest]


def snapshot(guest: str, name: str, description: str = "") -> list[str]:
    """Take a snapshot."""
    return ["pct", "snapshot", guest, name, *[f"--description={description}"] * bool(description)]


def drop_snapshot(guest: str, name: str) -> list[str]:
    """Remove a snapshot."""
    return ["pct", "delsnapshot", guest, name]


def rollback(guest: str, name: str) -> list[str]:
    """Make a container what it was at a snapshot."""
    return ["pct", "rollback", guest, name]


def execute(guest: str, words: Sequence[str]) -> list[str]:
    """Run a command in a container, with an environment of its own."""
    return ["pct", "exec", guest, "--keep-env", "0", "--", *words]


def push(guest: str, file: str, path: str, mode: str) -> list[str]:
    """Copy a file of the node into a container."""
    return ["pct", "push", guest, file, path, f"--perms={mode}"]


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
    """The settings as options, by name; one that is empty is not set, and pct would refuse it."""
    return [f"--{name}={text(setting)}" for name, setting in sorted(settings.items()) if setting]


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
