"""Preflight: everything that can be known to be missing on the node, before the first change."""

from __future__ import annotations

import os

from phoenix import cli, files
from phoenix.errors import NotReady
from phoenix.guests.places import is_disc
from phoenix.paths import REHEARSAL
from phoenix.pve.storages import volume_path

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from phoenix.guests.changes import Difference
    from phoenix.guests.guest import Guest
    from phoenix.guests.values import Setting
    from phoenix.pve.guestconf import GuestConf
    from phoenix.pve.node import Node

PVE_9 = 9


def check_create(node: Node, wanted: Guest, folder: str) -> None:
    """NotReady, with everything that is missing, if the container cannot be created on this node now.

    `folder` is the configuration, whose other guests must not have its addresses.
    """
    from phoenix.guests import images, neighbours

    made_of = clone_faults(node, wanted) if wanted.clone else source_faults(node, wanted)
    if node.firewall(wanted.id).strip():
        left = f"/etc/pve/firewall/{wanted.id}.fw"
        made_of.append((f"there is a {left} of somebody else", f"mv {left} /root/"))
    stop(f"{wanted.id} cannot be created: ", [*made_of, *setting_faults(node, wanted)])
    taken = neighbours.taken(node, folder, wanted)
    stop(f"{wanted.id} cannot be created: ", taken)
    if wanted.creation.get("sha512"):
        stop(f"{wanted.id} cannot be created: ", checksum_faults(node, wanted))
    for name, image in wanted.images.items():
        if image.sha256:
            stop(f"{wanted.id} cannot be created: ", images.checksum_faults(node, wanted.id, name, image))


def check_change(node: Node, wanted: Guest) -> None:
    """NotReady if something that the container's file names is missing on this node now."""
    stop(f"{wanted.id}: ", setting_faults(node, wanted))


def stop(begin: str, wrong: Sequence[tuple[str, str]]) -> None:
    """NotReady if anything is wrong, with the next step for the first of it."""
    if wrong:
        raise NotReady(begin + "; ".join(fault for fault, _ in wrong), wrong[0][1])


def source_faults(node: Node, wanted: Guest) -> list[tuple[str, str]]:
    """What is wrong with what it is made of: the template of a container, the images of a virtual machine."""
    from phoenix.guests import images

    if wanted.ostemplate:
        return template_faults(node, wanted)
    return [fault for name in wanted.images for fault in images.faults(node, wanted, name)]


def template_path(node: Node, template: str) -> str:
    """Where a template is on this machine, "" if its storage has no folder for it."""
    if template.startswith("/"):
        return node.paths(template)
    storage, _, name = template.partition(":vztmpl/")
    folder = node.storages()[storage].folder("vztmpl")
    return node.paths(f"{folder}/{name}") if folder else ""


def template_faults(node: Node, wanted: Guest) -> list[tuple[str, str]]:
    """What is wrong with the template, as (fault, next step) pairs."""
    template, get = wanted.ostemplate, ""
    if not template.startswith("/"):
        storage, _, name = template.partition(":vztmpl/")
        wrong = faults_of_storage(node, storage, "vztmpl", "templates")
        if wrong:
            return wrong
        get = f"pveam download {storage} {name}, or "
    path = template_path(node, template)
    if not path:
        return []
    if os.path.isfile(path):
        return room_faults(node, wanted, os.path.getsize(path))
    return [(f"there is no template {template}", f"{get}copy it to {path}")]


def room_faults(node: Node, wanted: Guest, size: int) -> list[tuple[str, str]]:
    """Whether what is unpacked of a template, more than its `size` in bytes, can go onto a storage of files."""
    rootfs = wanted.settings.get("rootfs", "")
    name = "" if isinstance(rootfs, str) else rootfs["storage"]
    storage = node.storages().get(name)
    path = node.paths(storage.path) if storage and storage.is_files() and storage.path else ""
    if not path or not os.path.isdir(path):
        return []
    facts = os.statvfs(path)
    free = facts.f_bavail * facts.f_frsize
    if free >= size:
        return []
    wrong = f"storage {name} has no room: {free >> 20} MiB, and the template takes more than {size >> 20} MiB"
    return [(wrong, f"df -h {path}")]


