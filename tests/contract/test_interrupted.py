"""Signals, kills, crowds and lying tools: what a create leaves behind, and that one more run converges."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time

import pytest

pytestmark = pytest.mark.processes


class World:
    """A rehearsal node with the starter configuration, and the product to run on it."""

    def __init__(self, built, root):
        self.built = built
        self.root = root
        for words in (["node", "new", str(root)], [f"--root={root}", "init"]):
            subprocess.run([*self.phoenix(), *words], check=True, capture_output=True, env={})

    def phoenix(self):
        return [sys.executable, "-IS", str(self.built)]

    def start(self, *words):
        argv = [*self.phoenix(), f"--root={self.root}", *words]
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

    @property
    def conf(self):
        return self.root / "etc/pve/lxc/9001.conf"

    def calls(self, verb):
        path = self.root / "var/log/rehearsal-calls.jsonl"
        lines = path.read_text().splitlines() if path.exists() else []
        return [call for call in map(json.loads, lines) if call["argv"][1] == verb]

    def events(self):
        path = self.root / "var/lib/phoenix/journal/lxc-9001.jsonl"
        return [json.loads(line) for line in path.read_text().splitlines()]

    def volumes(self):
        folder = self.root / "var/lib/vz/images/9001"
        return sorted(os.listdir(folder)) if folder.exists() else []

    def processes(self):
        """The command lines of this world that run now: pct, managers, dispatchers."""
        found = []
        for pid in filter(str.isdigit, os.listdir("/proc")):
            try:
                with open(f"/proc/{pid}/cmdline", "rb") as file:
                    words = file.read().decode(errors="replace").split("\0")
            except OSError:
                continue
            if any(str(self.root) in word for word in words):
                found.append((int(pid), words))
        return found

    def pids(self, part):
        return [pid for pid, words in self.processes() if any(part in word for word in words)]

    def until(self, condition, seconds=30):
        deadline = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < deadline, "it did not come about"
            time.sleep(0.02)

    def create_under_way(self):
        """Start a slow create; returns the dispatcher once pct is in the middle of it."""
        self.fault('command = "pct create"\nslow = 3')
        dispatcher = self.start("create", "9001")
        self.until(lambda: "/var/lib/lxc/9001/rootfs" in (self.root / "proc/mounts").read_text())
        return dispatcher

    def converges(self):
        """One more run makes the container, and a second finds nothing to do."""
        assert self.run("create", "9001")[0] == 0
        before = self.conf.read_text()
        assert self.run("create", "9001")[:2] == (0, "9001  web  running  nothing to do\n")
        assert self.conf.read_text() == before
        assert self.volumes() == ["vm-9001-disk-0.raw"]


@pytest.fixture
def world(built, tmp_path):
    return World(built, tmp_path / "node")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_to_the_dispatcher_ends_the_create_cleanly(world, number):
    dispatcher = world.create_under_way()
    dispatcher.send_signal(number)
    _, err = dispatcher.communicate(timeout=60)
    assert dispatcher.returncode == 128 + number, err
    assert f"stopped by signal {int(number)}; it is not created" in err
    assert world.processes() == []
    assert not world.conf.exists()
    assert world.volumes() == []
    assert [event["event"] for event in world.events()] == ["intent", "outcome"]
    world.heal()
    world.converges()


def test_three_signals_are_passed_on_once(world):
    dispatcher = world.create_under_way()
    for _ in range(3):
        dispatcher.send_signal(signal.SIGTERM)
        time.sleep(0.05)
    dispatcher.communicate(timeout=60)
    assert dispatcher.returncode == 143
    assert world.processes() == []


def test_a_hangup_lets_pct_finish_and_begins_nothing_more(world):
    dispatcher = world.create_under_way()
    dispatcher.send_signal(signal.SIGHUP)
    _, err = dispatcher.communicate(timeout=60)
    assert dispatcher.returncode == 129, err
    assert "it is stopped" in err
    assert "hostname: web" in world.conf.read_text()
    assert world.calls("start") == []
    world.converges()
    assert len(world.calls("create")) == 1


def test_what_runs_under_nohup_is_not_stopped_by_a_hangup(world):
    world.fault('command = "pct create"\nslow = 2')
    argv = ["nohup", *world.phoenix(), f"--root={world.root}", "create", "9001"]
    dispatcher = subprocess.Popen(
        argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env={"PATH": os.environ["PATH"]}
    )
    world.until(lambda: world.conf.exists() and world.volumes())
    for pid, words in world.processes():
        if any("phoenix.pyz" in word or "lxc-manager" in word for word in words):
            os.kill(pid, signal.SIGHUP)
    dispatcher.communicate(timeout=60)
    assert dispatcher.returncode == 0
    assert len(world.calls("start")) == 1


def test_a_caller_that_does_not_care_for_its_children_does_not_take_ours_from_us(world):
    shell = ["/bin/sh", "-c", 'trap "" CHLD; exec "$@"', "sh"]
    argv = [*shell, *world.phoenix(), f"--root={world.root}", "create", "9001"]
    ran = subprocess.run(argv, capture_output=True, text=True, env={}, check=False, timeout=60)
    assert ran.returncode == 0, ran.stderr
    assert len(world.calls("start")) == 1


def test_kill_of_dispatcher_and_manager_lets_pct_finish_and_a_rerun_converges(world):
    dispatcher = world.create_under_way()
    for pid in [dispatcher.pid, *world.pids("lxc-manager")]:
        os.kill(pid, signal.SIGKILL)
    dispatcher.communicate()
    early, _, err = world.run("create", "9001", "--timeout=1")
    assert early == 5, err
    assert "error: 9001: an earlier run of Phoenix still works on it: process " in err
    assert f"{world.root}/usr/sbin/pct create 9001" not in err.split("next:")[1]
    world.until(lambda: not world.processes())
    world.heal()
    world.converges()
    assert len(world.calls("create")) == 1


def test_a_rerun_waits_for_what_a_killed_run_has_begun(world):
    dispatcher = world.create_under_way()
    for pid in [dispatcher.pid, *world.pids("lxc-manager")]:
        os.kill(pid, signal.SIGKILL)
    dispatcher.communicate()
    world.heal()
    code, out, err = world.run("create", "9001")
    assert (code, out) == (0, "9001  web  running  by pct start\n"), err
    assert "9001: waiting: an earlier run of Phoenix still works on it" in err
    assert len(world.calls("create")) == 1


def test_kill_of_the_manager_alone_is_told_by_the_dispatcher(world):
    dispatcher = world.create_under_way()
    os.kill(world.pids("/bin/lxc-manager")[0], signal.SIGKILL)
    dispatcher.communicate(timeout=30)
    assert dispatcher.returncode == 137
    world.until(lambda: not world.processes())
    world.heal()
    world.converges()


def killed_in_the_middle(world, *volumes):
    """Kill a create with all that works for it."""
    world.create_under_way()
    for pid, _ in world.processes():
        os.kill(pid, signal.SIGKILL)
    world.until(lambda: not world.processes())
    world.heal()
    assert world.conf.read_text() == "lock: create\n"
    assert world.volumes() == list(volumes or ["vm-9001-disk-0.raw"])
    assert "/var/lib/lxc/9001/rootfs" in (world.root / "proc/mounts").read_text()


def test_a_create_that_was_killed_with_its_pct_is_cleaned_up_and_done_again(world):
    killed_in_the_middle(world)
    before = world.conf.read_text(), world.volumes()
    for words in (["start", "9001"], ["plan", "9001"], ["restart", "9001"]):
        code, _, err = world.run(*words)
        assert code == 7
        assert "phoenix.pyz create 9001 cleans that up and makes it" in err
    assert (world.conf.read_text(), world.volumes()) == before
    world.converges()
    assert "/var/lib/lxc/9001/rootfs" not in (world.root / "proc/mounts").read_text()


def test_a_create_that_was_killed_with_its_pct_is_cleaned_up_by_delete(world):
    killed_in_the_middle(world)
    code, out, err = world.run("delete", "9001", "--yes")
    assert (code, out) == (0, "9001  web  not created  by umount -d, pvesm free, pct unlock, pct destroy\n"), err
    assert world.volumes() == []
    assert not (world.root / "var/lib/phoenix/records/lxc-9001").exists()


def test_a_create_that_was_killed_after_its_lock_had_gone_is_not_taken_for_done(world):
    killed_in_the_middle(world)
    journal = (world.root / "var/lib/phoenix/journal/lxc-9001.jsonl").read_text()
    mark = json.loads(journal.splitlines()[0])["mark"]
    world.conf.write_text(
        f"#Made by Phoenix, mark {mark}\narch: amd64\nhostname: web\nrootfs: local:9001/vm-9001-disk-0.raw,size=8G\n"
    )
    assert world.run("start", "9001")[0] == 7
    code, out, err = world.run("create", "9001")
    assert (code, out) == (0, "9001  web  running  by umount -d, pct destroy, pct create, pct start\n"), err
    world.converges()


def test_a_volume_that_was_there_before_a_killed_create_stays(world):
    folder = world.root / "var/lib/vz/images/9001"
    folder.mkdir(parents=True)
    (folder / "vm-9001-disk-3.raw").write_text("somebody's data")
    killed_in_the_middle(world, "vm-9001-disk-0.raw", "vm-9001-disk-3.raw")
    assert world.run("create", "9001")[0] == 0
    assert (folder / "vm-9001-disk-3.raw").read_text() == "somebody's data"


def test_a_volume_that_somebody_made_and_named_after_a_killed_create_stays(world):
    killed_in_the_middle(world)
    theirs = world.root / "var/lib/vz/images/9001/vm-9001-data.raw"
    theirs.write_text("somebody's data")
    assert world.run("create", "9001")[0] == 0
    assert theirs.read_text() == "somebody's data"


def test_a_clone_that_was_killed_is_cleaned_up_and_its_source_is_left_to_the_administrator(world):
    folder = world.root / "etc/phoenix/lxc"
    (folder / "900.toml").write_text(
        'hostname = "base"\nostemplate = "local:vztmpl/debian-12-standard_12.12-1_amd64.tar.zst"\n'
        'rootfs = { storage = "local", size = "8G" }\n[phoenix]\nstate = "template"\n'
    )
    (folder / "9001.toml").write_text(
        'hostname = "web"\nclone = { from = 900, full = true }\nrootfs = { storage = "local", size = "8G" }\n'
        '[phoenix]\nstate = "running"\n'
    )
    assert world.run("create", "900")[0] == 0
    world.fault('command = "pct clone"\ndie = "worker"')
    code, _, err = world.run("create", "9001")
    assert (code, "it is half made" in err) == (1, True), err
    assert world.calls("start") == []
    world.heal()
    code, _, err = world.run("create", "9001", "--timeout=1")
    assert code == 6
    assert "900 is locked (disk)" in err
    assert "pct unlock 900" in err
    assert not world.conf.exists()
    assert world.volumes() == []
    by_hand(world, "unlock", "900")
    world.converges()


def test_without_the_journal_a_half_made_container_is_only_explained(world):
    killed_in_the_middle(world)
    journal = world.root / "var/lib/phoenix/journal/lxc-9001.jsonl"
    journal.write_text(journal.read_text().replace('"create"', '"creatf"'))
    before = world.conf.read_text(), world.volumes()
    code, _, err = world.run("create", "9001")
    assert code == 7
    assert "does not say what was there before" in err
    assert "pct unlock 9001" in err
    assert (world.conf.read_text(), world.volumes()) == before


def test_of_many_at_once_one_makes_the_container_and_the_others_wait_or_find_it(world):
    world.fault('command = "pct create"\nslow = 1')
    crowd = [world.start("create", "9001") for _ in range(16)]
    codes = sorted(process.wait(timeout=120) for process in crowd)
    for process in crowd:
        process.communicate()
    assert set(codes) <= {0, 5}
    assert codes[0] == 0
    assert len(world.calls("create")) == 1
    world.heal()
    world.converges()


def test_exit_0_without_effect_is_a_failure(world):
    world.fault('command = "pct create"\nlie = true')
    code, out, err = world.run("create", "9001")
    assert (code, out) == (1, "")
    assert "reported success, but what it was to do is not there; it is not created" in err
    assert "next:  " in err
    world.heal()
    world.converges()


def test_a_failure_with_effect_is_recognised_and_not_done_again(world):
    world.fault('command = "pct create"\nafter = { stderr = "connection lost", code = 255 }')
    code, out, err = world.run("create", "9001")
    assert (code, out) == (0, "9001  web  running  by pct create, pct start\n")
    assert "connection lost" in err
    assert len(world.calls("create")) == 1


def test_a_failure_without_effect_says_the_cause_once_and_a_rerun_converges(world):
    world.fault('command = "pct create"\nbefore = { stderr = "unable to create CT 9001 - no such thing", code = 255 }')
    code, _, err = world.run("create", "9001")
    assert code == 1
    assert err.count("no such thing") == 1
    world.heal()
    world.converges()


def test_a_start_that_fails_keeps_the_container(world):
    world.fault('command = "pct start"\nbefore = { stderr = "startup for container failed", code = 255 }')
    code, _, err = world.run("create", "9001")
    assert code == 1
    assert "it is stopped" in err
    world.heal()
    world.converges()
    assert len(world.calls("create")) == 1


def test_a_step_that_takes_longer_than_its_deadline_goes_on_by_itself(world):
    world.fault('command = "pct create"\nslow = 4')
    code, _, err = world.run("create", "9001", "--timeout=1")
    assert code == 7
    assert "still runs after 1 s" in err
    world.until(lambda: not world.processes())
    world.heal()
    world.converges()
    assert len(world.calls("create")) == 1


def test_a_stranger_is_neither_changed_nor_deleted(world):
    world.conf.write_text("arch: amd64\nhostname: web\nmemory: 512\nrootfs: local:9001/vm-9001-disk-0.raw,size=8G\n")
    before = world.conf.read_text()
    for words in (["create", "9001"], ["start", "9001"], ["stop", "9001"], ["delete", "9001", "--yes"]):
        code, _, err = world.run(*words)
        assert code == 8, (words, err)
        assert "not provably Phoenix's own" in err
    assert world.conf.read_text() == before
    for verb in ("create", "set", "start", "stop", "shutdown", "destroy"):
        assert world.calls(verb) == []


def test_children_get_the_allow_list_no_input_and_a_file_to_write_to(world):
    argv = [*world.phoenix(), f"--root={world.root}", "create", "9001"]
    hostile = {
        "PERL5LIB": "/x",
        "LD_LIBRARY_PATH": "/x",
        "BASH_ENV": "/x",
        "LC_ALL": "C",
        "PHOENIX_ROOT": "/",
        "TERM": "vt100",
    }
    assert subprocess.run(argv, check=False, capture_output=True, env=hostile, input=b"{}").returncode == 0
    for call in [*world.calls("create"), *world.calls("start")]:
        assert call["env"] == ["HOME", "LANG", "PATH", "TERM"]
        assert (call["stdin"], call["stdout"], call["cwd"]) == ("null", "file", "/")
    log = next((world.root / "var/log/phoenix").iterdir())
    assert log.stat().st_mode & 0o777 == 0o600
    assert "/bin/lxc-manager --action=create --id=9001 " in log.read_text().splitlines()[0]


def by_hand(world, *words):
    """What an administrator does beside Phoenix."""
    subprocess.run([str(world.root / "usr/sbin/pct"), *words], check=True, capture_output=True, env={})


def test_what_an_administrator_attached_never_becomes_ours(world):
    assert world.run("create", "9001")[0] == 0
    by_hand(world, "set", "9001", "--mp1", "local:1,mp=/admin")
    for words, code in (
        (["create"], 0),
        (["restart"], 0),
        (["delete", "--yes"], 8),
        (["create"], 0),
        (["delete", "--yes"], 8),
    ):
        ran = world.run(words[0], "9001", *words[1:])
        assert ran[0] == code, (words, ran)
    assert "vm-9001-disk-1" in ran[2]
    assert world.volumes() == ["vm-9001-disk-0.raw", "vm-9001-disk-1.raw"]


def test_a_volume_of_ours_that_is_added_later_is_ours(world):
    assert world.run("create", "9001")[0] == 0
    file = world.root / "etc/phoenix/lxc/9001.toml"
    file.write_text(
        file.read_text().replace("[phoenix]", 'mp5 = { storage = "local", size = "1G", mp = "/new" }\n[phoenix]')
    )
    assert world.run("create", "9001")[0] == 0
    assert len(world.volumes()) == 2
    assert world.run("delete", "9001", "--yes")[0] == 0
    assert world.volumes() == []


def test_volumes_that_are_left_are_named_until_they_are_gone(world):
    assert world.run("create", "9001")[0] == 0
    world.conf.unlink()  # as a destroy that could not remove the disk leaves it
    (world.root / "proc/net/unix").write_text("Num\n")
    for words in (["delete", "9001", "--yes"], ["create", "9001"], ["delete", "9001", "--yes"]):
        code, out, err = world.run(*words)
        assert (code, out) == (7, ""), (words, err)
        assert "local:9001/vm-9001-disk-0.raw" in err
        assert not world.conf.exists()
    (world.root / "var/lib/vz/images/9001/vm-9001-disk-0.raw").unlink()
    assert world.run("delete", "9001", "--yes")[0] == 0
    assert not (world.root / "var/lib/phoenix/records/lxc-9001").exists()
    world.converges()


def half_destroyed(world):
    """What is left of a container whose destruction is killed right before its end."""
    (world.root / "proc/net/unix").write_text("Num\n")
    (world.root / "var/lib/vz/images/9001/vm-9001-disk-0.raw").unlink()
    world.conf.write_text("lock: destroyed\n")


def test_a_destroy_of_somebody_else_that_was_killed_is_explained(world):
    assert world.run("create", "9001")[0] == 0
    half_destroyed(world)
    for words in (["delete", "9001", "--yes"], ["create", "9001"]):
        code, _, err = world.run(*words)
        assert code == 7
        assert "pct unlock 9001; pct destroy 9001" in err
    assert world.conf.read_text() == "lock: destroyed\n"


@pytest.mark.parametrize("words", [["delete", "--yes"], ["create"]])
def test_a_destroy_of_ours_that_was_killed_is_finished(world, words):
    assert world.run("create", "9001")[0] == 0
    world.fault('command = "pct destroy"\nlie = true')
    assert world.run("delete", "9001", "--yes")[0] == 1
    world.heal()
    half_destroyed(world)
    code, _, err = world.run("start", "9001")
    assert code == 7
    assert "phoenix.pyz delete 9001 finishes that" in err
    code, out, _ = world.run(words[0], "9001", *words[1:])
    assert code == 0
    assert "by pct unlock, pct destroy" in out
    assert world.conf.exists() == (words == ["create"])
    world.converges()


def test_what_ha_manages_is_left_to_it(world):
    assert world.run("create", "9001")[0] == 0
    (world.root / "etc/pve/ha/resources.cfg").write_text("ct: 9001\n\tstate started\n")
    for words in (["stop", "9001"], ["restart", "9001"], ["delete", "9001", "--yes"]):
        code, _, err = world.run(*words)
        assert code == 8, words
        assert "HA" in err
    assert world.run("create", "9001")[0] == 0


def test_quorum_is_looked_at_before_every_command(world):
    """Lost during the shutdown, it keeps the destroy, which would remove the disks first, from being run."""
    assert world.run("create", "9001")[0] == 0
    world.fault('command = "pct shutdown"\nslow = 2')
    deleting = world.start("delete", "9001", "--yes")
    world.until(lambda: world.pids("/usr/sbin/pct"))
    members = world.root / "etc/pve/.members"
    members.write_text(json.dumps({"nodename": "pve", "version": 2, "cluster": {"quorate": 0}}))
    _, err = deleting.communicate(timeout=60)
    assert deleting.returncode == 6, err
    assert world.calls("destroy") == []
    assert world.volumes() == ["vm-9001-disk-0.raw"]


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to have folders of other users")
def test_what_another_user_can_change_is_not_trusted(world):
    assert world.run("create", "9001")[0] == 0
    locks = world.root / "run/lock/phoenix"
    os.chown(locks, 12345, 12345)
    assert world.run("stop", "9001")[0] == 6
    os.chown(locks, 0, 0)
    os.chown(world.root / "etc/phoenix", 12345, 12345)
    assert world.run("stop", "9001")[0] == 3
    os.chown(world.root / "etc/phoenix", 0, 0)
    os.chown(world.root, 12345, 12345)
    manager = os.path.realpath(world.root / "usr/local/phoenix_hypervisor/bin/managers/lxc-manager")
    argv = [sys.executable, "-IS", manager, "--action=stop", "--id=9001", f"--root={world.root}"]
    ran = subprocess.run(argv, check=False, capture_output=True, text=True, env={})
    assert ran.returncode == 6
    assert "belongs to another user" in ran.stderr
    assert world.calls("shutdown") == []


def test_the_mark_alone_proves_nothing(world):
    assert world.run("create", "9001")[0] == 0
    (world.root / "var/lib/phoenix/records/lxc-9001").unlink()
    code, _, err = world.run("delete", "9001", "--yes")
    assert code == 8
    assert "no record" in err
    assert world.conf.exists()


def test_no_quorum_changes_nothing(world):
    assert world.run("create", "9001")[0] == 0
    members = world.root / "etc/pve/.members"
    members.write_text(members.read_text().replace('"quorate": 1', '"quorate": 0'))
    facts = json.loads(members.read_text())
    facts.setdefault("cluster", {})["quorate"] = 0
    members.write_text(json.dumps(facts))
    calls = len(world.calls("shutdown")) + len(world.calls("destroy"))
    code, _, err = world.run("delete", "9001", "--yes")
    assert code == 6
    assert "quorum" in err
    assert len(world.calls("shutdown")) + len(world.calls("destroy")) == calls
