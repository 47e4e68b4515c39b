"""`pct exec`, `enter`, `console`, `push`, `pull`: what reaches into a running container.

A container's files lie in a folder of the rehearsal node. A command runs with that folder as its root, in name
spaces of its own (users, files, processes, network) where the programs of this machine are mounted read-only: it
finds what a small system has, and reaches nothing outside. Where name spaces cannot be made, nothing is run.
"""

from __future__ import annotations

import os

from phoenix.rehearsal import cluster, running, worker
from phoenix.rehearsal.failures import Failure
from phoenix.rehearsal.kinds import CT
from phoenix.rehearsal.speech import complain

TYPE_CHECKING = False
if TYPE_CHECKING:
    from phoenix.rehearsal.tree import Tree

_ROOT = "/var/lib/phoenix-rehearsal/rootfs/{}"
_FOLDERS = ("dev", "etc", "home", "mnt", "opt", "proc", "root", "run", "srv", "tmp", "var/lib", "var/log", "var/tmp")
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_OF_MACHINE = ("usr", "bin", "sbin", "lib", "lib32", "lib64", "libx32")
_DEVICES = ("null", "zero", "full", "random", "urandom", "tty")
_ENCLOSE = """\
set -e
root=$1; shift
mount --bind "$root" "$root"
for name in usr bin sbin lib lib32 lib64 libx32; do
    if [ -d "/$name" ] && [ ! -L "/$name" ]; then
        mount --rbind "/$name" "$root/$name"
        mount -o remount,bind,ro "$root/$name"
    fi
done
for name in null zero full random urandom tty; do
    if [ -e "/dev/$name" ]; then mount --bind "/dev/$name" "$root/dev/$name"; fi
done
mount -t proc proc "$root/proc" 2>/dev/null || true
cd "$root"
pivot_root . .before
umount -l /.before
set +e
"$@"
exit $?
"""
_SPACES = (
    "--user",
    "--map-root-user",
    "--mount",
    "--propagation",
    "private",
    "--pid",
    "--fork",
    "--net",
    "--ipc",
    "--uts",
)
"""Its own users, too: root inside is nobody's root, and can neither make devices nor touch what is not its own."""
_ENTER = "lxc-attach: {}: ../src/lxc/attach.c: lxc_attach_run_command: 1841 No such file or directory - Failed to exec"


def folder(tree: Tree, guest: str) -> str:
    """The folder of a container's files, made when it is first asked for."""
    root = tree(_ROOT.format(guest))
    if not os.path.isdir(root):
        for name in _FOLDERS:
            os.makedirs(f"{root}/{name}", exist_ok=True)
        os.chmod(f"{root}/tmp", 0o1777)  # noqa: S103, S108 - of the container
        conf = cluster.read_quick(tree, CT, guest)
        with open(f"{root}/etc/hostname", "w", encoding="utf-8") as file:
            file.write(conf.options.get("hostname", f"CT{guest}") + "\n")
        with open(f"{root}/etc/passwd", "w", encoding="utf-8") as file:
            file.write("root:x:0:0:root:/root:/bin/sh\n")
    return root


def forget(tree: Tree, guest: str) -> None:
    """Remove a container's files."""
    root = tree(_ROOT.format(guest))
    if os.path.isdir(root):
        import shutil

        shutil.rmtree(root, ignore_errors=True)


def _check_running(tree: Tree, guest: str) -> None:
    cluster.read(tree, CT, guest)
    if not running.is_running(tree, guest):
        raise Failure(f"container '{guest}' not running!")


def run(tree: Tree, given: dict[str, str]) -> int:
    """Run a command; its exit status is the tool's."""
    guest = given["vmid"]
    _check_running(tree, guest)
    words = given.get("extra-args", "").split("\0")
    if not words[0]:
        raise Failure("missing command")
    root = folder(tree, guest)
    _make_ways(root)
    if not _is_there(root, words[0]):
        complain(f'{_ENTER.format(guest)} "{words[0]}"')
        return 127
    environment = {"PATH": _PATH, "TERM": os.environ.get("TERM", "linux"), "HOME": "/root", "container": "lxc"}
    if given.get("keep-env", "1") == "1":
        environment = {**os.environ, **environment}
    argv = ["unshare", *_SPACES, "sh", "-c", _ENCLOSE, "sh", root, *words]
    return worker.attach(argv, environment)


def _make_ways(root: str) -> None:
    """The folders or links under which the machine's programs are reached from inside."""
    os.makedirs(f"{root}/.before", exist_ok=True)
    for device in _DEVICES:
        with open(f"{root}/dev/{device}", "ab"):
            pass  # what the machine's is mounted on
    for name in _OF_MACHINE:
        inside = f"{root}/{name}"
        if os.path.islink("/" + name) and not os.path.lexists(inside):
            os.symlink(os.readlink("/" + name), inside)
        elif os.path.isdir("/" + name) and not os.path.lexists(inside):
            os.mkdir(inside)


def _is_there(root: str, program: str) -> bool:
    places = [program] if "/" in program else [f"{place}/{program}" for place in _PATH.split(":")]
    return any(os.path.exists(place) or os.path.lexists(root + place) for place in places)


def enter(tree: Tree, given: dict[str, str]) -> int:
    """A shell."""
    return run(tree, {**given, "extra-args": "sh"})


def console(tree: Tree, given: dict[str, str]) -> int:
    """A console."""
    guest = given["vmid"]
    cluster.read(tree, CT, guest)
    if not running.is_running(tree, guest):
        raise Failure(f"container '{guest}' not running!")
    raise Failure("the rehearsal node has no consoles")


def _inside(tree: Tree, guest: str, path: str) -> str:
    """A path in the container as one of this machine; Failure if a link leads out of the container."""
    root = os.path.realpath(folder(tree, guest))
    found = os.path.realpath(root + os.path.normpath("/" + path))
    if not found.startswith(root + "/"):
        raise Failure(f"{path} leads out of the container")
    return found


def push(tree: Tree, given: dict[str, str]) -> int:
    """Copy a file into a container. The real one ends with 0 even if the file is not there."""
    guest = given["vmid"]
    cluster.read(tree, CT, guest)
    if not running.is_running(tree, guest):
        raise Failure("can only push files to a running CT")
    try:
        with open(tree.given(given["file"]), "rb") as file:
            data = file.read()
    except OSError:
        complain(f"failed to open {given['file']} for reading")
        return 0
    target = _inside(tree, guest, given["destination"])
    mode = int(given.get("perms", "0644").lstrip("0o") or "0", 8)
    try:
        with open(target, "wb") as file:
            file.write(data)
        os.chmod(target, mode)
    except OSError as error:
        complain(f"failed to create file: {given['destination']}: {error.strerror}")
    return 0


def pull(tree: Tree, given: dict[str, str]) -> int:
    """Copy a file out of a container. The real one ends with 0 even if the file is not there."""
    guest = given["vmid"]
    cluster.read(tree, CT, guest)
    if not running.is_running(tree, guest):
        place = "/usr/share/perl5/PVE/CLI/pct.pm line 570"
        raise Failure(f"can only pull files from a running VM at {place}.")
    try:
        with open(_inside(tree, guest, given["path"]), "rb") as file:
            data = file.read()
    except OSError as error:
        complain(f"failed to open {given['path']}: {error.strerror}")
        return 0
    try:
        with open(tree.given(given["destination"]), "wb") as file:
            file.write(data)
    except OSError as error:
        complain(f"failed to open {given['destination']} for writing: {error.strerror}")
    return 0
