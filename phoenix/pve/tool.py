"""Tool: pct's and qm's command lines, as lists of arguments. Long options in full, values behind `=`."""

from __future__ import annotations

from phoenix.pve import formats
from phoenix.value import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import Union

    Setting = Union[str, Mapping[str, str]]
    Settings = Mapping[str, Setting]

GIB = 1 << 30


class Tool(Value):
    """One of the two: its name, the option that names a guest, how a setting is written, and the words that differ."""

    name: str
    title: str
    text: Callable[[str, Setting], str]
    resizing: tuple[str, ...]
    moving: str  # how a volume goes to another storage, as one types it
    scanning: str  # how volumes are found again
    entering: str  # how one sees what happens in a guest, with {} for its ID

    def create(self, guest: str, settings: Settings, *source: str) -> list[str]:
        """Make a guest with all that the tool can carry; of containers `source` is the template."""
        return [self.name, "create", guest, *source, *self.options(settings)]

    def clone(self, source: str, guest: str, settings: Mapping[str, str]) -> list[str]:
        """Make a guest of another. `settings` may have description, full, snapshot, storage and the guest's name."""
        given = {name: value for name, value in settings.items() if name not in ("from", "snapshot", "full")}
        if "snapshot" in settings:
            given["snapname"] = settings["snapshot"]
        if settings.get("full") == "1":
            given["full"] = "1"
        return [self.name, "clone", source, guest, *self.options(given)]

    def set_options(self, guest: str, settings: Settings, digest: str = "", delete: Sequence[str] = ()) -> list[str]:
        """Change options and take others back.

        The tool refuses if the configuration is no longer the one with `digest` (SHA-1, hexadecimal).
        """
        gone = [f"--delete={','.join(sorted(delete))}"] * bool(delete)
        return [self.name, "set", guest, *_tied(digest), *gone, *self.options(settings)]

    def resize(self, guest: str, disk: str, size: str, digest: str = "") -> list[str]:
        """Let a volume grow to a size."""
        return [self.name, *self.resizing, guest, disk, size, *_tied(digest)]

    def template(self, guest: str) -> list[str]:
        """Make a guest a template."""
        return [self.name, "template", guest]

    def snapshot(self, guest: str, name: str, description: str = "") -> list[str]:
        """Take a snapshot."""
        return [self.name, "snapshot", guest, name, *[f"--description={description}"] * bool(description)]

    def drop_snapshot(self, guest: str, name: str) -> list[str]:
        """Remove a snapshot."""
        return [self.name, "delsnapshot", guest, name]

    def rollback(self, guest: str, name: str) -> list[str]:
        """Make a guest what it was at a snapshot."""
        return [self.name, "rollback", guest, name]

    def start(self, guest: str) -> list[str]:
        """Start a guest."""
        return [self.name, "start", guest]

    def shutdown(self, guest: str, seconds: int) -> list[str]:
        """Ask a guest to shut down, and wait for it; it is never killed."""
        return [self.name, "shutdown", guest, f"--timeout={seconds}"]

    def destroy(self, guest: str) -> list[str]:
        """Destroy a guest and the volumes that its configuration names, nothing else."""
        return [self.name, "destroy", guest]

    def options(self, settings: Settings) -> list[str]:
        """The settings as options, by name; one that is empty is not set, and the tool would refuse it."""
        return [f"--{name}={self.text(name, setting)}" for name, setting in sorted(settings.items()) if setting]


def _tied(digest: str) -> list[str]:
    return [f"--digest={digest}"] * bool(digest)


def gibibytes(size: str) -> str:
    """A size such as 512M in GiB, exactly: 0.5."""
    return f"{(formats.size(size) or 0) / GIB:.10f}".rstrip("0").rstrip(".")
