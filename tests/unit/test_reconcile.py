"""The loop: what it does with a tool that works, lies, fails, hangs or is interrupted, and how it starts one."""

from __future__ import annotations

import contextlib
import errno
import os
import signal
import stat

import pytest

from phoenix import errors, process, reconcile
from phoenix.guests.plan import Step
from phoenix.journal import Journal
from phoenix.log import RunLog
from phoenix.pve.transient import hindrance

PCT = "/usr/sbin/pct"


class World:
    """A guest that is to be created and started; its state is the set of goals that are reached."""

    guest = "9001"
    seconds = 0
    status_command = "phoenix.pyz status 9001"

    def __init__(self, folder, tools):
        self.tools = tools
        self.folder = folder
        self.journal = Journal(str(folder / "journal/lxc-9001.jsonl"), run="run-1")
        self.log = RunLog(str(folder / "log/run-1.log"))
        self.wanted = ["create", "start"]
        self.state = frozenset()
        self.seen = []  # what was noted
        self.killed = []
        self.turns = []
        self.started = []  # what each process saw when it started

    def observe(self):
        return self.state

    def steps(self, state):
        return [Step(goal, ("pct", goal, "9001")) for goal in self.wanted if goal not in state]

    def describe(self, state):
        return "+".join(sorted(state)) or "nothing"

    def before(self, step, state):
        return {"volumes": sorted(state)}

    def after(self, state):
        return {"state": self.describe(state)}

    def ready(self):
        return None

    def turn(self, step):
        self.turns.append(step.goal)
        return contextlib.nullcontext()

    def perform(self, step, seconds):
        return self.log.run([PCT, *step.argv[1:]], seconds)[0]

    def noted(self, step, state):
        self.seen.append(state)

    def pct(self, verb, *, status=0, says="", effect=True, then=lambda: None):
        """Register `pct VERB 9001`: what it prints, its exit status (None: it never ends), whether it works."""

        def act(tool):
            self.started.append((tool, self.journal.events()))
            tool.write(says.encode())
            if effect:
                self.state |= {verb}
            then()
            tool.status = status

        self.tools.register([PCT, verb, "9001"], act)

    def run(self):
        return reconcile.run(self, self.observe())

    @property
    def calls(self):
        return self.tools.calls

    def events(self):
        return [(event["event"], event["goal"]) for event in self.journal.events()]


@pytest.fixture
def world(tmp_path, tools, monkeypatch):
    monkeypatch.setattr(process, "received", 0)
    monkeypatch.setattr(reconcile, "EFFECT_SECONDS", 0.01)
    world = World(tmp_path, tools)
    # The children are made up, and so are their process IDs.
    monkeypatch.setattr(os, "kill", lambda pid, number: world.killed.append((pid, number)))
    return world


def failure(world, error):
    with pytest.raises(error) as caught:
        world.run()
    return caught.value


def test_all_steps_are_run_in_order(world):
    world.pct("create")
    world.pct("start")
    state, done = world.run()
    assert state == {"create", "start"}
    assert done == [("pct", "create", "9001"), ("pct", "start", "9001")]
    assert world.calls == [[PCT, "create", "9001"], [PCT, "start", "9001"]]
    assert world.seen == [{"create"}, {"create", "start"}]


def test_nothing_to_do_starts_nothing_and_writes_nothing(world):
    world.state = frozenset(world.wanted)
    assert world.run() == ({"create", "start"}, [])
    assert os.listdir(world.folder) == []


def test_the_intent_is_written_before_the_tool_starts_and_the_outcome_after(world):
    world.pct("create", status=3)
    world.pct("start")
    world.run()
    _, at_start = world.started[0]
    assert [(event["event"], event["goal"], event["argv"]) for event in at_start] == [
        ("intent", "create", ["pct", "create", "9001"])
    ]
    outcomes = [event for event in world.journal.events() if event["event"] == "outcome"]
    assert [(event["goal"], event["status"], event["reached"], event["state"]) for event in outcomes] == [
        ("create", 3, True, "create"),
        ("start", 0, True, "create+start"),
    ]
    assert {event["run"] for event in world.journal.events()} == {"run-1"}


