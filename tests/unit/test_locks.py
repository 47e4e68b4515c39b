"""Locks: one run at a time for a guest, and a look at whether somebody else works on it."""

from __future__ import annotations

import os
import stat

import pytest

from phoenix import errors, locks


@pytest.fixture
def path(tmp_path):
    return str(tmp_path / "run/lock/lxc-9001.lock")


def test_a_lock_says_who_holds_it_in_a_private_file(path):
    lock = locks.take(path, "9001")
    with open(path) as file:
        assert file.read() == f"{os.getpid()}\n"
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o600
    locks.release(lock)


def test_a_second_run_is_told_who_was_first(path):
    lock = locks.take(path, "9001")
    with pytest.raises(errors.Busy) as caught:
        locks.take(path, "9001")
    assert caught.value.message == f"9001: another run of Phoenix (process {os.getpid()}) is working on it"
    assert "try again later" in caught.value.hint
    locks.release(lock)


def test_a_lock_that_was_given_back_can_be_taken_and_its_file_stays(path):
    locks.release(locks.take(path, "9001"))
    before = os.stat(path).st_ino
    locks.release(locks.take(path, "9001"))
    assert os.stat(path).st_ino == before


def test_what_an_earlier_holder_wrote_is_gone(path):
    locks.release(locks.take(path, "9001"))
    with open(path, "w") as file:
        file.write("12345678901234567890 something\n")
    locks.release(locks.take(path, "9001"))
    with open(path) as file:
        assert file.read() == f"{os.getpid()}\n"


def test_a_lock_is_not_inherited(path):
    lock = locks.take(path, "9001")
    assert not os.get_inheritable(lock)
    locks.release(lock)


def test_two_guests_do_not_wait_for_each_other(path):
    first, second = locks.take(path, "9001"), locks.take(path + "2", "9002")
    locks.release(first)
    locks.release(second)


def test_a_lock_that_is_a_link_is_not_followed(path, tmp_path):
    (tmp_path / "victim").write_text("as it was")
    os.makedirs(os.path.dirname(path))
    os.symlink(tmp_path / "victim", path)
    with pytest.raises(errors.NotReady, match="cannot be written"):
        locks.take(path, "9001")
    assert (tmp_path / "victim").read_text() == "as it was"


def test_a_look_sees_a_held_lock_and_changes_nothing(path):
    assert locks.is_held(path) is False
    assert not os.path.exists(path)
    lock = locks.take(path, "9001")
    assert locks.is_held(path) is True
    locks.release(lock)
    assert locks.is_held(path) is False
