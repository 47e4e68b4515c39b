"""`pvesm alloc`, `free`, `path`, `export`, `import`, `extractconfig`: one volume."""

from __future__ import annotations

import os

from phoenix.pve import storages
from phoenix.rehearsal import imagefiles, volumes, worker
from phoenix.rehearsal.failures import BadParameters, Failure
from phoenix.rehearsal.speech import complain, say

TYPE_CHECKING = False
if TYPE_CHECKING:
    from phoenix.pve.storages import Storage
    from phoenix.rehearsal.tree import Tree

_UNITS = {"M": 1 << 10, "G": 1 << 20}
_FORMS = ("raw", "qcow2", "vmdk", "subvol")


def alloc(tree: Tree, given: dict[str, str]) -> int:
    """Make a volume."""
    text, name = given["size"], given["filename"]
    kib = int(text.rstrip("MG")) * _UNITS.get(text[-1:], 1)
    storage = volumes.enabled(tree, given["storage"])
    form = given.get("format") or storage.other.get("format", "raw")
    plain = _plain_name(storage, given["vmid"], name, form) if name else ""
    volume = volumes.allocate(tree, storage, given["vmid"], kib, form, plain)
    say(f"successfully created '{volume}'")
    return 0


def _plain_name(storage: Storage, guest: str, name: str, form: str) -> str:
    """The name without its format, checked."""
    if not storage.is_files():
        begin = "subvol" if form == "subvol" else "vm"
        if not name.startswith(f"{begin}-{guest}-"):
            raise Failure(f"illegal name '{name}' - should be '{begin}-{guest}-*'")
        return name
    plain, _, suffix = name.rpartition(".")
    if suffix not in _FORMS or not plain or "/" in name:
        raise Failure(f"unable to parse volume filename '{name}'", 25)
    if suffix != form:
        raise Failure(f"illegal name '{name}' - wrong extension for format ('{suffix} != '{form}')", 25)
    return plain


def free(tree: Tree, given: dict[str, str]) -> int:
    """Remove a volume. The real one ends with 0 even if that failed."""
    volume = given["volume"]
    if ":" not in volume:
        if "storage" not in given:
            raise BadParameters({"volume": "no storage specified - incomplete volume ID"})
        volume = f"{given['storage']}:{volume}"
    storage, name = volumes.split(volume)
    volumes.check_name(volumes.enabled(tree, storage), name, tree.release)

    def task() -> None:
        if volumes.in_use_by_clones(tree, volume):
            raise Failure(f"base volume '{name}' is still in use by linked clones")
        missing = not volumes.exists(tree, volume)
        if missing and volumes.existing(tree, storage).type == "btrfs" and volume.endswith(".raw"):
            path = os.path.dirname(volumes.node_path(tree, volume))
            text = "ERROR: Could not statfs: No such file or directory"
            raise Failure(f"command 'btrfs subvolume delete -- {path}' failed: {text}")
        volumes.free(tree, volume)
        say(f"Removed volume '{volume}'")

    worker.run(task)
    return 0


def path(tree: Tree, given: dict[str, str]) -> int:
    """Where a volume is, or would be."""
    storage, name = volumes.split(given["volume"])
    found = volumes.existing(tree, storage)
    volumes.check_name(found, name, tree.release)
    if found.is_files():
        say(storages.volume_path(found, given["volume"]))
    else:
        group = found.other.get("vgname") or found.other.get("pool", storage)
        say(f"/{group}/{name}" if volumes.form(tree, given["volume"]) == "subvol" else _device(found, group, name))
    return 0


def _device(storage: Storage, group: str, name: str) -> str:
    return f"/dev/zvol/{group}/{name}" if storage.type == "zfspool" else f"/dev/{group}/{name}"


def extract(tree: Tree, given: dict[str, str]) -> int:
    """The configuration in a backup."""
    volume = given["volume"]
    if not volumes.exists(tree, volume):
        place = "/usr/share/perl5/PVE/CLI/pvesm.pm line 430, <DATA> line 960"
        complain(f"Use of uninitialized value $ownervm in concatenation (.) or string at {place}.")
        raise Failure(f"volume '{volume}' does not exist", 2)
    from phoenix.rehearsal import backups

    say(backups.configuration(tree, volumes.node_path(tree, volume)).rstrip("\n"))
    return 0


def export(tree: Tree, given: dict[str, str]) -> int:
    """Write a volume to a file: its size in eight bytes, then itself."""
    volume, form = given["volume"], given["format"]
    if not volumes.exists(tree, volume):
        raise Failure(f"volume '{volume}' does not exist", 2)
    wanted = {"raw+size": "raw", "qcow2+size": "qcow2", "vmdk+size": "vmdk"}.get(form, "")
    if volumes.form(tree, volume) != wanted:
        raise Failure(f"volume export format {form} not available for '{volume}'")
    target = given["filename"]
    data = (volumes.size(tree, volume) or 0).to_bytes(8, "little")
    source = tree(volumes.node_path(tree, volume))
    if target == "-":
        os.write(1, data)
        with open(source, "rb") as file:
            for part in iter(lambda: file.read(1 << 20), b""):
                os.write(1, part)
        return 0
    with open(tree.given(target), "wb") as writer, open(source, "rb") as reader:
        writer.write(data)
        for part in iter(lambda: reader.read(1 << 20), b""):
            writer.write(part)
    return 0


def bring_in(tree: Tree, given: dict[str, str]) -> int:
    """Make a volume of what `pvesm export` wrote."""
    volume, form = given["volume"], given["format"].partition("+")[0]
    storage, name = volumes.split(volume)
    found = volumes.enabled(tree, storage)
    if form not in _FORMS or not os.path.isfile(tree.given(given["filename"])):
        raise Failure(f"volume import format {given['format']} not available")
    if volumes.exists(tree, volume):
        if given.get("allow-rename") != "1":
            raise Failure(f"file '{name}' already exists")
        name = ""
    guest = volumes.owner(tree, volume)
    plain = name.rpartition("/")[2]
    plain = plain.rpartition(".")[0] if found.is_files() and plain else plain
    with open(tree.given(given["filename"]), "rb") as reader:
        count = int.from_bytes(reader.read(8), "little")
        made = volumes.allocate(tree, found, guest, -(-count // 1024), form, plain)
        with open(tree(volumes.node_path(tree, made)), "r+b") as writer:
            for part in iter(lambda: reader.read(1 << 20), b""):
                writer.write(part)
    if form == "raw":
        imagefiles.resize(tree(volumes.node_path(tree, made)), count)
    say(f"successfully imported '{made}'")
    return 0
