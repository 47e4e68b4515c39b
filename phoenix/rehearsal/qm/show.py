"""`qm config`, `pending`, `list`, `status`: what a machine is."""

from __future__ import annotations

import os

from phoenix.pve import formats, guestconf
from phoenix.rehearsal import cluster
from phoenix.rehearsal.failures import Failure
from phoenix.rehearsal.kinds import VM
from phoenix.rehearsal.qm import drives, running
from phoenix.rehearsal.speech import say

TYPE_CHECKING = False
if TYPE_CHECKING:
    from phoenix.pve.guestconf import GuestConf
    from phoenix.rehearsal.tree import Tree

_MIB = 1 << 20
_PRESSURES = ("cpusome", "cpufull", "iosome", "iofull", "memorysome", "memoryfull")


def state(tree: Tree, guest: str) -> str:
    """running, paused or stopped."""
    if not running.pid(tree, guest):
        return "stopped"
    return "paused" if running.is_paused(tree, guest) else "running"


def name(conf: GuestConf, guest: str) -> str:
    """How a machine is called."""
    return conf.options.get("name") or f"VM {guest}"


def memory(conf: GuestConf) -> int:
    """A machine's memory in MiB."""
    text = conf.options.get("memory", "").replace("current=", "").strip()
    return int(text) if text.isdigit() else 512


def guests(tree: Tree) -> list[str]:
    """The machines of this node, by number."""
    folder = tree(f"/etc/pve/nodes/{tree.name}/{VM.folder}")
    return sorted((file[:-5] for file in os.listdir(folder) if file.endswith(".conf")), key=int)


def list_guests(tree: Tree, _: dict[str, str]) -> int:
    """All machines."""
    rows = []
    for guest in guests(tree):
        conf = cluster.read(tree, VM, guest)
        size = (formats.size(drives.boot_disk(conf).get("size", "0")) or 0) / (1 << 30)
        cells = (guest, name(conf, guest), state(tree, guest).replace("paused", "running"), memory(conf))
        rows.append("{:>10} {:<20} {:<10} {:<10} {:>12.2f} {:<10}".format(*cells, size, running.pid(tree, guest)))
    if rows:
        titles = ("VMID", "NAME", "STATUS", "MEM(MB)", "BOOTDISK(GB)", "PID")
        say("{:>10} {:<20} {:<10} {:<10} {:>12} {:<10}".format(*titles))
        say("\n".join(rows))
    return 0


def status(tree: Tree, given: dict[str, str]) -> int:
    """Whether a machine runs; with --verbose its figures."""
    guest = given["vmid"]
    conf = cluster.read(tree, VM, guest)
    if given.get("verbose") != "1":
        say(f"status: {state(tree, guest)}")
        return 0
    found = figures(tree, guest, conf)
    lines = [f"{key}: {found[key]}" for key in found]
    if running.pid(tree, guest):
        nics = [f"\t\ttap{guest}i{net[3:]}:\n\t\t\tnetin: 0\n\t\t\tnetout: 0" for net in _nets(conf)]
        if nics:
            lines.append("nics:\n" + "\n".join(nics).replace("\t\t", "\t"))
    lines.sort(key=lambda line: line.partition(":")[0])
    say("\n".join(lines))
    return 0


def _nets(conf: GuestConf) -> list[str]:
    return sorted(key for key in conf.options if key.startswith("net") and key[3:].isdigit())


def figures(tree: Tree, guest: str, conf: GuestConf) -> dict[str, str]:
    """The figures of a machine, by name."""
    settings, pid = conf.options, running.pid(tree, guest)
    cpus = int(settings.get("sockets", "1")) * int(settings.get("cores", "1"))
    cpus = int(settings.get("vcpus", cpus)) or cpus
    found = dict.fromkeys(("disk", "mem", "netin", "netout", "uptime"), "0")
    found.update(
        cpus=str(min(cpus, int(tree.facts.get("cpus", 2)))),
        maxdisk=str(formats.size(drives.boot_disk(conf).get("size", "0")) or 0),
        maxmem=str(memory(conf) * _MIB),
        name=name(conf, guest),
        qmpstatus=state(tree, guest),
        status="running" if pid else "stopped",
        vmid=guest,
    )
    for key in ("lock", "tags", "template"):
        if key in settings:
            found[key] = settings[key]
    if tree.release >= 9:
        found["memhost"] = "0"
    if pid:
        found.update(pid=str(pid))
        if tree.release >= 9:
            found.update({f"pressure{kind}": "0" for kind in _PRESSURES})
    return found


def shown(conf: GuestConf) -> dict[str, str]:
    """All options as they are shown: the description encoded, no password."""
    found = dict(conf.options)
    if conf.description:
        found["description"] = "%0A".join(guestconf.encode(line) for line in conf.description[:-1].split("\n"))
    return without_secrets(found)


def without_secrets(found: dict[str, str]) -> dict[str, str]:
    """Options with passwords as stars."""
    return {key: "**********" if key == "cipassword" else value for key, value in found.items()}


def config(tree: Tree, given: dict[str, str]) -> int:
    """A machine's configuration, as it will be after a restart unless --current."""
    conf = cluster.read(tree, VM, given["vmid"])
    snapshot = given.get("snapshot")
    if snapshot is not None:
        if snapshot not in conf.snapshots:
            raise Failure(f"snapshot '{snapshot}' does not exist")
        conf = conf.snapshots[snapshot]
    elif given.get("current") != "1":
        for key in conf.delete:
            conf.options.pop(key.lstrip("!"), None)
        conf.options.update(conf.pending)
    found = shown(conf)
    if found:
        say("\n".join(f"{key}: {found[key]}" for key in sorted(found)))
    return 0


def pending(tree: Tree, given: dict[str, str]) -> int:
    """A machine's configuration with what waits for a restart."""
    conf = cluster.read(tree, VM, given["vmid"])
    found, waiting = shown(conf), without_secrets(dict(conf.pending))
    deleted = {key.lstrip("!") for key in conf.delete}
    for key in sorted({*found, *waiting}):
        if key in deleted:
            say(f"del {key}: {found.get(key, '')}")
            continue
        if key in found:
            say(f"cur {key}: {found[key]}")
        if key in waiting:
            say(f"new {key}: {waiting[key]}")
    return 0
