"""Devices: the keys of the property strings in the configuration of a virtual machine."""

from __future__ import annotations

from phoenix.pve.options import Option, by_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

MODELS = (
    "486", "a64fx", "athlon", "Broadwell", "Broadwell-IBRS", "Broadwell-noTSX", "Broadwell-noTSX-IBRS",
    "Cascadelake-Server", "Cascadelake-Server-noTSX", "Cascadelake-Server-v2", "Cascadelake-Server-v4",
    "Cascadelake-Server-v5", "ClearwaterForest", "Conroe", "Cooperlake", "Cooperlake-v2", "core2duo", "coreduo",
    "cortex-a35", "cortex-a53", "cortex-a55", "cortex-a57", "cortex-a710", "cortex-a72", "cortex-a76", "EPYC",
    "EPYC-Genoa", "EPYC-Genoa-v2", "EPYC-IBPB", "EPYC-Milan", "EPYC-Milan-v2", "EPYC-Milan-v3", "EPYC-Rome",
    "EPYC-Rome-v2", "EPYC-Rome-v3", "EPYC-Rome-v4", "EPYC-Rome-v5", "EPYC-Turin", "EPYC-v3", "EPYC-v4", "EPYC-v5",
    "GraniteRapids", "GraniteRapids-v2", "GraniteRapids-v3", "Haswell", "Haswell-IBRS", "Haswell-noTSX",
    "Haswell-noTSX-IBRS", "host", "Icelake-Client", "Icelake-Client-noTSX", "Icelake-Server",
    "Icelake-Server-noTSX", "Icelake-Server-v3", "Icelake-Server-v4", "Icelake-Server-v5", "Icelake-Server-v6",
    "Icelake-Server-v7", "IvyBridge", "IvyBridge-IBRS", "KnightsMill", "kvm32", "kvm64", "max", "Nehalem",
    "Nehalem-IBRS", "neoverse-n1", "neoverse-n2", "neoverse-v1", "Opteron_G1", "Opteron_G2", "Opteron_G3",
    "Opteron_G4", "Opteron_G5", "Penryn", "pentium", "pentium2", "pentium3", "phenom", "qemu32", "qemu64",
    "SandyBridge", "SandyBridge-IBRS", "SapphireRapids", "SapphireRapids-v2", "SapphireRapids-v3",
    "SapphireRapids-v4", "SierraForest", "SierraForest-v2", "SierraForest-v3", "Skylake-Client",
    "Skylake-Client-IBRS", "Skylake-Client-noTSX-IBRS", "Skylake-Client-v4", "Skylake-Server",
    "Skylake-Server-IBRS", "Skylake-Server-noTSX-IBRS", "Skylake-Server-v4", "Skylake-Server-v5", "Westmere",
    "Westmere-IBRS",
)  # fmt: skip
"""The processors that QEMU can imitate."""
_SINCE_9 = frozenset((
    "a64fx", "ClearwaterForest", "cortex-a35", "cortex-a53", "cortex-a55", "cortex-a57", "cortex-a710",
    "cortex-a72", "cortex-a76", "EPYC-Genoa-v2", "EPYC-Milan-v3", "EPYC-Rome-v5", "EPYC-Turin", "EPYC-v5",
    "GraniteRapids-v2", "GraniteRapids-v3", "Icelake-Server-v7", "neoverse-n1", "neoverse-n2", "neoverse-v1",
    "SapphireRapids-v3", "SapphireRapids-v4", "SierraForest", "SierraForest-v2", "SierraForest-v3",
))  # fmt: skip
MODELS_8: Final = tuple(model for model in MODELS if model not in _SINCE_9)

