"""What the tests of the built file share: a place where it is installed."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest


class Installation:
    """A folder that counts as a node, so that the build is unpacked below it and nowhere else."""

    def __init__(self, built, folder):
        self.root = folder / "node"
        (self.root / "etc/pve").mkdir(parents=True)
        self.built = built
        self.product = self.root / "usr/local/phoenix_hypervisor"

    def run(self, *words, python=("-IS",), archive=None, **options):
        argv = [sys.executable, *python, str(archive or self.built), f"--root={self.root}", *words]
        options.setdefault("env", {})
        return subprocess.run(argv, capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False, **options)

    def version(self, **options):
        ran = self.run("version", **options)
        assert (ran.returncode, ran.stderr) == (0, ""), ran.stderr
        return ran.stdout

    @property
    def tree(self):
        link = os.readlink(self.product / "bin/managers")
        return self.product / "lib" / link.split("/")[2]

    def snapshot(self):
        facts = {}
        for here, folders, files in os.walk(self.product):
            for name in [*folders, *files]:
                path = os.path.join(here, name)
                seen = os.lstat(path)
                facts[path] = (seen.st_mode, seen.st_uid, seen.st_size, seen.st_mtime_ns, seen.st_ino)
        return facts


@pytest.fixture
def installation(built, tmp_path):
    return Installation(built, tmp_path)
