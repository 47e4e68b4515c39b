"""Mounts: file systems that are mounted at every start, and folders that guests share, with owners and modes.

Entries are lines of our block in /etc/fstab, and get there once they are mounted: one that cannot be mounted does not
hinder the next start. Nothing is made on a device, and nothing is mounted over a folder that has files.
"""

from __future__ import annotations

from phoenix.errors import ConfigError
from phoenix.host import blocks, disks, fstab, owners, tables
from phoenix.host.aspect import FOLDER, Ask, Difference, Obstacle, Plan, Step, join, write
from phoenix.host.fstab import Entry
from phoenix.pve.options import Option, by_name
from phoenix.value import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any, Final

    from phoenix.config.faults import Faults
    from phoenix.host.host import Host

_PART: Final = r"/(?!\.{1,2}(/|$))[^/\s,:\\]+"
_SYSTEM: Final = r"(?!/(bin|boot|dev|etc|lib|lib64|proc|run|sbin|sys|usr/(bin|lib|lib64|sbin|share))(/|$))"
"""Folders of the system itself, which nobody shares with guests or mounts something over."""
_SHARED: Final = r"(?!/(usr|var)/[^/]+$)"
"""Nobody gives these to a guest whole."""
_TAGS: Final = {
    "UUID": "/dev/disk/by-uuid", "LABEL": "/dev/disk/by-label", "PARTUUID": "/dev/disk/by-partuuid",
    "PARTLABEL": "/dev/disk/by-partlabel",
}  # fmt: skip
"""The folders of the links that the tags of fstab(5) stand for."""
_HELPERS: Final = {"cifs": "cifs-utils", "glusterfs": "glusterfs-client", "nfs": "nfs-common", "nfs4": "nfs-common"}
"""File systems that mount only with a program of their own, and the packages that have it."""
_SECRETS: Final = ("pass=", "password=", "password2=")
_DEFAULT: Final = "defaults,nofail"
"""A node whose mount fails still starts, so that it can be reached and put right."""
_ENTRY: Final[tables.Schema] = by_name(
    Option("source", pattern=r"[^\s#-][^\s]*", required=True),
    Option("path", pattern=f"{_SYSTEM}({_PART})+", required=True),
    Option("type", pattern=r"[a-z0-9._-]+", required=True),
    Option("options", pattern=r"[^\s,]+(,[^\s,]+)*"),
    Option("check", "integer", 0, 2),
)
_VOLUME: Final[tables.Schema] = by_name(
    Option("path", pattern=f"{_SYSTEM}{_SHARED}({_PART}){{2,}}", required=True),
    Option("owner", pattern=r"([a-z_][a-z0-9_-]*|\d{1,9}):([a-z_][a-z0-9_-]*|\d{1,9})"),
    Option("mode", pattern="[0-7]{3,4}"),
    Option("unprivileged", "boolean"),
)


class Volume(Value):
    """A folder that guests share; "" for an owner that is left as it is."""

    path: str
    owner: str  # USER:GROUP, on the node
    mode: int


class Wanted(Value):
    """The section [mounts]; None for entries that it does not say."""

    entries: tuple[Entry, ...] | None
    volumes: tuple[Volume, ...]


class Place(Value):
    """What is at the folder that an entry is for."""

    mounted: str  # the source of what is mounted there, "" for nothing
    same: bool  # it is that of the entry
    folder: bool
    file: bool  # there is something that is no folder
    names: tuple[str, ...]  # in the folder, where nothing is mounted
    missing: tuple[tuple[str, str], ...]  # what the entry needs and the node lacks, with what to do


class Folder(Value):
    """What is at the path of a volume."""

    there: bool
    folder: bool
    mode: int
    ids: tuple[int, int]
    wanted: tuple[int, int] | None  # the numbers of the owner that is wanted
    unknown: str  # why they are not known
    unmounted: str  # the folder above it where something is to be mounted, and is not


class State(Value):
    """What is there, by the paths of what is wanted."""

    text: str  # of fstab
    places: Mapping[str, Place]
    folders: Mapping[str, Folder]


