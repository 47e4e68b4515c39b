"""`qm cleanup` and `enroll-efi-keys`: what is done with a machine that has ended."""

from __future__ import annotations

import os
import time

from phoenix.rehearsal import cluster, locks
from phoenix.rehearsal.failures import Failure
from phoenix.rehearsal.kinds import VM
from phoenix.rehearsal.qm import drives, hooks, running
from phoenix.rehearsal.speech import complain

TYPE_CHECKING = False
if TYPE_CHECKING:
    from phoenix.rehearsal.tree import Tree

_LOCK_SECONDS = 60.0
_PATIENCE = 30


def clean_up(tree: Tree, given: dict[str, str]) -> int:
    """What is called when QEMU has ended; of a machine that is gone nothing is said."""
    guest = given["vmid"]
    if not os.path.isfile(tree(cluster.guest_file(tree, VM, guest))):
        return 0
    complain(f"Starting cleanup for {guest}")
    with locks.config(tree, VM, guest, _LOCK_SECONDS):
        last = time.monotonic() + (_PATIENCE if tree.release >= 9 else 0)
        while running.pid(tree, guest) and time.monotonic() < last:
            time.sleep(0.1)
        conf = cluster.read(tree, VM, guest)
        if running.pid(tree, guest):
            raise Failure("vm still running")
        if given["clean-shutdown"] != "1" or given["guest-requested"] == "1":
            running.stop(tree, guest)
        hooks.check(tree, guest, conf, "post-stop")
    complain(f"Finished cleanup for {guest}")
    return 0


def enroll(tree: Tree, given: dict[str, str]) -> int:
    """Note that a machine's EFI disk has the certificates of 2023."""
    guest = given["vmid"]
    with locks.config(tree, VM, guest):
        conf = cluster.read(tree, VM, guest)
        cluster.check_lock(VM, conf)
        if running.pid(tree, guest):
            raise Failure(f"VM {guest} is running")
        if "efidisk0" not in conf.options:
            raise Failure(f"VM {guest} has no EFI disk")
        found = drives.parse("efidisk0", conf.options["efidisk0"])
        found["ms-cert"] = "2023k" if tree.release >= 9 else "2023"
        conf.options["efidisk0"] = drives.show(found, tree.release)
        cluster.write(tree, VM, guest, conf)
    return 0
