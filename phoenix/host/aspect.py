"""Aspects: what a node's setup is made of. Each is a module of this package, and a section of hypervisor.toml.

A module NAME owns the section [NAME]. It has

    decode(table, faults) -> wanted          the section as values; what is wrong is noted in `faults`
    observe(host, wanted) -> state           what is there, read by a `Host`; nothing is changed
    plan(wanted, state, ask) -> Plan         what is to be done. Pure

and that is all: a step is carried out, and what came of it verified, in one way for all of them (work.py). A step is
done when a plan of the state that is read afterwards no longer has its goal. What puts a step into effect and cannot
be seen afterwards, such as a service that reads its files again, is owed from before the step until it has succeeded.
"""

from __future__ import annotations

from phoenix.value import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType
    from typing import Final

ORDER: Final = (
    "apt", "time", "modules", "sysctl", "users", "zfs", "mounts", "storage", "network", "firewall", "nfs", "samba",
    "vfio", "nvidia",
)  # fmt: skip
"""The sections in the order in which they are set up: what others build on comes first."""

WRITE, LINK, FOLDER, REMOVE, SET = "write", "link", "folder", "remove", "set"
"""What a step's first word is when it is no program: a file with this text, a link, a folder, a file that goes, and a
file of the kernel that is told a value."""


class Step(Value):
    """One command. `goal` names what it is for: the step was of use if the next plan has none for that goal."""

    goal: str
    argv: tuple[str, ...]
    seconds: int = 0  # the longest it may take, if that is its own
    stdin: str = ""  # the file that it reads, "" for none
    feed: str = ""  # what it is to read instead: this, with that file's one line for {}; such a line is a secret
    content: str = ""  # what it writes
    mode: int = 0  # of what it writes or makes; 0: as the file that is there has it, 0644 for a new one
    owner: str = ""  # USER:GROUP of what it writes or makes, "" for whoever has it; USER: for the user's own group
    check: tuple[str, ...] = ()  # the program that a file must pass before it is put in its place; it is told its path
    first: tuple[tuple[str, ...], ...] = ()  # the commands that must have succeeded in this run before it
    after: tuple[tuple[str, ...], ...] = ()  # the commands that put it into effect, owed until they have succeeded
    hint: str = ""  # what to do if it fails


class Difference(Value):
    """One thing that is not as wanted."""

    what: str  # as the file names it, below its section
    found: str  # "" if it is not there
    wanted: str


class Obstacle(Value):
    """One thing that is in the way, and what an administrator can do about it."""

    why: str
    hint: str


class Plan(Value):
    """What is to be done, in order; what differs; what is in the way; why the node must be started anew; what waits.

    `refused` is what Phoenix will not do, to protect something (exit 8). `missing` is what the node lacks (exit 6): an
    earlier section may bring it, so it is only an error when it is that section's turn. `waits` is what somebody has to
    do before anything after it is done (exit 7).
    """

    steps: tuple[Step, ...] = ()
    differences: tuple[Difference, ...] = ()
    refused: tuple[Obstacle, ...] = ()
    missing: tuple[Obstacle, ...] = ()
    reboot: tuple[str, ...] = ()
    waits: tuple[Obstacle, ...] = ()


class Ask(Value):
    """What the command line says beside the file."""

    wipe: tuple[str, ...] = ()  # disks whose content may be lost, as they are named in the file


def write(path: str, content: str, *after: tuple[str, ...], mode: int = 0) -> Step:
    """The step that makes `path` a file with this text, and what puts it into effect; what was there is kept."""
    return Step(f"write {path}", (WRITE, path), content=content, mode=mode, after=after)


def module(name: str) -> ModuleType:
    """The module of a section."""
    return __import__(f"phoenix.host.{name}", fromlist=["plan"])


def join(*plans: Plan) -> Plan:
    """Several plans as one, in this order."""
    return Plan(
        tuple(step for plan in plans for step in plan.steps),
        tuple(item for plan in plans for item in plan.differences),
        tuple(item for plan in plans for item in plan.refused),
        tuple(item for plan in plans for item in plan.missing),
        tuple(why for plan in plans for why in plan.reboot),
        tuple(item for plan in plans for item in plan.waits),
    )
