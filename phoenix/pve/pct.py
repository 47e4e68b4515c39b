"""pct: the command lines that only it has, and how it writes an option's value."""

from __future__ import annotations

from phoenix.pve.tool import Tool, gibibytes

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from phoenix.pve.tool import Setting

FIRST = ("volume", "name")
"""The properties that pct writes before the others."""


def execute(guest: str, words: Sequence[str]) -> list[str]:
    """Run a command in a container, with an environment of its own."""
    return ["pct", "exec", guest, "--keep-env", "0", "--", *words]


def push(guest: str, file: str, path: str, mode: str) -> list[str]:
    """Copy a file of the node into a container."""
    return ["pct", "push", guest, file, path, f"--perms={mode}"]


def text(_name: str, setting: Setting) -> str:
    """A setting as pct takes it; a new volume is STORAGE:GIB. One that is there can be without a size: STORAGE."""
    if isinstance(setting, str):
        return setting
    rest = dict(setting)
    parts = [f"{name}={rest.pop(name)}" for name in FIRST if name in rest and name != "volume"]
    if "storage" in rest:
        size = rest.pop("size", "")
        parts.insert(0, rest.pop("storage") + (f":{gibibytes(size)}" if size else ""))
    elif "volume" in rest:
        parts.insert(0, rest.pop("volume"))
    return ",".join([*parts, *(f"{name}={rest[name]}" for name in sorted(rest))])


PCT = Tool("pct", "hostname", text, ("resize",), "pct move-volume", "pct rescan", "pct enter {}")
