"""`qm disk resize`, `move`, `import`, `rescan`: what becomes of the disks that a machine has."""

from __future__ import annotations

import os

from phoenix.pve import formats
from phoenix.pve.tables import machine
from phoenix.rehearsal import cluster, locks, sizes, volumes, worker
from phoenix.rehearsal.failures import BadParameters, Failure
from phoenix.rehearsal.kinds import VM
from phoenix.rehearsal.pauses import pause
from phoenix.rehearsal.qm import clone, disks, drives, running, show, values
from phoenix.rehearsal.speech import complain, say

TYPE_CHECKING = False
if TYPE_CHECKING:
    from phoenix.pve.guestconf import GuestConf
    from phoenix.rehearsal.tree import Tree


def resize(tree: Tree, given: dict[str, str]) -> int:
    """Make a disk larger. The real one ends with 0 whatever happened."""
    try:
        _resize(tree, given["vmid"], given["disk"], given)
    except Failure as failure:
        complain(failure.text)
    return 0


def _resize(tree: Tree, guest: str, name: str, given: dict[str, str]) -> None:
    with locks.config(tree, VM, guest):
        conf = cluster.read(tree, VM, guest)
        if given.get("digest") not in (None, cluster.digest(tree, VM, guest)):
            raise Failure("checksum mismatch (file change by other user?)")
        if conf.options.get("template") == "1":
            raise Failure("unable to resize a disk of a template")
        if given.get("skiplock") != "1":
            cluster.check_lock(VM, conf)
        if name not in conf.options:
            raise Failure(f"disk '{name}' does not exist")
        parsed = drives.parse(name, conf.options[name])
        volume = parsed["file"]
        if drives.is_cdrom(parsed):
            raise Failure("cannot resize a cdrom")
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
        parsed["size"] = formats.show_size(wanted)
        conf.options[name] = drives.show(parsed)
        cluster.write(tree, VM, guest, conf)


def move(tree: Tree, given: dict[str, str]) -> int:
    """Move a disk to another storage or format, or to another machine."""
    guest, name = given["vmid"], given["disk"]
    if "target-vmid" in given:
        return _to_machine(tree, given)
    if "storage" not in given:
        text = "both 'storage' and 'target-vmid' missing, either needs to be set"
        raise BadParameters({"storage": text, "target-vmid": text})
    conf = cluster.read(tree, VM, guest)
    cluster.check_lock(VM, conf)
    parsed = _disk(conf, name)
    storage, form = given["storage"], given.get("format", "")
    values.for_images(tree, storage)
    old = parsed["file"]
    same_form = not form or form == volumes.form(tree, old)
    if volumes.split(old)[0] == storage and same_form:
        raise Failure("you can't move to the same storage with same format")
    _check_snapshots(conf, old, given)
    return worker.run(lambda: _move_task(tree, guest, name, storage, form, given.get("delete") == "1"))


def _disk(conf: GuestConf, name: str) -> dict[str, str]:
    if name not in conf.options:
        raise Failure(f"disk '{name}' does not exist")
    parsed = drives.parse(name, conf.options[name])
    if drives.is_cdrom(parsed) and not drives.is_cloud_init(parsed["file"]):
        raise Failure("you can't move a cdrom")
    return parsed


def _check_snapshots(conf: GuestConf, volume: str, given: dict[str, str]) -> None:
    for snapshot in conf.snapshots.values():
        if drives.in_use(snapshot, volume) and given.get("delete") == "1":
            raise Failure("you can't move a disk with snapshots and delete the source")


def _move_task(tree: Tree, guest: str, name: str, storage: str, form: str, delete: bool) -> None:
    with locks.config(tree, VM, guest):
        conf = cluster.read(tree, VM, guest)
        cluster.check_lock(VM, conf)
        parsed = _disk(conf, name)
        old = parsed["file"]
        say(f"create full clone of drive {name} ({old})")
        if tree.release >= 9:
            source = volumes.split(old)[0]
            complain(f"copying volume '{old}' from current storage '{source}' to target storage '{storage}'")
        parsed["file"] = clone.copy(tree, old, storage, guest, form or volumes.form(tree, old))
        drives.measure(tree, parsed)
        conf.options[name] = drives.show(parsed)
        pause()
        if delete and not drives.in_use(conf, old):
            if tree.release >= 9:
                complain(f"removing source volume '{old}' after successful copy")
            cluster.write(tree, VM, guest, conf)
            volumes.free(tree, old)
        else:
            unused = drives.keep_unused(conf, old)
            if tree.release >= 9:
                complain(f"adding source volume '{old}' as '{unused}' to config")
            cluster.write(tree, VM, guest, conf)


def _to_machine(tree: Tree, given: dict[str, str]) -> int:
    guest, name, target = given["vmid"], given["disk"], given["target-vmid"]
    target_disk = given.get("target-disk", name)
    if "storage" in given:
        text = "either set 'storage' or 'target-vmid', but not both"
        raise BadParameters({"storage": text, "target-vmid": text})
    conf = cluster.read(tree, VM, guest)
    cluster.check_lock(VM, conf)
    cluster.check_lock(VM, cluster.read(tree, VM, target))
    if guest == target:
        raise BadParameters({"target-vmid": "must be different than source VMID to reassign disk"})
    _disk(conf, name)
    if target_disk in cluster.read(tree, VM, target).options:
        raise Failure(f"Target disk key '{target_disk}' is already in use for VM '{target}'")
    return worker.run(lambda: _reassign_task(tree, guest, name, target, target_disk))


