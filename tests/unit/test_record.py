"""The record: what proves that a guest is ours, kept whole; what is damaged proves nothing."""

from __future__ import annotations

import os
import stat

import pytest

from phoenix import record
from phoenix.record import Record

MARK = "0123456789abcdef0123456789abcdef"


@pytest.mark.parametrize(
    "kept",
    [
        Record(MARK, False, ()),
        Record(MARK, True, ("local:9001/vm-9001-disk-0.raw",)),
        Record(MARK, True, ("local-lvm:vm-9001-disk-0", "local-zfs:subvol-9001-disk-1")),
    ],
)
def test_a_record_comes_back_as_it_was(tmp_path, kept):
    path = f"{tmp_path}/records/lxc-9001"
    record.save(path, kept)
    assert record.load(path) == kept
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o600


def test_the_last_record_counts(tmp_path):
    path = f"{tmp_path}/lxc-9001"
    record.save(path, Record(MARK, False, ()))
    record.save(path, Record(MARK, True, ("a:b",)))
    assert record.load(path) == Record(MARK, True, ("a:b",))
    assert os.listdir(tmp_path) == ["lxc-9001"]


@pytest.mark.parametrize("text", ["", "\0\0\0", "mark:\n", "mark: \n", "made: yes\nvolumes: a:b\n", "# mark: x\n"])
@pytest.mark.parametrize("whole", [True, False])
def test_a_record_without_a_mark_or_a_sum_proves_nothing(tmp_path, text, whole):
    (tmp_path / "lxc-9001").write_text(text + f"sum: {record.checksum(text)}\n" * whole)
    assert record.load(f"{tmp_path}/lxc-9001") is None


def test_no_byte_of_a_record_can_change_and_be_believed(tmp_path):
    path = tmp_path / "lxc-9001"
    record.save(str(path), Record(MARK, True, ("a:b", "a:c"), finished=True))
    whole = path.read_bytes()
    for place in range(len(whole)):
        for damaged in (whole[:place], whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :]):
            path.write_bytes(damaged)
            assert record.load(str(path)) is None


def test_a_record_with_line_ends_of_another_kind_is_damaged(tmp_path):
    path = tmp_path / "lxc-9001"
    record.save(str(path), Record(MARK, True, ("a:b",)))
    whole = path.read_bytes()
    for damaged in (whole[:-1] + b"\r\n", whole[:-1] + b"\r", whole.replace(b"\n", b"\r\n")):
        path.write_bytes(damaged)
        assert record.load(str(path)) is None


def test_no_record_and_an_unreadable_one_are_the_same(tmp_path):
    (tmp_path / "folder").mkdir()
    assert record.load(f"{tmp_path}/missing") is None
    assert record.load(f"{tmp_path}/folder") is None


def test_a_record_says_to_people_what_it_is_for(tmp_path):
    record.save(f"{tmp_path}/lxc-9001", Record(MARK, True, ("a:b",)))
    text = (tmp_path / "lxc-9001").read_text()
    assert text.startswith("# ")
    assert f"\nmark: {MARK}\nmade: yes\nvolumes: a:b\nsum: " in text


def test_no_two_marks_are_the_same():
    marks = {record.new_mark() for _ in range(100)}
    assert len(marks) == 100
    assert all(len(mark) == 32 and set(mark) <= set("0123456789abcdef") for mark in marks)


def test_a_record_cannot_be_changed_by_accident():
    kept = Record(MARK, True, ())
    with pytest.raises(AttributeError):
        kept.made = False
    with pytest.raises(TypeError):
        Record(MARK)
