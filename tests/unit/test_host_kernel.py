"""The sections of hypervisor.toml about the kernel: what is wanted, found, and planned."""

from __future__ import annotations

import os

import pytest

from phoenix.config.faults import Faults
from phoenix.config.load import Document
from phoenix.host import kernel, modules, nvidia, sysctl, vfio
from phoenix.host.aspect import Ask
from phoenix.host.host import Host
from phoenix.paths import Paths
from phoenix.pve.node import Node


@pytest.fixture
def host(tmp_path):
    (tmp_path / "etc/pve/nodes/pve").mkdir(parents=True)
    (tmp_path / "etc/pve/local").symlink_to("nodes/pve")
    return Host(Node(Paths(str(tmp_path))))


def put(host, path, text=""):
    whole = host.paths(path)
    os.makedirs(os.path.dirname(whole), exist_ok=True)
    with open(whole, "w") as file:
        file.write(text)


def decoded(module, table):
    faults = Faults(Document("hypervisor.toml", {}))
    wanted = module.decode(table, faults)
    return wanted, [fault.partition(": ")[2] for fault in faults.found]


def planned(module, host, table):
    wanted, faults = decoded(module, table)
    assert not faults
    return module.plan(wanted, module.observe(host, wanted), Ask())


def commands(plan):
    return [" ".join(step.argv) for step in plan.steps]


def obey(host, plan):
    """Do what the steps say that are no programs."""
    for step in plan.steps:
        if step.argv[0] == "write":
            put(host, step.argv[1], step.content)


@pytest.mark.parametrize(
    ("module", "table", "fault"),
    [
        (modules, {"laod": []}, "modules.laod: unknown key; did you mean load?"),
        (modules, {"load": ["a b"]}, "modules.load.0: expected a text, found 'a b'"),
        (modules, {"load": "overlay"}, "modules.load: expected a list, each a text, found 'overlay'"),
        (modules, {"options": {"kvm": "nested"}}, "modules.options.kvm: expected a text, found 'nested'"),
        (modules, {"options": {"a b": "x=1"}}, "modules.options.0: expected a text, found 'a b'"),
        (modules, {"options": 1}, "modules.options: expected a table, found 1"),
        (sysctl, {"swappiness": 1}, "sysctl.swappiness: expected a text, found 'swappiness'"),
        (sysctl, {"vm": {"swappiness": 1.5}}, "sysctl.vm.swappiness: expected a text, found 1.5"),
        (sysctl, {"vm.swappiness": "1\n2"}, "sysctl.vm.swappiness: expected a text, found '1\\n2'"),
        (vfio, {"ids": ["10DE:2684"]}, "vfio.ids.0: expected a text, found '10DE:2684'"),
        (vfio, {"cmdline": ['a" b']}, "vfio.cmdline.0: expected a text, found 'a\" b'"),
        (vfio, {"iommu": 1}, "vfio.iommu: expected true or false, found 1"),
        (
            nvidia,
            {"version": "580", "runfile": "/x", "sha256": "0" * 64},
            "nvidia.version: expected a text, found '580'",
        ),
        (
            nvidia,
            {"version": "580.1", "runfile": "x", "sha256": "0" * 64},
            "nvidia.runfile: expected a text, found 'x'",
        ),
    ],
)
def test_what_is_wrong_is_said(module, table, fault):
    found = decoded(module, table)[1]
    assert len(found) == 1
    assert found[0].startswith(fault)


def test_what_must_be_there_is_missed():
    assert decoded(nvidia, {})[1] == ["nvidia.version: missing", "nvidia.runfile: missing", "nvidia.sha256: missing"]


MODULES = {"load": ["overlay", "nf-nat"], "blacklist": ["nouveau"], "options": {"kvm_intel": "nested=1"}}


