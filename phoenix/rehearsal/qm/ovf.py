"""`qm importovf`: a machine from a description in the Open Virtualization Format."""

from __future__ import annotations

import os

from phoenix.pve.guestconf import GuestConf
from phoenix.rehearsal import cluster, imagefiles, locks, volumes
from phoenix.rehearsal.failures import Failure
from phoenix.rehearsal.kinds import VM
from phoenix.rehearsal.qm import bring, drives, values
from phoenix.rehearsal.speech import complain, say

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from phoenix.rehearsal.tree import Tree

_BUSES = {"5": "ide", "6": "scsi", "20": "sata"}
"""The disk controllers, by the number of their type."""
_PROCESSOR, _MEMORY, _DISK = "3", "4", "17"


def run(tree: Tree, given: dict[str, str]) -> int:
    """Make a machine, or with --dryrun only show what it would be."""
    guest, manifest = given["vmid"], given["manifest"]
    if not os.path.isfile(tree.given(manifest)):
        raise Failure(f"{manifest}: non-existent or non-regular file", 2)
    volumes.enabled(tree, given["storage"])
    found = _read(tree.given(manifest), manifest)
    if given.get("dryrun") == "1":
        import json

        say(json.dumps(found, indent=3, separators=(",", " : "), sort_keys=True))
        return 0
    try:
        cluster.check_quorum(tree)
        cluster.create(tree, VM, guest, "lock: create\n")
    except Failure as failure:
        text = f"Reserving empty config for OVF import to VM {guest} failed: {failure.text}"
        raise Failure(text, failure.code) from failure
    made: list[str] = []
    try:
        _make(tree, given, found, made)
    except Failure as failure:
        complain("error during import, cleaning up created resources...")
        for volume in made:
            volumes.free(tree, volume)
        cluster.remove(tree, VM, guest)
        raise Failure(f"import failed - {failure.text}") from failure
    return 0


def _make(tree: Tree, given: dict[str, str], found: dict[str, Any], made: list[str]) -> None:
    guest = given["vmid"]
    conf = GuestConf()
    conf.options = {**found["qm"], "lock": "create", "smbios1": values.with_uuid(""), "vmgenid": values.uuid()}
    cluster.write(tree, VM, guest, conf)
    for item in found["disks"]:
        folder = os.path.dirname(tree.given(given["manifest"]))
        path, name = f"{folder}/{item['relative_path']}", item["disk_address"]
        form = given.get("format", "")
        made.append(bring.disk(tree, guest, path, given["storage"], name, form, skip_lock=True)[1])
    with locks.config(tree, VM, guest):
        conf = cluster.read(tree, VM, guest)
        conf.options["boot"] = drives.default_boot(conf)
        conf.options.pop("lock", None)
        cluster.write(tree, VM, guest, conf)


def _read(path: str, shown: str) -> dict[str, Any]:
    """What a description says: options of the machine, and its disks."""
    from xml.etree import ElementTree

    try:
        root = ElementTree.parse(path).getroot()  # noqa: S314 the file is the caller's own
    except ElementTree.ParseError as error:
        raise Failure(f"error parsing {shown}: {error}") from error
    items = [_texts(node) for node in root.iter() if _plain(node.tag) == "Item"]
    options = {}
    for item in items:
        quantity = item.get("VirtualQuantity", "")
        if item.get("ResourceType") == _PROCESSOR:
            options["cores"] = quantity
        elif item.get("ResourceType") == _MEMORY:
            options["memory"] = str(_mebibytes(int(quantity), item.get("AllocationUnits", "")))
    names = [node.text or "" for node in root.iter() if _plain(node.tag) == "Name"]
    names += [_attribute(node, "id") for node in root.iter() if _plain(node.tag) == "VirtualSystem"]
    name = next((name for name in names if name), "")
    if name:
        options["name"] = "".join(char if char.isalnum() else "-" for char in name).strip("-")
    return {"disks": [_disk(root, item, items, path, shown) for item in items if _is_disk(item)], "qm": options}


def _is_disk(item: dict[str, str]) -> bool:
    return item.get("ResourceType") == _DISK


def _plain(tag: str) -> str:
    return tag.rpartition("}")[2]


def _texts(node: Any) -> dict[str, str]:
    return {_plain(child.tag): (child.text or "").strip() for child in node}


def _attribute(node: Any, name: str) -> str:
    return next((str(value) for key, value in node.attrib.items() if _plain(key) == name), "")


def _mebibytes(count: int, unit: str) -> int:
    power = unit.replace(" ", "").rpartition("^")[2]
    return count << int(power) >> 20 if power.isdigit() else count << 10 if unit.startswith("Giga") else count


def _disk(root: Any, item: dict[str, str], items: list[dict[str, str]], path: str, shown: str) -> dict[str, Any]:
    wanted = item.get("HostResource", "").rpartition("/")[2]
    disk = next((node for node in root.iter() if _attribute(node, "diskId") == wanted), None)
    reference = "" if disk is None else _attribute(disk, "fileRef")
    file = next(
        (node for node in root.iter() if _plain(node.tag) == "File" and _attribute(node, "id") == reference), None
    )
    if file is None:
        raise Failure(f"error parsing {shown}, no file for disk '{wanted}'")
    relative = _attribute(file, "href")
    image = f"{os.path.dirname(path)}/{relative}"
    if not os.path.isfile(image):
        folder = os.path.dirname(shown)
        raise Failure(f"error parsing {shown}, file seems not to exist at {folder}/{relative}")
    controller = next((other for other in items if other.get("InstanceID") == item.get("Parent")), {})
    return {
        "backing_file": f"{os.path.dirname(shown)}/{relative}",
        "disk_address": f"{_BUSES.get(controller.get('ResourceType', ''), 'scsi')}{item.get('AddressOnParent', '0')}",
        "relative_path": relative,
        "virtual_size": imagefiles.size(image),
    }
