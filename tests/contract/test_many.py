"""Many guests at once, with the built phoenix.pyz: their order, their turns, failures, signals, and what is said."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time

import pytest

pytestmark = pytest.mark.processes

FILE = 'hostname = "g{guest}"\nostemplate = "{template}"\nrootfs = {{ storage = "{storage}", size = "1G" }}\n{more}'


class World:
    """A rehearsal node, and the product to run on it."""

    def __init__(self, built, root):
        self.built, self.root = built, root
        made = [sys.executable, "-IS", str(built), "node", "new", str(root)]
        subprocess.run(made, check=True, capture_output=True, env={})
        name = next((root / "var/lib/vz/template/cache").glob("*.tar.*")).name
        self.template = f"local:vztmpl/{name}"
        (root / "etc/phoenix/lxc").mkdir(parents=True)

    def guest(self, guest, more="", storage="local"):
        text = FILE.format(guest=guest, template=self.template, storage=storage, more=more)
        (self.root / f"etc/phoenix/lxc/{guest}.toml").write_text(text)

    def start(self, *words):
        argv = [sys.executable, "-IS", str(self.built), f"--root={self.root}", *words]
        return subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env={})

    def run(self, *words):
        process = self.start(*words)
        out, err = process.communicate(timeout=120)
        assert "Traceback" not in err
        return process.returncode, out, err

    def fault(self, text):
        (self.root / "faults.toml").write_text(f"[[fault]]\n{text}\n")

    def heal(self):
        (self.root / "faults.toml").unlink()

    def log(self):
        path = self.root / "var/log/rehearsal-calls.jsonl"
        calls = [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
        return sorted(calls, key=lambda call: call["at"])

    def calls(self, *verbs):
        return [tuple(call["argv"][1:3]) for call in self.log() if call["argv"][1] in verbs]

    def exists(self, guest):
        return (self.root / f"etc/pve/lxc/{guest}.conf").exists()

    def until(self, condition, seconds=60):
        deadline = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < deadline
            time.sleep(0.02)


@pytest.fixture
def world(built, tmp_path):
    return World(built, tmp_path / "node")


def needs(*guests):
    return f"[phoenix]\ndepends_on = [{', '.join(guests)}]\n"


def overlap(calls):
    """Whether two calls went on at the same time."""
    times = sorted((call["at"], call["at"] + call["duration"]) for call in calls)
    return any(end > begin for (_, end), (begin, _) in zip(times, times[1:]))


def test_a_guest_that_fails_holds_back_what_needs_it_and_the_rerun_finishes(world):
    for guest, more in (("101", ""), ("102", needs("101")), ("103", needs("102")), ("104", needs("103")), ("105", "")):
        world.guest(guest, more)
    world.fault('command = "pct create"\ncall = 2\nbefore = { stderr = "out of luck", code = 255 }')
    code, out, err = world.run("create", "101", "102", "103", "104")
    assert code == 7
    assert out == "101  g101  running  by pct create, pct start\n"
    assert "4 guests: 1 done, 2 held back, 1 failed, in " in err
    assert "  failed     102: exit 1: 102: `pct create` ended with 255: out of luck; it is not created\n" in err
    assert "  held back  103: it needs 102\n  held back  104: it needs 103\n" in err
    assert err.endswith(f"here: phoenix.pyz create 101 102 103 104 --root={world.root}\n")
    assert [guest for guest in ("101", "102", "103", "104", "105") if world.exists(guest)] == ["101"]
    world.heal()
    assert world.run("create", "104")[0] == 0  # what is missing is taken along
    assert world.calls("create") == [("create", guest) for guest in ("101", "102", "102", "103", "104")]
    assert world.run("create", "all")[0] == 0
    before = world.log()
    code, out, _ = world.run("converge", "104")
    assert (code, out.count("nothing to do")) == (0, 4)
    assert world.log() == before


def test_everything_is_made_first_and_then_started_in_its_order_with_its_delays(world):
    world.guest("101", 'startup = "order=2"\n')
    world.guest("102", 'startup = "order=1,up=1"\n')
    world.guest("103", needs("101"))
    world.guest("104", '[phoenix]\nstate = "stopped"\n')
    world.guest("105", '[phoenix]\nstate = "template"\n')
    code, out, err = world.run("LetsGo")
    assert code == 0, err
    assert [call[0] for call in world.calls("create", "start")] == ["create"] * 5 + ["start"] * 3
    assert world.calls("start") == [("start", "102"), ("start", "101"), ("start", "103")]
    starts = [call["at"] for call in world.log() if call["argv"][1] == "start"]
    assert starts[1] - starts[0] >= 1
    assert "105  g105  template  by pct create, pct template\n" in out
    before, begun = world.log(), time.monotonic()
    code, out, _ = world.run("LetsGo")
    assert (code, out.count("nothing to do"), world.log()) == (0, 5, before)
    assert time.monotonic() - begun < 30  # nobody waits for what was not started


def test_guests_take_turns_at_a_storage_and_only_there(world):
    world.fault('command = "pct create"\nslow = 0.5')
    for guest in ("101", "102", "103"):
        world.guest(guest)
    code, _, err = world.run("create", "all", "--jobs=3")
    assert code == 0
    assert ": waiting for its turn at storage local\n" in err
    assert not overlap([call for call in world.log() if call["argv"][1] == "create"])
    world.guest("104")
    world.guest("105", storage="local-lvm")
    assert world.run("create", "104", "105", "--jobs=2")[0] == 0
    assert overlap([call for call in world.log() if call["argv"][1:3] in (["create", "104"], ["create", "105"])])


def test_clones_of_one_guest_wait_for_each_other(world):
    world.guest("101", '[phoenix]\nstate = "template"\n')
    clone = FILE.replace('ostemplate = "{template}"', "clone = {{ from = 101, full = true }}").replace("{more}", "")
    for guest, storage in (("102", "local"), ("103", "local-lvm"), ("104", "local")):
        text = clone.format(guest=guest, storage=storage)
        (world.root / f"etc/phoenix/lxc/{guest}.toml").write_text(text)
    assert world.run("create", "101")[0] == 0
    world.fault('command = "pct clone"\nslow = 0.5')
    code, _, err = world.run("create", "all", "--jobs=4")
    assert code == 0, err
    assert len(world.calls("clone")) == 3


def test_a_signal_ends_the_wait_for_a_turn(world):
    world.fault('command = "pct create"\nslow = 5')
    world.guest("101")
    world.guest("102")
    first = world.start("create", "101")
    world.until(lambda: (world.root / "run/lock/phoenix/storage-local.lock").exists())
    second = world.start("create", "102")
    assert second.stderr.readline() == "102: waiting for its turn at storage local\n"
    second.send_signal(signal.SIGTERM)
    _, err = second.communicate(timeout=60)
    assert second.returncode == 143
    assert "102: stopped by signal 15 while it waited for storage local\n" in err
    first.communicate(timeout=60)
    assert first.returncode == 0
    assert [world.exists(guest) for guest in ("101", "102")] == [True, False]


@pytest.mark.parametrize(("number", "finished"), [(signal.SIGINT, True), (signal.SIGTERM, False)])
def test_after_a_signal_no_other_guest_is_begun(world, number, finished):
    world.fault('command = "pct create"\nslow = 2')
    for guest in ("101", "102", "103"):
        world.guest(guest)
    process = world.start("create", "all", "--jobs=1")
    assert process.stderr.readline().startswith("101: pct create 101 ")
    process.send_signal(number)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 128 + number
    assert ("101  g101" in out) == finished
    assert "  not begun  102 103\n" in err
    assert not world.exists("102")
    world.heal()
    assert world.run("create", "all")[0] == 0


def test_managers_outlive_a_killed_dispatcher(world):
    world.fault('command = "pct create"\nslow = 2')
    world.guest("101")
    world.guest("102", storage="local-lvm")
    process = world.start("create", "all", "--jobs=2")
    locks = [world.root / f"run/lock/phoenix/storage-{name}.lock" for name in ("local", "local-lvm")]
    world.until(lambda: all(lock.exists() for lock in locks))
    process.kill()
    process.communicate()
    world.until(lambda: len(world.calls("start")) == 2)
    world.heal()
    world.until(lambda: world.run("create", "all")[0] == 0)
    assert len(world.calls("create")) == 2


def test_events_for_machines(world):
    world.guest("101")
    world.guest("102", needs("101"))
    code, out, err = world.run("create", "all", "--output=json")
    assert (code, err) == (0, "")
    events = [json.loads(line) for line in out.splitlines()]
    assert {event["version"] for event in events} == {1}
    told = [(event["event"], event.get("id")) for event in events if event["event"] != "said"]
    each = ("begun", "document", "ended")
    assert told == [*((event, "101") for event in each), *((event, "102") for event in each), ("summary", None)]
    assert events[-1]["done"] == {"101": "", "102": ""}


def test_one_bad_file_is_told_and_the_others_are_looked_at(world):
    world.guest("101")
    world.guest("102", "unknown = 1\n")
    world.guest("103")
    code, out, err = world.run("plan", "all")
    assert code == 7
    assert [line[:3] for line in out.splitlines() if line[0] != " "] == ["101", "103"]
    assert "102.toml: unknown: unknown key" in err
    code, out, _ = world.run("status", "all", "--output=json")
    assert (code, [document.get("id") for document in json.loads(out)["documents"]]) == (7, ["101", "102", "103"])
    assert world.log() == []


def test_only_what_looks_takes_several_ids(world, stage):
    world.guest("101")
    world.guest("102")
    manager = [sys.executable, "-I", "-S", f"{stage}/bin/lxc-manager", f"--root={world.root}", "--id=101", "--id=102"]
    for action, code in (("plan", 0), ("status", 0), ("create", 2), ("delete", 2), ("check", 2)):
        ran = subprocess.run([*manager, f"--action={action}"], capture_output=True, text=True, env={}, check=False)
        assert ran.returncode == code
        assert code == 0 or f"{action} takes one --id, found 2" in ran.stderr
    assert world.log() == []


def test_the_graph(world):
    world.guest("101")
    world.guest("102", needs("101"))
    world.guest("103", needs("101", "102"))
    tree = "101  lxc  g101\n|-- 102  lxc  g102\n|   `-- 103  lxc  g103\n`-- 103  lxc  g103\n"
    assert world.run("graph") == (0, tree, "")
    _, out, _ = world.run("graph", "103", "--dot")
    assert out.startswith("digraph phoenix {\n")
    assert "  103 -> 101;\n  103 -> 102;\n}" in out
    dot = shutil.which("dot")
    if dot:
        subprocess.run([dot, "-Tsvg"], input=out, text=True, check=True, capture_output=True)


def test_the_live_view_on_a_terminal(world):
    world.guest("101")
    world.guest("102", needs("101"))
    ours, theirs = os.openpty()
    argv = [sys.executable, "-IS", str(world.built), f"--root={world.root}", "create", "all"]
    process = subprocess.Popen(argv, stdin=theirs, stdout=theirs, stderr=theirs, env={"TERM": "xterm"})
    os.close(theirs)
    seen = b""
    try:
        while data := os.read(ours, 1 << 16):
            seen += data
    except OSError:
        pass  # the terminal's other end is closed
    assert process.wait(timeout=60) == 0
    text = seen.decode().replace("\r\n", "\n")
    assert "] 0 of 2 steps" in text
    assert "101  g101  running  by pct create, pct start\n" in text
    assert text.endswith("\x1b[J2 guests: 2 done, in " + text[-4:])
