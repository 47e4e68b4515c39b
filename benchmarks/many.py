#!/usr/bin/env python3
"""What many guests cost: the table of ratios, each measured side by side in one run.

    python3 benchmarks/many.py [words of rows]

Runs dist/phoenix.pyz (build it first) on rehearsal nodes; a few minutes. A row is measured in rounds, both sides one
right after the other, and its figure is the median of the rounds' ratios. Nothing here is a test.
"""

from __future__ import annotations

import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

sys.path.insert(0, str(Path(__file__).resolve().parent))

import nodes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

HERE = nodes.HERE
BARE = [nodes.PYTHON, "-IS", "-c", "pass"]
PARSE = """
import sys
sys.path.insert(0, sys.argv[1])
import tomli, os
for name in os.listdir(sys.argv[2]):
    with open(os.path.join(sys.argv[2], name), "rb") as file:
        tomli.load(file)
"""
SLEEPER = """#!/bin/sh
sleep 1
echo "0000000000000000: 00000002 00000000 00010000 0001 01 $$ @/var/lib/lxc/$2/command" >>{root}/proc/net/unix
"""
READING = {"config", "list", "status", "pending", "listsnapshot"}
LOOKUPS = 38 + 73
"""So many times the predecessor's scripts start jq for one container."""


def phoenix(root: Path, *words: str) -> list[str]:
    """A command line of the built phoenix.pyz."""
    return [nodes.PYTHON, "-IS", nodes.PYZ, f"--root={root}", *words]


def cpu(argv: list[str]) -> float:
    """CPU seconds of one run, of the whole tree of processes."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    wall(argv)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime


def wall(argv: list[str]) -> float:
    """Seconds of one run."""
    begun = time.monotonic()
    null = subprocess.DEVNULL
    subprocess.run(argv, stdin=null, stdout=null, stderr=null, env={"LC_ALL": "C.UTF-8"}, check=True)
    return time.monotonic() - begun


def ratio(measure: Callable[[list[str]], float], ours: list[str], base: list[str], rounds: int) -> tuple[float, str]:
    """The median ratio, and the least of both sides."""
    found = [(measure(ours), measure(base)) for _ in range(rounds)]
    least = [min(column) for column in zip(*found)]
    return statistics.median(mine / other for mine, other in found), f"{least[0]:.3f} s against {least[1]:.3f} s"


def parsing(root: Path) -> list[str]:
    """What parses the files of a node's containers once.

    It has a tomli of its own: what Python compiles of it would not belong into the unpacked build, which would be
    healed at each start.
    """
    tree = next((root / "usr/local/phoenix_hypervisor/lib").glob("*-*"))
    with zipfile.ZipFile(tree / "library.zip") as library:
        library.extractall(root / "parsing", [name for name in library.namelist() if name.startswith("tomli/")])
    return [nodes.PYTHON, "-IS", "-c", PARSE, str(root / "parsing"), str(root / "etc/phoenix/lxc")]


def calls(root: Path) -> list[list[str]]:
    """Every call of a tool so far."""
    path = root / "var/log/rehearsal-calls.jsonl"
    return [json.loads(line)["argv"] for line in path.read_text().splitlines()] if path.exists() else []


def nothing_to_do(folder: Path) -> Iterator[tuple[str, str, str]]:
    """A create that has nothing to do, and the first run on a fresh node."""
    guest = nodes.make(folder / "one", 1, 1)[0]
    twice = ["/bin/sh", "-c", '"$@"; "$@"', "sh", *BARE]
    found, times = ratio(cpu, phoenix(folder / "one", "create", guest), twice, 40)
    yield "create with nothing to do: CPU over twice python3", f"{found:.2f} ({times})", "3.2"
    lib = folder / "one/usr/local/phoenix_hypervisor"
    firsts = []
    for _ in range(10):
        shutil.rmtree(lib)
        firsts.append(cpu(phoenix(folder / "one", "create", guest)) / cpu(twice))
    yield "the same as the first run, which unpacks", f"{statistics.median(firsts):.2f}", "8"


def planned(folder: Path) -> Iterator[tuple[str, str, str]]:
    """`plan all` of guests that are there."""
    root = folder / "hundred"
    nodes.make(root, 100, 100)
    before = len(calls(root))
    text = nodes.run(root, "plan", "all").stdout
    found, times = ratio(wall, phoenix(root, "plan", "all"), parsing(root), 15)
    yield "plan all, 100 guests there: calls of tools", str(len(calls(root)) - before), "0"
    yield "  of them with nothing to do", str(text.count("nothing to do")), "100"
    yield "  wall time over parsing the same files", f"{found:.2f} ({times})", "3"


def seen(folder: Path) -> Iterator[tuple[str, str, str]]:
    """`status all` of a thousand guests, of which a run has written down that they are as configured, and before."""
    root = folder / "thousand"
    nodes.make(root, 1000, 1000)
    sides = phoenix(root, "status", "all"), [f"{root}/usr/sbin/pct", "list"]
    first, times_of_first = ratio(wall, *sides, 9)
    nodes.run(root, "create", "all")
    found, times = ratio(wall, *sides, 15)
    yield "status all, 1,000 guests, over one pct list of the rehearsal node", f"{found:.2f} ({times})", "1"
    yield "  before a create of them has found nothing to do", f"{first:.2f} ({times_of_first})", "-"


def scaled(folder: Path) -> Iterator[tuple[str, str, str]]:
    """Ten thousand declared guests, a thousand of them there, against a hundred and ten."""
    small, large, tenth = folder / "small", folder / "large", folder / "ten"
    guest = nodes.make(tenth, 10, 1)[0]
    nodes.make(small, 100, 10)
    nodes.make(large, 10_000, 1000)
    found, times = ratio(cpu, phoenix(large, "plan", guest), phoenix(tenth, "plan", guest), 40)
    yield "routing one of 10,000 over one of 10", f"{found:.3f} ({times})", "1.1"
    few, many = phoenix(small, "plan", "all"), phoenix(large, "plan", "all")
    rounds = [(cpu(many) / 10_000, cpu(few) / 100) for _ in range(5)]
    each = statistics.median(mine / other for mine, other in rounds)
    least = [1000 * min(column) for column in zip(*rounds)]
    yield "plan all: CPU a guest at 10,000 over at 100", f"{each:.2f} ({least[0]:.2f} ms, {least[1]:.2f} ms)", "1.2"
    dispatcher, manager = peaks(many)
    yield "peak memory of a manager, MiB", f"{manager:.1f}", "30"
    yield "peak memory of the dispatcher at 10,000, MiB", f"{dispatcher:.1f}", "150"


def peaks(argv: list[str]) -> tuple[float, float]:
    """The most memory of a process and of its children, in MiB, by looking at both again and again."""
    process = subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env={})
    most = [0, 0]
    while process.poll() is None:
        most[0] = max(most[0], peak(process.pid))
        for pid in children(process.pid):
            most[1] = max(most[1], peak(pid))
        time.sleep(0.002)
    return most[0] / 1024, most[1] / 1024


def children(pid: int) -> list[int]:
    """The children of a process."""
    try:
        return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []


def peak(pid: int) -> int:
    """The most memory that a process has had, in KiB."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().split("\n")
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith("VmHWM:")), 0)