def test_without_a_journal_nothing_is_started(world):
    (world.folder / "journal").touch()
    failure(world, errors.NotReady)
    assert world.calls == []


def test_success_without_effect_is_a_failure(world, capsys):
    world.pct("create", effect=False, says="all good\n")
    error = failure(world, errors.OperationFailed)
    assert error.message == ("9001: `pct create` reported success, but what it was to do is not there; it is nothing")
    assert world.log.path in error.hint
    assert world.events() == [("intent", "create"), ("outcome", "create")]
    assert world.journal.events()[1]["reached"] is False


def test_an_effect_may_take_a_moment_to_show(world, monkeypatch):
    monkeypatch.setattr(reconcile, "EFFECT_SECONDS", 60)
    world.wanted = ["start"]
    world.pct("start", effect=False)
    looks = []

    def observe():
        looks.append(1)
        return frozenset(["start"] if len(looks) > 5 else [])

    world.observe = observe
    assert world.run()[0] == {"start"}


def test_failure_with_its_effect_goes_on_and_says_so(world, capsys):
    world.pct("create", status=255, says="first\n\x1b[31mcannot \tsay\n\n")
    world.pct("start")
    state, _ = world.run()
    assert state == {"create", "start"}
    said = capsys.readouterr().err
    assert r"pct ended with 255 (\x1b[31mcannot \tsay), but its work is done" in said


def test_an_effect_of_a_failure_that_does_not_last_is_none(world, monkeypatch):
    monkeypatch.setattr(reconcile, "HOLD_SECONDS", 60)
    world.wanted = ["start"]
    world.pct("start", status=255, effect=False, says="startup failed\n")
    looks = []

    def observe():
        looks.append(1)
        return frozenset(["start"] if 1 < len(looks) < 6 else [])

    world.observe = observe
    error = failure(world, errors.OperationFailed)
    assert error.message == "9001: `pct start` ended with 255: startup failed; it is nothing"


def test_failure_without_effect_is_told_in_the_tools_last_words(world, capsys):
    world.pct("create", status=255, effect=False, says="preparing\nunable to create CT 9001 - no space\n")
    error = failure(world, errors.OperationFailed)
    assert error.message == "9001: `pct create` ended with 255: unable to create CT 9001 - no space; it is nothing"
    assert error.hint == (
        f"the whole output is in {world.log.path}; when the cause is gone, run the same command again"
    )
    assert capsys.readouterr().err.count("no space") == 0
    assert len(world.calls) == 1


def test_a_failure_that_says_nothing(world):
    world.pct("create", status=1, effect=False)
    assert "ended with 1: it said nothing" in failure(world, errors.OperationFailed).message


def test_a_tool_ended_by_a_signal_has_the_status_of_a_shell(world):
    world.pct("create", status=-9, effect=False)
    assert "ended with 137" in failure(world, errors.OperationFailed).message


LOCKED = "trying to acquire lock...\ncan't lock file '/run/lock/lxc/pve-config-9001.lock' - got timeout\n"


@pytest.fixture
def slept(monkeypatch):
    """The pauses between tries, which are short here."""
    pauses, real = [], process._sleep

    def sleep(seconds):
        if seconds > process.PIECE:  # shorter ones are for the tool's end
            pauses.append(seconds)
        real(seconds)

    monkeypatch.setattr(process, "_sleep", sleep)
    monkeypatch.setattr(reconcile, "FIRST_PAUSE", 0.15)
    return pauses


def test_what_somebody_else_hinders_is_tried_again_after_growing_pauses(world, slept, capsys):
    for _ in range(3):
        world.pct("create", status=255, effect=False, says=LOCKED)
    world.pct("create")
    world.pct("start")
    assert world.run()[0] == {"create", "start"}
    assert world.calls == [[PCT, "create", "9001"]] * 4 + [[PCT, "start", "9001"]]
    assert slept == sorted(set(slept))
    assert len(slept) == 3
    assert capsys.readouterr().err.count("got timeout; trying again") == 3
    assert world.events() == [("intent", "create"), ("outcome", "create")] * 4 + [
        ("intent", "start"),
        ("outcome", "start"),
    ]


