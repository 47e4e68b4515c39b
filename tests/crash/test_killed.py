"""SIGKILL at every call of a create that changes files: one more run makes the guest, or says why it does not."""

from __future__ import annotations

import collections
import random
import time

import pytest

from tests.conftest import unavailable
from tests.crash.scenes import GUEST, Scene, judged, untouched
from tests.crash.tracer import is_possible

pytestmark = pytest.mark.processes

SEED, PARTS = 20, 4
WAYS = ("kill", "kill all")
SCENES = {
    "lxc": ("lxc", True),
    "vm": ("vm", True),
    "unpacking": ("lxc", False),
    "keys": ("lxc", True, 'ssh_public_keys_file = "/root/key.pub"\n'),
}


def empty_volume(call):
    return call.name == "ftruncate" and "vm-9001-disk-0" in call.file()


def keys(call):
    return call.name == "openat" and "authorized_keys" in call.text(1)


def grown_disk(call):
    return call.name == "rename" and "9001.conf" in call.text(1) and "resize" in call.command()


def started(call):
    if call.role != "manager" or call.name != "write":
        return False
    said = call.memory(call.arguments[1], call.arguments[2])
    return b"outcome" in said and b"start" in said


HARD = (
    ("lxc", empty_volume, "kill all", "made"),  # pct rescan does not see a volume of 0 bytes
    ("keys", keys, "kill", "made"),  # the lock is gone already, but not all is done
    ("vm", grown_disk, "kill", "explained 1"),  # qm sees the size, and writes it nowhere
    ("vm", started, "kill", "made"),  # what cloud-init's drive was written with is not known
)
"""Kills that once went wrong: the scene, the call, the way, and what comes of it."""


@pytest.fixture
def scene(request, built, tmp_path):
    if not is_possible():
        unavailable("programs are traced on x86-64 only")
    return Scene(built, tmp_path, *SCENES[request.param])


def points(scene):
    """Every call of a whole create: the process by its birth, the number of its call, and what it is."""
    found = []
    scene.fresh()
    tracer = scene.traced(["create", GUEST], lambda call: found.append((call.birth, call.index, call.role, call.name)))
    assert tracer.status == 0
    return found


def crash(scene, chosen, way):
    """Kill at the first call that is `chosen`, see that no harm is done, and run the same command again: what comes."""
    hit = []

    def decide(call):
        if hit or not chosen(call):
            return None
        hit.append(call)
        return way

    scene.fresh()
    scene.traced(["create", GUEST], decide)
    untouched(scene)
    again = judged(scene, scene.phoenix("create", GUEST))
    return again if hit else "not reached, " + again


def at(point):
    """What chooses the call of a point."""
    return lambda call: (call.birth, call.index) == point[:2]


def many(scene, count, ways=WAYS, wanted=lambda _: True, part=0):
    """So many points, of the seed; all of a part for 0. Their outcomes, counted; AssertionError with all that fail."""
    work = [(point, way) for point in points(scene) if wanted(point) for way in ways]
    shuffled = random.Random(SEED).sample(work, count or len(work))
    work = shuffled if count else shuffled[part::PARTS]  # so that each part is a sample of all
    began = time.monotonic()
    outcomes, failed = collections.Counter(), []
    try:
        for point, way in work:
            try:
                outcomes[way, crash(scene, at(point), way)] += 1
            except (AssertionError, TimeoutError) as error:
                failed.append(f"{scene.kind} {point} {way}: {str(error)[:2000]}")
                print(failed[-1])
    finally:  # told even if it is stopped by a Ctrl-C
        told = f"seed {SEED}" if count else f"part {part}"
        done = f"{sum(outcomes.values()) + len(failed)} of {len(work)} kills"
        ends = f"{len(failed)} failed: {dict(outcomes)}, {time.monotonic() - began:.0f} s"
        print(f"{scene.kind}: {told}, {done}, {ends}")
    assert not failed, "\n".join(failed)
    return outcomes


@pytest.mark.parametrize("scene", ["lxc", "vm"], indirect=True)
def test_some_kills(scene):
    many(scene, 4)


@pytest.mark.parametrize("scene", ["unpacking"], indirect=True)
def test_some_kills_while_phoenix_is_unpacked(scene):
    many(scene, 2, WAYS[:1], lambda point: not point[0])


@pytest.mark.slow
@pytest.mark.parametrize("scene", ["lxc", "vm"], indirect=True)
def test_many_kills(scene):
    many(scene, 40)


@pytest.mark.whole
@pytest.mark.parametrize("part", range(PARTS))
@pytest.mark.parametrize("scene", ["lxc", "vm"], indirect=True)
def test_every_kill(scene, part):
    many(scene, 0, part=part)


@pytest.mark.whole
@pytest.mark.parametrize("part", range(PARTS))
@pytest.mark.parametrize("scene", ["unpacking"], indirect=True)
def test_every_kill_while_phoenix_is_unpacked(scene, part):
    many(scene, 0, WAYS[:1], lambda point: not point[0], part)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("scene", "chosen", "way", "outcome"),
    [pytest.param(*case, id=case[1].__name__) for case in HARD],
    indirect=["scene"],
)
def test_a_kill_that_once_went_wrong(scene, chosen, way, outcome):
    assert crash(scene, chosen, way) == outcome
