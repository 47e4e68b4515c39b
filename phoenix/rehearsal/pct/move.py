"""`pct move-volume`: to another storage, or to another container."""

from __future__ import annotations

from phoenix.pve import formats
from phoenix.rehearsal import cluster, locks, lockwords, running, volumes, worker
from phoenix.rehearsal.failures import BadParameters, Failure, Interrupted
from phoenix.rehearsal.kinds import CT
from phoenix.rehearsal.pauses import pause
from phoenix.rehearsal.pct import change, copies, generated, mounts, values
from phoenix.rehearsal.speech import complain, count_warning, say

TYPE_CHECKING = False
if TYPE_CHECKING:
    from phoenix.pve.guestconf import GuestConf
    from phoenix.rehearsal.tree import Tree


def run(tree: Tree, given: dict[str, str]) -> int:
    """Move a volume."""
    if "storage" in given and "target-vmid" in given:
        raise Failure("either set storage or target-vmid, but not both")
    if "target-vmid" in given:
        target = _Target(given)
        target.check(tree)
        return worker.run(lambda: target.reassign(tree))
    if "storage" not in given:
        text = "both 'storage' and 'target-vmid' missing, either needs to be set"
        raise BadParameters({"storage": text, "target-vmid": text})
    parsed = _check(tree, given)
    return worker.run(lambda: _task(tree, given, parsed))


# --- to another storage ---


def _check(tree: Tree, given: dict[str, str]) -> dict[str, str]:
    """Lock the container for the move of one of its mount points, and return what that says."""
    guest, name = given["vmid"], given["volume"]
    with locks.config(tree, CT, guest):
        conf = cluster.read(tree, CT, guest)
        cluster.check_lock(CT, conf)
        if running.is_running(tree, guest):
            raise Failure("cannot move volumes of a running container")
        if name.startswith("unused"):
            raise Failure(f"cannot move volume '{name}', only configured volumes can be moved to another storage")
        parsed = mounts.parsed(conf, name)
        if given.get("delete") == "1" and mounts.in_snapshots(conf, parsed["volume"]):
            raise Failure("you can't move a volume with snapshots and delete the source")
        cluster.check_digest(tree, CT, guest, given.get("digest"))
        conf.options["lock"] = "disk"
        cluster.write(tree, CT, guest, conf)
    return parsed


def _task(tree: Tree, given: dict[str, str], parsed: dict[str, str]) -> None:
    try:
        _move(tree, given, parsed)
    finally:
        try:
            lockwords.take(tree, CT, given["vmid"], "disk")
        except Failure as failure:
            complain(failure.text)


def _move(tree: Tree, given: dict[str, str], parsed: dict[str, str]) -> None:
    guest, name, old = given["vmid"], given["volume"], parsed["volume"]
    delete = given.get("delete") == "1"
    is_template = cluster.read(tree, CT, guest).options.get("template") == "1"
    digest = cluster.digest(tree, CT, guest)
    made, count = copies.make(tree, old, given["storage"], guest)
    try:
        if is_template:
            made = volumes.make_base(tree, made)
        pause()
        parsed.update(volume=made, size=formats.show_size(count))
        with locks.config(tree, CT, guest):
            cluster.check_digest(tree, CT, guest, digest)
            conf = cluster.read(tree, CT, guest)
            conf.options[name] = values.show(mounts.kind(name), parsed, tree.release)
            if not delete:
                mounts.keep_unused(conf, old)
            cluster.write(tree, CT, guest, conf)
    except (Failure, Interrupted, OSError):
        mounts.free(tree, [made])
        raise
    if delete:
        _drop(tree, guest, old)


def _drop(tree: Tree, guest: str, volume: str) -> None:
    """Remove a volume that was moved; one that cannot be is kept as unused."""
    try:
        volumes.free(tree, volume)
    except (Failure, OSError) as error:
        complain(str(error))
        with locks.config(tree, CT, guest):
            conf = cluster.read(tree, CT, guest)
            mounts.keep_unused(conf, volume)
            cluster.write(tree, CT, guest, conf)