def _reassign_task(tree: Tree, guest: str, name: str, target: str, target_disk: str) -> None:
    with locks.config(tree, VM, guest), locks.config(tree, VM, target):
        conf, other = cluster.read(tree, VM, guest), cluster.read(tree, VM, target)
        if tree.release >= 9:
            complain(f"reassign disk '{name}' from VM '{guest}' as '{target_disk}' to VM '{target}'")
        else:
            complain(f"moving disk '{name}' from VM '{guest}' to '{target}'")
        text = conf.options.pop(name)
        parsed = drives.parse(name, text) if VM.is_drive(name) else {"file": text}
        order = drives.boot_order(conf)
        if name in order:
            complain(f"removing disk '{name}' from boot order config")
            rest = [device for device in order if device != name]
            conf.options["boot"] = "order=" + ";".join(rest) if rest else ""
        complain(f"removing disk '{name}' from VM '{guest}' config")
        parsed["file"] = volumes.rename(tree, parsed["file"], target)
        pause()
        cluster.write(tree, VM, guest, conf)
        shown = drives.show(parsed) if VM.is_drive(target_disk) else parsed["file"]
        complain(f"update VM {target}: -{target_disk} {shown}")
        other.options[target_disk] = shown
        cluster.write(tree, VM, target, other)


def bring_in(tree: Tree, given: dict[str, str]) -> int:
    """Import an image as a disk."""
    guest, source, storage = given["vmid"], given["source"], given["storage"]
    conf = cluster.read(tree, VM, guest)
    path = tree.given(source)
    if not os.path.isfile(path) and not formats.is_volume_id(source):
        raise Failure(f"{source}: non-existent or non-regular file", 2)
    found = volumes.enabled(tree, storage)
    if "images" not in found.content:
        raise Failure(f"storage '{storage}' does not support content-type 'images'")
    cluster.check_lock(VM, conf)
    wanted = given.get("target-disk", "")
    if wanted and wanted in conf.options:
        raise Failure(f"disk '{wanted}' already exists")
    with locks.config(tree, VM, guest):
        conf = cluster.read(tree, VM, guest)
        say(f"importing disk '{source}' to VM {guest} ...")
        kib = -(-values.import_size(tree, source) // 1024)
        form = given.get("format") or values.default_form(tree, storage)
        volume = volumes.allocate(tree, found, guest, kib, form)
        disks.fill(tree, source, volume)
        pause()
        if wanted and not wanted.startswith("unused"):
            conf.options[wanted] = volume
        else:
            wanted = drives.keep_unused(conf, volume)
        cluster.write(tree, VM, guest, conf)
        say(f"{wanted}: successfully imported disk '{volume}'")
    return 0


def rescan(tree: Tree, given: dict[str, str]) -> int:
    """Note the volumes that a machine has and does not name, and the sizes that changed."""
    dry = given.get("dryrun") == "1"
    if dry:
        say("NOTE: running in dry-run mode, won't write changes out!")
    say("rescan volumes...")
    for guest in [given["vmid"]] if "vmid" in given else show.guests(tree):
        if dry:
            _rescan(tree, guest, dry)
            continue
        with locks.config(tree, VM, guest):
            _rescan(tree, guest, dry)
    return 0


def _rescan(tree: Tree, guest: str, dry: bool) -> None:
    conf = cluster.read(tree, VM, guest)
    changed = _update_sizes(tree, guest, conf)
    named = set(drives.referenced(conf))
    for snapshot in conf.snapshots.values():
        named.update(drives.referenced(snapshot))
    for storage in volumes.table(tree).values():
        if storage.disabled or not storage.is_on(tree.name) or "images" not in storage.content:
            continue
        for volume in volumes.guest_volumes(tree, storage, guest):
            if volume not in named and not drives.is_cloud_init(volume):
                name = drives.keep_unused(conf, volume)
                say(f"VM {guest} add unreferenced volume '{volume}' as '{name}' to config")
                changed = True
    if changed and not dry:
        cluster.write(tree, VM, guest, conf)


def _update_sizes(tree: Tree, guest: str, conf: GuestConf) -> bool:
    changed = False
    for name, parsed in drives.all_of(conf):
        if name not in machine.DRIVES or drives.is_cdrom(parsed) or not drives.volume(name, conf.options[name]):
            continue
        count = volumes.size(tree, parsed["file"])
        old = parsed.get("size", "")
        if count is not None and formats.size(old or "0") != count:
            parsed["size"] = formats.show_size(count)
            conf.options[name] = drives.show(parsed)
            say(f"VM {guest} ({name}): size of disk '{parsed['file']}' updated from {old or '0T'} to {parsed['size']}")
            changed = True
    return changed
