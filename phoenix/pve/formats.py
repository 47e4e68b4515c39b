"""Formats: what a value must look like, in pct's own words; property strings, booleans and sizes."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Final

    from phoenix.pve.options import Option

_DIGITS: Final = frozenset("0123456789")
_HEX: Final = frozenset("0123456789abcdefABCDEF")
_LETTERS: Final = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")
_ALNUM: Final = _LETTERS | _DIGITS
_LABEL: Final = _ALNUM | {"-"}
_TAG: Final = _ALNUM | frozenset("_+.-")
_STORAGE: Final = _ALNUM | frozenset("._-")
_CONFIG_ID: Final = _ALNUM | frozenset("_-")
_MIB: Final = 1024 * 1024
_UNITS: Final = "KMGT"
_TRUE: Final = frozenset(("1", "on", "yes", "true"))
_FALSE: Final = frozenset(("0", "off", "no", "false"))
_AREAS: Final = frozenset(
    ("Africa", "America", "Antarctica", "Arctic", "Asia", "Atlantic", "Australia", "Europe", "Indian", "Pacific")
)
_ZONES: Final = "/usr/share/zoneinfo/zone.tab"
_WORD: Final = r"[-_.\w\d]+"
CONTENT: Final = ("images", "rootdir", "vztmpl", "iso", "backup", "snippets", "import", "none")
"""The content types a storage can hold."""


def boolean(text: str) -> bool | None:
    """The truth of one of pct's eight words for it, in any case, or None."""
    word = text.lower()
    return True if word in _TRUE else False if word in _FALSE else None


def integer(text: str) -> int | None:
    """The whole number in `text`, or None where pct sees none."""
    digits = text[1:] if text[:1] in ("+", "-") else text
    return int(text) if digits and _DIGITS.issuperset(digits) else None


def number(text: str) -> float | None:
    """The number in `text`, or None where pct sees none."""
    if not text or not set(text) <= _DIGITS | set("+-.eE"):
        return None
    try:
        return float(text)
    except ValueError:
        return None


