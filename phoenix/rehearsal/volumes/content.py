"""Content: all that a storage holds, as `pvesm list` and the API show it."""

from __future__ import annotations

import os

from phoenix.rehearsal import templates
from phoenix.rehearsal.volumes import guest_volumes, names, owner, parsed, size

TYPE_CHECKING = False
if TYPE_CHECKING:
    from phoenix.pve.storages import Storage
    from phoenix.rehearsal.tree import Tree

    Row = tuple[str, str, str, int, str]

_KINDS = ("rootdir", "images", "vztmpl", "iso", "backup", "snippets", "import")
_OF_NO_GUEST = ("iso", "vztmpl")
_IMPORTS = ("ova", "ovf", "qcow2", "raw", "vmdk")


def rows(tree: Tree, storage: Storage, content: str = "", guest: str = "") -> list[Row]:
    """The volumes of a storage: volume, format, kind, size and guest; of one kind and guest if these are named.

    They come in the order of their names. Templates and ISO images are of no guest, snippets and images for an
    import are listed for every one.
    """
    kinds = [kind for kind in ([content] if content else _KINDS) if kind in storage.content]
    found = _of_guests(tree, storage, kinds, guest) if {"rootdir", "images"} & set(kinds) else []
    for kind in kinds:
        if kind not in ("rootdir", "images") and storage.path and not (guest and kind in _OF_NO_GUEST):
            found += _files(tree, storage, kind, guest)
    return sorted(found, key=lambda row: row[0].lower())


def _of_guests(tree: Tree, storage: Storage, kinds: list[str], guest: str) -> list[Row]:
    found = []
    for volume in guest_volumes(tree, storage, guest):
        of = owner(tree, volume)
        kind = "rootdir" if _is_container(tree, of) else "images"
        if kind in kinds:
            found.append((volume, parsed(tree, volume).form, kind, size(tree, volume) or 0, of))
    return found


def _is_container(tree: Tree, guest: str) -> bool:
    base = tree("/etc/pve/nodes")
    return any(os.path.exists(f"{base}/{node}/lxc/{guest}.conf") for node in os.listdir(base))


def _files(tree: Tree, storage: Storage, kind: str, guest: str) -> list[Row]:
    folder, found = tree(storage.folder(kind)), []
    for name in os.listdir(folder) if os.path.isdir(folder) else ():
        form = _FORMATS[kind](name, tree.release)
        of = backup_owner(name) if kind == "backup" else ""
        if guest and kind == "backup" and f"-{guest}-" not in name:
            continue
        if form and not name.startswith(".") and os.path.isfile(f"{folder}/{name}"):
            found.append((f"{storage.name}:{kind}/{name}", form, kind, os.path.getsize(f"{folder}/{name}"), of))
    return found


def _template(name: str, release: int) -> str:
    if not templates.is_archive(name, release):
        return ""
    end = name.rpartition(".")[2]
    return end if end == "tar" else f"t{end}"


def _iso(name: str, _: int) -> str:
    return "iso" if name.lower().endswith((".iso", ".img")) else ""


def _import(name: str, _: int) -> str:
    end = name.rpartition(".")[2].lower()
    return end if end in _IMPORTS else ""


_FORMATS = {
    "backup": lambda name, _: names.backup_format(name),
    "import": _import,
    "iso": _iso,
    "snippets": lambda _, __: "snippet",
    "vztmpl": _template,
}


def backup_owner(name: str) -> str:
    """The guest that the name of a backup says, whatever else is in it; "" for none."""
    plain = name[: -len(names.backup_format(name)) - 1]
    for part in plain.split("-")[1:-1]:
        if 3 <= len(part) <= 9 and part.isdigit() and part[0] != "0":
            return part
    return ""
