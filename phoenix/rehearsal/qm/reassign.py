"""`qm disk move --target-vmid`: a disk goes to another machine."""

from __future__ import annotations

from phoenix.pve import formats
from phoenix.rehearsal import cluster, locks, volumes, worker
from phoenix.rehearsal.failures import BadParameters, Failure
from phoenix.rehearsal.kinds import VM
from phoenix.rehearsal.pauses import pause
from phoenix.rehearsal.qm import change, drives, running
from phoenix.rehearsal.speech import complain, say

TYPE_CHECKING = False
if TYPE_CHECKING:
    from phoenix.pve.guestconf import GuestConf
    from phoenix.rehearsal.tree import Tree


def run(tree: Tree, given: dict[str, str]) -> int:
    """Give a disk to another machine."""
    if given["vmid"] == given["target-vmid"]:
        raise BadParameters({"target-vmid": "must be different than source VMID to reassign disk"})
    move = _Move(tree, given)
    move.look()
    return worker.run(move.do)


class _Move:
    """What a call asks for: which disk of which machine becomes which of which."""

    def __init__(self, tree: Tree, given: dict[str, str]) -> None:
        self.tree = tree
        self.guest = given["vmid"]
        self.disk = given["disk"]
        self.target = given["target-vmid"]
        self.target_disk = given.get("target-disk", self.disk)
        self.digests = {self.guest: given.get("digest"), self.target: given.get("target-digest")}

    def look(self) -> tuple[GuestConf, dict[str, str]]:
        """The configuration and the drive; Failure if that disk cannot become a disk of that machine."""
        tree, guest, disk = self.tree, self.guest, self.disk
        self._check_nodes()
        conf, other = cluster.read(tree, VM, guest), None
        cluster.check_lock(VM, conf)
        other = cluster.read(tree, VM, self.target)
        cluster.check_lock(VM, other)
        if "1" in (conf.options.get("template"), other.options.get("template")):
            raise Failure("Can't move disks from or to template VMs")
        for machine, digest in self.digests.items():
            if digest not in (None, cluster.digest(tree, VM, machine)):
                text = "detected modified configuration - file changed by other user? Try again."
                raise Failure(f"VM {machine}: {text}")
        if disk not in conf.options:
            raise Failure(f"Disk '{disk}' for VM '{guest}' does not exist")
        if self.target_disk in other.options:
            raise Failure(f"Target disk key '{self.target_disk}' is already in use for VM '{self.target}'")
        return conf, self._drive(conf)

    def _check_nodes(self) -> None:
        nodes = []
        for guest, what in ((self.guest, ""), (self.target, "target ")):
            kind, node = cluster.owner(self.tree, guest)
            if not kind:
                raise Failure(f"could not find {what}VM {guest}")
            nodes.append(node)
        if nodes[0] != nodes[1]:
            raise Failure(f"Both VMs need to be on the same node ({' != '.join(nodes)})")

    def _drive(self, conf: GuestConf) -> dict[str, str]:
        text, unused = conf.options[self.disk], self.disk.startswith("unused")
        drive = {"file": drives.volume(self.disk, text)} if unused else drives.parse(self.disk, text)
        volume = drive["file"]
        if drives.is_cdrom(drive) and not drives.is_cloud_init(volume):
            raise Failure("CD drive contents can't be moved to another VM")
        if not formats.is_volume_id(volume):
            raise Failure(f"Volume '{volume}' not managed by PVE")
        if any(drives.in_use(section, volume) for section in conf.snapshots.values()):
            raise Failure("Can't move disk used by a snapshot to another VM")
        if not volumes.has_feature(self.tree, volume, "rename"):
            raise Failure("Storage does not support moving of this disk to another VM")
        if running.pid(self.tree, self.guest) and not unused:
            raise Failure("Cannot move disk to another VM while the source VM is running - detach first")
        return drive

    def do(self) -> None:
        """The work of the task."""
        tree = self.tree
        with locks.config(tree, VM, self.guest), locks.config(tree, VM, self.target):
            conf, drive = self.look()
            if tree.release >= 9:
                what = f"from VM '{self.guest}' as '{self.target_disk}' to VM '{self.target}'"
                say(f"reassign disk '{self.disk}' {what}")
            else:
                say(f"moving disk '{self.disk}' from VM '{self.guest}' to '{self.target}'")
            drive["file"] = volumes.rename(tree, drive["file"], self.target)
            self._take(conf)
            pause()
            self._give(drive)

    def _take(self, conf: GuestConf) -> None:
        order = drives.boot_order(conf)
        if self.disk in order:
            say(f"removing disk '{self.disk}' from boot order config")
            rest = [device for device in order if device != self.disk]
            conf.options["boot"] = "order=" + ";".join(rest) if rest else ""
        del conf.options[self.disk]
        say(f"removing disk '{self.disk}' from VM '{self.guest}' config")
        cluster.write(self.tree, VM, self.guest, conf)

    def _give(self, drive: dict[str, str]) -> None:
        conf = cluster.read(self.tree, VM, self.target)
        if self.target_disk.startswith("unused"):
            conf.options[self.target_disk] = drive["file"]
            cluster.write(self.tree, VM, self.target, conf)
            return
        text = drives.show(drive, self.tree.release)
        say(f"update VM {self.target}: -{self.target_disk} {text}")
        drives.measure(self.tree, drive)
        conf.pending[self.target_disk] = drives.show(drive, self.tree.release)
        cluster.write(self.tree, VM, self.target, conf)
        for fault in change.apply(self.tree, self.target).values():
            complain(fault)
