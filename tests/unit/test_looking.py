"""Looking: which managers look at which guests, and whose words come when."""

from __future__ import annotations

import pytest

from phoenix import process
from phoenix.dispatch import looking
from phoenix.dispatch.routing import Target


def targets(count, kind="lxc", first=100):
    return [Target(kind, str(first + number)) for number in range(count)]


@pytest.mark.parametrize(
    ("count", "jobs", "sizes"),
    [
        (1, 2, [1]),
        (49, 2, [49]),
        (50, 2, [25, 25]),
        (100, 1, [100]),
        (100, 3, [34, 34, 32]),
        (1000, 2, [500, 500]),
        (1001, 2, [334, 334, 333]),
        (1100, 64, [25] * 44),
    ],
)
def test_each_manager_has_its_share_if_that_is_worth_its_start(count, jobs, sizes):
    calls = looking.shares("plan", targets(count), ["--output=text"], jobs)
    assert [len(words) - 2 for _, words in calls] == sizes
    assert all(words[0] == "--action=plan" and words[-1] == "--output=text" for _, words in calls)
    told = [word for _, words in calls for word in words if word.startswith("--id=")]
    assert told == [f"--id={target.id}" for target in targets(count)]


def test_guests_of_two_kinds_have_two_managers():
    calls = looking.shares("plan", [*targets(1), *targets(1, "vm", 900), *targets(1, first=200)], [], 1)
    assert calls == [
        ("lxc-manager", ["--action=plan", "--id=100", "--id=200"]),
        ("vm-manager", ["--action=plan", "--id=900"]),
    ]


class Children:
    """Children whose words are told beforehand, in the order in which they come."""

    def __init__(self, events):
        self.events_left = events
        self.running = set()
        self.most = 0
        self.passed_on = []

    def __len__(self):
        return len(self.running)

    def start(self, key, argv):
        self.running.add(key)
        self.most = max(self.most, len(self.running))

    def events(self, _seconds):
        key, stream, text = next(event for event in self.events_left if event[0] in self.running)
        self.events_left.remove((key, stream, text))
        if not stream:
            self.running.remove(key)
        yield key, stream, text

    def drain(self):
        while self.running:
            list(self.events(0))

    def pass_on(self, number):
        self.passed_on.append(number)


@pytest.fixture
def look(tmp_path, monkeypatch, capsys):
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/lxc-manager").touch()
    monkeypatch.setattr(process, "received", 0)
    monkeypatch.setattr(process, "listen", lambda: None)

    def act(events, jobs=2, count=75, take=None):
        children = Children(events)
        monkeypatch.setattr(process, "Children", lambda: children)
        monkeypatch.setattr(looking, "MOST", 25)
        code = looking.look(str(tmp_path), "status", targets(count), [], jobs, take)
        return code, capsys.readouterr(), children

    return act


SAYS, TALK = process.SAYS, process.TALK


def test_what_is_said_comes_in_the_order_of_the_guests(look):
    events = [
        ("1", SAYS, "c"),
        ("0", SAYS, "a"),
        ("1", TALK, "talk"),
        ("1", 0, "0"),
        ("2", SAYS, "d"),
        ("0", SAYS, "b"),
    ]
    code, said, children = look([*events, ("2", 0, "0"), ("0", 0, "0")])
    assert (code, said.out, said.err) == (0, "a\nb\nc\nd\n", "talk\n")
    assert children.most == 2


def test_what_is_said_can_be_taken(look):
    taken = []
    code, said, _ = look([(key, SAYS, key) for key in "210"] + [(key, 0, "0") for key in "201"], 3, take=taken.append)
    assert (code, said.out, taken) == (0, "", ["0", "1", "2"])


def test_the_statuses_are_one(look):
    assert look([("0", 0, "3"), ("1", 0, "0"), ("2", 0, "0")])[0] == 7
    assert look([("0", 0, "10"), ("1", 0, "0"), ("2", 0, "0")])[0] == 10


def test_after_a_signal_none_is_begun_and_those_that_run_are_told_and_waited_for(look, monkeypatch):
    class Signalled(list):
        def remove(self, event):
            monkeypatch.setattr(process, "received", 15)
            super().remove(event)

    code, said, children = look(Signalled([("0", SAYS, "a"), ("0", 0, "143"), ("1", 0, "143")]))
    assert (code, said.out, children.passed_on, len(children)) == (143, "a\n", [15], 0)


def test_where_nobody_reads_they_are_waited_for_all_the_same(look, monkeypatch):
    def closed(_line):
        raise BrokenPipeError

    events = [("0", SAYS, "a"), ("0", SAYS, "b"), ("1", 0, "0"), ("0", 0, "0")]
    with pytest.raises(BrokenPipeError):
        look(events, take=closed)
    assert events == []
