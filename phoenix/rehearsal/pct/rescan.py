"""`pct rescan`: the volumes that a container has and does not name, and the sizes that changed."""

from __future__ import annotations

import os

from phoenix.pve import formats
from phoenix.rehearsal import cluster, locks, volumes
from phoenix.rehearsal.kinds import CT
from phoenix.rehearsal.pauses import pause
from phoenix.rehearsal.pct import mounts, values
from phoenix.rehearsal.speech import say

TYPE_CHECKING = False
if TYPE_CHECKING:
    from phoenix.pve.guestconf import GuestConf
    from phoenix.rehearsal.tree import Tree


def run(tree: Tree, given: dict[str, str]) -> int:
    """Look through the storages for one container or for all."""
    dry = given.get("dryrun") == "1"
    if dry:
        say("NOTE: running in dry-run mode, won't write changes out!")
    say("rescan volumes...")
    folder = tree(f"/etc/pve/nodes/{tree.name}/{CT.folder}")
    everyone = sorted((name[:-5] for name in os.listdir(folder) if name.endswith(".conf")), key=int)
    for guest in [given["vmid"]] if "vmid" in given else everyone:
        found = _volumes(tree, guest)
        with locks.config(tree, CT, guest):
            conf = cluster.read(tree, CT, guest)
            cluster.check_lock(CT, conf)
            changes = [_note_unused(tree, guest, conf, found), _note_sizes(tree, guest, conf, found)]
            pause()
            if any(changes) and not dry:
                cluster.write(tree, CT, guest, conf)
    return 0


def _volumes(tree: Tree, guest: str) -> dict[str, int]:
    """A container's volumes on all storages that can have some, with their bytes; those of no size do not count."""
    found = {}
    for storage in volumes.table(tree).values():
        if not storage.disabled and storage.is_on(tree.name) and "rootdir" in storage.content:
            for volume in volumes.guest_volumes(tree, storage, guest):
                found[volume] = volumes.size(tree, volume) or 0
    return {volume: count for volume, count in found.items() if count}


def _note_unused(tree: Tree, guest: str, conf: GuestConf, found: dict[str, int]) -> bool:
    """Note volumes as unused. Two storages may have the same folder: each path is noted once."""
    paths = {volume: volumes.node_path(tree, volume) for volume in found}
    named = {parsed["volume"] for parsed in mounts.all_of(conf).values()}
    named.update(text for name, text in conf.options.items() if name.startswith("unused"))
    known = {path for volume, path in paths.items() if volume in named}
    before = dict(conf.options)
    for volume, path in paths.items():
        if path not in known:
            known.add(path)
            name = mounts.keep_unused(conf, volume)
            say(f"CT {guest}: add unreferenced volume '{volume}' as '{name}' to config.")
    return conf.options != before


def _note_sizes(tree: Tree, guest: str, conf: GuestConf, found: dict[str, int]) -> bool:
    """Note the sizes of all mount points; of what is no volume, or not there, the real one notes 0."""
    changed = False
    for name, parsed in mounts.all_of(conf).items():
        count = found.get(parsed["volume"], 0)
        if "size" in parsed and formats.size(parsed["size"]) == count:
            continue
        say(f"CT {guest}: updated volume size of '{parsed['volume']}' in config.")
        parsed["size"] = formats.show_size(count)
        conf.options[name] = values.show(mounts.kind(name), parsed, tree.release)
        changed = True
    return changed