def test_modules_are_loaded_now_and_at_every_start(host):
    plan = planned(modules, host, MODULES)
    assert commands(plan) == [
        "write /etc/modules-load.d/phoenix.conf",
        "write /etc/modprobe.d/phoenix.conf",
        "modprobe overlay",
        "modprobe nf-nat",
    ]
    assert [step.content for step in plan.steps[:2]] == [
        "overlay\nnf-nat\n",
        "options kvm_intel nested=1\nblacklist nouveau\n",
    ]
    assert [step.after for step in plan.steps] == [(), (kernel.INITRAMFS,), (), ()]
    obey(host, plan)
    put(host, "/proc/sys/kernel/osrelease", "6.8.12-4-pve\n")
    put(host, "/lib/modules/6.8.12-4-pve/modules.builtin", "kernel/fs/overlayfs/overlay.ko\n")
    put(host, "/sys/module/nf_nat/refcnt")
    assert planned(modules, host, MODULES).steps == ()


def test_what_a_section_does_not_say_is_left_alone(host):
    put(host, modules.CONF, "theirs\n")
    assert commands(planned(modules, host, {"load": []})) == []
    assert commands(planned(modules, host, {"blacklist": []})) == ["write /etc/modprobe.d/phoenix.conf"]


def test_a_blacklisted_module_goes_with_the_next_start(host):
    put(host, "/sys/module/nouveau/refcnt")
    plan = planned(modules, host, {"blacklist": ["nouveau"]})
    assert plan.reboot == ("nouveau is blacklisted, and still loaded",)


def test_parameters_of_the_kernel_are_compared_as_the_kernel_writes_them(host):
    put(host, "/proc/sys/net/ipv4/ip_local_port_range", "1024\t65000\n")
    put(host, "/proc/sys/net/ipv4/conf/eth0.1/forwarding", "1\n")
    table = {"net.ipv4.ip_local_port_range": "1024 65000", "net/ipv4/conf/eth0.1/forwarding": 1}
    plan = planned(sysctl, host, table)
    assert commands(plan) == ["write /etc/sysctl.d/90-phoenix.conf"]
    obey(host, plan)
    assert planned(sysctl, host, table) == sysctl.Plan()


def test_a_parameter_that_the_kernel_does_not_know_is_missed(host):
    plan = planned(sysctl, host, {"net.bridge.bridge-nf-call-iptables": 1})
    assert [item.why for item in plan.missing] == [
        "sysctl.net.bridge.bridge-nf-call-iptables: this kernel has no such parameter"
    ]


def machine(host, vendor="GenuineIntel", driver="nouveau"):
    put(host, "/proc/cpuinfo", f"processor\t: 0\nvendor_id\t: {vendor}\n")
    put(host, "/proc/cmdline", "BOOT_IMAGE=/x quiet\n")
    put(host, "/sys/bus/pci/devices/0000:01:00.0/vendor", "0x10de\n")
    put(host, "/sys/bus/pci/devices/0000:01:00.0/device", "0x2684\n")
    if driver:
        os.symlink(f"../../../drivers/{driver}", host.paths("/sys/bus/pci/devices/0000:01:00.0/driver"))


VFIO = {"ids": ["10de:2684"]}


def test_a_device_is_given_to_machines_with_grub(host):
    machine(host)
    put(host, vfio.GRUB)
    plan = planned(vfio, host, VFIO)
    assert commands(plan) == [f"write {vfio.DROP_IN}", f"write {vfio.LOAD}", f"write {vfio.CONF}"]
    assert plan.steps[0].content == (
        'GRUB_CMDLINE_LINUX_DEFAULT="$GRUB_CMDLINE_LINUX_DEFAULT intel_iommu=on iommu=pt"\n'
    )
    assert plan.steps[0].after == (("update-grub",),)
    assert plan.steps[2].content.startswith("options vfio-pci ids=10de:2684\nsoftdep nouveau pre: vfio-pci\n")
    obey(host, plan)
    after = planned(vfio, host, VFIO)
    assert after.steps == ()
    assert after.reboot == (
        "the kernel was started without intel_iommu=on",
        "the kernel was started without iommu=pt",
        "10de:2684 has the driver nouveau and not vfio-pci",
    )


def test_after_the_new_start_nothing_is_left(host):
    machine(host, driver="vfio-pci")
    put(host, vfio.GRUB)
    obey(host, planned(vfio, host, VFIO))
    put(host, "/proc/cmdline", "BOOT_IMAGE=/x quiet intel_iommu=on iommu=pt\n")
    assert planned(vfio, host, VFIO) == vfio.Plan()