# --- to another container ---


class _Target:
    """The move of a volume from a container to another, or to another place in the same one."""

    def __init__(self, given: dict[str, str]) -> None:
        self.guest = given["vmid"]
        self.name = given["volume"]
        self.other = given["target-vmid"]
        self.key = given.get("target-volume", self.name)
        self.digests = (given.get("digest"), given.get("target-digest"))

    def check(self, tree: Tree) -> tuple[GuestConf, GuestConf, dict[str, str]]:
        """Both configurations and what is moved; Failure if it cannot be."""
        if "rootfs" in (self.name, self.key):
            raise Failure("Cannot move to/from 'rootfs'")
        if self.name.startswith("unused") and not self.key.startswith("unused"):
            raise Failure("Moving an unused volume to a used one is not possible")
        self._check_place(tree)
        conf, other = self._read(tree)
        for guest, digest in zip((self.guest, self.other), self.digests):
            try:
                cluster.check_digest(tree, CT, guest, digest)
            except Failure as failure:
                raise Failure(f"Container {guest}: {failure.text}") from failure
        if self.name not in conf.options:
            raise Failure(f"volume '{self.name}' for container '{self.guest}' does not exist")
        if self.key in other.options:
            raise Failure(f"Target volume key '{self.key}' is already in use for container '{self.other}'")
        parsed = mounts.parsed(conf, self.name)
        self._check_volume(tree, conf, parsed["volume"])
        return conf, other, parsed

    def _check_place(self, tree: Tree) -> None:
        nodes = []
        for guest in (self.guest, self.other):
            kind, node = cluster.owner(tree, guest)
            if not kind:
                raise Failure(f"could not find CT {guest}")
            nodes.append(node)
        if nodes[0] != nodes[1]:
            raise Failure(f"Both containers need to be on the same node ({nodes[0]} != {nodes[1]})")

    def _read(self, tree: Tree) -> tuple[GuestConf, GuestConf]:
        conf = other = cluster.read(tree, CT, self.guest)
        cluster.check_lock(CT, conf)
        if self.other != self.guest:
            other = cluster.read(tree, CT, self.other)
            cluster.check_lock(CT, other)
        if "1" in (conf.options.get("template"), other.options.get("template")):
            raise Failure("Can't move volumes from or to template CT")
        return conf, other

    def _check_volume(self, tree: Tree, conf: GuestConf, volume: str) -> None:
        if mounts.in_snapshots(conf, volume):
            raise Failure("Cannot move volume used by a snapshot to another container")
        if not mounts.has_feature(tree, volume, "rename"):
            raise Failure("Storage does not support moving of this disk to another container")
        if running.is_running(tree, self.guest) and not self.name.startswith("unused"):
            text = "Cannot move in-use volume while the source CT is running - detach or shutdown first"
            raise Failure(text)

    def reassign(self, tree: Tree) -> None:
        """Move it."""
        with locks.config(tree, CT, self.guest):
            if self.other == self.guest:
                self._reassign(tree)
                return
            with locks.config(tree, CT, self.other):
                self._reassign(tree)

    def _reassign(self, tree: Tree) -> None:
        conf, other, parsed = self.check(tree)
        say(f"moving volume '{self.name}' from container '{self.guest}' to '{self.other}'")
        parsed["volume"] = volumes.rename(tree, parsed["volume"], self.other)
        del conf.options[self.name]
        say(f"removing volume '{self.name}' from container '{self.guest}' config")
        cluster.write(tree, CT, self.guest, conf)
        pause()
        if self.key.startswith("unused"):
            other.options[self.key] = parsed["volume"]
            cluster.write(tree, CT, self.other, other)
        else:
            value = values.show(mounts.kind(self.key), parsed, tree.release)
            for fault in change.give(tree, self.other, other, {self.key: value}).values():
                count_warning(fault)
            cluster.write(tree, CT, self.other, other)
            generated.write(tree, self.other, cluster.read(tree, CT, self.other), first=False)
        say(f"target container '{self.other}' updated with '{self.key}'")
