"""Many guests: whom a verb takes along, in which order they come, and what is told of them; no child is started."""

from __future__ import annotations

import json
import os
import time

import pytest

from phoenix import errors, process
from phoenix.dispatch import glance, many, order, routing, scheduler, view
from phoenix.paths import Paths

FILE = 'ostemplate = "/t"\nrootfs = {{ storage = "local", size = "8G" }}\nhostname = "g{}"\n'
GUESTS = {
    "100": '[phoenix]\nstate = "template"\n',
    "101": "clone = { from = 100 }\n",
    "102": 'startup = "order=2,up=30"\n[phoenix]\ndepends_on = [101]\n',
    "103": 'startup = { order = 1, up = 5 }\n[phoenix]\ndepends_on = ["102"]\n',
    "104": "",
    "105": 'startup = "1"\ntags = ["Web", "b"]\n[phoenix]\nstate = "stopped"\n',
}


@pytest.fixture
def configuration(tmp_path):
    """Six containers: 103 needs 102, which needs 101, a clone of 100."""
    tree = tmp_path / "tree"
    (tree / "bin").mkdir(parents=True)
    for name in ("lxc", "vm"):
        (tree / f"bin/{name}-manager").touch()
    for guest, text in GUESTS.items():
        path = tmp_path / f"config/lxc/{guest}.toml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(FILE.format(guest) + text)
        path.chmod(0o644)
    return routing.Configuration(str(tmp_path / "config"), str(tree))


@pytest.fixture
def there(monkeypatch):
    """The guests that are there."""
    found = set()
    monkeypatch.setattr(many, "is_there", lambda _, guest: guest in found)
    return found


def tasks(configuration, verb, *names):
    found = many.tasks_of(verb, configuration, names, Paths("/nowhere"), ["--word"])
    return {task.key: task for task in found}


def needs(configuration, verb, *names):
    return {key: list(task.needs) for key, task in tasks(configuration, verb, *names).items()}


# --- what is read -------------------------------------------------------------------------------------------


def test_what_a_file_says_of_others(configuration):
    seen = configuration.glance(configuration.find("103"))
    assert (seen.name, seen.needs, seen.sources, seen.state) == ("g103", ("102",), (), "running")
    assert configuration.glance(configuration.find("101")).sources == ("100",)
    assert configuration.glance(configuration.find("105")).tags == ("web", "b")


@pytest.mark.parametrize(
    ("value", "found"),
    [
        ("order=2,up=30,down=5", (2, 30)),
        ("3", (3, 0)),
        ("3,up=7", (3, 7)),
        ("up=7", (glance.LAST, 7)),
        ({"order": 4, "up": 9}, (4, 9)),
        (5, (5, 0)),
        (None, (glance.LAST, 0)),
        ("order=x,up=-1", (glance.LAST, 0)),
        (["a"], (glance.LAST, 0)),
    ],
)
def test_the_startup_order_in_each_of_its_forms(value, found):
    assert glance.startup(value) == found


@pytest.mark.parametrize(
    ("text", "alone"),
    [
        ("cores = 2\n# clone = { from = 900 }\n", True),
        ("[phoenix]\ndepends_on = [101]\n", False),
        ('[phoenix]\n"depends\\u005fon" = [101]\n', False),
        ("clone = { from = 100 }\n", False),
        ('profile = "base"\n', False),
    ],
)
def test_a_file_that_says_nothing_of_others_is_not_parsed(configuration, text, alone):
    path = os.path.join(configuration.folder, "lxc/104.toml")
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
    assert configuration.stands_alone(configuration.find("104")) == alone


# --- order --------------------------------------------------------------------------------------------------


def test_create_takes_along_what_is_missing(configuration, there, capsys):
    assert needs(configuration, "create", "103") == {"103": ["102"], "102": ["101"], "101": ["100"], "100": []}
    assert "note: 102 is taken along: 103 needs it\n" in capsys.readouterr().err
    there |= {"101"}
    assert needs(configuration, "create", "103") == {"103": ["102"], "102": []}
    assert needs(configuration, "create", "103", "101") == {"103": ["102"], "101": ["100"], "102": ["101"], "100": []}
    assert needs(configuration, "create", "104") == {"104": []}