def test_systemd_boots_line_keeps_its_words(host):
    machine(host, "AuthenticAMD")
    put(host, vfio.CMDLINE, "root=ZFS=rpool/ROOT/pve-1 boot=zfs iommu=pt\n")
    put(host, vfio.SYNCED, "ABCD-EF01\n")
    plan = planned(vfio, host, {})
    assert [(step.argv[1], step.content, step.after) for step in plan.steps] == [
        (
            vfio.CMDLINE,
            "root=ZFS=rpool/ROOT/pve-1 boot=zfs iommu=pt amd_iommu=on\n",
            (("proxmox-boot-tool", "refresh"),),
        )
    ]


def test_what_cannot_be_given_is_missed(host):
    machine(host, vendor="Loongson")
    plan = planned(vfio, host, {"ids": ["10de:0001"]})
    assert [item.why for item in plan.missing] == [
        "vfio.ids: the node has no PCI device 10de:0001",
        "vfio.iommu: what switches the IOMMU of a processor by Loongson on is not known",
        "vfio: there is neither /etc/default/grub nor /etc/kernel/cmdline",
    ]


EMPTY = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
NVIDIA = {"version": "580.76.05", "runfile": "/root/nvidia.run", "sha256": EMPTY}


def graphics(host):
    put(host, "/proc/sys/kernel/osrelease", "6.8.12-4-pve\n")
    put(host, "/lib/modules/6.8.12-4-pve/build/Makefile")
    put(host, "/root/nvidia.run")


def test_the_driver_comes_once_nouveau_is_gone(host):
    graphics(host)
    put(host, "/sys/module/nouveau/refcnt")
    plan = planned(nvidia, host, NVIDIA)
    assert commands(plan) == [f"write {path}" for path in nvidia.TEXTS]
    assert plan.reboot == ("nouveau is loaded, and the driver is installed without it",)
    obey(host, plan)
    os.unlink(host.paths("/sys/module/nouveau/refcnt"))
    os.rmdir(host.paths("/sys/module/nouveau"))
    plan = planned(nvidia, host, NVIDIA)
    assert commands(plan) == ["sh /root/nvidia.run --silent --no-questions --ui=none --dkms --no-x-check"]
    put(host, "/usr/src/nvidia-580.76.05/dkms.conf")
    assert commands(planned(nvidia, host, NVIDIA)) == ["modprobe nvidia"]
    put(host, "/sys/module/nvidia/version", "580.76.05\n")
    assert commands(planned(nvidia, host, NVIDIA)) == ["nvidia-modprobe -c0 -u"]
    put(host, "/dev/nvidia-uvm")
    assert planned(nvidia, host, NVIDIA) == nvidia.Plan()


def test_an_older_driver_stays_loaded_until_the_next_start(host):
    graphics(host)
    obey(host, planned(nvidia, host, NVIDIA))
    put(host, "/usr/src/nvidia-580.76.05/dkms.conf")
    put(host, "/sys/module/nvidia/version", "550.1\n")
    plan = planned(nvidia, host, NVIDIA)
    assert (plan.steps, plan.reboot) == ((), ("the driver 550.1 is loaded, and 580.76.05 is installed",))


@pytest.mark.parametrize(
    ("spoil", "why"),
    [
        (lambda host: os.unlink(host.paths("/root/nvidia.run")), "nvidia.runfile: there is no /root/nvidia.run"),
        (lambda host: put(host, "/root/nvidia.run", "x"), "nvidia.sha256: /root/nvidia.run has the SHA-256 2d711642"),
        (
            lambda host: os.rename(host.paths("/lib/modules/6.8.12-4-pve"), host.paths("/lib/modules/other")),
            "nvidia: the headers of the running kernel are not installed",
        ),
    ],
)
def test_a_driver_that_cannot_be_installed_is_missed(host, spoil, why):
    graphics(host)
    spoil(host)
    assert [item.why.startswith(why) for item in planned(nvidia, host, NVIDIA).missing] == [True]
