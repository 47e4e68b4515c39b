"""Shelves: what the storages of the present node hold, by name and size. No content is read."""

from __future__ import annotations

import os
import stat

from phoenix.pve import formats, storages
from phoenix.rehearsal.volumes import plugin as plugins

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import Any

    from phoenix.pve.storages import Storage
    from phoenix.rehearsal.present import Present
    from phoenix.rehearsal.volumes.plugin import Plugin

SECONDS = 5.0
"""How long the storages have to answer: one on a server that is away never does."""
_CONTENT = ("backup", "import", "iso", "snippets", "vztmpl")


class Shelf:
    """What one storage holds: `content` as a description of a node has it, `volumes` by name with their bytes."""

    def __init__(self) -> None:
        self.content: list[dict[str, Any]] = []
        self.volumes: dict[str, int] = {}
        self.free: int | None = None
        """The bytes that are free, None where no file tells."""
        self.fault = "did not answer"
        """Why it could not be looked into; "" if it was."""


def look(present: Present) -> dict[str, Shelf]:
    """What the storages of this node hold, by name. All are looked into at once, within SECONDS."""
    import threading
    import time

    found, threads = {}, []
    for storage in present.usable():
        shelf = found[storage.name] = Shelf()
        thread = threading.Thread(target=_look, args=(present, storage, shelf), daemon=True)
        thread.start()
        threads.append(thread)
    deadline = time.monotonic() + SECONDS
    for thread in threads:
        thread.join(max(0.0, deadline - time.monotonic()))
    return found


def _look(present: Present, storage: Storage, shelf: Shelf) -> None:
    try:
        if not all(present.is_inside(place) for place in storage.places()):
            shelf.fault = "leads out of the node and was not looked into"
            return
        found = plugins.plugin(present, storage)
        shelf.volumes = {name: _size(present, found, name) for name in found.listed()}
        if storage.is_files():
            shelf.content = list(_content(present, storage))
            place = os.statvfs(present(storage.path))
            shelf.free = place.f_bavail * place.f_frsize
        shelf.fault = ""
    except OSError as error:
        shelf.fault = f"could not be read: {error.strerror}"


def _size(present: Present, found: Plugin, name: str) -> int:
    """The bytes of a volume, of which nothing is read but what a format's header says of itself."""
    path = found.path(name)
    facts = present.facts_of(path)
    if facts is None:
        return 0
    if stat.S_ISBLK(facts.st_mode):
        sectors = present.read(f"/sys/dev/block/{os.major(facts.st_rdev)}:{os.minor(facts.st_rdev)}/size").strip()
        return 512 * int(sectors) if sectors.isdigit() else 0
    if path.endswith((".qcow2", ".vmdk")) or stat.S_ISDIR(facts.st_mode):
        return found.size(name) or 0
    return facts.st_size


def _content(present: Present, storage: Storage) -> Iterator[dict[str, Any]]:
    """Templates, images and the like, each as large as it is; an executable snippet is one that does nothing."""
    for kind in _CONTENT:
        for name in present.names(storage.folder(kind)) if kind in storage.content else ():
            facts = present.facts_of(f"{storage.folder(kind)}/{name}")
            if facts is None or not stat.S_ISREG(facts.st_mode):
                continue
            item: dict[str, Any] = {"volid": f"{storage.name}:{kind}/{name}", "size": facts.st_size}
            if kind == "snippets":
                item["mode"] = f"{facts.st_mode & 0o777:o}"
                if facts.st_mode & 0o100:
                    item["content"] = "#!/bin/sh\n"
            yield item


def volumes_named(text: str, table: Mapping[str, Storage]) -> Iterator[tuple[str, int]]:
    """The volumes of guests that a guest's file names, with their bytes; 0 if it does not say."""
    for line in text.split("\n"):
        words = list(_words(line))
        count = next((formats.size(word) or 0 for name, word in words if name == "size"), 0)
        for _, word in words:
            storage, volume = storages.split_volume(word)
            if storage in table and storages.volume_owner(volume):
                yield word, count


def paths_named(text: str) -> Iterator[str]:
    """The absolute paths that a guest's file names."""
    return (word for line in text.split("\n") for _, word in _words(line) if word.startswith("/"))


def _words(line: str) -> Iterator[tuple[str, str]]:
    """The parts of an option's value: NAME=WORD, or a word alone."""
    key, _, value = line.partition(":")
    for part in value.replace(",", " ").split() if key[:1] != "#" else ():
        name, equals, word = part.partition("=")
        yield (name, word) if equals else ("", part)
