"""Rehearsal nodes for tests: made from the checkout, and their tools called as programs."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import tomli

if TYPE_CHECKING:
    from collections.abc import Callable

CHECKOUT = Path(__file__).resolve().parents[2]
TEMPLATE = "local:vztmpl/debian-12-standard_12.12-1_amd64.tar.zst"
PLAIN = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8"}
MAKE = "import sys; sys.path[:0] = sys.argv[1:3]; from phoenix.rehearsal.node import main; sys.exit(main(sys.argv[3:]))"


class Ran:
    def __init__(self, code: int, out: str, err: str) -> None:
        self.code, self.out, self.err = code, out, err

    def __repr__(self) -> str:
        return f"exit {self.code}\n{self.out}\n{self.err}"


def run(argv: list[str], **more: Any) -> Ran:
    done = subprocess.run(
        argv, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, env=PLAIN, check=False, **more
    )
    return Ran(done.returncode, done.stdout, done.stderr)


def make(*words: str) -> Ran:
    beside = str(Path(tomli.__file__).resolve().parents[1])
    return run([sys.executable, "-IS", "-c", MAKE, str(CHECKOUT), beside, *words])


class Node:
    def __init__(self, root: Path) -> None:
        self.root = root

    def argv(self, tool: str, *words: str) -> list[str]:
        return [str(self.root / "usr/sbin" / tool), *words]

    def __call__(self, tool: str, *words: str) -> Ran:
        return run(self.argv(tool, *words))

    def good(self, tool: str, *words: str) -> str:
        ran = self(tool, *words)
        assert ran.code == 0, ran
        return ran.out

    def begin(self, *words: str, new_session: bool = False) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            self.argv("pct", *words),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=PLAIN,
            start_new_session=new_session,
        )

    def conf(self, guest: str) -> str | None:
        path = self.root / f"etc/pve/lxc/{guest}.conf"
        return path.read_text() if path.exists() else None

    def disks(self) -> list[str]:
        base = self.root / "var/lib/vz/images"
        return sorted(str(path.relative_to(base)) for path in base.rglob("*") if path.is_file())

    def fault(self, text: str) -> None:
        (self.root / "faults.toml").write_text(f"[[fault]]\n{text}\n")

    def calls(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in (self.root / "var/log/rehearsal-calls.jsonl").read_text().splitlines()]

    def members(self, quorate: int) -> None:
        text = json.dumps({"nodename": "pve", "version": 1, "cluster": {"name": "c", "quorate": quorate}})
        path = self.root / "etc/pve/.members"
        path.chmod(0o640)
        path.write_text(text)


def until(what: Callable[[], object], seconds: float = 10.0) -> None:
    end = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.02)
