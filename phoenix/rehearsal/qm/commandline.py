"""`qm showcmd`: the command line of QEMU that a machine's configuration asks for, without the rarer devices."""

from __future__ import annotations

from phoenix.pve import formats
from phoenix.pve.tables import machine
from phoenix.rehearsal import cluster, imagefiles, jsons, snapshots, volumes
from phoenix.rehearsal.kinds import VM
from phoenix.rehearsal.qm import drives, show, values
from phoenix.rehearsal.speech import say

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Final

    from phoenix.pve.guestconf import GuestConf
    from phoenix.rehearsal.tree import Tree

_PLAIN: Final = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_!%+,-./:@^")
_RUN: Final = "/var/run/qemu-server"
_SPLASH: Final = "/usr/share/qemu-server/bootsplash.jpg"
_DISPLAYS: Final[Mapping[str, str]] = {
    "cirrus": "cirrus-vga", "qxl": "qxl-vga", "std": "VGA", "virtio": "virtio-vga", "vmware": "vmware-svga",
}  # fmt: skip
_NETWORK_DEVICES: Final[Mapping[str, str]] = {"virtio": "virtio-net-pci"}
_X86_64: Final[Mapping[str, tuple[str, ...]]] = {
    "x86-64-v2": ("pni", "popcnt", "sse4.1", "sse4.2", "ssse3"),
    "x86-64-v2-AES": ("aes", "pni", "popcnt", "sse4.1", "sse4.2", "ssse3"),
}
"""What these models of Proxmox VE add to QEMU's qemu64."""

Words = list[str]


def run(tree: Tree, given: dict[str, str]) -> int:
    """Print the command line."""
    from phoenix.rehearsal.qm import start

    guest = given["vmid"]
    conf = cluster.read(tree, VM, guest)
    if "snapshot" in given:
        conf = snapshots.find(conf, given["snapshot"])
    if tree.release >= 9:
        start.check_volumes(tree, conf)
    start.check_command(tree, conf)
    words = ["/usr/bin/kvm", *_machine(tree, guest, conf), *_devices(tree, guest, conf)]
    words += ["-machine", f"type={conf.options.get('runningmachine') or _short_type(conf)}"]
    words += conf.options.get("args", "").split()
    text = " ".join(_quoted(word) for word in words)
    say(text.replace(" -", " \\\n  -") if given.get("pretty") == "1" else text)
    return 0


def _quoted(word: str) -> str:
    return word if word and _PLAIN.issuperset(word) else "'" + word.replace("'", "'\\''") + "'"


def machine_type(tree: Tree, conf: GuestConf) -> str:
    """The version of a machine's hardware, as QEMU calls it."""
    wanted = _short_type(conf).partition("+")[0]
    major, minor = values.meta(tree.release).partition("=")[2].split(".")[:2]
    if any(char.isdigit() for char in wanted.rpartition("-")[2]):
        return f"{wanted}+pve0"
    return f"{'pc-q35' if wanted == 'q35' else 'pc-i440fx'}-{major}.{minor}+pve1"


def _short_type(conf: GuestConf) -> str:
    found = formats.properties(machine.PROPERTIES["machine"], conf.options.get("machine", "pc"))[0]
    return found.get("type", "pc") + "+pve0"


def cpu(conf: GuestConf) -> str:
    """The value of QEMU's -cpu."""
    text = conf.options.get("cpu", "kvm64")
    found = formats.properties(machine.PROPERTIES["cpu"], text)[0]
    model = found.get("cputype", "kvm64")
    flags = {"kvm_pv_eoi": "+", "kvm_pv_unhalt": "+"}
    if model not in ("host", "max"):
        flags["enforce"] = ""
    if model == "kvm64":
        flags.update({"lahf_lm": "+", "sep": "+"})
    flags.update(dict.fromkeys(_X86_64.get(model, ()), "+"))
    for flag in found.get("flags", "").split(";"):
        if flag:
            flags[flag[1:]] = flag[0]
    shown = [sign + flag for flag, sign in sorted(flags.items())]
    return ",".join(["qemu64" if model in _X86_64 else model, *shown])


