"""Machine: what the configuration of a virtual machine can say."""

from __future__ import annotations

from phoenix.pve.options import Option, by_name
from phoenix.pve.tables import devices

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Final

GUEST: Final[Mapping[str, Option]] = by_name(
    Option("acpi", "boolean", default="1", change="restart"),
    Option("affinity", format="pve-cpuset", change="restart"),
    Option("agent", properties=devices.AGENT, change="restart"),
    Option("allow-ksm", "boolean", default="1", since=9, change="restart"),
    Option("amd-sev", format="pve-qemu-sev-fmt", properties=devices.AMD_SEV, change="restart"),
    Option("arch", enum=("x86_64", "aarch64"), change="restart"),
    Option("args", change="restart"),
    Option("audio", properties=devices.AUDIO, last=0, change="restart"),
    Option("autostart", "boolean", default="0", change="restart"),
    Option("balloon", "integer", 0, change="live"),
    Option("bios", enum=("seabios", "ovmf"), default="seabios", change="restart"),
    Option("boot", format="pve-qm-boot", properties=devices.BOOT, change="restart"),
    Option("bootdisk", format="pve-qm-bootdisk", pattern=r"(ide|sata|scsi|virtio)\d+"),
    Option("cdrom", format="pve-qm-ide", properties=devices.CDROM),
    Option("cicustom", format="pve-qm-cicustom", properties=devices.CICUSTOM, change="restart"),
    Option("cipassword"),
    Option("citype", enum=("configdrive2", "nocloud", "opennebula"), change="restart"),
    Option("ciupgrade", "boolean", default="1", change="restart"),
    Option("ciuser", change="restart"),
    Option("cores", "integer", 1, default="1", change="restart"),
    Option("cpu", format="pve-vm-cpu-conf", properties=devices.CPU, change="restart"),
    Option("cpulimit", "number", 0, 128, default="0", change="live"),
    Option("cpuunits", "integer", 1, 262144, default="cgroup v1: 1024, cgroup v2: 100", change="live"),
    Option("description", length=8192, change="live"),
    Option("efidisk", properties=devices.EFIDISK, last=0, change="fixed"),
    Option("freeze", "boolean"),
    Option("hookscript", format="pve-volume-id", change="live"),
    Option("hostpci", format="pve-qm-hostpci", properties=devices.HOSTPCI, last=15, change="restart"),
    Option("hotplug", format="pve-hotplug-features", default="network,disk,usb", change="restart"),
    Option("hugepages", enum=("any", "2", "1024"), change="restart"),
    Option("ide", properties=devices.IDE, last=3, change="restart"),
    Option("intel-tdx", format="pve-qemu-tdx-fmt", properties=devices.INTEL_TDX, since=9, change="restart"),
    Option("ipconfig", format="pve-qm-ipconfig", properties=devices.IPCONFIG, last=31, change="restart"),
    Option("ivshmem", properties=devices.IVSHMEM, change="restart"),
    Option("keephugepages", "boolean", default="0", change="restart"),
    Option(
        "keyboard",
        enum=(
            "de",
            "de-ch",
            "da",
            "en-gb",
            "en-us",
            "es",
            "fi",
            "fr",
            "fr-be",
            "fr-ca",
            "fr-ch",
            "hu",
            "is",
            "it",
            "ja",
            "lt",
            "mk",
            "nl",
            "no",
            "pl",
            "pt",
            "pt-br",
            "sv",
            "sl",
            "tr",
        ),
        change="restart",
    ),
    Option("kvm", "boolean", default="1", change="restart"),
    Option("localtime", "boolean", change="restart"),
    Option(
        "lock",
        enum=(
            "backup",
            "clone",
            "create",
            "migrate",
            "rollback",
            "snapshot",
            "snapshot-delete",
            "suspending",
            "suspended",
        ),
    ),
    Option("machine", properties=devices.MACHINE, change="restart"),
    Option("memory", properties=devices.MEMORY, change="restart"),
    Option("migrate_downtime", "number", 0, default="0.1", change="restart"),
    Option("migrate_speed", "integer", 0, default="0", change="restart"),
    Option("name", format="dns-name", change="live"),
    Option("nameserver", format="address-list", change="restart"),
    Option("net", properties=devices.NET, last=31, change="live"),
    Option("numa", "boolean", default="0", change="restart"),
    Option("numa", properties=devices.NUMA, last=7, change="restart"),
    Option("onboot", "boolean", default="0", change="live"),
    Option(
        "ostype",
        enum=(
            "other",
            "wxp",
            "w2k",
            "w2k3",
            "w2k8",
            "wvista",
            "win7",
            "win8",
            "win10",
            "win11",
            "l24",
            "l26",
            "solaris",
        ),
        default="other",
        eight=Option(
            "ostype",
            enum=(
                "other",
                "wxp",
                "w2k",
                "w2k3",
                "w2k8",
                "wvista",
                "win7",
                "win8",
                "win10",
                "win11",
                "l24",
                "l26",
                "solaris",
            ),
        ),
        change="restart",
    ),
    Option("parallel", pattern=r"/dev/parport\d+|/dev/usb/lp\d+", last=2, change="restart"),
    Option("protection", "boolean", default="0", change="live"),
    Option("reboot", "boolean", default="1", change="restart"),
    Option("rng", format="pve-qm-rng", properties=devices.RNG, last=0, change="restart"),
    Option("sata", properties=devices.SATA, last=5, change="restart"),
    Option("scsi", properties=devices.SCSI, last=30, change="live"),
    Option(
        "scsihw",
        enum=("lsi", "lsi53c810", "virtio-scsi-pci", "virtio-scsi-single", "megasas", "pvscsi"),
        default="lsi",
        change="restart",
    ),
    Option("searchdomain", change="restart"),
    Option(
        "serial",
        pattern="(/dev/[^,]+|socket)",
        last=3,
        eight=Option("serial", pattern="(/dev/.+|socket)", last=3),
        change="restart",
    ),
    Option("shares", "integer", 0, 50000, default="1000", change="live"),
    Option("smbios1", format="pve-qm-smbios1", properties=devices.SMBIOS, length=512, change="restart"),
    Option("smp", "integer", 1, default="1"),
    Option("sockets", "integer", 1, default="1", change="restart"),
    Option("spice_enhancements", properties=devices.SPICE_ENHANCEMENTS, change="restart"),
    Option("sshkeys", format="urlencoded", change="restart"),
    Option(
        "startdate", pattern=r"(now|\d{4}-\d{1,2}-\d{1,2}(T\d{1,2}:\d{1,2}:\d{1,2})?)", default="now", change="restart"
    ),
    Option("startup", format="pve-startup-order", change="live"),
    Option("tablet", "boolean", default="1", change="restart"),
    Option("tags", format="pve-tag-list", change="live"),
    Option("tdf", "boolean", default="0", change="restart"),
    Option("template", "boolean", default="0"),
    Option("tpmstate", properties=devices.TPMSTATE, last=0, change="fixed"),
    Option("unused", properties=devices.UNUSED, last=255),
    Option("usb", properties=devices.USB, last=13, change="live"),
    Option("vcpus", "integer", 1, default="0", change="restart"),
    Option("vga", properties=devices.VGA, change="restart"),
    Option("virtio", properties=devices.VIRTIO, last=15, change="live"),
    Option("virtiofs", properties=devices.VIRTIOFS, last=9, change="restart"),
    Option(
        "vmgenid", pattern="(?:[a-fA-F0-9]{8}(?:-[a-fA-F0-9]{4}){3}-[a-fA-F0-9]{12}|[01])", default="1 (autogenerated)"
    ),
    Option("vmstatestorage", format="pve-storage-id", change="live"),
    Option("watchdog", format="pve-qm-watchdog", properties=devices.WATCHDOG, change="restart"),
)
"""What `qm create` and `qm set` share: what a virtual machine's configuration can say."""

PROPERTIES: Final[Mapping[str, Mapping[str, Option]]] = {
    option.name: option.properties for option in GUEST.values() if option.properties
}
"""The property strings, by the option (without its number)."""

DRIVES: Final = tuple(
    f"{name}{number}"
    for name, count in (("ide", 4), ("scsi", 31), ("virtio", 16), ("sata", 6))
    for number in range(count)
)
"""All that a drive can be called."""

DISKS: Final = (*DRIVES, "efidisk0", "tpmstate0")
"""All that a disk can be called."""

UNUSED_DISKS: Final = tuple(f"unused{number}" for number in range(256))
"""All that a volume in no drive can be called."""


def of_import(option: Option) -> Option:
    """An option as `qm import` has it: release 8 knows no import-from there."""
    keys = option.properties
    if "import-from" not in keys:
        return option
    without = Option(
        option.name, last=option.last, properties=by_name(*(key for key in keys.values() if key.name != "import-from"))
    )
    return Option(option.name, last=option.last, properties=keys, eight=without)
