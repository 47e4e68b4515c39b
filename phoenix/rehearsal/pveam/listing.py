"""`pveam list`."""

from __future__ import annotations

from phoenix.rehearsal import volumes
from phoenix.rehearsal.failures import Failure
from phoenix.rehearsal.speech import say
from phoenix.rehearsal.volumes import content

TYPE_CHECKING = False
if TYPE_CHECKING:
    from phoenix.rehearsal.tree import Tree


def list_templates(tree: Tree, given: dict[str, str]) -> int:
    """The templates on a storage."""
    storage = volumes.existing(tree, given["storage"])
    if "vztmpl" not in storage.content:
        raise Failure("Storage does not support templates!")
    volumes.activate(tree, volumes.enabled(tree, storage.name))
    say(f"{'NAME':<60} {'SIZE':<6}")
    for volume, _, _, size, _ in content.rows(tree, storage, "vztmpl"):
        megabytes = f"{size / (1 << 20):.2f}"
        say(f"{volume:<60} {megabytes:<4}MB")
    return 0
