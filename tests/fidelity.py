#!/usr/bin/env python3
"""How far the rehearsal node agrees with recorded sessions of the real tools, as a number for each release.

    python3 tests/fidelity.py [--show N] [8|9 ...]

Replays every record on a fresh node of dist/phoenix.pyz and prints each disagreement with both sides, the agreement
by area, and `agreed A of B steps (P %)`. The records and the program that compares are not part of the product: they
lie beside the checkout, in ../shared/pve. Exit: 0, 1 when a release agrees less than it must, 2 without records.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent
RECORDS = REPOSITORY.parent / "shared" / "pve"
SETS = {"8": ("public", 98.0), "9": ("public-9", 97.0)}
"""The folder of each release's records, and the percentage of steps that must agree."""


def is_here() -> bool:
    """Whether the records and the comparer are there."""
    return (RECORDS / "agree.py").is_file()


def replay(product: Path, release: str, show: int) -> tuple[bool, str]:
    """Replay the records of a release: whether enough agrees, and what the comparer printed."""
    folder, least = SETS[release]
    argv = [sys.executable, str(RECORDS / "agree.py"), "--phoenix", str(product), "--show", str(show)]
    argv += ["--jobs", str(os.cpu_count() or 1), "--at-least", str(least), str(RECORDS / "transcripts" / folder)]
    ran = subprocess.run(argv, capture_output=True, text=True, check=False)
    counted = re.search(r"agreed \d+ of [1-9]\d* steps", ran.stdout)
    return ran.returncode == 0 and counted is not None, ran.stdout + ran.stderr


def main(words: list[str]) -> int:
    """Replay and print."""
    show = int(words[words.index("--show") + 1]) if "--show" in words else 1000
    if not is_here():
        print(f"{RECORDS} is not there: the records are not part of the product", file=sys.stderr)
        return 2
    status = 0
    for release in [word for word in words if word in SETS] or SETS:
        good, text = replay(REPOSITORY / "dist" / "phoenix.pyz", release, show)
        print(f"--- Proxmox VE {release}, at least {SETS[release][1]} % must agree\n{text}", flush=True)
        status = status if good else 1
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
