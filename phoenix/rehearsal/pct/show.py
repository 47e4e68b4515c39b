"""`pct list`, `status`, `config`, `pending`: what can be seen without changing anything."""

from __future__ import annotations

import os

from phoenix.pve import formats, guestconf
from phoenix.rehearsal import cluster, running
from phoenix.rehearsal.failures import Failure
from phoenix.rehearsal.kinds import CT
from phoenix.rehearsal.pct import values
from phoenix.rehearsal.speech import say

TYPE_CHECKING = False
if TYPE_CHECKING:
    from phoenix.pve.guestconf import GuestConf
    from phoenix.rehearsal.tree import Tree

_MIB = 1 << 20
ENVIRONMENT = guestconf.ENVIRONMENT + " "
"""How the raw lines begin that hold `env`."""


def list_guests(tree: Tree, _given: dict[str, str]) -> int:
    """The containers of the node; nothing at all when there is none."""
    names = os.listdir(tree(f"/etc/pve/nodes/{tree.name}/lxc"))
    guests = sorted((name[:-5] for name in names if name.endswith(".conf") and name[:-5].isdigit()), key=int)
    run = running.guests(tree)
    lines = []
    for guest in guests:
        try:
            conf = cluster.read(tree, CT, guest)
        except Failure:
            continue  # it went away meanwhile
        state = "running" if guest in run else "stopped"
        name = conf.options.get("hostname") or f"CT{guest}"
        lines.append(f"{guest:<10} {state:<10} {conf.options.get('lock', ''):<12} {name:<20}")
    if lines:
        say("\n".join([f"{'VMID':<10} {'Status':<10} {'Lock':<12} {'Name':<20}", *lines]))
    return 0


def status(tree: Tree, given: dict[str, str]) -> int:
    """Whether a container runs, and with --verbose its figures."""
    guest = given["vmid"]
    conf = cluster.read(tree, CT, guest)
    if given.get("verbose") != "1":
        say(f"status: {'running' if running.is_running(tree, guest) else 'stopped'}")
        return 0
    found = figures(tree, guest, conf)
    say("\n".join(f"{key}: {found[key]}" for key in sorted(found)))
    return 0


def figures(tree: Tree, guest: str, conf: GuestConf) -> dict[str, str]:
    """The figures of a container, by name."""
    state = "running" if running.is_running(tree, guest) else "stopped"
    settings = conf.options
    present = int(tree.facts.get("cpus", 2))
    disk = values.properties("rootfs", settings.get("rootfs", "")).get("size", "4G")
    found = dict.fromkeys(("disk", "diskread", "diskwrite", "mem", "netin", "netout", "swap", "uptime"), "0")
    found.update(
        cpus=str(_cpus(settings.get("cores") or settings.get("cpulimit") or "", present)),
        maxdisk=str(formats.size(disk) or 0),
        maxmem=str(int(settings.get("memory", "512")) * _MIB),
        maxswap=str(int(settings.get("swap", "0")) * _MIB),
        name=settings.get("hostname") or f"CT{guest}",
        status=state,
        type="lxc",
        vmid=guest,
    )
    for name in ("lock", "tags", "template"):
        if name in settings:
            found[name] = settings[name]
    if state == "running":
        found.update(cpu="0", pid=str(1000 + int(guest)), uptime="1")
        if tree.release >= 9:
            kinds = ("cpusome", "cpufull", "iosome", "iofull", "memorysome", "memoryfull")
            found.update({f"pressure{kind}": "0" for kind in kinds})
    return found


def _cpus(wanted: str, present: int) -> int | str:
    number = formats.number(wanted) if wanted else None
    if not number or number > present:
        return present
    return int(number) if number == int(number) else wanted


def _shown(conf: GuestConf) -> dict[str, str]:
    """All options as they are shown: the description encoded, the environment as one."""
    shown = dict(conf.options)
    if conf.description:
        shown["description"] = "%0A".join(guestconf.encode(line) for line in conf.description.split("\n"))
    environment = [line[len(ENVIRONMENT) :] for line in conf.raw if line.startswith(ENVIRONMENT)]
    if environment:
        shown["env"] = "\0".join(environment)
    return shown


def config(tree: Tree, given: dict[str, str]) -> int:
    """A container's configuration, as it will be after a restart unless --current."""
    conf = cluster.read(tree, CT, given["vmid"])
    snapshot = given.get("snapshot")
    if snapshot is not None:
        if snapshot not in conf.snapshots:
            raise Failure(f"snapshot '{snapshot}' does not exist")
        conf = conf.snapshots[snapshot]
    elif given.get("current") != "1":
        for name in conf.delete:
            conf.options.pop(name, None)
            if name == "description":
                conf.description = ""
        conf.options.update(conf.pending)
    shown = _shown(conf)
    lines = [f"{name}: {shown[name]}" for name in sorted(shown)]
    lines += [line for line in conf.raw if not line.startswith(ENVIRONMENT)]
    if lines:
        say("\n".join(lines))
    return 0


def pending(tree: Tree, given: dict[str, str]) -> int:
    """A container's configuration with what waits for a restart."""
    conf = cluster.read(tree, CT, given["vmid"])
    shown = _shown(conf)
    for name in sorted({*shown, *conf.pending}):
        if name in conf.delete:
            say(f"del {name}: {shown.get(name, '')}")
            continue
        if name in shown:
            say(f"cur {name}: {shown[name]}")
        if name in conf.pending:
            say(f"new {name}: {conf.pending[name]}")
    return 0
