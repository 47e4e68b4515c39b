"""`pct snapshot`, `delsnapshot`, `listsnapshot`, `rollback`."""

from __future__ import annotations

from phoenix.rehearsal import cluster, locks, running, snapshots, worker
from phoenix.rehearsal.kinds import CT
from phoenix.rehearsal.pct import mounts, nested, real

TYPE_CHECKING = False
if TYPE_CHECKING:
    from phoenix.pve.guestconf import GuestConf
    from phoenix.rehearsal.tree import Tree

_RESERVED = ("current", "vzdump")


class _Snapshots(snapshots.Snapshots):
    """The snapshots of a container."""

    def disks(self, section: GuestConf) -> list[tuple[str, str]]:
        """The mount points with volumes; folders and devices of the node are left out by the real one too."""
        names = sorted((name for name in section.options if mounts.is_mount(name)), key=mounts.order)
        found = ((name, mounts.volume(name, section.options[name])) for name in names)
        return [(name, volume) for name, volume in found if volume]

    def keep_unused(self, section: GuestConf, volume: str) -> str:
        return mounts.keep_unused(section, volume)

    def has_feature(self, conf: GuestConf) -> bool:
        bound = [name for name in conf.options if mounts.is_mount(name) and not mounts.volume(name, conf.options[name])]
        return not bound and super().has_feature(conf)

    def check(self, conf: GuestConf) -> None:
        if conf.options.get("template") != "1" and conf.options.get("lock"):
            cluster.write(self.tree, CT, self.guest, conf)  # the real one does so before it gives up
        super().check(conf)

    def is_running(self) -> bool:
        return running.is_running(self.tree, self.guest)

    def stop(self) -> None:
        if self.is_running():
            real.stop(self.tree, self.guest)
            running.stop(self.tree, self.guest)


def take(tree: Tree, given: dict[str, str]) -> int:
    """Take a snapshot."""
    guest, name = given["vmid"], given["snapname"]
    snapshots.check_name(name, _RESERVED)
    return worker.run(lambda: _Snapshots(tree, CT, guest).take(name, given.get("description", "")))


def drop(tree: Tree, given: dict[str, str]) -> int:
    """Remove a snapshot."""
    guest, force = given["vmid"], given.get("force") == "1"
    return worker.run(lambda: _Snapshots(tree, CT, guest).drop_alone(given["snapname"], force=force))


def show(tree: Tree, given: dict[str, str]) -> int:
    """List the snapshots."""
    snapshots.show(cluster.read(tree, CT, given["vmid"]))
    return 0


def rollback(tree: Tree, given: dict[str, str]) -> int:
    """Go back to a snapshot."""
    guest = given["vmid"]

    def task() -> None:
        with locks.migration(tree, guest):
            _Snapshots(tree, CT, guest).rollback(given["snapname"])
        if given.get("start") == "1":
            nested.start(tree, guest)

    return worker.run(task)
