"""A power cut at every call of Phoenix's own: what was not synced is lost in part; the same command goes on."""

from __future__ import annotations

import collections
import os
import random
import shutil

import pytest

from tests.conftest import unavailable
from tests.crash.disk import PHOENIX, Disk, lay_out
from tests.crash.scenes import EXPLAINED, GUEST, Scene, judged, untouched
from tests.crash.tracer import is_possible

pytestmark = pytest.mark.processes

SEED = 20
CREATE, DELETE = ("create", GUEST), ("delete", GUEST, "--yes")
SCENES = {"lxc": ("lxc", True), "vm": ("vm", True), "unpacking": ("lxc", False)}
RUNS = {"create": CREATE, "delete": DELETE}


@pytest.fixture
def scene(request, built, tmp_path):
    if not is_possible():
        unavailable("programs are traced on x86-64 only")
    return Scene(built, tmp_path, *SCENES[request.param])


class Recording:
    """The states that power cuts during one run can leave, each beside a copy of the node at that moment."""

    def __init__(self, scene, words, roles=PHOENIX):
        self.scene, self.roles = scene, roles
        self.random = random.Random(SEED)
        self.disk, self.cuts, self.seen, self.points = Disk(scene.root), [], set(), 0
        self.copies = scene.folder / "copies"
        shutil.rmtree(self.copies, ignore_errors=True)
        self.copies.mkdir()
        tracer = scene.traced(words, self.at, self.disk.after)
        assert tracer.status == 0, (scene.folder / "err").read_text()

    def at(self, call):
        if call.role in self.roles:
            self.points += 1
            self.cut(call)
        self.disk.before(call)

    def cut(self, call):
        copy = self.copies / str(self.points)
        for state in self.disk.states(self.random):
            key = self.disk.version, repr(state)
            if key in self.seen:
                continue
            self.seen.add(key)
            if not copy.exists():
                os.system(f"cp -a --reflink=auto {self.scene.root} {copy}")
            self.cuts.append((f"{call.role} {call.index} before {call.name}", copy, state))


def gone(scene, ran):
    """What became of a delete that was run again."""
    assert "Traceback" not in ran.stderr, ran.stderr
    untouched(scene)
    if ran.returncode == 0:
        assert scene.conf() is None
        assert scene.volumes() == []
        assert not (scene.root / f"var/lib/phoenix/records/{scene.kind}-{GUEST}").exists()
        return "gone"
    assert ran.returncode in EXPLAINED, (ran.returncode, ran.stderr)
    assert "\nnext:  " in ran.stderr, ran.stderr
    return f"explained {ran.returncode}"


def told(scene, state):
    """A state in a few words."""
    return {
        path[len(str(scene.root)) + 1 :]: entry if entry is None or entry[0] != "file" else entry[1][-40:]
        for path, entry in state.items()
    }


def many(scene, run, count=0, roles=PHOENIX):
    """Lay out so many states of the seed, all for 0, and run the same command again; AssertionError with what fails."""
    scene.fresh()
    if run == "delete":
        assert scene.phoenix(*CREATE).returncode == 0
    recording = Recording(scene, RUNS[run], roles)
    states = len(recording.cuts)
    cuts = random.Random(SEED).sample(recording.cuts, min(count or states, states))
    outcomes, failed = collections.Counter(), []
    try:
        lay_out_each(scene, run, cuts, outcomes, failed)
    finally:  # told even if it is stopped by a Ctrl-C
        done = f"{recording.points} points, {sum(outcomes.values()) + len(failed)} of {len(cuts)} states"
        print(f"{scene.kind} {run}: seed {SEED}, {done}, {len(failed)} failed: {dict(outcomes)}")
    shutil.rmtree(recording.copies)
    assert not failed, "\n".join(failed)
    return outcomes


def lay_out_each(scene, run, cuts, outcomes, failed):
    """Lay out the states one by one; what comes of them is added to `outcomes` and `failed`."""
    for point, copy, state in cuts:
        scene.fresh(copy)
        scene.reboot()
        lay_out(state)
        try:
            outcome = {"create": judged, "delete": gone}[run](scene, scene.phoenix(*RUNS[run]))
            outcomes[outcome] += 1
            if outcome not in ("made", "gone"):
                print(outcome, point, told(scene, state))
        except AssertionError as error:
            failed.append(f"{scene.kind} {run} {point} {told(scene, state)}: {str(error)[:2000]}")
            print(failed[-1])


@pytest.mark.parametrize("run", RUNS)
@pytest.mark.parametrize("scene", ["lxc"], indirect=True)
def test_some_power_cuts(scene, run):
    many(scene, run, 4)


@pytest.mark.slow
@pytest.mark.parametrize("scene", ["vm"], indirect=True)
def test_many_power_cuts(scene):
    many(scene, "create", 40)


@pytest.mark.whole
@pytest.mark.parametrize("run", RUNS)
@pytest.mark.parametrize("scene", ["lxc", "vm"], indirect=True)
def test_every_power_cut(scene, run):
    many(scene, run)


@pytest.mark.whole
@pytest.mark.parametrize("scene", ["unpacking"], indirect=True)
def test_power_cuts_while_phoenix_is_unpacked(scene):
    many(scene, "create", 300, PHOENIX[:1])
