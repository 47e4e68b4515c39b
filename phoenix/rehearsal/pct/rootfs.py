"""A container's files: where they lie in the tree, and how they get there.

They lie in a folder of the rehearsal node's own, not in /var/lib/lxc/N/rootfs: on a real node that is empty while
the container is not mounted there, and it is so here. They are put there when something first asks for them: the
template is unpacked if it is a real archive, else a few files stand for the system.
"""

from __future__ import annotations

import os

from phoenix.rehearsal import cluster, confined, templates, volumes
from phoenix.rehearsal.kinds import CT
from phoenix.rehearsal.pct import mounts, values

TYPE_CHECKING = False
if TYPE_CHECKING:
    from phoenix.pve.guestconf import GuestConf
    from phoenix.rehearsal.tree import Tree

_FOLDER = "/var/lib/phoenix-rehearsal/rootfs"
_MOUNTED = "/var/lib/lxc/{}/rootfs"
_FOLDERS = (
    "boot", "dev", "etc", "home", "media", "mnt", "opt", "proc", "root/.ssh", "run/lock", "srv", "sys", "tmp",
    "var/cache", "var/lib", "var/log", "var/spool", "var/tmp",
)  # fmt: skip
_USERS = (
    ("root", 0, "/root", "/bin/sh"),
    ("daemon", 1, "/usr/sbin", "/usr/sbin/nologin"),
    ("www-data", 33, "/var/www", "/usr/sbin/nologin"),
    ("nobody", 65534, "/nonexistent", "/usr/sbin/nologin"),
)
_GROUPS = {"root": 0, "daemon": 1, "adm": 4, "tty": 5, "sudo": 27, "www-data": 33, "users": 100, "nogroup": 65534}
_DISTRIBUTIONS = {"archlinux": "arch", "opensuse": "opensuse-leap", "unmanaged": "linux"}
"""The names that /etc/os-release has for what pct calls differently."""


def folder(tree: Tree, guest: str) -> str:
    """The folder of a container's files, made when it is first asked for."""
    root = tree(f"{_FOLDER}/{guest}")
    if not os.path.isdir(root):
        beside = f"{root}.{os.getpid()}"
        os.makedirs(beside)
        conf = cluster.read_quick(tree, CT, guest)
        found = templates.read(volumes.look(tree, mounts.volume("rootfs", conf.options.get("rootfs", ""))))
        _fill(tree, beside, found)
        set_up(beside, guest, conf)
        keep(tree, guest, beside)
    return root


def keep(tree: Tree, guest: str, filled: str) -> None:
    """Make a folder that was filled the one of a container's files, unless there is one already."""
    try:
        os.rename(filled, tree(f"{_FOLDER}/{guest}"))
    except OSError:
        _remove(filled)


def new(tree: Tree, guest: str) -> str:
    """An empty folder for the files of a container that is being made."""
    forget(tree, guest)
    root = tree(f"{_FOLDER}/{guest}")
    os.makedirs(root)
    return root


def forget(tree: Tree, guest: str) -> None:
    """Remove a container's files."""
    _remove(tree(f"{_FOLDER}/{guest}"))


def copy(tree: Tree, source: str, target: str) -> None:
    """Give a clone the files of the container that it is made from, as they are now."""
    import shutil

    here = tree(f"{_FOLDER}/{source}")
    if os.path.isdir(here):
        beside = f"{tree(_FOLDER)}/{target}.{os.getpid()}"
        shutil.copytree(here, beside, symlinks=True, ignore_dangling_symlinks=True)
        keep(tree, target, beside)


def _remove(path: str) -> None:
    if not os.path.isdir(path):
        return  # nobody has looked into it
    import shutil

    shutil.rmtree(path, ignore_errors=True)