def test_what_is_hindered_for_too_long_is_busy_and_says_by_what(world, slept):
    world.seconds = 1
    for _ in range(20):
        world.pct("create", status=255, effect=False, says=LOCKED)
    error = failure(world, errors.Busy)
    assert "pve-config-9001.lock' - got timeout" in error.message
    assert len(slept) > 2
    assert len(world.calls) > len(slept)
    assert len(world.calls) < 10
    world.tools.left.clear()  # how often it is tried in a second is the machine's affair


def test_what_has_done_something_is_not_tried_again(world, slept):
    world.wanted = ["create", "set", "start"]
    said = iter([LOCKED, LOCKED])
    world.pct("create", status=255, effect=False, says=next(said), then=lambda: setattr(world, "state", {"half"}))
    assert "ended with 255" in failure(world, errors.OperationFailed).message
    assert len(world.calls) == 1


@pytest.mark.parametrize(
    ("words", "known"),
    [
        (LOCKED, True),
        ("cfs-lock 'storage-nfs' error: got lock request timeout", True),
        ("cfs-lock 'storage-nfs' error: 'storage-nfs'-locked command timed out - aborting", False),
        ("CT is locked (snapshot-delete)", True),
        ("detected modified configuration - file changed by other user? Try again.", True),
        ("VM 9001: checksum mismatch (file change by other user?)", True),
        ("Failed to obtain guest migration lock - replication running?", True),
        ("zfs error: cannot destroy 'rpool/data/subvol-105-disk-0': dataset is busy", True),
        ("E: Could not get lock /var/lib/dpkg/lock-frontend. It is held by process 7 (apt)\nE: Unable to lock", True),
        ("dpkg: error: dpkg frontend lock was locked by another process with pid 7\nNote: removing it is wrong", True),
        ("dpkg: error: dpkg frontend lock was locked by /usr/bin/apt process with pid 7", True),
        ("useradd: cannot lock /etc/passwd; try again later.", True),
        ("got timeout", False),
        ("no space left on device", False),
    ],
)
def test_only_a_closed_list_of_words_is_worth_another_try(words, known):
    assert bool(hindrance(words)) is known


def test_a_goal_that_does_not_last_is_not_tried_for_ever(world):
    world.pct("create")
    world.pct("start", then=lambda: setattr(world, "state", frozenset(["start"])))
    error = failure(world, errors.OperationFailed)
    assert error.message == "9001: `create` did not last; it is start"
    assert len(world.calls) == 2


@pytest.mark.parametrize("number", [1, 2, 15])
def test_after_a_signal_no_further_command_is_run(world, number):
    world.pct("create", then=lambda: setattr(process, "received", number))
    error = failure(world, errors.Interrupted)
    assert error.code == 128 + number
    assert error.message == f"9001: stopped by signal {number}; it is create"
    assert "same command again" in error.hint
    assert world.events() == [("intent", "create"), ("outcome", "create")]


def test_a_command_that_the_signal_ended_is_no_failure_of_its_own(world):
    world.pct("create", status=-15, effect=False, then=lambda: setattr(process, "received", 15))
    assert failure(world, errors.Interrupted).code == 143


def test_a_signal_that_came_before_keeps_everything_from_starting(world):
    process.received = 2
    assert failure(world, errors.Interrupted).code == 130
    assert os.listdir(world.folder) == []


def test_a_signal_during_the_last_command_does_not_undo_its_success(world):
    world.wanted = ["start"]
    world.pct("start", then=lambda: setattr(process, "received", 15))
    assert world.run()[0] == {"start"}


def test_a_command_that_takes_too_long_is_left_alone(world):
    world.seconds = 0.05
    world.pct("create", status=None, effect=False)
    error = failure(world, errors.PartlyDone)
    assert error.message == "9001: `pct create` still runs after 0.05 s; it is nothing"
    assert "phoenix.pyz status 9001" in error.hint
    assert world.journal.events()[1]["status"] is None
    assert world.killed == []


