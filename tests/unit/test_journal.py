"""The journal: every event a line, in order, durable, and readable after a crash in the middle of one."""

from __future__ import annotations

import json
import os
import stat

import pytest

from phoenix import errors
from phoenix.journal import Journal, parsed


@pytest.fixture
def journal(tmp_path):
    return Journal(str(tmp_path / "journal/lxc-9001.jsonl"), run="run-1", pid=77)


def lines(journal):
    with open(journal.path, encoding="utf-8") as file:
        return file.read().split("\n")[:-1]


def test_an_event_is_one_line_with_its_run_process_and_time(journal):
    journal.add("intent", goal="create", argv=["pct", "create", "9001", "a\nb ü"])
    assert len(lines(journal)) == 1
    event = json.loads(lines(journal)[0])
    assert event.pop("time").endswith("Z")
    assert len(event.pop("sum")) == 8
    assert event == {
        "run": "run-1",
        "pid": 77,
        "event": "intent",
        "goal": "create",
        "argv": ["pct", "create", "9001", "a\nb ü"],
    }
    assert stat.S_IMODE(os.stat(journal.path).st_mode) == 0o600


def test_events_come_back_in_order_also_those_of_other_runs(journal):
    journal.add("intent", goal="create")
    Journal(journal.path, run="run-2").add("outcome", goal="create")
    assert [(event["run"], event["event"]) for event in journal.events()] == [("run-1", "intent"), ("run-2", "outcome")]


def test_no_journal_has_no_events(journal):
    assert journal.events() == []
    assert not os.path.exists(journal.path)


@pytest.mark.parametrize("torn", ['{"event": "outc', '{"event": "outcome"', "\0\0\0\0", '{"event": "\udcff'])
def test_a_torn_last_line_is_left_out(journal, torn):
    journal.add("intent", goal="create")
    with open(journal.path, "a", encoding="utf-8", errors="surrogateescape") as file:
        file.write(torn)
    assert [event["event"] for event in journal.events()] == ["intent"]
    assert journal.read()[1] == [2]


def test_an_event_that_cannot_be_made_durable_is_an_error(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(errors.NotReady):
        Journal(f"{tmp_path}/file/x.jsonl", run="run-1").add("intent")


def test_the_event_after_a_torn_line_is_kept(journal):
    journal.add("intent", goal="create")
    with open(journal.path, "a") as file:
        file.write('{"event": "outc')
    journal.add("intent", goal="start")
    assert [event.get("goal") for event in journal.events()] == ["create", "start"]


def test_no_byte_of_a_line_can_change_and_be_believed(journal):
    journal.add("intent", goal="create", argv=["pct", "create", "9001"], volumes=["local:9001/vm-9001-disk-0.raw"])
    whole = lines(journal)[0]
    for place in range(len(whole)):
        for other in "0}x":
            changed = whole[:place] + other + whole[place + 1 :]
            assert changed == whole or parsed(changed) is None
        assert parsed(whole[:place] + whole[place + 1 :]) is None
        assert parsed(whole[:place]) is None


def test_a_damaged_line_takes_no_other_with_it(journal):
    for goal in ("create", "start", "stop"):
        journal.add("intent", goal=goal)
    with open(journal.path, "rb+") as file:
        data = bytearray(file.read())
        data[data.index(b"start") + 2] ^= 1
        file.seek(0)
        file.write(data)
    events, damaged = journal.read()
    assert [event["goal"] for event in events] == ["create", "stop"]
    assert damaged == [2]


@pytest.mark.parametrize(
    ("events", "goal"),
    [
        ([], None),
        ([("intent", {"goal": "a"})], "a"),
        ([("intent", {"goal": "a"}), ("outcome", {"goal": "a", "status": 0})], None),
        ([("intent", {"goal": "a"}), ("outcome", {"goal": "a", "status": None})], "a"),
        ([("intent", {"goal": "a"}), ("outcome", {"goal": "a", "status": 255}), ("deleted", {})], None),
        ([("intent", {"goal": "a"}), ("deleted", {})], "a"),
    ],
)
def test_an_intent_is_unfinished_until_its_end_is_written(journal, events, goal):
    for event, facts in events:
        journal.add(event, **facts)
    found = journal.unfinished()
    assert (found and found["goal"]) == goal


def test_events_are_found_by_their_facts(journal):
    journal.add("intent", goal="create", mark="a")
    journal.add("intent", goal="create", mark="b", first=True)
    journal.add("intent", goal="create", mark="b")
    assert journal.first("intent", goal="create", mark="b")["first"]
    assert "first" not in journal.last("intent", goal="create", mark="b")
    assert journal.last("intent", mark="c") is None
