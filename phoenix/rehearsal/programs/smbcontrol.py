"""`smbcontrol`: tells Samba's daemons, of which a rehearsal node runs none, to read their files again.

Run for this: smbcontrol of Samba 4.17 and 4.22, which says nothing and ends with 0 if there is nobody to be told.
"""

from __future__ import annotations

from phoenix.rehearsal.failures import WrongUsage

TYPE_CHECKING = False
if TYPE_CHECKING:
    from phoenix.rehearsal.tree import Tree


def run(_tree: Tree, words: list[str]) -> int:
    """Take `all reload-config`."""
    if words != ["all", "reload-config"]:
        raise WrongUsage("Usage: smbcontrol [OPTION...] <destination> <message-type> <parameters>")
    return 0