def test_converge_takes_along_all_that_is_needed(configuration, there):
    there |= set(GUESTS)
    assert list(tasks(configuration, "converge", "102")) == ["102", "100", "101"]
    assert {task.action for task in tasks(configuration, "converge", "102").values()} == {"create"}


def test_start_takes_along_what_is_to_run_and_no_template(configuration, there):
    there |= set(GUESTS)
    assert needs(configuration, "start", "103") == {"103": ["102"], "101": [], "102": ["101"]}
    assert list(tasks(configuration, "start", "all")) == ["101", "102", "103", "104", "105"]
    assert list(tasks(configuration, "start", "100")) == ["100"]  # its manager says what is wrong with that


def test_stop_and_delete_take_exactly_what_is_named_in_the_opposite_order(configuration, there):
    assert needs(configuration, "stop", "101", "103", "102") == {"101": ["102"], "103": [], "102": ["103"]}
    assert needs(configuration, "delete", "101") == {"101": []}
    assert needs(configuration, "delete", "100", "101") == {"100": ["101"], "101": []}


def test_other_verbs_have_no_order(configuration):
    assert needs(configuration, "snapshot", "all") == {guest: [] for guest in GUESTS}


def test_a_guest_that_needs_one_without_a_file_is_an_error_of_the_configuration(configuration, there):
    os.unlink(os.path.join(configuration.folder, "lxc/101.toml"))
    with pytest.raises(errors.ConfigError, match=r"102\.toml: phoenix\.depends_on: 101 has no file"):
        tasks(configuration, "create", "103")


def test_a_circle_is_told_from_its_lowest_on(configuration, there):
    with open(os.path.join(configuration.folder, "lxc/104.toml"), "a", encoding="utf-8") as file:
        file.write("[phoenix]\ndepends_on = [104]\n")
    with pytest.raises(errors.ConfigError, match=r"depend on each other: 104 -> 104$"):
        tasks(configuration, "create", "104")


def test_all_are_made_first_and_then_started_by_their_place(configuration, there):
    found = tasks(configuration, "LetsGo", "all")
    made = [key for key in found if key.endswith(order.MAKE)]
    assert made == [guest + order.MAKE for guest in ("101", "102", "103", "104")]
    assert all(found[key].words == ("--word", "--no-start") and found[key].quiet for key in made)
    assert found["100"].words == found["105"].words == ("--word",)  # one is a template, one is not to run
    assert found["102" + order.MAKE].needs == ("101" + order.MAKE,)
    assert set(found["all there"].after) == {*made, "100", "105"}
    # 103 has place 1, but needs 102, whose place is 2, which needs 101, which has none: all of them come last.
    assert {found[guest].after for guest in ("101", "102", "103", "104")} == {("all there",)}
    assert found["103"].needs == ("103" + order.MAKE, "102")
    assert (found["102"].rest, found["103"].rest, found["104"].rest) == (30, 5, 0)


def test_places_follow_the_startup_order_and_who_needs_whom(configuration, there):
    for guest, text in (("101", 'startup = "order=1"\n'), ("104", 'startup = "order=1"\n')):
        with open(os.path.join(configuration.folder, f"lxc/{guest}.toml"), "a", encoding="utf-8") as file:
            file.write(text)
    found = tasks(configuration, "LetsGo", "all")
    assert [found[guest].after for guest in ("101", "104", "102", "103")] == [
        ("all there",), ("all there",), ("order 1",), ("order 1",),
    ]  # fmt: skip
    assert found["order 1"].after == ("101", "104")


# --- on their way -------------------------------------------------------------------------------------------