def checksum_faults(node: Node, wanted: Guest) -> list[tuple[str, str]]:
    """Whether the template is the one that the file means: the last check, for it reads all of it."""
    path = template_path(node, wanted.ostemplate)
    if is_stand_in(node, path):
        cli.note(f"{wanted.id}: sha512 was not checked: what is in templates is not part of a rehearsal")
        return []
    if digest_of(path, "sha512") == wanted.creation["sha512"]:
        return []
    return [(f"{path} is not what sha512 says: it is damaged, or another release", f"sha512sum {path}")]


def is_stand_in(node: Node, path: str) -> bool:
    """Whether a file of a rehearsal node is there in name only."""
    return os.path.isdir(node.paths(REHEARSAL)) and not os.stat(path).st_blocks


def digest_of(path: str, name: str) -> str:
    """The digest of a file by the algorithm of that name, as hexadecimal digits."""
    import hashlib

    hashed = hashlib.new(name)
    with open(path, "rb") as file:
        while True:
            data = file.read(1 << 20)
            if not data:
                return hashed.hexdigest()
            hashed.update(data)


def clone_faults(node: Node, wanted: Guest) -> list[tuple[str, str]]:
    """What is wrong with the guest that is to be cloned."""
    from phoenix.pve import guestconf

    source, snapshot = wanted.clone["from"], wanted.clone.get("snapshot", "")
    kind, tool = wanted.kind, wanted.kind.tool.name
    path = node.paths.guest_config(kind.folder, source)
    try:
        conf = guestconf.parse(files.read_text(path), kind.pending)
    except FileNotFoundError:
        return [(f"there is no {kind.noun} {source} on this node to clone", f"phoenix.pyz create {source}")]
    if snapshot and snapshot not in conf.snapshots:
        known = ", ".join(sorted(conf.snapshots)) or "none"
        return [(f"{source} has no snapshot {snapshot} (it has: {known})", f"{tool} listsnapshot {source}")]
    wrong = [
        f"{source} has {item.option} {item.found or 'off'}, wanted {item.wanted}"
        for item in fixed_of_clone(wanted, conf.snapshots[snapshot] if snapshot else conf)
    ]
    if wrong:
        return [("; ".join(wrong) + ": a clone is what its source is", f"correct {wanted.path}")]
    if kind.name == "lxc" and kind.start(node, source) and not snapshot:
        return [(f"{source} runs, and only a snapshot of it can be cloned then", f"phoenix.pyz stop {source}")]
    return []


def locked_source(node: Node, wanted: Guest) -> NotReady | None:
    """What is wrong if somebody works on the guest that is to be cloned, or None."""
    from phoenix.guests.observed import observe

    source, tool = wanted.clone["from"], wanted.kind.tool.name
    lock = observe(node, wanted.kind, source).lock
    if not lock:
        return None
    dead = f"; if it is left from a clone that was killed, and nobody works on it: {tool} unlock {source}"
    hint = f"{tool} config {source}; try again later{dead * (lock == 'disk')}"
    return NotReady(f"{wanted.id} cannot be created: {source} is locked ({lock})", hint)


def fixed_of_clone(wanted: Guest, conf: GuestConf) -> list[Difference]:
    """What could not be changed any more once the clone is there; a full one may go to another storage."""
    from phoenix.guests import changes, observed
    from phoenix.pve import guestconf

    state = observed.read(wanted.kind, guestconf.render(conf))
    target = wanted.clone.get("storage") or wanted.first_storage
    if wanted.clone.get("full") == "1" and target:
        moved = {
            name: {**setting, "storage": target} if not isinstance(setting, str) and "storage" in setting else setting
            for name, setting in state.settings.items()
        }
        state = state.but(settings=moved)
    return [item for item in changes.between(wanted, state, None) if item.change == "fixed"]


def setting_faults(node: Node, wanted: Guest) -> list[tuple[str, str]]:
    """What the options need and the node does not have, as (fault, next step) pairs."""
    faults = []
    for name, setting in sorted(wanted.settings.items()):
        if not isinstance(setting, str):
            faults += [
                *storage_faults(node, wanted, name, setting),
                *disc_faults(node, setting),
                *bridge_faults(node, name, setting),
                *path_faults(node, name, setting),
            ]
    for volume in wanted.snippets:
        faults += faults_of_storage(node, volume.partition(":")[0], "snippets", "snippets")
    if wanted.kind.name == "vm":
        from phoenix.guests import hardware

        faults += hardware.faults(node, wanted)
    if wanted.raw:
        faults += map_faults(node, wanted)
    if wanted.environment and node.release() < PVE_9:
        faults.append(("env is known to Proxmox VE 9 and later only", f"remove env from {wanted.path}"))
    faults += [
        (f"there is no {path} ({key})", f"ls -l {path}")
        for key, path in sorted(wanted.files.items())
        if not os.path.isfile(node.paths(path))
    ]
    return list(dict.fromkeys(faults))


