"""The crash sweep: whatever is killed at whichever boundary, one more run does the rest or says what to do."""

from __future__ import annotations

import collections
import random
import shutil

import pytest

from tests.crash import boundaries

pytestmark = pytest.mark.processes

SEED, COUNT = 6, 60
"""Of 2304 points; `boundaries.points` has them all."""


@pytest.mark.slow
def test_many_points_are_survived(built, tmp_path):
    sweep(built, tmp_path, COUNT)


@pytest.mark.whole
def test_every_point_is_survived(built, tmp_path):
    sweep(built, tmp_path, 0)


def sweep(built, tmp_path, count):
    """So many points, of the seed, or all for 0."""
    nodes = boundaries.prepared(built, tmp_path)
    points = boundaries.points(nodes, tmp_path)
    assert len(points) > 2000
    chosen = random.Random(SEED).sample(points, count or len(points))
    ends = collections.Counter(survive(nodes, point, tmp_path / "point") for point in chosen)
    print(f"seed {SEED}, {len(chosen)} of {len(points)} points: {dict(ends)}")
    assert ends["done"] > len(chosen) * 0.8, ends


def survive(nodes, point, folder):
    """How a point ends."""
    kind, verb, *_ = point
    before, then, _ = boundaries.VERBS[verb]
    world = nodes[kind, before].copy(folder)
    world.write(then)
    strangers = world.strangers()
    try:
        boundaries.crash(world, point)
        return boundaries.judge(world, point, strangers)
    except boundaries.NotReachedError:
        return "not reached"
    except AssertionError as error:
        raise AssertionError(f"{point}: {error}") from error
    finally:
        shutil.rmtree(folder)
