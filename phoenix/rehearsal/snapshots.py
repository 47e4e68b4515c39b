"""Snapshots of a guest: sections of its file, taken, listed, gone back to and removed, step by step as both tools do.

Each step writes the guest's file, so that whoever looks, or comes after a crash, finds what a node would have.
"""

from __future__ import annotations

import time

from phoenix.pve.guestconf import GuestConf
from phoenix.rehearsal import cluster, locks, lockwords, volumes
from phoenix.rehearsal.failures import Failure, Interrupted
from phoenix.rehearsal.pauses import pause
from phoenix.rehearsal.speech import complain, say

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from phoenix.rehearsal.kinds import Kind
    from phoenix.rehearsal.tree import Tree

_NOT_COPIED = ("digest", "lock", "snapstate", "snaptime", "vmstate")


def check_name(name: str, reserved: Sequence[str]) -> None:
    """Failure if a snapshot may not be called that."""
    if name in reserved:
        raise Failure(f"unable to use snapshot name '{name}' (reserved name)")


def find(conf: GuestConf, name: str, code: int = 255) -> GuestConf:
    """The section of a snapshot; Failure if there is none."""
    if name not in conf.snapshots:
        raise Failure(f"snapshot '{name}' does not exist", code)
    return conf.snapshots[name]


