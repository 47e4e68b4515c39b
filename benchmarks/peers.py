#!/usr/bin/env python3
"""What a plan costs, beside a peer's plan of the same guests.

    python3 benchmarks/peers.py

The peer is proxctl's `apply --dry-run`, and it asks fakepve, an API of Proxmox VE that is made up by one process of
Python, because proxctl plans over the API only and there is no node here. Both are what PyPI has (pyproject.toml,
[tool.phoenix.peers]), in an environment in dist/env that nothing else uses; Python 3.11 or newer. The server is started
on a port of 127.0.0.1 that the kernel chooses, and ends with this program, or after ten minutes.

Both sides plan containers that are there, that run and that differ in nothing. A rehearsal node has them for
dist/phoenix.pyz (build it first), and the server is told the same files. The peer's manifests are those that it exports
itself. Before anything is measured both have to find nothing to do for each guest, and one change where one is planted.

What the two do is not the same. The peer lists the guests once and asks for the options and the state of each, one
request after another, and compares what is written as text: it plans `memory: lots`, options that do not exist, another
storage for a volume that is there, and a change where a property string is in another order. It has no profiles and no
dependencies, and proves nothing its own. Phoenix's plan looks at all of that, and reads files.

The server's answers come from its memory, and to start it is not counted. What the API of a real node takes is not
measured here. A round runs both sides one right after the other; a figure is the median of the rounds' ratios, ours
over the peer's, with the least of each side beside it; the last two rows say what hangs on the number of guests and
what does not. Nothing here is a test.
"""

from __future__ import annotations

import contextlib
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

sys.path.insert(0, str(Path(__file__).resolve().parent))

import many
import nodes

import build
from phoenix.pve import guestconf

if TYPE_CHECKING:
    from collections.abc import Iterator

SIZES = (10, 100, 1000)
ROUNDS = 15
TOKEN = "root@pam!benchmark=x"
SERVER = """
import asyncio, json, signal, sys
from fakepve import FakePve
from fakepve.certs import make_cert

async def serve(folder, token):
    ended = asyncio.Event()
    server = FakePve(host="127.0.0.1", port=0)
    server.apitokens.update([token.split("=")])
    server.max_requests = 1_000_000
    for guest, config in json.loads(sys.stdin.readline()).items():
        server.add_ct(int(guest), status="running", config=config)

    def asked():
        if sys.stdin.readline():
            print(len(server.requests), flush=True)
        else:
            ended.set()

    await server.start(*make_cert(folder)[:2])
    print(server.url, flush=True)
    asyncio.get_running_loop().add_reader(sys.stdin, asked)
    await ended.wait()

signal.alarm(600)
asyncio.run(serve(*sys.argv[1:]))
"""
"""It reads the guests on a line and prints its address; then it answers each line with how often it has been asked."""


class Cost(NamedTuple):
    """Seconds of one run: by the clock, of processors, and of processors for the server meanwhile."""

    wall: float
    cpu: float
    served: float


class Server(NamedTuple):
    """A server that runs, and where it is."""

    process: subprocess.Popen[str]
    url: str

    def requests(self) -> int:
        """How many requests there have been."""
        return int(say(self.process, ""))

    def cpu(self) -> float:
        """Seconds of processors that it has had: Linux has a clock for each process."""
        return time.clock_gettime((~self.process.pid << 3) | 2)


class Sides(NamedTuple):
    """Two command lines that plan the same guests, what they read that people write, and the server of the second."""

    ours: list[str]
    peer: list[str]
    written: dict[Path, tuple[str, str]]
    server: Server


def environment() -> Path:
    """Where the programs of the peer's environment are."""
    if sys.version_info < (3, 11):
        raise SystemExit("error: fakepve needs Python 3.11 or newer\nnext:  python3.11 benchmarks/peers.py")
    pins = build.table("tool.phoenix.peers")["requirements"]

    def fill(inside: str) -> None:
        build.install(inside, build.WHEELS / "peers", pins)

    return Path(build.environment("peers", build.this_python(), pins, fill, with_pip=True)).parent


def say(process: subprocess.Popen[str], line: str) -> str:
    """Tell the server a line; its answer."""
    assert process.stdin
    assert process.stdout
    process.stdin.write(line + "\n")
    process.stdin.flush()
    answer = process.stdout.readline()
    if not answer:
        raise SystemExit("error: the server has ended\nnext:  see what it says above")
    return answer.strip()


@contextlib.contextmanager
def serving(programs: Path, root: Path, guests: list[str]) -> Iterator[Server]:
    """The server, with the guests of a node, for as long as it is needed."""
    argv = [str(programs / "python3"), "-I", "-c", SERVER, str(root), TOKEN]
    pipe = subprocess.PIPE
    with subprocess.Popen(argv, stdin=pipe, stdout=pipe, text=True, env={"LC_ALL": "C.UTF-8"}) as process:
        try:
            yield Server(process, say(process, json.dumps({guest: served(root, guest) for guest in guests})))
        finally:
            process.kill()


def served(root: Path, guest: str) -> dict[str, int | str]:
    """A container as Proxmox VE's API tells it: numbers are no texts."""
    conf = guestconf.parse((root / f"etc/pve/lxc/{guest}.conf").read_text())
    told: dict[str, int | str] = {key: int(text) if text.isdigit() else text for key, text in conf.options.items()}
    return {**told, "description": conf.description}


