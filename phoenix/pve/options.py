"""Options: how tables say what Proxmox VE's tools accept; the one truth for checking, building and rehearsing."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Final


_NO_KEYS: Mapping[str, Option] = {}


class Option:
    """One option of a subcommand, one positional argument, or one key of a property string.

    `name` is the tool's own, "net" for net0 to net31. `type` is boolean, integer, number or string. `low` and
    `high` are limits of numbers, `length` and `shortest` of texts (0: none), `pattern` is anchored at both
    ends. `format` names a check of formats.py, `properties` is the table of a property string's keys. `last` is
    the highest number of a numbered option (-1: not numbered), `default` what the tool assumes when the option
    is absent, `since` and `until` the first and the last Proxmox VE release that have it, `eight` how release 8
    had it where that differs. `change` says how a changed value reaches a guest that runs:
    "live", "restart", "fixed", or "" when a TOML file may not give it yet. `required` and `bare` are for keys:
    it must be there; its value may stand without `key=`. `requires` names an option that must be given too.
    `alias` names the key that this is another word for; `key_alias` the one that takes the name of this key as
    its value (`virtio=MAC` is `model=virtio,macaddr=MAC`).
    """

    __slots__ = (
        "alias", "bare", "change", "default", "eight", "enum", "format", "high", "key_alias", "last", "length", "low",
        "name", "pattern", "properties", "required", "requires", "shortest", "since", "type", "until",
    )  # fmt: skip

    def __init__(  # noqa: PLR0913
        self, name: str, type: str = "string", low: float | None = None, high: float | None = None,  # noqa: A002
        *, enum: tuple[str, ...] = (), format: str = "", pattern: str = "",  # noqa: A002
        properties: Mapping[str, Option] = _NO_KEYS, length: int = 0, shortest: int = 0, last: int = -1,
        default: str = "", since: int = 8, until: int = 99, eight: Option | None = None, change: str = "",
        required: bool = False, bare: bool = False, requires: str = "", alias: str = "", key_alias: str = "",
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
        self.until = until
        self.eight = eight
        self.change = change
        self.required = required
        self.bare = bare
        self.requires = requires
        self.alias = alias
        self.key_alias = key_alias

    def __repr__(self) -> str:
        return f"Option({self.name!r}, {self.type!r})"


def by_name(*options: Option) -> dict[str, Option]:
    """Options by name; a numbered one by its name and N, as netN."""
    return {option.name if option.last < 0 else option.name + "N": option for option in options}


def lookup(table: Mapping[str, Option], name: str) -> Option | None:
    """The option called `name` in `table`; a numbered one by its full name, as net0 (never net or net007)."""
    option = table.get(name)
    if option is not None:
        return option if option.last < 0 else None
    base = name.rstrip("0123456789")
    option, number = table.get(base + "N"), name[len(base) :]
    if option is None or option.last < 0 or not number.isascii() or not 0 < len(number) <= 4:
        return None
    return option if str(int(number)) == number and int(number) <= option.last else None


def known(table: Mapping[str, Option], release: int) -> dict[str, Option]:
    """Those of `table` that the Proxmox VE `release` (8 or 9) has."""
    return {
        name: option.eight if release < 9 and option.eight is not None else option
        for name, option in table.items()
        if option.since <= release <= option.until
    }


class Command:
    """One subcommand: its positional arguments in order, and its options by name."""

    __slots__ = ("options", "positional", "since", "until")

    def __init__(self, positional: tuple[Option, ...] = (), *options: Option, since: int = 8, until: int = 99) -> None:
        self.positional = positional
        self.options: Mapping[str, Option] = by_name(*options)
        self.since = since
        self.until = until


VMID: Final = Option("vmid", "integer", 100, 999999999, format="pve-vmid", required=True)
STORAGE: Final = Option("storage", format="pve-storage-id", required=True)
SNAPNAME: Final = Option("snapname", format="pve-configid", length=40, required=True)
"""Positional arguments that many subcommands have."""

TARGET_ENDPOINT: Final = by_name(
    Option("apitoken", required=True),
    Option("fingerprint", pattern="([A-Fa-f0-9]{2}:){31}[A-Fa-f0-9]{2}"),
    Option("host", required=True),
    Option("port", "integer"),
)
"""Where a migration to another cluster goes."""
