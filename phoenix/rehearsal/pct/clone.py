"""`pct clone` and `pct template`."""

from __future__ import annotations

from phoenix.pve import formats
from phoenix.pve.guestconf import GuestConf
from phoenix.rehearsal import cluster, locks, pools, running, snapshots, volumes, worker
from phoenix.rehearsal.failures import Failure, Interrupted
from phoenix.rehearsal.kinds import CT
from phoenix.rehearsal.pauses import pause
from phoenix.rehearsal.pct import mounts, values
from phoenix.rehearsal.speech import complain, say

TYPE_CHECKING = False
if TYPE_CHECKING:
    from phoenix.rehearsal.tree import Tree

_NOT_CLONED = ("lock", "parent", "protection", "snaptime", "snapstate", "template")


class _Order:
    """What is to be cloned, and into what."""

    def __init__(self, given: dict[str, str], conf: GuestConf) -> None:
        self.guest = given["vmid"]
        self.target = given["newid"]
        self.snapshot = given.get("snapname", "")
        self.storage = given.get("storage", "")
        is_template = conf.options.get("template") == "1"
        self.full = given.get("full", "0" if is_template else "1") == "1"


def run(tree: Tree, given: dict[str, str]) -> int:
    """Clone a container."""
    cluster.check_quorum(tree)
    if given.get("pool") not in (None, *pools.table(tree)):
        raise Failure(f"403 Permission check failed (pool '{given['pool']}' does not exist)")
    conf = cluster.read(tree, CT, given["vmid"])
    order = _Order(given, conf)
    kind, node = cluster.owner(tree, order.target)
    if kind:
        raise Failure(f"{kind} {order.target} already exists on node '{node}'")
    if given.get("target", tree.name) != tree.name:
        raise Failure(f"no such cluster node '{given['target']}'")
    if order.storage:
        volumes.for_containers(tree, order.storage)
        if not order.full:
            raise Failure("parameter 'storage' not allowed for linked clones", 2)
    cluster.check_lock(CT, conf)
    source = snapshots.find(conf, order.snapshot, 2) if order.snapshot else conf
    if order.full and running.is_running(tree, order.guest) and not order.snapshot:
        text = "Cannot do full clones on a running container without snapshots"
        if tree.release >= 9:
            text = "Full clone of a running container is only possible from a snapshot"
        raise Failure(text, 2)
    _check_features(tree, source, order)
    new = _configuration(source, given)
    cluster.create(tree, CT, order.target, "lock: create\n")
    return worker.run(lambda: _task(tree, order, source, new, given.get("pool")))


def _mounts(conf: GuestConf) -> list[str]:
    return sorted((name for name in conf.options if mounts.is_mount(name)), key=mounts.order)


def _check_features(tree: Tree, source: GuestConf, order: _Order) -> None:
    for name in _mounts(source):
        volume = mounts.volume(name, source.options[name])
        if not volume:
            raise Failure(f"unable to clone mountpoint '{name}' (type bind)", 2)
        if order.full:
            if not volumes.has_feature(tree, volume, "copy", order.snapshot):
                raise Failure(f"Full clone feature for '{volume}' is not available", 2)
        elif not _links(tree, volume, order.snapshot):
            raise Failure(f"Linked clone feature for '{volume}' is not available", 2)


def _links(tree: Tree, volume: str, snapshot: str) -> bool:
    """Whether a container can continue a volume: a directory makes qcow2 of it, which containers cannot use."""
    storage = volumes.existing(tree, volumes.split(volume)[0])
    as_file = storage.is_files() and storage.type != "btrfs"
    return not as_file and volumes.has_feature(tree, volume, "clone", snapshot)


