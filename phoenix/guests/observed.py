"""A container as it is found: its file in /etc/pve and whether it runs."""

from __future__ import annotations

from phoenix import files, locks
from phoenix.errors import NotReady
from phoenix.guests import marks, values
from phoenix.pve import guestconf, options
from phoenix.pve.tables import container
from phoenix.value import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from phoenix.guests.values import Setting
    from phoenix.pve.node import Node


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
    firewall: str = ""  # its firewall's file
    pending: Mapping[str, Setting | None] = {}  # None: to be deleted
    volumes: tuple[str, ...] = ()  # its own, of any storage, sorted

    @property
    def half_made(self) -> bool:
        """Whether it is nothing yet but locked for its making: no option of it is there."""
        return self.exists and self.lock == "create" and not self.mark

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


def observe(node: Node, guest: str) -> Observed:
    """Look at one container. NotReady if the node cannot be read."""
    others = [
        f"{name} {guest} on node '{where}'" for where, name in node.owners(guest) if (where, name) != (node.name, "CT")
    ]
    pve_lock = node.paths(f"/run/lock/lxc/pve-config-{guest}.lock")
    # Before and after: what was at work while the file was read may have ended since, or only then begun.
    worked_on = locks.is_held(pve_lock)
    try:
        text = files.read_text(node.paths.guest_config("lxc", guest))
    except FileNotFoundError:
        return Observed(elsewhere=", ".join(others), worked_on=worked_on or locks.is_held(pve_lock))
    except OSError as error:
        raise NotReady(
            f"{node.paths.guest_config('lxc', guest)}: {error.strerror}", "systemctl status pve-cluster"
        ) from error
    return read(
        text,
        elsewhere=", ".join(others),
        started=node.container_start(guest),
        worked_on=worked_on or locks.is_held(pve_lock),
        firewall=node.firewall(guest),
    )


def read(text: str, elsewhere: str = "", started: str = "", worked_on: bool = False, firewall: str = "") -> Observed:
    """What a container's file says, with what was seen beside it."""
    conf = guestconf.parse(text)
    raw = dict(conf.options)
    description, mark = marks.split(conf.description)
    settings = settings_of(raw)
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
        snapshots=tuple(sorted(conf.snapshots)),
        started=started,
        firewall=firewall,
        pending={**settings_of(dict(conf.pending)), **dict.fromkeys(conf.delete)},
        volumes=tuple(sorted({*volumes_of(raw), *volumes_of(dict(conf.pending))})),
    )


def settings_of(raw: Mapping[str, str]) -> dict[str, Setting]:
    """The options that a container's file can set, out of all."""
    found: dict[str, Setting] = {}
    for name, text in raw.items():
        option = options.lookup(container.GUEST, name)
        if option and option.change:
            found[name] = values.observed(option, text)
    return found


def volumes_of(raw: Mapping[str, str]) -> tuple[str, ...]:
    """The volumes of storages that the options name; unused ones too, paths of the node not."""
    found = []
    for name, text in raw.items():
        if name == "rootfs" or name.rstrip("0123456789") in ("mp", "unused"):
            volume = text.partition(",")[0]
            volume = volume[len("volume=") :] if volume.startswith("volume=") else volume
            if volume and not volume.startswith("/"):
                found.append(volume)
    return tuple(sorted(found))
