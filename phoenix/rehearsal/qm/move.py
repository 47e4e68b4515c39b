"""`qm disk move`: a disk goes to another storage or format."""

from __future__ import annotations

from phoenix.rehearsal import cluster, locks, volumes, worker
from phoenix.rehearsal.failures import BadParameters, Failure, Interrupted
from phoenix.rehearsal.kinds import VM
from phoenix.rehearsal.pauses import pause
from phoenix.rehearsal.qm import copies, drives, running, template, values
from phoenix.rehearsal.speech import complain, say

TYPE_CHECKING = False
if TYPE_CHECKING:
    from phoenix.pve.guestconf import GuestConf
    from phoenix.rehearsal.tree import Tree


def run(tree: Tree, given: dict[str, str]) -> int:
    """Move a disk to another storage or format, or to another machine."""
    if "target-vmid" in given:
        if "storage" in given:
            raise _both("either set 'storage' or 'target-vmid', but not both")
        from phoenix.rehearsal.qm import reassign

        return reassign.run(tree, given)
    if "storage" not in given:
        raise _both("both 'storage' and 'target-vmid' missing, either needs to be set")
    _look(tree, given)
    return worker.run(lambda: _task(tree, given))


def _both(text: str) -> BadParameters:
    return BadParameters({"target-vmid": text, "storage": text})


def _parse(name: str, conf: GuestConf) -> dict[str, str]:
    text = conf.options[name]
    return {"file": drives.volume(name, text)} if name.startswith("unused") else drives.parse(name, text)


def _look(tree: Tree, given: dict[str, str]) -> tuple[GuestConf, dict[str, str], bool]:
    """The configuration, the drive, and whether snapshots hold it; Failure if it cannot be moved."""
    guest, name, storage = given["vmid"], given["disk"], given["storage"]
    conf = cluster.read(tree, VM, guest)
    cluster.check_lock(VM, conf)
    if given.get("digest") not in (None, cluster.digest(tree, VM, guest)):
        raise Failure("detected modified configuration - file changed by other user? Try again.")
    if name not in conf.options:
        raise Failure(f"disk '{name}' does not exist")
    drive = _parse(name, conf)
    if drives.is_cdrom(drive) and not drives.is_cloud_init(drive["file"]):
        raise Failure("you can't move a cdrom")
    old = drive["file"]
    same = given.get("format", volumes.form(tree, old)) == volumes.form(tree, old)
    if volumes.split(old)[0] == storage and same:
        raise Failure("you can't move to the same storage with same format")
    values.for_images(tree, storage)
    held = any(drives.in_use(section, old) for section in conf.snapshots.values())
    if held and given.get("delete") == "1":
        raise Failure("you can't move a disk with snapshots and delete the source")
    return conf, drive, held


def _task(tree: Tree, given: dict[str, str]) -> None:
    guest, storage = given["vmid"], given["storage"]
    with locks.config(tree, VM, guest):
        conf, drive, held = _look(tree, given)
        old = drive["file"]
        if tree.release >= 9:
            source = volumes.split(old)[0]
            say(f"copying volume '{old}' from current storage '{source}' to target storage '{storage}'")
        live = running.pid(tree, guest) != 0
        volumes.check_exists(tree, old)
        wish = copies.Wish(guest, guest, storage=storage, form=given.get("format", ""), live=live)
        made: list[str] = []
        try:
            if held:
                complain("moving disk with snapshots, snapshots will not be moved!")
            _copy(tree, given, conf, drive, wish, made)
        except (Failure, Interrupted, OSError) as error:
            _undo(tree, made)
            text = "interrupted by signal" if isinstance(error, Interrupted) else str(error)
            raise Failure(f"storage migration failed: {text}") from error
        if given.get("delete") == "1":
            if tree.release >= 9:
                say(f"removing source volume '{old}' after successful copy")
            _undo(tree, [old])


def _copy(
    tree: Tree, given: dict[str, str], conf: GuestConf, drive: dict[str, str], wish: copies.Wish, made: list[str]
) -> None:
    guest, name = given["vmid"], given["disk"]
    if wish.live and name == "tpmstate0":
        raise Failure("cannot move TPM state while VM is running")
    copied = copies.copy(tree, name, drive, wish, made, full=True)
    conf.options[name] = copied["file"] if name.startswith("unused") else drives.show(copied, tree.release)
    if given.get("delete") != "1":
        unused = drives.keep_unused(conf, drive["file"])
        if tree.release >= 9:
            say(f"adding source volume '{drive['file']}' as '{unused}' to config")
    if conf.options.get("template") == "1":
        template.convert(tree, guest, conf, name)
    pause()
    cluster.write(tree, VM, guest, conf)


def _undo(tree: Tree, made: list[str]) -> None:
    for volume in made:
        try:
            volumes.free(tree, volume)
        except Failure as failure:
            complain(failure.text)
