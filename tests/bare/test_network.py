"""The network of a node, set up for real by the built file: Debian's ifupdown2 in a network namespace.

The namespace has the two ends of a virtual cable for hardware; systemd is not there, so what asks for it is imitated,
and what its timer would start is started by the test.
"""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.bare import trees
from tests.rehearsal.realparts import made_once, need

PYZ = "/root/phoenix.pyz"
DROP_IN = "/etc/network/interfaces.d/phoenix"
SCRIPT = "/var/lib/phoenix/network/rollback"
MAIN = """\
auto lo
iface lo inet loopback

auto vmbr0
iface vmbr0 inet static
	address 10.0.0.13/24
	bridge-ports near
	bridge-stp off
	bridge-fd 0

source /etc/network/interfaces.d/*
"""
TOML = """\
[network.vmbr1]
address = ["10.1.0.1/24", "fd00:1::1/64"]
bridge-ports = "far"
[network.vmbr2]
bridge-ports = []
"""
SYSTEMCTL = """\
#!/bin/sh
case "$1" in
show) [ ! -e /run/timer ] || [ "${2%.timer}" = "$2" ] ||
    echo "SubState=waiting
ActiveEnterTimestampMonotonic=$(cat /run/timer)" ;;
restart) read -r up rest </proc/uptime && echo "${up%.*}000000" >/run/timer ;;
stop) rm -f /run/timer ;;
esac
"""


def fetch(target):
    """ifupdown2, unpacked; it is Python alone."""
    target.mkdir()
    subprocess.run(["apt-get", "download", "-qq", "ifupdown2"], cwd=target, check=True, capture_output=True)
    (package,) = target.glob("*.deb")
    subprocess.run(["dpkg-deb", "--extract", package.name, "unpacked"], cwd=target, check=True)


def install(node, unpacked):
    """Put ifupdown2 onto a node."""
    for path in ("/usr/share/ifupdown2", "/etc/network"):
        shutil.copytree(f"{unpacked}{path}", node.path(path), symlinks=True, dirs_exist_ok=True)
    node.path("/usr/share/ifupdown2/__main__.py").chmod(0o755)
    for name in ("ifup", "ifquery", "ifreload"):
        node.path(f"/usr/sbin/{name}").unlink(missing_ok=True)
        node.path(f"/usr/sbin/{name}").symlink_to("/usr/share/ifupdown2/__main__.py")


class World:
    """A bare node with ifupdown2, an /etc/pve and the product."""

    def __init__(self, node, built):
        self.node = node
        node.put(built, PYZ, 0o755)
        node.outside("mount", "--bind", "/dev", f"{node.place}/root/dev")
        node.outside("mount", "-t", "sysfs", "none", f"{node.place}/root/sys")
        for path in ("/etc/pve/nodes/pve", "/etc/network/interfaces.d", "/etc/phoenix", "/run/network"):
            node.path(path).mkdir(parents=True, exist_ok=True)
        node.path("/etc/pve/local").symlink_to("nodes/pve")
        self.write("/etc/network/interfaces", MAIN)
        self.write("/usr/sbin/systemctl", SYSTEMCTL)
        node.path("/usr/sbin/systemctl").chmod(0o755)
        node.outside("ip", "link", "add", "near", "type", "veth", "peer", "name", "far")
        node.outside("ip", "link", "set", "lo", "up")
        assert node.run("ifreload", "-a").code == 0

    def write(self, path, text):
        self.node.path(path).write_text(text)

    def phoenix(self, *words):
        ran = self.node.run(PYZ, *words)
        assert "Traceback" not in ran.err
        return ran

    def addresses(self):
        """The interfaces that are there now, with their addresses but those that the kernel gives itself."""
        told = json.loads(self.node.outside("ip", "-j", "addr"))
        return {
            each["ifname"]: [
                f"{one['local']}/{one['prefixlen']}" for one in each["addr_info"] if one["scope"] == "global"
            ]
            for each in told
        }


@pytest.fixture
def world(built, tmp_path):
    need({"ip": "iproute2", "unshare": "util-linux", "nsenter": "util-linux", "dpkg-deb": "dpkg"})
    place = tmp_path / "node"
    place.mkdir()
    with trees.machine([Path("/")], place) as node:
        install(node, made_once("ifupdown2", fetch) / "unpacked")
        yield World(node, built)


BEFORE = {"lo": [], "far": [], "near": [], "vmbr0": ["10.0.0.13/24"]}
AFTER = {**BEFORE, "vmbr1": ["10.1.0.1/24", "fd00:1::1/64"], "vmbr2": []}


def test_a_change_that_is_confirmed_stays(world):
    assert world.addresses() == BEFORE
    world.write("/etc/phoenix/hypervisor.toml", TOML)
    ran = world.phoenix("setup")
    assert ran.code == 7, ran
    assert world.addresses() == AFTER
    assert world.node.run("ifquery", "--check", "-a").code == 0
    assert world.phoenix("setup", "--confirm-network").code == 0
    assert world.node.run("sh", SCRIPT).code != 0
    assert world.phoenix("setup").out == "pve  nothing to do\n"
    assert world.addresses() == AFTER


def test_a_change_that_nobody_confirms_is_taken_back(world):
    world.write("/etc/phoenix/hypervisor.toml", TOML)
    assert world.phoenix("setup").code == 7
    assert world.addresses() == AFTER
    assert world.node.run("sh", SCRIPT).code == 0
    assert world.addresses() == BEFORE
    assert not world.node.path(DROP_IN).exists()
    assert world.node.path("/etc/network/interfaces").read_text() == MAIN
    assert world.phoenix("setup").code == 8


def test_what_ifupdown2_does_not_take_is_refused(world):
    world.write("/etc/phoenix/hypervisor.toml", TOML + "mtu = 60000\n")
    ran = world.phoenix("setup")
    assert ran.code == 8
    assert "ifupdown2 does not take it: warning: vmbr2: mtu: value of out range" in ran.err
    assert world.addresses() == BEFORE


def test_what_the_kernel_does_not_take_is_told_and_all_is_taken_back(world):
    world.write("/etc/phoenix/hypervisor.toml", TOML + 'hwaddress = "01:00:00:00:00:01"\n')
    ran = world.phoenix("setup")
    assert ran.code == 1
    assert "`ifreload -a` ended with 1: error: vmbr2: " in ran.err
    assert "it becomes what it was, unless somebody confirms" in ran.err
    assert world.node.run("sh", SCRIPT).code == 0
    assert world.addresses() == BEFORE


def test_in_a_block_of_the_one_file_there_is(world):
    alone = MAIN.replace("\nsource /etc/network/interfaces.d/*\n", "")
    world.write("/etc/network/interfaces", alone)
    world.write("/etc/phoenix/hypervisor.toml", TOML)
    assert world.phoenix("setup").code == 7
    assert world.addresses() == AFTER
    assert world.node.run("sh", SCRIPT).code == 0
    assert world.node.path("/etc/network/interfaces").read_text() == alone
    assert world.addresses() == BEFORE