def decode(table: Any, faults: Faults) -> Wanted:
    """The section as values."""
    parts = tables.part(table, "mounts", ("fstab", "volumes"), faults)
    entries = None
    if "fstab" in parts:
        found = tables.listed(_ENTRY, "mounts.fstab", parts["fstab"], faults)
        entries = tuple(_entry(item) for item in found)
        for place, entry in enumerate(entries):
            if any(word.startswith(_SECRETS) for word in entry.flags()):
                faults.say(f"mounts.fstab.{place}.options", "a password is for everybody there: credentials=FILE")
        paths = [entry.path for entry in entries]
        _check_twice("mounts.fstab", paths, faults)
        _check_order(paths, faults)
    listed = enumerate(tables.listed(_VOLUME, "mounts.volumes", parts.get("volumes", []), faults))
    volumes = tuple(_volume(f"mounts.volumes.{place}", item, faults) for place, item in listed)
    _check_twice("mounts.volumes", [volume.path for volume in volumes], faults)
    return Wanted(entries, volumes)


def _entry(item: tables.Table) -> Entry:
    source, path, kind = (item.get(key, "") for key in ("source", "path", "type"))
    return Entry(source, path, kind, item.get("options", _DEFAULT), item.get("check", "0"))


def _volume(key: str, item: tables.Table, faults: Faults) -> Volume:
    """A volume; the owner inside of an unprivileged container as the node has it."""
    owner = item.get("owner", "")
    if item.get("unprivileged") == "1":
        numbers = owner.split(":")
        if all(word.isdigit() and int(word) < owners.SHIFTED for word in numbers):
            owner = ":".join(str(int(word) + owners.SHIFT) for word in numbers)
        else:
            faults.say(f"{key}.owner", f"a user of an unprivileged container is a number below {owners.SHIFTED}")
    return Volume(item.get("path", ""), owner, int(item.get("mode", "755"), 8))


def _check_twice(key: str, paths: list[str], faults: Faults) -> None:
    for place, path in enumerate(paths):
        if path and path in paths[:place]:
            faults.say(f"{key}.{place}.path", f"{path} is there already")


def _check_order(paths: list[str], faults: Faults) -> None:
    for place, path in enumerate(paths):
        for earlier in paths[:place]:
            if path and earlier.startswith(f"{path}/"):
                faults.say(f"mounts.fstab.{place}.path", f"{path} must come before {earlier}, which is in it")


def observe(host: Host, wanted: Wanted) -> State:
    """What is there."""
    text = host.exact(fstab.PATH) or ""
    mounted = host.mounts()
    entries = wanted.entries or ()
    to_mount = [entry.path for entry in (*fstab.parse(text), *entries) if entry.path.startswith("/")]
    waiting = [path for path in to_mount if path not in mounted and path != "/"]
    return State(
        text,
        {entry.path: _place(host, entry, mounted, waiting) for entry in entries},
        {volume.path: _folder(host, volume, waiting) for volume in wanted.volumes},
    )


def _place(host: Host, entry: Entry, mounted: Mapping[str, str], waiting: list[str]) -> Place:
    source = mounted.get(entry.path, "")
    folder = host.is_folder(entry.path)
    return Place(
        source,
        _is_same(host, entry, source) if source else False,
        folder,
        not folder and host.exists(entry.path),
        () if source else tuple(host.names(entry.path)),
        () if source else tuple(_missing(host, entry, waiting)),
    )


def _device(source: str) -> str:
    """The path of the device that a source names, "" if it names none."""
    tag, equals, value = source.partition("=")
    if equals and tag in _TAGS:
        return f"{_TAGS[tag]}/{value.strip(chr(34))}"
    return source if source.startswith("/dev/") else ""


def _is_same(host: Host, entry: Entry, source: str) -> bool:
    """Whether what is mounted is what the entry has."""
    if "bind" in entry.flags() or "rbind" in entry.flags():
        one, other = host.facts(entry.source), host.facts(entry.path)
        return bool(one and other and (one.st_dev, one.st_ino) == (other.st_dev, other.st_ino))
    path = _device(entry.source)
    return (
        disks.device(host, path) == disks.device(host, source) != ""
        if path
        else source.rstrip("/") == entry.source.rstrip("/")
    )


