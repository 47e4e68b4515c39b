"""The archive's __main__: isolates the interpreter, distrusts what is around it, starts the unpacked build.

It is compiled anew at every start, so it holds only what every start needs; the rest is in settle.py beside it.
"""

from __future__ import annotations

import gc
import marshal
import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any
    from zipimport import zipimporter

    __loader__: zipimporter


def root_of(words: list[str]) -> str:
    """The folder that --root names, if it holds a node, else "": it says where the product's folder is."""
    root = ""
    for i, word in enumerate(words):
        if word[:6] == "--root":
            root = word[7:] if word[6:7] == "=" else "".join(words[i + 1 : i + 2])
    return os.path.abspath(root).rstrip("/") if root and os.path.lexists(root + "/etc/pve") else ""


def distrusted(path: str) -> str:
    """The first existing component of `path` that somebody else could change, or "" if there is none."""
    for whole in {path, os.path.realpath(path)}:
        part = ""
        for name in whole.split("/")[1:]:
            part += "/" + name
            try:
                facts = os.lstat(part)
            except OSError:
                break
            # A link's mode means nothing, and in a sticky folder nobody can replace what is ours.
            loose = facts.st_mode & 0o022 and not facts.st_mode & 0o1000 and facts.st_mode & 0o170000 != 0o120000
            if facts.st_uid not in (0, os.geteuid()) or loose:
                return part
    return ""


def facts_of(path: str) -> str:
    """What a stamp says of one file or folder: nothing can be damaged by accident and keep all of it."""
    facts = os.lstat(path)
    return f"{facts.st_mode:o} {facts.st_uid} {facts.st_size} {facts.st_mtime_ns}"


def settled(tree: str) -> bool:
    """Whether `tree` is whole for this Python: every file is as it was when it was verified and stamped."""
    stamp = tree + "/.settled." + str(sys.implementation.cache_tag)
    try:
        # The tree itself is not in the stamp, because writing the stamp changes it.
        facts = os.lstat(tree)
        if (facts.st_mode, facts.st_uid) != (0o40755, os.geteuid()):
            return False
        # Not blocked by a fifo, not led astray by a link.
        with open(os.open(stamp, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK), encoding="utf-8") as file:
            lines = file.read().split("\n")
        return lines.pop() == "end" and all(
            facts_of(tree + "/" + path) == facts for facts, _, path in (line.partition(" /") for line in lines)
        )
    except (OSError, ValueError):  # ValueError: no text, or no paths
        return False


def main() -> int:
    """Find the unpacked build, or make or heal it, and hand over to the dispatcher in it."""
    import fcntl

    product = root_of(sys.argv[1:]) + "/usr/local/phoenix_hypervisor"
    if os.geteuid():
        import settle

        product = settle.users_folder()
    strange = distrusted(product + "/lib")
    build = __loader__.get_data(__loader__.archive + "/manifest").split(b"\n", 1)[0].decode().split(" ")[2]
    tree = product + "/lib/" + build
    try:
        # Held, so that a newer build does not prune the tree under this process.
        fcntl.flock(os.open(tree, os.O_RDONLY | os.O_DIRECTORY), fcntl.LOCK_SH)
        current = os.readlink(product + "/bin/managers") == "../lib/" + build + "/bin"
    except OSError:
        current = False
    if strange or not current or not settled(tree):
        import settle

        settle.settle(__loader__, product, build, strange)
    modules: dict[str, Any] = {}
    archive = tree + "/library.zip"
    sys.path[:] = [path for path in sys.path if path != __loader__.archive] + [archive]
    with open(tree + "/common." + str(sys.implementation.cache_tag), "rb") as file:
        table = marshal.loads(file.read())
    exec(marshal.loads(table["phoenix.modules"][1]), modules)
    modules["use"](archive, table)
    from phoenix.dispatch.main import main as dispatch

    return dispatch(tree, sys.argv[1:])


standard = (sys.stdin, sys.stdout, sys.stderr)
if None in standard or not (sys.flags.isolated and sys.flags.no_site):
    # A closed standard descriptor would become that of the first file that is opened, a lock for example.
    while None in standard and (null := os.open(os.devnull, os.O_RDWR)) < len(standard):
        os.set_inheritable(null, True)
    os.execv(sys.executable, [sys.executable, "-I", "-S", *sys.argv])
sys.dont_write_bytecode = True
gc.disable()  # the process is short: collecting what dies with it costs a twentieth of its time
os._exit(main())  # everything is flushed; taking the interpreter apart would cost a tenth more
