"""`qm stop`, `shutdown`, `reboot`, `reset`, `suspend`, `resume`, `wait`: a machine that runs, and its end."""

from __future__ import annotations

import os
import time

from phoenix.rehearsal import cluster, imagefiles, locks, volumes, worker
from phoenix.rehearsal.failures import Failure
from phoenix.rehearsal.kinds import VM
from phoenix.rehearsal.pauses import pause
from phoenix.rehearsal.qm import change, drives, hooks, real, running
from phoenix.rehearsal.speech import complain, say

TYPE_CHECKING = False
if TYPE_CHECKING:
    from phoenix.pve.guestconf import GuestConf
    from phoenix.rehearsal.tree import Tree

_PATIENCE = 60


def process(tree: Tree, guest: str, code: int = 255) -> int:
    """The process of a machine, 0 if it does not run; Failure if this node has no such machine."""
    if not os.path.isfile(tree(cluster.guest_file(tree, VM, guest))):
        raise Failure(f"unable to find configuration file for VM {guest} on node '{tree.name}'", code)
    return running.pid(tree, guest)


def _is_paused(tree: Tree, guest: str) -> bool:
    """Whether a machine stands still, as it is asked before a shutdown: that it cannot be is only told."""
    try:
        if not process(tree, guest):
            raise Failure(f"VM {guest} not running")
    except Failure as failure:
        complain(failure.text + "\n")
        return False
    return running.is_paused(tree, guest)


def stop(tree: Tree, given: dict[str, str]) -> int:
    """Stop a machine at once; one that does not run is no failure."""
    return worker.run(lambda: _Stop(tree, given, force=True).do())


def shutdown(tree: Tree, given: dict[str, str]) -> int:
    """Ask the system in a machine to shut down."""
    force = given.get("forceStop") == "1"
    orderly = not _is_paused(tree, given["vmid"])
    if not orderly:
        if not force:
            raise Failure("VM is paused - cannot shutdown")
        complain("VM is paused - stop instead of shutdown")
    return worker.run(lambda: _Stop(tree, given, force=force, orderly=orderly).do())


def reboot(tree: Tree, given: dict[str, str]) -> int:
    """Shut the system in a machine down and start it again."""
    guest = given["vmid"]
    if _is_paused(tree, guest):
        raise Failure("VM is paused - cannot shutdown")
    if not process(tree, guest, 2):
        raise Failure(f"VM {guest} not running", 2)

    def task() -> None:
        wanted = _Stop(tree, given, orderly=True)
        wanted.do()
        if wanted.ended:
            start(tree, guest)

    return worker.run(task)


def start(tree: Tree, guest: str, *, skip_lock: bool = False) -> None:
    """Start a machine, as the rest of a task."""
    from phoenix.rehearsal.qm.start import task

    task(tree, guest, skip_lock=skip_lock)


class _Stop:
    """The end of a machine, as a call wants it."""

    def __init__(self, tree: Tree, given: dict[str, str], *, force: bool = False, orderly: bool = False) -> None:
        self.tree = tree
        self.guest = given["vmid"]
        self.skip_lock = given.get("skiplock") == "1"
        self.patience = given.get("timeout")
        self.force = force
        self.orderly = orderly
        self.ended = False

    def do(self) -> None:
        """End it, if it runs."""
        with locks.config(self.tree, VM, self.guest):
            if not process(self.tree, self.guest):
                return
            conf = cluster.read(self.tree, VM, self.guest)
            if not self.skip_lock:
                cluster.check_lock(VM, conf)
            hooks.check(self.tree, self.guest, conf, "pre-stop")
            pause()
            patience = self._seconds(conf)
            if self.orderly and not self._reacts(conf, patience):
                patience = 0
            if not patience:
                if not self.force:
                    raise Failure("VM quit/powerdown failed - got timeout")
                complain("VM still running - terminating now with SIGTERM")
            end(self.tree, self.guest, conf)
            self.ended = True

    def _reacts(self, conf: GuestConf, patience: int) -> bool:
        """Whether the system in the machine shuts down in time."""
        if real.is_wanted(self.tree):
            return real.shut_down(self.tree, self.guest, patience)
        if _reacts(self.tree, self.guest, conf):
            return True
        time.sleep(patience)
        return False

    def _seconds(self, conf: GuestConf) -> int:
        """How long it is waited for."""
        if self.patience is not None:
            return int(self.patience)
        words = dict(part.partition("=")[::2] for part in conf.options.get("startup", "").split(","))
        down = words.get("down", "") if self.orderly else ""
        return int(down) if down.isdigit() and int(down) else _PATIENCE


