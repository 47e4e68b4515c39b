"""Disks: what is on a disk, and who uses it, by every probe there is. Nothing is changed.

Files of the kernel tell of mounts, swap, loop devices and members of btrfs; guests' files of disks that a guest has;
lsblk of partitions and holders, wipefs and blkid of signatures, zpool of pools, pvs of volume groups. Content without a
signature is seen by nobody.
"""

from __future__ import annotations

import os
import re

from phoenix.errors import NotReady
from phoenix.text import last_line, shell
from phoenix.value import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from typing import Any, Final

    from phoenix.host.host import Host

BY_ID: Final = "/dev/disk/by-id"
_BLOCK: Final = "/sys/class/block"
_LINKS: Final = (BY_ID, "/dev/disk/by-path", "/dev/disk/by-partuuid", "/dev/mapper", "/dev")
"""Where the short names are that zpool shows."""
_NOTHING, _AMBIVALENT = 2, 8
"""What blkid ends with where it finds nothing, and where it finds more than there can be."""


class Disk(Value):
    """What a disk is, as far as anybody can tell."""

    name: str  # as the file has it
    device: str  # the kernel's name, "" for none
    partition: bool
    parts: tuple[str, ...]  # the device files of its partitions
    content: tuple[str, ...]  # signatures, partitions: what would be lost
    pool: str  # the one that it is a member of, which is not imported
    users: tuple[str, ...]  # who has it now: it is never touched then


def device(host: Host, path: str) -> str:
    """The kernel's name for a device file, "" if there is none."""
    for candidate in [path] if path.startswith("/") else [f"{folder}/{path}" for folder in _LINKS]:
        target = host.link(candidate)
        name = os.path.basename(target) if target else candidate.removeprefix("/dev/")
        if "/" not in name and host.exists(f"{_BLOCK}/{name}"):
            return name
    return ""


def whole(host: Host, path: str) -> str:
    """The kernel's name for the disk that ZFS was given for a path: it puts its data on the first partition.

    The path itself, without the suffix of that partition, if there is no such device.
    """
    name = device(host, path)
    if not name:
        return re.sub("-part1$", "", path)
    if host.text(f"{_BLOCK}/{name}/partition").strip() != "1":
        return name
    match = re.fullmatch(r"(.*\d)p1|(.*\D)1", name)
    return (match[1] or match[2]) if match else name


def look(host: Host, names: Iterable[str], members: Mapping[str, str], exported: Mapping[str, str]) -> dict[str, Disk]:
    """The disks of these names. `members` are those of imported pools, by the kernel's names; `exported` can be so."""
    names = list(names)
    if not names:
        return {}
    uses = [*_mounts(host), *_swaps(host), *_loops(host), *_btrfs(host), *_guests(host), *_volume_groups(host)]
    uses += [(name, f"part of the pool {pool}") for name, pool in members.items()]
    return {name: _disk(host, name, uses, exported) for name in names}


def _disk(host: Host, name: str, uses: Iterable[tuple[str, str]], exported: Mapping[str, str]) -> Disk:
    kernel = device(host, name)
    if not kernel:
        return Disk(name, "", partition=False, parts=(), content=(), pool="", users=())
    content = signatures(host, name)
    users, parts = [], []
    for child, kind, deep in _children(host, name):
        if kind == "part" and not deep:
            parts.append(child)
            inside = ", ".join(signatures(host, child))
            content.append(f"partition {os.path.basename(child)}{f' ({inside})' if inside else ''}")
        else:
            users.append(f"held by {os.path.basename(child)} ({kind})")
    mine = (kernel, *(os.path.basename(part) for part in parts))
    users += [f"{use} ({found})" if found != kernel else use for found, use in uses if found in mine]
    if not users and host.is_taken(name):
        users.append("opened by something that lets nobody else have it")
    return Disk(
        name,
        kernel,
        host.exists(f"{_BLOCK}/{kernel}/partition"),
        tuple(parts),
        tuple(dict.fromkeys(content)),
        exported.get(kernel, ""),
        tuple(dict.fromkeys(users)),
    )


