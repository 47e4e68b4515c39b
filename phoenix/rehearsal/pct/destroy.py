"""`pct destroy` and `pct unlock`."""

from __future__ import annotations

import os

from phoenix.pve.guestconf import GuestConf
from phoenix.rehearsal import cluster, locks, lockwords, pools, running, volumes, worker
from phoenix.rehearsal.failures import Failure
from phoenix.rehearsal.kinds import CT
from phoenix.rehearsal.pauses import pause
from phoenix.rehearsal.pct import generated, mounts, rootfs, state
from phoenix.rehearsal.speech import complain, say

TYPE_CHECKING = False
if TYPE_CHECKING:
    from phoenix.rehearsal.tree import Tree


def run(tree: Tree, given: dict[str, str]) -> int:
    """Destroy a container."""
    guest = given["vmid"]
    conf = cluster.read(tree, CT, guest)
    _check(tree, guest, conf, given)
    if given.get("force") != "1":
        _check_stopped(tree, guest)
    return worker.run(lambda: _task(tree, guest, given))


def _check(tree: Tree, guest: str, conf: GuestConf, given: dict[str, str]) -> None:
    cluster.check_protection(conf, f"can't remove CT {guest}")
    cluster.check_lock(CT, conf)
    cluster.check_ha(tree, CT, guest, purge=given.get("purge") == "1")


def _check_stopped(tree: Tree, guest: str) -> None:
    if running.is_running(tree, guest):
        raise Failure(f"unable to destroy CT {guest} - container is running")


def _task(tree: Tree, guest: str, given: dict[str, str]) -> None:
    with locks.config(tree, CT, guest):
        conf = cluster.read(tree, CT, guest)
        _check(tree, guest, conf, given)
        if running.is_running(tree, guest):
            if given.get("force") != "1":
                _check_stopped(tree, guest)
            complain(f"forced to stop CT {guest} before destroying!")
            state.halt(tree, guest, conf)
        _free(tree, guest, conf, given.get("destroy-unreferenced-disks") == "1")
        pause()
        _forget(tree, guest)
        if given.get("purge") == "1":
            say(f"purging CT {guest} from related configurations..")
            cluster.drop_from_jobs(tree, CT, guest)
        pools.remove(tree, guest)
        rootfs.forget(tree, guest)
        cluster.remove(tree, CT, guest)


def _free(tree: Tree, guest: str, conf: GuestConf, all_of_them: bool) -> None:
    waiting = GuestConf()
    waiting.options = conf.pending
    for volume in dict.fromkeys([*mounts.referenced(conf), *mounts.referenced(waiting)]):
        mounts.discard(tree, guest, volume)
    for storage in volumes.table(tree).values() if all_of_them else ():
        if storage.disabled or not storage.is_on(tree.name) or "rootdir" not in storage.content:
            continue
        for volume in volumes.guest_volumes(tree, storage, guest):
            try:
                volumes.free(tree, volume)
            except (Failure, OSError) as error:
                complain(str(error))


def _forget(tree: Tree, guest: str) -> None:
    conf = cluster.read_quick(tree, CT, guest)
    conf.options, conf.raw, conf.pending, conf.delete = {"lock": "destroyed"}, [], {}, []
    conf.snapshots, conf.description = {}, ""
    cluster.write(tree, CT, guest, conf)
    generated.forget(tree, guest)
    rules = tree(f"/etc/pve/firewall/{guest}.fw")
    if os.path.exists(rules):
        os.unlink(rules)


def unlock(tree: Tree, given: dict[str, str]) -> int:
    """Remove the word that says that something is under way."""
    lockwords.take(tree, CT, given["vmid"])
    return 0
