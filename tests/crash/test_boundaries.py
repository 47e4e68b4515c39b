"""The crash sweep: whatever is killed at whichever boundary, one more run does the rest or says what to do."""

from __future__ import annotations

import collections
import random
import shutil
import time

import pytest

from tests.crash import boundaries

pytestmark = pytest.mark.processes

SEED, COUNT, PARTS = 6, 60, 8
"""Of 2304 points; `boundaries.points` has them all."""


@pytest.fixture(scope="module")
def world(built, tmp_path_factory):
    """The nodes that points begin with, and all points."""
    folder = tmp_path_factory.mktemp("nodes")
    nodes = boundaries.prepared(built, folder)
    return nodes, boundaries.points(nodes, folder)


@pytest.mark.slow
def test_many_points_are_survived(world, tmp_path):
    sweep(world, tmp_path, COUNT)


@pytest.mark.whole
@pytest.mark.parametrize("part", range(PARTS))
def test_every_point_is_survived(world, tmp_path, part):
    sweep(world, tmp_path, 0, part)


def sweep(world, tmp_path, count, part=0):
    """So many points, of the seed, or for 0 all of a part. AssertionError with all that are not survived."""
    began = time.monotonic()
    nodes, points = world
    assert len(points) > 2000
    chosen = random.Random(SEED).sample(points, count) if count else points[part::PARTS]
    ends, failed = collections.Counter(), []
    try:
        for point in chosen:
            try:
                ends[survive(nodes, point, tmp_path / "point")] += 1
            except AssertionError as error:
                failed.append(f"{point}: {error}")
                print(failed[-1])
    finally:  # told even if it is stopped by a Ctrl-C
        told = f"part {part}" if not count else f"seed {SEED}"
        done = f"{sum(ends.values()) + len(failed)} of {len(chosen)} of {len(points)} points"
        print(f"{told}: {done}, {len(failed)} failed: {dict(ends)}, {time.monotonic() - began:.0f} s")
    assert not failed, "\n".join(failed)
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
    finally:
        shutil.rmtree(folder)
