"""The container manager around the loop: what it looks at before and after it holds the lock."""

from __future__ import annotations

import os

import pytest

from managers import lxc_manager
from phoenix import locks, record
from phoenix.errors import OperationFailed, UsageError
from phoenix.guests import marks, report, requests
from phoenix.guests.container import CONTAINER
from phoenix.guests.observed import Observed

MARK = "0123456789abcdef0123456789abcdef"
CONF = f"""#{marks.LINE}{MARK}
hostname: web
rootfs: local:9001/vm-9001-disk-0.raw,size=8G
unprivileged: 1
"""


def made(call):
    """Put the container there as a finished run would."""
    (call.root / "etc/pve/lxc/9001.conf").write_text(CONF)
    record.save(call.paths.record("lxc", "9001"), record.Record(MARK, True, ("local:9001/vm-9001-disk-0.raw",)))


def test_what_another_run_made_before_the_lock_was_ours_is_found(call, monkeypatch, capsys):
    """The record belongs to the state: both are read under the lock."""
    take = locks.take

    def taken(path, what):
        made(call)
        return take(path, what)

    monkeypatch.setattr(locks, "take", taken)
    assert lxc_manager.ACTIONS["create"](call("create")) == 0
    assert capsys.readouterr().out == "9001  web  stopped  nothing to do\n"


def test_the_lock_is_held_to_the_end_and_given_back(call, monkeypatch):
    made(call)
    held = []
    monkeypatch.setattr(report, "check_refused", lambda *_: held.append(locks.is_held(call.paths.lock("lxc", "9001"))))
    assert lxc_manager.ACTIONS["create"](call("create")) == 0
    assert held == [True]
    assert not locks.is_held(call.paths.lock("lxc", "9001"))


def test_a_dry_run_takes_no_lock_and_writes_nothing(call, capsys):
    before = sorted(os.walk(call.root))
    assert lxc_manager.ACTIONS["create"](call("create", dry_run=True)) == 0
    assert "  $ pct create 9001 /t.tar.zst " in capsys.readouterr().out
    assert sorted(os.walk(call.root)) == before


@pytest.mark.parametrize("action", ["start", "stop", "restart"])
def test_what_is_not_there_is_not_started_or_stopped(call, action):
    with pytest.raises(OperationFailed, match="9001 is not created"):
        lxc_manager.ACTIONS[action](call(action))


def test_a_deletion_has_to_be_asked_for_twice(call):
    made(call)
    with pytest.raises(UsageError):
        lxc_manager.ACTIONS["delete"](call("delete"))
    assert (call.root / "etc/pve/lxc/9001.conf").exists()


def test_a_shutdown_may_take_longer_than_pct_waits_for_it():
    step = requests.run_state(CONTAINER, "9001", Observed(exists=True, running=True), running=False, seconds=5).steps[0]
    assert "--timeout=5" in step.argv
    assert step.seconds > 5
