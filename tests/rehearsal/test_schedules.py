"""Random schedules of operations, faults, kills and strangers: nothing happens that never may."""

from __future__ import annotations

import time

import pytest

from phoenix import reconcile
from phoenix.guests import atwork
from tests.rehearsal import schedules

pytestmark = pytest.mark.processes
ALL = 30_000
PARTS = 60


@pytest.fixture
def start(tmp_path, monkeypatch):
    """The node that every schedule begins with; nobody waits long."""
    for module, name, seconds in (
        (reconcile, "EFFECT_SECONDS", 0.5),
        (reconcile, "HOLD_SECONDS", 0.02),
        (reconcile, "RETRY_SECONDS", 0.05),
        (reconcile, "FIRST_PAUSE", 0.01),
        (reconcile, "LONGEST_PAUSE", 0.02),
        (atwork, "WAIT_SECONDS", 0.05),
    ):
        monkeypatch.setattr(module, name, seconds)
    return schedules.pristine(tmp_path)


def several(start, folder, numbers):
    began = time.monotonic()
    failures, done = [], 0
    try:
        for number in numbers:
            try:
                schedules.Schedule(start, folder, number).run()
            except schedules.ViolationError as error:
                failures.append(f"schedule {number} of seed {schedules.SEED}: {error}")
                print(failures[-1], flush=True)
            done += 1
    finally:  # told even if it is stopped by a Ctrl-C
        ends = f"{done} done, {len(failures)} failed, {time.monotonic() - began:.0f} s"
        print(f"seed {schedules.SEED}, schedules of {numbers}: {ends}")
    assert not failures, "\n".join(failures)


def test_some_schedules(start, tmp_path):
    several(start, tmp_path, range(40))


@pytest.mark.whole
@pytest.mark.parametrize("part", range(PARTS))
def test_thirty_thousand_schedules(start, tmp_path, part):
    several(start, tmp_path, range(ALL * part // PARTS, ALL * (part + 1) // PARTS))
