"""`qm clone` and `qm template`."""

from __future__ import annotations

from phoenix.pve.guestconf import GuestConf
from phoenix.rehearsal import cluster, locks, pools, snapshots, volumes, worker
from phoenix.rehearsal.failures import BadParameters, Failure, Interrupted
from phoenix.rehearsal.kinds import VM
from phoenix.rehearsal.pauses import pause
from phoenix.rehearsal.qm import disks, drives, running, state, values
from phoenix.rehearsal.speech import complain, say

TYPE_CHECKING = False
if TYPE_CHECKING:
    from phoenix.rehearsal.tree import Tree

_NOT_CLONED = (
    "lock",
    "parent",
    "protection",
    "snaptime",
    "snapstate",
    "template",
    "vmstate",
    "runningmachine",
    "runningcpu",
)


class _Order:
    """What is to be cloned, and into what."""

    def __init__(self, given: dict[str, str], conf: GuestConf) -> None:
        self.guest = given["vmid"]
        self.target = given["newid"]
        self.snapshot = given.get("snapname", "")
        self.storage = given.get("storage", "")
        self.form = given.get("format", "")
        is_template = conf.options.get("template") == "1"
        self.full = given.get("full", "0" if is_template else "1") == "1"


def run(tree: Tree, given: dict[str, str]) -> int:
    """Clone a machine."""
    cluster.check_quorum(tree)
    conf = state.read(tree, given["vmid"], 2)
    order = _Order(given, conf)
    pools.check(tree, given.get("pool"))
    if given.get("target", tree.name) != tree.name:
        raise Failure(f"no such cluster node '{given['target']}'")
    if not order.full:
        for name in ("storage", "format"):
            if name in given:
                raise Failure(f"parameter '{name}' not allowed for linked clones", 2)
    if order.storage:
        values.for_images(tree, order.storage)
    cluster.check_lock(VM, conf)
    source = snapshots.find(conf, order.snapshot, 2) if order.snapshot else conf
    _check_features(tree, source, order)
    _check_target(tree, order)
    new = _configuration(source, given)
    cluster.create(tree, VM, order.target, "lock: clone\n")
    return worker.run(lambda: _task(tree, order, source, new, given.get("pool")))


def _check_target(tree: Tree, order: _Order) -> None:
    kind, _ = cluster.owner(tree, order.target)
    if kind == "VM":
        raise Failure(f"unable to create VM {order.target}: config file already exists", 2)
    if tree.release >= 9:
        say(f"creating a clone of VM {order.guest} with ID {order.target}")
    if kind:
        path = cluster.guest_file(tree, VM, order.target)
        raise Failure(f"close (rename) atomic file '{path}' failed: File exists")


def _configuration(source: GuestConf, given: dict[str, str]) -> GuestConf:
    new = GuestConf()
    new.description = source.description
    for name, value in source.options.items():
        if name in _NOT_CLONED or name.startswith("unused"):
            continue
        new.options[name] = _fresh_address(value) if name.startswith("net") and name[3:].isdigit() else value
    new.options["smbios1"] = _fresh_uuid(source.options.get("smbios1", ""))
    if "vmgenid" in new.options:
        new.options["vmgenid"] = values.uuid()
    if "name" in given:
        new.options["name"] = given["name"]
    else:
        new.options["name"] = f"Copy-of-{source.options['name']}" if "name" in source.options else ""
        new.options["name"] = new.options["name"] or f"Copy-of-VM-{given['vmid']}"
    if "description" in given:
        new.description = given["description"] + "\n" if given["description"] else ""
    return new


def _fresh_address(text: str) -> str:
    model, _, rest = text.partition("=")
    return values.network(",".join([model, *rest.split(",")[1:]]), 8)


def _fresh_uuid(text: str) -> str:
    rest = [part for part in text.split(",") if part and not part.startswith("uuid=")]
    return ",".join([f"uuid={values.uuid()}", *rest])


def _check_features(tree: Tree, source: GuestConf, order: _Order) -> None:
    for name, parsed in drives.all_of(source):
        volume = drives.volume(name, source.options[name])
        if not volume or drives.is_cdrom(parsed):
            continue
        if order.full:
            if not volumes.has_feature(tree, volume, "copy", order.snapshot):
                raise Failure(f"Full clone feature is not supported for drive '{name}'", 2)
        elif not volumes.has_feature(tree, volume, "clone", order.snapshot):
            raise Failure(f"Linked clone feature is not supported for drive '{name}'", 2)


