"""`pct clone`: a container, or one of its snapshots, copied in full or continued by linked clones."""

from __future__ import annotations

import os

from phoenix.pve import formats
from phoenix.pve.guestconf import GuestConf
from phoenix.rehearsal import cluster, locks, lockwords, pools, running, snapshots, volumes, worker
from phoenix.rehearsal.failures import Failure, Interrupted
from phoenix.rehearsal.kinds import CT
from phoenix.rehearsal.pauses import pause
from phoenix.rehearsal.pct import copies, mounts, values
from phoenix.rehearsal.speech import complain, say

TYPE_CHECKING = False
if TYPE_CHECKING:
    from phoenix.rehearsal.tree import Tree

_NOT_CLONED = ("lock", "parent", "snaptime", "snapstate", "template")
_FORMATS = ("raw", "subvol")
"""The formats of containers' volumes: a linked clone that would get another is refused."""
_LATE = 2
"""What the real tool ends with when it has already removed again what it began."""


class _Order:
    """What is to be cloned, and into what."""

    def __init__(self, tree: Tree, given: dict[str, str]) -> None:
        self.guest = given["vmid"]
        self.target = given["newid"]
        self.snapshot = given.get("snapname", "")
        self.storage = given.get("storage", "")
        self.pool = given.get("pool", "")
        self.node = given.get("target", "")
        if self.node in (tree.name, "localhost"):
            self.node = ""
        self.full = given.get("full", "")
        self.hostname = given.get("hostname", "")
        self.description = given.get("description", "")
        self.running = False
        self.mounts: dict[str, dict[str, str]] = {}


def run(tree: Tree, given: dict[str, str]) -> int:
    """Clone a container."""
    if given.get("pool") not in (None, *pools.table(tree)):
        raise Failure(f"403 Permission check failed (pool '{given['pool']}' does not exist)")
    order = _Order(tree, given)
    _check_target(tree, order)
    cluster.check_quorum(tree)
    conf = lockwords.put(tree, CT, order.guest, "disk")
    try:
        with locks.config(tree, CT, order.target, 5.0):
            cluster.create(tree, CT, order.target, "lock: create\n")
    except Failure:
        lockwords.take(tree, CT, order.guest, "disk")
        raise
    try:
        _begin(tree, order, conf)
    except Failure:
        lockwords.take(tree, CT, order.guest, "disk")
        _forget(tree, order)
        raise
    return worker.run(lambda: _task(tree, order))


def _check_target(tree: Tree, order: _Order) -> None:
    if order.node and not os.path.isdir(tree(f"/etc/pve/nodes/{order.node}")):
        raise Failure(f"no such cluster node '{order.node}'")
    if not order.storage:
        return
    storage = volumes.enabled(tree, order.storage)
    if not order.node:
        return
    if not storage.is_on(order.node):
        raise Failure(f"storage '{order.storage}' is not available on node '{order.node}'")
    if not storage.is_shared():
        raise Failure(f"can't clone to non-shared storage '{order.storage}'")


def _begin(tree: Tree, order: _Order, conf: GuestConf) -> None:
    """Write what of the clone is not volumes; Failure if the container cannot be cloned like this."""
    order.running = running.is_running(tree, order.guest)
    if not order.full:
        order.full = "0" if conf.options.get("template") == "1" else "1"
    path = f"/etc/pve/firewall/{order.guest}.fw"
    if os.path.exists(tree(path)):
        tree.replace(_firewall(order), tree.read(path))
    if order.storage and order.full == "0":
        raise Failure("parameter 'storage' not allowed for linked clones", _LATE)
    source = snapshots.find(conf, order.snapshot, _LATE) if order.snapshot else conf
    new = _configuration(tree, order, source)
    with locks.config(tree, CT, order.target):
        _check_ours(cluster.read(tree, CT, order.target))
        cluster.write(tree, CT, order.target, new)


