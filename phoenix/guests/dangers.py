"""Dangers of deleting: who else relies on a guest."""

from __future__ import annotations

import os

from phoenix import files

TYPE_CHECKING = False
if TYPE_CHECKING:
    from phoenix.guests.kind import Kind
    from phoenix.pve.node import Node


def of_deleting(node: Node, kind: Kind, guest: str) -> list[str]:
    """Why destroying a guest would harm something else: high availability, replication, linked clones."""
    found = []
    if is_managed_by_ha(node, kind, guest):
        found.append("it is managed by HA (ha-manager status)")
    if any(line.startswith(f"local: {guest}-") for line in lines(node, "/replication.cfg")):
        found.append("it is replicated (pvesr list)")
    clones = linked_clones(node, guest)
    if clones:
        found.append("it is the base of linked clones: " + ", ".join(clones))
    return found


def is_managed_by_ha(node: Node, kind: Kind, guest: str) -> bool:
    """Whether high availability decides where and whether the guest runs."""
    return f"{kind.resource}: {guest}" in lines(node, "/ha/resources.cfg")


def lines(node: Node, path: str) -> list[str]:
    """The lines of a file of /etc/pve, without blanks at their ends; none if it is not there."""
    try:
        return [line.strip() for line in files.read_text(node.paths.pve + path).split("\n")]
    except FileNotFoundError:
        return []


def linked_clones(node: Node, guest: str) -> list[str]:
    """The guests of the cluster whose volumes are based on one of this guest's."""
    bases = (f"base-{guest}-disk-", f"basevol-{guest}-disk-")
    found = []
    for path in node.guest_files():
        name = os.path.basename(path)[: -len(".conf")]
        if name != guest and any(base in files.read_text(path) for base in bases):
            found.append(name)
    return found
