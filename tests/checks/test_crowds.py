"""Crowds: many runs at once on one ID, round after round: one creates, the others find it done or say who is at it."""

from __future__ import annotations

import collections
import shutil

import pytest

from tests.checks.conftest import Checked
from tests.crash import boundaries

pytestmark = pytest.mark.processes

CROWD = 64


@pytest.mark.slow
def test_three_rounds(fresh, tmp_path):
    rounds(fresh, tmp_path, 3)


@pytest.mark.whole
def test_two_hundred_rounds(fresh, tmp_path):
    rounds(fresh, tmp_path, 200)


def rounds(fresh, folder, count):
    """So many rounds, each on a node of its own."""
    ends = collections.Counter()
    try:
        for _ in range(count):
            ends += one_round(fresh, folder / "node")
    finally:  # told even if it is stopped by a Ctrl-C
        print(f"{sum(ends.values()) // CROWD} of {count} rounds of {CROWD}: {dict(ends)}")


def one_round(fresh, root):
    """One round on a new node: how its runs ended, counted."""
    boundaries.copy_tree(fresh.root, root)
    node = Checked(fresh.built, root)
    crowd = [node.start("create", "9001") for _ in range(CROWD)]
    for process in crowd:
        process.communicate(timeout=300)
    codes = collections.Counter(process.returncode for process in crowd)
    assert set(codes) <= {0, 5}
    assert codes[0] >= 1
    assert len(node.changes("create")) == len(node.changes("start")) == 1
    assert node.processes() == {}
    assert node.run("create", "9001").stdout == "9001  web  running  nothing to do\n"
    shutil.rmtree(node.root)
    return codes
