"""`pveam available`, `download`, `remove`, `update`: templates that can be had, and those that go."""

from __future__ import annotations

import os

from phoenix.pve import formats, storages
from phoenix.rehearsal import imagefiles, templates, volumes
from phoenix.rehearsal.failures import BadParameters, Failure
from phoenix.rehearsal.speech import say

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Final

    from phoenix.rehearsal.tree import Tree

_INDEX: Final[Mapping[str, tuple[str, ...]]] = {
    "mail": ("proxmox-mail-gateway-8.2-standard_8.2-1_amd64.tar.zst",),
    "system": (
        "almalinux-9-default_20240911_amd64.tar.xz",
        "alpine-3.20-default_20240908_amd64.tar.xz",
        "archlinux-base_20240911-1_amd64.tar.zst",
        "centos-9-stream-default_20240828_amd64.tar.xz",
        "debian-11-standard_11.7-1_amd64.tar.zst",
        "debian-12-standard_12.12-1_amd64.tar.zst",
        "debian-13-standard_13.1-2_amd64.tar.zst",
        "fedora-42-default_20250428_amd64.tar.xz",
        "rockylinux-9-default_20240912_amd64.tar.xz",
        "ubuntu-22.04-standard_22.04-1_amd64.tar.zst",
        "ubuntu-24.04-standard_24.04-2_amd64.tar.zst",
    ),
}
"""Some of what the real index lists, by section."""
_SIZE: Final = 120 << 20


def available(tree: Tree, given: dict[str, str]) -> int:
    """The templates that can be downloaded."""
    for section in sorted(_INDEX):
        if given.get("section", section) != section:
            continue
        for name in _INDEX[section]:
            say(f"{section:<15} {name}" if tree.release < 9 else f"{section:<15} {name:<60} amd64")
    return 0


def download(tree: Tree, given: dict[str, str]) -> int:
    """Download a template; here an empty file of that name comes."""
    name = given["template"]
    if not any(name in names for names in _INDEX.values()):
        raise BadParameters({"template": "no such template"})
    storage = volumes.enabled(tree, given["storage"])
    if "vztmpl" not in storage.content:
        raise Failure(f"storage '{storage.name}' does not support templates")
    path = storages.volume_path(storage, f"{storage.name}:vztmpl/{name}")
    say(f"downloading http://download.proxmox.com/images/system/{name} to {path}")
    if not os.path.exists(tree(path)):
        os.makedirs(os.path.dirname(tree(path)), exist_ok=True)
        imagefiles.create(tree(path), "raw", _SIZE)
    say(f"download of 'http://download.proxmox.com/images/system/{name}' to '{path}' finished")
    return 0


def remove(tree: Tree, given: dict[str, str]) -> int:
    """Remove a template."""
    volume = given["template_path"]
    if not formats.is_volume_id(volume):
        raise Failure(f"can't find file '{volume}'", 2)
    storage, name = volumes.split(volume)
    volumes.check_name(volumes.existing(tree, storage), name, tree.release)
    if storages.volume_kind(name) != "vztmpl":
        raise Failure(f"unable to use volume {volume} - content type needs to be 'vztmpl'")
    if not volumes.exists(tree, volume) or not templates.is_archive(name, tree.release):
        raise Failure(f"volume '{volume}' does not exist", 2)
    os.unlink(tree(volumes.node_path(tree, volume)))
    return 0


def update(_: Tree, __: dict[str, str]) -> int:
    """Fetch the index anew."""
    say("update successful")
    return 0
