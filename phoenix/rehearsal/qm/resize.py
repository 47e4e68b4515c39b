"""`qm disk resize`: a larger disk."""

from __future__ import annotations

from phoenix.pve import formats
from phoenix.rehearsal import cluster, locks, sizes, volumes, worker
from phoenix.rehearsal.failures import Failure
from phoenix.rehearsal.kinds import VM
from phoenix.rehearsal.pauses import pause
from phoenix.rehearsal.qm import drives, running

TYPE_CHECKING = False
if TYPE_CHECKING:
    from phoenix.rehearsal.tree import Tree


def run(tree: Tree, given: dict[str, str]) -> int:
    """Make a disk larger. The real one ends with 0 whatever its task did."""
    worker.run(lambda: _task(tree, given["vmid"], given["disk"], given))
    return 0


def _task(tree: Tree, guest: str, name: str, given: dict[str, str]) -> None:
    with locks.config(tree, VM, guest):
        conf = cluster.read(tree, VM, guest)
        if given.get("digest") not in (None, cluster.digest(tree, VM, guest)):
            raise Failure("checksum mismatch (file change by other user?)")
        if given.get("skiplock") != "1":
            cluster.check_lock(VM, conf)
        if name not in conf.options:
            raise Failure(f"disk '{name}' does not exist")
        parsed = drives.parse(name, conf.options[name])
        if volumes.form(tree, parsed["file"]) == "qcow2" and conf.snapshots and tree.release < 9:
            raise Failure(f"can't resize volume: {name} if snapshot exists")
        if drives.is_cdrom(parsed):
            raise Failure("you can't resize a cdrom")
        volume = parsed["file"]
        volumes.activate(tree, volumes.enabled(tree, volumes.split(volume)[0]))
        volumes.check_exists(tree, volume)
        now = volumes.size(tree, volume)
        if now is None:
            raise Failure(f"Could not determine current size of volume '{volume}'")
        wanted = sizes.wanted(given["size"], now)
        if wanted < now:
            raise Failure("shrinking disks is not supported")
        if wanted == now:
            return
        volumes.resize(tree, volume, wanted, running=bool(running.pid(tree, guest)))
        pause()
        parsed["size"] = formats.show_size(volumes.size(tree, volume) or wanted)
        conf.options[name] = drives.show(parsed, tree.release)
        cluster.write(tree, VM, guest, conf)
