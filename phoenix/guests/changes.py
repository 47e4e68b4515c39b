"""Changes: what differs between a guest and its file, and how each difference can be made good. Pure."""

from __future__ import annotations

from phoenix.guests import values
from phoenix.guests.observed import place_in
from phoenix.memo import Memo
from phoenix.pve import formats
from phoenix.value import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from phoenix.guests.guest import Guest
    from phoenix.guests.kind import Kind
    from phoenix.guests.observed import Observed
    from phoenix.guests.values import Setting
    from phoenix.record import Record

ADDED = {"mp": "live", "dev": "live", "efidisk": "restart", "tpmstate": "restart"}
"""How an option is added that changes in another way, or not at all."""
PROPERTIES = {"mp": "restart", "rootfs": "restart"}
"""How the properties of a volume change that is fixed itself."""

_ESSENCE = (
    "storage", "size", "volume", "mp", "path", "name", "hwaddr", "type", "file", "cloudinit", "format", "model",
    "macaddr", "efitype", "ms-cert", "pre-enrolled-keys", "version",
)  # fmt: skip
"""Properties that a table cannot do without, that the tools choose, or that a volume is made with."""


class Difference(Value):
    """One option that is not as wanted.

    `change` is how it changes: live, restart (it waits while the guest runs), grow, detach (its data stays as an
    unused volume), unplug (the same at once), or fixed. `wanted` is "" for an option that is to be taken back.
    """

    option: str
    found: str
    wanted: str
    change: str


def between(wanted: Guest, observed: Observed, record: Record | None) -> tuple[Difference, ...]:
    """The options that are not as the file says; one that waits for a restart counts as it will be then.

    An option that the file does not name is left as it is, unless Phoenix has set it: then it is taken back.
    """
    found: list[Difference] = []
    for name, setting in sorted(wanted.settings.items()):
        now = current(observed, name)
        if isinstance(setting, str) and setting == now:
            continue
        option = wanted.kind.option(name)
        if option is None:
            continue
        gone = dropped(record, name, setting, now)
        if is_volume(wanted.kind, name, setting, now):
            found += _of_volume(wanted.kind, name, setting, now, observed.settings.get(name), gone)
        elif gone or values.differs(option, setting, now):
            change = "live" if is_disc(setting) and is_disc(now) else option.change
            change = ADDED.get(option.name, change) if now is None else change
            found.append(Difference(name, shown(wanted.kind, name, now), shown(wanted.kind, name, setting), change))
    found += _taken_back(wanted, observed, record)
    found += _of_raw(wanted, observed, record)
    if wanted.firewall is not None and wanted.firewall != firewall_body(observed.firewall):
        found.append(Difference("firewall", "as it is", "as the file says", "live"))
    if other_snippets(wanted, observed):
        found.append(Difference("snippets", "as they are", "as the file says", "live"))
    return tuple(found)


def other_snippets(wanted: Guest, observed: Observed) -> list[str]:
    """The files for cloud-init that are not as they are to be, by volume."""
    if not wanted.snippets:
        return []
    from phoenix.guests import snippets

    there = {name: snippets.body(text) for name, text in observed.snippets.items()}
    return [name for name, text in wanted.snippets.items() if there.get(name) != text]


def is_disc(setting: Setting | None) -> bool:
    """Whether a setting is a drive for discs, in which they can be changed."""
    return setting is not None and not isinstance(setting, str) and setting.get("media") == "cdrom"


def holds_data(setting: Setting | None) -> bool:
    """Whether a setting is a volume with data of its own, or a folder of the node in that place."""
    return (
        setting is not None
        and not isinstance(setting, str)
        and "cloudinit" not in setting
        and ("storage" in setting or "volume" in setting)
    )


def is_volume(kind: Kind, name: str, setting: Setting | None, now: Setting | None) -> bool:
    """Whether an option that is there holds data, or is to hold it."""
    return kind.may_hold(name) and now is not None and (holds_data(setting) or holds_data(now))


def current(observed: Observed, name: str) -> Setting | None:
    """What an option is, or will be after a restart; None if it is not set."""
    return observed.pending.get(name, observed.settings.get(name))


def shown(kind: Kind, name: str, setting: Setting | None) -> str:
    """A setting as the tool would show it; "" for one that is not set."""
    return "" if setting is None else kind.tool.text(name, setting)


def firewall_body(text: str) -> str:
    """A firewall's file without our line."""
    first, _, rest = text.partition("\n\n")
    return rest if first.startswith("# ") else text


def _of_volume(
    kind: Kind, name: str, wanted: Setting, now: Setting | None, present: Setting | None, gone: Sequence[str]
) -> Iterator[Difference]:
    """What differs of a volume; its size is that of the `present` one, and one that still waits does not grow."""
    if isinstance(wanted, str) or not now or isinstance(now, str):
        return
    if wanted.get("storage") != now.get("storage") or _is_other(wanted, now):
        yield Difference(name, shown(kind, name, now), shown(kind, name, wanted), "fixed")
        return
    size = "" if present is None or isinstance(present, str) else present.get("size", "")
    sizes = [formats.size(text) for text in (size, wanted.get("size", ""))]
    if sizes[1] and sizes[0] and sizes[0] != sizes[1]:
        change = "grow" if sizes[0] < sizes[1] else "fixed"
        yield Difference(name, f"size={size}", f"size={wanted['size']}", change)
    option = kind.option(name)
    rest = {key: value for key, value in wanted.items() if key not in _PLACE}
    if option and (gone or values.differs(option, rest, now)):
        change = PROPERTIES.get(option.name, option.change)
        yield Difference(name, shown(kind, name, now), shown(kind, name, wanted), change)


