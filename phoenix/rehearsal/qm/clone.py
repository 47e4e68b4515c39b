"""`qm clone`: another machine, with copies of the disks or linked to those of a template."""

from __future__ import annotations

import os

from phoenix.pve import formats
from phoenix.pve.guestconf import GuestConf
from phoenix.pve.tables import machine
from phoenix.rehearsal import cluster, locks, pools, snapshots, volumes, worker
from phoenix.rehearsal.failures import Failure, Interrupted
from phoenix.rehearsal.kinds import VM
from phoenix.rehearsal.pauses import pause
from phoenix.rehearsal.qm import copies, drives, state, values
from phoenix.rehearsal.speech import complain, say

TYPE_CHECKING = False
if TYPE_CHECKING:
    from phoenix.rehearsal.tree import Tree

_NOT_CLONED = frozenset(
    (
        "lock", "parent", "running-nets-host-mtu", "runningcpu", "runningmachine", "snapstate", "snaptime", "template",
        "vmstate",
    )
)  # fmt: skip
_SECONDS = 1.0


def run(tree: Tree, given: dict[str, str]) -> int:
    """Clone a machine."""
    clone = _Clone(tree, given)
    clone.look()
    return worker.run(clone.do)


class _Clone:
    """A clone, as a call wants it. All is looked at twice: before the task, and with the locks held."""

    def __init__(self, tree: Tree, given: dict[str, str]) -> None:
        self.tree = tree
        self.given = given
        self.guest = given["vmid"]
        self.target = given["newid"]
        self.runs = state.process(tree, self.guest, 2) != 0
        self.wish = copies.Wish(
            self.guest,
            self.target,
            storage=given.get("storage", ""),
            form=given.get("format", ""),
            snapshot=given.get("snapname", ""),
            live=self.runs,
        )
        self.new = GuestConf()
        self.disks: dict[str, dict[str, str]] = {}
        self.full: set[str] = set()

    def look(self) -> None:
        """Work out what the new machine will be; Failure or BadParameters if it cannot be."""
        tree, given = self.tree, self.given
        pools.check(tree, given.get("pool"))
        node = given.get("target", tree.name)
        if node not in (tree.name, "localhost") and not os.path.isdir(tree(f"/etc/pve/nodes/{node}")):
            raise Failure(f"no such cluster node '{node}'")
        if self.wish.storage:
            values.for_images(tree, self.wish.storage)
        cluster.check_quorum(tree)
        conf = cluster.read(tree, VM, self.guest)
        cluster.check_lock(VM, conf)
        source = snapshots.find(conf, self.wish.snapshot, 2) if self.wish.snapshot else conf
        full = given.get("full", str(int(conf.options.get("template") != "1"))) == "1"
        for name in ("storage", "format"):
            if name in given and not full:
                raise Failure(f"parameter '{name}' not allowed for linked clones", 2)
        if node not in (tree.name, "localhost"):
            self._check_shared(source, node)
        if os.path.isfile(tree(cluster.guest_file(tree, VM, self.target))):
            raise Failure(f"unable to create VM {self.target}: config file already exists", 2)
        self._take_over(source, full=full)

    def _check_shared(self, source: GuestConf, node: str) -> None:
        for _, volume in drives.disks(source):
            storage = self.wish.storage or volumes.split(volume)[0]
            if not volumes.existing(self.tree, storage).is_shared():
                if self.wish.storage:
                    raise Failure(f"can't clone to non-shared storage '{storage}'")
                raise Failure(f"can't clone VM to node '{node}' (VM uses local storage)")

    def _take_over(self, source: GuestConf, *, full: bool) -> None:
        """What of the configuration the clone gets, and which disks are to be copied and how."""
        self.new, self.disks, self.full = GuestConf(), {}, set()
        self.new.description = source.description
        for name in sorted(source.options):
            value = source.options[name]
            if name in _NOT_CLONED or name.startswith("unused"):
                continue
            if full and self.runs and not self.wish.snapshot and name == "tpmstate0":
                raise Failure("cannot clone TPM state while VM is running", 2)
            if name.startswith("net") and name[3:].isdigit():
                self.new.options[name] = _fresh_address(value, self.tree.release)
            elif VM.is_drive(name):
                self._take_drive(name, value, full=full)
            else:
                self.new.options[name] = value

    def _take_drive(self, name: str, value: str, *, full: bool) -> None:
        found = drives.parse(name, value)
        generated = drives.is_cloud_init(found["file"])
        if drives.is_cdrom(found) and not generated:
            self.new.options[name] = value
            return
        as_full = full or generated or name == "tpmstate0"
        if not _can(self.tree, found["file"], "copy" if as_full else "clone", self.wish.snapshot):
            what = "a snapshot of " if self.wish.snapshot else ""
            word = "Full" if as_full else "Linked"
            raise Failure(f"{word} clone feature is not supported for {what}'{found['file']}' ({name})", 2)
        if as_full:
            self.full.add(name)
        self.disks[name] = found

    def do(self) -> None:
        """The work of the task."""
        tree = self.tree
        source = VM.lock.format(self.guest)
        with locks.file(tree, source, _SECONDS, shared=not self.runs), locks.config(tree, VM, self.target, _SECONDS):
            self.look()
            if tree.release >= 9:
                say(f"creating a clone of VM {self.guest} with ID {self.target}")
            self._name()
            self._reserve()
            made: list[str] = []
            try:
                self._fill(made)
            except (Failure, Interrupted, OSError) as error:
                text = {Failure: str(error), Interrupted: "interrupted by signal"}.get(type(error), str(error))
                self._undo(made)
                raise Failure(f"clone failed: {text}") from error

    def _name(self) -> None:
        settings = self.new.options
        settings["smbios1"] = _fresh_uuid(settings.get("smbios1", ""))
        if settings.get("vmgenid", "0") != "0":
            settings["vmgenid"] = values.uuid()
        settings["name"] = self.given.get("name") or "Copy-of-VM-" + settings.get("name", self.guest)
        if self.given.get("description"):
            self.new.description = self.given["description"] + "\n"

    def _reserve(self) -> None:
        path = cluster.guest_file(self.tree, VM, self.target)
        try:
            cluster.create(self.tree, VM, self.target, "# qmclone temporary file\nlock: clone\n")
        except cluster.Taken as error:
            raise Failure(f"close (rename) atomic file '{path}' failed: File exists") from error
        firewall = f"/etc/pve/firewall/{self.guest}.fw"
        if os.path.exists(self.tree(firewall)):
            self.tree.replace(f"/etc/pve/firewall/{self.target}.fw", self.tree.read(firewall))

    def _fill(self, made: list[str]) -> None:
        self.new.options["lock"] = "clone"
        for found in self.disks.values():
            if not drives.is_cloud_init(found["file"]):
                volumes.check_exists(self.tree, found["file"])
        for name in sorted(self.disks):
            copied = copies.copy(self.tree, name, self.disks[name], self.wish, made, full=name in self.full)
            self.new.options[name] = drives.show(copied, self.tree.release)
            cluster.write(self.tree, VM, self.target, self.new)
        pause()
        del self.new.options["lock"]
        conf = cluster.read_quick(self.tree, VM, self.guest)
        waiting = [*conf.pending, *(["delete"] if conf.delete else [])]
        if waiting and not self.wish.snapshot:
            complain(f"found pending changes for '{','.join(waiting)}', discarding for clone")
        cluster.write(self.tree, VM, self.target, self.new)
        pools.add(self.tree, self.given.get("pool"), self.target)

    def _undo(self, made: list[str]) -> None:
        for volume in made:
            try:
                volumes.free(self.tree, volume)
            except Failure as failure:
                complain(failure.text)
        firewall = self.tree(f"/etc/pve/firewall/{self.target}.fw")
        if os.path.exists(firewall):
            os.unlink(firewall)
        cluster.remove(self.tree, VM, self.target)


def _can(tree: Tree, volume: str, feature: str, snapshot: str) -> bool:
    return formats.is_volume_id(volume) and volumes.has_feature(tree, volume, feature, snapshot)


def _fresh_address(text: str, release: int) -> str:
    found = formats.properties(machine.PROPERTIES["net"], text)[0]
    found.pop("macaddr", None)
    model = found.pop("model")
    return values.network(",".join([model, *(f"{key}={value}" for key, value in found.items())]), release)


def _fresh_uuid(text: str) -> str:
    found = formats.properties(machine.PROPERTIES["smbios1"], text)[0] if text else {}
    found["uuid"] = values.uuid()
    return ",".join(f"{key}={found[key]}" for key in sorted(found))
