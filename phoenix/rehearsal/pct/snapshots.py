"""`pct snapshot`, `delsnapshot`, `listsnapshot`, `rollback`."""

from __future__ import annotations

from phoenix.rehearsal import cluster, locks, running, snapshots, volumes, worker
from phoenix.rehearsal.failures import Failure
from phoenix.rehearsal.kinds import CT
from phoenix.rehearsal.pauses import pause
from phoenix.rehearsal.pct import mounts, state

TYPE_CHECKING = False
if TYPE_CHECKING:
    from phoenix.pve.guestconf import GuestConf
    from phoenix.rehearsal.tree import Tree

_RESERVED = ("current", "vzdump")


def _volumes(section: GuestConf) -> list[str]:
    """The volumes that a snapshot holds; folders and devices of the node are left out by the real one too."""
    names = sorted((name for name in section.options if mounts.is_mount(name)), key=mounts.order)
    found = (mounts.volume(name, section.options[name]) for name in names)
    return [volume for volume in found if volume]


def _check_feature(tree: Tree, section: GuestConf) -> None:
    bind = [
        name for name in section.options if mounts.is_mount(name) and not mounts.volume(name, section.options[name])
    ]
    if bind or not all(volumes.has_feature(tree, volume, "snapshot") for volume in _volumes(section)):
        raise Failure("snapshot feature is not available")


def take(tree: Tree, given: dict[str, str]) -> int:
    """Take a snapshot."""
    guest, name = given["vmid"], given["snapname"]
    snapshots.check_name(name, _RESERVED)

    def work(conf: GuestConf) -> None:
        pause()
        for volume in _volumes(conf):
            volumes.snapshot(tree, volume, name)

    def task() -> None:
        with locks.config(tree, CT, guest):
            conf = cluster.read(tree, CT, guest)
            if conf.options.get("template") != "1" and name not in conf.snapshots:
                if conf.options.get("lock"):
                    cluster.write(tree, CT, guest, conf)  # the real one does so before it gives up
                cluster.check_lock(CT, conf)
                _check_feature(tree, conf)
            snapshots.take(tree, CT, guest, name, given.get("description", ""), work)

    return worker.run(task)


def drop(tree: Tree, given: dict[str, str]) -> int:
    """Remove a snapshot."""
    guest, name = given["vmid"], given["snapname"]

    def task() -> None:
        with locks.config(tree, CT, guest):
            conf = cluster.read(tree, CT, guest)
            section = snapshots.find(conf, name)
            if given.get("force") != "1":
                cluster.check_lock(CT, conf)
            pause()
            for volume in _volumes(section):
                volumes.drop_snapshot(tree, volume, name)
            snapshots.drop(conf, name)
            cluster.write(tree, CT, guest, conf)

    return worker.run(task)


def show(tree: Tree, given: dict[str, str]) -> int:
    """List the snapshots."""
    snapshots.show(cluster.read(tree, CT, given["vmid"]))
    return 0


def rollback(tree: Tree, given: dict[str, str]) -> int:
    """Go back to a snapshot."""
    guest, name = given["vmid"], given["snapname"]

    def task() -> None:
        with locks.config(tree, CT, guest):
            conf = cluster.read(tree, CT, guest)
            if conf.options.get("template") == "1":
                raise Failure("you can't rollback a template")
            section = snapshots.find(conf, name)
            cluster.check_lock(CT, conf)
            back = snapshots.go_back(conf, name)
            if running.is_running(tree, guest):
                running.stop(tree, guest)
            pause()
            for volume in _volumes(section):
                volumes.rollback(tree, volume, name)
            cluster.write(tree, CT, guest, back)
        if given.get("start") == "1":
            state.start_task(tree, guest, False)

    return worker.run(task)
