"""The archive's __main__: isolates the interpreter, distrusts what is around it, starts the unpacked build.

It runs on every start and is compiled every time, so it holds only what every start needs; unpacking and
healing are in settle.py beside it in the archive.
"""

import os
import sys

PRODUCT = "/usr/local/phoenix_hypervisor"


def stop(message, hint, code=6):
    """Say what is wrong and what to do, and end."""
    sys.stderr.write("error: " + message + "\nnext:  " + hint + "\n")
    sys.exit(code)


def product_folder(words):
    """Where this build is unpacked: the product's folder for root, the cache of anybody else.

    --root is the one option that matters here: a root that holds a node holds the product's folder as well.
    The environment is not asked, so the same user always gets the same folder.
    """
    if os.geteuid():
        import pwd

        try:
            return pwd.getpwuid(os.geteuid()).pw_dir.rstrip("/") + "/.cache/phoenix_hypervisor"
        except KeyError:
            stop("user %d has no home folder" % os.geteuid(), "run it as root or as a user of this machine")
    root = ""
    for i, word in enumerate(words):
        if word == "--":
            break
        if word.startswith("--root="):
            root = word[7:]
        elif word == "--root" and i + 1 < len(words):
            root = words[i + 1]
    root = os.path.abspath(root).rstrip("/") if root else ""
    return (root if os.path.lexists(root + "/etc/pve") else "") + PRODUCT


def distrusted(path):
    """The first existing component of `path` that somebody else could change, or "" if there is none."""
    for whole in {path, os.path.realpath(path)}:
        part = ""
        for name in whole.split("/")[1:]:
            part += "/" + name
            try:
                facts = os.lstat(part)
            except OSError:
                break
            link, sticky = facts.st_mode & 0o170000 == 0o120000, facts.st_mode & 0o1000
            if facts.st_uid not in (0, os.geteuid()) or (facts.st_mode & 0o022 and not link and not sticky):
                return part
    return ""


def facts_of(path):
    """What a stamp says of one file or folder: nobody can change it and keep all of these by accident."""
    facts = os.lstat(path)
    return "%o %d %d %d" % (facts.st_mode, facts.st_uid, facts.st_size, facts.st_mtime_ns)


def settled(tree):
    """Whether `tree` is whole for this Python: every file is as it was when it was verified and stamped."""
    try:
        with open(tree + "/.settled." + sys.implementation.cache_tag, encoding="utf-8") as file:
            lines = file.read().split("\n")
        return lines.pop() == "end" and all(
            facts_of(tree + path) == facts for facts, _, path in (line.partition(" /") for line in lines)
        )
    except OSError:
        return False


def hold(tree):
    """Keep `tree` from being pruned for as long as this process lives."""
    import fcntl

    try:
        fcntl.flock(os.open(tree, os.O_RDONLY | os.O_DIRECTORY), fcntl.LOCK_SH)
    except OSError:
        return


def main():
    """Find the unpacked build, or make or heal it, and hand over to the dispatcher in it."""
    if not (sys.flags.isolated and sys.flags.no_site):
        python = sys.executable or "/usr/bin/python3"
        os.execv(python, [python, "-I", "-S"] + sys.argv)
    sys.dont_write_bytecode = True
    product = product_folder(sys.argv[1:])
    strange = distrusted(product + "/lib")
    if strange:
        stop(
            "%s belongs to another user or is writable by others" % strange,
            "ls -ld %s; chown root: %s; chmod go-w %s" % (strange, strange, strange),
        )
    manifest = __loader__.get_data(__loader__.archive + "/manifest").decode()
    build = manifest.split("\n", 1)[0].split(" ")[2]
    tree = product + "/lib/" + build
    hold(tree)
    current = False
    try:
        current = os.readlink(product + "/bin/managers") == "../lib/" + build + "/bin"
    except OSError:
        pass
    if not (current and settled(tree)):
        import settle

        settle.settle(__loader__, product, build, manifest, sys.modules["__main__"])
        hold(tree)
    sys.path[:] = [path for path in sys.path if path != __loader__.archive] + [tree]
    from phoenix.dispatch.main import main as dispatch

    sys.exit(dispatch(tree, sys.argv[1:]))


main()