_DRIVE: Final = (
    Option("aio", enum=("native", "threads", "io_uring")),
    Option("backup", "boolean"),
    Option("bps", "integer"),
    Option("bps_max_length", "integer", 1),
    Option("bps_rd", "integer"),
    Option("bps_rd_length", "any", alias="bps_rd_max_length"),
    Option("bps_rd_max_length", "integer", 1),
    Option("bps_wr", "integer"),
    Option("bps_wr_length", "any", alias="bps_wr_max_length"),
    Option("bps_wr_max_length", "integer", 1),
    Option("cache", enum=("none", "writethrough", "writeback", "unsafe", "directsync")),
    Option("cyls", "integer", until=8),
    Option("detect_zeroes", "boolean"),
    Option("discard", enum=("ignore", "on")),
    Option("file", format="pve-volume-id-or-qm-path", required=True, bare=True),
    Option("format", enum=("raw", "qcow", "qed", "qcow2", "vmdk", "cloop")),
    Option("heads", "integer", until=8),
    Option("iops", "integer"),
    Option("iops_max", "integer"),
    Option("iops_max_length", "integer", 1),
    Option("iops_rd", "integer"),
    Option("iops_rd_length", "any", alias="iops_rd_max_length"),
    Option("iops_rd_max", "integer"),
    Option("iops_rd_max_length", "integer", 1),
    Option("iops_wr", "integer"),
    Option("iops_wr_length", "any", alias="iops_wr_max_length"),
    Option("iops_wr_max", "integer"),
    Option("iops_wr_max_length", "integer", 1),
    Option("mbps", "number"),
    Option("mbps_max", "number"),
    Option("mbps_rd", "number"),
    Option("mbps_rd_max", "number"),
    Option("mbps_wr", "number"),
    Option("mbps_wr_max", "number"),
    Option("media", enum=("cdrom", "disk"), default="disk"),
    Option("replicate", "boolean", default="1"),
    Option("rerror", enum=("ignore", "report", "stop")),
    Option("secs", "integer", until=8),
    Option("serial", format="urlencoded", length=60),
    Option("shared", "boolean", default="0"),
    Option("size", format="disk-size"),
    Option("snapshot", "boolean"),
    Option("trans", enum=("none", "lba", "auto"), until=8),
    Option("volume", "any", alias="file"),
    Option("werror", enum=("enospc", "ignore", "report", "stop")),
)
"""What every kind of drive has."""

