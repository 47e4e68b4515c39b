"""Real: the containers of a node whose description says so are run by this machine's own LXC, not only noted.

Their files, and what pct says, are as on any rehearsal node; `start`, `stop`, `exec`, `push` and `pull` meet a real
init and real processes then. They get no network but their own loopback, and the rights of a privileged container
less those that reach beyond it. It takes root and Debian's package lxc.
"""

from __future__ import annotations

import os

from phoenix.rehearsal import worker
from phoenix.rehearsal.failures import Failure
from phoenix.rehearsal.pct import rootfs

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from phoenix.pve.guestconf import GuestConf
    from phoenix.rehearsal.tree import Tree

FOLDER = "/var/lib/phoenix-rehearsal/lxc"
STOP_SECONDS = 30
_CONFIG = """\
lxc.uts.name = {name}
lxc.rootfs.path = dir:{root}
lxc.net.0.type = empty
lxc.net.0.flags = up
lxc.tty.max = 0
lxc.pty.max = 64
lxc.console.path = none
lxc.mount.auto = proc:mixed sys:ro
lxc.cap.drop = mac_admin mac_override sys_module sys_rawio sys_time
lxc.apparmor.profile = unconfined
"""


def is_wanted(tree: Tree) -> bool:
    """Whether the containers of this node are real."""
    return bool(tree.facts.get("real_containers"))


def start(tree: Tree, guest: str, conf: GuestConf) -> None:
    """Start a container and wait until its init runs; Failure if it does not."""
    if not is_wanted(tree):
        return
    root = rootfs.folder(tree, guest)
    text = _CONFIG.format(name=conf.options.get("hostname", f"CT{guest}"), root=root)
    for where, source, read_only in rootfs.bound(tree, conf):
        text += f"lxc.mount.entry = {source} {where.lstrip('/')} none bind,create=dir{',ro' * read_only} 0 0\n"
    folder = f"{tree(FOLDER)}/{guest}"
    os.makedirs(folder, exist_ok=True)
    with open(f"{folder}/config", "w", encoding="utf-8") as file:
        file.write(text)
    if worker.call(_words(tree, "lxc-start", guest, "-d", "-o", f"{folder}/log")):
        raise Failure(f"startup for container '{guest}' failed")


def stop(tree: Tree, guest: str) -> None:
    """Ask the init to end, and end it if it does not."""
    if is_wanted(tree):
        worker.call(_words(tree, "lxc-stop", guest, "-t", str(STOP_SECONDS)))


def attach(tree: Tree, guest: str, argv: Sequence[str], environment: Mapping[str, str]) -> int:
    """Run a command in a container; returns its exit status."""
    words = _words(tree, "lxc-attach", guest, "--clear-env")
    for name, value in environment.items():
        words += ["-v", f"{name}={value}"]
    return worker.call([*words, "--", *argv])


def _words(tree: Tree, program: str, guest: str, *more: str) -> list[str]:
    return [program, "-P", tree(FOLDER), "-n", guest, *more]
