"""Settling: unpack this build, or heal it, so that it can be started without looking twice.

One way for a first run, a crashed first run and a damaged tree: under a lock every file is compared with the
archive and written anew where it differs (beside it, fsync, rename), what does not belong there goes, and only
then is the tree stamped. Nothing starts from a tree without its stamp, and a running program never sees a
half-written file.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import marshal
import os
import stat
import sys
import time
from zipimport import zipimporter

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn

    from phoenix.bootstrap import zipmain as guard
else:
    # The archive's __main__, which has the rules that every start checks.
    guard = sys.modules["__main__"]

TAG = str(sys.implementation.cache_tag)
LOCK_SECONDS = 120
HINTS = {
    errno.ENOSPC: "free some space (df -h {0}), and run it again",
    errno.EDQUOT: "free some space (df -h {0}), and run it again",
    errno.EFBIG: "ulimit -f unlimited, and run it again",
    errno.EMFILE: "ulimit -n 1024, and run it again",
}
"""What to do about a failure to write, where it is not the folder's fault."""


def stop(message: str, hint: str, code: int = 6) -> NoReturn:
    """Say what is wrong and what to do, and end."""
    sys.stderr.write("error: " + message + "\nnext:  " + hint + "\n")
    sys.exit(code)


def users_folder() -> str:
    """The product's folder of a user who is not root: in the home of the user database, whatever HOME says."""
    import pwd

    try:
        return pwd.getpwuid(os.geteuid()).pw_dir.rstrip("/") + "/.cache/phoenix_hypervisor"
    except KeyError:
        stop(f"user {os.geteuid()} has no home folder", "run it as root or as a user of this machine")


def settle(loader: zipimporter, product: str, build: str, strange: str) -> None:
    """Make PRODUCT/lib/BUILD what the archive says and PRODUCT/bin/managers its link; end the program if it cannot be.

    `strange` is a component of that path that somebody else could change, or "". The tree is held as `hold` does.
    """
    if strange:
        facts = f"{strange} belongs to another user or is writable by others, so nothing in it can be trusted"
        stop(facts, f"ls -ld {strange}; chown {os.geteuid()} {strange}; chmod go-w {strange}")
    os.umask(0o022)
    tree = product + "/lib/" + build
    try:
        os.makedirs(product + "/lib", exist_ok=True)
        os.makedirs(product + "/bin", exist_ok=True)
        lock = lock_folder(product + "/lib")
        try:
            if not guard.settled(tree):
                write_tree(loader, tree)
            hold(tree)
            switch_link(product + "/bin/managers", "../lib/" + build + "/bin", product + "/lib")
        finally:
            os.close(lock)
    except OSError as error:
        hint = HINTS.get(error.errno or 0, "see that {0} can be written: ls -ld {0}; mount | grep 'ro,'")
        stop(f"cannot unpack to {product}: {error.strerror or error}", hint.format(product))


def hold(tree: str) -> None:
    """Keep `tree` from being pruned for as long as this process lives."""
    fcntl.flock(os.open(tree, os.O_RDONLY | os.O_DIRECTORY), fcntl.LOCK_SH)


def lock_folder(folder: str) -> int:
    """An open descriptor that holds the lock of `folder`; others wait for it, with a deadline."""
    path = folder + "/.lock"
    deadline = time.monotonic() + LOCK_SECONDS
    while True:
        lock = open_lock(path)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if os.path.lexists(path) and os.path.samestat(os.fstat(lock), os.lstat(path)):
                return lock  # and nobody has put another in its place meanwhile
        except BlockingIOError:
            if time.monotonic() > deadline:
                stop(
                    f"another run has been unpacking to {folder} for {LOCK_SECONDS} seconds",
                    f"fuser -v {folder}/.lock shows it; try again when it has ended",
                    5,
                )
        os.close(lock)
        time.sleep(0.02)


def open_lock(path: str) -> int:
    """The file that is locked, made if it is not there. One that somebody else could hold for ever is replaced.

    Nobody else can put one there any more: the folder is ours alone.
    """
    if os.path.lexists(path):
        facts = os.lstat(path)
        if not stat.S_ISREG(facts.st_mode) or facts.st_uid != os.geteuid() or facts.st_mode & 0o077:
            clear(path)
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)


def write_tree(loader: zipimporter, tree: str) -> None:
    """Write what differs from the archive, remove what is not in it, compile, sync, stamp."""
    head, *lines = member(loader, "manifest").decode(errors="replace").split("\n")
    if head.split(" ")[2:] != [os.path.basename(tree)]:
        stop_damaged(loader.archive, "manifest")  # or another build, put in this one's place while it started
    stamp = tree + "/.settled." + TAG
    clear(stamp)
    folders, made = {tree}, set()
    for digest, mode, _, path in (line.split(" ", 3) for line in lines if line):
        data = member(loader, path)
        if hashlib.sha256(data).hexdigest() != digest:
            stop_damaged(loader.archive, path)
        target = tree + "/" + path
        make_folders(tree, os.path.dirname(target), folders)
        write_file(target, data, int(mode, 8))
        made.add(target)
    common = tree + "/common." + TAG
    write_file(common, compiled(tree + "/library.zip"), 0o644)
    made.add(common)
    remove_strangers(tree, made | folders)
    for folder in sorted(folders):
        sync_folder(folder)
    sync_folder(os.path.dirname(tree))
    facts = [guard.facts_of(entry) + " " + entry[len(tree) :] for entry in sorted(made | folders - {tree})]
    write_file(stamp, "\n".join([*facts, "end"]).encode(), 0o644)
    sync_folder(tree)