def size(text: str) -> int | None:
    """The bytes in a disk size such as 8G, 512M or 1.5T, or None."""
    plain = text[:-2] if text.endswith("iB") and text[-3:-2] in _UNITS else text
    unit = plain[-1:] if plain[-1:] and plain[-1:] in _UNITS else ""
    whole, point, part = plain[: len(plain) - len(unit)].partition(".")
    if not whole or not _DIGITS.issuperset(whole + part) or bool(point) != bool(part):
        return None
    scale = 1 << 10 * (_UNITS.index(unit) + 1) if unit else 1
    return int(whole) * scale + (int(part) * scale // 10 ** len(part) if part else 0)


def show_size(count: int) -> str:
    """`count` bytes as pct writes them: in the largest unit that divides them (0T, 1G, 1124M)."""
    unit = ""
    for larger in _UNITS:
        if count % 1024:
            break
        count, unit = count // 1024, larger
    return f"{count}{unit}"


def split_list(text: str) -> list[str]:
    """The items of a list: commas, semicolons and blanks all part them."""
    return text.replace(",", " ").replace(";", " ").replace("\0", " ").split()


def check(name: str, text: str, release: int = 9) -> str:
    """ "" if `text` fits the named format, else pct's words for what is wrong."""
    if name.endswith("-list"):
        one = _checker(name[:-5])
        faults = [one(item, release) for item in split_list(text)] if one else []
        return next((fault for fault in faults if fault), "")
    one = _checker(name)
    return one(text, release) if one else ""


def _checker(name: str) -> Callable[[str, int], str] | None:
    found = _CHECKS.get(name)
    if found is None:
        from phoenix.pve import rareformats

        found = rareformats.CHECKS.get(name)
    return found


def fault(option: Option, text: str, release: int = 9) -> str:
    """ "" if `text` is a value of `option`, else pct's words; property strings are left to `properties`."""
    found = _type_fault(option.type, text)
    if found:
        return found
    found = check(option.format, text, release) if option.format else ""
    if found:
        return "invalid format - " + found
    return _limit_fault(option, text) or _text_fault(option, text)


def properties(table: Mapping[str, Option], text: str, release: int = 9) -> tuple[dict[str, str], dict[str, str]]:
    """The keys and values of a property string, and what is wrong: by key, or under "" for the whole of it."""
    values: dict[str, str] = {}
    bare = next((option.name for option in table.values() if option.bare), "")
    for part in text.split(","):
        if not part.strip():
            continue
        key, equals, value = part.partition("=")
        if not equals:
            key, value = bare, part
        option = table.get(key)
        if option is not None and option.alias and option.since <= release <= option.until:
            if option.key_alias:
                values[option.key_alias] = key
            key = option.alias
        whole = _key_fault(key, part, value, values)
        if whole:
            return values, {"": whole}
        values[key] = value
    faults = _faults(table, values, release)
    return values, {key: found for key, found in faults.items() if found}


def _faults(table: Mapping[str, Option], values: Mapping[str, str], release: int) -> dict[str, str]:
    faults = {}
    for key, value in values.items():
        option = table.get(key)
        if option is None or not option.since <= release <= option.until:
            faults[key] = "property is not defined in schema and the schema does not allow additional properties"
            continue
        option = option.eight if release < 9 and option.eight is not None else option
        faults[key] = fault(option, value, release)
        if option.requires and option.requires not in values:
            faults[option.requires] = missing(key, release)
    for option in table.values():
        if option.required and option.name not in values:
            faults[option.name] = "property is missing and it is not optional"
    return faults


def missing(name: str, release: int) -> str:
    """What is said of an option that `name` requires and that is not there."""
    if release >= 9:
        return f"missing property required by '{name}'"
    return f"missing property - '{name}' requires this property"


def _key_fault(key: str, part: str, value: str, values: Mapping[str, str]) -> str:
    if not key and "=" not in part:
        return "value without key, but schema does not define a default key"
    if not key or not value:
        return "missing key in comma-separated list property"
    return f"duplicate key in comma-separated list property: {key}" if key in values else ""


def _type_fault(kind: str, text: str) -> str:
    good = (
        kind in ("any", "array", "string")
        or (kind == "integer" and integer(text) is not None)
        or (kind == "number" and number(text) is not None)
        or (kind == "boolean" and boolean(text) is not None)
    )
    return "" if good else f"type check ('{kind}') failed - got '{text}'"


def _limit_fault(option: Option, text: str) -> str:
    value = number(text) if option.type in ("integer", "number") else None
    if value is None:
        return ""
    if option.high is not None and value > option.high:
        return f"value must have a maximum value of {option.high}"
    if option.low is not None and value < option.low:
        return f"value must have a minimum value of {option.low}"
    return ""


def _text_fault(option: Option, text: str) -> str:
    if option.length and len(text) > option.length:
        return f"value may only be {option.length} characters long"
    if len(text) < option.shortest:
        return f"value must be at least {option.shortest} characters long"
    if option.pattern and not _matches(option.pattern, text):
        return "value does not match the regex pattern"
    if option.enum and text not in option.enum:
        return f"value '{text}' does not have a value in the enumeration '{', '.join(option.enum)}'"
    return ""


def _matches(pattern: str, text: str) -> bool:
    if pattern == _WORD and text.isascii() and text.replace("-", "").replace("_", "").replace(".", "").isalnum():
        return True  # spares importing re for nearly every network interface
    import re

    return re.fullmatch(pattern, text) is not None


def _made_of(text: str, first: frozenset[str], rest: frozenset[str]) -> bool:
    return bool(text) and text[0] in first and rest.issuperset(text)


def is_label(text: str) -> bool:
    """Whether `text` is one label of a DNS name, which is also what a node's name must be."""
    return bool(text) and _LABEL.issuperset(text) and text[0] != "-" and text[-1] != "-"


def is_storage_id(text: str) -> bool:
    """Whether `text` can be the name of a storage."""
    return len(text) > 1 and text[-1] in _ALNUM and _made_of(text, _LETTERS, _STORAGE)


def is_volume_id(text: str) -> bool:
    """Whether `text` reads STORAGE:NAME."""
    storage, colon, name = text.partition(":")
    return bool(colon and name) and is_storage_id(storage)


def is_ipv4(text: str) -> bool:
    """Whether `text` is an IPv4 address: four numbers up to 255, without leading zeros."""
    parts = text.split(".")
    return len(parts) == 4 and all(
        part and _DIGITS.issuperset(part) and str(int(part)) == part and int(part) < 256 for part in parts
    )


def is_ipv6(text: str) -> bool:
    """Whether `text` is an IPv6 address."""
    head, last = text.rpartition(":")[::2]
    if "." in last:
        if not is_ipv4(last):
            return False
        text = f"{head}:0:0"
    halves = text.split("::")
    groups = [group for half in halves for group in half.split(":") if half]
    if len(halves) > 2 or not all(0 < len(group) <= 4 and _HEX.issuperset(group) for group in groups):
        return False
    return len(groups) < 8 if len(halves) == 2 else len(groups) == 8


def _is_network(text: str, address: Callable[[str], bool], longest: int) -> bool:
    where, _, bits = text.partition("/")
    return address(where) and bits != "" and _DIGITS.issuperset(bits) and 8 <= int(bits) <= longest


def is_unicast_mac(text: str) -> bool:
    """Whether `text` is the MAC address of one interface."""
    parts = text.split(":")
    if len(parts) != 6 or any(len(part) != 2 or not _HEX.issuperset(part) for part in parts):
        return False
    return int(parts[0], 16) % 2 == 0


def _dns_name(text: str, _release: int) -> str:
    good = all(is_label(label) for label in text.split("."))
    return "" if good else "value does not look like a valid DNS name"


def _vmid(text: str, _release: int) -> str:
    good = 3 <= len(text) <= 9 and text[0] != "0" and _DIGITS.issuperset(text)
    return "" if good else "value does not look like a valid VM ID"


def _config_id(text: str, _release: int) -> str:
    good = len(text) > 1 and _made_of(text, _LETTERS, _CONFIG_ID)
    return "" if good else f"invalid configuration ID '{text}'"


def _storage_id(text: str, release: int) -> str:
    if release >= 9 and len(text) < 2:
        return f"storage ID '{text}' cannot be shorter than 2 characters"
    return "" if is_storage_id(text) else f"storage ID '{text}' contains illegal characters"


def _volume_id(text: str, _release: int) -> str:
    return "" if is_volume_id(text) else f"unable to parse volume ID '{text}'"


def _node(text: str, _release: int) -> str:
    return "" if is_label(text) else "value does not look like a valid node name"


def _tag(text: str, _release: int) -> str:
    return "" if _made_of(text, _ALNUM | {"_"}, _TAG) else "invalid characters in tag"


def _ipv4(text: str, _release: int) -> str:
    return "" if is_ipv4(text) else "value does not look like a valid ipv4 address"


def _ipv6(text: str, _release: int) -> str:
    return "" if is_ipv6(text) else "value does not look like a valid ipv6 address"


def _server(text: str, _release: int) -> str:
    address, percent, interface = text.partition("%")
    local = bool(percent and interface) and address.lower().startswith("fe80:") and is_ipv6(address)
    return "" if local or is_ipv4(text) or is_ipv6(text) else "value does not look like a valid IP address"


def _ipv4_config(text: str, _release: int) -> str:
    good = text in ("dhcp", "manual") or _is_network(text, is_ipv4, 32)
    return "" if good else "value does not look like a valid ipv4 network configuration"


def _ipv6_config(text: str, _release: int) -> str:
    good = text in ("auto", "dhcp", "manual") or _is_network(text, is_ipv6, 128)
    return "" if good else "value does not look like a valid ipv6 network configuration"


def _mac(text: str, _release: int) -> str:
    return "" if is_unicast_mac(text) else "value does not look like a valid unicast MAC address"


def _disk_size(text: str, _release: int) -> str:
    return f"value does not look like a valid disk size: {text}" if size(text) is None else ""


def _startup(text: str, _release: int) -> str:
    seen = set()
    for part in text.split(","):
        key, equals, value = part.partition("=")
        key, value = (key, value) if equals else ("order", part)
        if key not in ("order", "up", "down") or key in seen or not value or not _DIGITS.issuperset(value):
            return "unable to parse startup options"
        seen.add(key)
    return ""


def _mount_point(text: str, _release: int) -> str:
    bad = any(part in (".", "..") for part in text.split("/"))
    return f"{text} contains illegal character sequences" if bad else ""


def _device(text: str, _release: int) -> str:
    return "" if text.startswith("/dev/") else f"{text} is not a valid device path"


def _pool(text: str, _release: int) -> str:
    good = bool(text) and all(_made_of(part, _STORAGE, _STORAGE) for part in text.split("/"))
    return "" if good else f"pool name '{text}' contains invalid characters"


def _content(text: str, _release: int) -> str:
    return "" if text in CONTENT else f"invalid content type '{text}'"


def _timezone(text: str, _release: int) -> str:
    if text in ("host", "UTC"):
        return ""
    try:
        with open(_ZONES, encoding="utf-8", errors="replace") as file:
            good = any(line.split()[2:3] == [text] for line in file if not line.startswith("#"))
    except OSError:  # a machine without time zones: what zone.tab can hold
        area, _, place = text.partition("/")
        good = area in _AREAS and _made_of(place.replace("/", ""), _LETTERS, _CONFIG_ID)
    return "" if good else f"invalid time zone '{text}'"


_CHECKS: Final[Mapping[str, Callable[[str, int], str]]] = {
    "disk-size": _disk_size,
    "dns-name": _dns_name,
    "ipv4": _ipv4,
    "ipv6": _ipv6,
    "lxc-ip-with-ll-iface": _server,
    "mac-addr": _mac,
    "pve-configid": _config_id,
    "pve-ct-timezone": _timezone,
    "pve-ipv4-config": _ipv4_config,
    "pve-ipv6-config": _ipv6_config,
    "pve-lxc-dev-string": _device,
    "pve-lxc-mp-string": _mount_point,
    "pve-node": _node,
    "pve-poolid": _pool,
    "pve-startup-order": _startup,
    "pve-storage-content": _content,
    "pve-storage-id": _storage_id,
    "pve-tag": _tag,
    "pve-vmid": _vmid,
    "pve-volume-id": _volume_id,
}