def test_a_command_that_still_runs_but_has_done_its_work_is_enough(world):
    world.seconds = 0.05
    world.wanted = ["start"]
    world.pct("start", status=None)
    assert world.run()[0] == {"start"}


def test_the_log_is_private_and_has_the_commands_and_their_output(world):
    world.pct("create", says="Logical volume created\n")
    world.pct("start")
    world.run()
    text = (world.folder / "log/run-1.log").read_text()
    assert "run by " in text.split("\n")[0]
    assert (
        text.index(" $ pct create 9001\n") < text.index("Logical volume created\n") < text.index(" $ pct start 9001\n")
    )
    assert stat.S_IMODE(os.stat(world.log.path).st_mode) == 0o600
    assert stat.S_IMODE(os.stat(world.folder / "log").st_mode) == 0o700
    assert stat.S_IMODE(os.stat(world.journal.path).st_mode) == 0o600


def test_a_log_that_is_a_link_is_not_followed(world):
    (world.folder / "log").mkdir()
    (world.folder / "victim").write_text("as it was")
    (world.folder / "log/run-1.log").symlink_to(world.folder / "victim")
    failure(world, errors.NotReady)
    assert (world.folder / "victim").read_text() == "as it was"
    assert world.calls == []


@contextlib.contextmanager
def ours_on_standard_input(path):
    """Something to read on standard input."""
    before = os.dup(0)
    file = os.open(path, os.O_RDWR | os.O_CREAT)
    os.dup2(file, 0)
    try:
        yield
    finally:
        os.dup2(before, 0)
        os.close(before)
        os.close(file)


def test_a_tool_gets_nothing_of_ours_but_the_log(world, monkeypatch):
    for name in ("PYTHONPATH", "LC_ALL", "PHOENIX_ROOT", "PERL5LIB", "LANG"):
        monkeypatch.setenv(name, "/evil")
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    world.wanted = ["start"]
    kinds = {}

    def look():
        kinds.update({number: os.fstat(file) for number, file in world.started[0][0].files.items()})

    world.pct("start", then=look)
    with ours_on_standard_input(world.folder / "ours"):
        world.run()
    tool = world.started[0][0]
    assert tool.env == {
        "PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
        "LANG": "C.UTF-8",
        "HOME": "/root",
        "TERM": "xterm-256color",
    }
    assert os.path.samestat(kinds[0], os.stat("/dev/null"))
    assert stat.S_ISREG(kinds[1].st_mode)
    assert tool.files[1] == tool.files[2]
    assert tool.given["setsid"] is True
    assert tool.cwd == "/"


def test_a_tool_is_started_where_our_own_folder_may_not_be_entered(world, tmp_path, monkeypatch):
    def refusing(path, *rest, opened=os.open):
        if path == ".":
            raise PermissionError(errno.EACCES, "Permission denied", path)
        return opened(path, *rest)

    monkeypatch.chdir(tmp_path)
    world.wanted = ["start"]
    world.pct("start")
    with monkeypatch.context() as patch:
        patch.setattr(os, "open", refusing)
        world.run()
    assert world.started[0][0].cwd == "/"


