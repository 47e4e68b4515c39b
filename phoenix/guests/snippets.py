"""Snippets: the table `snippets` of a machine's file as the files that cloud-init is given whole. Pure but for reading.

A part is a table, which becomes a #cloud-config, or the name of a file in snippets/ of the configuration folder.
"""

from __future__ import annotations

import json
import os

from phoenix import files
from phoenix.config import load
from phoenix.errors import ConfigError
from phoenix.guests import marks, values
from phoenix.pve import formats, storages
from phoenix.pve.options import Option

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from phoenix.config.faults import Faults
    from phoenix.config.load import Document
    from phoenix.pve.node import Node

PARTS = ("meta", "network", "user", "vendor")
_HEADED = ("user", "vendor")
_NAME = Option("file", pattern=r"[A-Za-z0-9][A-Za-z0-9_.-]{0,99}")
_MOST = 3 << 20
"""Bytes that Proxmox VE allows for all of them together."""


def decode(table: Any, guest: str, document: Document, faults: Faults) -> tuple[dict[str, str], dict[str, str]]:
    """What cicustom has to say, by part, and the files without the line that says whose they are, by volume."""
    if not isinstance(table, dict):
        faults.add("snippets", "a table", table)
        return {}, {}
    storage = table.get("storage")
    if not isinstance(storage, str) or formats.check("pve-storage-id", storage):
        faults.add("snippets.storage", "the name of a storage for snippets", storage)
    named, found = {}, {}
    for part, value in table.items():
        if part == "storage":
            continue
        if part not in PARTS:
            faults.say(f"snippets.{part}", f"unknown key; expected storage or one of {', '.join(PARTS)}")
            continue
        named[part] = volume(str(storage), guest, part)
        found[named[part]] = _text(part, value, document, faults)
    if sum(len(text) for text in found.values()) > _MOST:
        faults.say("snippets", "too large: Proxmox VE takes 3 MiB of all of them together")
    return named, found


def volume(storage: str, guest: str, part: str) -> str:
    """The volume of one part."""
    return f"{storage}:snippets/phoenix-{guest}-{part}.yaml"


def is_ours(name: str, guest: str) -> bool:
    """Whether a volume has a name that Phoenix gives to a machine's snippets."""
    return name.partition(":")[2].startswith(f"snippets/phoenix-{guest}-")


def _text(part: str, value: Any, document: Document, faults: Faults) -> str:
    key = f"snippets.{part}"
    if isinstance(value, dict):
        try:
            text = json.dumps(value, indent=1, ensure_ascii=False)
        except TypeError:
            faults.say(key, "dates and times are not passed on; write them as texts")
            return ""
        return ("#cloud-config\n" if part in _HEADED else "") + text + "\n"
    name = values.decode_scalar(_NAME, key, value, faults)
    if name is None:
        return ""
    folder = os.path.dirname(os.path.dirname(document.path)) + "/snippets"
    try:
        load.trusted(os.path.dirname(folder), "snippets")
        text = files.read_trusted(f"{folder}/{name}").decode("utf-8")
    except ConfigError as error:
        faults.say(key, error.message)
    except UnicodeDecodeError:
        faults.say(key, f"{folder}/{name} is not UTF-8")
    else:
        return text.rstrip("\n") + "\n"
    return ""


def signed(text: str, mark: str) -> str:
    """The whole file, whose last line says whose it is: the first one may say what it is."""
    return f"{text}# {marks.LINE}{mark}\n"


def body(text: str) -> str:
    """A file without our line."""
    lines = text.split("\n")
    return "\n".join(lines[:-2]) + "\n" if text.endswith("\n") and lines[-2].startswith(f"# {marks.LINE}") else text


def path(node: Node, name: str) -> str:
    """The file of a volume on the node that is in use, "" where its storage has no files."""
    storage, _, rest = name.partition(":")
    found = node.storages().get(storage)
    return storages.volume_path(found, rest) if found else ""


def remove(node: Node, guest: str, mark: str) -> None:
    """Remove the files of a machine that is gone: those with its name and its mark that no clone of it still names."""
    named = "".join(files.read_text(path) for path in node.guest_files())
    for storage in node.storages().values():
        folder = node.paths(storage.folder("snippets")) if storage.is_files() and storage.path else ""
        if "snippets" not in storage.content or not os.path.isdir(folder):
            continue
        for name in os.listdir(folder):
            where = f"{folder}/{name}"
            if not name.startswith(f"phoenix-{guest}-") or f"{storage.name}:snippets/{name}" in named:
                continue
            if files.read_text(where).endswith(f"# {marks.LINE}{mark}\n"):
                files.remove(where)


def read(node: Node, guest: str, cicustom: Mapping[str, str]) -> dict[str, str]:
    """The files of ours that a machine's `cicustom` names, by volume; one that is not there is not among them."""
    found = {}
    for name in cicustom.values():
        where = path(node, name) if is_ours(name, guest) else ""
        try:
            if where:
                found[name] = files.read_text(node.paths(where))
        except FileNotFoundError:
            continue
    return found
