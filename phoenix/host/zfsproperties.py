"""ZFS properties: those that a file may set on a pool or a dataset, and their values in one form. Pure.

Names and values are those of zpoolprops(7) and zfsprops(7).
"""

from __future__ import annotations

import re

from phoenix.guests import values
from phoenix.pve.options import Option, by_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any, Final

    from phoenix.config.faults import Faults

_UNITS: Final = "KMGTPE"
SIZE: Final = rf"\d{{1,20}}(\.\d{{1,9}})?[{_UNITS}{_UNITS.lower()}]?"
_ON: Final = ("on", "off")
_CACHE: Final = ("all", "none", "metadata")


def _switches(*names: str) -> tuple[Option, ...]:
    return tuple(Option(name, enum=_ON) for name in names)


def _limits(*names: str) -> tuple[Option, ...]:
    return tuple(Option(name, pattern=f"none|{SIZE}") for name in names)


def _sizes(*names: str) -> tuple[Option, ...]:
    return tuple(Option(name, pattern=SIZE) for name in names)


POOL: Final = by_name(
    *_switches("autoexpand", "autoreplace", "autotrim", "delegation", "listsnapshots", "multihost"),
    Option("ashift", pattern="9|1[0-6]"),
    Option("comment", pattern=".{0,32}"),
    Option("compatibility", pattern=r"off|legacy|[A-Za-z0-9_.,/-]+"),
    Option("failmode", enum=("wait", "continue", "panic")),
)
DATASET: Final = by_name(
    *_switches("atime", "devices", "exec", "nbmand", "overlay", "readonly", "relatime", "setuid", "utf8only"),
    *_limits("quota", "refquota", "refreservation", "reservation"),
    *_sizes("recordsize", "special_small_blocks", "volblocksize", "volsize"),
    Option("aclinherit", enum=("discard", "noallow", "restricted", "passthrough", "passthrough-x")),
    Option("aclmode", enum=("discard", "groupmask", "passthrough", "restricted")),
    Option("acltype", enum=("off", "noacl", "nfsv4", "posix", "posixacl")),
    Option("canmount", enum=("on", "off", "noauto")),
    Option("casesensitivity", enum=("sensitive", "insensitive", "mixed")),
    Option("checksum", pattern=r"[a-z0-9]+"),
    Option("compression", pattern=r"[a-z0-9]+(-[a-z]*-?[0-9]+)?"),
    Option("copies", pattern="[123]"),
    Option("dedup", pattern=r"[a-z0-9]+(,verify)?"),
    Option("dnodesize", enum=("legacy", "auto", "1k", "2k", "4k", "8k", "16k")),
    Option("logbias", enum=("latency", "throughput")),
    Option("mountpoint", pattern=r"none|legacy|(/[A-Za-z0-9_.:+-]+)+"),
    Option("normalization", enum=("none", "formC", "formD", "formKC", "formKD")),
    Option("primarycache", enum=_CACHE),
    Option("redundant_metadata", enum=("all", "most", "some", "none")),
    Option("secondarycache", enum=_CACHE),
    Option("snapdir", enum=("hidden", "visible", "disabled")),
    Option("sync", enum=("standard", "always", "disabled")),
    Option("volmode", enum=("default", "full", "geom", "dev", "none")),
    Option("xattr", enum=("on", "off", "dir", "sa")),
)
FIXED: Final = frozenset(("ashift", "casesensitivity", "normalization", "utf8only", "volblocksize"))
"""What is decided when a pool or a dataset is made, for good."""
_USER: Final = Option("a property", pattern=r"[^\r\n\t]{1,1024}")
_SIZES: Final = frozenset(
    ("quota", "recordsize", "refquota", "refreservation", "reservation", "special_small_blocks", "volblocksize",
     "volsize")
)  # fmt: skip
_SHOWN: Final[Mapping[tuple[str, str], tuple[str, ...]]] = {
    ("acltype", "noacl"): ("off",),
    ("acltype", "posixacl"): ("posix",),
    ("compression", "gzip-6"): ("gzip",),
    ("compression", "zstd-fast-1"): ("zstd-fast",),
    ("xattr", "dir"): ("on",),  # before ZFS 2.3
    ("xattr", "on"): ("dir", "sa"),  # sa since ZFS 2.3
}
"""What zfs shows for a value in other words than it was set."""


def decode(known: Mapping[str, Option], key: str, table: Any, faults: Faults) -> dict[str, str]:
    """The properties that a table sets; a name with a colon is a property of the user's own."""
    if not isinstance(table, dict):
        faults.add(key, "a table of properties", table)
        return {}
    found = {}
    for name, value in table.items():
        option = known.get(name) or (_USER if ":" in name and known is DATASET and is_user_name(name) else None)
        if option is None:
            values.unknown(key, name, list(known), faults)
            continue
        text = values.decode_scalar(option, f"{key}.{name}", _text(value), faults)
        if text is not None:
            found[name] = text
    return found


def is_user_name(name: str) -> bool:
    """Whether a user may call a property so."""
    return not set(name) - set("abcdefghijklmnopqrstuvwxyz0123456789:+.,_-") and name[0] not in "-:"


def _text(value: Any) -> Any:
    """A value as the tools take it: true is on, a number its digits."""
    if isinstance(value, bool):
        return "on" if value else "off"
    return str(value) if isinstance(value, int) and abs(value) < 1 << 64 else value


def size(text: str) -> int:
    """The bytes of a size, as zfs reads it."""
    unit = text[-1:].upper()
    if unit not in _UNITS:
        return int(float(text)) if "." in text else int(text)
    number, scale = text[:-1], 1 << 10 * (_UNITS.index(unit) + 1)
    return int(float(number) * scale) if "." in number else int(number) * scale


def is_same(name: str, wanted: str, found: str) -> bool:
    """Whether what `zfs get -p` shows is what is wanted, in whatever words."""
    return number(name, wanted) == number(name, found) or found in _SHOWN.get((name, wanted), ())


def number(name: str, text: str) -> str:
    """A value as `zfs get -p` shows it: a size in bytes, none as 0."""
    if name not in _SIZES:
        return text
    return "0" if text == "none" else str(size(text)) if re.fullmatch(SIZE, text) else text


def assignments(properties: Mapping[str, str], option: str) -> list[str]:
    """The words of a command that sets properties of what it makes."""
    return [word for name, text in properties.items() for word in (option, f"{name}={text}")]
