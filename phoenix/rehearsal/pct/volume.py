"""`pct resize`, `move-volume`, `rescan`: what becomes of the volumes that a container has."""

from __future__ import annotations

import os

from phoenix.pve import formats
from phoenix.rehearsal import cluster, locks, running, sizes, volumes, worker
from phoenix.rehearsal.failures import BadParameters, Failure
from phoenix.rehearsal.kinds import CT
from phoenix.rehearsal.pauses import pause
from phoenix.rehearsal.pct import clone, mounts, values
from phoenix.rehearsal.speech import complain, say

TYPE_CHECKING = False
if TYPE_CHECKING:
    from phoenix.pve.guestconf import GuestConf
    from phoenix.rehearsal.tree import Tree


def _mount(conf: GuestConf, name: str) -> dict[str, str]:
    """What a mount point says; Failure in the words of a parser that is given nothing."""
    if name not in conf.options:
        lines = ["format error"]
        lines += ["mp: property is missing and it is not optional"] if name != "rootfs" else []
        raise Failure("\n".join([*lines, "volume: property is missing and it is not optional"]))
    return values.properties(mounts.kind(name), conf.options[name])


def resize(tree: Tree, given: dict[str, str]) -> int:
    """Make a volume larger, and its file system."""
    guest, name = given["vmid"], given["disk"]
    conf = cluster.read(tree, CT, guest)
    cluster.check_lock(CT, conf)
    if conf.options.get("template") == "1":
        raise Failure("unable to resize a volume of a template")
    if given.get("digest") not in (None, cluster.digest(tree, CT, guest)):
        raise Failure("detected modified configuration - file changed by other user? Try again.")
    parsed = _mount(conf, name)
    volume = mounts.volume(name, conf.options[name])
    if not volume:
        raise Failure("cannot resize non-volume mountpoint")
    now = volumes.size(tree, volume)
    if now is None:
        raise Failure(f"volume '{volume}' does not exist")
    wanted = sizes.wanted(given["size"], now)
    if wanted < now:
        raise Failure("unable to shrink disk size")
    if wanted == now:
        raise Failure("disk is already at specified size")

    def task() -> None:
        with locks.config(tree, CT, guest):
            volumes.resize(tree, volume, wanted)
            pause()
            conf = cluster.read(tree, CT, guest)
            parsed["size"] = formats.show_size(wanted)
            conf.options[name] = values.show(mounts.kind(name), parsed, 8)
            cluster.write(tree, CT, guest, conf)
            path = volumes.node_path(tree, volume)
            say(f"The filesystem on {path} is now {wanted >> 12} (4k) blocks long.\n")

    worker.run(task)
    return 0  # as the real one ends, whatever became of the task


def move(tree: Tree, given: dict[str, str]) -> int:
    """Move a volume to another storage or to another container."""
    guest, name = given["vmid"], given["volume"]
    storage, target = given.get("storage"), given.get("target-vmid")
    if storage is None and target is None:
        text = "both 'storage' and 'target-vmid' missing, either needs to be set"
        raise BadParameters({"storage": text, "target-vmid": text})
    if storage is not None and target is not None:
        text = "either set 'storage' or 'target-vmid', but not both"
        raise BadParameters({"storage": text, "target-vmid": text})
    conf = cluster.read(tree, CT, guest)
    cluster.check_lock(CT, conf)
    if given.get("digest") not in (None, cluster.digest(tree, CT, guest)):
        raise Failure("detected modified configuration - file changed by other user? Try again.")
    if target is not None:
        return _to_container(tree, given)
    _mount(conf, name)
    volume = mounts.volume(name, conf.options[name])
    if not volume:
        raise Failure("you can't move a bind mount")
    if running.is_running(tree, guest):
        raise Failure("cannot move volumes of a running container")
    volumes.for_containers(tree, storage or "")
    delete = given.get("delete") == "1"
    if delete and any(mounts.in_use(snapshot, volume, "") for snapshot in conf.snapshots.values()):
        raise Failure("cannot move volume with snapshots when delete is set")
    return worker.run(lambda: _move_task(tree, guest, name, storage or "", delete))