def _is_other(wanted: Mapping[str, str], now: Mapping[str, str]) -> bool:
    """Whether a volume is of another sort than it is to be: a disk, a folder, a disc, in another format."""
    sorts = [[key in found for key in ("volume", "file", "cloudinit")] for found in (wanted, now)]
    return sorts[0] != sorts[1] or ("format" in wanted and wanted["format"] != now.get("format", "raw"))


def _taken_back(wanted: Guest, observed: Observed, record: Record | None) -> Iterator[Difference]:
    for name in record.options if record else ():
        if name in wanted.settings or name in wanted.kind.kept:
            continue
        option, now = wanted.kind.option(name), current(observed, name)
        if option is None or now is None:
            continue
        if wanted.clone and wanted.kind.may_hold(name):
            continue  # what its source had
        change = option.change
        if wanted.kind.may_hold(name) and holds_data(now):
            change = "unplug" if change == "live" else "detach"
        yield Difference(name, shown(wanted.kind, name, now), "", change)


def _of_raw(wanted: Guest, observed: Observed, record: Record | None) -> Iterator[Difference]:
    managed = record.options if record else ()
    for name, lines, now in (
        ("lxc", wanted.raw, observed.lxc),
        ("env", wanted.environment, observed.environment),
    ):
        after = lines if lines is not None else () if name in managed else now
        if after != now:
            yield Difference(name, "; ".join(now), "; ".join(after), "restart")


def raw_lines(wanted: Guest, observed: Observed, differences: Mapping[str, Difference]) -> tuple[str, ...]:
    """The raw lines that the container is to have."""
    found: list[str] = []
    for name, lines, now in (
        ("env", wanted.environment, observed.environment),
        ("lxc", wanted.raw, observed.lxc),
    ):
        found += now if name not in differences else lines or ()
    return tuple(found)


_PLACE = ("size", "storage", "format")
"""Properties of a volume that are said by its name once it is there."""


def has_drive(observed: Observed) -> bool:
    """Whether a machine has a drive of cloud-init."""
    return any(not isinstance(setting, str) and "cloudinit" in setting for setting in observed.settings.values())


def is_told(name: str) -> bool:
    """Whether an option, or the snippets, are what cloud-init is told by its drive."""
    return name.startswith(("ci", "ipconfig")) or name in ("nameserver", "searchdomain", "sshkeys", "snippets")


def drive_state(observed: Observed) -> str:
    """What tells one content of a drive of cloud-init from others, "" without one: a checksum, which tells no more."""
    if not has_drive(observed):
        return ""
    import zlib

    told = [f"{name}: {text}\n" for name, text in sorted(observed.raw.items()) if is_told(name)]
    return f"{zlib.crc32(''.join([*told, *observed.snippets.values()]).encode()):08x}"


def drive_is_stale(observed: Observed, record: Record | None) -> bool:
    """Whether what cloud-init is to be told has changed since its drive was written."""
    return bool(record and record.made) and drive_state(observed) != (record.drive if record else "")


def own_properties(setting: Setting) -> list[str]:
    """The properties of a table that its file has said, without those that say what it is."""
    return [] if isinstance(setting, str) else [key for key in setting if key not in _ESSENCE]


def dropped(record: Record | None, name: str, setting: Setting, now: Setting | None) -> list[str]:
    """The properties that Phoenix has set and the file no longer says."""
    if record is None or isinstance(setting, str) or now is None or isinstance(now, str):
        return []
    return [key for key in _properties(record.options).get(name, ()) if key in now and key not in setting]


_known_properties = Memo()


def _properties(names: tuple[str, ...]) -> Mapping[str, Sequence[str]]:
    """The properties by option, of names as net0.tag."""
    if names in _known_properties:
        found: dict[str, list[str]] = _known_properties[names]
        return found
    found = {}
    for name in names:
        option, dot, key = name.partition(".")
        if dot:
            found.setdefault(option, []).append(key)
    return _known_properties.keep(names, found)


def is_set(observed: Observed, name: str) -> bool:
    """Whether an option, raw keys, or a property as net0.tag is there, or will be after a restart."""
    option, _, key = name.partition(".")
    own = {"lxc": observed.lxc, "env": observed.environment}
    if option in own:
        return bool(own[option])
    now = current(observed, option)
    return now is not None and (not key or (not isinstance(now, str) and key in now))


def merged(wanted: Guest, observed: Observed, name: str, record: Record | None) -> Setting:
    """The value to set: for a property string, what it has now with what is wanted over it.

    pct replaces the whole value: a MAC address that is left out would be made anew. A volume that is there is named.
    """
    setting, now = wanted.settings[name], current(observed, name)
    if isinstance(setting, str) or now is None or isinstance(now, str):
        return setting
    gone = dropped(record, name, setting, now)
    now = {key: value for key, value in now.items() if key not in gone}
    if "storage" not in now or "cloudinit" in now:
        return {**now, **setting}
    volume = place_in(observed.pending_raw.get(name, observed.raw.get(name, "")))
    rest = {key: value for key, value in setting.items() if key not in _PLACE}
    kept = {key: value for key, value in now.items() if key not in _PLACE or key == "size"}
    option = wanted.kind.option(name)
    return {**kept, **rest, values.default_key(option.properties) if option else "": volume}
