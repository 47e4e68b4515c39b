"""Values of guest options in one comparable form, from TOML and from Proxmox VE's own text.

A setting is a text, as pct and qm store it, or for a property string a mapping of its properties, in which `places`
says where a volume is; booleans are "1" and "0".
"""

from __future__ import annotations

from phoenix.guests import marks
from phoenix.guests.places import PLACES
from phoenix.pve import formats, guestconf

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any, Union

    from phoenix.config.faults import Faults
    from phoenix.pve.options import Option

    Setting = Union[str, Mapping[str, str]]

LISTS = {"tags": ";", "nameserver": " ", "searchdomain": " ", "hotplug": ","}
"""Options that are lists: how pct and qm join them."""

LONGEST_DESCRIPTION = 8192


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
            unknown(key, name, list(known), faults)
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
    if not text.isprintable() and not all(char.isprintable() or char in allowed for char in text):
        return "a character that does not print"
    if option.name == "description":
        return description_fault(text)
    return formats.fault(option, text).replace("invalid format - ", "")


def description_fault(text: str) -> str:
    """What is wrong with a description: our mark has to go into it as well."""
    if marks.LINE in text:
        return f"the line {marks.LINE!r} is for Phoenix itself"
    longest = LONGEST_DESCRIPTION - marks.LENGTH
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
    """The properties of a TOML table, or None with the faults noted; of a scalar where one may stand without a key."""
    bare, place = default_key(option.properties), PLACES.get(option.name)
    if bare and not place and isinstance(value, (str, int, float)):
        value = {bare: value}
    if not isinstance(value, dict):
        faults.add(key, "a table", value)
        return None
    known = {name: item for name, item in option.properties.items() if not item.alias}
    found: dict[str, str] = {}
    before = len(faults.found)
    keys = place.keys if place else ()
    if place:
        place.decode(option, key, value, found, faults)
    for name in [name for name in value if name not in keys]:
        if name not in known:
            unknown(key, name, [*keys, *known], faults)
            continue
        item = value[name]
        text = decode_scalar(known[name], f"{key}.{name}", as_scalar(known[name], item), faults)
        if text is not None and (not text or "," in text):
            faults.add(f"{key}.{name}", "a text that is not empty, without a comma", item)
        elif text is not None:
            found[name] = canonical(known[name], text)
    for name in required(option):
        if name not in value:
            faults.say(f"{key}.{name}", "missing")
    return found if len(faults.found) == before else None


def unknown(key: str, name: str, known: list[str], faults: Faults) -> None:
    """Fault a key of a table that nobody knows."""
    from phoenix import cli

    faults.say(f"{key}.{name}" if key else name, f"unknown key{cli.did_you_mean(name, known)}")


def required(option: Option) -> list[str]:
    """The properties that a table must have but for where its volume is."""
    keys = PLACES[option.name].keys if option.name in PLACES else ()
    return [name for name, item in option.properties.items() if item.required and name not in keys]


def as_scalar(option: Option, value: Any) -> Any:
    """A property's value where TOML has a form of its own: a list, joined as both tools do; true for the word on."""
    if isinstance(value, list) and value and all(isinstance(item, str) for item in value):
        return ";".join(value)
    if isinstance(value, bool) and "on" in option.enum:
        return "on" if value else option.enum[0]
    return value


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
    "hotplug": lambda text: joined("hotplug", text),
    "mac-addr": str.upper,
    "nameserver": lambda text: joined("nameserver", text),
    "number": number,
    "pve-startup-order": startup,
    "searchdomain": lambda text: joined("searchdomain", text),
    "sshkeys": lambda text: guestconf.decode(text).strip(),
    "tags": tags,
}
"""The canonical form of an option's text, by its name, its format or its type."""


def observed(option: Option, text: str) -> Setting:
    """The setting for a text of a guest's configuration file."""
    if not option.properties:
        return canonical(option, text)
    known = option.properties
    found: dict[str, str] = {}
    for part in text.split(",") if text.strip() else ():
        name, equals, value = part.partition("=")
        if not equals:
            name, value = default_key(known), part
        item = known.get(name)
        if item and item.alias:  # virtio=MAC is model=virtio,macaddr=MAC
            if item.key_alias:
                found[item.key_alias] = name
            name, item = item.alias, known.get(item.alias)
        found[name] = canonical(item, value) if item else value
    if option.name in PLACES:
        PLACES[option.name].find(option, found)
    return found


def default_key(known: Mapping[str, Option]) -> str:
    """The property that a bare value is for, "" if there is none."""
    return next((name for name, item in known.items() if item.bare), "")


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