class Children:
    """Children that end when they are told to; `log` is what happened, in order."""

    def __init__(self, codes, log):
        self.codes, self.log, self.running = codes, log, []

    def __len__(self):
        return len(self.running)

    def start(self, key, argv):
        assert argv == [key]
        self.running.append(key)
        self.log.append("+" + key)

    def events(self, seconds):
        assert seconds <= 1
        if self.running:
            key = self.running.pop(0)
            self.log.append("-" + key)
            yield key, process.TALK, f"error: {key} broke" if self.codes.get(key) else f"{key}: pct start {key}"
            yield key, 0, str(self.codes.get(key, 0))

    def drain(self):
        while self.running:
            list(self.events(0))


@pytest.fixture
def scheduled(monkeypatch):
    """What happens when tasks are scheduled: the schedule and the log."""

    def run(found, jobs=2, shown=None, log=None, **codes):
        log = [] if log is None else log
        monkeypatch.setattr(process, "received", 0)
        monkeypatch.setattr(process, "again", 0)
        monkeypatch.setattr(process, "Children", lambda: Children({key[1:]: code for key, code in codes.items()}, log))
        schedule = scheduler.Schedule(found, jobs, lambda task: [task.key], shown or view.View(len(found)))
        schedule.run()
        return schedule, log

    return run


def task(key, *needs, after=(), rest=0):
    return scheduler.Task(key, routing.Target("lxc", key), "create", (), needs, after, rest)


def test_each_begins_when_those_that_it_needs_have_ended_and_no_more_than_may(scheduled):
    found = [task("1"), task("2", "1"), task("3", "1"), task("4", "1"), task("5", "2", "3", "4")]
    log = scheduled(found)[1]
    assert log == ["+1", "-1", "+2", "+3", "-2", "+4", "-3", "-4", "+5", "-5"]
    assert scheduled(found, jobs=9)[1][:5] == ["+1", "-1", "+2", "+3", "+4"]


def test_a_failure_holds_back_only_what_needs_it(scheduled, capsys):
    found = [task("1"), task("2", "1"), task("3", "2"), task("4"), task("5", after=("2",))]
    schedule, log = scheduled(found, g1=6)
    assert schedule.held == {"2": "1", "3": "2"}
    assert schedule.codes == {"1": 6, "4": 0, "5": 0}
    assert "+5" in log
    assert "2: held back; it needs 1\n" in capsys.readouterr().err


def test_those_after_one_wait_until_it_has_rested(scheduled):
    begun = time.monotonic()
    _, log = scheduled([task("1", rest=1), task("2", "1"), task("3")])
    assert log == ["+1", "+3", "-1", "-3", "+2", "-2"]
    assert time.monotonic() - begun >= 1


def test_where_nobody_reads_those_that_run_are_waited_for_all_the_same(scheduled):
    class Closed(view.View):
        def said(self, task, stream, line):
            raise BrokenPipeError

    log = []
    with pytest.raises(BrokenPipeError):
        scheduled([task("1"), task("2"), task("3")], log=log, shown=Closed(3))
    assert log == ["+1", "+2", "-1", "-2"]


def test_nobody_waits_for_a_rest_that_nothing_comes_after(scheduled):
    begun = time.monotonic()
    scheduled([task("1", rest=60)])
    assert time.monotonic() - begun < 30


def told(schedule, shown, capsys, code=7, in_json=False):
    capsys.readouterr()
    many.summary(schedule, shown, code, "phoenix.pyz create all", 3.2, in_json=in_json)
    return capsys.readouterr()


def test_the_summary_says_what_became_of_each_and_what_is_next(scheduled, capsys):
    shown = view.View(4)
    schedule, _ = scheduled([task("101"), task("102", "101"), task("103"), task("104")], shown=shown, g101=6)
    assert told(schedule, shown, capsys).err == (
        "4 guests: 2 done, 1 held back, 1 failed, in 3 s\n"
        "  done       103 104\n"
        "  held back  102: it needs 101\n"
        "  failed     101: exit 6: 101 broke\n"
        "next:  see to what is wrong, then again, which goes on from here: phoenix.pyz create all\n"
    )
    document = json.loads(told(schedule, shown, capsys, in_json=True).out)
    assert document["failed"] == {"101": "exit 6: 101 broke"}
    assert document["held_back"] == {"102": "it needs 101"}
    assert document["exit_code"] == 7


