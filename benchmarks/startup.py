#!/usr/bin/env python3
"""What a create that has nothing to do costs: dispatcher and child, against two bare `python3 -IS -c pass`.

    python3 benchmarks/startup.py [rounds]

Runs dist/phoenix.pyz (build it first) on a rehearsal node, with each Python 3.9, 3.11 and 3.13 that is found. Every
round runs both sides one right after the other and takes the ratio of their CPU times (user and system, of the whole
tree of processes); the figure is the median of those ratios, because a machine that is slow for a second is slow for
both. The least times of each side are printed beside it, and where valgrind is the instructions, which do not wobble.
"""

from __future__ import annotations

import os
import pathlib
import re
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent.parent
VERSIONS = ("3.9", "3.11", "3.13")
LIMIT = 3.5


def pythons() -> dict[str, str]:
    """An interpreter that runs for each version, by version."""
    found = {}
    for version in VERSIONS:
        pyenv = sorted(pathlib.Path.home().glob(f".pyenv/versions/{version}.*/bin/python3"))
        for path in (shutil.which(f"python{version}"), *map(str, pyenv)):
            if not path:
                continue
            code = "import sys; print(sys.executable if sys.implementation.name == 'cpython' else '')"
            ran = subprocess.run([path, "-IS", "-c", code], capture_output=True, text=True, check=False)
            if ran.returncode == 0 and ran.stdout.strip():
                found[version] = ran.stdout.strip()
                break
    return found


def cpu(argv: list[str]) -> float:
    """CPU milliseconds of one run."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(argv, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, env={}, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return 1000 * (after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime)


def instructions(argv: list[str]) -> float:
    """Millions of instructions of one run and its children; 0 without valgrind."""
    if not shutil.which("valgrind"):
        return 0.0
    command = [
        "valgrind",
        "--tool=callgrind",
        "--trace-children=yes",
        "--callgrind-out-file=/dev/null",
        *argv,
    ]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    return sum(int(count) for count in re.findall(r"Collected : (\d+)", ran.stderr)) / 1e6


def main() -> int:
    """Measure and print."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 40
    worst = 0.0
    for version, python in pythons().items():
        with tempfile.TemporaryDirectory() as folder:
            node = folder + "/node"
            phoenix = [python, "-IS", str(HERE / "dist/phoenix.pyz")]
            for words in (
                ["node", "new", node],
                ["--root", node, "init"],
                ["--root", node, "create", "9001"],
            ):
                subprocess.run([*phoenix, *words], capture_output=True, check=True, env={})
            ours, bare = [*phoenix, "--root", node, "create", "9001"], [python, "-IS", "-c", "pass"]
            times = [(cpu(ours), cpu(bare) + cpu(bare)) for _ in range(rounds)]
            ratio = statistics.median(mine / base for mine, base in times)
            worst = max(worst, ratio)
            least = [min(column) for column in zip(*times)]
            line = f"{version:<5} ratio {ratio:.2f}   least: create {least[0]:.1f} ms, twice python {least[1]:.1f} ms"
            line += f" = {least[0] / least[1]:.2f}"
            count, twice = instructions(ours), 2 * instructions(bare)
            if count and twice:
                line += f"   instructions: {count:.0f}M / {twice:.0f}M = {count / twice:.2f}"
            print(line, flush=True)
    print(f"worst ratio {worst:.2f}, wanted at most {LIMIT}")
    return int(worst > LIMIT)


if __name__ == "__main__":
    os.umask(0o022)
    raise SystemExit(main())
