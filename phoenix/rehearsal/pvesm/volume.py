"""`pvesm alloc`, `free`, `path`, `extractconfig`: one volume."""

from __future__ import annotations

import os

from phoenix.pve import formats, storages
from phoenix.rehearsal import backups, volumes, worker
from phoenix.rehearsal.failures import BadParameters, Failure
from phoenix.rehearsal.speech import complain, say

TYPE_CHECKING = False
if TYPE_CHECKING:
    from phoenix.rehearsal.tree import Tree

_UNITS = {"M": 1 << 10, "G": 1 << 20}
_NAMED_FORMATS = ("raw", "qcow2", "vmdk")
_NO_OWNER = (
    "Use of uninitialized value $ownervm in concatenation (.) or string at /usr/share/perl5/PVE/CLI/pvesm.pm "
    "line 187, <DATA> line 960."
)


def alloc(tree: Tree, given: dict[str, str]) -> int:
    """Make a volume."""
    say(f"successfully created '{make(tree, given)}'")
    return 0


def make(tree: Tree, given: dict[str, str]) -> str:
    """Make a volume, whose name may say the format; returns the volume."""
    text, name = given["size"], given["filename"]
    kib = int(text.rstrip("MG")) * _UNITS.get(text[-1:], 1)
    form, named = given.get("format", ""), name.rpartition(".")[2]
    if named in _NAMED_FORMATS and "." in name:
        if form not in ("", named):
            raise BadParameters({"format": f"different storage formats ({form} != {named})"})
        form = named
    storage = volumes.enabled(tree, given["storage"])
    form = form or volumes.default_format(tree, storage)
    if name and storage.is_files():
        volumes.image_format(name)
    return volumes.allocate(tree, storage, given["vmid"], kib, form, name)


def _volume_id(given: dict[str, str]) -> str:
    """The volume that is meant, whose storage may be given as an option."""
    volume, storage = given["volume"], given.get("storage", "")
    if ":" not in volume:
        if not storage:
            raise BadParameters({"volume": "no storage specified - incomplete volume ID"})
        return f"{storage}:{volume}"
    if not formats.is_volume_id(volume):
        raise BadParameters({"volume": f"unable to parse volume ID '{volume}'\n"})
    named = storages.split_volume(volume)[0]
    if storage and named != storage:
        raise BadParameters({"volume": f"storage ID mismatch ({named} != {storage})\n"})
    return volume


def free(tree: Tree, given: dict[str, str]) -> int:
    """Remove a volume. The real one ends with 0 even if that failed, unless it was told to wait for it."""
    volume = _volume_id(given)
    path = volumes.node_path(tree, volume)

    def task() -> None:
        volumes.free(tree, volume)
        say(f"Removed volume '{volume}'")
        if volumes.parsed(tree, volume).kind == "backup":
            backups.remove_notes(tree, path)

    status = worker.run(task)
    return status if "delay" in given else 0


def path(tree: Tree, given: dict[str, str]) -> int:
    """Where a volume is, or would be."""
    say(volumes.node_path(tree, given["volume"]))
    return 0


def extract(tree: Tree, given: dict[str, str]) -> int:
    """The configuration in a backup."""
    volume, path = given["volume"], given["volume"]
    if formats.is_volume_id(volume):
        found = volumes.parsed(tree, volume)
        if found.kind != "backup":
            raise Failure(f"unable to use volume {volume} - content type needs to be 'backup'")
        if not found.owner:
            complain(_NO_OWNER)
        volumes.activate(tree, volumes.enabled(tree, volumes.split(volume)[0]))
        volumes.check_exists(tree, volume)
        path = volumes.node_path(tree, volume)
    elif not os.path.isfile(tree.given(path)):
        raise Failure(f"can't find file '{path}'", 2)
    say(backups.configuration(tree, path))
    return 0
