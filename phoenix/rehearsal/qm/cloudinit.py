"""`qm cloudinit dump`, `pending`, `update`: what the machine's cloud-init drive says."""

from __future__ import annotations

import hashlib

from phoenix.pve import formats
from phoenix.pve.tables import machine
from phoenix.rehearsal import cluster, locks
from phoenix.rehearsal.kinds import VM
from phoenix.rehearsal.qm import show, values
from phoenix.rehearsal.speech import say

TYPE_CHECKING = False
if TYPE_CHECKING:
    from phoenix.pve.guestconf import GuestConf
    from phoenix.rehearsal.tree import Tree

_OPTIONS = ("cicustom", "cipassword", "citype", "ciuser", "nameserver", "searchdomain", "sshkeys")


def dump(tree: Tree, given: dict[str, str]) -> int:
    """Print one of the generated files."""
    guest = given["vmid"]
    conf = cluster.read(tree, VM, guest)
    say({"user": _user, "network": _network, "meta": _meta}[given["type"]](conf, guest))
    return 0


def _user(conf: GuestConf, guest: str) -> str:
    settings = conf.options
    host = settings.get("name") or f"VM{guest}"
    domain = settings.get("searchdomain", "")
    short, _, rest = host.partition(".")
    lines = ["#cloud-config", f"hostname: {short}", "manage_etc_hosts: true"]
    if rest or domain:
        lines.append(f"fqdn: {host if rest else f'{host}.{domain.split()[0]}'}")
    if "ciuser" in settings:
        lines.append(f"user: {settings['ciuser']}")
    else:
        lines.append("disable_root: False")
    if "cipassword" in settings:
        lines.append(f"password: {settings['cipassword']}")
    if "sshkeys" in settings:
        lines.append("ssh_authorized_keys:")
        lines += [f"  - {key}" for key in values.url_decoded(settings["sshkeys"]).split("\n") if key]
    lines += ["chpasswd:", "  expire: False"]
    if settings.get("ciuser") != "root":
        lines += ["users:", "  - default"]
    if settings.get("ciupgrade", "1") == "1":
        lines.append("package_upgrade: true")
    return "\n".join(lines) + "\n"


def _network(conf: GuestConf, _: str) -> str:
    lines = ["version: 1", "config:"]
    for name in sorted((key for key in conf.options if key.startswith("net") and key[3:].isdigit()), key=_number):
        net = formats.properties(machine.PROPERTIES["net"], conf.options[name])[0]
        lines += [
            "    - type: physical",
            f"      name: eth{_number(name)}",
            f"      mac_address: '{net.get('macaddr', '').lower()}'",
        ]
        subnets = _subnets(conf.options.get(f"ipconfig{_number(name)}", ""))
        lines += ["      subnets:", *subnets] if subnets else []
    servers = formats.split_list(conf.options.get("nameserver", ""))
    domains = formats.split_list(conf.options.get("searchdomain", ""))
    if servers or domains:
        lines.append("    - type: nameserver")
        lines += ["      address:", *(f"      - '{server}'" for server in servers)] if servers else []
        lines += ["      search:", *(f"      - '{domain}'" for domain in domains)] if domains else []
    return "\n".join(lines) + "\n"


def _number(name: str) -> int:
    return int(name[3:])


def _subnets(text: str) -> list[str]:
    found = formats.properties(machine.PROPERTIES["ipconfig"], text)[0] if text else {}
    lines = []
    for key, gateway, kind in (("ip", "gw", ""), ("ip6", "gw6", "6")):
        address = found.get(key, "")
        if address == "dhcp":
            lines.append(f"      - type: dhcp{kind or '4'}")
        elif address == "auto":
            lines.append("      - type: ipv6_slaac")
        elif address:
            where, _, bits = address.partition("/")
            lines += [f"      - type: static{kind}", f"        address: '{where if not kind else address}'"]
            if not kind:
                lines.append(f"        netmask: '{_mask(int(bits))}'")
            if gateway in found:
                lines.append(f"        gateway: '{found[gateway]}'")
    return lines


def _mask(bits: int) -> str:
    number = ((1 << bits) - 1) << (32 - bits)
    return ".".join(str(number >> shift & 255) for shift in (24, 16, 8, 0))


def _meta(conf: GuestConf, guest: str) -> str:
    text = _user(conf, guest) + _network(conf, guest)
    return f"instance-id: {hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()}\n"


def pending(tree: Tree, given: dict[str, str]) -> int:
    """What of cloud-init's options stands in the configuration."""
    conf = cluster.read(tree, VM, given["vmid"])
    found, waiting = show.without_secrets(conf.options), show.without_secrets(conf.pending)
    for name in _OPTIONS:
        if name in found:
            say(f"cur {name}: {found[name]}")
        if name in waiting:
            say(f"new {name}: {waiting[name]}")
    return 0


def update(tree: Tree, given: dict[str, str]) -> int:
    """Generate the drive anew."""
    guest = given["vmid"]
    with locks.config(tree, VM, guest):
        cluster.read(tree, VM, guest)
        say("generating cloud-init ISO")
    return 0
