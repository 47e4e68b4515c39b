"""Values of guest options in one comparable form, from TOML and from Proxmox VE's own text.

A setting is a text, as pct stores it, or for a property string a mapping of its properties. A volume of a storage
is `storage` and `size` there, a path of the node is `volume`; booleans are "1" and "0".
"""

from __future__ import annotations

from phoenix.guests import marks
from phoenix.pve import formats, guestconf
from phoenix.pve.tables import container

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any, Union

    from phoenix.config.faults import Faults
    from phoenix.pve.options import Option

    Setting = Union[str, Mapping[str, str]]

LISTS = {"tags": ";", "nameserver": " ", "searchdomain": " "}
"""Options that are lists: how pct joins them."""

VOLUMES = ("rootfs", "mp")
MIB = 1 << 20


def is_template(value: Any) -> bool:
    """Whether a value names a template: STORAGE:vztmpl/FILE or an absolute path."""
    if not isinstance(value, str) or not value.isprintable() or " " in value:
        return False
    storage, _, name = value.partition(":vztmpl/")
    return value.startswith("/") or bool(name and "/" not in name and not formats.check("pve-storage-id", storage))


def decode(option: Option, key: str, value: Any, faults: Faults) -> Setting | None:
    """The setting for a TOML value, or None with the fault noted."""
    if option.properties:
        return decode_table(option, key, value, faults)
    if option.name in LISTS and isinstance(value, list):
        strange = [item for item in value if not isinstance(item, str) or not item]
        if strange:
            faults.add(key, "a list of texts", strange[0])
            return None
        value = LISTS[option.name].join(value)
    if option.format == "pve-startup-order" and isinstance(value, dict):
        value = ",".join(f"{name}={number}" for name, number in value.items())
    text = decode_scalar(option, key, value, faults)
    return None if text is None else canonical(option, text)


def decode_scalar(option: Option, key: str, value: Any, faults: Faults) -> str | None:
    """The text that pct takes for a TOML value of one type, or None with the fault noted."""
    text = None
    if option.type == "boolean" and isinstance(value, bool):
        text = str(int(value))
    elif option.type in ("integer", "number") and is_number(value, option.type):
        text = digits(value)
    elif option.type == "string" and isinstance(value, str):
        text = value
    fault = "" if text is None else text_fault(option, text)
    if text is None or fault:
        faults.add(key, expectation(option), value, fault)
        return None
    return text


def decode_texts(known: Mapping[str, Option], key: str, table: Any, faults: Faults) -> dict[str, str]:
    """What a table of our own says, by name; `key` is where it stands in the file, "" for the file itself."""
    if not isinstance(table, dict):
        faults.add(key, "a table", table)
        return {}
    prefix = f"{key}." if key else ""
    found = {}
    for name, value in table.items():
        if name not in known:
            from phoenix import cli

            faults.say(prefix + name, f"unknown key{cli.did_you_mean(name, known)}")
            continue
        text = decode_scalar(known[name], prefix + name, value, faults)
        if text is not None:
            found[name] = text
    for name, option in known.items():
        if option.required and name not in table:
            faults.say(prefix + name, "missing")
    return found


def digits(value: float) -> str:
    """A number as pct takes it. One too long for Python's own limit is too large for any option anyway."""
    return str(1 << 64) if isinstance(value, int) and abs(value) >= 1 << 64 else repr(value)


def is_number(value: Any, kind: str) -> bool:
    """Whether a TOML value is of pct's type integer or number; true and false are not."""
    return not isinstance(value, bool) and isinstance(value, int if kind == "integer" else (int, float))


def text_fault(option: Option, text: str) -> str:
    """What is wrong with a text by the option's own rules, or ""."""
    allowed = "\n\t" if option.name == "description" else ""
    if not all(char.isprintable() or char in allowed for char in text):
        return "a character that does not print"
    if option.name == "description":
        return description_fault(text)
    return formats.fault(option, text).replace("invalid format - ", "")


def description_fault(text: str) -> str:
    """What is wrong with a description: our mark has to go into it as well."""
    if marks.LINE in text:
        return f"the line {marks.LINE!r} is for Phoenix itself"
    longest = (container.GUEST["description"].length or 0) - marks.LENGTH
    return f"longer than {longest} characters" if len(text) > longest else ""


def expectation(option: Option) -> str:
    """What an option takes, in words."""
    if option.enum:
        return "one of " + ", ".join(option.enum)
    words = {"boolean": "true or false", "integer": "an integer", "number": "a number", "string": "a text"}[option.type]
    if option.low is not None and option.high is not None:
        return f"{words} from {digits(option.low)} to {digits(option.high)}"
    if option.low is not None:
        return f"{words}, at least {digits(option.low)}"
    return words


def decode_table(option: Option, key: str, value: Any, faults: Faults) -> Mapping[str, str] | None:
    """The properties of a TOML table, or None with the faults noted."""
    if not isinstance(value, dict):
        faults.add(key, "a table", value)
        return None
    known = option.properties
    found: dict[str, str] = {}
    before = len(faults.found)
    rest = decode_volume(option, key, value, found, faults) if option.name in VOLUMES else value
    for name, item in rest.items():
        if name not in known:
            from phoenix import cli

            faults.say(f"{key}.{name}", f"unknown key{cli.did_you_mean(name, known)}")
            continue
        text = decode_scalar(known[name], f"{key}.{name}", item, faults)
        if text is not None and "," in text:
            faults.add(f"{key}.{name}", "a text without a comma", item)
        elif text == "":
            faults.add(f"{key}.{name}", "a text that is not empty", item)
        elif text is not None:
            found[name] = canonical(known[name], text)
    for name in required(option):
        if name not in value:
            faults.say(f"{key}.{name}", "missing")
    return found if len(faults.found) == before else None