def _configuration(source: GuestConf, given: dict[str, str]) -> GuestConf:
    new = GuestConf()
    new.description = source.description
    new.raw = list(source.raw)
    for name, value in source.options.items():
        if name in _NOT_CLONED or name.startswith("unused"):
            continue
        if name.startswith("net") and name[3:].isdigit():
            parsed = values.properties("net", value)
            parsed.pop("hwaddr", None)
            new.options[name] = values.network(name, values.show("net", parsed, 8), 8)
        else:
            new.options[name] = value
    if "hostname" in given:
        new.options["hostname"] = given["hostname"]
    if "description" in given:
        new.description = given["description"] + "\n" if given["description"] else ""
    return new


def _task(tree: Tree, order: _Order, source: GuestConf, new: GuestConf, pool: str | None) -> None:
    if tree.release >= 9:
        complain(f"creating a clone of container {order.guest} with ID {order.target}")
    made: list[str] = []
    try:
        with locks.config(tree, CT, order.guest):
            for name in _mounts(source):
                parsed = values.properties(mounts.kind(name), source.options[name])
                parsed["volume"] = _clone(tree, order, name, parsed["volume"])
                made.append(parsed["volume"])
                if order.full:
                    parsed["size"] = formats.show_size(volumes.size(tree, parsed["volume"]) or 0)
                new.options[name] = values.show(mounts.kind(name), parsed, 8)
            pause()
    except (Failure, Interrupted, OSError) as error:
        mounts.free(tree, made)
        cluster.remove(tree, CT, order.target)
        text = error.text if isinstance(error, Failure) else "interrupted by signal"
        raise Failure(f"clone failed: {text}") from error
    cluster.write(tree, CT, order.target, new)
    pools.add(tree, pool, order.target)


def _clone(tree: Tree, order: _Order, name: str, volume: str) -> str:
    if not order.full:
        say(f"create linked clone of mount point {name} ({volume})")
        return volumes.clone_linked(tree, volume, order.target, order.snapshot)
    volumes.check_exists(tree, volume)
    say(f"create full clone of mountpoint {name} ({volume})")
    return copy(tree, volume, order.storage or volumes.split(volume)[0], order.target)


def copy(tree: Tree, volume: str, storage: str, guest: str) -> str:
    """A full copy of a volume, as a new volume of a guest, file by file; says how much that was."""
    volumes.check_exists(tree, volume)
    kib = -(-(volumes.size(tree, volume) or 0) // 1024)
    target = mounts.allocate(tree, volumes.existing(tree, storage), guest, kib)
    volumes.copy_into(tree, volume, target)
    say("\nNumber of files: 18 (reg: 6, dir: 12)\nTotal file size: 66,000 bytes")
    say("\nsent 66,000 bytes  received 200 bytes  132,400.00 bytes/sec")
    say("total size is 66,000  speedup is 1.00")
    return target


def template(tree: Tree, given: dict[str, str]) -> int:
    """Make a container a template."""
    guest = given["vmid"]
    conf = cluster.read(tree, CT, guest)
    if conf.snapshots:
        raise Failure("unable to create template, because CT contains snapshots")
    cluster.check_lock(CT, conf)
    if conf.options.get("template") == "1":
        raise Failure("you can't convert a template to a template")
    if running.is_running(tree, guest):
        raise Failure("you can't convert a CT to template if the CT is running")
    for name in _mounts(conf):
        volume = mounts.volume(name, conf.options[name])
        if volume and not volumes.has_feature(tree, volume, "template"):
            raise Failure(f"Template feature is not available for '{volume}'")
    try:
        with locks.config(tree, CT, guest):
            for name in _mounts(conf):
                parsed = values.properties(mounts.kind(name), conf.options[name])
                if mounts.volume(name, conf.options[name]):
                    parsed["volume"] = volumes.make_base(tree, parsed["volume"])
                    conf.options[name] = values.show(mounts.kind(name), parsed, 8)
            pause()
            conf.options["template"] = "1"
            cluster.write(tree, CT, guest, conf)
    except Failure as failure:
        complain(failure.text)  # the real one ends with 0 whatever happened
    return 0