def _task(tree: Tree, order: _Order, source: GuestConf, new: GuestConf, pool: str | None) -> None:
    made: list[str] = []
    try:
        with locks.config(tree, VM, order.guest):
            for name, parsed in drives.all_of(source):
                new.options[name] = _drive(tree, order, name, parsed, made)
            pause()
    except (Failure, Interrupted, OSError) as error:
        disks.free(tree, made)
        cluster.remove(tree, VM, order.target)
        text = error.text if isinstance(error, Failure) else "interrupted by signal"
        raise Failure(f"clone failed: {text}") from error
    cluster.write(tree, VM, order.target, new)
    pools.add(tree, pool, order.target)


def _drive(tree: Tree, order: _Order, name: str, parsed: dict[str, str], made: list[str]) -> str:
    volume = parsed["file"]
    if drives.is_cloud_init(volume):
        return _cloud_init(tree, order, parsed, made)
    if drives.is_cdrom(parsed) or ":" not in volume:
        return drives.show(parsed)
    if not order.full:
        say(f"create linked clone of drive {name} ({volume})")
        parsed["file"] = volumes.clone_linked(tree, volume, order.target, order.snapshot)
    else:
        storage = order.storage or volumes.split(volume)[0]
        form = order.form or volumes.form(tree, volume)
        say(f"create full clone of drive {name} ({volume})")
        parsed["file"] = copy(tree, volume, storage, order.target, form)
    made.append(parsed["file"])
    drives.measure(tree, parsed)
    return drives.show(parsed)


def _cloud_init(tree: Tree, order: _Order, parsed: dict[str, str], made: list[str]) -> str:
    volume = parsed["file"]
    storage = order.storage if order.full and order.storage else volumes.split(volume)[0]
    form, name = volumes.form(tree, volume), f"vm-{order.target}-cloudinit"
    kib = (volumes.size(tree, volume) or 4 << 20) >> 10
    parsed["file"] = volumes.allocate(tree, volumes.existing(tree, storage), order.target, kib, form, name)
    made.append(parsed["file"])
    return drives.show(parsed)


def copy(tree: Tree, volume: str, storage: str, guest: str, form: str) -> str:
    """A full copy of a volume, as a new volume of a guest; tells how far it is."""
    if not volumes.existing(tree, storage).is_files():
        form = "raw"
    kib = -(-(volumes.size(tree, volume) or 0) // 1024)
    target = volumes.allocate(tree, volumes.existing(tree, storage), guest, kib, form)
    if tree.release >= 9:
        say(f"allocated target volume '{target}'")
    volumes.copy_into(tree, volume, target)
    disks.fill(tree, volume, target)
    return target


def template(tree: Tree, given: dict[str, str]) -> int:
    """Make a machine a template."""
    guest = given["vmid"]
    conf = cluster.read(tree, VM, guest)
    _check_template(tree, guest, conf)
    if "disk" in given and given["disk"] not in conf.options:
        raise BadParameters({"disk": f"disk '{given['disk']}' does not exist"})
    try:
        with locks.config(tree, VM, guest):
            conf.options["template"] = "1"
            cluster.write(tree, VM, guest, conf)
    except Failure as failure:
        complain(failure.text)
        return 0  # as the real one ends
    return worker.run(lambda: _template_task(tree, guest, given.get("disk", "")))


def _check_template(tree: Tree, guest: str, conf: GuestConf) -> None:
    if conf.snapshots:
        raise Failure("unable to create template, because VM contains snapshots")
    cluster.check_lock(VM, conf)
    if conf.options.get("template") == "1":
        raise Failure("you can't convert a template to a template")
    if running.pid(tree, guest):
        raise Failure("you can't convert a VM to template if VM is running", 25)


def _template_task(tree: Tree, guest: str, only: str) -> None:
    with locks.config(tree, VM, guest):
        conf = cluster.read(tree, VM, guest)
        for name, parsed in drives.all_of(conf):
            volume = drives.volume(name, conf.options[name])
            if not volume or drives.is_cdrom(parsed) or (only and name != only):
                continue
            if volumes.has_feature(tree, volume, "template"):
                parsed["file"] = volumes.make_base(tree, volume)
                conf.options[name] = drives.show(parsed)
        pause()
        cluster.write(tree, VM, guest, conf)