def test_our_own_folder_stays_what_it_was(world, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    world.wanted = ["start"]
    world.pct("start")
    world.run()
    assert os.getcwd() == str(tmp_path)


def test_what_our_caller_left_open_is_not_passed_on_to_a_tool(world, tmp_path):
    left = os.open(tmp_path, os.O_RDONLY)
    os.set_inheritable(left, True)
    world.wanted = ["start"]
    found = []
    world.pct("start", then=lambda: found.append(os.get_inheritable(left)))
    world.run()
    os.close(left)
    assert found == [False]


def test_a_tool_gets_the_signals_as_a_program_expects_them(world):
    world.wanted = ["start"]
    world.pct("start")
    before = signal.pthread_sigmask(signal.SIG_BLOCK, ())
    world.run()
    tool = world.started[0][0]
    assert set(tool.given["setsigdef"]) == {signal.SIGPIPE, signal.SIGXFSZ}
    assert tuple(tool.given["setsigmask"]) == ()
    assert signal.pthread_sigmask(signal.SIG_BLOCK, ()) == before


@pytest.mark.parametrize(
    ("given", "kept"),
    [("xterm", "xterm"), ("screen.xterm-256color", "screen.xterm-256color"), ("", "dumb"), ("\x1b[31m", "dumb")],
)
def test_the_terminals_name_is_the_only_variable_that_is_passed_on(monkeypatch, given, kept):
    monkeypatch.setenv("TERM", given)
    found = process.environment()
    assert found["TERM"] == kept
    assert sorted(found) == ["HOME", "LANG", "PATH", "TERM"]


def test_a_user_without_an_entry_has_a_home_all_the_same(monkeypatch):
    monkeypatch.setattr(os, "geteuid", lambda: 4242424)
    assert process.environment()["HOME"] == "/"


def test_a_child_is_the_same_python_isolated(monkeypatch):
    argv = process.manager_argv("/tree/bin/lxc-manager", ["--id=5"])
    assert argv[1:] == ["-I", "-S", "/tree/bin/lxc-manager", "--id=5"]
    assert os.path.isabs(argv[0])


@pytest.mark.parametrize(("waited", "status"), [(0, 0), (7 << 8, 7), (15, 143), (9, 137), (11 | 0x80, 139)])
def test_a_status_is_shown_as_a_shell_shows_it(waited, status):
    assert process.status_of(waited) == status


class Handled:
    """Signals as they come in, with the kill that passes them on written down."""

    def __init__(self, monkeypatch):
        self.sent = []
        monkeypatch.setattr(os, "kill", lambda pid, number: self.sent.append((pid, number)))
        for name, value in (("received", 0), ("_child", 0), ("_passing", ())):
            monkeypatch.setattr(process, name, value)


def test_the_first_signal_is_passed_on_once(monkeypatch):
    handled = Handled(monkeypatch)
    process._adopt(77)
    for number in (15, 15, 2, 1):
        process._note(number, None)
    assert handled.sent == [(77, 15)]
    assert process.received == 15


def test_a_signal_that_comes_before_the_child_reaches_it(monkeypatch):
    handled = Handled(monkeypatch)
    process._note(15, None)
    process._adopt(77)
    assert handled.sent == [(77, 15)]


def test_a_hangup_does_not_reach_a_tool(monkeypatch):
    handled = Handled(monkeypatch)
    process._adopt(77, (2, 15))
    process._note(1, None)
    assert handled.sent == []
    assert process.received == 1


def test_a_child_that_has_ended_is_sent_nothing(monkeypatch):
    handled = Handled(monkeypatch)
    process._adopt(77)
    process._release()
    process._note(15, None)
    assert handled.sent == []


@pytest.mark.parametrize(("answers", "found"), [([True], True), ([False, False, True], True), ([False] * 1000, False)])
def test_waiting_asks_again_until_the_time_is_over(answers, found):
    left = list(answers)
    assert process.wait_until(lambda: left.pop(0), 0.02 if not found else 60) is found


def test_waiting_no_time_asks_once():
    asked = []
    assert process.wait_until(lambda: bool(asked.append(1)), 0) is False
    assert len(asked) == 1


@pytest.mark.parametrize("fails", ["pipe", "posix_spawn"])
def test_a_child_that_cannot_be_started_leaves_nothing_behind(monkeypatch, fails):
    asked = []

    def refusing(*_, pipe=os.pipe, **__):
        asked.append(fails)
        if fails == "pipe" and len(asked) == 1:
            return pipe()
        raise OSError(errno.EAGAIN, "Resource temporarily unavailable")

    children = process.Children()
    before = os.listdir("/proc/self/fd")
    monkeypatch.setattr(os, fails, refusing)
    with pytest.raises(OSError, match="temporarily"):
        children.start("1", ["/bin/nothing"])
    assert os.listdir("/proc/self/fd") == before
    assert list(children.events(0)) == []
    assert len(children) == 0