def _machine(tree: Tree, guest: str, conf: GuestConf) -> Words:
    settings = conf.options
    cores, sockets = settings.get("cores", "1"), settings.get("sockets", "1")
    most = int(cores) * int(sockets)
    reconnect = "reconnect=5" if tree.release < 9 else "reconnect-ms=5000"
    return [
        "-id", guest,
        "-name", f"{settings.get('name') or 'vm' + guest},debug-threads=on",
        "-no-shutdown",
        "-chardev", f"socket,id=qmp,path={_RUN}/{guest}.qmp,server=on,wait=off",
        "-mon", "chardev=qmp,mode=control",
        "-chardev", f"socket,id=qmp-event,path=/var/run/qmeventd.sock,{reconnect}",
        "-mon", "chardev=qmp-event,mode=control",
        "-pidfile", f"{_RUN}/{guest}.pid",
        "-daemonize",
        *(["-smbios", f"type=1,{settings['smbios1']}"] if "smbios1" in settings else []),
        "-smp", f"{settings.get('vcpus', most)},sockets={sockets},cores={cores},maxcpus={most}",
        "-nodefaults",
        "-boot", f"menu=on,strict=on,reboot-timeout=1000,splash={_SPLASH}",
        *_display(guest, conf),
        "-cpu", settings.get("runningcpu") or cpu(conf),
        "-m", str(show.memory(conf)),
    ]  # fmt: skip


def _display_type(conf: GuestConf) -> str:
    found = formats.properties(machine.PROPERTIES["vga"], conf.options.get("vga", "std"))[0]
    return found.get("type", "std")


def _display(guest: str, conf: GuestConf) -> Words:
    if _display_type(conf) in _DISPLAYS:
        return ["-vnc", f"unix:{_RUN}/{guest}.vnc,password=on"]
    return ["-nographic"]


def _devices(tree: Tree, guest: str, conf: GuestConf) -> Words:
    settings, words = conf.options, []
    if tree.release >= 9:
        words += ["-global", "PIIX4_PM.disable_s3=1", "-global", "PIIX4_PM.disable_s4=1"]
    if _short_type(conf).startswith(("q35", "pc-q35")):
        words += ["-readconfig", "/usr/share/qemu-server/pve-q35-4.0.cfg"]
    else:
        for number, place in ((1, "0x1e"), (2, "0x1f")):
            words += ["-device", f"pci-bridge,id=pci.{number},chassis_nr={number},bus=pci.0,addr={place}"]
    if "vmgenid" in settings:
        words += ["-device", f"vmgenid,guid={settings['vmgenid']}"]
    words += ["-device", "piix3-usb-uhci,id=uhci,bus=pci.0,addr=0x1.0x2"]
    if settings.get("tablet", "1") == "1":
        words += ["-device", "usb-tablet,id=tablet,bus=uhci.0,port=1"]
    for number in range(4):
        words += _serial(guest, number, settings.get(f"serial{number}", ""))
    if _display_type(conf) in _DISPLAYS:
        words += ["-device", f"{_DISPLAYS[_display_type(conf)]},id=vga,bus=pci.0,addr=0x2"]
    if settings.get("agent", "0").replace("enabled=", "")[:1] == "1":
        words += ["-chardev", f"socket,path={_RUN}/{guest}.qga,server=on,wait=off,id=qga0"]
        words += ["-device", "virtio-serial,id=qga0,bus=pci.0,addr=0x8"]
        words += ["-device", "virtserialport,chardev=qga0,name=org.qemu.guest_agent.0"]
    if settings.get("balloon") != "0":
        words += ["-device", "virtio-balloon-pci,id=balloon0,bus=pci.0,addr=0x3,free-page-reporting=on"]
    return words + _disks(tree, conf) + _networks(tree, guest, conf)


def _serial(guest: str, number: int, text: str) -> Words:
    if not text:
        return []
    where = f"socket,id=serial{number},path={_RUN}/{guest}.serial{number},server=on,wait=off"
    if text != "socket":
        where = f"{'tty' if text.startswith('/dev/tty') else 'serial'},id=serial{number},path={text}"
    return ["-chardev", where, "-device", f"isa-serial,chardev=serial{number}"]


