"""What the checks share: a rehearsal node with a container's file, and the built phoenix.pyz."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time

import pytest

from tests.crash import boundaries

FILE = """\
hostname = "web"
ostemplate = "local:vztmpl/debian-12-standard_12.12-1_amd64.tar.zst"
memory = 512
rootfs = { storage = "local", size = "1G" }
net0 = { name = "eth0", bridge = "vmbr0", ip = "10.0.0.5/24" }
"""
READING = ("list", "status", "config", "pending", "help", "version", "listsnapshot", "show")


class Checked:
    """A rehearsal node and phoenix.pyz on it."""

    def __init__(self, built, root):
        self.built = built
        self.root = root
        self.conf = root / "etc/pve/lxc/9001.conf"
        self.file = root / "etc/phoenix/lxc/9001.toml"

    def argv(self, *words, root=True):
        return [sys.executable, "-IS", str(self.built), *[f"--root={self.root}"] * root, *words]

    def run(self, *words, root=True, env=(), **options):
        argv = self.argv(*words, root=root)
        options = {"timeout": 300, "stdin": subprocess.DEVNULL, **options}
        return subprocess.run(argv, capture_output=True, text=True, env=dict(env), check=False, **options)

    def start(self, *words):
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "stdin": subprocess.DEVNULL}
        return subprocess.Popen(self.argv(*words), text=True, env={}, **pipes)

    def explained(self, code, *words, **options):
        """Run; it ends with `code`, its cause and its next step, and without a traceback. Returns what it said."""
        ran = self.run(*words, **options)
        assert ran.returncode == code, ran
        assert "Traceback" not in ran.stderr
        assert f"\n{ran.stderr}".count("\nerror: ") == 1
        assert "\nnext:  " in ran.stderr or "\nUsage:" in ran.stderr
        return ran.stderr

    def fault(self, text):
        (self.root / "faults.toml").write_text(f"[[fault]]\n{text}\n")

    def heal(self):
        (self.root / "faults.toml").unlink()

    def calls(self):
        path = self.root / "var/log/rehearsal-calls.jsonl"
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []

    def changes(self, verb=""):
        """The calls that change something, or those of one subcommand."""
        found = [call["argv"] for call in self.calls() if call["argv"][1] not in READING]
        return [argv for argv in found if verb in ("", argv[1])]

    def processes(self):
        """The command lines on this node that run now, by process."""
        found = {}
        for pid in filter(str.isdigit, os.listdir("/proc")):
            try:
                with open(f"/proc/{pid}/cmdline", "rb") as file:
                    words = file.read().decode(errors="replace").split("\0")
            except OSError:
                continue
            if any(str(self.root) in word for word in words):
                found[int(pid)] = words
        return found

    def until(self, condition, seconds=60):
        deadline = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < deadline, "it did not come about"
            time.sleep(0.02)


@pytest.fixture(scope="module")
def fresh(built, tmp_path_factory):
    """A new node, on which Phoenix has run once."""
    found = Checked(built, tmp_path_factory.mktemp("fresh") / "node")
    found.run("node", "new", str(found.root), root=False)
    found.file.parent.mkdir(parents=True)
    found.file.write_text(FILE)
    assert found.run("status").returncode == 0
    return found


@pytest.fixture
def node(fresh, tmp_path):
    boundaries.copy_tree(fresh.root, tmp_path / "node")
    return Checked(fresh.built, tmp_path / "node")
