"""storage.cfg: the storages' entries, read and written as the real tools write them, under the cluster's lock."""

from __future__ import annotations

from phoenix.pve import formats, options
from phoenix.pve.storagetypes import SECRETS, TYPES
from phoenix.pve.tables import storage as tables
from phoenix.rehearsal import cfslock
from phoenix.rehearsal.failures import Failure
from phoenix.rehearsal.speech import complain

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Final

    from phoenix.rehearsal.tree import Tree

FILE: Final = "/etc/pve/storage.cfg"
_LOCK: Final = "file-storage_cfg"
_SHARED: Final = frozenset(("cephfs", "cifs", "esxi", "glusterfs", "iscsi", "iscsidirect", "nfs", "pbs", "rbd", "zfs"))
_LOCAL: Final = {
    "type": "dir",
    "path": "/var/lib/vz",
    "content": "backup,images,iso,rootdir,snippets,vztmpl",
    "prune-backups": "keep-all=1",
}
"""What the storage local is where the file says nothing of it."""
_KNOWN: Final = options.by_name(*tables.SHARED, *tables.ADD)

Entries = dict[str, dict[str, str]]
"""Each storage's options by its name; `type` is one of them."""


def read(tree: Tree) -> Entries:
    """The entries of the file, in its order, with the content of those that name none; local is always there."""
    found: Entries = {}
    current: dict[str, str] = {}
    for line in tree.read(FILE).split("\n"):
        if line.lstrip().startswith("#"):
            continue
        if line[:1] in (" ", "\t"):
            key, _, value = line.strip().partition(" ")
            current[key] = _taken_in(key, value.strip())
        elif ":" in line:
            kind, _, name = line.partition(":")
            current = {"type": kind.strip()}
            if kind.strip() in TYPES:
                found[name.strip()] = current
        else:
            current = {}
    local = found.get("local", {})
    if local.get("type") != "dir" or local.get("path") != _LOCAL["path"]:
        found["local"] = dict(_LOCAL)
    found["local"].pop("nodes", None)
    for entry in found.values():
        entry.setdefault("content", ",".join(sorted(TYPES[entry["type"]].default)))
        if entry["type"] in _SHARED:
            entry["shared"] = "1"
    return found


def _is_boolean(key: str) -> bool:
    option = _KNOWN.get(key)
    return option is not None and option.type == "boolean"


def _taken_in(key: str, value: str) -> str:
    """A value of the file as the tools know it."""
    if _is_boolean(key):
        return "1" if not value or formats.boolean(value) else "0"
    return ",".join(sorted(set(formats.split_list(value)))) if key in ("content", "nodes") else value


def render(entries: Entries, release: int) -> str:
    """The text of the file: of each entry first whether it is disabled, then what it must have, then the rest."""
    text = ""
    for name, entry in entries.items():
        kind = TYPES[entry["type"]]
        text += f"{entry['type']}: {name}\n"
        if entry.get("disable") == "1":
            text += "\tdisable\n"
        rest = sorted(key for key in entry if kind.has(key, release) and key != "disable" and key not in kind.required)
        for key in (*sorted(kind.required), *rest):
            text += f"\t{key} {entry[key]}\n" if entry.get(key) else ""
        text += "\n"
    return text


def change(tree: Tree, verb: str, work: Callable[[Entries], None], digest: str | None = None) -> None:
    """Change the entries by `work`; `verb` is what a failure says: create, update or delete."""
    try:
        with cfslock.held(tree, _LOCK):
            if digest is not None and digest != now(tree):
                raise Failure("detected modified configuration - file changed by other user? Try again.")
            entries = read(tree)
            work(entries)
            tree.replace(FILE, render(entries, tree.release))
    except Failure as failure:
        raise Failure(f"{verb} storage failed: {failure.text}", failure.code) from failure


def now(tree: Tree) -> str:
    """The digest of the file, as --digest takes it."""
    import hashlib

    return hashlib.sha1(tree.read(FILE).encode(), usedforsecurity=False).hexdigest()


def check(kind: str, name: str, given: Mapping[str, str], release: int, *, new: bool) -> dict[str, str]:
    """What an entry of a type is to say of what was given; Failure if it cannot say that, or lacks something."""
    found: dict[str, str] = {}
    allowed = TYPES[kind]
    for key, value in given.items():
        if not new and key in allowed.fixed:
            raise Failure(f"can't change value of fixed parameter '{key}'")
        if not allowed.has(key, release):
            raise Failure(f"unexpected property '{key}'")
        _take(kind, key, value, found)
    if new and kind in ("cephfs", "cifs", "glusterfs", "nfs"):
        found.setdefault("path", f"/mnt/pve/{name}")
    for key in sorted(allowed.required) if new else ():
        if key not in found:
            raise Failure(f"missing value for required option '{key}'")
    if new and kind in ("btrfs", "dir") and not _PATH.issuperset(found["path"]):
        raise Failure(f"illegal path for directory storage: {found['path']}")
    return found


_PATH: Final = frozenset("-/abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.@")


def _take(kind: str, key: str, value: str, found: dict[str, str]) -> None:
    """Put a value into an entry as the type understands it."""
    allowed = TYPES[kind]
    if key == "content":
        value = ",".join(sorted(_content(kind, value)))
    elif key == "nodes":
        value = ",".join(sorted(set(formats.split_list(value))))
    elif key == "content-dirs":
        value = ",".join(sorted(_folders(kind, value)))
    elif key == "format" and value not in allowed.formats:
        complain(f"storage does not support format '{value}'")
        return
    found[key] = value


def _content(kind: str, value: str) -> set[str]:
    found = set()
    for item in formats.split_list(value):
        if item in TYPES[kind].content:
            found.add(item)
        else:
            complain(f"storage does not support content type '{item}'")
    if "none" in found and len(found) > 1:
        raise Failure("unable to combine 'none' with other content types")
    if not found and "none" not in TYPES[kind].content:
        raise Failure("storage does not support content type 'none'")
    return found or {"none"}


def _folders(kind: str, value: str) -> list[str]:
    found = {}
    for item in formats.split_list(value):
        content, _, folder = item.partition("=")
        if content in TYPES[kind].content:
            found[content] = folder
        else:
            complain(f"storage does not support content type '{content}'")
    return [f"{content}={folder}" for content, folder in found.items()]


def check_delete(kind: str, key: str, given: Mapping[str, str], release: int) -> None:
    """Failure if an entry of a type must keep an option, or never had it."""
    allowed = TYPES[kind]
    if not allowed.has(key, release):
        raise Failure(f"no such option '{key}'")
    if key in allowed.required:
        raise Failure(f"unable to delete required option '{key}'")
    if key in allowed.fixed:
        raise Failure(f"unable to delete fixed option '{key}'")
    if key in given:
        raise Failure(f"cannot set and delete property '{key}' at the same time!")


def retire_max_files(entry: dict[str, str]) -> None:
    """Turn the old `maxfiles` of an entry into how many backups are kept, as soon as it is looked at."""
    count = entry.pop("maxfiles", None)
    if count is not None and "prune-backups" not in entry:
        entry["prune-backups"] = f"keep-last={count}" if count != "0" else "keep-all=1"


def take_secrets(kind: str, given: dict[str, str]) -> dict[str, str]:
    """The options that belong into files of root's, taken out of what was given."""
    return {key: given.pop(key) for key in SECRETS.get(kind, {}) if key in given}