def member(loader: zipimporter, name: str) -> bytes:
    """What the archive has under `name`; it may have been replaced or damaged since it was started."""
    try:
        return loader.get_data(loader.archive + "/" + name)
    except (OSError, ImportError, EOFError) as error:
        if getattr(error, "errno", None) == errno.EMFILE:
            raise
        stop_damaged(loader.archive, name)


def stop_damaged(archive: str, path: str) -> NoReturn:
    """End, because a file in the archive is not what it was when it was built."""
    stop(f"{archive} is damaged: {path}", "copy it to the node again and compare SHA256SUMS")


def clear(path: str) -> None:
    """Remove whatever is at `path`."""
    if os.path.isdir(path) and not os.path.islink(path):
        import shutil  # a tenth of what a first run costs, and there is nothing to remove then

        shutil.rmtree(path)
    elif os.path.lexists(path):
        os.unlink(path)


def make_folders(tree: str, folder: str, known: set[str]) -> None:
    """Make `folder` and its parents down from `tree`, replacing whatever is in their way; add them to `known`."""
    parts = [tree]
    for name in folder[len(tree) :].split("/")[1:]:
        parts.append(parts[-1] + "/" + name)
    for part in parts:
        if os.path.islink(part) or not os.path.isdir(part):
            clear(part)
        if not os.path.lexists(part):
            os.mkdir(part, 0o755)
        elif os.lstat(part).st_mode & 0o7777 != 0o755 or os.lstat(part).st_uid != os.geteuid():
            os.chown(part, os.geteuid(), os.getegid())
            os.chmod(part, 0o755)
        known.add(part)


def write_file(path: str, data: bytes, mode: int) -> None:
    """Make `path` a file of ours with exactly this content and mode, durably; leave it alone if it is that."""
    if not os.path.islink(path) and os.path.isfile(path):
        facts = os.lstat(path)
        if (facts.st_mode & 0o7777, facts.st_uid, facts.st_size) == (mode, os.geteuid(), len(data)):
            with open(path, "rb") as file:
                if file.read() == data:
                    os.fsync(file.fileno())
                    return
    elif os.path.isdir(path) and not os.path.islink(path):
        clear(path)
    beside = path + ".new"
    clear(beside)
    with open(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, mode), "wb") as file:
        file.write(data)
        file.flush()
        os.fchmod(file.fileno(), mode)
        os.fsync(file.fileno())
    os.rename(beside, path)


def compiled(archive: str) -> bytes:
    """The table that phoenix/modules.py imports from, with the code of what every run needs."""
    sources = zipimporter(archive)
    table = {}
    for line in sources.get_data(archive + "/groups").decode().splitlines():
        group, path = line.split(" ", 1)
        name, package, file = path[: -len(".py")].replace("/", "."), path.endswith("/__init__.py"), archive + "/" + path
        held: bytes | str = group
        if group == "common":
            held = marshal.dumps(compile(sources.get_data(file), file, "exec", dont_inherit=True))
        table[name[: -len(".__init__")] if package else name] = (package, held)
    return marshal.dumps(table)


def remove_strangers(tree: str, known: set[str]) -> None:
    """Remove what is in `tree` and not in `known`, but for what other Pythons have compiled and stamped.

    The tables of what only some runs need go too: they are made again when they are needed.
    """
    others = (".settled.", "common.")
    for folder, folders, files in os.walk(tree):
        for name in folders + files:
            path = folder + "/" + name
            if path in known or (folder == tree and name.startswith(others)):
                continue
            clear(path)


def sync_folder(path: str) -> None:
    """Make the names in a folder durable."""
    folder = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def switch_link(link: str, target: str, lib: str) -> None:
    """Point the link at this build, keep the build it pointed at before, and prune the others."""
    before = os.readlink(link) if os.path.islink(link) else ""
    if before != target:
        beside = link + ".new"
        clear(beside)
        os.symlink(target, beside)
        os.rename(beside, link)
        sync_folder(os.path.dirname(link))
        prune(lib, {target.split("/")[2], ([*before.split("/"), "", "", ""])[2]})


def is_build(lib: str, name: str) -> bool:
    """Whether `name` in `lib` is a folder that settling made: VERSION-<16 hexadecimal digits>."""
    version, _, digest = name.rpartition("-")
    known = bool(version) and len(digest) == 16 and not digest.strip("0123456789abcdef")
    return known and os.path.isdir(lib + "/" + name) and not os.path.islink(lib + "/" + name)


def prune(lib: str, keep: set[str]) -> None:
    """Remove the builds in `lib` that are not in `keep` and that no run holds."""
    for name in os.listdir(lib):
        if name in keep or not is_build(lib, name):
            continue
        folder = os.open(lib + "/" + name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
        try:
            fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            continue
        else:
            clear(lib + "/" + name)
        finally:
            os.close(folder)