class Snapshots:
    """The snapshots of one guest. What containers and machines do differently is overridden by them."""

    def __init__(self, tree: Tree, kind: Kind, guest: str) -> None:
        self.tree = tree
        self.kind = kind
        self.guest = guest

    def disks(self, section: GuestConf) -> list[tuple[str, str]]:
        """The options of a section that name what a snapshot holds, each with its volume."""
        raise NotImplementedError

    def keep_unused(self, section: GuestConf, volume: str) -> str:
        """Note a volume as unused in a section."""
        raise NotImplementedError

    def is_running(self) -> bool:
        """Whether the guest runs."""
        raise NotImplementedError

    def stop(self) -> None:
        """End the guest, if it runs; its flock is held."""
        raise NotImplementedError

    def has_feature(self, conf: GuestConf) -> bool:
        """Whether snapshots can be taken of all that the guest has."""
        return all(volumes.has_feature(self.tree, volume, "snapshot") for _, volume in self.disks(conf))

    def save_state(self, conf: GuestConf, section: GuestConf, name: str) -> None:
        """Make a place for the memory of a guest that runs, and note it in the section."""

    def begin(self, section: GuestConf) -> None:
        """What comes before the volumes."""

    def announce(self, option: str, volume: str) -> None:
        """What is said before the snapshot of a volume."""

    def went_back(self, conf: GuestConf) -> None:
        """Change what of a snapshot is not to become the present."""

    def go_on(self, section: GuestConf) -> None:
        """Start the guest with the memory that the snapshot holds, if it does."""

    def _lock(self) -> locks._Held:
        return locks.config(self.tree, self.kind, self.guest)

    def _read(self) -> GuestConf:
        return cluster.read(self.tree, self.kind, self.guest)

    def _write(self, conf: GuestConf) -> None:
        cluster.write(self.tree, self.kind, self.guest, conf)

    def take(self, name: str, description: str, *, with_state: bool = False) -> None:
        """Take a snapshot; if that fails, nothing of it stays."""
        section = self._prepare(name, description, with_state=with_state)
        done: list[str] = []
        try:
            self.begin(section)
            pause()
            for option, volume in self.disks(section):
                self.announce(option, volume)
                volumes.snapshot(self.tree, volume, name)
                done.append(option)
        except (Failure, Interrupted) as error:
            complain("snapshot create failed: starting cleanup")
            try:
                self.drop(name, force=True, only=done)
            except Failure as failure:
                complain(failure.text)
            text = error.text if isinstance(error, Failure) else "received interrupt"
            raise Failure(text + "\n") from error
        with self._lock():
            conf = self._read()
            if conf.options.get("lock") != "snapshot":
                raise Failure("missing snapshot lock")
            find(conf, name).options.pop("snapstate", None)
            del conf.options["lock"]
            conf.options["parent"] = name
            self._write(conf)

    def check(self, conf: GuestConf) -> None:
        """Failure if no snapshot can be taken of the guest as it is."""
        if conf.options.get("template") == "1":
            raise Failure("you can't take a snapshot if it's a template")
        cluster.check_lock(self.kind, conf)

    def _prepare(self, name: str, description: str, *, with_state: bool) -> GuestConf:
        with self._lock():
            conf = self._read()
            self.check(conf)
            if name in conf.snapshots:
                raise Failure(f"snapshot name '{name}' already used")
            if not self.has_feature(conf):
                raise Failure("snapshot feature is not available")
            _forget_parent(conf, name)
            section = conf.snapshots[name] = GuestConf()
            if with_state and self.is_running():
                self.save_state(conf, section, name)
            _copy(conf, section)
            section.description = description + "\n" if description else ""
            section.options.update(snapstate="prepare", snaptime=str(int(time.time())))
            conf.options["lock"] = "snapshot"
            self._write(conf)
        return section

    def drop_alone(self, name: str, *, force: bool) -> None:
        """Remove a snapshot while no replication can begin; with `force` that is not waited for."""
        if force:
            self.drop(name, force=True)
            return
        try:
            held = locks.migration(self.tree, self.guest)
        except Failure as failure:
            raise Failure("Failed to obtain guest migration lock - replication running?") from failure
        with held:
            self.drop(name)

    def drop(self, name: str, *, force: bool = False, only: Sequence[str] | None = None) -> None:
        """Remove a snapshot. `only` are the options whose volumes have it, where taking it has failed."""
        find(self._read(), name)
        wanted = "snapshot"
        if only is None:
            wanted = "snapshot-delete"
            lockwords.put(self.tree, self.kind, self.guest, wanted)
        with self._lock():
            conf = self._read()
            _check_lock_is(conf, wanted)
            if conf.options.get("template") == "1":
                raise Failure("you can't delete a snapshot if vm is a template")
            section = find(conf, name)
            section.options["snapstate"] = "delete"
            self._write(conf)
        unused = self._drop_volumes(name, section, wanted, force=force, only=only)
        pause()
        with self._lock():
            conf = self._read()
            _check_lock_is(conf, wanted)
            _unlink(conf, name)
            del conf.options["lock"]
            for volume in unused:
                self.keep_unused(conf, volume)
            self._write(conf)

    def _drop_volumes(
        self, name: str, section: GuestConf, wanted: str, *, force: bool, only: Sequence[str] | None
    ) -> list[str]:
        """Remove the snapshots of the volumes, and note each that is gone; returns these."""
        unused = []
        if "vmstate" in section.options:
            self._attempt(volumes.free, section.options["vmstate"], force=force)
            self._note_gone(name, "vmstate", wanted, force=force)
        for option, volume in self.disks(section):
            wished = only is None or option in only
            if wished and self._attempt(volumes.drop_snapshot, volume, name, force=force):
                unused.append(volume)
            self._note_gone(name, option, wanted, force=force)
        return unused

    def _attempt(self, work: Callable[..., None], *words: str, force: bool) -> bool:
        """Do something with a volume; whether it went well. A failure is one unless it is only to be told."""
        try:
            work(self.tree, *words)
        except Failure as failure:
            if not force:
                raise
            complain(failure.text)
            return False
        return True

    def _note_gone(self, name: str, option: str, wanted: str, *, force: bool) -> None:
        if force:
            return
        with self._lock():
            conf = self._read()
            _check_lock_is(conf, wanted)
            section = find(conf, name)
            text = section.options.pop(option, "")
            if option != "vmstate":
                self.keep_unused(section, dict(self.disks(_only(option, text)))[option])
            self._write(conf)

    def rollback(self, name: str) -> None:
        """Make the guest what it was at a snapshot."""
        with self._lock():
            conf = self._read()
            section = self._source(conf, name)
            for _, volume in self.disks(section):
                volumes.check_rollback(self.tree, volume, name)
            _check_complete(section)
            cluster.check_lock(self.kind, conf)
            self.stop()
            conf.options["lock"] = "rollback"
            self._write(conf)
        for _, volume in self.disks(section):
            volumes.rollback(self.tree, volume, name)
        pause()
        with self._lock():
            conf = self._read()
            section = self._source(conf, name)
            _check_complete(section)
            if self.is_running():
                raise Failure(f"unable to rollback vm {self.guest}: vm is running")
            if conf.options.pop("lock", "") != "rollback":
                raise Failure("got wrong lock")
            kept = {volume for _, volume in self.disks(section)}
            for _, volume in self.disks(conf):
                if volume not in kept:
                    self.keep_unused(conf, volume)
            back = _gone_back(conf, section)
            back.options["parent"] = name
            self.went_back(back)
            self._write(back)
        self.go_on(section)

    def _source(self, conf: GuestConf, name: str) -> GuestConf:
        if conf.options.get("template") == "1":
            raise Failure("you can't rollback if vm is a template")
        return find(conf, name)


