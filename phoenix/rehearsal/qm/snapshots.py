"""`qm snapshot`, `delsnapshot`, `listsnapshot`, `rollback`."""

from __future__ import annotations

from phoenix.pve import formats
from phoenix.rehearsal import cluster, locks, snapshots, volumes, worker
from phoenix.rehearsal.failures import Failure
from phoenix.rehearsal.kinds import VM
from phoenix.rehearsal.qm import drives, memory, running, state, values
from phoenix.rehearsal.speech import complain, say

TYPE_CHECKING = False
if TYPE_CHECKING:
    from phoenix.pve.guestconf import GuestConf
    from phoenix.rehearsal.tree import Tree

_RESERVED = ("current", "pending")


class _Snapshots(snapshots.Snapshots):
    """The snapshots of a machine."""

    def disks(self, section: GuestConf) -> list[tuple[str, str]]:
        return drives.disks(section)

    def keep_unused(self, section: GuestConf, volume: str) -> str:
        return drives.keep_unused(section, volume)

    def has_feature(self, conf: GuestConf) -> bool:
        foreign = (
            name
            for name, found in drives.all_of(conf)
            if not drives.is_cdrom(found) and not formats.is_volume_id(found["file"])
        )
        return not any(foreign) and super().has_feature(conf)

    def is_running(self) -> bool:
        return running.pid(self.tree, self.guest) != 0

    def stop(self) -> None:
        if self.is_running():
            state.end(self.tree, self.guest, cluster.read(self.tree, VM, self.guest))

    def save_state(self, conf: GuestConf, section: GuestConf, name: str) -> None:
        memory.save(self.tree, self.guest, conf, section, name)

    def begin(self, section: GuestConf) -> None:
        if "vmstate" in section.options:
            place = volumes.split(section.options["vmstate"])[0]
            say(f"saving VM state and RAM using storage '{place}'")
            say("completed saving the VM state in 0s, saved 1.00 MiB")
        elif self.is_running():
            from phoenix.rehearsal.qm import agent

            agent.hears(self.tree, self.guest, section)

    def announce(self, option: str, volume: str) -> None:
        say(f"snapshotting 'drive-{option}' ({volume})")

    def went_back(self, conf: GuestConf) -> None:
        memory.drop_notes(conf)
        if "vmgenid" in conf.options:
            conf.options["vmgenid"] = values.uuid()

    def go_on(self, section: GuestConf) -> None:
        if "vmstate" in section.options:
            state.start(self.tree, self.guest)


def take(tree: Tree, given: dict[str, str]) -> int:
    """Take a snapshot."""
    guest, name = given["vmid"], given["snapname"]
    snapshots.check_name("pending" if name.lower() == "pending" else name, _RESERVED)
    cluster.read(tree, VM, guest)
    wished, description = given.get("vmstate") == "1", given.get("description", "")
    return worker.run(lambda: _Snapshots(tree, VM, guest).take(name, description, with_state=wished))


def drop(tree: Tree, given: dict[str, str]) -> int:
    """Remove a snapshot."""
    guest, force = given["vmid"], given.get("force") == "1"
    return worker.run(lambda: _Snapshots(tree, VM, guest).drop_alone(given["snapname"], force=force))


def show(tree: Tree, given: dict[str, str]) -> int:
    """List the snapshots."""
    snapshots.show(cluster.read(tree, VM, given["vmid"]))
    return 0


def rollback(tree: Tree, given: dict[str, str]) -> int:
    """Go back to a snapshot."""
    guest = given["vmid"]

    def task() -> None:
        with locks.migration(tree, guest):
            _Snapshots(tree, VM, guest).rollback(given["snapname"])
        if given.get("start") == "1" and not running.pid(tree, guest):
            try:
                state.start(tree, guest)
            except Failure as failure:
                complain(failure.text)  # a start in a task is a task of its own, whose end is only told

    return worker.run(task)
