"""`pct template`."""

from __future__ import annotations

import os

from phoenix.rehearsal import cluster, locks, running, volumes, worker
from phoenix.rehearsal.failures import Failure
from phoenix.rehearsal.kinds import CT
from phoenix.rehearsal.pauses import pause
from phoenix.rehearsal.pct import mounts, values

TYPE_CHECKING = False
if TYPE_CHECKING:
    from phoenix.pve.guestconf import GuestConf
    from phoenix.rehearsal.tree import Tree


def run(tree: Tree, given: dict[str, str]) -> int:
    """Make a container a template. What fails in its task is only told: the real one ends with 0 then."""
    guest = given["vmid"]
    with locks.config(tree, CT, guest):
        conf = cluster.read(tree, CT, guest)
        cluster.check_lock(CT, conf)
        if conf.snapshots:
            raise Failure("unable to create template, because CT contains snapshots")
        if conf.options.get("template") == "1":
            raise Failure("you can't convert a template to a template")
        if running.is_running(tree, guest):
            raise Failure("you can't convert a CT to template if the CT is running")
        worker.run(lambda: _task(tree, guest, conf))
    return 0


def _task(tree: Tree, guest: str, conf: GuestConf) -> None:
    make_bases(tree, conf)
    cluster.write(tree, CT, guest, conf)
    pause()
    conf.options["template"] = "1"
    cluster.write(tree, CT, guest, conf)
    path = tree(f"/var/lib/lxc/{guest}/config")
    if os.path.exists(path):
        os.unlink(path)


def make_bases(tree: Tree, conf: GuestConf) -> None:
    """Make every volume of a container one that linked clones continue; Failure if one cannot be."""
    found = mounts.all_of(conf)
    for parsed in found.values():
        if not mounts.has_feature(tree, parsed["volume"], "template"):
            raise Failure(f"Template feature is not available for '{parsed['volume']}'")
    for name, parsed in found.items():
        volumes.check_exists(tree, parsed["volume"])
        parsed["volume"] = volumes.make_base(tree, parsed["volume"])
        conf.options[name] = values.show(mounts.kind(name), parsed, tree.release)
