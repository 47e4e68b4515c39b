"""Container: what the configuration of a container can say, and the keys of its property strings."""

from __future__ import annotations

from phoenix.pve.options import Option, by_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Final

_MOUNT_OPTIONS = "(?:(discard|lazytime|noatime|nodev|noexec|nosuid))"
_ID_MAP = "[ug]:[0-9]+:[0-9]+:[1-9][0-9]*"


def _volume() -> tuple[Option, ...]:
    return (
        Option("acl", "boolean"),
        Option("idmap", pattern=f"(?:^(?:passthrough|{_ID_MAP}(?:;{_ID_MAP})*)$)", since=9),
        Option("mountoptions", pattern=f"(?:{_MOUNT_OPTIONS}(;{_MOUNT_OPTIONS})*)"),
        Option("quota", "boolean"),
        Option("replicate", "boolean", default="1"),
        Option("ro", "boolean"),
        Option("shared", "boolean", default="0"),
        Option("size", format="disk-size"),
        Option("volume", format="pve-lxc-mp-string", required=True, bare=True),
    )


DEV: Final = by_name(
    Option("deny-write", "boolean", default="0"),
    Option("gid", "integer", 0),
    Option("mode", pattern="0[0-7]{3}"),
    Option("path", format="pve-lxc-dev-string", bare=True),
    Option("uid", "integer", 0),
)

FEATURES: Final = by_name(
    Option("force_rw_sys", "boolean", default="0"),
    Option("fuse", "boolean", default="0"),
    Option("keyctl", "boolean", default="0"),
    Option("mknod", "boolean", default="0"),
    Option("mount", pattern="(?:[a-zA-Z0-9_; ]+)"),
    Option("nesting", "boolean", default="0"),
)

MP: Final = by_name(
    *_volume(),
    Option("backup", "boolean"),
    Option("keepattrs", "boolean", default="0", since=9),
    Option("mp", format="pve-lxc-mp-string", required=True),
)

NET: Final = by_name(
    Option("bridge", pattern=r"[-_.\w\d]+"),
    Option("firewall", "boolean"),
    Option("gw", format="ipv4"),
    Option("gw6", format="ipv6"),
    Option("host-managed", "boolean", since=9),
    Option("hwaddr", format="mac-addr"),
    Option("ip", format="pve-ipv4-config"),
    Option("ip6", format="pve-ipv6-config"),
    Option("link_down", "boolean"),
    Option("mtu", "integer", 64, 65535),
    Option("name", pattern=r"[-_.\w\d]+", required=True),
    Option("rate", "number"),
    Option("tag", "integer", 1, 4094),
    Option("trunks", pattern=r"(?:\d+(?:;\d+)*)"),
    Option("type", enum=("veth",)),
)

ROOTFS: Final = by_name(*_volume())

UNUSED: Final = by_name(Option("volume", format="pve-volume-id", required=True, bare=True))

PROPERTIES: Final[Mapping[str, Mapping[str, Option]]] = {
    "dev": DEV,
    "features": FEATURES,
    "mp": MP,
    "net": NET,
    "rootfs": ROOTFS,
    "unused": UNUSED,
}
"""The property strings, by the option (without its number)."""

_ARCHITECTURES = ("amd64", "i386", "arm64", "armhf", "riscv32", "riscv64")
_LOCKS = (
    "backup", "create", "destroyed", "disk", "fstrim", "migrate", "mounted", "rollback", "snapshot",
    "snapshot-delete",
)  # fmt: skip
_SYSTEMS = (
    "debian", "devuan", "ubuntu", "centos", "fedora", "opensuse", "archlinux", "alpine", "gentoo", "nixos",
    "unmanaged",
)  # fmt: skip
_PRINTABLE = r"[^\x00-\x08\x0a-\x1F\x7F]"

GUEST: Final[Mapping[str, Option]] = by_name(
    Option("arch", enum=_ARCHITECTURES, default="amd64", change="restart"),
    Option("cmode", enum=("shell", "console", "tty"), default="tty", change="restart"),
    Option("console", "boolean", default="1", change="restart"),
    Option("cores", "integer", 1, 8192, change="live"),
    Option("cpulimit", "number", 0, 8192, default="0", change="live"),
    Option("cpuunits", "integer", 0, 500000, default="cgroup v1: 1024, cgroup v2: 100", change="live"),
    Option("debug", "boolean", default="0", change="restart"),
    Option("description", length=8192, change="live"),
    Option("dev", properties=DEV, last=255, change="restart"),
    Option("entrypoint", pattern=f"(?:{_PRINTABLE}+)", default="/sbin/init", since=9, change="restart"),
    Option("env", pattern=rf"(?:(?:\w+={_PRINTABLE}*)(?:\0\w+={_PRINTABLE}*)*)", since=9),
    Option("features", properties=FEATURES, change="restart"),
    Option("hookscript", format="pve-volume-id", change="live"),
    Option("hostname", format="dns-name", length=255, change="live"),
    Option("lock", enum=_LOCKS),
    Option("memory", "integer", 16, default="512", change="live"),
    Option("mp", properties=MP, last=255, change="fixed"),
    Option("nameserver", format="lxc-ip-with-ll-iface-list", change="restart"),
    Option("net", properties=NET, last=31, change="live"),
    Option("onboot", "boolean", default="0", change="live"),
    Option("ostype", enum=_SYSTEMS, change="restart"),
    Option("protection", "boolean", default="0", change="live"),
    Option("rootfs", properties=ROOTFS, change="fixed"),
    Option("searchdomain", format="dns-name-list", change="restart"),
    Option("startup", format="pve-startup-order", change="live"),
    Option("swap", "integer", 0, default="512", change="live"),
    Option("tags", format="pve-tag-list", change="live"),
    Option("template", "boolean", default="0"),
    Option("timezone", format="pve-ct-timezone", change="restart"),
    Option("tty", "integer", 0, 6, default="2", change="restart"),
    Option("unprivileged", "boolean", default="0", change="fixed"),
    Option("unused", properties=UNUSED, last=255),
)
"""What `pct create` and `pct set` share: what a container's configuration can say."""


MOUNTS: Final = ("rootfs", *(f"mp{number}" for number in range(256)))
"""All that a mount point can be called."""

UNUSED_MOUNTS: Final = tuple(f"unused{number}" for number in range(256))
"""All that a volume without a mount point can be called."""