def map_faults(node: Node, wanted: Guest) -> list[tuple[str, str]]:
    """Maps of identities that root may not make on this node: /etc/subuid and /etc/subgid say which it may."""
    from phoenix.guests import rawkeys

    found = []
    for kind, _, first, count in rawkeys.id_maps(wanted.raw or ()):
        path = {"u": "/etc/subuid", "g": "/etc/subgid"}[kind]
        if not any(low <= first and first + count <= high for low, high in node.sub_ids(path)):
            found.append(
                (f"root may not map {first} to {first + count - 1} ({path})", f"echo root:{first}:{count} >>{path}")
            )
    return found


def storage_faults(node: Node, wanted: Guest, option: str, setting: Setting) -> list[tuple[str, str]]:
    """What is wrong with the storage of a volume."""
    name = "" if isinstance(setting, str) or not wanted.kind.may_hold(option) else setting.get("storage", "")
    return faults_of_storage(node, name, wanted.kind.content, wanted.kind.noun + "s") if name else []


def disc_faults(node: Node, setting: Setting) -> list[tuple[str, str]]:
    """What is wrong with the image of a disc, or the device, that a drive is to have."""
    file = "" if isinstance(setting, str) else setting.get("file", "")
    if file.startswith("/"):
        return [] if os.path.exists(node.paths(file)) else [(f"there is no {file}", f"ls -l {file}")]
    if not is_disc(file):
        return []
    storage, _, name = file.partition(":")
    wrong = faults_of_storage(node, storage, "iso", "images of discs")
    path = "" if wrong else volume_path(node.storages()[storage], name)
    if not path or os.path.exists(node.paths(path)):
        return wrong
    return [(f"there is no {file}", f"copy it to {path}")]


def faults_of_storage(node: Node, name: str, content: str, what: str) -> list[tuple[str, str]]:
    """Why a storage cannot hold a kind of content on this node now; `what` says the content in words."""
    storage = node.storages().get(name)
    if storage is None:
        known = ", ".join(sorted(node.storages())) or "none"
        return [
            (f"there is no storage {name} (there is: {known})", f"pvesm add TYPE {name} ..., or name another storage")
        ]
    if storage.disabled:
        return [(f"storage {name} is disabled", f"pvesm set {name} --disable 0")]
    if not storage.is_on(node.name):
        return [(f"storage {name} is not on this node ({node.name})", f"pvesm set {name} --nodes ...")]
    if content not in storage.content:
        return [(f"storage {name} takes no {what}", f"pvesm set {name} --content {content},...")]
    path = storage.path if storage.is_files() else ""
    if path and not os.path.isdir(node.paths(path)):
        return [(f"storage {name} is not there: there is no {path}", f"pvesm status; mount | grep {path}")]
    return []


def bridge_faults(node: Node, option: str, setting: Setting) -> list[tuple[str, str]]:
    """What is wrong with the bridge of a network interface."""
    bridge = "" if isinstance(setting, str) else setting.get("bridge", "")
    if isinstance(setting, str) or not option.startswith("net") or not bridge:
        return []
    if not node.has_bridge(bridge):
        hint = f"ip link show type bridge; add {bridge} to /etc/network/interfaces, ifreload -a"
        return [(f"there is no bridge {bridge}", hint)]
    if setting.get("mtu") == "1":  # of a virtual machine: that of the bridge
        return []
    most = node.bridge_mtu(bridge)
    if most and int(setting.get("mtu", "0")) > most:
        return [(f"{option}.mtu is {setting['mtu']}, more than that of {bridge} ({most})", f"ip link show {bridge}")]
    return []


def path_faults(node: Node, option: str, setting: Setting) -> list[tuple[str, str]]:
    """What is wrong with a folder of the node that is to be mounted."""
    if isinstance(setting, str) or not option.startswith(("mp", "dev")):
        return []
    path = setting.get("volume" if option.startswith("mp") else "path", "")
    if not path or os.path.exists(node.paths(path)):
        return []
    return [(f"there is no {path} for {option}", f"mkdir -p {path}" if option.startswith("mp") else f"ls -l {path}")]
