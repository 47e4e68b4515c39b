"""The generated LXC configuration: what pct writes for lxc-start, and what can go wrong with that."""

from __future__ import annotations

import os

from phoenix.pve import formats
from phoenix.rehearsal.failures import Failure
from phoenix.rehearsal.pct import values

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from phoenix.pve.guestconf import GuestConf
    from phoenix.rehearsal.tree import Tree

_FOLDER = "/var/lib/lxc/{}"
_MTU = 1500
"""What a bridge has unless the node says otherwise."""
_MIB = 1 << 20
_PERIOD = 100000


def is_there(tree: Tree, guest: str) -> bool:
    """Whether a container was started once, so that LXC knows it."""
    return os.path.exists(tree(_FOLDER.format(guest) + "/config"))


def write(tree: Tree, guest: str, conf: GuestConf, *, first: bool) -> None:
    """Write the LXC configuration: at a start, and later with every change."""
    folder = _FOLDER.format(guest)
    if conf.options.get("template") == "1":
        return
    if first:
        check_architecture(conf)
    elif not is_there(tree, guest):
        return
    os.makedirs(tree(folder + "/rootfs"), exist_ok=True)
    tree.replace(folder + "/config", "".join(f"{line}\n" for line in _lines(tree, guest, conf)), 0o644)
    for name in sorted(conf.options):
        if name.startswith("dev") and name[3:].isdigit():
            values.check_device(tree, conf.options[name])
    for name in sorted(conf.options):
        if name.startswith("net") and name[3:].isdigit():
            _check_bridge(tree, name, values.properties("net", conf.options[name]))


def forget(tree: Tree, guest: str) -> None:
    """Remove what LXC knows of a container, and its folder if there is nothing else in it."""
    folder = tree(_FOLDER.format(guest))
    for name, remove in (("config", os.unlink), ("rootfs", os.rmdir), ("", os.rmdir)):
        try:
            remove(f"{folder}/{name}")
        except OSError:
            continue  # it is not there, or not empty


def _check_bridge(tree: Tree, name: str, parsed: dict[str, str]) -> None:
    bridge = parsed.get("bridge", "")
    if not bridge:
        return
    if not os.path.isdir(tree("/sys/class/net/" + bridge)):
        raise Failure(f"bridge '{bridge}' does not exist", 2)
    wanted, most = int(parsed.get("mtu", 0)), _mtu(tree, bridge)
    if wanted > most:
        raise Failure(f"{name}: MTU size '{wanted}' is bigger than bridge MTU '{most}'")


def _mtu(tree: Tree, bridge: str) -> int:
    text = tree.read(f"/sys/class/net/{bridge}/mtu").strip()
    return int(text) if text.isdigit() else _MTU


def check_architecture(conf: GuestConf) -> None:
    """Failure if the container has no architecture any more."""
    if "arch" not in conf.options:
        raise Failure("missing 'arch' - internal error")


def _lines(tree: Tree, guest: str, conf: GuestConf) -> Iterator[str]:
    settings, folder = conf.options, _FOLDER.format(guest)
    ostype, shared = settings.get("ostype", "unmanaged"), "/usr/share/lxc/config"
    mapped = any(line.startswith("lxc.idmap") for line in conf.raw)
    unprivileged = mapped or settings.get("unprivileged") == "1"
    yield "lxc.cgroup.relative = 0"
    yield f"lxc.cgroup.dir.monitor = lxc.monitor/{guest}"
    yield f"lxc.cgroup.dir.container = lxc/{guest}"
    yield "lxc.cgroup.dir.container.inner = ns"
    yield f"lxc.arch = {settings.get('arch', 'amd64')}"
    yield f"lxc.include = {shared}/{ostype}.common.conf"
    if unprivileged:
        yield f"lxc.include = {shared}/{ostype}.userns.conf"
    yield "lxc.apparmor.profile = generated"
    yield "lxc.monitor.unshare = 1"
    if unprivileged and not mapped:
        yield from ("lxc.idmap = u 0 100000 65536", "lxc.idmap = g 0 100000 65536")
    if settings.get("console") == "0":
        yield "lxc.console.path = none"
    yield f"lxc.tty.max = {settings.get('tty', '2')}"
    yield "lxc.environment = TERM=linux"
    yield f"lxc.uts.name = {settings.get('hostname', f'CT{guest}')}"
    yield from _limits(settings)
    yield f"lxc.rootfs.path = {folder}/rootfs"
    if "entrypoint" in settings:
        yield f"lxc.init.cmd = {settings['entrypoint']}"
    for name in sorted(settings):
        if name.startswith("net") and name[3:].isdigit():
            yield from _network(tree, guest, name[3:], values.properties("net", settings[name]))
    for line in conf.raw:
        key, _, value = line.partition(":")
        yield f"{key} = {value.strip()}"
    cores = settings.get("cores", "")
    if cores.isdigit() and int(cores) < int(tree.facts.get("cpus", 2)):
        yield "lxc.cgroup2.cpuset.cpus = " + ("0" if cores == "1" else f"0-{int(cores) - 1}")


def _whole(text: str, usual: int) -> int:
    return int(text) if text.isdigit() else usual


def _limits(settings: dict[str, str]) -> Iterator[str]:
    memory, swap = _whole(settings.get("memory", ""), 512), _whole(settings.get("swap", ""), 0)
    yield f"lxc.cgroup2.memory.max = {memory * _MIB}"
    high = (memory - 128) * _MIB if memory >= 16384 else memory * 1024 * 1016
    yield f"lxc.cgroup2.memory.high = {high}"
    yield f"lxc.cgroup2.memory.swap.max = {swap * _MIB}"
    limit = formats.number(settings.get("cpulimit", "0"))
    if limit:
        yield f"lxc.cgroup2.cpu.max = {int(_PERIOD * limit)} {_PERIOD}"
    if "cpuunits" in settings:
        yield f"lxc.cgroup2.cpu.weight = {settings['cpuunits']}"


def _network(tree: Tree, guest: str, number: str, parsed: dict[str, str]) -> Iterator[str]:
    begin = f"lxc.net.{number}"
    yield f"{begin}.type = veth"
    yield f"{begin}.veth.pair = veth{guest}i{number}"
    for key, said in (("hwaddr", "hwaddr"), ("name", "name")):
        if key in parsed:
            yield f"{begin}.{said} = {parsed[key]}"
    yield f"{begin}.mtu = {parsed.get('mtu') or _mtu(tree, parsed.get('bridge', ''))}"
    yield f"{begin}.script.up = /usr/share/lxc/lxcnetaddbr"
