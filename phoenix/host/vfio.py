"""Vfio: PCI devices for virtual machines: the IOMMU on the kernel's command line, and the devices left to vfio-pci.

GRUB takes a drop-in (/etc/default/grub.d). systemd-boot's command line is one line of /etc/kernel/cmdline, to which
words are added; none is ever taken away. Which of the two starts the node is not asked: each that is there is told.
"""

from __future__ import annotations

from phoenix.host import kernel, tables
from phoenix.host.aspect import Ask, Difference, Obstacle, Plan, Step, write
from phoenix.pve.options import Option, by_name
from phoenix.value import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from phoenix.config.faults import Faults
    from phoenix.host.host import Host

GRUB, DROP_IN = "/etc/default/grub", "/etc/default/grub.d/phoenix.cfg"
CMDLINE = "/etc/kernel/cmdline"
SYNCED = "/etc/kernel/proxmox-boot-uuids"
"""Where Proxmox VE has boot partitions of its own, they are written by proxmox-boot-tool."""
LOAD, CONF = "/etc/modules-load.d/phoenix-vfio.conf", "/etc/modprobe.d/phoenix-vfio.conf"
PCI = "/sys/bus/pci/devices"
MODULES = ("vfio", "vfio_iommu_type1", "vfio_pci")
BY_VENDOR = {"GenuineIntel": ("intel_iommu=on", "iommu=pt"), "AuthenticAMD": ("amd_iommu=on", "iommu=pt")}
"""What switches the IOMMU on, by the vendor that /proc/cpuinfo names."""
BEFORE = ("nouveau", "nvidia", "nvidiafb", "radeon", "amdgpu", "i915", "xhci_pci", "snd_hda_intel")
"""Drivers that would take a device first; vfio-pci is loaded before them."""
_WORD = Option("cmdline", pattern=r"[A-Za-z0-9_.-]+(=[A-Za-z0-9_.,:/-]*)?")
SCHEMA: tables.Schema = {
    **by_name(Option("iommu", "boolean")),
    "cmdline": tables.Many(_WORD),
    "ids": tables.Many(Option("ids", pattern=r"[0-9a-f]{4}:[0-9a-f]{4}")),
}


class Wanted(Value):
    """The section [vfio]."""

    iommu: bool
    cmdline: tuple[str, ...]  # words beside those of the IOMMU
    ids: tuple[str, ...]  # VENDOR:DEVICE


class State(Value):
    """What is there. `grub` and `boot` are None where the node has none such; `drivers` is by id, "" for no driver."""

    vendor: str
    grub: str | None
    boot: str | None
    synced: bool
    started_with: frozenset[str]
    load: str
    conf: str
    drivers: Mapping[str, frozenset[str]]


def decode(table: Any, faults: Faults) -> Wanted:
    """The section as values."""
    found = tables.decode(SCHEMA, "vfio", table, faults)
    return Wanted(found.get("iommu", "1") == "1", tuple(found.get("cmdline", ())), tuple(found.get("ids", ())))


def observe(host: Host, _wanted: Wanted) -> State:
    """What is there."""
    vendors = [line.rpartition(":")[2].strip() for line in host.text("/proc/cpuinfo").splitlines() if "vendor" in line]
    drivers: dict[str, set[str]] = {}
    for place in host.names(PCI):
        name = ":".join(host.text(f"{PCI}/{place}/{part}").strip()[2:] for part in ("vendor", "device"))
        drivers.setdefault(name, set()).add(host.link(f"{PCI}/{place}/driver").rpartition("/")[2])
    return State(
        vendors[0] if vendors else "",
        host.text(DROP_IN) if host.exists(GRUB) else None,
        host.text(CMDLINE) if host.exists(CMDLINE) else None,
        host.exists(SYNCED),
        kernel.command_line(host),
        host.text(LOAD),
        host.text(CONF),
        {name: frozenset(found) for name, found in drivers.items()},
    )


def plan(wanted: Wanted, state: State, _ask: Ask) -> Plan:
    """What is to be done; the rest happens when the node starts anew."""
    words = (*(BY_VENDOR.get(state.vendor, ()) if wanted.iommu else ()), *wanted.cmdline)
    steps, differences = _command_line(words, state)
    if wanted.ids:
        for what, path, text, found in _files(wanted, state):
            if text != found:
                steps.append(write(path, text, kernel.INITRAMFS))
                differences.append(Difference(what, "; ".join(found.splitlines()), " ".join(wanted.ids)))
    reboot = [f"the kernel was started without {word}" for word in words if word not in state.started_with]
    for name in wanted.ids:
        others = sorted(state.drivers.get(name, frozenset()) - {"vfio-pci"})
        if others:
            reboot.append(f"{name} has the driver {others[0] or '(none)'} and not vfio-pci")
    return Plan(tuple(steps), tuple(differences), missing=_missing(wanted, state), reboot=tuple(reboot))


def _missing(wanted: Wanted, state: State) -> tuple[Obstacle, ...]:
    found = [
        Obstacle(f"vfio.ids: the node has no PCI device {name}", "lspci -nn")
        for name in wanted.ids
        if name not in state.drivers
    ]
    if wanted.iommu and state.vendor not in BY_VENDOR:
        why = f"vfio.iommu: what switches the IOMMU of a processor by {state.vendor or 'nobody known'} on is not known"
        found.append(Obstacle(why, "write iommu = false, and the words for it into cmdline"))
    if state.grub is None and state.boot is None:
        found.append(Obstacle(f"vfio: there is neither {GRUB} nor {CMDLINE}", "proxmox-boot-tool status"))
    return tuple(found)


def _command_line(words: tuple[str, ...], state: State) -> tuple[list[Step], list[Difference]]:
    """What makes each boot loader start the kernel with these words."""
    steps, differences = [], []
    synced = (("proxmox-boot-tool", "refresh"),) if state.synced else ()
    text = f'GRUB_CMDLINE_LINUX_DEFAULT="$GRUB_CMDLINE_LINUX_DEFAULT {" ".join(words)}"\n' if words else ""
    if state.grub is not None and text != state.grub:
        steps.append(write(DROP_IN, text, ("update-grub",), *synced))
        differences.append(Difference("cmdline (GRUB)", state.grub.strip(), " ".join(words)))
    if state.boot is not None:
        there = state.boot.split()
        missing = [word for word in words if word not in there]
        if missing:
            steps.append(write(CMDLINE, " ".join([*there, *missing]) + "\n", *synced))
            differences.append(Difference("cmdline (systemd-boot)", " ".join(there), " ".join(missing) + " besides"))
    return steps, differences


def _files(wanted: Wanted, state: State) -> list[tuple[str, str, str, str]]:
    """Our files of modules: what each is for, its path, its text, and the text that is there."""
    conf = [f"options vfio-pci ids={','.join(wanted.ids)}", *(f"softdep {name} pre: vfio-pci" for name in BEFORE)]
    return [
        ("modules", LOAD, kernel.load_list(MODULES), state.load),
        ("ids", CONF, "".join(f"{line}\n" for line in conf), state.conf),
    ]