def _move_task(tree: Tree, guest: str, name: str, storage: str, delete: bool) -> None:
    with locks.config(tree, CT, guest):
        conf = cluster.read(tree, CT, guest)
        cluster.check_lock(CT, conf)
        parsed = _mount(conf, name)
        old = parsed["volume"]
        parsed["volume"] = clone.copy(tree, old, storage, guest)
        parsed["size"] = formats.show_size(volumes.size(tree, parsed["volume"]) or 0)
        pause()
        conf.options[name] = values.show(mounts.kind(name), parsed, 8)
        if not delete:
            mounts.keep_unused(conf, old)
        cluster.write(tree, CT, guest, conf)
        if delete:
            volumes.free(tree, old)


def _to_container(tree: Tree, given: dict[str, str]) -> int:
    guest, name, target = given["vmid"], given["volume"], given["target-vmid"]
    target_name = given.get("target-volume", name)
    if guest == target:
        raise BadParameters({"target-vmid": "must be different than source VMID to move disk to another container"})
    conf, other = cluster.read(tree, CT, guest), cluster.read(tree, CT, target)
    cluster.check_lock(CT, other)
    if not name.startswith("unused"):
        _mount(conf, name)
    if target_name in other.options:
        raise Failure(f"Target volume key '{target_name}' is already in use for container '{target}'")
    if name == "rootfs":
        raise Failure("cannot move the root filesystem to another container")

    def task() -> None:
        with locks.config(tree, CT, guest), locks.config(tree, CT, target):
            _reassign(tree, guest, name, target, target_name)

    return worker.run(task)


def _reassign(tree: Tree, guest: str, name: str, target: str, target_name: str) -> None:
    conf, other = cluster.read(tree, CT, guest), cluster.read(tree, CT, target)
    complain(f"moving volume '{name}' from container '{guest}' to '{target}'")
    text = conf.options.pop(name)
    parsed = values.properties("unused" if name.startswith("unused") else mounts.kind(name), text)
    complain(f"removing volume '{name}' from container '{guest}' config")
    parsed["volume"] = volumes.rename(tree, parsed["volume"], target)
    pause()
    cluster.write(tree, CT, guest, conf)
    table = "unused" if target_name.startswith("unused") else mounts.kind(target_name)
    other.options[target_name] = values.show(table, parsed, 8)
    cluster.write(tree, CT, target, other)
    complain(f"target container '{target}' updated with '{target_name}'")


def rescan(tree: Tree, given: dict[str, str]) -> int:
    """Note the volumes that a container has and does not name, and the sizes that changed."""
    dry = given.get("dryrun") == "1"
    if dry:
        say("NOTE: running in dry-run mode, won't write changes out!")
    say("rescan volumes...")
    folder = tree(f"/etc/pve/nodes/{tree.name}/{CT.folder}")
    everyone = sorted((name[:-5] for name in os.listdir(folder) if name.endswith(".conf")), key=int)
    for guest in [given["vmid"]] if "vmid" in given else everyone:
        if dry:
            _rescan(tree, guest, dry)
            continue
        with locks.config(tree, CT, guest):
            _rescan(tree, guest, dry)
    return 0


def _rescan(tree: Tree, guest: str, dry: bool) -> None:
    conf = cluster.read(tree, CT, guest)
    changed = _update_sizes(tree, guest, conf)
    named = set(mounts.referenced(conf))
    for snapshot in conf.snapshots.values():
        named.update(mounts.referenced(snapshot))
    for storage in volumes.table(tree).values():
        if storage.disabled or not storage.is_on(tree.name) or "rootdir" not in storage.content:
            continue
        for volume in volumes.guest_volumes(tree, storage, guest):
            if volume not in named:
                name = mounts.keep_unused(conf, volume)
                say(f"CT {guest}: add unreferenced volume '{volume}' as '{name}' to config.")
                changed = True
    if changed and not dry:
        cluster.write(tree, CT, guest, conf)


def _update_sizes(tree: Tree, guest: str, conf: GuestConf) -> bool:
    changed = False
    for name in sorted((name for name in conf.options if mounts.is_mount(name)), key=mounts.order):
        volume = mounts.volume(name, conf.options[name])
        count = volumes.size(tree, volume) if volume else None
        parsed = values.properties(mounts.kind(name), conf.options[name])
        old = parsed.get("size", "")
        if count and formats.size(old or "0") != count:
            parsed["size"] = formats.show_size(count)
            conf.options[name] = values.show(mounts.kind(name), parsed, 8)
            say(f"CT {guest}: updated volume size of '{volume}' in config.")
            changed = True
    return changed
