"""`exportfs`: makes the folders that are exported those that the files say.

Run for this: exportfs of nfs-utils 2.6 and 2.8, whose words, statuses and table tests/rehearsal/test_real_shares.py
compares. Kept short: an entry of the table has the options as they were written, hosts are not resolved, and numbers
that stand for options are not said.
"""

from __future__ import annotations

import os

from phoenix.rehearsal import speech
from phoenix.rehearsal.failures import WrongUsage

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

    from phoenix.rehearsal.tree import Tree

TABLE = "/var/lib/nfs/etab"
_WITHOUT_VALUE: Final = frozenset((
    "acl", "all_squash", "async", "auth_nlm", "crossmnt", "hide", "insecure", "insecure_locks", "mountpoint", "mp",
    "no_acl", "no_all_squash", "no_auth_nlm", "no_pnfs", "no_root_squash", "no_subtree_check", "no_wdelay",
    "nocrossmnt", "nohide", "pnfs", "ro", "root_squash", "rw", "secure", "secure_locks", "security_label",
    "subtree_check", "sync", "wdelay",
))  # fmt: skip
_WITH_VALUE: Final = ("anongid", "anonuid", "fsid", "mountpoint", "mp", "refer", "replicas", "sec")


def run(tree: Tree, words: list[str]) -> int:
    """Take `-ra`. A file is read as far as an option that nobody knows."""
    if words != ["-ra"]:
        raise WrongUsage("usage: exportfs [-adfhioruvs] [host:/path]")
    found: dict[tuple[str, str], str] = {}
    folder = "/etc/exports.d"
    names = sorted(os.listdir(tree(folder))) if os.path.isdir(tree(folder)) else []
    files = ["/etc/exports", *(f"{folder}/{name}" for name in names if name.endswith(".exports"))]
    good = [_read(tree, file, found) for file in files]  # each of them is read
    os.makedirs(os.path.dirname(tree(TABLE)), exist_ok=True)
    tree.replace(TABLE, "".join(f"{path}\t{host}({options})\n" for (path, host), options in found.items()), 0o644)
    for path in dict.fromkeys(_plain(path) for path, _ in found):
        if not os.path.exists(tree(path)):
            speech.complain(f"exportfs: Failed to stat {path}: No such file or directory")
            good.append(False)
    return 0 if all(good) else 1


def _read(tree: Tree, file: str, found: dict[tuple[str, str], str]) -> bool:
    """Take in what a file exports; the first that says something counts. Whether all of it can be."""
    good = True
    for number, line in enumerate(tree.read(file).split("\n"), 1):
        words = [] if line.startswith("#") else line.split()
        for word in words[1:]:
            host, _, options = word.rstrip(")").partition("(")
            strange = [name for name in options.split(",") if name and not _is_known(name)]
            if strange:
                speech.complain(f'exportfs: {file}:{number}: unknown keyword "{strange[0]}"\n')
                return False
            if found.setdefault((words[0], host), options) != options:
                speech.complain("exportfs: incompatible duplicated export entries:")
                speech.complain(f"exportfs: \t{host}:{_plain(words[0])} [IGNORED]")
                speech.complain(f"exportfs: \t{host}:{_plain(words[0])}")
                good = False
    return good


def _is_known(option: str) -> bool:
    name, equals, _ = option.partition("=")
    return name in _WITH_VALUE if equals else name in _WITHOUT_VALUE


def _plain(path: str) -> str:
    """A path whose octal numbers are bytes again."""
    pieces = path.split("\\")
    data = pieces[0].encode() + b"".join(bytes([int(part[:3], 8)]) + part[3:].encode() for part in pieces[1:])
    return data.decode("utf-8", "replace")
