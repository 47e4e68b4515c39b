"""`pct migrate` and `remote-migrate`: to other nodes, of which there are none."""

from __future__ import annotations

from phoenix.rehearsal import cluster
from phoenix.rehearsal.failures import BadParameters, Failure
from phoenix.rehearsal.kinds import CT

TYPE_CHECKING = False
if TYPE_CHECKING:
    from phoenix.rehearsal.tree import Tree


def migrate(tree: Tree, given: dict[str, str]) -> int:
    """Move to another node."""
    target = given["target"]
    if target == tree.name:
        raise BadParameters({"target": "target is local node."})
    raise Failure(f"no such cluster node '{target}'")


def remote_migrate(tree: Tree, given: dict[str, str]) -> int:
    """Move to another cluster."""
    cluster.read(tree, CT, given["vmid"])
    raise Failure("remote migration is not possible: the rehearsal node reaches no other cluster")
