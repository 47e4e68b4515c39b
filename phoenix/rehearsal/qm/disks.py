"""Disks that a call of qm asks for: checked first, then made, imported or measured."""

from __future__ import annotations

import os

from phoenix.pve import formats
from phoenix.rehearsal import imagefiles, volumes
from phoenix.rehearsal.failures import BadParameters, Failure
from phoenix.rehearsal.kinds import VM
from phoenix.rehearsal.qm import drives, real, values
from phoenix.rehearsal.speech import say

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from phoenix.rehearsal.tree import Tree

_CLOUD_INIT_KIB = 4096
_TPM_KIB = 4096
_EFI_KIB = {"2m": 128, "4m": 528}
_FIRMWARE = "/usr/share/pve-edk2-firmware//OVMF_CODE.fd"


def check(tree: Tree, given: Mapping[str, str]) -> None:
    """Failure or BadParameters if a drive of the call cannot be what it says."""
    for name in sorted(given):
        if not VM.is_drive(name):
            continue
        parsed = drives.parse(name, given[name])
        file = parsed["file"]
        if file in ("none", "cdrom") or file.startswith("/"):
            continue
        storage, rest = volumes.split(file)
        wanted = values.new_size(file)
        if "import-from" in parsed and (wanted is None or wanted[1]):
            text = "'import-from' requires special syntax - use <storage ID>:0,import-from=<source>"
            raise BadParameters({name: text})
        if wanted or rest == "cloudinit":
            values.for_images(tree, storage)
        else:
            volumes.check_name(volumes.existing(tree, storage), rest, tree.release)


def make(tree: Tree, guest: str, name: str, text: str, made: list[str]) -> str:
    """What is stored for a drive, once its volume is there; volumes that were made are added to `made` at once."""
    parsed = drives.parse(name, text)
    file = parsed["file"]
    wanted = values.new_size(file)
    if drives.is_cloud_init(file) and file.rpartition(":")[2] == "cloudinit":
        return _cloud_init(tree, guest, name, parsed, made)
    if wanted:
        return _new(tree, guest, name, parsed, wanted, made)
    if file in ("none", "cdrom"):
        return drives.show(parsed, tree.release)
    if file.startswith("/"):
        if not os.path.exists(tree(file)):
            raise Failure(f"path '{file}' does not exist", 2)
        return drives.show(parsed, tree.release)
    if not volumes.exists(tree, file):
        raise Failure(f"volume '{file}' does not exist")
    if not drives.is_cloud_init(file):
        drives.measure(tree, parsed)
    return drives.show(parsed, tree.release)


def _new(tree: Tree, guest: str, name: str, parsed: dict[str, str], wanted: tuple[str, int], made: list[str]) -> str:
    storage, kib = wanted
    form = parsed.pop("format", "") or values.default_form(tree, storage)
    source = parsed.pop("import-from", "")
    if source:
        values.check_import(tree, source)
        kib = -(-values.import_size(tree, source) // 1024)
    elif name.startswith("tpmstate"):
        kib = _TPM_KIB
    elif name.startswith("efidisk"):
        kib = _EFI_KIB[parsed.get("efitype", "2m")]
        if not os.path.exists(tree(_FIRMWARE)):
            raise Failure(f"EFI base image '{_FIRMWARE}' not found")
    parsed["file"] = volumes.allocate(tree, volumes.existing(tree, storage), guest, kib, form)
    made.append(parsed["file"])
    if source:
        fill(tree, source, parsed["file"])
    parsed["size"] = formats.show_size(kib << 10)
    shown = drives.show(parsed, tree.release)
    say(f"{name}: successfully created disk '{shown}'")
    return shown


def fill(tree: Tree, source: str, target: str) -> None:
    """Copy an image into a new volume, and tell how far it is."""
    count = values.import_size(tree, source) / (1 << 30)
    for share in (0, 50, 100):
        say(f"transferred {count * share / 100:.1f} GiB of {count:.1f} GiB ({share:.2f}%)")
    if real.is_wanted(tree):
        real.copy(tree, source, target)
        return
    path = tree(volumes.node_path(tree, target))
    if values.system_of(tree, source) and os.path.isfile(path):
        imagefiles.mark(path)


def _cloud_init(tree: Tree, guest: str, name: str, parsed: dict[str, str], made: list[str]) -> str:
    storage = volumes.existing(tree, parsed["file"].partition(":")[0])
    form = parsed.pop("format", "") or ("qcow2" if storage.is_files() and storage.type != "btrfs" else "raw")
    parsed["file"] = volumes.allocate(tree, storage, guest, _CLOUD_INIT_KIB, form, f"vm-{guest}-cloudinit")
    made.append(parsed["file"])
    parsed["media"] = "cdrom"
    parsed.pop("size", None)
    shown = drives.show(parsed, tree.release)
    say(f"{name}: successfully created disk '{shown}'")
    return shown


def free(tree: Tree, made: list[str]) -> None:
    """Remove volumes that were made in vain."""
    for volume in made:
        volumes.free(tree, volume)


def free_unless_base(tree: Tree, volume: str) -> None:
    """Remove a volume; Failure if linked clones need it."""
    if volumes.in_use_by_clones(tree, volume):
        raise Failure(f"base volume '{volume}' is still in use by linked cloned")
    volumes.free(tree, volume)
