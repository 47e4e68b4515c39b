"""`pveam list`."""

from __future__ import annotations

from phoenix.rehearsal import volumes
from phoenix.rehearsal.pvesm.listing import file_rows
from phoenix.rehearsal.speech import say

TYPE_CHECKING = False
if TYPE_CHECKING:
    from phoenix.rehearsal.tree import Tree


def list_templates(tree: Tree, given: dict[str, str]) -> int:
    """The templates on a storage."""
    storage = volumes.enabled(tree, given["storage"])
    kinds = ["vztmpl"] if "vztmpl" in storage.content else []
    lines = [f"{'NAME':<60} {'SIZE':<6}"]
    for volume, _, _, size, _ in sorted(file_rows(tree, storage, kinds, False)):
        lines.append(f"{volume:<60} {f'{size / (1 << 20):.2f}MB':<6}")
    say("\n".join(lines))
    return 0
