"""Modules: those of the kernel that are loaded at every start, their options, and those that are never loaded."""

from __future__ import annotations

from phoenix.host import kernel, tables
from phoenix.host.aspect import Ask, Difference, Plan, Step, write
from phoenix.pve.options import Option
from phoenix.value import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from phoenix.config.faults import Faults
    from phoenix.host.host import Host

LOAD, CONF = "/etc/modules-load.d/phoenix.conf", "/etc/modprobe.d/phoenix.conf"
_NAME = Option("name", pattern=r"[A-Za-z0-9_-]+")
_OPTIONS = Option("options", pattern=r"[A-Za-z0-9_]+=[^\s\r\n]+( [A-Za-z0-9_]+=[^\s\r\n]+)*")


class Wanted(Value):
    """The section [modules]: None for a list that it does not say."""

    load: tuple[str, ...] | None
    blacklist: tuple[str, ...] | None
    options: Mapping[str, str] | None


class State(Value):
    """What is there: our files, the modules that are loaded, and those that are although they should not be."""

    load: str
    conf: str
    loaded: frozenset[str]
    unwanted: frozenset[str]


def decode(table: Any, faults: Faults) -> Wanted:
    """The section as values."""
    parts = tables.part(table, "modules", ("load", "blacklist", "options"), faults)
    lists = {
        name: tuple(tables.many(_NAME, f"modules.{name}", parts[name], faults)) if name in parts else None
        for name in ("load", "blacklist")
    }
    options = None
    if "options" in parts:
        known = dict.fromkeys(parts["options"], _OPTIONS) if isinstance(parts["options"], dict) else {}
        options = tables.decode(known, "modules.options", parts["options"], faults)
        for name in options:
            tables.many(_NAME, "modules.options", [name], faults)
    return Wanted(lists["load"], lists["blacklist"], options)


def observe(host: Host, wanted: Wanted) -> State:
    """What is there."""
    return State(
        host.text(LOAD),
        host.text(CONF),
        kernel.loaded(host, wanted.load or ()),
        kernel.loaded(host, wanted.blacklist or ()),
    )


def plan(wanted: Wanted, state: State, _ask: Ask) -> Plan:
    """What is to be done: files for the next starts, and what is missing loaded now."""
    steps: list[Step] = []
    differences: list[Difference] = []
    if wanted.load is not None:
        text = kernel.load_list(wanted.load)
        if text != state.load:
            steps.append(write(LOAD, text))
            differences.append(Difference("load", " ".join(state.load.split()), " ".join(wanted.load)))
    if wanted.blacklist is not None or wanted.options is not None:
        text = _conf(wanted)
        if text != state.conf:
            steps.append(write(CONF, text, kernel.INITRAMFS))
            differences.append(Difference("options and blacklist", _shown(state.conf), _shown(text)))
    for name in wanted.load or ():
        if name not in state.loaded:
            steps.append(Step(f"load {name}", ("modprobe", name)))
            differences.append(Difference(name, "", "loaded"))
    reboot = tuple(f"{name} is blacklisted, and still loaded" for name in sorted(state.unwanted))
    return Plan(tuple(steps), tuple(differences), reboot=reboot)


def _conf(wanted: Wanted) -> str:
    lines = [f"options {name} {words}" for name, words in sorted((wanted.options or {}).items())]
    lines += [f"blacklist {name}" for name in wanted.blacklist or ()]
    return "".join(f"{line}\n" for line in lines)


def _shown(text: str) -> str:
    return "; ".join(text.splitlines())
