"""A guest as it is found: its file in /etc/pve and whether it runs."""

from __future__ import annotations

from phoenix import files, locks
from phoenix.errors import NotReady
from phoenix.guests import marks, values
from phoenix.guests.places import is_disc
from phoenix.memo import Memo
from phoenix.pve import guestconf
from phoenix.value import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from phoenix.guests.kind import Kind
    from phoenix.guests.values import Setting
    from phoenix.pve.node import Node

SPECIAL = "special:"
"""How sections of a machine's file begin that are no snapshots."""


class Observed(Value):
    """What is there. `settings` are in the form of `values`, pending ones in `pending` and not in `settings`."""

    exists: bool = False
    elsewhere: str = ""  # another guest of this ID, in words
    running: bool = False
    lock: str = ""  # the word of its lock line
    worked_on: bool = False  # Proxmox VE holds its lock at this moment
    mark: str = ""
    text: str = ""  # its whole file
    template: bool = False
    protection: bool = False
    settings: Mapping[str, Setting] = {}
    raw: Mapping[str, str] = {}  # the options as the file has them
    pending_raw: Mapping[str, str] = {}  # those that wait, as the file has them
    lxc: tuple[str, ...] = ()  # the raw lines but those of the environment
    environment: tuple[str, ...] = ()  # the raw lines of the environment
    snapshots: tuple[str, ...] = ()
    started: str = ""  # what tells this start of it from others, "" while it is stopped
    unfinished: bool = False  # its making has not come to its end, as what lies around it shows
    firewall: str = ""  # its firewall's file
    snippets: Mapping[str, str] = {}  # its files for cloud-init that are ours, by volume
    pending: Mapping[str, Setting | None] = {}  # None: to be deleted
    volumes: tuple[str, ...] = ()  # its own, of any storage, sorted

    @property
    def half_made(self) -> bool:
        """Whether it is nothing yet but locked for its making, or not yet done with."""
        return self.unfinished or (self.exists and self.lock == "create" and not self.mark)

    @property
    def half_gone(self) -> bool:
        """Whether it is nothing any more but locked by its destruction."""
        return self.exists and self.lock == "destroyed" and not self.mark

    @property
    def state(self) -> str:
        """Its state in a word or two."""
        if not self.exists:
            return "not created"
        if self.half_made:
            return "half made"
        if self.half_gone:
            return "half destroyed"
        return "template" if self.template else "running" if self.running else "stopped"


def observe(node: Node, kind: Kind, guest: str) -> Observed:
    """Look at one guest. NotReady if the node cannot be read."""
    others = [
        f"{name} {guest} on node '{where}'"
        for where, name in node.owners(guest)
        if (where, name) != (node.name, kind.word)
    ]
    pve_lock = node.paths(kind.lock.format(guest))
    # Before and after: what was at work while the file was read may have ended since, or only then begun.
    worked_on = locks.is_held(pve_lock)
    path = node.paths.guest_config(kind.folder, guest)
    try:
        text = files.read_text(path)
    except FileNotFoundError:
        return Observed(elsewhere=", ".join(others), worked_on=worked_on or locks.is_held(pve_lock))
    except OSError as error:
        raise NotReady(f"{path}: {error.strerror}", "systemctl status pve-cluster") from error
    state = read(
        kind,
        text,
        elsewhere=", ".join(others),
        started=kind.start(node, guest),
        worked_on=worked_on or locks.is_held(pve_lock),
        firewall=node.firewall(guest),
    )
    return with_snippets(node, guest, state)


def with_snippets(node: Node, guest: str, state: Observed) -> Observed:
    """The same with the files of ours that its `cicustom` names."""
    named = [found.get("cicustom") for found in (state.settings, state.pending)]
    found = {key: name for setting in named if isinstance(setting, dict) for key, name in setting.items()}
    if not found:
        return state
    from phoenix.guests import snippets

    return state.but(snippets=snippets.read(node, guest, found))


def read(
    kind: Kind, text: str, elsewhere: str = "", started: str = "", worked_on: bool = False, firewall: str = ""
) -> Observed:
    """What a guest's file says, with what was seen beside it."""
    conf = guestconf.parse(text, kind.pending)
    raw = dict(conf.options)
    description, mark = marks.split(conf.description)
    settings = settings_of(kind, raw)
    if description:
        settings["description"] = description
    return Observed(
        exists=True,
        elsewhere=elsewhere,
        running=bool(started),
        lock=raw.get("lock", ""),
        worked_on=worked_on,
        mark=mark,
        text=text,
        template=raw.get("template", "0") == "1",
        protection=raw.get("protection", "0") == "1",
        settings=settings,
        raw=raw,
        pending_raw=dict(conf.pending),
        lxc=tuple(line for line in conf.raw if not line.startswith(guestconf.ENVIRONMENT)),
        environment=tuple(line for line in conf.raw if line.startswith(guestconf.ENVIRONMENT)),
        snapshots=tuple(sorted(name for name in conf.snapshots if not name.startswith(SPECIAL))),
        started=started,
        firewall=firewall,
        pending={**settings_of(kind, dict(conf.pending)), **dict.fromkeys(conf.delete)},
        volumes=tuple(sorted({*volumes_of(kind, raw), *volumes_of(kind, dict(conf.pending))})),
    )


def settings_of(kind: Kind, raw: Mapping[str, str]) -> dict[str, Setting]:
    """The options that a guest's file can set, out of all."""
    found: dict[str, Setting] = {}
    for name, text in raw.items():
        asked = (kind.name, name, text)
        setting = _settings[asked] if asked in _settings else _settings.keep(asked, _setting(kind, name, text))
        if setting is not None:
            found[name] = setting
    return found


_settings = Memo()


def _setting(kind: Kind, name: str, text: str) -> Setting | None:
    option = kind.option(name)
    return values.observed(option, text) if option and option.change else None


def place_in(text: str) -> str:
    """What an option's text says of where its volume is: its name, a path, or STORAGE:GIB for one that waits."""
    first = text.partition(",")[0]
    for key in ("volume=", "file="):
        first = first[len(key) :] if first.startswith(key) else first
    return first


def volume_in(text: str) -> str:
    """The volume of a storage that an option's text names; "" for paths, discs, empty drives, and what is not made."""
    place = place_in(text)
    name = place.partition(":")[2]
    is_asked_for = name.replace(".", "", 1).isdigit()
    return "" if place.startswith("/") or not name or is_asked_for or is_disc(place) else place


def volumes_of(kind: Kind, raw: Mapping[str, str]) -> tuple[str, ...]:
    """The volumes of storages that the options name; unused ones too, paths of the node not."""
    found = []
    for name, text in raw.items():
        if kind.may_hold(name) or name.startswith("unused"):
            found.append(volume_in(text))
    return tuple(sorted(filter(None, found)))
