"""Chains: qcow2 volumes whose snapshots are files of their own, each of which continues the one before (since 9)."""

from __future__ import annotations

import os

from phoenix.rehearsal import imagefiles
from phoenix.rehearsal.failures import Failure
from phoenix.rehearsal.speech import say
from phoenix.rehearsal.volumes import words

TYPE_CHECKING = False
if TYPE_CHECKING:
    from phoenix.rehearsal.volumes.plugin import Plugin


def snapshots(plugin: Plugin, name: str) -> list[str]:
    """The snapshots of a volume, the oldest first, as the chain of its files has them."""
    found, path = plugin.parse(name), plugin.path(name)
    folder, kept = os.path.dirname(path), []
    begin, _, end = plugin.snapshot_file(found, "\0").partition("\0")
    while os.path.exists(plugin.tree(path)):
        backing = imagefiles.backing(plugin.tree(path))
        if not backing.startswith(begin) or not backing.endswith(end):
            break
        kept.append(backing[len(begin) : len(backing) - len(end)])
        path = f"{folder}/{backing}"
    return kept[::-1]


def take(plugin: Plugin, name: str, snapshot: str) -> None:
    """Take a snapshot: the file becomes it, and a new file continues it."""
    path, kept = plugin.path(name), plugin.path(name, snapshot)
    if os.path.exists(plugin.tree(kept)):
        raise Failure(f"target snapshot '{os.path.basename(kept)}' already exists")
    say(f"rename {path} to {kept}")
    os.rename(plugin.tree(path), plugin.tree(kept))
    _continue(plugin, path, kept)


def _continue(plugin: Plugin, path: str, kept: str) -> None:
    size, backing = imagefiles.size(plugin.tree(kept)), os.path.basename(kept)
    words.formatting_clone(plugin.storage, path, size, backing, "qcow2", plugin.tree.release)
    imagefiles.create(plugin.tree(path), "qcow2", size, backing)


def go_back(plugin: Plugin, name: str, snapshot: str) -> None:
    """Make a volume what it was at its last snapshot: a new file continues it."""
    path = plugin.path(name)
    os.unlink(plugin.tree(path))
    _continue(plugin, path, plugin.path(name, snapshot))


def drop(plugin: Plugin, name: str, snapshot: str) -> None:
    """Remove a snapshot: what came after it takes it in, or continues what came before it."""
    order = [*snapshots(plugin, name), ""]
    path = plugin.path(name, snapshot)
    if snapshot not in order:
        raise Failure(f"volume {path} is missing")
    place = order.index(snapshot)
    child = plugin.path(name, order[place + 1])
    later = order[place + 1] or "current"
    if not place:
        say(f"{name}: deleting snapshot '{snapshot}' by commiting snapshot '{later}'")
        say(f"running 'qemu-img commit {child}'\nImage committed.\nrename {path} to {child}")
        size = imagefiles.size(plugin.tree(child))
        os.rename(plugin.tree(path), plugin.tree(child))
        imagefiles.resize(plugin.tree(child), size)
        return
    parent = plugin.path(name, order[place - 1])
    say(f"{name}: deleting snapshot '{snapshot}' by rebasing '{later}' on top of '{order[place - 1]}'")
    say(f"running '/usr/bin/qemu-img rebase -b {parent} -F qcow2 -f qcow2 {child}'")
    size = imagefiles.size(plugin.tree(child))
    os.unlink(plugin.tree(child))
    imagefiles.create(plugin.tree(child), "qcow2", size, os.path.basename(parent))
    os.unlink(plugin.tree(path))