def _only(option: str, text: str) -> GuestConf:
    conf = GuestConf()
    conf.options[option] = text
    return conf


def _check_lock_is(conf: GuestConf, word: str) -> None:
    if conf.options.get("lock") != word:
        raise Failure(f"encountered invalid lock, expected '{word}'")


def _check_complete(section: GuestConf) -> None:
    state = section.options.get("snapstate")
    if state:
        raise Failure(f"unable to rollback to incomplete snapshot (snapstate = {state})")


def _forget_parent(conf: GuestConf, name: str) -> None:
    """Cut what claims to descend from a snapshot that is only now taken."""
    for other in sorted(conf.snapshots):
        if conf.snapshots[other].options.get("parent") == name:
            complain(f"deleting parent '{name}' reference from '{other}' to avoid bogus snapshot cycle.")
            del conf.snapshots[other].options["parent"]


def _copy(source: GuestConf, section: GuestConf) -> None:
    for name, value in source.options.items():
        if name not in _NOT_COPIED and not (name.startswith("unused") and name[6:].isdigit()):
            section.options[name] = value
    section.raw = list(source.raw)


def _gone_back(conf: GuestConf, section: GuestConf) -> GuestConf:
    """The present as it was at a snapshot; the description and the unused volumes stay as they are."""
    back = GuestConf()
    back.description, back.snapshots = conf.description, conf.snapshots
    back.options = {key: value for key, value in conf.options.items() if key.startswith("unused")}
    _copy(section, back)
    return back


def _unlink(conf: GuestConf, name: str) -> None:
    """Forget a snapshot; what descended from it now descends from its parent."""
    parent = find(conf, name).options.get("parent", "")
    del conf.snapshots[name]
    for section in (conf, *conf.snapshots.values()):
        if section.options.get("parent") == name:
            del section.options["parent"]
            if parent:
                section.options["parent"] = parent


def show(conf: GuestConf) -> None:
    """Print the snapshots as a tree, and where the guest is in it."""
    children: dict[str, list[str]] = {}
    for name, section in conf.snapshots.items():
        parent = section.options.get("parent", "")
        children.setdefault(parent if parent in conf.snapshots else "", []).append(name)
    here = conf.options.get("parent", "")
    here = here if here in conf.snapshots else ""

    def branch(parent: str, depth: int) -> None:
        for name in sorted(children.get(parent, []), key=lambda name: (_time(conf, name), name)):
            moment = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(_time(conf, name)))
            first = conf.snapshots[name].description.partition("\n")[0]
            _line(depth, name, moment, first or "no-description")
            branch(name, depth + 1)
        if parent == here:
            _line(depth, "current", "", "You are here!")

    branch("", 0)


def _time(conf: GuestConf, name: str) -> int:
    text = conf.snapshots[name].options.get("snaptime", "0")
    return int(text) if text.isdigit() else 0


def _line(depth: int, name: str, moment: str, text: str) -> None:
    prefix = " " * depth + "`->"
    say(f"{prefix} {name.ljust(max(30 - len(prefix), 0))} {moment:<23} {text}")
