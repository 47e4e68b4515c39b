"""Changes: what differs between a container and its file, and how each difference can be made good. Pure."""

from __future__ import annotations

from phoenix.guests import values
from phoenix.pve import formats, options, pct
from phoenix.pve.tables import container
from phoenix.value import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from phoenix.guests.container import Container
    from phoenix.guests.observed import Observed
    from phoenix.guests.values import Setting
    from phoenix.record import Record

KEPT = ("arch", "hostname", "memory", "ostype", "rootfs", "unprivileged")
"""Options that a container always has: taking them back means nothing."""


_ESSENCE = ("storage", "size", "volume", "mp", "path", "name", "hwaddr", "type")
"""Properties that a table cannot do without, or that pct chooses."""


class Difference(Value):
    """One option that is not as wanted.

    `change` is how it changes: live, restart (it waits while the container runs), grow, detach (its data stays as an
    unused volume), or fixed. `wanted` is "" for an option that is to be taken back.
    """

    option: str
    found: str
    wanted: str
    change: str


def between(wanted: Container, observed: Observed, record: Record | None) -> tuple[Difference, ...]:
    """The options that are not as the file says; one that waits for a restart counts as it will be then.

    An option that the file does not name is left as it is, unless Phoenix has set it: then it is taken back.
    """
    found: list[Difference] = []
    for name, setting in sorted(wanted.settings.items()):
        option = options.lookup(container.GUEST, name)
        if option is None:
            continue
        now = current(observed, name)
        gone = dropped(record, name, setting, now)
        if option.name in values.VOLUMES and now is not None:
            found += _of_volume(name, setting, now, observed.settings.get(name, now), gone)
        elif gone or values.differs(option, setting, now):
            added = now is None and option.name in ("mp", "dev")
            change = "live" if added else option.change
            found.append(Difference(name, shown(now), shown(setting), change))
    found += _taken_back(wanted, observed, record)
    found += _of_raw(wanted, observed, record)
    if wanted.firewall is not None and wanted.firewall != firewall_body(observed.firewall):
        found.append(Difference("firewall", "as it is", "as the file says", "live"))
    return tuple(found)


def current(observed: Observed, name: str) -> Setting | None:
    """What an option is, or will be after a restart; None if it is not set."""
    return observed.pending.get(name, observed.settings.get(name))


def shown(setting: Setting | None) -> str:
    """A setting as pct would show it; "" for one that is not set."""
    return "" if setting is None else pct.text(setting)


def firewall_body(text: str) -> str:
    """A firewall's file without our line."""
    first, _, rest = text.partition("\n\n")
    return rest if first.startswith("# ") else text


def _of_volume(name: str, wanted: Setting, now: Setting, present: Setting, gone: Sequence[str]) -> Iterator[Difference]:
    """What differs of a volume; its size is that of the `present` one, whatever waits."""
    if isinstance(wanted, str) or isinstance(now, str) or isinstance(present, str):
        return
    if ("volume" in wanted) != ("volume" in now) or wanted.get("storage") != now.get("storage"):
        yield Difference(name, shown(now), shown(wanted), "fixed")
        return
    sizes = [formats.size(setting.get("size", "")) for setting in (present, wanted)]
    if sizes[1] and sizes[0] and sizes[0] != sizes[1]:
        grows = sizes[0] < sizes[1]
        yield Difference(name, "size=" + present["size"], "size=" + wanted["size"], "grow" if grows else "fixed")
    option = options.lookup(container.GUEST, name)
    rest = {key: value for key, value in wanted.items() if key not in ("size", "storage")}
    if option and (gone or values.differs(option, rest, now)):
        yield Difference(name, shown(now), shown(wanted), "restart")


def _taken_back(wanted: Container, observed: Observed, record: Record | None) -> Iterator[Difference]:
    for name in record.options if record else ():
        option = options.lookup(container.GUEST, name)
        now = current(observed, name)
        if name in wanted.settings or option is None or now is None or name in KEPT:
            continue
        if wanted.clone and option.name in values.VOLUMES:
            continue  # what its source had
        yield Difference(name, shown(now), "", "detach" if option.name == "mp" else option.change)


def _of_raw(wanted: Container, observed: Observed, record: Record | None) -> Iterator[Difference]:
    managed = record.options if record else ()
    for name, lines, now in (
        ("lxc", wanted.raw, observed.lxc),
        ("env", wanted.environment, observed.environment),
    ):
        after = lines if lines is not None else () if name in managed else now
        if after != now:
            yield Difference(name, "; ".join(now), "; ".join(after), "restart")


def raw_lines(wanted: Container, observed: Observed, differences: Mapping[str, Difference]) -> tuple[str, ...]:
    """The raw lines that the container is to have."""
    found: list[str] = []
    for name, lines, now in (
        ("env", wanted.environment, observed.environment),
        ("lxc", wanted.raw, observed.lxc),
    ):
        found += now if name not in differences else lines or ()
    return tuple(found)


def own_properties(setting: Setting) -> list[str]:
    """The properties of a table that its file has said, without those that say what it is."""
    return [] if isinstance(setting, str) else [key for key in setting if key not in _ESSENCE]


def dropped(record: Record | None, name: str, setting: Setting, now: Setting | None) -> list[str]:
    """The properties that Phoenix has set and the file no longer says."""
    if record is None or isinstance(setting, str) or now is None or isinstance(now, str):
        return []
    begin = name + "."
    known = [item[len(begin) :] for item in record.options if item.startswith(begin)]
    return [key for key in known if key in now and key not in setting]


def is_set(observed: Observed, name: str) -> bool:
    """Whether an option, raw keys, or a property as net0.tag is there, or will be after a restart."""
    option, _, key = name.partition(".")
    own = {"lxc": observed.lxc, "env": observed.environment}
    if option in own:
        return bool(own[option])
    now = current(observed, option)
    return now is not None and (not key or (not isinstance(now, str) and key in now))


def merged(wanted: Container, observed: Observed, name: str, record: Record | None) -> Setting:
    """The value to set: for a property string, what it has now with what is wanted over it.

    pct replaces the whole value: a MAC address that is left out would be made anew. A volume that is there is named.
    """
    setting, now = wanted.settings[name], current(observed, name)
    if isinstance(setting, str) or now is None or isinstance(now, str):
        return setting
    gone = dropped(record, name, setting, now)
    now = {key: value for key, value in now.items() if key not in gone}
    if "storage" not in now:
        return {**now, **setting}
    text = observed.pending_raw.get(name, observed.raw.get(name, ""))
    volume = text.partition(",")[0]
    rest = {key: value for key, value in setting.items() if key not in ("size", "storage")}
    kept = {key: value for key, value in now.items() if key != "storage"}
    return {**kept, **rest, "volume": volume[len("volume=") :] if volume.startswith("volume=") else volume}
