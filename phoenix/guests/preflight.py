"""Preflight: everything that can be known to be missing on the node, before the first change."""

from __future__ import annotations

import os

from phoenix.errors import NotReady

TYPE_CHECKING = False
if TYPE_CHECKING:
    from phoenix.guests.container import Container
    from phoenix.guests.values import Setting
    from phoenix.pve.node import Node


def check_create(node: Node, wanted: Container) -> None:
    """NotReady, with everything that is missing, if the container cannot be created on this node now."""
    wrong = [*template_faults(node, wanted.ostemplate), *setting_faults(node, wanted)]
    if wrong:
        raise NotReady(f"{wanted.id} cannot be created: " + "; ".join(fault for fault, _ in wrong), wrong[0][1])


def check_change(node: Node, wanted: Container) -> None:
    """NotReady if something that the container's file names is missing on this node now."""
    wrong = setting_faults(node, wanted)
    if wrong:
        raise NotReady(f"{wanted.id}: " + "; ".join(fault for fault, _ in wrong), wrong[0][1])


def template_faults(node: Node, template: str) -> list[tuple[str, str]]:
    """What is wrong with the template, as (fault, next step) pairs."""
    if template.startswith("/"):
        path, get = node.paths(template), ""
    else:
        storage, _, name = template.partition(":vztmpl/")
        wrong = faults_of_storage(node, storage, "vztmpl", "templates")
        if wrong:
            return wrong
        folder = node.storages()[storage].folder("vztmpl")
        path, get = node.paths(f"{folder}/{name}") if folder else "", f"pveam download {storage} {name}, or "
    if not path or os.path.isfile(path):
        return []
    return [(f"there is no template {template}", f"{get}copy it to {path}")]


def setting_faults(node: Node, wanted: Container) -> list[tuple[str, str]]:
    """What the options need and the node does not have, as (fault, next step) pairs."""
    faults = []
    for name, setting in sorted(wanted.settings.items()):
        if not isinstance(setting, str):
            faults += [
                *storage_faults(node, setting),
                *bridge_faults(node, name, setting),
                *path_faults(node, name, setting),
            ]
    return list(dict.fromkeys(faults))


def storage_faults(node: Node, setting: Setting) -> list[tuple[str, str]]:
    """What is wrong with the storage of a volume."""
    name = "" if isinstance(setting, str) else setting.get("storage", "")
    return faults_of_storage(node, name, "rootdir", "containers") if name else []


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
    return []


def bridge_faults(node: Node, option: str, setting: Setting) -> list[tuple[str, str]]:
    """What is wrong with the bridge of a network interface."""
    bridge = "" if isinstance(setting, str) else setting.get("bridge", "")
    if not option.startswith("net") or not bridge or node.has_bridge(bridge):
        return []
    return [
        (
            f"there is no bridge {bridge}",
            f"ip link show type bridge; add {bridge} to /etc/network/interfaces, ifreload -a",
        )
    ]


def path_faults(node: Node, option: str, setting: Setting) -> list[tuple[str, str]]:
    """What is wrong with a folder of the node that is to be mounted."""
    path = "" if isinstance(setting, str) or not option.startswith("mp") else setting.get("volume", "")
    if not path or os.path.exists(node.paths(path)):
        return []
    return [(f"there is no {path} for {option}", f"mkdir -p {path}")]
