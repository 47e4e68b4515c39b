"""`qm template`: a machine becomes what linked clones continue."""

from __future__ import annotations

from phoenix.rehearsal import cluster, locks, volumes, worker
from phoenix.rehearsal.failures import Failure
from phoenix.rehearsal.kinds import VM
from phoenix.rehearsal.pauses import pause
from phoenix.rehearsal.qm import drives, running

TYPE_CHECKING = False
if TYPE_CHECKING:
    from phoenix.pve.guestconf import GuestConf
    from phoenix.rehearsal.tree import Tree


def run(tree: Tree, given: dict[str, str]) -> int:
    """Make a machine a template. The real one ends with 0 whatever its task did."""
    guest, only = given["vmid"], given.get("disk", "")
    _check(tree, guest, only)

    def task() -> None:
        with locks.config(tree, VM, guest):
            conf = _check(tree, guest, only)
            conf.options["template"] = "1"
            cluster.write(tree, VM, guest, conf)
            pause()
            convert(tree, guest, conf, only)

    worker.run(task)
    return 0


def _check(tree: Tree, guest: str, only: str) -> GuestConf:
    conf = cluster.read(tree, VM, guest)
    cluster.check_lock(VM, conf)
    if conf.snapshots:
        raise Failure("unable to create template, because VM contains snapshots")
    if conf.options.get("template") == "1" and not only:
        raise Failure("you can't convert a template to a template")
    if running.pid(tree, guest):
        raise Failure("you can't convert a VM to template if VM is running", 25)
    return conf


def convert(tree: Tree, guest: str, conf: GuestConf, only: str = "") -> None:
    """Make the volumes of a template, or only that of one drive, such that linked clones can continue them."""
    for name, found in drives.all_of(conf):
        if drives.is_cdrom(found) or (only and name != only):
            continue
        if volumes.has_feature(tree, found["file"], "template"):
            found["file"] = volumes.make_base(tree, found["file"])
            conf.options[name] = drives.show(found, tree.release)
            cluster.write(tree, VM, guest, conf)
