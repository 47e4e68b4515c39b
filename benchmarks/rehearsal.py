#!/usr/bin/env python3
"""What a call of the rehearsal node's tools costs, against a bare `python3 -IS -c pass`.

    python3 benchmarks/rehearsal.py [rounds]

Makes nodes with dist/phoenix.pyz (build it first) and calls their tools. Every round runs both sides one right after
the other and takes the ratio of their CPU times (user and system, of the whole tree of processes); the figure is the
median of those ratios.
"""

from __future__ import annotations

import resource
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent.parent
LIMIT = 3.0
TEMPLATE = "local:vztmpl/debian-12-standard_12.12-1_amd64.tar.zst"
CALLS = {
    "pct list": "pct list",
    "pct config": "pct config 100",
    "pct status": "pct status 100",
    "pct set": "pct set 100 --memory {memory}",
    "pct create": f"pct create {{guest}} {TEMPLATE} --rootfs local:1 --net0 name=eth0,bridge=vmbr0,ip=dhcp",
    "pct start": "pct start {guest}",
    "pct stop": "pct stop {guest}",
    "pct destroy": "pct destroy {guest}",
    "qm list": "qm list",
    "qm create": "qm create {machine} --memory 512 --scsi0 local:1",
    "qm destroy": "qm destroy {machine}",
    "pvesm status": "pvesm status",
}


def cpu(argv: list[str]) -> float:
    """CPU milliseconds of one run."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(
        argv,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={"LC_ALL": "C.UTF-8"},
        check=True,
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return 1000 * (after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime)


def main() -> int:
    """Measure and print."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 20
    python = sys.executable
    ratios: dict[str, list[float]] = {name: [] for name in CALLS}
    with tempfile.TemporaryDirectory() as folder:
        node = folder + "/node"
        subprocess.run([python, "-IS", HERE / "dist/phoenix.pyz", "node", "new", node], check=True, capture_output=True)
        first = ["pct", "create", "100", TEMPLATE, "--rootfs", "local:1"]
        subprocess.run([f"{node}/usr/sbin/{first[0]}", *first[1:]], check=True, capture_output=True)
        for number in range(rounds):
            values = {"guest": 200 + number, "machine": 5000 + number, "memory": 512 + number}
            for name, words in CALLS.items():
                tool, *rest = words.format(**values).split()
                bare = cpu([python, "-IS", "-c", "pass"])
                ratios[name].append(cpu([f"{node}/usr/sbin/{tool}", *rest]) / bare)
    worst = 0.0
    for name, found in ratios.items():
        middle = statistics.median(found)
        worst = max(worst, middle if name.startswith("pct") else 0.0)
        print(f"{name:<14} {middle:5.2f}")
    print(f"worst of pct {worst:.2f}, wanted at most {LIMIT:.1f}")
    return 0 if worst <= LIMIT else 1


if __name__ == "__main__":
    sys.exit(main())
