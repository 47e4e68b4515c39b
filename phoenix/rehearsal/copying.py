"""Copying: a rehearsal node like the present one, without its secrets and without what is in its volumes."""

from __future__ import annotations

import contextlib
import os
import stat

from phoenix import errors, output
from phoenix.pve import guestconf
from phoenix.rehearsal import (
    cluster,
    faults,
    hostfiles,
    layout,
    node,
    outcome,
    places,
    running,
    shelves,
    templates,
    volumes,
)
from phoenix.rehearsal.failures import Failure
from phoenix.rehearsal.present import Present
from phoenix.rehearsal.qm import agent
from phoenix.rehearsal.qm import running as machines
from phoenix.rehearsal.volumes import activation
from phoenix.rehearsal.volumes import plugin as plugins

_NO_HASH = hostfiles.NO_HASH + "\n"
_STAND_INS = {
    "password_file": f"root:{_NO_HASH}",
    "cipassword_file": _NO_HASH,
    "password_hash_file": _NO_HASH,
    "initial_password_file": "rehearsal\n",
    "secret_file": hostfiles.NO_VALUE + "\n",
}
"""What a copy has instead of files with a password, its hash, or a token, by the key that names them."""
_PUBLIC = ("ssh_public_keys_file", "sshkeys_file")
"""Keys that name files of which a copy has the content."""
TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import Any

    from phoenix.pve.guestconf import GuestConf
    from phoenix.rehearsal.tree import Tree
    from phoenix.rehearsal.volumes.plugin import Plugin

_KERNELS = ("/dev", "/proc", "/sys")
"""Folders that the rehearsal node has its own of: only what is named in /dev is made."""


def run(folder: str, options: Mapping[str, str]) -> None:
    """Make a copy, and say of what."""
    root = os.path.abspath(options["--root"]) if options.get("--root") else ""
    config = os.path.abspath(options["--config"]) if options.get("--config") else ""
    line = copy(folder, root, config) if os.path.lexists(f"{root}/etc/pve") else fresh(folder, root)
    if options.get("--output") == "json":
        output.document(folder=os.path.abspath(folder), made=line, exit_code=0)
    else:
        output.text(line)


def fresh(folder: str, root: str) -> str:
    """Make a new node where there is none to be copied; returns a line that says so."""
    target = places.check(folder)
    where = root or "this machine"
    node.make(target, lambda: _make_fresh(target, where))
    what = layout.describe(target, folder).partition(": a rehearsal node of ")[2]
    return f"there is no Proxmox VE on {where}: a fresh node takes its place, {what}"


def _make_fresh(target: str, where: str) -> None:
    tree = layout.make(target, node.facts("9", {}), {})
    outcome.begin(tree, {"of": tree.name, "fresh": True, "remarks": [f"there is no Proxmox VE on {where}"]})


def copy(folder: str, root: str, config: str) -> str:
    """Make a copy of the node in `root`, "" for this machine; returns a line that says of what."""
    target = places.check(folder)
    present = Present(root)
    for storage in present.usable():
        for kind in ("images", "vztmpl", "iso", "backup", "snippets"):
            if storage.path and places.within(os.path.realpath(target), os.path.realpath(root + storage.folder(kind))):
                raise errors.Refused(f"{folder} lies in the storage {storage.name}", "choose another folder")
    node.make(target, lambda: _Copy(target, present, config).make())
    guests = [folder for _, folder, _, _ in present.guest_files()]
    counts = f"{guests.count('lxc')} containers, {guests.count('qemu-server')} virtual machines"
    where = ", ".join(sorted(present.storages))
    return f"a copy of {present.name} (Proxmox VE {present.version or present.release}): {counts}, storages {where}"


