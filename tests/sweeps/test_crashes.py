"""The crash sweep: whatever is killed at whichever boundary, one more run does the rest or says what to do."""

from __future__ import annotations

import random
import shutil

import pytest

from tests.sweeps import crash

pytestmark = [pytest.mark.processes, pytest.mark.slow]

SEED, COUNT = 6, 60
"""Of 2304 points; `crash.points` has them all."""


def test_points_are_survived(built, tmp_path):
    nodes = crash.prepared(built, tmp_path)
    points = crash.points(nodes, tmp_path)
    assert len(points) > 2000
    ends = {}
    for point in random.Random(SEED).sample(points, COUNT):
        ends[point] = survive(nodes, point, tmp_path / "point")
    assert list(ends.values()).count("done") > COUNT * 0.8, ends


def survive(nodes, point, folder):
    """How a point ends."""
    kind, verb, *_ = point
    before, then, _ = crash.VERBS[verb]
    world = nodes[kind, before].copy(folder)
    world.write(then)
    strangers = world.strangers()
    try:
        crash.crash(world, point)
        return crash.judge(world, point, strangers)
    except crash.NotReachedError:
        return "not reached"
    except AssertionError as error:
        raise AssertionError(f"{point}: {error}") from error
    finally:
        shutil.rmtree(folder)
