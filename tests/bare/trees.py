"""Bare nodes: minimal Debian trees, and throw-away machines made of them.

A node is a set of Linux namespaces (mounts, processes, an empty network) around an overlay of a tree, whose
upper layer is in memory and is all that a test can change. It lives as long as the process that holds it, and
that one until its standard input is closed: nothing stays behind when a test is killed.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import shutil
import stat
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

SUITES = ("bullseye", "bookworm", "trixie")
RECIPE = ("--variant=minbase", "--include=python3-minimal,libpython3-stdlib")
BUILD_SECONDS = 1200
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

# The tests see the node's layers through /proc/PID/root, so that they need no mounts of their own. The shell
# still has the /proc of the host, which tells it its PID out there.
HOLD = """
set -e
read -r pid rest </proc/self/stat
mount -t tmpfs -o mode=0755 none "$1"
mkdir "$1/upper" "$1/work" "$1/root"
mount -t overlay -o "lowerdir=$2,upperdir=$1/upper,workdir=$1/work" none "$1/root"
mount -t proc proc "$1/root/proc"
exec 3<&0
echo "$pid"
cat <&3 >/dev/null &
wait $!
"""


def missing() -> str:
    """Why there can be no bare nodes on this machine; "" if there can."""
    if os.geteuid() != 0:
        return "bare nodes need root, for mounts and namespaces"
    for program in ("debootstrap", "unshare", "nsenter"):
        if not shutil.which(program):
            return f"{program} is not installed: apt-get install debootstrap util-linux"
    probe = ["unshare", "--mount", "--pid", "--fork", "--net", "true"]
    ran = subprocess.run(probe, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    return f"this machine lets nobody unshare: {ran.stderr.strip()}" if ran.returncode else ""


def cache() -> Path:
    """Where the trees are kept from one run to the next."""
    return Path(os.environ.get("PHOENIX_BARE_NODES") or Path.home() / ".cache" / "phoenix-bare-nodes")


def tree(suite: str) -> Path:
    """Where the tree of a suite is, or will be. A tree made by another recipe has another name."""
    return cache() / f"{suite}-{hashlib.sha256(' '.join(RECIPE).encode()).hexdigest()[:8]}"


def ready() -> None:
    """Make the trees that are not there yet, all at once: about a minute and a half."""
    with ThreadPoolExecutor(len(SUITES)) as pool:
        list(pool.map(bootstrap, SUITES))


def bootstrap(suite: str) -> None:
    """Make the tree of a suite unless it is there. Whoever comes second waits for whoever makes it."""
    done = tree(suite)
    done.parent.mkdir(parents=True, exist_ok=True)
    with open(done.with_suffix(".lock"), "w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if done.is_dir():
            return
        beside = done.with_suffix(".part")
        shutil.rmtree(beside, ignore_errors=True)
        ran = subprocess.run(
            ["debootstrap", *RECIPE, suite, str(beside)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            timeout=BUILD_SECONDS,
            check=False,
        )
        if ran.returncode:
            last = (ran.stdout.strip() or "no output").splitlines()[-1]
            raise RuntimeError(f"debootstrap {suite} failed: {last}")
        # Downloaded packages and indices are of no use to a node.
        for waste in ("var/cache/apt", "var/lib/apt/lists"):
            shutil.rmtree(beside / waste, ignore_errors=True)
        beside.rename(done)


class Ran(NamedTuple):
    """How a command on a node ended. A negative code is the signal that ended it."""

    code: int
    out: str
    err: str


class Node:
    """A throw-away machine; `with bare(...) as node` ends it."""

    def __init__(self, holder: subprocess.Popen[str], pid: int, place: str, lower: Sequence[Path]) -> None:
        self.holder = holder
        self.pid = pid
        self.place = place
        self.lower = lower
        self.seen = Path(f"/proc/{pid}/root{place}")

    def path(self, path: str) -> Path:
        """A path of the node as seen from here. Absolute links on the way to it lead out of the node."""
        return self.seen / "root" / path.lstrip("/")

    def put(self, source: Path, path: str, mode: int = 0o644) -> None:
        """Copy a file of this machine to the node, as root's."""
        target = self.path(path)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, target)
        target.chmod(mode)

    def outside(self, *argv: str) -> str:
        """Run a command of this machine among the node's mounts; it must succeed."""
        inside = ["nsenter", f"--target={self.pid}", "--mount", "--pid", "--net", *argv]
        ran = subprocess.run(inside, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
        if ran.returncode:
            raise RuntimeError(f"{' '.join(argv)}: {ran.stderr.strip()}")
        return ran.stdout

    def argv(self, argv: Sequence[str], uid: int = 0, env: dict[str, str] | None = None) -> list[str]:
        """The command that runs `argv` on the node, for a test that wants to start it in its own way."""
        variables = {"PATH": PATH} if env is None else env
        words = [f"{name}={value}" for name, value in variables.items()]
        inside = ["nsenter", f"--target={self.pid}", "--mount", "--pid", "--net"]
        # The group is given as a number too: no name service has a part in this.
        into = ["chroot", f"--userspec={uid}:{uid}", "--groups=", f"{self.place}/root"]
        return [*inside, *into, "/usr/bin/env", "-i", *words, *argv]

    def run(
        self,
        *argv: str,
        uid: int = 0,
        env: dict[str, str] | None = None,
        stdin: str = "",
        timeout: float = 60,
    ) -> Ran:
        """Run a command on the node in an environment of nothing but PATH, or of `env`."""
        ran = subprocess.run(
            self.argv(argv, uid, env),
            input=stdin,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=timeout,
            check=False,
        )
        return Ran(ran.returncode, ran.stdout, ran.stderr)

    def read_only(self, path: str) -> None:
        """Make a file or folder of the node one that not even root can write to."""
        target = f"{self.place}/root/{path.lstrip('/')}"
        self.outside("mount", "--bind", target, target)
        self.outside("mount", "-o", "remount,bind,ro", target)

    def small(self, path: str, size: str) -> None:
        """Put a file system of `size` (as mount's tmpfs counts: "16k") on a folder of the node."""
        target = f"{self.place}/root/{path.lstrip('/')}"
        self.outside("mkdir", "-p", target)
        self.outside("mount", "-t", "tmpfs", "-o", f"size={size},mode=0755", "none", target)

    def changed(self) -> list[str]:
        """What differs from the tree, sorted: files and links; "DIR/" is a new folder, "-PATH" is gone."""
        upper = self.seen / "upper"
        found = []
        for place, folders, names in os.walk(upper):
            inside = "/" + os.path.relpath(place, upper)
            for name in folders + names:
                path = os.path.normpath(f"{inside}/{name}")
                facts = os.lstat(f"{place}/{name}")
                if stat.S_ISCHR(facts.st_mode) and facts.st_rdev == 0:
                    found.append("-" + path)
                elif not stat.S_ISDIR(facts.st_mode):
                    found.append(path)
                elif not any((lower / path.lstrip("/")).is_dir() for lower in self.lower):
                    found.append(path + "/")
        return sorted(found)

    def end(self) -> None:
        """End the node and everything that runs on it."""
        assert self.holder.stdin
        self.holder.stdin.close()
        try:
            self.holder.wait(10)
        except subprocess.TimeoutExpired:
            self.holder.kill()
            self.holder.wait()
        assert self.holder.stdout
        self.holder.stdout.close()


@contextlib.contextmanager
def bare(suite: str, place: Path, layer: Path | None = None) -> Iterator[Node]:
    """A node of `suite` as long as the block runs, at the empty folder `place`; `layer` lies over the tree.

    No copy is made of either: neither can be written to through the node.
    """
    with machine([*([layer] if layer else []), tree(suite)], place) as node:
        yield node


@contextlib.contextmanager
def machine(lower: Sequence[Path], place: Path) -> Iterator[Node]:
    """As `bare`, of these folders, the first over the others; "/" lends the programs of this machine."""
    unshare = ["unshare", "--mount", "--pid", "--fork", "--net", "--kill-child"]
    holder = subprocess.Popen(
        [*unshare, "sh", "-c", HOLD, "hold", str(place), ":".join(map(str, lower))],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert holder.stdout
    pid = holder.stdout.readline().strip()
    if not pid:
        raise RuntimeError(f"no node of {lower[-1]}: mounting failed with {holder.wait()}")
    node = Node(holder, int(pid), str(place), lower)
    try:
        yield node
    finally:
        node.end()
