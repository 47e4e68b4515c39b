"""Ownership: what has to agree before a guest is touched, and what keeps one from being deleted."""

from __future__ import annotations

import pytest

from phoenix import errors
from phoenix.guests import ownership
from phoenix.guests.container import CONTAINER
from phoenix.guests.observed import Observed
from phoenix.record import Record

MARK, OTHER = "0" * 32, "f" * 32
VOLUMES = ("local:9001/vm-9001-disk-0.raw",)
MORE = (*VOLUMES, "local:9001/vm-9001-disk-1.raw")
OURS = Record(MARK, True, VOLUMES)
FRESH = Record(MARK, False, ())


def guest(**facts):
    return Observed(**{"exists": True, "mark": MARK, "volumes": VOLUMES, **facts})


@pytest.mark.parametrize(
    ("observed", "record", "why"),
    [
        (guest(), OURS, ""),
        (guest(volumes=MORE), OURS, ""),
        (guest(), FRESH, ""),
        (guest(), None, "Phoenix has no record of making it"),
        (guest(mark=""), OURS, "its description does not have the mark"),
        (guest(mark=OTHER), OURS, "its description does not have the mark"),
        (guest(mark=OTHER), FRESH, "its description does not have the mark"),
        (guest(volumes=()), OURS, "it lacks volumes that Phoenix recorded: local:9001/vm-9001-disk-0.raw"),
        (guest(volumes=("other:vm-9001-disk-0",)), OURS, "it lacks volumes"),
    ],
)
def test_mark_record_and_volumes_must_agree(observed, record, why):
    assert ownership.doubt(observed, record).startswith(why)
    assert bool(ownership.doubt(observed, record)) == bool(why)
    if why:
        with pytest.raises(errors.Refused, match="9001 is there") as caught:
            ownership.check(CONTAINER, "9001", observed, record)
        assert "pct config 9001" in caught.value.hint
    else:
        ownership.check(CONTAINER, "9001", observed, record)


@pytest.mark.parametrize("record", [None, OURS, FRESH])
def test_what_is_not_there_is_nobodys(record):
    ownership.check(CONTAINER, "9001", Observed(), record)


@pytest.mark.parametrize(
    "observed", [Observed(elsewhere="VM 9001 on node 'pve2'"), guest(elsewhere="VM 9001 on node 'a'")]
)
@pytest.mark.parametrize("record", [None, OURS])
def test_an_id_that_another_guest_has_is_refused(observed, record):
    with pytest.raises(errors.Refused, match=r"the ID 9001 is taken by VM 9001 on node"):
        ownership.check(CONTAINER, "9001", observed, record)


@pytest.mark.parametrize(
    ("worked_on", "record", "error"),
    [
        (True, None, errors.Busy),
        (True, OURS, errors.Busy),
        (True, FRESH, errors.Busy),
        (False, None, errors.Refused),
        (False, OURS, errors.Refused),
        (False, FRESH, errors.PartlyDone),
    ],
)
def test_a_guest_that_is_half_made_is_left_to_whoever_began_it(worked_on, record, error):
    observed = Observed(exists=True, lock="create", worked_on=worked_on)
    assert observed.half_made
    with pytest.raises(error) as caught:
        ownership.check(CONTAINER, "9001", observed, record)
    assert "9001" in caught.value.message
    assert caught.value.hint


@pytest.mark.parametrize(
    ("observed", "record", "left"),
    [
        (Observed(), None, False),
        (Observed(), OURS, False),
        (Observed(), FRESH, True),  # its volumes may be there
        (guest(), OURS, False),
        (guest(), FRESH, False),  # made, and only the answer was lost
        (guest(lock="create"), FRESH, True),
        (guest(lock="clone"), FRESH, True),
        (guest(lock="backup"), FRESH, False),
        (guest(lock="create"), OURS, False),  # an ordinary lock, as `pct set --lock` gives it
        (guest(lock="create", mark=OTHER), FRESH, False),
        (Observed(exists=True, lock="create"), None, True),
        (Observed(exists=True, lock="clone"), FRESH, True),
        (Observed(exists=True, lock="create", raw={"lock": "create", "memory": "512"}), None, False),
        (Observed(exists=True), FRESH, True),
        (Observed(exists=True), None, False),
        (Observed(exists=True), OURS, True),
        (Observed(exists=True, lock="destroyed"), OURS, True),
        (Observed(exists=True, lock="destroyed"), None, False),
        (Observed(exists=True, lock="backup"), OURS, False),
        (guest(lock="destroyed"), OURS, False),
    ],
)
def test_what_a_killed_run_may_have_left(observed, record, left):
    assert ownership.is_left(observed, record) is left


@pytest.mark.parametrize(
    ("observed", "record", "dangers", "reasons"),
    [
        (guest(), OURS, [], []),
        (guest(volumes=MORE), FRESH, [], ["volumes that Phoenix did not make"]),
        (guest(protection=True), OURS, [], ["it is protected (protection: 1)"]),
        (guest(volumes=MORE), OURS, [], ["volumes that Phoenix did not make: local:9001/vm-9001-disk-1.raw"]),
        (guest(), OURS, ["it is managed by HA"], ["it is managed by HA"]),
        (
            guest(protection=True, volumes=MORE),
            OURS,
            ["one", "two"],
            ["one", "two", "protected", "did not make"],
        ),
    ],
)
def test_every_reason_against_a_deletion_is_said(observed, record, dangers, reasons):
    if not reasons:
        ownership.check_deletable(CONTAINER, "9001", observed, record, dangers)
        return
    with pytest.raises(errors.Refused, match="9001 is not deleted: ") as caught:
        ownership.check_deletable(CONTAINER, "9001", observed, record, dangers)
    assert all(reason in caught.value.message for reason in reasons)


@pytest.mark.parametrize(
    ("volume", "name"),
    [
        ("local:9001/base-9001-disk-0.raw", "local:/9001/vm-9001-disk-0.raw"),
        ("local:9001/vm-9001-disk-0.raw", "local:/9001/vm-9001-disk-0.raw"),
        ("thin:base-9001-disk-0", "thin:/vm-9001-disk-0"),
        ("zfs:basevol-9001-disk-0", "zfs:/subvol-9001-disk-0"),
        ("zfs:basevol-900-disk-0/subvol-9001-disk-0", "zfs:/basevol-900-disk-0/subvol-9001-disk-0"),
    ],
)
def test_a_volume_is_the_same_after_it_became_a_base(volume, name):
    assert ownership.plain(volume) == name
