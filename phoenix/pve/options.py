"""Options: what pct, pvesm and pveam accept, as data; the one truth for checking, building and rehearsing."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Final


class Option:
    """One option of a subcommand, one positional argument, or one key of a property string.

    `name` is the tool's own, "net" for net0 to net31. `type` is boolean, integer, number or string. `low` and
    `high` are limits of numbers, `length` and `shortest` of texts (0: none), `pattern` is anchored at both
    ends. `format` names a check of formats.py, `properties` a table of PROPERTIES. `last` is the highest
    number of a numbered option (-1: not numbered), `default` what the tool assumes when the option is absent,
    `since` the Proxmox VE release that has it. `change` says how a changed value reaches a guest that runs:
    "live", "restart", "fixed", or "" when a TOML file may not give it yet. `required` and `bare` are for keys:
    it must be there; its value may stand without `key=`. `requires` names an option that must be given too.
    """

    __slots__ = (
        "bare", "change", "default", "enum", "format", "high", "last", "length", "low", "name", "pattern",
        "properties", "required", "requires", "shortest", "since", "type",
    )  # fmt: skip

    def __init__(  # noqa: PLR0913
        self, name: str, type: str = "string", low: float | None = None, high: float | None = None,  # noqa: A002
        *, enum: tuple[str, ...] = (), format: str = "", properties: str = "", pattern: str = "",  # noqa: A002
        length: int = 0, shortest: int = 0, last: int = -1, default: str = "", since: int = 8,
        change: str = "", required: bool = False, bare: bool = False, requires: str = "",
    ) -> None:  # fmt: skip
        self.name = name
        self.type = type
        self.low = low
        self.high = high
        self.enum = enum
        self.format = format
        self.properties = properties
        self.pattern = pattern
        self.length = length
        self.shortest = shortest
        self.last = last
        self.default = default
        self.since = since
        self.change = change
        self.required = required
        self.bare = bare
        self.requires = requires

    def __repr__(self) -> str:
        return f"Option({self.name!r}, {self.type!r})"


def by_name(*options: Option) -> dict[str, Option]:
    """Options by name."""
    return {option.name: option for option in options}


def lookup(table: Mapping[str, Option], name: str) -> Option | None:
    """The option called `name` in `table`; a numbered one by its full name, as net0 (never net or net007)."""
    option = table.get(name)
    if option is not None:
        return option if option.last < 0 else None
    base = name.rstrip("0123456789")
    option, number = table.get(base), name[len(base) :]
    if option is None or option.last < 0 or not number.isascii() or not 0 < len(number) <= 4:
        return None
    return option if str(int(number)) == number and int(number) <= option.last else None


def known(table: Mapping[str, Option], release: int) -> dict[str, Option]:
    """Those of `table` that the Proxmox VE `release` (8 or 9) has."""
    return {name: option for name, option in table.items() if option.since <= release}


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
    Option("cmode", enum=("shell", "console", "tty"), default="tty"),
    Option("console", "boolean", default="1"),
    Option("cores", "integer", 1, 8192, change="live"),
    Option("cpulimit", "number", 0, 8192, default="0"),
    Option("cpuunits", "integer", 0, 500000, default="cgroup v1: 1024, cgroup v2: 100"),
    Option("debug", "boolean", default="0"),
    Option("description", length=8192, change="live"),
    Option("dev", properties="dev", last=255),
    Option("entrypoint", pattern=f"(?:{_PRINTABLE}+)", default="/sbin/init", since=9),
    Option("env", pattern=rf"(?:(?:\w+={_PRINTABLE}*)(?:\0\w+={_PRINTABLE}*)*)", since=9),
    Option("features", properties="features", change="restart"),
    Option("hookscript", format="pve-volume-id"),
    Option("hostname", format="dns-name", length=255, change="live"),
    Option("lock", enum=_LOCKS),
    Option("memory", "integer", 16, default="512", change="live"),
    Option("mp", properties="mp", last=255, change="fixed"),
    Option("nameserver", format="lxc-ip-with-ll-iface-list", change="restart"),
    Option("net", properties="net", last=31, change="live"),
    Option("onboot", "boolean", default="0", change="live"),
    Option("ostype", enum=_SYSTEMS),
    Option("protection", "boolean", default="0", change="live"),
    Option("rootfs", properties="rootfs", change="fixed"),
    Option("searchdomain", format="dns-name-list", change="restart"),
    Option("startup", format="pve-startup-order", change="live"),
    Option("swap", "integer", 0, default="512", change="live"),
    Option("tags", format="pve-tag-list", change="live"),
    Option("template", "boolean", default="0"),
    Option("timezone", format="pve-ct-timezone", change="restart"),
    Option("tty", "integer", 0, 6, default="2"),
    Option("unprivileged", "boolean", default="0", change="fixed"),
    Option("unused", properties="unused", last=255),
)
"""What `pct create` and `pct set` share: what a container's configuration can say."""

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


PROPERTIES: Final[Mapping[str, Mapping[str, Option]]] = {
    "dev": by_name(
        Option("deny-write", "boolean", default="0"),
        Option("gid", "integer", 0),
        Option("mode", pattern="0[0-7]{3}"),
        Option("path", format="pve-lxc-dev-string", bare=True),
        Option("uid", "integer", 0),
    ),
    "features": by_name(
        Option("force_rw_sys", "boolean", default="0"),
        Option("fuse", "boolean", default="0"),
        Option("keyctl", "boolean", default="0"),
        Option("mknod", "boolean", default="0"),
        Option("mount", pattern="(?:[a-zA-Z0-9_; ]+)"),
        Option("nesting", "boolean", default="0"),
    ),
    "mp": by_name(
        *_volume(),
        Option("backup", "boolean"),
        Option("keepattrs", "boolean", default="0", since=9),
        Option("mp", format="pve-lxc-mp-string", required=True),
    ),
    "net": by_name(
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
    ),
    "rootfs": by_name(*_volume()),
    "unused": by_name(Option("volume", format="pve-volume-id", required=True, bare=True)),
}
"""The keys of each kind of property string."""
