"""The sections about the kernel on a rehearsal node, and the new start that they may need."""

from __future__ import annotations

import os

import pytest

from tests.contract.test_setup import World

pytestmark = pytest.mark.processes

TOML = """\
[modules]
load = ["overlay", "br_netfilter"]
blacklist = ["nouveau"]

[vfio]
ids = ["10de:2684"]
"""


@pytest.fixture
def world(built, tmp_path):
    found = World(built, tmp_path / "node")
    found.file.write_text(TOML)
    device = found.root / "sys/bus/pci/devices/0000:01:00.0"
    device.mkdir(parents=True)
    (device / "vendor").write_text("0x10de\n")
    (device / "device").write_text("0x2684\n")
    (found.root / "sys/module/nouveau").mkdir(parents=True)
    return found


def started_anew(world):
    """What a new start makes of the node."""
    (world.root / "sys/module/nouveau").rmdir()
    os.symlink("../../drivers/vfio-pci", world.root / "sys/bus/pci/devices/0000:01:00.0/driver")
    (world.root / "proc/cmdline").write_text("BOOT_IMAGE=/boot/vmlinuz quiet intel_iommu=on iommu=pt\n")


def test_a_reboot_is_reported_and_setup_goes_on_after_it(world):
    code, out, err = world.run("setup")
    assert (code, out) == (7, "")
    assert "error: pve: a reboot is needed: nouveau is blacklisted, and still loaded; the kernel was started" in err
    assert "\nnext:  reboot the node when its guests can go down" in err
    calls = world.calls()
    assert [argv[0] for argv in calls] == [
        "modprobe",
        "modprobe",
        "update-initramfs",
        "update-grub",
        "update-initramfs",
    ]
    assert world.run("setup")[0] == 7
    assert world.calls() == calls
    started_anew(world)
    assert world.run("setup") == (0, "pve  nothing to do\n", "")


def test_a_reboot_is_only_begun_when_it_is_asked_for(world):
    code, _, err = world.run("setup", "--reboot")
    assert code == 7
    assert "error: pve: it starts anew: nouveau is blacklisted" in err
    assert world.calls()[-1] == ["systemctl", "reboot"]
    started_anew(world)
    assert world.run("setup", "--reboot") == (0, "pve  nothing to do\n", "")
    assert [argv for argv in world.calls() if argv == ["systemctl", "reboot"]] == [["systemctl", "reboot"]]


def test_a_module_that_the_kernel_does_not_have(world):
    world.file.write_text('[modules]\nload = ["no_such"]\n')
    code, _, err = world.run("setup")
    assert code == 1
    assert "modprobe: FATAL: Module no_such not found" in err


def test_what_one_section_brings_another_may_need(world):
    world.file.write_text('[modules]\nload = ["overlay"]\n[sysctl]\nnet.bridge.bridge-nf-call-iptables = 1\n')
    code, _, err = world.run("setup")
    assert code == 6
    assert "modules: modprobe overlay\n" in err  # it was not in vain to try
    assert "this kernel has no such parameter" in err
    path = world.root / "proc/sys/net/bridge/bridge-nf-call-iptables"
    path.parent.mkdir(parents=True)
    path.write_text("0\n")
    assert world.run("setup")[0] == 0