class _Copy:
    """One copy on its way."""

    def __init__(self, target: str, present: Present, config: str) -> None:
        self.target = target
        self.present = present
        self.config = config
        self.guests = list(present.guest_files())
        self.shelves = shelves.look(present)

    def make(self) -> None:
        """Make all of it."""
        present = self.present
        bridges, others = present.interfaces()
        setup = {
            "hostname": present.name,
            "address": present.address(),
            "bridges": bridges,
            "timezone": present.timezone(),
            "cpus": present.cpus(),
            "storage.cfg": present.read("/etc/pve/storage.cfg"),
            "content": [item for shelf in self.shelves.values() for item in shelf.content],
        }
        facts = node.facts(str(present.release), setup)
        facts["templates"].update(present.facts.get("templates", {}))
        os.makedirs(self.target, 0o700, exist_ok=True)
        tree = layout.make(self.target, facts, setup)
        for name in others:
            os.makedirs(tree(f"/sys/class/net/{name}"), exist_ok=True)
        self._write_cluster(tree)
        for path, text in present.own_files():
            layout.write(tree(path), text, 0o600)
        mounts = self._mounts()
        if mounts:
            layout.write(tree(activation.MOUNTS), mounts)
        with _silence():
            self._make_volumes(tree)
        hostfiles.bring(present, tree)
        if any("users" in table for table in _tables_of(self.config)):
            hostfiles.bring_passwords(present, tree)
        if any("sysctl" in table for table in _tables_of(self.config)):
            hostfiles.bring_parameters(present, tree)
        self._make_paths(tree)
        layout.write(tree(f"{agent.FOLDER}/all.json"), "{}\n")
        self._start(tree)
        wanted = present.data(faults.FILE) if present.facts else None
        if wanted is not None:
            layout.write(tree(faults.FILE), wanted)
        outcome.begin(tree, self._origin())

    def _write_cluster(self, tree: Tree) -> None:
        for name in self.present.nodes():
            for folder in ("lxc", "qemu-server"):
                os.makedirs(tree(f"/etc/pve/nodes/{name}/{folder}"), exist_ok=True)
        for path, text in self.present.cluster_files():
            layout.write(tree(path), text, 0o640)
        for name, folder, guest, text in self.guests:
            layout.write(tree(f"/etc/pve/nodes/{name}/{folder}/{guest}.conf"), text, 0o640)
        members = self.present.data("/etc/pve/.members")
        if not self.present.has_quorum():
            members = b'{"nodename": "%s", "version": 1, "cluster": {"quorate": 0}}\n' % self.present.name.encode()
        if members is not None:
            os.chmod(tree("/etc/pve/.members"), 0o640)
            layout.write(tree("/etc/pve/.members"), members, 0o440)
        cluster.refresh(tree)

    def _mounts(self) -> str:
        """What is mounted, without the options, in which there may be names of users."""
        lines = [line.split(" ") for line in self.present.read(activation.MOUNTS).split("\n")]
        return "".join(f"{' '.join(words[:3])} rw 0 0\n" for words in lines if len(words) > 2)

    # --- volumes ---

    def _make_volumes(self, tree: Tree) -> None:
        """Each volume as a file that is as large as the volume, and empty; those that guests name come first."""
        found = {name: plugins.plugin(tree, storage) for name, storage in self.present.storages.items()}
        for name, folder, guest, text in self.guests:
            said = text.decode("utf-8", "replace")
            for volume, count in shelves.volumes_named(said, self.present.storages):
                self._make_named(found[volume.partition(":")[0]], volume, count, name, guest)
            if name == self.present.name:
                conf = guestconf.parse(said)
                self._keep_snapshots(found, conf)
                if folder == "lxc":
                    self._fill(tree, found, conf.options)
        for storage, shelf in self.shelves.items():
            for name, count in shelf.volumes.items():
                self._make_volume(found[storage], name, count)

    def _make_named(self, found: Plugin, volume: str, count: int, node: str, guest: str) -> None:
        """Make a volume that a guest of `node` names, if this node sees it too."""
        storage, name = found.storage, volume.partition(":")[2]
        shelf = self.shelves.get(storage.name)
        if shelf is None or (node != self.present.name and not storage.is_shared()):
            return
        try:
            path = found.path(name)
            if storage.is_files() and not shelf.fault and self.present.facts_of(path) is None:
                self.present.remarks.append(f"{volume}, which {guest} names, is not there")
                return
        except Failure:
            pass  # it will be said below
        self._make_volume(found, name, shelf.volumes.get(name) or count)

    def _make_volume(self, found: Plugin, name: str, count: int) -> None:
        try:
            layout.inside(self.target, found.path(name))
            if not found.exists(name):
                found.represent(name, count)
        except (Failure, OSError) as error:
            self.present.remarks.append(f"{found.storage.name}:{name} could not be represented: {error}")

    def _keep_snapshots(self, found: Mapping[str, Plugin], conf: GuestConf) -> None:
        """Take the snapshots that a guest's file tells of."""
        for snapshot, section in conf.snapshots.items():
            kept = {key: value for key, value in section.options.items() if key != "vmstate"}
            lines = "\n".join(f"{key}: {value}" for key, value in kept.items())
            for volume, _ in shelves.volumes_named(lines, self.present.storages):
                storage, _, name = volume.partition(":")
                plugin = found[storage]
                try:
                    if plugin.exists(name) and plugin.feature(name, "snapshot", "", ()):
                        plugin.snapshot(name, snapshot)
                except (Failure, OSError) as error:
                    self.present.remarks.append(f"snapshot {snapshot} of {volume} could not be represented: {error}")

    def _fill(self, tree: Tree, found: Mapping[str, Plugin], options: Mapping[str, str]) -> None:
        """Note on a container's disk which system is on it, as its file says."""
        for volume, _ in shelves.volumes_named(f"rootfs: {options.get('rootfs', '')}", self.present.storages):
            storage, _, name = volume.partition(":")
            if found[storage].exists(name):
                known = templates.read(volumes.look(self.present, volume)) if self.present.facts else {}
                system = {"ostype": options.get("ostype", "unmanaged"), "arch": options.get("arch", "amd64")}
                volumes.fill(tree, volume, templates.show(known or {**system, "init": "1"}))

    # --- other folders and files ---

    def _make_paths(self, tree: Tree) -> None:
        """The folders, files and devices that guests and configuration name, as far as they are there; all empty."""
        named = set(_files_of(self.config))
        wanted = {*self._paths_of_guests(), *_paths_of(self.config), *(os.path.dirname(path) for _, path in named)}
        for path in sorted({os.path.normpath(path) for path in wanted}):
            facts = self.present.facts_of(path)
            if facts is None or os.path.lexists(tree(path)) or path.startswith(_KERNELS[1:]):
                continue
            try:
                if stat.S_ISDIR(facts.st_mode):
                    os.makedirs(layout.inside(tree.root, path), exist_ok=True)
                else:
                    size = facts.st_size if stat.S_ISREG(facts.st_mode) else 0
                    layout.put(layout.inside(tree.root, path), {"size": size, "mode": f"{facts.st_mode & 0o777:o}"})
            except OSError as error:
                self.present.remarks.append(f"{path} could not be represented: {error.strerror}")

        for key, path in named:
            if os.path.isfile(tree(path)):
                text = _STAND_INS.get(key)
                layout.write(tree(path), text if text is not None else self.present.data(path) or b"", 0o600)
        for table in _tables_of(self.config):
            hostfiles.bring_packages(self.present, tree, table)
            hostfiles.bring_users(self.present, tree, table)

    def _paths_of_guests(self) -> Iterator[str]:
        for name, _, _, text in self.guests:
            if name == self.present.name:
                yield from shelves.paths_named(text.decode("utf-8", "replace"))

    # --- what runs ---

    def _start(self, tree: Tree) -> None:
        running.start(tree, *sorted(running.guests(self.present)))
        for guest in outcome.machines(self.present):
            machines.start(tree, guest)
        for _, folder, guest, _ in self.guests:
            path = f"/var/lib/lxc/{guest}/config"
            if folder == "lxc" and os.path.isfile(self.present(path)):
                layout.write(tree(path), "")

    def _origin(self) -> dict[str, Any]:
        present = self.present
        remarks = list(dict.fromkeys(present.remarks))
        remarks += [f"storage {name} {shelf.fault}" for name, shelf in self.shelves.items() if shelf.fault]
        remarks += [f"some process works on guest {guest} there at this moment" for guest in present.worked_on()]
        return {
            "of": present.name,
            "fresh": False,
            "version": present.version,
            "remarks": remarks,
            "free": {name: shelf.free for name, shelf in self.shelves.items()},
        }


