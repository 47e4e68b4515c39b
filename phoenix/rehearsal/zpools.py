"""Pools of ZFS on a rehearsal node: what zpool and zfs know of them, in one file of the node."""

from __future__ import annotations

import contextlib
import os

from phoenix.rehearsal import jsons, mounttable
from phoenix.rehearsal.failures import Failure

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Final

    from phoenix.rehearsal.tree import Tree

STATE: Final = "/var/lib/phoenix-rehearsal/zfs.json"
FILESYSTEM, VOLUME = "filesystem", "volume"
SIZES: Final = (
    "quota", "recordsize", "refquota", "refreservation", "reservation", "special_small_blocks", "volblocksize",
    "volsize",
)  # fmt: skip
DEFAULTS: Final = {
    "atime": "on", "canmount": "on", "checksum": "on", "compression": "on", "copies": "1", "dedup": "off",
    "devices": "on", "exec": "on", "logbias": "latency", "primarycache": "all", "quota": "0", "readonly": "off",
    "recordsize": "131072", "refquota": "0", "refreservation": "0", "relatime": "on", "reservation": "0",
    "secondarycache": "all", "setuid": "on", "snapdir": "hidden", "special_small_blocks": "0", "sync": "standard",
    "volblocksize": "16384", "xattr": "on", "acltype": "off", "aclinherit": "restricted", "volsize": "-",
    "aclmode": "discard", "casesensitivity": "sensitive", "normalization": "none", "utf8only": "off",
    "dnodesize": "legacy", "nbmand": "off", "overlay": "on", "redundant_metadata": "all", "volmode": "default",
}  # fmt: skip
"""The properties of a dataset, as far as they are known here, and what each is if nobody has set it."""
NOT_INHERITED: Final = ("canmount", "quota", "refquota", "refreservation", "reservation", "volsize", "volblocksize")
POOL_DEFAULTS: Final = {
    "ashift": "0", "autoexpand": "off", "autoreplace": "off", "autotrim": "off", "comment": "-",
    "compatibility": "off", "delegation": "on", "failmode": "wait", "listsnapshots": "off", "multihost": "off",
}  # fmt: skip
_UNITS: Final = "KMGTPE"


def load(tree: Tree) -> dict[str, Any]:
    """What is known: `pools` (vdevs, properties, exported) and `datasets` (type, set), by name."""
    text = tree.read(STATE)
    found: dict[str, Any] = jsons.read(text) if text else {"pools": {}, "datasets": {}}
    return found


def save(tree: Tree, state: dict[str, Any]) -> None:
    """Know this from now on."""
    os.makedirs(tree(os.path.dirname(STATE)), exist_ok=True)
    tree.replace(STATE, jsons.show(state) + "\n")


def has(tree: Tree, name: str) -> bool:
    """Whether there is a dataset of that name, in a pool that is imported."""
    state = load(tree)
    pool = state["pools"].get(name.partition("/")[0])
    return bool(pool) and not pool.get("exported") and name in state["datasets"]


def pairs(words: list[str], option: str) -> tuple[dict[str, str], list[str]]:
    """The NAME=VALUE that follow each `option`, and the words that are left."""
    found, rest = {}, []
    queue = list(words)
    while queue:
        word = queue.pop(0)
        if word == option and queue:
            name, _, value = queue.pop(0).partition("=")
            found[name] = in_bytes(value) if name in SIZES else value
        else:
            rest.append(word)
    return found, rest


def in_bytes(text: str) -> str:
    """A size as `-p` shows it."""
    if text == "none":
        return "0"
    unit = text[-1:].upper()
    scale = 1 << 10 * (_UNITS.index(unit) + 1) if unit in _UNITS else 1
    return str(int(float(text.rstrip(_UNITS + _UNITS.lower())) * scale))


def is_mounted(tree: Tree, name: str) -> bool:
    """Whether a dataset is mounted."""
    return any(line.split()[0] == name for line in tree.read(mounttable.TABLE).splitlines())


def value(state: dict[str, Any], name: str, word: str) -> tuple[str, str]:
    """A property of a dataset, and where it is from."""
    dataset = state["datasets"][name]
    if word == "type":
        return dataset["type"], "-"
    if word in dataset["set"]:
        return dataset["set"][word], "local"
    above, _, last = name.rpartition("/")
    if word == "mountpoint":
        base = value(state, above, word)[0] if above else ""
        place = f"{base}/{last}" if not above or base.startswith("/") else base
        return place, f"inherited from {above}" if above else "default"
    if above and word not in NOT_INHERITED:
        text, source = value(state, above, word)
        return text, f"inherited from {above}" if source == "local" else source
    return DEFAULTS.get(word, "-"), "default" if word in DEFAULTS else "-"


def mount(tree: Tree, state: dict[str, Any], name: str) -> None:
    """Mount a dataset where its properties say, over whatever is there, as overlay=on does."""
    place = value(state, name, "mountpoint")[0]
    if state["datasets"][name]["type"] == VOLUME or not place.startswith("/"):
        return
    os.makedirs(tree(place), exist_ok=True)
    text = tree.read(mounttable.TABLE)
    tree.replace(mounttable.TABLE, f"{text}{name} {place} zfs rw,xattr,posixacl 0 0\n", 0o644)


def unmount(tree: Tree, name: str) -> bool:
    """Take a dataset away from its folder, which goes with it if it is empty; whether it was there."""
    lines = tree.read(mounttable.TABLE).splitlines(keepends=True)
    mine = [line for line in lines if line.split()[0] == name]
    tree.replace(mounttable.TABLE, "".join(line for line in lines if line not in mine), 0o644)
    for line in mine:
        with contextlib.suppress(OSError):
            os.rmdir(tree(line.split()[1]))
    return bool(mine)


def known_dataset(word: str) -> None:
    """Failure for a property that no dataset has."""
    if word not in (*DEFAULTS, "mountpoint", "type", "mounted") and ":" not in word:
        raise Failure(f"bad property list: invalid property '{word}'\nusage:", 2)
