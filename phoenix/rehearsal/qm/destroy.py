"""`qm destroy` and `qm unlock`."""

from __future__ import annotations

import os

from phoenix.rehearsal import cluster, locks, pools, volumes, worker
from phoenix.rehearsal.failures import Failure
from phoenix.rehearsal.kinds import VM
from phoenix.rehearsal.pauses import pause
from phoenix.rehearsal.qm import drives, programs, running
from phoenix.rehearsal.speech import complain, say

TYPE_CHECKING = False
if TYPE_CHECKING:
    from phoenix.pve.guestconf import GuestConf
    from phoenix.rehearsal.tree import Tree


def run(tree: Tree, given: dict[str, str]) -> int:
    """Destroy a machine."""
    guest = given["vmid"]
    conf = cluster.read(tree, VM, guest)
    _check(tree, guest, conf, given)
    if running.pid(tree, guest):
        raise Failure(f"VM {guest} is running - destroy failed", 25)
    return worker.run(lambda: _task(tree, guest, given))


def _check(tree: Tree, guest: str, conf: GuestConf, given: dict[str, str]) -> None:
    if given.get("skiplock") != "1":
        cluster.check_lock(VM, conf)
    if conf.options.get("protection") == "1":
        raise Failure(f"can't remove VM {guest} - protection mode enabled")
    cluster.check_ha(tree, VM, guest, purge=given.get("purge") == "1")


def _task(tree: Tree, guest: str, given: dict[str, str]) -> None:
    with locks.config(tree, VM, guest):
        conf = cluster.read(tree, VM, guest)
        _check(tree, guest, conf, given)
        found = _volumes(conf, guest, tree)
        for volume in found:
            if volumes.in_use_by_clones(tree, volume):
                raise Failure(f"base volume '{volume}' is still in use by linked cloned")
        _free(tree, guest, found, given.get("destroy-unreferenced-disks") == "1")
        pause()
        conf.options, conf.pending, conf.delete, conf.snapshots = {"lock": "create"}, {}, [], {}
        conf.description = ""
        cluster.write(tree, VM, guest, conf)
        firewall = tree(f"/etc/pve/firewall/{guest}.fw")
        if os.path.exists(firewall):
            os.unlink(firewall)
        pools.remove(tree, guest)
        if given.get("purge") == "1":
            say(f"purging VM {guest} from related configurations..")
            cluster.drop_from_jobs(tree, VM, guest)
        cluster.remove(tree, VM, guest)
        programs.forget(tree, guest)


def _volumes(conf: GuestConf, guest: str, tree: Tree) -> list[str]:
    """The volumes of the machine that its configuration names anywhere, and that belong to it."""
    found: dict[str, None] = {}
    for section in (conf, *conf.snapshots.values()):
        for volume in drives.referenced(section):
            if volumes.owner(tree, volume) == guest:
                found[volume] = None
    return list(found)


def _free(tree: Tree, guest: str, found: list[str], all_of_them: bool) -> None:
    for volume in found:
        try:
            volumes.free(tree, volume)
        except Failure as failure:
            complain(f"Could not remove disk '{volume}', check manually: {failure.text}")
    for storage in volumes.table(tree).values() if all_of_them else ():
        if not storage.disabled and storage.is_on(tree.name):
            for volume in volumes.guest_volumes(tree, storage, guest):
                volumes.free(tree, volume)


def unlock(tree: Tree, given: dict[str, str]) -> int:
    """Remove the word that says that something is under way; nothing to remove is no failure."""
    guest = given["vmid"]
    with locks.config(tree, VM, guest):
        conf = cluster.read(tree, VM, guest)
        if conf.options.pop("lock", ""):
            pause()
            cluster.write(tree, VM, guest, conf)
    return 0