@contextlib.contextmanager
def _silence() -> Iterator[None]:
    """What the tools would say of volumes that they make is not said meanwhile."""
    kept, nothing = os.dup(1), os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nothing, 1)
        yield
    finally:
        os.dup2(kept, 1)
        os.close(kept)
        os.close(nothing)


def _paths_of(config: str) -> Iterator[str]:
    """The absolute paths in the files of a configuration."""
    for table in _tables_of(config):
        yield from _paths_in(table)


def _files_of(config: str) -> Iterator[tuple[str, str]]:
    """The files with passwords and keys that a configuration names, each with the key that names it."""
    for table in _tables_of(config):
        yield from _files_in(table)


def _files_in(table: Mapping[str, object]) -> Iterator[tuple[str, str]]:
    for key, value in table.items():
        if isinstance(value, dict):
            yield from _files_in(value)
        elif key in (*_STAND_INS, *_PUBLIC) and isinstance(value, str) and value.startswith("/"):
            yield key, os.path.normpath(value)


def _tables_of(config: str) -> Iterator[Mapping[str, object]]:
    """What the files of a configuration say; what is wrong with them, the verb will say."""
    import tomli

    for folder, _, names in os.walk(config) if config else ():
        for name in names:
            if name.endswith(".toml"):
                try:
                    with open(f"{folder}/{name}", "rb") as file:
                        yield tomli.loads(file.read(1 << 20).decode())
                except (OSError, ValueError, RecursionError):
                    continue


def _paths_in(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield from (word for word in value.replace(",", " ").split() if word.startswith("/"))
    elif isinstance(value, (dict, list)):
        for item in value.values() if isinstance(value, dict) else value:
            yield from _paths_in(item)
