"""The memory of a machine on a volume: made for a snapshot or to suspend it, removed when it goes on."""

from __future__ import annotations

from phoenix.pve import formats
from phoenix.pve.tables import machine
from phoenix.rehearsal import volumes
from phoenix.rehearsal.qm import drives, show
from phoenix.rehearsal.speech import say

TYPE_CHECKING = False
if TYPE_CHECKING:
    from phoenix.pve.guestconf import GuestConf
    from phoenix.rehearsal.tree import Tree

_OPTIONS = ("runningmachine", "runningcpu", "running-nets-host-mtu")
"""What is noted of the machine beside its memory, so that it goes on in the same one."""
_DEVICES_MIB = 500
_MIB_IN_KIB = 1 << 10


def storage(tree: Tree, conf: GuestConf) -> str:
    """The storage for a machine's memory: the one that its configuration names, else one that has a disk of it."""
    if "vmstatestorage" in conf.options:
        return conf.options["vmstatestorage"]
    shared = local = ""
    names = {volumes.split(volume)[0] for _, volume in drives.disks(conf)}
    for name in sorted(names):
        found = volumes.existing(tree, name)
        if found.is_shared():
            shared = name if not shared or found.is_files() else shared
        else:
            local = name if not local or found.is_files() else local
    return shared or local or "local"


def save(tree: Tree, guest: str, conf: GuestConf, section: GuestConf, name: str, place: str = "") -> None:
    """Make the volume vm-N-state-NAME, twice as large as the memory, and note it in a section."""
    from phoenix.rehearsal.qm import commandline

    target = volumes.existing(tree, place or storage(tree, conf))
    kib = (show.memory(conf) * 2 + _DEVICES_MIB) * _MIB_IN_KIB
    section.options["vmstate"] = volumes.allocate(tree, target, guest, kib, "raw", f"vm-{guest}-state-{name}")
    section.options["runningmachine"] = commandline.machine_type(tree, conf)
    section.options["runningcpu"] = commandline.cpu(conf)
    mtus = _mtus(conf)
    if tree.release >= 9 and mtus:
        section.options["running-nets-host-mtu"] = mtus


def _mtus(conf: GuestConf) -> str:
    found = []
    for name in sorted(conf.options):
        if name.startswith("net") and name[3:].isdigit():
            net = formats.properties(machine.PROPERTIES["net"], conf.options[name])[0]
            if net.get("model") == "virtio":
                found.append(f"{name}={net.get('mtu', '1500')}")
    return ",".join(found)


def remove(tree: Tree, conf: GuestConf) -> None:
    """Free the volume, and note nothing of it any more."""
    volume = conf.options.pop("vmstate", "")
    if volume:
        volumes.free(tree, volume)
    drop_notes(conf)


def drop_notes(conf: GuestConf) -> None:
    """Forget what machine it was that had the memory."""
    for option in _OPTIONS:
        conf.options.pop(option, None)


def forget(tree: Tree, conf: GuestConf) -> bool:
    """Drop what is noted of a machine without its memory; whether there was something."""
    found = [option for option in _OPTIONS if option in conf.options] if tree.release >= 9 else []
    for option in found:
        say(f"No VM state set, removing left-over option '{option}'")
        del conf.options[option]
    return bool(found)
