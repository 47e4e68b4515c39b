"""`pveam available`, `download`, `remove`, `update`: templates that can be had, and those that go."""

from __future__ import annotations

import os

from phoenix.pve import formats, storages
from phoenix.rehearsal import imagefiles, volumes, worker
from phoenix.rehearsal.failures import BadParameters, Failure
from phoenix.rehearsal.pveam import index
from phoenix.rehearsal.speech import say

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

    from phoenix.rehearsal.tree import Tree

_SIZE: Final = 120 << 20


def available(tree: Tree, given: dict[str, str]) -> int:
    """The templates that can be downloaded."""
    for section, names in index.sections(tree.release).items():
        if given.get("section", section) != section:
            continue
        for name in names:
            say(f"{section:<15} {name}" if tree.release < 9 else f"{section:<15} {name:<60} amd64")
    return 0


def download(tree: Tree, given: dict[str, str]) -> int:
    """Download a template; here an empty file of that name comes."""
    name = given["template"]
    source = index.source(name, tree.release)
    if not source:
        raise BadParameters({"template": "no such template"})
    storage = volumes.enabled(tree, given["storage"])
    if "vztmpl" not in storage.content:
        raise Failure(f"storage '{storage.name}' does not support templates")
    path = storages.volume_path(storage, f"{storage.name}:vztmpl/{name}")

    def task() -> None:
        say(f"downloading {source} to {path}")
        if os.path.exists(tree(path)):
            say("OK, got correct file already, no need to download")
            return
        os.makedirs(os.path.dirname(tree(path)), exist_ok=True)
        imagefiles.create(tree(path), "raw", _SIZE)
        say("calculating checksum...OK, checksum verified")
        say(f"download of '{source}' to '{path}' finished")

    worker.run(task)
    return 0


def remove(tree: Tree, given: dict[str, str]) -> int:
    """Remove a template, which may be named by its path too."""
    volume = path = given["template_path"]
    if formats.is_volume_id(volume):
        if volumes.parsed(tree, volume).kind != "vztmpl":
            raise Failure(f"unable to use volume {volume} - content type needs to be 'vztmpl'")
        volumes.activate(tree, volumes.enabled(tree, volumes.split(volume)[0]))
        volumes.check_exists(tree, volume)
        path = volumes.node_path(tree, volume)
    if not os.path.isfile(tree.given(path)):
        raise Failure(f"can't find file '{volume}'", 2)
    os.unlink(tree.given(path))
    return 0


def update(_: Tree, __: dict[str, str]) -> int:
    """Fetch the index anew."""
    say("update successful")
    return 0