def required(option: Option) -> list[str]:
    """The properties that a table must have; a volume is looked after by `decode_volume`."""
    known = option.properties
    return [name for name, item in known.items() if item.required and name != "volume"]


def decode_volume(option: Option, key: str, value: Any, found: dict[str, str], faults: Faults) -> dict[str, Any]:
    """Take what says where a volume is from a table: storage and size, or a path; returns the other properties."""
    rest = {name: item for name, item in value.items() if name not in ("storage", "size", "volume")}
    storage, size, path = value.get("storage"), value.get("size"), value.get("volume")
    if path is not None and option.name == "mp":
        good = isinstance(path, str) and path.startswith("/") and path.isprintable() and "," not in path
        if not good or "/../" in f"{path}/" or storage is not None or size is not None:
            faults.add(f"{key}.volume", "an absolute path of the node, without storage and size", path)
        else:
            found["volume"] = str(path)
        return rest
    if not isinstance(storage, str) or formats.check("pve-storage-id", storage):
        faults.add(f"{key}.storage", "the name of a storage", storage)
    else:
        found["storage"] = storage
    bytes_ = formats.size(size) if isinstance(size, str) else None
    if not bytes_ or bytes_ % MIB:
        faults.add(f"{key}.size", 'whole MiB or GiB as "512M" or "8G"', size)
    else:
        found["size"] = formats.show_size(bytes_)
    if path is not None:
        faults.add(f"{key}.volume", "nothing: rootfs is made on a storage", path)
    return rest


def canonical(option: Option, text: str) -> str:
    """`text` as pct stores it, so that two texts that mean the same are equal."""
    form = FORMS.get(option.name) or FORMS.get(option.format) or FORMS.get(option.type)
    return form(text) if form else text


def joined(name: str, text: str) -> str:
    """A list as pct joins it."""
    return LISTS[name].join(formats.split_list(text))


def tags(text: str) -> str:
    """Tags in lower case, each once, in order."""
    return LISTS["tags"].join(sorted({word.lower() for word in formats.split_list(text)}))


def number(text: str) -> str:
    """A number without a fraction of nothing."""
    return f"{float(text)!r}".removesuffix(".0") if formats.number(text) is not None else text


def startup(text: str) -> str:
    """A startup order with the key that may be left out, and its keys in one order."""
    return ",".join(sorted(part if "=" in part else f"order={part}" for part in text.split(",") if part))


def description(text: str) -> str:
    """A description as it is read back: pct writes %XX for what it does not keep plain, but not for % itself."""
    return "\n".join(guestconf.decode(guestconf.encode(line)) for line in text.rstrip("\n").split("\n"))


FORMS: Mapping[str, Callable[[str], str]] = {
    "boolean": lambda text: str(int(bool(formats.boolean(text)))),
    "description": description,
    "mac-addr": str.upper,
    "nameserver": lambda text: joined("nameserver", text),
    "number": number,
    "pve-startup-order": startup,
    "searchdomain": lambda text: joined("searchdomain", text),
    "tags": tags,
}
"""The canonical form of an option's text, by its name, its format or its type."""


def observed(option: Option, text: str) -> Setting:
    """The setting for a text of a guest's configuration file."""
    if not option.properties:
        return canonical(option, text)
    known = option.properties
    found: dict[str, str] = {}
    for part in text.split(","):
        name, equals, value = part.partition("=")
        if not equals:
            name, value = default_key(known), part
        item = known.get(name)
        found[name] = canonical(item, value) if item else value
    if option.name in VOLUMES:
        place_volume(found)
    return found


def default_key(known: Mapping[str, Option]) -> str:
    """The property that a bare value is for."""
    return next(name for name, item in known.items() if item.bare)


def place_volume(found: dict[str, str]) -> None:
    """Turn a volume's name into the storage that holds it; a path of the node stays."""
    volume = found.get("volume", "")
    if not volume.startswith("/"):
        found["storage"] = volume.partition(":")[0]
        del found["volume"]
        bytes_ = formats.size(found.get("size", ""))
        if bytes_ is not None:
            found["size"] = formats.show_size(bytes_)


def differs(option: Option, wanted: Setting, found: Setting | None) -> bool:
    """Whether what is wanted is not what is found; None: the option is not set."""
    if not wanted and found is None:
        return False
    if isinstance(wanted, str):
        return wanted != (canonical(option, option.default) if found is None else found)
    if found is None or isinstance(found, str):
        return True
    known = option.properties
    # A property that the file does not name keeps what pct chose for it: a MAC address, a type.
    return any(value != found.get(name, default_of(known.get(name))) for name, value in wanted.items())


def default_of(item: Option | None) -> str:
    """What an absent property means."""
    if item is None:
        return ""
    return item.default or ("0" if item.type == "boolean" else "")