def test_one_that_has_two_tasks_is_what_the_worse_of_them_is(scheduled, capsys):
    shown = view.View(2)
    target = routing.Target("lxc", "101")
    found = [scheduler.Task("101 made", target, "create"), scheduler.Task("101", target, "create", (), ("101 made",))]
    schedule, _ = scheduled(found, shown=shown, **{"g101 made": 1})
    assert "1 guests: 1 failed, in 3 s" in told(schedule, shown, capsys).err


# --- seen ---------------------------------------------------------------------------------------------------


def test_lines_have_their_guests_id(capsys):
    shown = view.View(1)
    for line in ("9: no", "error: x", "101: pct start 101", "101  web  running  by pct start"):
        shown.said(task("101"), process.TALK, line)
    assert capsys.readouterr().err == (
        "101: 9: no\n101: error: x\n101: pct start 101\n101  web  running  by pct start\n"
    )
    shown.said(task("101"), process.SAYS, "101  web  running  nothing to do")
    assert capsys.readouterr().out == "101  web  running  nothing to do\n"


def test_one_that_is_quiet_is_heard_only_if_it_did_something(capsys):
    shown = view.View(1)
    quiet = task("101").but(quiet=True)
    shown.said(quiet, process.SAYS, "101  web  running  nothing to do")
    shown.said(quiet, process.TALK, "101: pct create 101")
    shown.said(quiet, process.SAYS, "101  web  stopped  by pct create")
    assert capsys.readouterr().out == "101  web  stopped  by pct create\n"


def test_the_live_view_ends_with_what_was_said_for_good(capsys):
    shown = view.Live(2)
    shown.begun(task("101"))
    shown.said(task("101"), process.TALK, "101: pct start 101")
    shown.tick()
    drawn = capsys.readouterr().err
    assert "101           0 s  pct start 101\n" in drawn
    assert "[" + "." * view.BAR + "] 0 of 2 steps" in drawn
    shown.said(task("101"), process.TALK, "error: no\x1b[31m")
    shown.ended(task("101"), 1)
    shown.tick()
    shown.close()
    end = capsys.readouterr().err
    assert end.startswith(view.UP.format(2) + view.CLEAR + "101: error: no")
    assert end.endswith(view.UP.format(1) + view.CLEAR)


@pytest.mark.parametrize(("variable", "coloured"), [("", True), ("1", False)])
def test_no_color_is_respected(capsys, monkeypatch, variable, coloured):
    monkeypatch.setenv("NO_COLOR", variable)
    shown = view.Live(2)
    shown.tick()
    assert (view.BOLD in capsys.readouterr().err) == coloured


@pytest.mark.parametrize(
    ("terminal", "term", "in_json", "kind"),
    [
        (True, "xterm", False, view.Live),
        (True, "dumb", False, view.View),
        (False, "xterm", False, view.View),
        (True, "xterm", True, view.Events),
    ],
)
def test_the_view_is_what_can_be_shown(monkeypatch, terminal, term, in_json, kind):
    monkeypatch.setattr("sys.stderr.isatty", lambda: terminal, raising=False)
    monkeypatch.setenv("TERM", term)
    assert type(view.of(1, in_json=in_json, take=None)) is kind


def test_events_are_documents(capsys):
    shown = view.Events(1)
    shown.begun(task("101"))
    shown.said(task("101"), process.TALK, "101: pct start 101")
    shown.said(task("101"), process.SAYS, '{"a": 1}')
    shown.ended(task("101"), 0)
    shown.held(task("102"), "101 made")
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["event"] for line in lines] == ["begun", "said", "document", "ended", "held"]
    assert (lines[2]["document"], lines[3]["exit_code"], lines[4]["needs"]) == ({"a": 1}, 0, "101")
