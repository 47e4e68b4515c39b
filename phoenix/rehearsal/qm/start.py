"""`qm start`: what a machine needs is looked at, what waited is applied, and then it runs."""

from __future__ import annotations

import os

from phoenix.pve import formats
from phoenix.pve.tables import machine
from phoenix.rehearsal import cluster, locks, volumes, worker
from phoenix.rehearsal.failures import BadParameters, Failure
from phoenix.rehearsal.kinds import VM
from phoenix.rehearsal.pauses import pause
from phoenix.rehearsal.qm import change, drives, hooks, memory, real, running
from phoenix.rehearsal.speech import complain, say

TYPE_CHECKING = False
if TYPE_CHECKING:
    from phoenix.pve.guestconf import GuestConf
    from phoenix.rehearsal.tree import Tree

_SCRIPTS = {8: "/var/lib/qemu-server", 9: "/usr/libexec/qemu-server"}
"""Where the programs are that put a machine's interface on its bridge."""
_FIRMWARE = "/usr/share/pve-edk2-firmware//OVMF_CODE.fd"


def run(tree: Tree, given: dict[str, str]) -> int:
    """Start a machine."""
    guest = given["vmid"]
    if "targetstorage" in given and "migratedfrom" not in given:
        raise BadParameters({"targetstorage": "targetstorage can only by used with migratedfrom."})  # sic
    cluster.check_quorum(tree)
    return worker.run(lambda: task(tree, guest, skip_lock=given.get("skiplock") == "1"))


def task(tree: Tree, guest: str, *, skip_lock: bool) -> None:
    """The work of a start."""
    with locks.config(tree, VM, guest):
        conf = cluster.read(tree, VM, guest)
        if conf.options.get("template") == "1":
            raise Failure("you can't start a vm if it's a template")
        lock, runs = conf.options.get("lock"), running.pid(tree, guest) != 0
        if lock == "backup" and runs:
            running.resume(tree, guest)
            return
        if not skip_lock and lock != "suspended":
            cluster.check_lock(VM, conf)
        if runs:
            raise Failure(f"VM {guest} already running")
        _start(tree, guest, conf)


def _start(tree: Tree, guest: str, conf: GuestConf) -> None:
    resumes = conf.options.get("lock") == "suspended" or "vmstate" in conf.options
    if conf.pending or conf.delete:
        change.apply(tree, guest, start=True)
        conf = cluster.read(tree, VM, guest)
    if any(drives.is_cloud_init(values["file"]) for _, values in drives.all_of(conf)):
        say("generating cloud-init ISO")
    hooks.check(tree, guest, conf, "pre-start", stop=True)
    if resumes:
        say("Resuming suspended VM")
    pause()
    if tree.release >= 9:
        check_volumes(tree, conf)
    check_command(tree, conf)
    check_volumes(tree, conf)
    _check_bridges(tree, guest, conf)
    if real.is_wanted(tree):
        running.stop(tree, guest)  # what one leaves that has ended by itself
        running.start(tree, guest, real.start(tree, guest, conf))
    else:
        running.start(tree, guest)
    if resumes:
        say("Resumed VM, removing state")
        memory.remove(tree, conf)
        conf.options.pop("lock", None)
        cluster.write(tree, VM, guest, conf)
    elif memory.forget(tree, conf):
        cluster.write(tree, VM, guest, conf)
    hooks.check(tree, guest, conf, "post-start")


def check_volumes(tree: Tree, conf: GuestConf) -> None:
    """Failure if a volume that the machine needs cannot be used."""
    found = [values["file"] for _, values in drives.all_of(conf) if formats.is_volume_id(values["file"])]
    found += [conf.options["vmstate"]] if "vmstate" in conf.options else []
    for volume in found:
        storage, kind = volumes.existing(tree, volumes.split(volume)[0]), volumes.parsed(tree, volume).kind
        if kind not in storage.content:
            raise Failure(f"storage '{storage.name}' does not support content-type '{kind}'")
    for volume in found:
        volumes.activate(tree, volumes.enabled(tree, volumes.split(volume)[0]))
    for volume in found:
        volumes.check_exists(tree, volume)


