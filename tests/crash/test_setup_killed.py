"""SIGKILL at calls of a setup that change files: one more run leads to the same node as one that nobody disturbed.

A change of the network is confirmed, as somebody would who still reaches the node.
"""

from __future__ import annotations

import collections
import os
import random
import shutil
import subprocess
import sys

import pytest

from tests.conftest import unavailable
from tests.crash.tracer import Tracer, is_possible

pytestmark = pytest.mark.processes

SEED = 8
WAYS = ("kill", "kill all")
ROLES = (("/bin/hypervisor-manager", "manager"), ("/usr/sbin/", "tool"), ("phoenix.pyz", "dispatcher"))
TOML = """\
[time]
timezone = "America/New_York"
servers = ["ntp1.example.org"]

[modules]
load = ["overlay", "br_netfilter"]
options = { kvm_intel = "nested=1" }

[sysctl]
"vm.swappiness" = 10
net.ipv4.ip_forward = 1

[firewall.cluster]
options = { enable = true }
ipsets = { management = ["192.0.2.0/24"] }
"""
NETWORK = """\
[network]
nameserver = ["10.0.0.153"]
[network.vmbr1]
address = "10.1.0.1/24"
bridge-ports = []
"""
PASSING = ("usr/local", "var/log", "var/lib/phoenix", "run/lock", "run/network", "run/rehearsal-timers", "tmp")
"""What tells of the runs and not of what they led to, also what the imitated programs note for themselves."""


class Scene:
    """A node that is to be set up, and what an undisturbed setup makes of it."""

    def __init__(self, built, folder, toml, status):
        self.root, self.prepared, self.folder = folder / "node", folder / "prepared", folder
        self.status = status  # of a setup that nobody disturbs
        self.program = [sys.executable, "-IS", str(built)]
        subprocess.run([*self.program, "node", "new", str(self.root)], check=True, capture_output=True)
        (self.root / "etc/phoenix").mkdir(parents=True)
        (self.root / "etc/phoenix/hypervisor.toml").write_text(toml)
        assert self.setup("--dry-run").returncode == 0
        os.rename(self.root, self.prepared)
        self.fresh()
        ran = self.finish()
        assert ran.returncode == 0, ran.stderr
        self.wanted = self.state()

    def fresh(self):
        shutil.rmtree(self.root, ignore_errors=True)
        subprocess.run(["cp", "-a", "--reflink=auto", str(self.prepared), str(self.root)], check=True)

    def argv(self, *words):
        return [*self.program, f"--root={self.root}", "setup", *words]

    def setup(self, *words):
        return subprocess.run(self.argv(*words), capture_output=True, text=True, check=False, env={}, timeout=120)

    def finish(self):
        """Set up, and confirm the change of the network if one waits for that."""
        ran = self.setup()
        if ran.returncode == 7 and "--confirm-network" in ran.stderr:
            ran = self.setup("--confirm-network")
            return ran if ran.returncode else self.setup()
        return ran

    def traced(self, at):
        tracer = Tracer(at, None, ROLES, 120)
        tracer.run(self.argv(), str(self.folder))
        return tracer

    def state(self):
        """Every file and link of the node but those that tell of the runs."""
        found = {}
        for folder, _, names in os.walk(self.root):
            for name in names:
                path = os.path.join(folder, name)
                inside = os.path.relpath(path, self.root)
                if not inside.startswith(PASSING):
                    link = os.path.islink(path)
                    with open(path, "rb") if not link else open(os.devnull, "rb") as file:
                        found[inside] = os.readlink(path) if link else (os.stat(path).st_mode, file.read())
        return found


@pytest.fixture(params=[(TOML, 0), (NETWORK, 7)], ids=["sections", "network"])
def scene(request, built, tmp_path):
    if not is_possible():
        unavailable("programs are traced on x86-64 only")
    return Scene(built, tmp_path, *request.param)


def many(scene, count):
    """Kill at so many calls, of the seed, at all of them for 0; AssertionError with all that lead elsewhere."""
    points = []
    scene.fresh()
    assert scene.traced(lambda call: points.append((call.birth, call.index))).status == scene.status
    work = [(point, way) for point in points for way in WAYS]
    if count:
        work = random.Random(SEED).sample(work, count)
    ends, failed = collections.Counter(), []
    for point, way in work:
        scene.fresh()
        scene.traced(lambda call, point=point, way=way: way if (call.birth, call.index) == point else None)
        again = scene.finish()
        ends[again.returncode] += 1
        if again.returncode or "Traceback" in again.stderr or scene.state() != scene.wanted:
            failed.append(f"{point} {way}: {again.returncode} {again.stderr[-500:]} {different(scene)}")
        elif scene.setup().stdout != "pve  nothing to do\n":
            failed.append(f"{point} {way}: a second run has something to do")
    print(f"setup: seed {SEED}, {len(work)} kills of {len(points) * len(WAYS)}, {len(failed)} failed: {dict(ends)}")
    assert not failed, "\n".join(failed)


def different(scene):
    """The files that are not as they are wanted."""
    found = scene.state()
    return sorted(path for path in {*found, *scene.wanted} if found.get(path) != scene.wanted.get(path))[:10]


def test_some_kills_of_a_setup(scene):
    many(scene, 6)


@pytest.mark.slow
def test_many_kills_of_a_setup(scene):
    many(scene, 60)


@pytest.mark.whole
def test_every_kill_of_a_setup(scene):
    many(scene, 0)