def _configuration(tree: Tree, order: _Order, source: GuestConf) -> GuestConf:
    new = GuestConf()
    new.description = order.description + "\n" if order.description else source.description
    new.raw = list(source.raw)
    shared = True
    for name, value in sorted(source.options.items()):
        if mounts.is_mount(name):
            parsed = values.properties(mounts.kind(name), value)
            shared = _take_mount(tree, order, name, parsed) and shared
        elif name.startswith("net") and name[3:].isdigit():
            parsed = values.properties("net", value)
            parsed.pop("hwaddr", None)  # its address is always a new one
            new.options[name] = values.network(name, values.show("net", parsed, tree.release), tree.release)
        elif name not in _NOT_CLONED and not name.startswith("unused"):
            new.options[name] = value
    if order.node and not shared:
        raise Failure(f"can't clone CT to node '{order.node}' (CT uses local storage)", _LATE)
    new.options["lock"] = "create"
    if order.hostname:
        new.options["hostname"] = order.hostname
    return new


def _take_mount(tree: Tree, order: _Order, name: str, parsed: dict[str, str]) -> bool:
    """Note a mount point that is to be cloned; whether its storage will be shared between nodes."""
    volume = parsed["volume"]
    kind = values.volume_type(volume)
    if kind != "volume":
        raise Failure(f"unable to clone mountpoint '{name}' (type {kind})", _LATE)
    shared = volumes.existing(tree, order.storage or volumes.split(volume)[0]).is_shared()
    if order.node and not shared:
        complain(f"found non-shared volume: {volume}")
    if order.full == "1" and order.running and not order.snapshot:
        text = "Cannot do full clones on a running container without snapshots"
        if tree.release >= 9:
            text = "Full clone of a running container is only possible from a snapshot"
        raise Failure(text, _LATE)
    if order.full == "0" and not volumes.has_feature(tree, volume, "clone", order.snapshot, formats=_FORMATS):
        raise Failure(f"Linked clone feature for '{volume}' is not available", _LATE)
    order.mounts[name] = parsed
    return shared


def _task(tree: Tree, order: _Order) -> None:
    if tree.release >= 9:
        say(f"creating a clone of container {order.guest} with ID {order.target}")
    if running.is_running(tree, order.guest) != order.running:
        raise Failure("unexpected state change")
    made: list[str] = []
    try:
        for parsed in order.mounts.values():
            volumes.check_exists(tree, parsed["volume"])
        for name in sorted(order.mounts, key=mounts.order):
            _clone(tree, order, name, made)
            pause()
        pools.add(tree, order.pool, order.target)
    except (Failure, Interrupted, OSError) as error:
        _unlock(tree, order)
        mounts.free(tree, made)
        _forget(tree, order)
        text = "interrupted by signal" if isinstance(error, Interrupted) else str(error)
        raise Failure(f"clone failed: {text}") from error
    _unlock(tree, order)
    lockwords.take(tree, CT, order.target, "create")
    if order.node:
        cluster.move(tree, CT, order.target, order.node)


def _clone(tree: Tree, order: _Order, name: str, made: list[str]) -> None:
    """Clone one volume and write it into the new container's configuration."""
    parsed = order.mounts[name]
    volume = parsed["volume"]
    if order.full == "1":
        say(f"create full clone of mountpoint {name} ({volume})")
        storage = order.storage or volumes.split(volume)[0]
        parsed["volume"], count = copies.make(tree, volume, storage, order.target, order.snapshot)
        parsed["size"] = formats.show_size(count)
    else:
        say(f"create linked clone of mount point {name} ({volume})")
        parsed["volume"] = volumes.clone_linked(tree, volume, order.target, order.snapshot)
    made.append(parsed["volume"])
    with locks.config(tree, CT, order.target):
        conf = cluster.read(tree, CT, order.target)
        _check_ours(conf)
        conf.options[name] = values.show(mounts.kind(name), parsed, tree.release)
        cluster.write(tree, CT, order.target, conf)


def _check_ours(conf: GuestConf) -> None:
    lockwords.check(conf, "create", "Lost 'create' config lock, aborting.")


def _unlock(tree: Tree, order: _Order) -> None:
    try:
        lockwords.take(tree, CT, order.guest, "disk")
    except Failure as failure:
        complain(failure.text)


def _firewall(order: _Order) -> str:
    return f"/etc/pve/firewall/{order.target}.fw"


def _forget(tree: Tree, order: _Order) -> None:
    """Remove what there is of a clone that failed."""
    try:
        with locks.config(tree, CT, order.target):
            _check_ours(cluster.read(tree, CT, order.target))
            cluster.remove(tree, CT, order.target)
            if os.path.exists(tree(_firewall(order))):
                os.unlink(tree(_firewall(order)))
    except (Failure, OSError) as error:
        complain(f"Failed to remove target CT config - {error}")
