"""`setup`: the node made what hypervisor.toml says, section by section, by the built file on a rehearsal node."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

pytestmark = pytest.mark.processes

TOML = """\
[time]
timezone = "America/New_York"
servers = ["ntp1.example.org"]
[sysctl]
"vm.swappiness" = 10
net.ipv4.ip_forward = 1
"""
COMMANDS = [
    "time: link /etc/localtime /usr/share/zoneinfo/America/New_York",
    "time: write /etc/timezone",
    "time: write /etc/chrony/sources.d/phoenix.sources",
    "time: chronyc reload sources",
    "sysctl: write /etc/sysctl.d/90-phoenix.conf",
    "sysctl: sysctl -w net.ipv4.ip_forward=1",
    "sysctl: sysctl -w vm.swappiness=10",
]


class World:
    """A rehearsal node with a hypervisor.toml, and the built phoenix.pyz."""

    def __init__(self, built, root, description=None, release="9"):
        self.built, self.root = built, root
        file = root.with_name("node.json")
        file.write_text(json.dumps(description or {}))
        assert self.run("node", "new", str(root), "--pve", release, "--from", str(file), root=False)[0] == 0
        (root / "etc/phoenix").mkdir(parents=True)
        self.file = root / "etc/phoenix/hypervisor.toml"
        self.file.write_text(TOML)

    def run(self, *words, root=True, umask=0o022):
        argv = [sys.executable, "-IS", str(self.built), *[f"--root={self.root}"] * root, *words]
        ran = subprocess.run(
            argv, capture_output=True, text=True, check=False, env={}, stdin=subprocess.DEVNULL, umask=umask
        )
        assert "Traceback" not in ran.stderr, ran.stderr
        return ran.returncode, ran.stdout, ran.stderr

    def calls(self):
        path = self.root / "var/log/rehearsal-calls.jsonl"
        return [json.loads(line)["argv"] for line in path.read_text().splitlines()] if path.exists() else []

    def fault(self, text):
        (self.root / "faults.toml").write_text(f"[[fault]]\n{text}\n" if text else "")


@pytest.fixture
def world(built, tmp_path):
    return World(built, tmp_path / "node")


def test_it_is_made_so_and_then_nothing_is_left(world):
    assert world.run("check")[0] == 0
    code, out, err = world.run("setup")
    assert (code, err.splitlines()) == (0, COMMANDS)
    assert out.startswith("pve  by link /etc/localtime, write /etc/timezone, ")
    assert (world.root / "etc/timezone").read_text() == "America/New_York\n"
    assert (world.root / "etc/sysctl.d/90-phoenix.conf").read_text() == "net.ipv4.ip_forward = 1\nvm.swappiness = 10\n"
    assert (world.root / "proc/sys/vm/swappiness").read_text() == "10\n"
    before = world.calls()
    assert world.run("setup") == (0, "pve  nothing to do\n", "")
    assert world.run("setup", "--dry-run", "--exit-code")[0] == 0
    (world.root / "etc/timezone").write_text("UTC\n")
    assert world.run("setup", "--dry-run", "--exit-code")[0] == 10
    words = ("hypervisor-manager", "--action=plan", "--exit-code", "--only=sysctl", f"--root={world.root}")
    assert world.run(*words, root=False)[0] == 0
    assert world.calls() == before


def test_a_dry_run_changes_nothing(world):
    before = {path: path.read_bytes() for path in world.root.rglob("*") if path.is_file()}
    code, out, err = world.run("setup", "--dry-run")
    assert (code, err) == (0, "")
    assert "  vm.swappiness: 60 -> 10\n" in out
    assert "  $ write /etc/timezone  (17 bytes)\n" in out
    assert "  after that: chronyc reload sources\n" in out
    found = {path: path.read_bytes() for path in world.root.rglob("*") if path.is_file()}
    unpacked = world.root / "usr/local"
    assert {path: data for path, data in found.items() if unpacked not in path.parents} == before


def test_sections_are_chosen(world):
    assert world.run("setup", "--only=sysctl")[2].splitlines() == COMMANDS[4:]
    assert world.run("setup", "--skip=sysctl")[2].splitlines() == COMMANDS[:4]
    assert world.run("setup")[1] == "pve  nothing to do\n"
    code, _, err = world.run("setup", "--only=tme")
    assert code == 2
    assert "there is no section 'tme'; did you mean time?" in err


def test_what_it_replaces_is_kept(world):
    world.run("setup")
    assert [path.read_text() for path in world.root.glob("var/lib/phoenix/kept/*/etc/timezone")] == ["UTC\n"]


@pytest.mark.parametrize("umask", [0o077, 0o777])
def test_what_all_must_read_is_readable_whatever_the_umask(world, umask):
    assert world.run("setup", "--only=sysctl")[0] == 0
    assert world.run("setup", umask=umask)[0] == 0
    for name in ("etc/timezone", "etc/chrony/sources.d/phoenix.sources"):
        assert (world.root / name).stat().st_mode & 0o7777 == 0o644


def test_a_file_that_is_changed_keeps_its_mode(world):
    os.chmod(world.root / "etc/timezone", 0o600)
    assert world.run("setup")[0] == 0
    assert (world.root / "etc/timezone").stat().st_mode & 0o7777 == 0o600


def test_a_file_in_place_of_a_link_is_kept(world):
    (world.root / "etc/localtime").unlink(missing_ok=True)
    (world.root / "etc/localtime").write_bytes(b"TZif of theirs")
    assert world.run("setup")[0] == 0
    kept = list(world.root.glob("var/lib/phoenix/kept/*/etc/localtime"))
    assert [path.read_bytes() for path in kept] == [b"TZif of theirs"]


def test_a_command_that_is_owed_says_how_it_is_left_out(world):
    world.fault('command = "chronyc reload"\nbefore = { code = 1, stderr = "506 Cannot talk to daemon" }')
    assert world.run("setup")[0] == 1
    code, _, err = world.run("setup")
    assert code == 1
    assert f"take its line out of {world.root}/var/lib/phoenix/records/hypervisor-owed" in err


def test_a_reload_that_failed_is_done_by_the_next_run(world):
    world.fault('command = "chronyc reload"\nbefore = { code = 1, stderr = "506 Cannot talk to daemon" }')
    code, _, err = world.run("setup")
    assert code == 1
    assert "error: time: `chronyc reload` ended with 1: 506 Cannot talk to daemon; it is as wanted" in err
    assert "next:  " in err
    plan = world.run("setup", "--dry-run")[1]
    assert "owed since an earlier run: chronyc reload sources\n" in plan
    world.fault("")
    assert world.run("setup")[2].splitlines() == COMMANDS[3:]
    assert world.run("setup")[1] == "pve  nothing to do\n"


def test_a_tool_that_lies_is_not_believed(world):
    world.fault('command = "sysctl"\nlie = true')
    code, _, err = world.run("setup")
    assert code == 1
    assert "`sysctl -w` reported success, but what it was to do is not there" in err


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[tiem]", "tiem: unknown section; did you mean time?"),
        ("time = 1", "time: expected a table, found 1"),
        ('[time]\nzone = "UTC"', "time.zone: unknown key"),
        ('[time]\ntimezone = "../../etc/shadow"', "time.timezone: expected a text, found '../../etc/shadow'"),
        ('[time]\nservers = "a"', "time.servers: expected a list, each a text, found 'a'"),
        ('[time]\nservers = ["a b"]', "time.servers.0: "),
        ('[sysctl]\n"../x" = 1', "sysctl.../x: expected a text"),
        ("[sysctl]\nvm.swappiness = [1]", "sysctl.vm.swappiness: expected a text, found a list"),
    ],
)
def test_what_is_wrong_is_said_and_nothing_is_done(world, text, said):
    world.file.write_text(text + "\n")
    for words in (("check",), ("setup",), ("setup", "--dry-run")):
        code, _, err = world.run(*words)
        assert code == 3
        assert said in err
    assert world.calls() == []


def test_what_cannot_be_is_refused_before_anything_is_done(world):
    world.file.write_text(TOML.replace("America/New_York", "Mars/Olympus"))
    code, _, err = world.run("setup")
    assert code == 6
    assert "the node knows no time zone Mars/Olympus" in err
    assert world.calls() == []
    assert not (world.root / "etc/sysctl.d/90-phoenix.conf").exists()


def test_a_link_is_not_written_through(world):
    elsewhere = world.root / "elsewhere"
    elsewhere.write_text("theirs")
    (world.root / "etc/timezone").unlink()
    (world.root / "etc/timezone").symlink_to(elsewhere)
    assert "  missing: " in world.run("setup", "--dry-run")[1]
    code, _, err = world.run("setup", "--only=time")
    assert code == 6
    assert "etc/timezone is reached by a link" in err
    assert elsewhere.read_text() == "theirs"
    assert not (world.root / "var/log/phoenix").exists()  # nothing was begun


def test_two_at_once_are_one(world):
    world.fault('command = "chronyc reload"\nslow = 2')
    argv = [sys.executable, "-IS", str(world.built), f"--root={world.root}", "setup"]
    first, second = (subprocess.Popen(argv, stdout=-1, stderr=-1, env={}, text=True) for _ in range(2))
    ends = sorted(process.wait() for process in (first, second))
    said = first.communicate()[1] + second.communicate()[1]
    assert ends == [0, 5]
    assert "another run of Phoenix" in said


def test_without_a_file_it_says_so(world):
    world.file.unlink()
    code, _, err = world.run("setup")
    assert code == 3
    assert "hypervisor.toml: there is none" in err


def test_json(world):
    told = json.loads(world.run("setup", "--dry-run", "--output=json")[1])
    assert told["sections"]["sysctl"]["differences"][0] == {
        "what": "net.ipv4.ip_forward",
        "found": "0",
        "wanted": "1",
    }
    done = json.loads(world.run("setup", "--output=json")[1])
    assert (done["changed"], done["exit_code"], len(done["commands"])) == (True, 0, 7)


def test_it_can_be_rehearsed(world):
    before = {path: path.read_bytes() for path in world.root.rglob("*") if path.is_file()}
    code, out, err = world.run("rehearse", "setup")
    assert code == 0
    assert err.splitlines()[1:8] == COMMANDS
    for lines in (
        "--- /etc/timezone\n+++ /etc/timezone\n@@ -1 +1 @@\n-UTC\n+America/New_York\n",
        "--- /dev/null\n+++ /etc/sysctl.d/90-phoenix.conf\n",
        "    0  sysctl -w vm.swappiness=10\n",
        "  - the programs of the system were imitations",
    ):
        assert lines in out
    found = {path: path.read_bytes() for path in world.root.rglob("*") if path.is_file()}
    unpacked = world.root / "usr/local"
    assert {path: data for path, data in found.items() if unpacked not in path.parents} == before
    assert world.run("setup")[0] == 0
    assert "nothing: no guest, file or volume would have changed" in world.run("rehearse", "setup")[1]