def check_command(tree: Tree, conf: GuestConf) -> None:
    """Failure if no command line of QEMU can be made for the machine on this node."""
    settings = conf.options
    native = settings.get("arch", "x86_64") == "x86_64"
    if settings.get("kvm", str(int(native))) == "1" and not os.path.exists(tree("/dev/kvm")):
        text = "KVM virtualisation configured, but not available. "
        raise Failure(text + "Either disable in VM configuration or enable in BIOS.")
    if settings.get("bios") == "ovmf" and not os.path.exists(tree(_FIRMWARE)):
        raise Failure(f"EFI base image '{_FIRMWARE}' not found")
    for name in sorted(settings):
        base = name.rstrip("0123456789")
        if base in ("serial", "parallel") and settings[name].startswith("/dev/"):
            if not os.path.exists(tree(settings[name])):
                raise Failure(f"no such {base} device")
        elif base == "hostpci":
            _check_pci(tree, settings[name])
    present = int(tree.facts.get("cpus", 2))
    if int(settings.get("sockets", "1")) * int(settings.get("cores", "1")) > present:
        raise Failure(f"MAX {present} vcpus allowed per VM on this node")
    for name, net in _nets(conf):
        _check_mtu(tree, name, net)


def _check_pci(tree: Tree, text: str) -> None:
    wanted = formats.properties(machine.PROPERTIES["hostpci"], text)[0].get("host", "")
    folder = tree("/sys/bus/pci/devices")
    present = os.listdir(folder) if os.path.isdir(folder) else []
    for place in wanted.split(";") if wanted else ():
        full = place if place.count(":") > 1 else f"0000:{place}"
        if not any(device == full or device.startswith(full + ".") for device in present):
            raise Failure(f"no PCI device found for '{place}'")


def _nets(conf: GuestConf) -> list[tuple[str, dict[str, str]]]:
    names = [name for name in conf.options if name.startswith("net") and name[3:].isdigit()]
    names.sort(key=lambda name: int(name[3:]))
    return [(name, formats.properties(machine.PROPERTIES["net"], conf.options[name])[0]) for name in names]


def _check_mtu(tree: Tree, name: str, net: dict[str, str]) -> None:
    """The size of packets that QEMU is told is at most that of the bridge; release 9 always looks it up."""
    bridge, wanted = net.get("bridge", ""), int(net.get("mtu", "1"))
    if net.get("model") != "virtio" or not bridge:
        if "mtu" in net:
            text = f"netdev {name}: ignoring MTU '{wanted}', not using VirtIO or no bridge configured."
            complain("WARN: " + text)
        return
    if tree.release < 9 and "mtu" not in net:
        return
    if not _has_bridge(tree, bridge):
        raise Failure(f"bridge '{bridge}' does not exist")
    most = int(tree.read(f"/sys/class/net/{bridge}/mtu").strip() or "1500")
    if wanted > most:
        raise Failure(f"{name}: MTU size '{wanted}' is bigger than bridge MTU '{most}'")


def _has_bridge(tree: Tree, bridge: str) -> bool:
    return os.path.isdir(tree("/sys/class/net/" + bridge))


def _check_bridges(tree: Tree, guest: str, conf: GuestConf) -> None:
    """QEMU itself calls what puts an interface on its bridge, and ends if that fails."""
    for name, net in _nets(conf):
        bridge = net.get("bridge", "")
        if not bridge or _has_bridge(tree, bridge):
            continue
        script = _SCRIPTS[min(tree.release, 9)] + "/pve-bridge"
        words = f"type=tap,id={name},ifname=tap{guest}i{name[3:]},script={script},downscript={script}down"
        words += ",vhost=on" if net["model"] == "virtio" else ""
        words += f",queues={net['queues']}" if "queues" in net else ""
        complain(f"bridge '{bridge}' does not exist")
        complain(f"kvm: -netdev {words}: network script {script} failed with status 512")
        raise Failure("start failed: QEMU exited with code 1")
