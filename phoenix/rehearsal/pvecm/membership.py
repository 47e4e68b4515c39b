"""`pvecm status`, `nodes`, `expected`: what this node sees of its cluster."""

from __future__ import annotations

import time

from phoenix.rehearsal import cluster
from phoenix.rehearsal.failures import Failure
from phoenix.rehearsal.speech import say

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

    from phoenix.rehearsal.tree import Tree

_FILE: Final = "/etc/pve/corosync.conf"
_API: Final = 1


class _Conf:
    """What corosync.conf says: of the cluster as a whole, and of each node."""

    def __init__(self, text: str) -> None:
        self.totem: dict[str, str] = {}
        self.nodes: list[dict[str, str]] = []
        path: list[str] = []
        for line in text.split("\n"):
            word, _, value = line.strip().partition(":")
            if line.strip().endswith("{"):
                path.append(line.strip()[:-1].strip())
                if path[-1] == "node":
                    self.nodes.append({})
            elif line.strip() == "}":
                path.pop()
            elif path == ["totem"]:
                self.totem[word] = value.strip()
            elif path[-1:] == ["node"] and self.nodes:
                self.nodes[-1][word] = value.strip()

    def votes(self) -> int:
        """All that are expected."""
        return sum(int(node.get("quorum_votes", "1")) for node in self.nodes)


def _conf(tree: Tree) -> _Conf:
    text = tree.read(_FILE)
    if not text:
        raise Failure(f"Error: Corosync config '{_FILE}' does not exist - is this node part of a cluster?", 2)
    return _Conf(text)


def version(_tree: Tree, _given: dict[str, str]) -> int:
    """The version of the way to join a cluster."""
    say(str(_API))
    return 0


def remove(tree: Tree, _given: dict[str, str]) -> int:
    """What changes a cluster: refused, in the words of a node that has none."""
    _conf(tree)
    raise Failure("the rehearsal node does not change its cluster")


def expect(tree: Tree, _given: dict[str, str]) -> int:
    """Tell how many votes to expect: noted by nobody here."""
    _conf(tree)
    return 0


def nodes(tree: Tree, _given: dict[str, str]) -> int:
    """The nodes by name."""
    say(_members(tree, _conf(tree), "name"))
    return 0


def status(tree: Tree, _given: dict[str, str]) -> int:
    """The cluster, its quorum, and the nodes by address."""
    conf = _conf(tree)
    totem, votes = conf.totem, conf.votes()
    there = [node for node in conf.nodes if node.get("name") == tree.name or cluster.has_quorum(tree)]
    own = next((node for node in conf.nodes if node.get("name") == tree.name), {})
    sections = {
        "Cluster information": {
            "Name": totem.get("cluster_name", "UNKOWN?"),
            "Config Version": totem.get("config_version", "-1"),
            "Transport": totem.get("transport", "knet"),
            "Secure auth": totem.get("secauth", "off"),
        },
        "Quorum information": {
            "Date": time.strftime("%a %b %e %H:%M:%S %Y"),
            "Quorum provider": "corosync_votequorum",
            "Nodes": str(len(there)),
            "Node ID": f"0x{int(own.get('nodeid', '1')):08x}",
            "Ring ID": "1.1",
            "Quorate": "Yes" if cluster.has_quorum(tree) else "No",
        },
        "Votequorum information": {
            "Expected votes": str(votes),
            "Highest expected": str(votes),
            "Total votes": str(sum(int(node.get("quorum_votes", "1")) for node in there)),
            "Quorum": f"{votes // 2 + 1} " + (" " if cluster.has_quorum(tree) else "Activity blocked"),
            "Flags": "Quorate " if cluster.has_quorum(tree) else "",
        },
    }
    for title, values in sections.items():
        say(f"{title}\n{'-' * len(title)}")
        say("\n".join(f"{name + ':':<17} {value}" for name, value in values.items()) + "\n")
    say(_members(tree, conf, "ring0_addr").lstrip("\n"))
    return 0


def _members(tree: Tree, conf: _Conf, what: str) -> str:
    lines = ["", "Membership information", "----------------------", "    Nodeid      Votes Name"]
    for node in conf.nodes:
        if node.get("name") == tree.name or cluster.has_quorum(tree):
            number = int(node.get("nodeid", "0"))
            shown = str(number) if what == "name" else f"0x{number:08x}"
            local = " (local)" if node.get("name") == tree.name else ""
            lines.append(f"{shown:>10} {node.get('quorum_votes', '1'):>10} {node.get(what, '')}{local}")
    return "\n".join(lines)
