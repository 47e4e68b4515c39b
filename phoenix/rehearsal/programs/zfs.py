"""`zfs`: makes datasets, sets their properties, mounts them, and tells of them. By zfs(8) of OpenZFS 2.2."""

from __future__ import annotations

from phoenix.rehearsal import locks, speech, zpools
from phoenix.rehearsal.failures import Failure, WrongUsage

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Final

    from phoenix.rehearsal.tree import Tree

_GET: Final = ["-Hp", "-r", "-t", "filesystem,volume", "-o", "name,property,value,source"]


def run(tree: Tree, words: list[str]) -> int:
    """Take create, set, mount, and get as Phoenix asks."""
    verb = VERBS.get(words[0]) if words else None
    if verb is None:
        raise WrongUsage("missing command" if not words else f"unrecognized command '{words[0]}'")
    with locks.cluster(tree):
        return verb(tree, words[1:])


def get(tree: Tree, words: list[str]) -> int:
    """Tell properties of datasets and of all below them."""
    if words[:6] != _GET or len(words) < 8:
        raise WrongUsage("missing property argument")
    state = _imported(tree)
    asked = sorted(words[6].split(","))
    for word in asked:
        zpools.known_dataset(word)
    for root in words[7:]:
        _dataset(state, root, "open")
        for name in sorted(name for name in state["datasets"] if f"{name}/".startswith(f"{root}/")):
            for word in asked:
                text, source = _mounted(tree, state, name) if word == "mounted" else zpools.value(state, name, word)
                speech.say(f"{name}\t{word}\t{text}\t{source}")
    return 0


def _mounted(tree: Tree, state: dict[str, Any], name: str) -> tuple[str, str]:
    if state["datasets"][name]["type"] == zpools.VOLUME:
        return "-", "-"
    return "yes" if zpools.is_mounted(tree, name) else "no", "-"


def _imported(tree: Tree) -> dict[str, Any]:
    """What is known of pools that are imported; the rest is kept, and shown to nobody."""
    state = zpools.load(tree)
    state["hidden"] = {
        name: item
        for name, item in state["datasets"].items()
        if state["pools"].get(name.partition("/")[0], {"exported": True})["exported"]
    }
    for name in state["hidden"]:
        del state["datasets"][name]
    return state


def _save(tree: Tree, state: dict[str, Any]) -> None:
    state["datasets"].update(state.pop("hidden"))
    zpools.save(tree, state)


def _dataset(state: dict[str, Any], name: str, doing: str) -> dict[str, Any]:
    if name not in state["datasets"]:
        raise Failure(f"cannot {doing} '{name}': dataset does not exist", 1)
    found: dict[str, Any] = state["datasets"][name]
    return found


def create(tree: Tree, words: list[str]) -> int:
    """Make a file system and mount it, or with -V a volume."""
    properties, words = zpools.pairs(words, "-o")
    kind = zpools.FILESYSTEM
    if words[:1] == ["-V"]:
        kind, properties["volsize"], words = zpools.VOLUME, zpools.in_bytes(words[1]), words[2:]
    state, name = _imported(tree), words[0]
    for word in properties:
        zpools.known_dataset(word)
    if name in state["datasets"]:
        raise Failure(f"cannot create '{name}': dataset already exists", 1)
    if name.rpartition("/")[0] not in state["datasets"]:
        raise Failure(f"cannot create '{name}': parent does not exist", 1)
    state["datasets"][name] = {"type": kind, "set": properties}
    _save(tree, state)
    if properties.get("canmount", "on") == "on":
        zpools.mount(tree, state, name)
    return 0


def change(tree: Tree, words: list[str]) -> int:
    """Take `NAME=VALUE DATASET`; what is mounted moves with its mountpoint, and so does what is below it."""
    state = _imported(tree)
    word, _, value = words[0].partition("=")
    dataset = _dataset(state, words[1], "open")
    zpools.known_dataset(word)
    names = sorted((name for name in state["datasets"] if f"{name}/".startswith(f"{words[1]}/")), reverse=True)
    moved = [name for name in names if word in ("mountpoint", "canmount") and zpools.unmount(tree, name)]
    dataset["set"][word] = zpools.in_bytes(value) if word in zpools.SIZES else value
    _save(tree, state)
    for name in reversed(moved):
        if zpools.value(state, name, "canmount")[0] != "off":
            zpools.mount(tree, state, name)
    return 0


def mount(tree: Tree, words: list[str]) -> int:
    """Mount one file system where its properties say."""
    state = _imported(tree)
    _dataset(state, words[0], "open")
    if zpools.is_mounted(tree, words[0]):
        raise Failure(f"cannot mount '{words[0]}': filesystem already mounted", 1)
    zpools.mount(tree, state, words[0])
    return 0


VERBS: Final = {"create": create, "get": get, "mount": mount, "set": change}
