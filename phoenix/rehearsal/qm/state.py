"""`qm start`, `stop`, `shutdown`, `reboot`, `reset`, `suspend`, `resume`, `wait`: whether a machine runs."""

from __future__ import annotations

import os
import time

from phoenix.pve import formats
from phoenix.pve.tables import machine
from phoenix.rehearsal import cluster, imagefiles, locks, volumes, worker
from phoenix.rehearsal.failures import Failure
from phoenix.rehearsal.kinds import VM
from phoenix.rehearsal.pauses import pause
from phoenix.rehearsal.qm import change, drives, running
from phoenix.rehearsal.speech import complain, say

TYPE_CHECKING = False
if TYPE_CHECKING:
    from phoenix.pve.guestconf import GuestConf
    from phoenix.rehearsal.tree import Tree


def read(tree: Tree, guest: str, code: int = 255) -> GuestConf:
    """A machine's configuration; Failure in the words of the commands that look for it in the whole cluster."""
    if not os.path.exists(tree(cluster.guest_file(tree, VM, guest))):
        raise Failure(f"unable to find configuration file for VM {guest} on node '{tree.name}'", code)
    return cluster.read(tree, VM, guest)


def start(tree: Tree, given: dict[str, str]) -> int:
    """Start a machine."""
    guest = given["vmid"]
    cluster.check_quorum(tree)
    return worker.run(lambda: start_task(tree, guest, skip_lock=given.get("skiplock") == "1"))


def start_task(tree: Tree, guest: str, *, skip_lock: bool) -> None:
    """The work of a start."""
    with locks.config(tree, VM, guest):
        conf = cluster.read(tree, VM, guest)
        if not skip_lock:
            cluster.check_lock(VM, conf)
        if conf.options.get("template") == "1":
            raise Failure("you can't start a vm if it's a template")
        if running.pid(tree, guest):
            raise Failure(f"VM {guest} already running")
        if conf.pending or conf.delete:
            change.apply(tree, guest, start=True)
            conf = cluster.read(tree, VM, guest)
        pause()
        _check_node(tree, conf)
        running.start(tree, guest)


def _check_node(tree: Tree, conf: GuestConf) -> None:
    for _, values in drives.all_of(conf):
        if formats.is_volume_id(values["file"]):
            volumes.check_exists(tree, values["file"])
    for name in sorted(conf.options):
        if name.startswith("net") and name[3:].isdigit():
            values = formats.properties(machine.PROPERTIES["net"], conf.options[name])[0]
            bridge = values.get("bridge", "")
            if bridge and not os.path.isdir(tree("/sys/class/net/" + bridge)):
                complain(f"bridge '{bridge}' does not exist")
                complain("kvm: -netdev type=tap: network script /var/lib/qemu-server/pve-bridge failed with status 512")
                raise Failure("start failed: QEMU exited with code 1")


def reacts(tree: Tree, conf: GuestConf) -> bool:
    """Whether a system runs in the machine that hears of a shutdown: only what was imported holds one."""
    for _, values in drives.all_of(conf):
        if formats.is_volume_id(values["file"]) and not drives.is_cdrom(values):
            path = tree(volumes.node_path(tree, values["file"]))
            if os.path.isfile(path) and imagefiles.is_marked(path):
                return True
    return False


def stop(tree: Tree, given: dict[str, str]) -> int:
    """Stop a machine at once; one that does not run is no failure."""
    guest = given["vmid"]
    return worker.run(lambda: _halt(tree, guest, skip_lock=given.get("skiplock") == "1", patience=None))


def shutdown(tree: Tree, given: dict[str, str]) -> int:
    """Ask the system in a machine to shut down."""
    guest = given["vmid"]
    try:
        read(tree, guest)
        if not running.pid(tree, guest):
            complain(f"VM {guest} not running\n")
            return 0
    except Failure as failure:
        raise Failure(f"{failure.text}\n\n{failure.text}") from failure
    if running.is_paused(tree, guest):
        raise Failure("VM is paused - cannot shutdown")
    force = given.get("forceStop") == "1"
    patience = int(given.get("timeout", "60"))
    skip = given.get("skiplock") == "1"
    return worker.run(lambda: _halt(tree, guest, skip_lock=skip, patience=patience, force=force))


def _halt(tree: Tree, guest: str, *, skip_lock: bool, patience: int | None, force: bool = True) -> None:
    with locks.config(tree, VM, guest):
        conf = read(tree, guest)
        if not running.pid(tree, guest):
            return
        if not skip_lock:
            cluster.check_lock(VM, conf)
        pause()
        if patience is not None and not reacts(tree, conf):
            time.sleep(patience)
            if not force:
                raise Failure("VM quit/powerdown failed - got timeout")
            say("VM still running - terminating now with SIGTERM")
        end(tree, guest, conf)


def end(tree: Tree, guest: str, conf: GuestConf) -> None:
    """From now on it does not run; what waited for that is applied."""
    running.stop(tree, guest)
    if (conf.pending or conf.delete) and cluster.has_quorum(tree):
        change.apply(tree, guest)


def reboot(tree: Tree, given: dict[str, str]) -> int:
    """Shut the system in a machine down and start it again."""
    guest = given["vmid"]
    read(tree, guest, 2)
    if not running.pid(tree, guest):
        raise Failure(f"VM {guest} not running\n\nVM {guest} not running", 2)
    patience = int(given.get("timeout", "60"))

    def task() -> None:
        _halt(tree, guest, skip_lock=False, patience=patience, force=False)
        start_task(tree, guest, skip_lock=False)

    return worker.run(task)


def _running(tree: Tree, given: dict[str, str]) -> str:
    guest = given["vmid"]
    conf = read(tree, guest, 2)
    if not running.pid(tree, guest):
        raise Failure(f"VM {guest} not running", 2)
    if given.get("skiplock") != "1":
        cluster.check_lock(VM, conf)
    return guest


def reset(tree: Tree, given: dict[str, str]) -> int:
    """Press the reset button."""
    _running(tree, given)
    return 0


def suspend(tree: Tree, given: dict[str, str]) -> int:
    """Let a machine stand still."""
    guest = _running(tree, given)
    if given.get("todisk") == "1":
        raise Failure("the rehearsal node cannot suspend to disk")
    running.pause(tree, guest)
    return 0


def resume(tree: Tree, given: dict[str, str]) -> int:
    """Let it go on."""
    running.resume(tree, _running(tree, given))
    return 0


def wait(tree: Tree, given: dict[str, str]) -> int:
    """Wait until a machine does not run any more."""
    guest = given["vmid"]
    read(tree, guest, 2)
    last = time.monotonic() + int(given.get("timeout", "1000000000"))
    while running.pid(tree, guest) and time.monotonic() < last:
        time.sleep(0.1)
    if running.pid(tree, guest):
        complain(f"timeout waiting for VM {guest} to stop - ignored")
    return 0
