"""`pct mount`, `unmount`, `fsck`: a container's file systems on the node."""

from __future__ import annotations

import os
import stat

from phoenix.rehearsal import cluster, locks, lockwords, running, volumes
from phoenix.rehearsal.failures import Failure
from phoenix.rehearsal.kinds import CT
from phoenix.rehearsal.pauses import pause
from phoenix.rehearsal.pct import mounts, rootfs, values
from phoenix.rehearsal.speech import complain, say

TYPE_CHECKING = False
if TYPE_CHECKING:
    from phoenix.pve.guestconf import GuestConf
    from phoenix.rehearsal.tree import Tree


def mount(tree: Tree, given: dict[str, str]) -> int:
    """Mount a container's file systems on the node; the container is locked until they are unmounted."""
    guest = given["vmid"]
    conf = lockwords.put(tree, CT, guest, "mounted")
    pause()
    mount_all(tree, guest, conf)
    rootfs.show(tree, guest)
    say(f"mounted CT {guest} in '/var/lib/lxc/{guest}/rootfs'")
    return 0


def mount_all(tree: Tree, guest: str, conf: GuestConf) -> None:
    """Mount all that a container has; Failure if something is not there. The lock stays then, as it really does."""
    os.makedirs(tree(f"/var/lib/lxc/{guest}/rootfs"), exist_ok=True)
    mounts.check_present(tree, conf)
    try:
        mounts.check_bound(tree, conf)
    except Failure:
        complain("mounting container failed")
        raise


def unmount(tree: Tree, given: dict[str, str]) -> int:
    """Unmount them."""
    rootfs.hide(tree, given["vmid"])
    lockwords.take(tree, CT, given["vmid"], "mounted")
    return 0


def check(tree: Tree, given: dict[str, str]) -> int:
    """Check a file system of a container that does not run."""
    guest, name = given["vmid"], given.get("device", "rootfs")
    with locks.config(tree, CT, guest):
        conf = cluster.read(tree, CT, guest)
        if name not in conf.options:
            raise Failure(f"cannot run command on non-existing mount point {name}")
        volume = values.properties(mounts.kind(name), conf.options[name])["volume"]
        if running.is_running(tree, guest):
            raise Failure("cannot run fsck when container is running")
        _check(tree, volume, forced=given.get("force") == "1")
    return 0


def _check(tree: Tree, volume: str, *, forced: bool) -> None:
    path, count = volume, 0
    if values.volume_type(volume) == "volume":
        form = volumes.form(tree, volume)
        if form != "raw":
            raise Failure(f"unable to run fsck for '{volume}' (format == {form})")
        path, count = volumes.node_path(tree, volume), volumes.size(tree, volume) or 0
    elif not (os.path.exists(tree(path)) and stat.S_ISBLK(os.stat(tree(path)).st_mode)):
        raise Failure(f"path '{volume}' does not point to a block device")
    say(f"fsck from util-linux {'2.38.1' if tree.release < 9 else '2.41.5'}")
    options = "-a -l -f" if forced else "-a -l"
    if not os.path.exists(tree(path)):
        complain(f"fsck.ext2: No such file or directory while trying to open {path}\nPossibly non-existent device?")
        raise Failure(f"command 'fsck {options} {path}' failed: exit code 8")
    files, blocks = f"38/{count >> 14} files", f"13012/{count >> 12} blocks"
    say(f"{path}: {files} (0.0% non-contiguous), {blocks}" if forced else f"{path}: clean, {files}, {blocks}")
