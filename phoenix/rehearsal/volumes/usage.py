"""Usage: which storages can be used, and how full they are."""

from __future__ import annotations

from phoenix.rehearsal.failures import Failure
from phoenix.rehearsal.speech import complain
from phoenix.rehearsal.volumes import activate, is_active

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

    from phoenix.pve.storages import Storage
    from phoenix.rehearsal.tree import Tree

TOTAL: Final = 104857600
USED: Final = 10391388
"""KiB of every storage: the rehearsal node does not count what is written."""


def is_enabled(tree: Tree, storage: Storage) -> bool:
    """Whether a storage is for this node and not disabled."""
    return not storage.disabled and storage.is_on(tree.name)


def figures(tree: Tree, storage: Storage) -> tuple[int, int, int]:
    """The KiB of a storage, those used and those left; three times 0 if it cannot be used, with the reason said."""
    if not is_enabled(tree, storage):
        return 0, 0, 0
    try:
        activate(tree, storage)
    except Failure as failure:
        complain(failure.text)
        return 0, 0, 0
    return (TOTAL, USED, TOTAL - USED) if is_active(tree, storage) else (0, 0, 0)
