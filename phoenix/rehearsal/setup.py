"""The description of a node (SETUP.json): read, and every fault of it said at once."""

from __future__ import annotations

from phoenix import errors
from phoenix.pve import formats, storages

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any, Final

TYPES: Final[Mapping[str, type]] = {
    "hostname": str,
    "address": str,
    "bridges": list,
    "timezone": str,
    "cpus": int,
    "storage.cfg": str,
    "user.cfg": str,
    "storage_features": dict,
    "content": list,
    "files": list,
    "disks": list,
    "guests": list,
    "environ": dict,
}
"""Every key, and the type of its value. `environ` is for whoever calls the tools, `guests` must be empty.

Besides there are `real_containers` and `real_machines`, true or false: whether these are run by this machine's own LXC
and QEMU.
"""
_DISK: Final[Mapping[str, type]] = {"name": str, "id": str, "content": list, "parts": dict}
"""Of a disk: what the kernel calls it, its name in /dev/disk/by-id, the signatures on it ("ext4 LABEL"), and those on
each of its partitions, by their numbers."""
REAL: Final = ("real_containers", "real_machines")
_ITEM: Final[Mapping[str, type]] = {
    "volid": str,
    "path": str,
    "size": int,
    "virtual_size": int,
    "content": str,
    "mode": str,
    "format": str,
    "ostype": str,
    "arch": str,
}
STORAGES: Final = (
    "dir: local\n\tpath /var/lib/vz\n\tcontent iso,vztmpl,backup,snippets,images,rootdir\n\n"
    "lvmthin: local-lvm\n\tthinpool data\n\tvgname pve\n\tcontent rootdir,images\n\n"
)
"""The storages of a node that is told of none."""
USERS: Final = "user:root@pam:1:0:::root@example.com:::\n"
TEMPLATE: Final[Mapping[str, Any]] = {
    "volid": "local:vztmpl/debian-12-standard_12.12-1_amd64.tar.zst",
    "size": 126515062,
    "ostype": "debian",
}
"""The template of a node that is told of no content."""
_WORDS: Final = {str: "a text", int: "a number", list: "a list", dict: "a table"}
_HINT: Final = "it must hold a JSON object that describes a node"


def read(path: str) -> dict[str, Any]:
    """The description in a file. ConfigError if there is none, or it is wrong."""
    import json

    try:
        with open(path, encoding="utf-8") as file:
            found = json.load(file)
    except OSError as error:
        raise errors.ConfigError(f"{path} cannot be read: {error.strerror}", _HINT) from error
    except ValueError as error:
        raise errors.ConfigError(f"{path} is no JSON: {error}", _HINT) from error
    if not isinstance(found, dict):
        raise errors.ConfigError(f"{path} holds no JSON object", _HINT)
    wrong = faults(found)
    if wrong:
        raise errors.ConfigError(f"{path}: " + "; ".join(wrong), "correct it")
    return found


def faults(setup: Mapping[str, Any]) -> list[str]:
    """Everything that is wrong with a description; keys that are not known are left alone."""
    found = _wrong_types(setup, TYPES, "")
    if found:
        return found
    if "hostname" in setup and not formats.is_label(setup["hostname"]):
        found.append(f"hostname is {setup['hostname']!r}, expected the name of a node")
    found += [
        f"bridges has {name!r}, expected names" for name in setup.get("bridges", ()) if not is_interface_name(name)
    ]
    if int(setup.get("cpus", 1)) < 1:
        found.append(f"cpus is {setup['cpus']!r}, expected 1 or more")
    for name in REAL:
        if not isinstance(setup.get(name, False), bool):
            found.append(f"{name} is {setup[name]!r}, expected true or false")
    if setup.get("guests"):
        found.append("guests is not empty; make them with pct and qm when the node is there")
    for key, name in (("content", "volid"), ("files", "path")):
        for number, item in enumerate(setup.get(key, ())):
            found += _wrong_item(f"{key}[{number}]", item, name)
    for number, item in enumerate(setup.get("disks", ())):
        found += _wrong_disk(f"disks[{number}]", item)
    return found or _wrong_storages(setup)


def _wrong_types(table: Mapping[str, Any], types: Mapping[str, type], where: str) -> list[str]:
    return [
        f"{where}{key} is {table[key]!r}, expected {_WORDS[wanted]}"
        for key, wanted in types.items()
        if key in table and (not isinstance(table[key], wanted) or isinstance(table[key], bool))
    ]


def _wrong_item(where: str, item: Any, name: str) -> list[str]:
    if not isinstance(item, dict) or name not in item:
        return [f"{where} is {item!r}, expected a table with {name}"]
    found = _wrong_types(item, _ITEM, where + ".")
    if found:
        return found
    mode = item.get("mode", "0")
    if not mode.isdigit() or set(mode) & {"8", "9"}:
        found.append(f"{where}.mode is {mode!r}, expected octal digits")
    if min(item.get("size", 0), item.get("virtual_size", 0)) < 0:
        found.append(f"{where} has a size below 0")
    if name == "path" and not item["path"].startswith("/"):
        found.append(f"{where}.path is {item['path']!r}, expected an absolute path")
    return found


def _wrong_disk(where: str, item: Any) -> list[str]:
    if not isinstance(item, dict) or not {"name", "id"} <= item.keys():
        return [f"{where} is {item!r}, expected a table with name and id"]
    found = _wrong_types(item, _DISK, where + ".")
    if not found:
        found = [
            f"{where}.{key} is {item[key]!r}, expected letters, digits, and . _ -"
            for key in ("name", "id")
            if not item[key].replace("-", "").replace("_", "").replace(".", "").isalnum()
        ]
    return found


def _wrong_storages(setup: Mapping[str, Any]) -> list[str]:
    """Content that is on none of the storages."""
    known = storages.parse(setup.get("storage.cfg", STORAGES))
    return [
        f"content[{number}].volid is {item['volid']!r}, which is on no storage of storage.cfg"
        for number, item in enumerate(setup.get("content", ()))
        if storages.split_volume(item["volid"])[0] not in known
    ]


def is_interface_name(name: object) -> bool:
    """Whether a network interface can be called that."""
    return isinstance(name, str) and 0 < len(name) < 16 and name not in (".", "..") and not set(name) & set("/ \t\n")
