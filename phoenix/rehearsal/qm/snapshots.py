"""`qm snapshot`, `delsnapshot`, `listsnapshot`, `rollback`."""

from __future__ import annotations

from phoenix.rehearsal import cluster, locks, snapshots, volumes, worker
from phoenix.rehearsal.failures import Failure
from phoenix.rehearsal.kinds import VM
from phoenix.rehearsal.pauses import pause
from phoenix.rehearsal.qm import drives, running, state, values
from phoenix.rehearsal.speech import say

TYPE_CHECKING = False
if TYPE_CHECKING:
    from phoenix.pve.guestconf import GuestConf
    from phoenix.rehearsal.tree import Tree

_RESERVED = ("current", "pending")


def _disks(conf: GuestConf) -> dict[str, str]:
    """The volumes that a snapshot holds, by drive."""
    return {
        name: drives.volume(name, conf.options[name])
        for name, parsed in drives.all_of(conf)
        if drives.volume(name, conf.options[name]) and not drives.is_cdrom(parsed)
    }


def take(tree: Tree, given: dict[str, str]) -> int:
    """Take a snapshot."""
    guest, name = given["vmid"], given["snapname"]
    snapshots.check_name(name, _RESERVED)
    cluster.read(tree, VM, guest)

    def work(conf: GuestConf) -> None:
        pause()
        for drive, volume in _disks(conf).items():
            say(f"snapshotting 'drive-{drive}' ({volume})")
            volumes.snapshot(tree, volume, name)

    def task() -> None:
        with locks.config(tree, VM, guest):
            now = cluster.read(tree, VM, guest)
            cluster.check_lock(VM, now)
            if not all(volumes.has_feature(tree, volume, "snapshot") for volume in _disks(now).values()):
                if name in now.snapshots:
                    raise Failure(f"snapshot name '{name}' already used")
                raise Failure("snapshot feature is not available")
            snapshots.take(tree, VM, guest, name, given.get("description", ""), work)

    return worker.run(task)


def drop(tree: Tree, given: dict[str, str]) -> int:
    """Remove a snapshot."""
    guest, name = given["vmid"], given["snapname"]
    cluster.read(tree, VM, guest)

    def task() -> None:
        with locks.config(tree, VM, guest):
            conf = cluster.read(tree, VM, guest)
            section = snapshots.find(conf, name)
            if given.get("force") != "1":
                cluster.check_lock(VM, conf)
            pause()
            for volume in _disks(section).values():
                volumes.drop_snapshot(tree, volume, name)
            snapshots.drop(conf, name)
            cluster.write(tree, VM, guest, conf)

    return worker.run(task)


def show(tree: Tree, given: dict[str, str]) -> int:
    """List the snapshots."""
    snapshots.show(cluster.read(tree, VM, given["vmid"]))
    return 0


def rollback(tree: Tree, given: dict[str, str]) -> int:
    """Go back to a snapshot."""
    guest, name = given["vmid"], given["snapname"]
    cluster.read(tree, VM, guest)

    def task() -> None:
        with locks.config(tree, VM, guest):
            conf = cluster.read(tree, VM, guest)
            if conf.options.get("template") == "1":
                raise Failure("you can't rollback a template")
            section = snapshots.find(conf, name)
            cluster.check_lock(VM, conf)
            back = snapshots.go_back(conf, name)
            if running.pid(tree, guest):
                running.stop(tree, guest)
            pause()
            for volume in _disks(section).values():
                volumes.rollback(tree, volume, name)
            if "vmgenid" in back.options:
                back.options["vmgenid"] = values.uuid()
            cluster.write(tree, VM, guest, back)
        if given.get("start") == "1":
            state.start_task(tree, guest, skip_lock=False)

    return worker.run(task)