def _missing(host: Host, entry: Entry, waiting: list[str]) -> list[tuple[str, str]]:
    """What the node lacks to mount an entry, and what to do about it."""
    found = []
    path = _device(entry.source)
    bind = {"bind", "rbind"} & set(entry.flags())
    if path and not disks.device(host, path):
        found.append((f"there is no device {entry.source}", "lsblk -o NAME,FSTYPE,LABEL,UUID"))
    elif path and entry.type != "auto":
        inside = [word.partition(" ")[0] for word in disks.signatures(host, path)]
        if _kin(entry.type) not in map(_kin, inside):
            has = f"has {' and '.join(inside)}" if inside else "has no file system"
            found.append((f"{entry.source} {has}, not {entry.type}", f"blkid {path}; Phoenix makes no file systems"))
    elif bind and not host.exists(entry.source) and not _above(entry.source, waiting):
        found.append((f"there is no {entry.source}", f"ls -ld {entry.source}"))
    if not bind and entry.type != "auto" and not _knows(host, entry.type):
        package = _HELPERS.get(entry.type, "")
        hint = f"apt-get install {package}" if package else "cat /proc/filesystems; the type as mount -t takes it"
        found.append((f"the node knows no file system {entry.type}", hint))
    return found


def _kin(kind: str) -> str:
    """What file systems have in common that one driver reads: ext3 and ext4, ntfs and ntfs3."""
    return kind.partition("-")[0].rstrip("0123456789")


def _knows(host: Host, kind: str) -> bool:
    """Whether the node can mount a file system of this type."""
    if kind in _HELPERS or kind.startswith("fuse"):
        return host.has(f"mount.{kind.partition('.')[0]}")
    known = [line.split()[-1] for line in host.text("/proc/filesystems").splitlines() if line.split()]
    release = host.text("/proc/sys/kernel/osrelease").strip()
    modules = host.text(f"/lib/modules/{release}/modules.dep")
    return kind in known or host.has(f"mount.{kind}") or any(
        line.partition(":")[0].rpartition("/")[2].partition(".")[0] == kind for line in modules.splitlines()
    )  # fmt: skip


def _above(path: str, waiting: list[str]) -> str:
    """The folder that a path is in, or is, where something is to be mounted that is not; "" for none."""
    return next((place for place in waiting if f"{path}/".startswith(f"{place}/")), "")


def _folder(host: Host, volume: Volume, waiting: list[str]) -> Folder:
    facts = host.facts(volume.path)
    wanted, unknown = None, ""
    try:
        wanted = owners.ids(host, volume.owner) if volume.owner else None
    except ConfigError as error:
        unknown = error.message
    return Folder(
        host.exists(volume.path),
        host.is_folder(volume.path),
        facts.st_mode & 0o7777 if facts else 0,
        (facts.st_uid, facts.st_gid) if facts else (0, 0),
        wanted,
        unknown,
        _above(volume.path, waiting),
    )


def plan(wanted: Wanted, state: State, _ask: Ask) -> Plan:
    """What is to be done: what is to be mounted, then the table for the next start, then the folders."""
    entries = [] if wanted.entries is None else [_mounted(entry, state.places[entry.path]) for entry in wanted.entries]
    table = Plan() if wanted.entries is None else _table(wanted.entries, state)
    coming = {entry.path for entry in wanted.entries or () if "noauto" not in entry.flags()}
    return join(*entries, table, *(_shared(volume, state.folders[volume.path], coming) for volume in wanted.volumes))


def _refused(why: str, hint: str) -> Plan:
    return Plan(refused=(Obstacle(f"mounts.{why}", hint),))


