"""Sysctl: parameters of the kernel, kept in a file of our own in /etc/sysctl.d and set at once."""

from __future__ import annotations

from phoenix.guests import values
from phoenix.host.aspect import Ask, Difference, Obstacle, Plan, Step, write
from phoenix.pve.options import Option
from phoenix.value import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from phoenix.config.faults import Faults
    from phoenix.host.host import Host

FILE = "/etc/sysctl.d/90-phoenix.conf"
_NAME = Option("name", pattern=r"[a-z0-9_]+([./][A-Za-z0-9_*-]+)+")
_VALUE = Option("value", pattern=r"[^\r\n]+")


class State(Value):
    """What is there: our file, and what the kernel has, by name; a parameter that it does not know is missing."""

    text: str
    kernel: Mapping[str, str]


def decode(table: Any, faults: Faults) -> dict[str, str]:
    """The section as values: each parameter's text."""
    if not isinstance(table, dict):
        faults.add("sysctl", "a table of parameters", table)
        return {}
    found = {}
    for name, value in _flat(table, ""):
        text = values.decode_scalar(_VALUE, f"sysctl.{name}", str(value) if type(value) is int else value, faults)
        if values.decode_scalar(_NAME, f"sysctl.{name}", name, faults) is not None and text is not None:
            found[name] = text
    return found


def _flat(table: Mapping[str, Any], prefix: str) -> list[tuple[str, Any]]:
    """The parameters of a table, in which the dots of a name may be TOML's own."""
    found = []
    for name, value in table.items():
        found += _flat(value, f"{prefix}{name}.") if isinstance(value, dict) else [(prefix + name, value)]
    return found


def path(name: str) -> str:
    """The file of a parameter: whichever of dot and slash comes first in its name stands between folders."""
    slashed = "/" in name.partition(".")[0]
    return "/proc/sys/" + (name if slashed else name.translate(str.maketrans("./", "/.")))


def observe(host: Host, wanted: Mapping[str, str]) -> State:
    """What is there."""
    kernel = {}
    for name in wanted:
        if host.exists(path(name)):
            kernel[name] = _plain(host.text(path(name)))
    return State(host.text(FILE), kernel)


def plan(wanted: Mapping[str, str], state: State, _ask: Ask) -> Plan:
    """What is to be done: the file says it all, and the kernel is told where it has another value."""
    text = "".join(f"{name} = {value}\n" for name, value in sorted(wanted.items()))
    steps: list[Step] = [write(FILE, text)] if text != state.text else []
    differences = []
    missing = []
    for name, value in sorted(wanted.items()):
        found = state.kernel.get(name)
        if found is None:
            why = f"sysctl.{name}: this kernel has no such parameter"
            missing.append(Obstacle(why, f"sysctl -a | grep {name.split('.')[-1]}; a module may be missing: [modules]"))
        elif found != _plain(value):
            differences.append(Difference(name, found, value))
            steps.append(Step(f"set {name}", ("sysctl", "-w", f"{name}={value}")))
    if not differences and steps:
        differences = [Difference(FILE, "written otherwise" if state.text else "", f"{len(wanted)} parameters")]
    return Plan(tuple(steps), tuple(differences), missing=tuple(missing))


def _plain(value: str) -> str:
    """A value with its parts apart by one space, as the kernel and its files never agree on."""
    return " ".join(value.split())