AGENT: Final = by_name(
    Option("enabled", "boolean", default="0", required=True, bare=True),
    Option("freeze-fs", "boolean", default="1", since=9),
    Option(
        "freeze-fs-on-backup", "any", alias="freeze-fs", eight=Option("freeze-fs-on-backup", "boolean", default="1")
    ),
    Option("fstrim_cloned_disks", "boolean", default="0"),
    Option("guest-fsfreeze", "any", alias="freeze-fs", since=9),
    Option("type", enum=("virtio", "isa"), default="virtio"),
)
AMD_SEV: Final = by_name(
    Option("allow-smt", "boolean", default="1"),
    Option("kernel-hashes", "boolean", default="0"),
    Option("no-debug", "boolean", default="0"),
    Option("no-key-sharing", "boolean", default="0"),
    Option("type", enum=("std", "es", "snp"), length=3, required=True, bare=True),
)
AUDIO: Final = by_name(
    Option("device", enum=("ich9-intel-hda", "intel-hda", "AC97"), required=True),
    Option("driver", enum=("spice", "none"), default="spice"),
)
BOOT: Final = by_name(
    Option("legacy", pattern="[acdn]{1,4}", default="cdn", bare=True),
    Option("order", format="pve-qm-bootdev-list"),
)
CDROM: Final = by_name(
    *_DRIVE,
    Option("model", format="urlencoded", length=120),
    Option("ssd", "boolean"),
    Option("wwn", pattern="(?:^(0x)[0-9a-fA-F]{16})"),
)
CICUSTOM: Final = by_name(
    Option("meta", format="pve-volume-id"),
    Option("network", format="pve-volume-id"),
    Option("user", format="pve-volume-id"),
    Option("vendor", format="pve-volume-id"),
)
CPU: Final = by_name(
    Option("cputype", default="kvm64", bare=True),
    Option("flags", pattern=r"(?:(?:([+-])([a-zA-Z0-9\-_\.]+))(;(?:([+-])([a-zA-Z0-9\-_\.]+)))*)"),
    Option("guest-phys-bits", "integer", 32, 64, since=9),
    Option("hidden", "boolean", default="0"),
    Option("hv-vendor-id", pattern="(?:[a-zA-Z0-9]{1,12})"),
    Option("level", "integer", 0, 4294967295, since=9),
    Option("phys-bits", format="pve-phys-bits"),
    Option(
        "reported-model", enum=MODELS, default="kvm64", eight=Option("reported-model", enum=MODELS_8, default="kvm64")
    ),
)
EFIDISK: Final = by_name(
    Option("efitype", enum=("2m", "4m"), default="2m"),
    Option("file", format="pve-volume-id-or-qm-path", required=True, bare=True),
    Option("format", enum=("raw", "qcow", "qed", "qcow2", "vmdk", "cloop")),
    Option("import-from", format="pve-volume-id-or-absolute-path"),
    Option("ms-cert", enum=("2011", "2023", "2023w", "2023k"), default="2011"),
    Option("pre-enrolled-keys", "boolean", default="0"),
    Option("size", format="disk-size"),
    Option("volume", "any", alias="file"),
)
HOSTPCI: Final = by_name(
    Option("device-id", pattern="(?:^0x[0-9a-fA-F]{4}$)"),
    Option("driver", enum=("vfio", "keep"), default="vfio", since=9),
    Option(
        "host",
        pattern=r"(?:(?:(?:[a-f0-9]{4,}:)?[a-f0-9]{2}:[a-f0-9]{2}(?:\.[a-f0-9])?)(;(?:(?:[a-f0-9]{4,}:)?[a-f0-9]{2}:[a-f0-9]{2}(?:\.[a-f0-9])?))*)",
        bare=True,
    ),
    Option("legacy-igd", "boolean", default="0"),
    Option("mapping", format="pve-configid"),
    Option("mdev", pattern=r"[^/\.:]+"),
    Option("pcie", "boolean", default="0"),
    Option("rombar", "boolean", default="1"),
    Option("romfile", pattern="[^,;]+"),
    Option("sub-device-id", pattern="(?:^0x[0-9a-fA-F]{4}$)"),
    Option("sub-vendor-id", pattern="(?:^0x[0-9a-fA-F]{4}$)"),
    Option("vendor-id", pattern="(?:^0x[0-9a-fA-F]{4}$)"),
    Option("x-vga", "boolean", default="0"),
)
IDE: Final = by_name(
    *_DRIVE,
    Option("import-from", format="pve-volume-id-or-absolute-path"),
    Option("model", format="urlencoded", length=120),
    Option("ssd", "boolean"),
    Option("wwn", pattern="(?:^(0x)[0-9a-fA-F]{16})"),
)
INTEL_TDX: Final = by_name(
    Option("attestation", "boolean", default="1", since=9, required=True),
    Option("type", enum=("tdx",), since=9, required=True, bare=True),
    Option("vsock-cid", "integer", 2, default="2", since=9),
    Option("vsock-port", "integer", 0, default="4050", since=9),
)
IPCONFIG: Final = by_name(
    Option("gw", format="ipv4", requires="ip"),
    Option("gw6", format="ipv6", requires="ip6"),
    Option("ip", format="pve-ipv4-config", default="dhcp"),
    Option("ip6", format="pve-ipv6-config", default="dhcp"),
)
IVSHMEM: Final = by_name(
    Option("name", pattern=r"[a-zA-Z0-9\-]+"),
    Option("size", "integer", 1, required=True),
)
MACHINE: Final = by_name(
    Option("aw-bits", "number", 32, 64, since=9),
    Option("enable-s3", "boolean"),
    Option("enable-s4", "boolean"),
    Option(
        "type",
        pattern=r"(pc|pc(-i440fx)?-\d+(\.\d+)+(\+pve\d+)?(\.pxe)?|q35|pc-q35-\d+(\.\d+)+(\+pve\d+)?(\.pxe)?|virt(?:-\d+(\.\d+)+)?(\+pve\d+)?)",
        length=40,
        bare=True,
    ),
    Option("viommu", enum=("intel", "virtio")),
)
MEMORY: Final = by_name(
    Option("current", "integer", 16, default="512", required=True, bare=True),
)
NET: Final = by_name(
    Option("bridge", format="pve-bridge-id"),
    Option("e1000", "any", alias="macaddr", key_alias="model"),
    Option("e1000-82540em", "any", alias="macaddr", key_alias="model"),
    Option("e1000-82544gc", "any", alias="macaddr", key_alias="model"),
    Option("e1000-82545em", "any", alias="macaddr", key_alias="model"),
    Option("e1000e", "any", alias="macaddr", key_alias="model"),
    Option("firewall", "boolean"),
    Option("host-tunnel", "boolean", since=9),
    Option("i82551", "any", alias="macaddr", key_alias="model"),
    Option("i82557b", "any", alias="macaddr", key_alias="model"),
    Option("i82559er", "any", alias="macaddr", key_alias="model"),
    Option("link_down", "boolean"),
    Option("macaddr", format="mac-addr"),
    Option(
        "model",
        enum=(
            "e1000",
            "e1000-82540em",
            "e1000-82544gc",
            "e1000-82545em",
            "e1000e",
            "i82551",
            "i82557b",
            "i82559er",
            "ne2k_isa",
            "ne2k_pci",
            "pcnet",
            "rtl8139",
            "virtio",
            "vmxnet3",
        ),
        required=True,
        bare=True,
    ),
    Option("mtu", "integer", 1, 65520),
    Option("ne2k_isa", "any", alias="macaddr", key_alias="model"),
    Option("ne2k_pci", "any", alias="macaddr", key_alias="model"),
    Option("pcnet", "any", alias="macaddr", key_alias="model"),
    Option("queues", "integer", 0, 64),
    Option("rate", "number", 0),
    Option("rtl8139", "any", alias="macaddr", key_alias="model"),
    Option("tag", "integer", 1, 4094),
    Option("trunks", pattern=r"(?:\d+(?:-\d+)?(?:;\d+(?:-\d+)?)*)"),
    Option("virtio", "any", alias="macaddr", key_alias="model"),
    Option("vmxnet3", "any", alias="macaddr", key_alias="model"),
)
NUMA: Final = by_name(
    Option("cpus", pattern=r"(?:\d+(?:-\d+)?(?:;\d+(?:-\d+)?)*)", required=True),
    Option("hostnodes", pattern=r"(?:\d+(?:-\d+)?(?:;\d+(?:-\d+)?)*)"),
    Option("memory", "number"),
    Option("policy", enum=("preferred", "bind", "interleave")),
)
RNG: Final = by_name(
    Option("max_bytes", "integer", default="1024"),
    Option("period", "integer", default="1000"),
    Option("source", enum=("/dev/urandom", "/dev/random", "/dev/hwrng"), required=True, bare=True),
)
SATA: Final = by_name(
    *_DRIVE,
    Option("import-from", format="pve-volume-id-or-absolute-path"),
    Option("ssd", "boolean"),
    Option("wwn", pattern="(?:^(0x)[0-9a-fA-F]{16})"),
)
SCSI: Final = by_name(
    *_DRIVE,
    Option("import-from", format="pve-volume-id-or-absolute-path"),
    Option("iothread", "boolean"),
    Option("product", pattern=r"[A-Za-z0-9\-_\s]{,16}"),
    Option("queues", "integer", 2),
    Option("ro", "boolean"),
    Option("scsiblock", "boolean", default="0"),
    Option("ssd", "boolean"),
    Option("vendor", pattern=r"[A-Za-z0-9\-_\s]{,8}"),
    Option("wwn", pattern="(?:^(0x)[0-9a-fA-F]{16})"),
)
SMBIOS: Final = by_name(
    Option("base64", "boolean"),
    Option("family", pattern=r"[A-Za-z0-9+\/]+={0,2}"),
    Option("manufacturer", pattern=r"[A-Za-z0-9+\/]+={0,2}"),
    Option("product", pattern=r"[A-Za-z0-9+\/]+={0,2}"),
    Option("serial", pattern=r"[A-Za-z0-9+\/]+={0,2}"),
    Option("sku", pattern=r"[A-Za-z0-9+\/]+={0,2}"),
    Option("uuid", pattern="[a-fA-F0-9]{8}(?:-[a-fA-F0-9]{4}){3}-[a-fA-F0-9]{12}"),
    Option("version", pattern=r"[A-Za-z0-9+\/]+={0,2}"),
)
SPICE_ENHANCEMENTS: Final = by_name(
    Option("foldersharing", "boolean", default="0"),
    Option("videostreaming", enum=("off", "all", "filter"), default="off"),
)
TPMSTATE: Final = by_name(
    Option("file", format="pve-volume-id-or-qm-path", required=True, bare=True),
    Option("format", enum=("raw", "qcow2", "vmdk"), since=9),
    Option("import-from", format="pve-volume-id-or-absolute-path"),
    Option("size", format="disk-size"),
    Option("version", enum=("v1.2", "v2.0"), default="v1.2"),
    Option("volume", "any", alias="file"),
)
UNUSED: Final = by_name(
    Option("file", format="pve-volume-id", required=True, bare=True),
    Option("volume", "any", alias="file"),
)
USB: Final = by_name(
    Option(
        "host",
        pattern=r"(?:(?:(?:(?:(0x)?([0-9A-Fa-f]{4}):(0x)?([0-9A-Fa-f]{4})))|(?:(?:(\d+)\-(\d+(\.\d+)*)))|[Ss][Pp][Ii][Cc][Ee]))",
        bare=True,
    ),
    Option("mapping", format="pve-configid"),
    Option("usb3", "boolean", default="0"),
)
VGA: Final = by_name(
    Option("clipboard", enum=("vnc",)),
    Option("memory", "integer", 4, 512),
    Option(
        "type",
        enum=(
            "cirrus",
            "qxl",
            "qxl2",
            "qxl3",
            "qxl4",
            "none",
            "serial0",
            "serial1",
            "serial2",
            "serial3",
            "std",
            "virtio",
            "virtio-gl",
            "vmware",
        ),
        default="std",
        bare=True,
    ),
)
VIRTIO: Final = by_name(
    *_DRIVE,
    Option("import-from", format="pve-volume-id-or-absolute-path"),
    Option("iothread", "boolean"),
    Option("ro", "boolean"),
)
VIRTIOFS: Final = by_name(
    Option("cache", enum=("auto", "always", "metadata", "never"), default="auto"),
    Option("direct-io", "boolean", default="0"),
    Option("dirid", format="pve-configid", required=True, bare=True),
    Option("expose-acl", "boolean", default="0"),
    Option("expose-xattr", "boolean", default="0"),
)
WATCHDOG: Final = by_name(
    Option("action", enum=("reset", "shutdown", "poweroff", "pause", "debug", "none")),
    Option("model", enum=("i6300esb", "ib700"), default="i6300esb", bare=True),
)
