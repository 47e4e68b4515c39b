"""`qm disk rescan`: volumes that no machine names are noted, and sizes that changed."""

from __future__ import annotations

from phoenix.pve import formats
from phoenix.rehearsal import cluster, locks, volumes
from phoenix.rehearsal.kinds import VM
from phoenix.rehearsal.pauses import pause
from phoenix.rehearsal.qm import drives, show
from phoenix.rehearsal.speech import complain, say

TYPE_CHECKING = False
if TYPE_CHECKING:
    from phoenix.pve.guestconf import GuestConf
    from phoenix.rehearsal.tree import Tree

_UNSAID = (
    "Use of uninitialized value $key in concatenation (.) or string at /usr/share/perl5/PVE/QemuServer.pm line 7100."
)


def run(tree: Tree, given: dict[str, str]) -> int:
    """Look at one machine or at all."""
    dry = given.get("dryrun") == "1"
    if dry:
        say("NOTE: running in dry-run mode, won't write changes out!")
    say("rescan volumes...")
    for guest in [given["vmid"]] if "vmid" in given else show.guests(tree):
        with locks.config(tree, VM, guest):
            conf = cluster.read(tree, VM, guest)
            cluster.check_lock(VM, conf)
            changed = _update(tree, guest, conf)
            pause()
            if changed and not dry:
                cluster.write(tree, VM, guest, conf)
    return 0


def _present(tree: Tree, guest: str) -> dict[str, str]:
    """The volumes that are there for a machine, each with its path: two storages may have the same folder."""
    found = {}
    for storage in volumes.table(tree).values():
        if not storage.disabled and storage.is_on(tree.name) and "images" in storage.content:
            for volume in volumes.guest_volumes(tree, storage, guest):
                if volumes.size(tree, volume):
                    found[volume] = volumes.node_path(tree, volume)
    return found


def _update(tree: Tree, guest: str, conf: GuestConf) -> bool:
    """Bring a configuration up to date; whether something changed."""
    present = _present(tree, guest)
    changed = False
    named: set[str] = set()
    for name, found in drives.all_of(conf):
        volume = found["file"]
        named.update((volume, present.get(volume, volume)))
        count = volumes.size(tree, volume) if volume in present else None
        if drives.is_cdrom(found) or count is None or formats.size(found.get("size", "0")) == count:
            continue
        old, found["size"] = found.get("size", "0T"), formats.show_size(count)
        conf.options[name] = drives.show(found, tree.release)
        say(f"VM {guest} ({name}): size of disk '{volume}' updated from {old} to {found['size']}")
        changed = True
    return _update_unused(tree, guest, conf, present, named) or changed


def _update_unused(tree: Tree, guest: str, conf: GuestConf, present: dict[str, str], named: set[str]) -> bool:
    changed = False
    for name in sorted(name for name in conf.options if name.startswith("unused")):
        volume = drives.volume(name, conf.options[name])
        if named & {volume, present.get(volume, volume)}:
            say(f"VM {guest} remove entry '{name}', its volume '{volume}' is in use")
            del conf.options[name]
            changed = True
        named.update((volume, present.get(volume, volume)))
    for volume in sorted(present):
        if f"vm-{guest}-state-" in volume or named & {volume, present[volume]}:
            continue
        name = _keep(tree, conf, volume)
        say(f"VM {guest} add unreferenced volume '{volume}' as '{name}' to config")
        named.add(present[volume])
        changed = True
    return changed


def _keep(tree: Tree, conf: GuestConf, volume: str) -> str:
    """Note a volume as unused; the drive that cloud-init left behind is removed instead."""
    if not drives.is_cloud_init(volume):
        return drives.keep_unused(conf, volume)
    say(f"found unused cloudinit disk '{volume}', removing it")
    volumes.free(tree, volume)
    complain(_UNSAID)
    return ""
