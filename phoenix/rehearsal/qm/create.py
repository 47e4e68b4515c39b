"""`qm create`: a new machine, its disks first."""

from __future__ import annotations

from phoenix.pve.guestconf import GuestConf
from phoenix.pve.tables import qm
from phoenix.rehearsal import cluster, locks, worker
from phoenix.rehearsal.failures import Failure, Interrupted
from phoenix.rehearsal.kinds import VM
from phoenix.rehearsal.pauses import pause
from phoenix.rehearsal.qm import disks, drives, values
from phoenix.rehearsal.speech import say

TYPE_CHECKING = False
if TYPE_CHECKING:
    from phoenix.rehearsal.tree import Tree


def run(tree: Tree, given: dict[str, str]) -> int:
    """Make a machine."""
    cluster.check_quorum(tree)
    guest = given.pop("vmid")
    wishes = {name: given.pop(name) for name in qm.CREATE if name in given}
    if "cdrom" in given:
        given["ide2"] = as_cdrom(given.pop("cdrom"))
    _check(tree, guest, given, wishes)
    return worker.run(lambda: _task(tree, guest, given, wishes))


def as_cdrom(text: str) -> str:
    """What --cdrom makes of its value."""
    return text if "media=" in text else text + ",media=cdrom"


def _check(tree: Tree, guest: str, given: dict[str, str], wishes: dict[str, str]) -> None:
    kind, node = cluster.owner(tree, guest)
    if kind:
        raise Failure(f"unable to create VM {guest} - {kind} {guest} already exists on node '{node}'")
    if "pool" in wishes:
        from phoenix.rehearsal import pools

        pools.check(tree, wishes["pool"])
    if "archive" in wishes:
        raise Failure(f"unable to restore VM {guest} - the rehearsal node cannot read backups of machines")
    disks.check(tree, given)
    check_balloon(given.get("balloon"), given.get("memory", ""))


def check_balloon(balloon: str | None, memory: str) -> None:
    """Failure if a machine could shrink to more memory than it has."""
    current = memory.replace("current=", "") or "512"
    if balloon is not None and int(balloon) > int(current):
        raise Failure("balloon value too large (must be smaller than assigned memory)")


def _task(tree: Tree, guest: str, given: dict[str, str], wishes: dict[str, str]) -> None:
    made: list[str] = []
    with locks.config(tree, VM, guest, 1.0):
        try:
            cluster.create(tree, VM, guest, "lock: create\n")
            conf = _make(tree, guest, given, made)
            pause()
            cluster.write(tree, VM, guest, conf)
        except (Failure, Interrupted, OSError) as error:
            disks.free(tree, made)
            if cluster.owner(tree, guest)[0] == "VM" and not isinstance(error, cluster.Taken):
                cluster.remove(tree, VM, guest)
            text = error.text if isinstance(error, Failure) else "interrupted by signal"
            raise Failure(f"unable to create VM {guest} - {text}") from error
    if "pool" in wishes:
        from phoenix.rehearsal import pools

        pools.add(tree, wishes["pool"], guest)
    if wishes.get("ha-managed") == "1":
        cluster.add_to_ha(tree, VM, guest, started=wishes.get("start") == "1")
    if wishes.get("start") == "1":
        say("Execute autostart")
        _start(tree, guest)


def _make(tree: Tree, guest: str, given: dict[str, str], made: list[str]) -> GuestConf:
    conf = GuestConf()
    for name in sorted(given):
        if VM.is_drive(name):
            conf.options[name] = disks.make(tree, guest, name, given[name], made)
        elif name == "description":
            conf.description = given[name] + "\n" if given[name] else ""
        elif not name.startswith("unused"):
            conf.options[name] = values.stored(tree, name, given[name], new=True)
    conf.options.setdefault("boot", drives.default_boot(conf))
    conf.options.setdefault("smbios1", values.with_uuid(""))
    if given.get("arch") != "aarch64":
        conf.options.setdefault("vmgenid", values.uuid())
    conf.options["meta"] = values.meta(tree.release)
    return conf


def _start(tree: Tree, guest: str) -> None:
    """Start it as the end of its creation: a failure of that is only told, and the creation has succeeded."""
    from phoenix.rehearsal.qm import start

    try:
        start.task(tree, guest, skip_lock=False)
    except Failure as failure:
        say(failure.text)