def _reacts(tree: Tree, guest: str, conf: GuestConf) -> bool:
    """Whether a system runs in the machine that hears of a shutdown: only what was imported holds one."""
    from phoenix.rehearsal.qm import agent

    if agent.hears(tree, guest, conf) or agent.is_there(tree, guest):
        return True
    return any(imagefiles.holds_system(tree(volumes.node_path(tree, volume))) for _, volume in drives.disks(conf))


def end(tree: Tree, guest: str, conf: GuestConf) -> None:
    """From now on a machine does not run; what waited for that is applied."""
    if real.is_wanted(tree):
        real.end(tree, guest)
    running.stop(tree, guest)
    if conf.pending or conf.delete:
        try:
            change.apply(tree, guest)
        except Failure as failure:
            complain(failure.text)


def reset(tree: Tree, given: dict[str, str]) -> int:
    """Press the reset button."""
    guest = given["vmid"]
    if not process(tree, guest, 2):
        raise Failure(f"VM {guest} not running", 2)

    def task() -> None:
        with locks.config(tree, VM, guest):
            conf = cluster.read(tree, VM, guest)
            if given.get("skiplock") != "1":
                cluster.check_lock(VM, conf)

    return worker.run(task)


def suspend(tree: Tree, given: dict[str, str]) -> int:
    """Let a machine stand still, or write its memory to a disk and end it."""
    guest = given["vmid"]
    if not process(tree, guest, 2):
        raise Failure(f"VM {guest} not running", 2)
    to_disk = given.get("todisk") == "1"
    conf = cluster.read(tree, VM, guest)
    if to_disk and any(name.startswith("hostpci") for name in conf.options):
        text = "cannot suspend VM to disk due to passed-through PCI device(s), which lack the possibility to"
        raise Failure(text + " save/restore their internal state")

    def task() -> None:
        with locks.config(tree, VM, guest):
            conf = cluster.read(tree, VM, guest)
            if given.get("skiplock") != "1" and conf.options.get("lock") != "backup":
                cluster.check_lock(VM, conf)
            if not to_disk:
                running.pause(tree, guest)
            elif conf.options.get("lock") == "backup":
                raise Failure("cannot suspend to disk during backup")
            else:
                _to_disk(tree, guest, conf, given.get("statestorage", ""))

    return worker.run(task)


def _to_disk(tree: Tree, guest: str, conf: GuestConf, place: str) -> None:
    from phoenix.rehearsal.qm import memory

    name = time.strftime("suspend-%Y-%m-%d")
    memory.save(tree, guest, conf, conf, name, place)
    conf.options["lock"] = "suspending"
    cluster.write(tree, VM, guest, conf)
    pause()
    say("State saved, quitting")
    running.stop(tree, guest)
    conf.options["lock"] = "suspended"
    cluster.write(tree, VM, guest, conf)


def resume(tree: Tree, given: dict[str, str]) -> int:
    """Let a machine go on, be it from a disk."""
    guest, skip_lock = given["vmid"], given.get("skiplock") == "1"
    runs = process(tree, guest, 2)
    try:
        with locks.config(tree, VM, guest):
            suspended = cluster.read(tree, VM, guest).options.get("lock") == "suspended"
    except Failure:
        suspended = False  # the real one asks the same, and goes on
    if suspended:
        return worker.run(lambda: start(tree, guest, skip_lock=skip_lock))
    if not runs:
        raise Failure(f"VM {guest} not running", 2)

    def task() -> None:
        with locks.config(tree, VM, guest):
            conf = cluster.read(tree, VM, guest)
            if conf.options.get("template") == "1":
                raise Failure(f"VM {guest} is a template and cannot be resumed!")
            if not running.is_paused(tree, guest):
                return
            if not skip_lock and conf.options.get("lock") != "backup":
                cluster.check_lock(VM, conf)
            running.resume(tree, guest)

    return worker.run(task)


def wait(tree: Tree, given: dict[str, str]) -> int:
    """Wait until a machine does not run any more; that it still does is told, and no failure."""
    guest = given["vmid"]
    number = process(tree, guest, 2)
    if not number:
        return 0
    say(f"waiting until VM {guest} stops (PID {number})")
    last = time.monotonic() + int(given.get("timeout", "1000000000"))
    while running.pid(tree, guest) and time.monotonic() < last:
        time.sleep(0.1)
    if running.pid(tree, guest):
        complain("wait failed - got timeout")
    return 0
