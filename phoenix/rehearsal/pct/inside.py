"""`pct exec`, `enter`, `console`: commands in a running container."""

from __future__ import annotations

import os

from phoenix.rehearsal import cluster, confined, running, sandbox
from phoenix.rehearsal.failures import Failure
from phoenix.rehearsal.kinds import CT
from phoenix.rehearsal.pct import real, rootfs
from phoenix.rehearsal.speech import complain, say

TYPE_CHECKING = False
if TYPE_CHECKING:
    from phoenix.pve.guestconf import GuestConf
    from phoenix.rehearsal.tree import Tree

_OF_TOOLS = "/sbin:/bin:/usr/sbin:/usr/bin"
"""The PATH that the tools have whoever calls them, and a command gets with --keep-env."""
_OF_LXC = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_NOT_KEPT = ("SSL_CERT_DIR", "SSL_CERT_FILE")
_ATTACH = "lxc-attach: {}: ../src/lxc/attach.c: lxc_attach_run_command: 1841 {} - Failed to exec"
_REFUSED = "get_attach_context: 406 Connection refused - Failed to get init pid"
_CONSOLE = "lxc-console: {0}: ../src/lxc/tools/lxc_console.c: {1} {2}"


def run(tree: Tree, given: dict[str, str]) -> int:
    """Run a command; its exit status is the tool's."""
    conf = _check_running(tree, given["vmid"])
    words = given.get("extra-args", "")
    if not words:
        raise Failure("missing command at /usr/share/perl5/PVE/CLI/pct.pm line 279.")
    return _attach(tree, given["vmid"], conf, words.split("\0"), given.get("keep-env", "1") == "1")


def enter(tree: Tree, given: dict[str, str]) -> int:
    """A shell: that of root."""
    conf = _check_running(tree, given["vmid"])
    return _attach(tree, given["vmid"], conf, [_shell(tree, given["vmid"])], given.get("keep-env", "1") == "1")


def console(tree: Tree, given: dict[str, str]) -> int:
    """A console, which here is a shell."""
    guest = given["vmid"]
    conf = cluster.read(tree, CT, guest)
    place = "main: 129" if tree.release < 9 else "lxc_console_main: 130"
    if conf.options.get("cmode") == "shell":
        if not running.is_running(tree, guest):
            complain(f"lxc-attach: {guest}: ../src/lxc/attach.c: {_REFUSED}")
            return 1
        return _attach(tree, guest, conf, [_shell(tree, guest)], False)
    if not running.is_running(tree, guest):
        complain(_CONSOLE.format(guest, place, f"{guest} is not running"))
        return 1
    if not os.isatty(0):
        complain(_CONSOLE.format(guest, place, "stdin is not a tty"))
        return 1
    key = "Ctrl+" + given.get("escape", "^a").lstrip("^")
    say(f"Connected to tty 1\nType <{key} q> to exit the console, <{key} {key}> to enter {key} itself")
    return _attach(tree, guest, conf, [_shell(tree, guest)], False)


def _check_running(tree: Tree, guest: str) -> GuestConf:
    conf = cluster.read(tree, CT, guest)
    if not running.is_running(tree, guest):
        raise Failure(f"container '{guest}' not running!")
    return conf


def _shell(tree: Tree, guest: str) -> str:
    try:
        with open(rootfs.place(tree, guest, "/etc/passwd"), encoding="utf-8", errors="replace") as file:
            shells = [line.rstrip("\n").split(":")[-1] for line in file if line.startswith("root:")]
    except OSError:
        shells = []
    return (shells and shells[0]) or "/bin/sh"


def _attach(tree: Tree, guest: str, conf: GuestConf, argv: list[str], keep: bool) -> int:
    environment = {"PATH": _OF_LXC}
    if keep:
        environment = {name: value for name, value in os.environ.items() if name not in _NOT_KEPT}
        environment["PATH"] = _OF_TOOLS
    environment.update(container="lxc", TERM="linux")
    if real.is_wanted(tree):
        return real.attach(tree, guest, argv, environment)

    def failed(error: OSError) -> int:
        complain(f'{_ATTACH.format(guest, error.strerror)} "{argv[0]}"')
        return 127 if isinstance(error, FileNotFoundError) else 255

    root = rootfs.folder(tree, guest)
    folders = []
    for where, source, read_only in rootfs.bound(tree, conf):
        place = confined.resolve(root, where)
        os.makedirs(place, exist_ok=True)
        folders.append((place, source, read_only))
    command = sandbox.Command(argv, environment, failed)
    try:
        return sandbox.run(sandbox.Box(root, conf.options.get("hostname", f"CT{guest}"), folders), command)
    except sandbox.Unavailable:
        from phoenix.rehearsal import fence

        try:
            return fence.run(root, command)
        except sandbox.Unavailable as problem:
            text = f"the rehearsal node cannot run commands on this machine: {problem}"
            raise Failure(text) from problem