def _fill(tree: Tree, root: str, found: dict[str, str]) -> None:
    archive = found.get("archive", "")
    if archive and os.path.isfile(tree.given(archive)):
        from phoenix.rehearsal import archives

        try:
            archives.unpack(tree.given(archive), root)
            return
        except archives.Unreadable:
            pass  # it was readable when the container was made; what is there of it now stays
    for name in _FOLDERS:
        os.makedirs(f"{root}/{name}", exist_ok=True)
    for name in ("tmp", "var/tmp"):
        os.chmod(f"{root}/{name}", 0o1777)  # noqa: S103 - of the container
    ostype, version = found.get("ostype", "unmanaged"), found.get("version", "")
    release = f"ID={_DISTRIBUTIONS.get(ostype, ostype)}\n" + (f'VERSION_ID="{version}"\n' if version else "")
    passwd = (f"{name}:x:{number}:{number}:{name}:{home}:{shell}\n" for name, number, home, shell in _USERS)
    for name, text, mode in (
        ("os-release", release, 0o644),
        ("passwd", "".join(passwd), 0o644),
        ("group", "".join(f"{name}:x:{number}:\n" for name, number in _GROUPS.items()), 0o644),
        ("shadow", "".join(f"{user[0]}:*:20000:0:99999:7:::\n" for user in _USERS), 0o640),
    ):
        _write(f"{root}/etc/{name}", text)
        os.chmod(f"{root}/etc/{name}", mode)


def set_up(root: str, guest: str, conf: GuestConf) -> None:
    """Write into a container's files what pct writes there: its name."""
    name = conf.options.get("hostname", f"CT{guest}")
    os.makedirs(confined.resolve(root, "etc"), exist_ok=True)
    _write(confined.resolve(root, "etc/hostname"), name.partition(".")[0] + "\n")
    hosts = "127.0.0.1\tlocalhost\n::1\tlocalhost\n" + f"127.0.1.1\t{name} {name.partition('.')[0]}\n"
    _write(confined.resolve(root, "etc/hosts"), hosts)


def update(tree: Tree, guest: str, conf: GuestConf) -> None:
    """Write what pct writes at every start, if the files are there already."""
    root = tree(f"{_FOLDER}/{guest}")
    if os.path.isdir(root):
        set_up(root, guest, conf)


def _write(path: str, text: str) -> None:
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)


def authorize(tree: Tree, guest: str, keys: str) -> None:
    """Let the owners of ssh keys in."""
    root = folder(tree, guest)
    os.makedirs(confined.resolve(root, "root/.ssh"), exist_ok=True)
    _write(confined.resolve(root, "root/.ssh/authorized_keys"), keys.rstrip("\n") + "\n")


def bound(tree: Tree, conf: GuestConf) -> list[tuple[str, str, bool]]:
    """The folders of the node that a container sees: where, which as a path of this machine, and whether read-only."""
    found = []
    for parsed in mounts.all_of(conf).values():
        source = tree(parsed["volume"])
        if values.volume_type(parsed["volume"]) == "bind" and os.path.isdir(source):
            found.append((parsed.get("mp", "/"), source, parsed.get("ro") == "1"))
    return found


def place(tree: Tree, guest: str, path: str) -> str:
    """A path in a container as one of this machine; it never leads out of what the container sees."""
    root = folder(tree, guest)
    found = confined.resolve(root, path)
    inside = found[len(root) :] + "/"
    for where, source, _ in reversed(bound(tree, cluster.read_quick(tree, CT, guest))):
        begin = "/" + where.strip("/") + "/"
        if inside.startswith(begin):
            return confined.resolve(source, inside[len(begin) :])
    return found


def show(tree: Tree, guest: str) -> None:
    """Let the files be found where a mounted container has them on the node."""
    mounted = tree(_MOUNTED.format(guest))
    folder(tree, guest)
    os.makedirs(mounted, exist_ok=True)
    os.rmdir(mounted)
    os.symlink(f"../../{_FOLDER[len('/var/lib/') :]}/{guest}", mounted)


def hide(tree: Tree, guest: str) -> None:
    """The opposite of `show`."""
    mounted = tree(_MOUNTED.format(guest))
    if os.path.islink(mounted):
        os.unlink(mounted)
        os.makedirs(mounted)