def _disks(tree: Tree, conf: GuestConf) -> Words:
    order = {name: 100 + place for place, name in enumerate(drives.boot_order(conf))}
    controller = conf.options.get("scsihw", "lsi")
    kind = "virtio-scsi-pci" if controller == "virtio-scsi-single" else controller
    words, seen = [], set()
    for name, found in drives.all_of(conf):
        bus = name.rstrip("0123456789")
        if bus == "scsi" and bus not in seen:
            words += ["-device", f"{kind},id=scsihw0,bus=pci.0,addr=0x5"]
        if bus == "sata" and bus not in seen:
            words += ["-device", "ahci,id=ahci0,multifunction=on,bus=pci.0,addr=0x7"]
        seen.add(bus)
        if bus not in ("efidisk", "tpmstate"):
            words += [*_drive(tree, name, found), "-device", _disk_device(name, found, order.get(name))]
    return words


def _disk_device(name: str, found: Mapping[str, str], index: int | None) -> str:
    bus = name.rstrip("0123456789")
    number = int(name[len(bus) :])
    kind = "cd" if drives.is_cdrom(found) else "hd"
    device = {
        "ide": f"ide-{kind},bus=ide.{number // 2},unit={number % 2}",
        "sata": f"ide-{kind},bus=ahci0.{number}",
        "scsi": f"scsi-{kind},bus=scsihw0.0,scsi-id={number}",
        "virtio": f"virtio-blk-pci,bus=pci.0,addr={0xA + number:#x}",
    }[bus]
    return f"{device},drive=drive-{name},id={name}" + ("" if index is None else f",bootindex={index}")


def _drive(tree: Tree, name: str, found: Mapping[str, str]) -> Words:
    file, disc = found["file"], drives.is_cdrom(found)
    path = volumes.node_path(tree, file) if formats.is_volume_id(file) else file
    form = "raw"
    if formats.is_volume_id(file) and volumes.exists(tree, file):
        form = imagefiles.kind(tree(path))
    if tree.release < 9:
        rest = f"if=none,id=drive-{name}" + (",media=cdrom" if disc else "")
        rest += "" if disc else f",format={form},cache={found.get('cache', 'none')},aio=io_uring,detect-zeroes=on"
        return ["-drive", rest if file in ("none", "cdrom") else f"file={path},{rest}"]
    if file in ("none", "cdrom"):
        return []
    below: dict[str, jsons.Value] = {"driver": "file", "filename": path, "node-name": f"e{name}"}
    node: dict[str, jsons.Value] = {"driver": form, "file": below, "node-name": f"f{name}"}
    if disc:
        node["read-only"] = True
    top: dict[str, jsons.Value] = {"driver": "throttle", "file": node, "node-name": f"drive-{name}"}
    return ["-blockdev", jsons.show({**top, "throttle-group": f"throttle-drive-{name}"})]


def _networks(tree: Tree, guest: str, conf: GuestConf) -> Words:
    words = []
    order = {name: 100 + place for place, name in enumerate(drives.boot_order(conf))}
    folder = "/var/lib/qemu-server" if tree.release < 9 else "/usr/libexec/qemu-server"
    for name in sorted(key for key in conf.options if key.startswith("net") and key[3:].isdigit()):
        net = formats.properties(machine.PROPERTIES["net"], conf.options[name])[0]
        script = f"script={folder}/pve-bridge,downscript={folder}/pve-bridgedown"
        fast = ",vhost=on" if net["model"] == "virtio" else ""
        tap = f"type=tap,id={name},ifname=tap{guest}i{name[3:]},{script}{fast}"
        words += ["-netdev", tap if "bridge" in net else f"type=user,id={name},hostname={guest}"]
        device = _NETWORK_DEVICES.get(net["model"], net["model"])
        text = f"{device},mac={net.get('macaddr', '')},netdev={name},bus=pci.0,addr={0x12 + int(name[3:]):#x},id={name}"
        words += ["-device", text + (f",bootindex={order[name]}" if name in order else "")]
    return words
