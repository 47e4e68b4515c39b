"""`pvesm status` and `pvesm list`."""

from __future__ import annotations

import os

from phoenix.pve import formats
from phoenix.rehearsal import volumes
from phoenix.rehearsal.failures import BadParameters
from phoenix.rehearsal.speech import say

TYPE_CHECKING = False
if TYPE_CHECKING:
    from phoenix.pve.storages import Storage
    from phoenix.rehearsal.tree import Tree

_TITLES = {8: ("Total", "Used", "Available"), 9: ("Total (KiB)", "Used (KiB)", "Available (KiB)")}
_SUFFIXES = {".gz": "tgz", ".tgz": "tgz", ".xz": "txz", ".zst": "tzst", ".bz2": "tbz2", ".tar": "tar"}
TOTAL, USED = 104857600, 10391388
"""KiB of every storage: the rehearsal node does not count what is written."""
_KINDS = ("rootdir", "images", "vztmpl", "iso", "backup", "snippets", "import")


def status(tree: Tree, given: dict[str, str]) -> int:
    """The storages and how full they are."""
    wanted, rows = given.get("storage"), []
    table = volumes.table(tree)
    if wanted is not None and wanted not in table:
        raise BadParameters({"storage": "No such storage."})
    content = set(formats.split_list(given.get("content", "")))
    here = given.get("target", tree.name) == tree.name
    for name, storage in sorted(table.items()):
        if wanted not in (None, name) or (content and not content & storage.content):
            continue
        off = storage.disabled or not storage.is_on(tree.name)
        if not here or (given.get("enabled") == "1" and off):
            continue
        rows.append((name, storage))
    width = max((len(name) for name, _ in rows), default=0) + 1
    titles = _TITLES[min(tree.release, 9)]
    lines = [_row(width, ("Name", "Type", "Status", *titles, "%"))]
    lines += [_row(width, (name, storage.type, *_usage(tree, storage))) for name, storage in rows]
    say("\n".join(lines))
    return 0


def _row(width: int, cells: tuple[str, ...]) -> str:
    name, kind, state, *figures, share = cells
    return f"{name:<{width}} {kind:>10} {state:>10} " + " ".join(f"{cell:>15}" for cell in figures) + f" {share:>8}"


def _usage(tree: Tree, storage: Storage) -> tuple[str, ...]:
    if storage.disabled or not storage.is_on(tree.name):
        return ("disabled", "0", "0", "0", "N/A")
    share = f"{100 * USED / TOTAL:.2f}%"
    return ("active", str(TOTAL), str(USED), str(TOTAL - USED), share)


def list_volumes(tree: Tree, given: dict[str, str]) -> int:
    """The volumes of a storage: those of guests first, then the others by format."""
    storage = volumes.enabled(tree, given["storage"])
    found = rows(tree, storage, given.get("content", ""), given.get("vmid", ""))
    width = max((len(row[0]) for row in found), default=5)
    digits = max((len(str(row[3])) for row in found), default=4)
    say(f"{'Volid':<{width}} {'Format':<7} {'Type':<9} {'Size':>{digits}} VMID")
    for volume, form, kind, size, guest in found:
        say(f"{volume:<{width}} {form:<7} {kind:<9} {size:>{digits}}" + (f" {guest}" if guest else ""))
    return 0


def rows(tree: Tree, storage: Storage, content: str, guest: str) -> list[tuple[str, str, str, int, str]]:
    """The volumes of a storage: volume, format, kind, size and guest; of one kind and guest if these are named."""
    kinds = [kind for kind in ([content] if content else _KINDS) if kind in storage.content]
    found = _guest_rows(tree, storage, kinds, guest)
    return found + sorted(file_rows(tree, storage, kinds, bool(guest)), key=lambda row: (row[1], row[0]))


def _guest_rows(tree: Tree, storage: Storage, kinds: list[str], guest: str) -> list[tuple[str, str, str, int, str]]:
    rows = []
    for volume in volumes.guest_volumes(tree, storage, guest) if {"rootdir", "images"} & set(kinds) else ():
        owner = volumes.owner(tree, volume)
        of_container = os.path.exists(tree(f"/etc/pve/nodes/{tree.name}/lxc/{owner}.conf"))
        kind = "rootdir" if of_container else "images"
        if kind in kinds:
            form = volume.rpartition(".")[2] if storage.is_files() else _form(storage)
            rows.append((volume, form, kind, volumes.size(tree, volume) or 0, owner))
    return sorted(rows, key=lambda row: (int(row[4]), row[0]))


def _form(storage: Storage) -> str:
    return "subvol" if storage.type == "zfspool" else "raw"


def file_rows(tree: Tree, storage: Storage, kinds: list[str], of_guest: bool) -> list[tuple[str, str, str, int, str]]:
    """The volumes that are files of no guest: volume, format, kind, size and no guest."""
    rows: list[tuple[str, str, str, int, str]] = []
    for kind in kinds:
        if kind in ("rootdir", "images") or not storage.is_files() or (of_guest and kind != "snippets"):
            continue
        folder = tree(storage.folder(kind))
        for name in os.listdir(folder) if os.path.isdir(folder) else ():
            form = _file_format(kind, name, tree.release)
            if form and os.path.isfile(f"{folder}/{name}"):
                size = os.path.getsize(f"{folder}/{name}")
                rows.append((f"{storage.name}:{kind}/{name}", form, kind, size, ""))
    return rows


def _file_format(kind: str, name: str, release: int) -> str:
    if kind == "snippets":
        return "snippet"
    if kind == "iso":
        return "iso" if name.lower().endswith((".iso", ".img")) else ""
    suffix = name[name.rfind(".") :]
    form = _SUFFIXES.get(suffix, "")
    return "" if form == "tar" and release < 9 else form