def _children(host: Host, name: str) -> Iterator[tuple[str, str, bool]]:
    """What lsblk shows below a disk: the device file, its type, and whether it is below another one."""
    found = _table(host, "blockdevices", "lsblk", "--json", "--paths", "--output=NAME,TYPE", name)
    queue = [(item, False) for disk in found for item in disk.get("children", ())]
    while queue:
        item, deep = queue.pop(0)
        yield str(item["name"]), str(item["type"]), deep
        queue += [(below, True) for below in item.get("children", ())]


def _table(host: Host, key: str, *argv: str) -> list[dict[str, Any]]:
    """The tables that a program tells as JSON under a key. NotReady for anything else."""
    import json

    said = host.output(*argv)
    try:
        found = json.loads(said)[key] if said.strip() else []
        if all("type" in item for item in found):
            return list(found)
    except (ValueError, TypeError, LookupError):
        pass
    raise NotReady(f"`{shell(argv)}` told what cannot be read: {last_line(said)}", shell(argv))


def signatures(host: Host, name: str) -> list[str]:
    """What wipefs and blkid see on a device itself: the type of each, and its label."""
    told = _table(host, "signatures", "wipefs", "--no-act", "--json", "--output=TYPE,LABEL", name)
    found = [f"{item['type']} {item.get('label') or ''}".strip() for item in told]
    argv = ("blkid", "--probe", "--output=export", name)
    status, said, talk = host.run(*argv)
    if status not in (0, _NOTHING, _AMBIVALENT):
        raise NotReady(f"`{shell(argv)}` ended with {status}: {last_line(talk or said)}", shell(argv))
    kinds = [line.partition("=")[2] for line in said.splitlines() if line.startswith(("TYPE=", "PTTYPE="))]
    found += [kind for kind in kinds if not any(other.partition(" ")[0] == kind for other in found)]
    return list(dict.fromkeys(found)) + ["more than one thing at once"] * (status == _AMBIVALENT)


def _mounts(host: Host) -> list[tuple[str, str]]:
    numbers = {}
    for line in host.text("/proc/self/mountinfo").splitlines():
        words = line.split()
        numbers[words[2]] = words[4]
    found = []
    for name in host.names(_BLOCK) if numbers else []:
        number = host.text(f"{_BLOCK}/{name}/dev").strip()
        if number in numbers:
            found.append((name, f"mounted at {numbers[number]}"))
    lines = (line.split() for line in host.text("/proc/mounts").splitlines())
    return found + [(device(host, words[0]), f"mounted at {words[1]}") for words in lines if words[0].startswith("/")]


def _swaps(host: Host) -> list[tuple[str, str]]:
    lines = host.text("/proc/swaps").splitlines()[1:]
    return [(device(host, line.split()[0]), "swap space in use") for line in lines]


def _loops(host: Host) -> list[tuple[str, str]]:
    found = []
    for name in host.names(_BLOCK):
        backing = host.text(f"{_BLOCK}/{name}/loop/backing_file").strip()
        if backing.startswith("/dev/"):
            found.append((device(host, backing), f"held by {name}"))
    return found


def _btrfs(host: Host) -> list[tuple[str, str]]:
    base = "/sys/fs/btrfs"
    systems = [name for name in host.names(base) if host.exists(f"{base}/{name}/devices")]
    return [(name, f"part of the btrfs {uuid}") for uuid in systems for name in host.names(f"{base}/{uuid}/devices")]


def _guests(host: Host) -> list[tuple[str, str]]:
    """The devices that this node's guests name, whether they run or not."""
    found = []
    for folder in ("lxc", "qemu-server"):
        for guest in host.node.guest_ids(folder):
            for path in re.findall(r"/dev/[^\s,]+", host.text(f"/etc/pve/{folder}/{guest}.conf")):
                found.append((device(host, path), f"a disk of guest {guest}"))
    return found


def _volume_groups(host: Host) -> list[tuple[str, str]]:
    """Physical volumes of LVM that are in a group."""
    if not host.has("pvs"):
        return []
    found = []
    for line in host.output("pvs", "--noheadings", "--separator=,", "-o", "pv_name,vg_name").splitlines():
        path, _, group = line.strip().partition(",")
        if group:
            found.append((device(host, path), f"part of the volume group {group}"))
    return found
