"""`exportfs`: makes the folders that are exported those that the files say.

Run for this: exportfs of nfs-utils 2.6, whose words, statuses and table tests/host/test_real_nfs.py compares. Kept
short: an entry of the table has the options as they were written, and hosts are not resolved.
"""

from __future__ import annotations

import os

from phoenix.rehearsal import speech
from phoenix.rehearsal.failures import WrongUsage

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from phoenix.rehearsal.tree import Tree

TABLE = "/var/lib/nfs/etab"
_OPTIONS = (
    "acl all_squash anongid anonuid async auth_nlm crossmnt fsid hide insecure insecure_locks mountpoint mp no_acl "
    "no_all_squash no_auth_nlm no_pnfs no_root_squash no_subtree_check no_wdelay nocrossmnt nohide pnfs refer replicas "
    "ro root_squash rw sec secure secure_locks security_label subtree_check sync wdelay"
)


def run(tree: Tree, words: list[str]) -> int:
    """Take `-ra`. One option that nobody knows, and nothing is exported any more."""
    if words != ["-ra"]:
        raise WrongUsage("usage: exportfs [-adfhioruvs] [host:/path]")
    found: dict[tuple[str, str], str] = {}
    status = 0
    for place, number, path, host, options in _entries(tree):
        strange = [word for word in options.split(",") if word and word.partition("=")[0] not in _OPTIONS.split()]
        if strange:
            speech.complain(f'exportfs: {place}:{number}: unknown keyword "{strange[0]}"')
            found, status = {}, 1
            break
        if not os.path.exists(tree(_plain(path))):
            speech.complain(f"exportfs: Failed to stat {_plain(path)}: No such file or directory")
            status = 1
        if found.setdefault((path, host), options) != options:
            speech.complain("exportfs: incompatible duplicated export entries:")
            status = 1
    os.makedirs(os.path.dirname(tree(TABLE)), exist_ok=True)
    tree.replace(TABLE, "".join(f"{path}\t{host}({options})\n" for (path, host), options in found.items()), 0o644)
    return status


def _entries(tree: Tree) -> Iterator[tuple[str, int, str, str, str]]:
    """What the files export: the file, the line, the path, the host and the options of each."""
    folder = "/etc/exports.d"
    names = sorted(os.listdir(tree(folder))) if os.path.isdir(tree(folder)) else []
    for place in ("/etc/exports", *(f"{folder}/{name}" for name in names if name.endswith(".exports"))):
        for number, line in enumerate(tree.read(place).split("\n"), 1):
            words = line.split()
            if words and not line.startswith("#"):
                for word in words[1:]:
                    host, _, options = word.rstrip(")").partition("(")
                    yield place, number, words[0], host, options


def _plain(path: str) -> str:
    """A path whose octal numbers are bytes again."""
    pieces = path.split("\\")
    data = pieces[0].encode() + b"".join(bytes([int(part[:3], 8)]) + part[3:].encode() for part in pieces[1:])
    return data.decode("utf-8", "replace")