def _mounted(entry: Entry, place: Place) -> Plan:
    """The plan for what is mounted now."""
    path = entry.path
    if place.mounted:
        if place.same:
            return Plan()
        why = f"fstab: {path}: {place.mounted} is mounted there, and not {entry.source}"
        return _refused(why, f"findmnt {path}; unmount it, or correct the file")
    if place.file:
        return _refused(f"fstab: {path} is no folder", f"ls -l {path}")
    if place.names:
        more = ", ..." if len(place.names) > 5 else ""
        why = f"fstab: {path} has files, which would be hidden: {', '.join(place.names[:5])}{more}"
        return _refused(why, f"ls -la {path}; move them away, or declare another path")
    if "noauto" in entry.flags():
        return Plan()
    missing = tuple(Obstacle(f"mounts.fstab: {path}: {why}", hint) for why, hint in place.missing)
    mount = Step(f"mount {path}", ("mount", "-t", entry.type, "-o", entry.options, entry.source, path),
                 hint=f"dmesg | tail; findmnt {path}")  # fmt: skip
    steps = (mount,) if place.folder else (Step(f"mount point {path}", (FOLDER, path), mode=0o755), mount)
    return Plan(steps, (Difference(path, "not mounted", entry.source),), missing=missing)


def _table(entries: tuple[Entry, ...], state: State) -> Plan:
    """The plan for fstab: our block, if no line outside of it is for the same folder."""
    try:
        before, own, after = blocks.split(state.text)
    except ValueError as error:
        return _refused(f"fstab: {fstab.PATH} is spoilt: {error}", f"correct it: editor {fstab.PATH}")
    theirs = {line.path: line for line in fstab.parse(before + after)}
    double = [entry for entry in entries if entry.path in theirs]
    if double:
        lines = "; ".join(theirs[entry.path].line() for entry in double)
        hint = f"take it out of {fstab.PATH}, or leave the entry out of the file"
        return _refused(f"fstab: {fstab.PATH} has a line of somebody else's for the same folder: {lines}", hint)
    text = "".join(f"{entry.line()}\n" for entry in entries)
    if text == (own or ""):
        return Plan()
    was = {line.path: line for line in fstab.parse(own or "")}
    differences = [
        Difference(f"fstab {path}", was[path].line() if path in was else "", line)
        for path, line in ((entry.path, entry.line()) for entry in entries)
        if path not in was or was[path].line() != line
    ]
    gone = [Difference(f"fstab {path}", was[path].line(), "no line") for path in was if path not in state.places]
    remounts = [
        ("mount", "-o", "remount", entry.path)  # it takes them from the table, also where that is corrected meanwhile
        for entry in entries
        if entry.path in was and was[entry.path].options != entry.options and state.places[entry.path].mounted
    ]
    step = write(fstab.PATH, blocks.merged(state.text, text), ("systemctl", "daemon-reload"), *remounts)
    return Plan((step,), (*differences, *gone))


def _shared(volume: Volume, found: Folder, coming: set[str]) -> Plan:
    """The plan for a volume."""
    path, key = volume.path, f"volumes: {volume.path}"
    if found.there and not found.folder:
        return _refused(f"{key} is no folder", f"ls -l {path}")
    missing = []
    if found.unknown:
        missing.append(Obstacle(f"mounts.{key}: {found.unknown}", "declare it in [users], or write its number"))
    if found.unmounted and found.unmounted not in coming:
        why = f"mounts.{key}: nothing is mounted at {found.unmounted}, where {fstab.PATH} has something to be"
        missing.append(Obstacle(why, f"mount {found.unmounted}"))
    differences = []
    if not found.there:
        differences.append(Difference(path, "", _words(found.wanted or found.ids, volume.mode)))
    elif found.mode != volume.mode or found.wanted not in (None, found.ids):
        wanted = _words(found.wanted or found.ids, volume.mode)
        differences.append(Difference(path, _words(found.ids, found.mode), wanted))
    owner = "{}:{}".format(*found.wanted) if found.wanted else ""
    step = Step(f"folder {path}", (FOLDER, path), mode=volume.mode, owner=owner)
    return Plan((step,) if differences else (), tuple(differences), missing=tuple(missing))


def _words(ids: tuple[int, int], mode: int) -> str:
    return f"{ids[0]}:{ids[1]} {mode:04o}"
