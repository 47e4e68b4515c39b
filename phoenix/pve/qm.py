"""qm: the command lines that only it has, and how it writes an option's value."""

from __future__ import annotations

from phoenix.pve import options
from phoenix.pve.tables import machine
from phoenix.pve.tool import Tool, gibibytes

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from phoenix.pve.tool import Setting


def guest_exec(guest: str, words: Sequence[str], seconds: int, *, with_input: bool = False) -> list[str]:
    """Run a command in a machine by its agent, and wait that long for its end."""
    given = ["--pass-stdin=1"] * with_input
    return ["qm", "guest", "exec", guest, f"--timeout={seconds}", *given, "--", *words]


def ping(guest: str) -> list[str]:
    """Ask a machine's agent whether it is there."""
    return ["qm", "guest", "cmd", guest, "ping"]


def update_drive(guest: str) -> list[str]:
    """Write the drive of cloud-init anew."""
    return ["qm", "cloudinit", "update", guest]


def text(name: str, setting: Setting) -> str:
    """A setting as qm takes it; a new disk is STORAGE:GIB, and STORAGE:0 with the image that it is made of."""
    if isinstance(setting, str):
        return setting
    rest = dict(setting)
    parts = []
    if "storage" in rest:
        parts.append(f"{rest.pop('storage')}:{_new(rest)}")
    elif "model" in rest and "macaddr" in rest:
        parts.append(f"{rest.pop('model')}={rest.pop('macaddr')}")
    else:
        option = options.lookup(machine.GUEST, name)
        bare = next((key.name for key in option.properties.values() if key.bare), "") if option else ""
        parts += [rest.pop(bare)] if bare in rest else []
    return ",".join([*parts, *(f"{key}={rest[key]}" for key in sorted(rest))])


def _new(rest: dict[str, str]) -> str:
    """What follows the storage of a disk that is to be made; what it says is taken out of `rest`."""
    if rest.pop("cloudinit", ""):
        return "cloudinit"
    size = rest.pop("size", "")
    if "import-from" in rest:
        return "0"
    return gibibytes(size) if size else "1"  # what qm makes of it is as large as it has to be


QM = Tool("qm", "name", text, ("disk", "resize"), "qm disk move", "qm disk rescan", "qm terminal {}, or its console")
