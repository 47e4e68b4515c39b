"""Images: the same functions as in `volumes`, under the names that they had first."""

from __future__ import annotations

from phoenix.rehearsal.volumes import (
    clone_linked,
    copy_into,
    drop_snapshot,
    form,
    has_feature,
    make_base,
    resize,
    rollback,
    snapshot,
)
from phoenix.rehearsal.volumes import in_use_by_clones as is_used_base
from phoenix.rehearsal.volumes import rename as reassign

__all__ = [
    "clone_linked",
    "copy_into",
    "drop_snapshot",
    "form",
    "has_feature",
    "is_used_base",
    "make_base",
    "reassign",
    "resize",
    "rollback",
    "snapshot",
]
