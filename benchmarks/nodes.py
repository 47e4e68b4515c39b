"""Rehearsal nodes with many guests: one is made, the others are copies of its files under their own IDs."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(HERE))

from phoenix import record  # noqa: E402 - found only then

PYTHON = sys.executable
PYZ = str(HERE / "dist/phoenix.pyz")
FIRST = 100_000
SOURCE = "999"
STARTER = (HERE / "etc/phoenix/lxc/9001.toml").read_text()
"""What `init` writes, comments and all: a file as an administrator has it."""


def run(root: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Run the built phoenix.pyz on a node."""
    argv = [PYTHON, "-IS", PYZ, f"--root={root}", *words]
    return subprocess.run(argv, capture_output=True, text=True, env={}, check=False)


def make(root: Path, declared: int, present: int) -> list[str]:
    """A node on which that many containers are declared, and that many of these are there and run; returns the IDs."""
    subprocess.run([PYTHON, "-IS", PYZ, "node", "new", str(root)], capture_output=True, check=True, env={})
    (root / "etc/phoenix/lxc").mkdir(parents=True)
    declare(root, SOURCE)
    made = run(root, "create", SOURCE)
    if made.returncode:
        raise SystemExit(made.stderr)
    (root / f"etc/phoenix/lxc/{SOURCE}.toml").unlink()
    guests = [str(FIRST + number) for number in range(declared)]
    for guest in guests:
        declare(root, guest)
    for number, guest in enumerate(guests[:present]):
        copy(root, guest, number)
    return guests


def declare(root: Path, guest: str, more: str = "") -> None:
    """Write a guest's file; `more` is added to its table [phoenix]."""
    text = STARTER.replace('hostname = "web"', f'hostname = "g{guest}"').replace(
        '"10.0.0.110/24", gw = "10.0.0.1"', '"dhcp"'
    )
    (root / f"etc/phoenix/lxc/{guest}.toml").write_text(text + more)


def copy(root: Path, guest: str, number: int) -> None:
    """Make a guest that is there, of what the first one has become: its file, its record, and that it runs."""
    conf = (root / f"etc/pve/lxc/{SOURCE}.conf").read_text().replace(SOURCE, guest)
    (root / f"etc/pve/lxc/{guest}.conf").write_text(conf)
    kept = record.load(str(root / f"var/lib/phoenix/records/lxc-{SOURCE}"))
    if kept is None:
        raise SystemExit("the first guest has no record")
    volumes = tuple(volume.replace(SOURCE, guest) for volume in kept.volumes)
    (root / f"var/lib/phoenix/records/lxc-{guest}").write_text(recorded(kept.but(volumes=volumes)))
    with (root / "proc/net/unix").open("a", encoding="ascii") as file:
        file.write(f"0000000000000000: 00000002 00000000 00010000 0001 01 {number + 1} @/var/lib/lxc/{guest}/command\n")


def recorded(kept: record.Record) -> str:
    """The text of a record, without the syncing that would take most of the time here."""
    saved: list[str] = []
    replace, record.files.replace = record.files.replace, lambda _, text: saved.append(text)
    try:
        record.save("", kept)
    finally:
        record.files.replace = replace
    return saved[0]
