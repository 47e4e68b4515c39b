"""Inventory: the volumes that storages hold under a guest's ID, whether a configuration names them or not."""

from __future__ import annotations

import os
import re

from phoenix.errors import NotReady

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from phoenix.guests.guest import Guest
    from phoenix.guests.work import Work
    from phoenix.pve.node import Node

LIST_SECONDS = 60


def storages_of(node: Node, wanted: Guest) -> set[str]:
    """The storages on which volumes are made when a guest is: those of its file, and of what it is cloned from."""
    found = {
        setting["storage"]
        for name, setting in wanted.settings.items()
        if wanted.kind.may_hold(name) and not isinstance(setting, str) and "storage" in setting
    }
    if wanted.clone:
        from phoenix.guests.observed import observe

        found |= {storage_of(volume) for volume in observe(node, wanted.kind, wanted.clone["from"]).volumes}
    return found


def storage_of(volume: str) -> str:
    """The storage in a volume's name."""
    return volume.partition(":")[0]


def volumes(work: Work, storages: Iterable[str]) -> list[str]:
    """The volumes under the guest's ID on these storages, sorted. NotReady if one of them cannot be listed."""
    return sorted(volume for storage in sorted(storages) for volume in _on(work, storage))


def _on(work: Work, name: str) -> list[str]:
    storage = work.node.storages().get(name)
    if storage and storage.type == "dir" and not storage.is_shared():  # what is local cannot hang
        folder = work.node.paths(f"{storage.folder('images')}/{work.guest}")
        names = os.listdir(folder) if os.path.isdir(folder) else []
        found = [f"{name}:{work.guest}/{entry}" for entry in names]
    else:
        found = [line.split(" ", 1)[0] for line in _listed(work, name).split("\n")]
    return found


def _listed(work: Work, storage: str) -> str:
    """What `pvesm list` prints of the guest's volumes on a storage."""
    from phoenix.guests import inside
    from phoenix.log import TAIL_BYTES

    work.begin()
    status, said = inside.call(work, ["pvesm", "list", storage, f"--vmid={work.guest}"], LIST_SECONDS)
    # Of a list that is cut, what is missing could be taken for ours.
    if status != 0 or len(said.encode()) > 2 * TAIL_BYTES:
        raise NotReady(
            f"{work.guest}: which volumes the storage {storage} has of it cannot be seen",
            f"pvesm list {storage} --vmid {work.guest}; its output is in {work.log.path}",
        )
    return said


def is_disk(volume: str, guest: str) -> bool:
    """Whether a volume has a name as pct and qm give to a guest's: none that somebody chose, no backup or image."""
    name = volume.replace(":", "/").rpartition("/")[2]
    return re.fullmatch(rf"(base|basevol|subvol|vm)-{guest}-(disk-\d+|cloudinit)(\.\w+)?", name) is not None