def layered(folder: Path) -> Iterator[tuple[str, str, str]]:
    """Sixty-four guests in four layers, each of whose starts sleeps a second."""
    root = folder / "layers"
    guests = nodes.make(root, 64, 64)
    unix = root / "proc/net/unix"
    unix.write_text(unix.read_text().split("\n")[0] + "\n")
    for place, guest in enumerate(guests[16:]):
        nodes.declare(root, guest, f"depends_on = [{guests[place]}]\n")
    (root / "usr/sbin/pct").unlink()
    (root / "usr/sbin/pct").write_text(SLEEPER.format(root=root))
    (root / "usr/sbin/pct").chmod(0o755)
    taken = wall(phoenix(root, "start", "all", "--jobs=64"))
    yield "64 starts of 1 s in 4 layers: wall time over 4 s", f"{taken / 4:.2f} ({taken:.2f} s)", "1.25"


def changed(folder: Path) -> Iterator[tuple[str, str, str]]:
    """How often the tools are called for guests that are made, and for guests that change."""
    root = folder / "changed"
    guests = nodes.make(root, 20, 0)
    for what, count in (("made and started", 0), ("changed in two options", 1)):
        if count:
            for guest in guests:
                path = root / f"etc/phoenix/lxc/{guest}.toml"
                path.write_text(
                    path.read_text().replace("memory = 1024", "memory = 2048").replace("cores = 2", "cores = 1")
                )
        before = len(calls(root))
        nodes.run(root, "create", "all")
        made = calls(root)[before:]
        reading = sum(argv[1] in READING for argv in made)
        figures = f"{(len(made) - reading) / len(guests):.2f} changing, {reading / len(guests):.2f} reading"
        yield f"calls of pct a guest that is {what}", figures, "1 to 2, and 0"


def looked_up(folder: Path) -> Iterator[tuple[str, str, str]]:
    """The predecessor's way: a jq for each value."""
    jq = shutil.which("jq")
    if not jq:
        yield "the predecessor's way", "not measured: there is no jq here", "-"
        return
    root = folder / "lookups"
    guest = nodes.make(root, 1, 1)[0]
    configuration = folder / "guest.json"
    configuration.write_text(json.dumps({"lxc_configs": {guest: {"name": "web", "memory_mb": 1024}}}))
    loop = f'i=0; while [ $i -lt {LOOKUPS} ]; do {jq} -r ".lxc_configs.\\"{guest}\\".memory_mb" "$0"; i=$((i+1)); done'
    found, times = ratio(cpu, ["/bin/sh", "-c", loop, str(configuration)], phoenix(root, "create", guest), 10)
    yield f"the predecessor's {LOOKUPS} jq for one container over our create", f"{found:.1f} ({times})", "-"


ROWS = (nothing_to_do, planned, seen, scaled, layered, changed, looked_up)


def main(words: list[str]) -> int:
    """Measure and print."""
    for row in ROWS:
        if words and not any(word in row.__name__ for word in words):
            continue
        with tempfile.TemporaryDirectory() as folder:
            for what, found, wanted in row(Path(folder)):
                print(f"{what:<68} {found:<40} {wanted}", flush=True)
    return 0


if __name__ == "__main__":
    os.umask(0o022)
    sys.exit(main(sys.argv[1:]))