def prepared(programs: Path, root: Path, size: int, stack: contextlib.ExitStack) -> Sides:
    """Both sides with so many guests."""
    guests = nodes.make(root, size, size)
    server = stack.enter_context(serving(programs, root, guests))
    proxctl = [str(programs / "proxctl"), "--insecure", f"--host={server.url}", f"--token={TOKEN}"]
    manifests = root / "manifests.yaml"
    manifests.write_text(printed([*proxctl, "--output=text", "export", "container", "--all", "--include-state"]))
    written = {
        root / f"etc/phoenix/lxc/{guests[0]}.toml": ("memory = 1024", "memory = 2048"),
        manifests: ("memory: '1024'", "memory: '2048'"),
    }
    peer = [*proxctl, "--output=json", "apply", f"--file={manifests}", "--dry-run"]
    return Sides(many.phoenix(root, "plan", "all"), peer, written, server)


def printed(argv: list[str]) -> str:
    """What a command prints."""
    ran = subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, text=True, env={}, check=False)
    if ran.returncode:
        raise SystemExit(f"error: {' '.join(argv)} ended with {ran.returncode}\nnext:  {ran.stderr}")
    return ran.stdout


def proved(sides: Sides, size: int) -> None:
    """See that both sides plan: nothing for any guest, and for all but one when that one is to change."""
    found = [unchanged(sides)]
    texts = {path: path.read_text() for path in sides.written}
    for path, (old, new) in sides.written.items():
        path.write_text(texts[path].replace(old, new, 1))
    found.append(unchanged(sides))
    for path, text in texts.items():
        path.write_text(text)
    if found != [(size, size), (size - 1, size - 1)]:
        raise SystemExit(f"error: guests without a change, of {size} and of one fewer: {found}\nnext:  {sides.peer}")


def unchanged(sides: Sides) -> tuple[int, int]:
    """For how many guests either side finds nothing to do."""
    return printed(sides.ours).count("nothing to do"), printed(sides.peer).count('"action": "noop"')


def cost(argv: list[str], server: Server) -> Cost:
    """What one run takes."""
    before, served_before = processors(), server.cpu()
    wall = many.wall(argv)
    return Cost(wall, processors() - before, server.cpu() - served_before)


def processors() -> float:
    """Seconds of processors that ended children have had."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def figure(pairs: list[tuple[float, float]]) -> str:
    """The median ratio, and the least of both sides."""
    least = [1000 * min(column) for column in zip(*pairs)]
    return f"{statistics.median(mine / other for mine, other in pairs):.2f} ({least[0]:.1f} ms, {least[1]:.1f} ms)"


def of_size(size: int, sides: Sides, costs: list[tuple[Cost, Cost]]) -> Iterator[tuple[str, str, str]]:
    """The rows of so many guests."""
    before = sides.server.requests()
    printed(sides.peer)
    yield f"plan all, {size:,} guests: requests of the peer", str(sides.server.requests() - before), "-"
    yield "  wall time over the peer's", figure([(mine.wall, other.wall) for mine, other in costs]), "1"
    yield "  CPU over the peer's own", figure([(mine.cpu, other.cpu) for mine, other in costs]), "-"
    pairs = [(mine.cpu, other.cpu + other.served) for mine, other in costs]
    yield "  CPU over the peer's and its server's", figure(pairs), "-"


def of_growth(costs: dict[int, list[tuple[Cost, Cost]]]) -> Iterator[tuple[str, str, str]]:
    """What either side takes for each guest more, and what is left of it for none."""
    small, large = min(costs), max(costs)
    pairs, rest = [], []
    for few, lots in zip(costs[small], costs[large]):
        each = [(after.wall - before.wall) / (large - small) for before, after in zip(few, lots)]
        pairs.append((each[0], each[1]))
        rest.append([1000 * (before.wall - small * more) for before, more in zip(few, each)])
    yield f"each guest more, {small:,} to {large:,}: wall time over the peer's", figure(pairs), "1"
    ours, peers = (statistics.median(column) for column in zip(*rest))
    yield "  wall time that is left for none: ours, the peer's", f"{ours:.1f} ms, {peers:.1f} ms", "-"


def main() -> int:
    """Measure and print."""
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as stack:
        programs = environment()
        sides = {size: prepared(programs, Path(folder, str(size)), size, stack) for size in SIZES}
        for size in SIZES:
            proved(sides[size], size)
        costs: dict[int, list[tuple[Cost, Cost]]] = {size: [] for size in SIZES}
        for _ in range(ROUNDS):
            for size, (ours, peer, _written, server) in sides.items():
                costs[size].append((cost(ours, server), cost(peer, server)))
        rows = [row for size in SIZES for row in of_size(size, sides[size], costs[size])]
        for what, found, wanted in (*rows, *of_growth(costs)):
            print(f"{what:<68} {found:<40} {wanted}", flush=True)
    return 0


if __name__ == "__main__":
    os.umask(0o022)
    try:
        sys.exit(main())
    except build.BuildError as stop:
        sys.exit(f"error: {stop}\nnext:  {stop.hint}")
