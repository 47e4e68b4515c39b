"""`qm disk import`: an image file becomes a disk."""

from __future__ import annotations

import os

from phoenix.rehearsal import cluster, imagefiles, locks, volumes
from phoenix.rehearsal.failures import Failure, Interrupted
from phoenix.rehearsal.kinds import VM
from phoenix.rehearsal.pauses import pause
from phoenix.rehearsal.qm import change, copies, drives, template
from phoenix.rehearsal.speech import complain, say

TYPE_CHECKING = False
if TYPE_CHECKING:
    from phoenix.rehearsal.tree import Tree


def run(tree: Tree, given: dict[str, str]) -> int:
    """Import an image as a disk, an unused one unless a drive is named."""
    guest, source = given["vmid"], given["source"]
    conf = cluster.read(tree, VM, guest)
    cluster.check_lock(VM, conf)
    if not os.path.isfile(tree.given(source)):
        raise Failure(f"{source}: non-existent or non-regular file", 2)
    storage = volumes.enabled(tree, given["storage"])
    if "images" not in storage.content:
        raise Failure(f"storage {storage.name} does not support vm images")
    say(f"importing disk '{source}' to VM {guest} ...")
    wanted = given.get("target-disk", "")
    wanted = wanted if VM.is_drive(wanted) else ""
    name, volume = disk(tree, guest, tree.given(source), storage.name, wanted, given.get("format", ""))
    conf = cluster.read(tree, VM, guest)
    if wanted and conf.options.get("template") == "1":
        template.convert(tree, guest, conf, wanted)
        volume = conf.options[wanted]
    say(f"{name}: successfully imported disk '{volume}'")
    return 0


def disk(
    tree: Tree, guest: str, path: str, storage: str, wanted: str, form: str, *, skip_lock: bool = False
) -> tuple[str, str]:
    """Copy an image of this machine into a new volume and note that; returns the option and the volume."""
    target = volumes.existing(tree, storage)
    real = form or volumes.default_format(tree, target)
    if real not in volumes.valid_formats(tree, target):
        real = volumes.default_format(tree, target)
        complain(f"format '{form}' is not supported by the target storage - using '{real}' instead")
    count = imagefiles.size(path)
    volume = volumes.allocate(tree, target, guest, -(-count // 1024), real)
    try:
        copies.progress(count)
        if imagefiles.holds_system(path):
            imagefiles.mark(tree(volumes.node_path(tree, volume)))
        pause()
        return _note(tree, guest, wanted, volume, skip_lock=skip_lock), volume
    except (Failure, Interrupted) as error:
        volumes.free(tree, volume)
        if isinstance(error, Interrupted):
            raise Failure("interrupted by signal ") from error
        raise


def _note(tree: Tree, guest: str, wanted: str, volume: str, *, skip_lock: bool) -> str:
    with locks.config(tree, VM, guest):
        conf = cluster.read(tree, VM, guest)
        if not skip_lock:
            cluster.check_lock(VM, conf)
        if not wanted:
            wanted = drives.keep_unused(conf, volume)
            cluster.write(tree, VM, guest, conf)
            return wanted
        if wanted in conf.options:
            raise Failure(f"cowardly refusing to overwrite existing entry: {wanted}")
        conf.pending[wanted] = volume
        cluster.write(tree, VM, guest, conf)
        for fault in change.apply(tree, guest).values():
            complain(f"hotplugging imported disk '{wanted}' failed: {fault}")
    return wanted
