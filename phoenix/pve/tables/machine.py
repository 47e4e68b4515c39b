"""Machine: what the configuration of a virtual machine can say."""

from __future__ import annotations

from phoenix.pve.options import Option, by_name
from phoenix.pve.tables import devices

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Final

GUEST: Final[Mapping[str, Option]] = by_name(
    Option("acpi", "boolean", default="1"),
    Option("affinity", format="pve-cpuset"),
    Option("agent", properties=devices.AGENT),
    Option("allow-ksm", "boolean", default="1", since=9),
    Option("amd-sev", format="pve-qemu-sev-fmt", properties=devices.AMD_SEV),
    Option("arch", enum=("x86_64", "aarch64")),
    Option("args"),
    Option("audio", properties=devices.AUDIO, last=0),
    Option("autostart", "boolean", default="0"),
    Option("balloon", "integer", 0),
    Option("bios", enum=("seabios", "ovmf"), default="seabios"),
    Option("boot", format="pve-qm-boot", properties=devices.BOOT),
    Option("bootdisk", format="pve-qm-bootdisk", pattern=r"(ide|sata|scsi|virtio)\d+"),
    Option("cdrom", format="pve-qm-ide", properties=devices.CDROM),
    Option("cicustom", format="pve-qm-cicustom", properties=devices.CICUSTOM),
    Option("cipassword"),
    Option("citype", enum=("configdrive2", "nocloud", "opennebula")),
    Option("ciupgrade", "boolean", default="1"),
    Option("ciuser"),
    Option("cores", "integer", 1, default="1"),
    Option("cpu", format="pve-vm-cpu-conf", properties=devices.CPU),
    Option("cpulimit", "number", 0, 128, default="0"),
    Option("cpuunits", "integer", 1, 262144, default="cgroup v1: 1024, cgroup v2: 100"),
    Option("description", length=8192),
    Option("efidisk", properties=devices.EFIDISK, last=0),
    Option("freeze", "boolean"),
    Option("hookscript", format="pve-volume-id"),
    Option("hostpci", format="pve-qm-hostpci", properties=devices.HOSTPCI, last=15),
    Option("hotplug", format="pve-hotplug-features", default="network,disk,usb"),
    Option("hugepages", enum=("any", "2", "1024")),
    Option("ide", properties=devices.IDE, last=3),
    Option("intel-tdx", format="pve-qemu-tdx-fmt", properties=devices.INTEL_TDX, since=9),
    Option("ipconfig", format="pve-qm-ipconfig", properties=devices.IPCONFIG, last=31),
    Option("ivshmem", properties=devices.IVSHMEM),
    Option("keephugepages", "boolean", default="0"),
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
    ),
    Option("kvm", "boolean", default="1"),
    Option("localtime", "boolean"),
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
    Option("machine", properties=devices.MACHINE),
    Option("memory", properties=devices.MEMORY),
    Option("migrate_downtime", "number", 0, default="0.1"),
    Option("migrate_speed", "integer", 0, default="0"),
    Option("name", format="dns-name"),
    Option("nameserver", format="address-list"),
    Option("net", properties=devices.NET, last=31),
    Option("numa", "boolean", default="0"),
    Option("numa", properties=devices.NUMA, last=7),
    Option("onboot", "boolean", default="0"),
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
    ),
    Option("parallel", pattern=r"/dev/parport\d+|/dev/usb/lp\d+", last=2),
    Option("protection", "boolean", default="0"),
    Option("reboot", "boolean", default="1"),
    Option("rng", format="pve-qm-rng", properties=devices.RNG, last=0),
    Option("sata", properties=devices.SATA, last=5),
    Option("scsi", properties=devices.SCSI, last=30),
    Option(
        "scsihw", enum=("lsi", "lsi53c810", "virtio-scsi-pci", "virtio-scsi-single", "megasas", "pvscsi"), default="lsi"
    ),
    Option("searchdomain"),
    Option("serial", pattern="(/dev/[^,]+|socket)", last=3, eight=Option("serial", pattern="(/dev/.+|socket)", last=3)),
    Option("shares", "integer", 0, 50000, default="1000"),
    Option("smbios1", format="pve-qm-smbios1", properties=devices.SMBIOS, length=512),
    Option("smp", "integer", 1, default="1"),
    Option("sockets", "integer", 1, default="1"),
    Option("spice_enhancements", properties=devices.SPICE_ENHANCEMENTS),
    Option("sshkeys", format="urlencoded"),
    Option("startdate", pattern=r"(now|\d{4}-\d{1,2}-\d{1,2}(T\d{1,2}:\d{1,2}:\d{1,2})?)", default="now"),
    Option("startup", format="pve-startup-order"),
    Option("tablet", "boolean", default="1"),
    Option("tags", format="pve-tag-list"),
    Option("tdf", "boolean", default="0"),
    Option("template", "boolean", default="0"),
    Option("tpmstate", properties=devices.TPMSTATE, last=0),
    Option("unused", properties=devices.UNUSED, last=255),
    Option("usb", properties=devices.USB, last=13),
    Option("vcpus", "integer", 1, default="0"),
    Option("vga", properties=devices.VGA),
    Option("virtio", properties=devices.VIRTIO, last=15),
    Option("virtiofs", properties=devices.VIRTIOFS, last=9),
    Option(
        "vmgenid", pattern="(?:[a-fA-F0-9]{8}(?:-[a-fA-F0-9]{4}){3}-[a-fA-F0-9]{12}|[01])", default="1 (autogenerated)"
    ),
    Option("vmstatestorage", format="pve-storage-id"),
    Option("watchdog", format="pve-qm-watchdog", properties=devices.WATCHDOG),
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
