"""The rehearsal node as a program: what it refuses, what it leaves behind, and that it can be trusted with crashes."""

from __future__ import annotations

import fcntl
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from nodes import CHECKOUT, MAKE, PLAIN, TEMPLATE, Node, make, until

if TYPE_CHECKING:
    from collections.abc import Callable

# --- making a node ---


def test_a_new_node_looks_like_one(new: Callable[..., Node]) -> None:
    node = new()
    links = {name: os.readlink(node.root / "etc/pve" / name) for name in ("local", "lxc", "qemu-server")}
    assert links == {"local": "nodes/pve", "lxc": "nodes/pve/lxc", "qemu-server": "nodes/pve/qemu-server"}
    assert json.loads((node.root / "etc/pve/.vmlist").read_text())["ids"] == {}
    assert json.loads((node.root / "etc/pve/.members").read_text())["nodename"] == "pve"
    assert json.loads((node.root / "usr/share/phoenix-rehearsal/node.json").read_text())["pve"] == "9"
    assert (node.root / "sys/class/net/vmbr0").is_dir()
    assert (node.root / "proc/net/unix").read_text().splitlines() == [
        "Num       RefCount Protocol Flags    Type St Inode Path"
    ]
    assert node.good("pveam", "list", "local").splitlines()[1].split() == [TEMPLATE, "120.65MB"]
    assert node.good("pct", "list") == ""
    for path in node.root.rglob("*"):
        assert path.lstat().st_uid == os.getuid()


def test_the_node_needs_nothing_from_where_it_was_made(new: Callable[..., Node], tmp_path: Path) -> None:
    node = new()
    moved = tmp_path / "a place with blanks" / "node"
    moved.parent.mkdir()
    node.root.rename(moved)
    assert Node(moved).good("pct", "create", "100", TEMPLATE, "--rootfs", "local:1")
    assert str(CHECKOUT) not in "".join(path.read_text() for path in moved.rglob("*.py"))


def test_a_folder_that_is_not_empty_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full/mine").write_text("x")
    (tmp_path / "file").write_text("x")
    for name in ("full", "file"):
        made = make("new", str(tmp_path / name))
        assert made.code == 8
        assert made.out == ""
        assert [line.split(":")[0] for line in made.err.splitlines()] == ["error", "next"]
    assert sorted(str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*")) == ["file", "full", "full/mine"]


def test_an_empty_folder_and_missing_parents_are_fine(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    assert make("new", str(tmp_path / "empty")).code == 0
    made = make("new", str(tmp_path / "a/b/c"))
    assert made.code == 0
    assert made.out.splitlines()[-1] == f"next: phoenix.pyz --root {tmp_path}/a/b/c init"


def test_a_place_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    made = make("new", str(tmp_path / "file" / "node"))
    assert made.code == 6
    assert made.err.startswith("error: ")
    assert len(made.err.splitlines()) == 2


@pytest.mark.parametrize(
    ("words", "code"),
    [
        ([], 2),
        (["new"], 2),
        (["new", "a", "b"], 2),
        (["old", "a"], 2),
        (["new", "a", "--pve", "7"], 2),
        (["new", "a", "--pve"], 2),
        (["new", "a", "--what"], 2),
        (["new", "a", "--from", "/nosuch"], 3),
    ],
)
def test_words_that_are_off(words: list[str], code: int, tmp_path: Path) -> None:
    ran = subprocess.run(
        [sys.executable, "-IS", "-c", MAKE, str(CHECKOUT), "", *words],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (ran.returncode, ran.stdout) == (code, "")
    assert ran.stderr.startswith("error: ")
    assert list(tmp_path.iterdir()) == []


def test_a_description_that_cannot_be_used_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "setup.json").write_text('{"content": [{"volid": "nosuch:vztmpl/x.tar.gz"}]}')
    made = make("new", str(tmp_path / "node"), "--from", str(tmp_path / "setup.json"))
    assert made.code == 3
    assert not (tmp_path / "node").exists()


def test_a_described_node(new: Callable[..., Node]) -> None:
    node = new(
        "8",
        {
            "hostname": "alpha",
            "bridges": ["vmbr0", "vmbr7"],
            "storage.cfg": "dir: local\n\tpath /var/lib/vz\n\tcontent vztmpl,snippets\n\n"
            "zfspool: tank\n\tpool tank\n\tcontent rootdir\n\n",
            "content": [
                {
                    "volid": "local:vztmpl/alpine-3.20-default_20240908_amd64.tar.xz",
                    "size": 3000000,
                    "ostype": "alpine",
                },
                {"volid": "local:snippets/hook.sh", "content": "#!/bin/sh\n", "mode": "0755"},
            ],
            "files": [{"path": "/srv/key.pub", "content": "ssh-ed25519 AAAA a@b\n"}],
        },
    )
    template = "local:vztmpl/alpine-3.20-default_20240908_amd64.tar.xz"
    words = ["--storage", "tank", "--net0", "name=eth0,bridge=vmbr7", "--ssh-public-keys", "/srv/key.pub"]
    node.good("pct", "create", "100", template, *words)
    conf = node.conf("100")
    assert conf is not None
    assert "rootfs: tank:subvol-100-disk-0,size=4G\n" in conf
    assert "ostype: alpine\n" in conf
    assert (node.root / "etc/pve/nodes/alpha/lxc/100.conf").is_file()
    node.good("pct", "start", "100")
    assert (node.root / "var/lib/vz/snippets/hook.sh").stat().st_mode & 0o777 == 0o755
    assert node.good("pveversion").startswith("pve-manager/8.4")


# --- the life of a container ---


@pytest.mark.parametrize("release", ["8", "9"])
def test_a_container_lives_and_dies(new: Callable[..., Node], release: str) -> None:
    node = new(release)
    created = node(
        "pct", "create", "100", TEMPLATE, "--rootfs", "local:1", "--hostname", "web", "--features", "nesting=1"
    )
    assert (created.code, created.err) == (0, "")
    assert created.out.splitlines()[-1] == "Detected container architecture: amd64"
    expected = (
        "arch: amd64\nfeatures: nesting=1\nhostname: web\nmemory: 512\nostype: debian\n"
        "rootfs: local:100/vm-100-disk-0.raw,size=1G\nswap: 512\n"
    )
    assert node.conf("100") == expected + ("unprivileged: 1\n" if release == "9" else "")
    disk = node.root / "var/lib/vz/images/100/vm-100-disk-0.raw"
    assert disk.stat().st_size == 1 << 30
    assert disk.stat().st_blocks < 100
    assert json.loads((node.root / "etc/pve/.vmlist").read_text())["ids"]["100"]["type"] == "lxc"
    assert node("pct", "start", "100").code == 0
    assert node.good("pct", "status", "100") == "status: running\n"
    assert (node.root / "proc/net/unix").read_text().splitlines()[-1].endswith(" @/var/lib/lxc/100/command")
    assert node("pct", "destroy", "100").err == "unable to destroy CT 100 - container is running\n"
    assert node("pct", "start", "100").err == "CT 100 already running\n"
    assert node("pct", "shutdown", "100").code == 0
    assert node("pct", "stop", "100").err == "CT 100 not running\n"
    assert node("pct", "destroy", "100").code == 0
    assert node.conf("100") is None
    assert node.disks() == []
    assert json.loads((node.root / "etc/pve/.vmlist").read_text())["ids"] == {}


def test_changes_of_a_running_container_are_live_or_wait(new: Callable[..., Node]) -> None:
    node = new()
    node("pct", "create", "100", TEMPLATE, "--rootfs", "local:1", "--start", "1")
    node.good("pct", "set", "100", "--memory", "1024", "--features", "keyctl=1", "--tags", "b,A")
    conf = node.conf("100")
    assert conf is not None
    assert "memory: 1024\n" in conf
    assert "tags: a;b\n" in conf
    assert conf.endswith("\n[pve:pending]\nfeatures: keyctl=1\n")
    assert "features: keyctl=1\n" in node.good("pct", "config", "100")
    assert "features" not in node.good("pct", "config", "100", "--current")
    assert "new features: keyctl=1\n" in node.good("pct", "pending", "100")
    node.good("pct", "stop", "100")
    assert node.good("pct", "config", "100", "--current") == node.conf("100")


def test_raw_lines_survive_a_change(new: Callable[..., Node]) -> None:
    node = new()
    node("pct", "create", "100", TEMPLATE, "--rootfs", "local:1")
    path = node.root / "etc/pve/lxc/100.conf"
    path.write_text("lxc.idmap: u 0 1 2\n" + path.read_text() + "lxc.cap.drop:\n")
    node.good("pct", "set", "100", "--cores", "2")
    conf = node.conf("100")
    assert conf is not None
    assert conf.endswith("unprivileged: 1\nlxc.idmap: u 0 1 2\nlxc.cap.drop: \n")


def test_nine_warns_about_nesting_and_eight_does_not(new: Callable[..., Node]) -> None:
    words = ("pct", "create", "100", TEMPLATE, "--rootfs", "local:1")
    warned = new("9")(*words)
    assert warned.code == 0
    assert warned.out.splitlines()[-1] == "WARN: Systemd 252 detected. You may need to enable nesting."
    assert warned.err == "Task finished with 1 warning(s)!\n"
    assert new("8")(*words).err == ""


def test_the_wide_titles_of_nine(new: Callable[..., Node]) -> None:
    assert "Total (KiB)" in new("9").good("pvesm", "status")
    assert new("8").good("pvesm", "status").split()[:6] == ["Name", "Type", "Status", "Total", "Used", "Available"]


# --- refusals ---


BAD_OPTION, BAD_VALUE = "400 unable to parse option\n", "400 Parameter verification failed.\n"
SET, STATUS = "pct set <vmid> [OPTIONS]\n", "pct status <vmid> [OPTIONS]\n"
NOT_ROOTFS = "mount points configured, but 'rootfs' not set - aborting\n"
NO_TEMPLATE = "unable to create CT 100 - volume 'local:vztmpl/no.tar.gz' does not exist\n"
REFUSALS = [
    ("create", "400 not enough arguments\npct create <vmid> <ostemplate> [OPTIONS]\n"),
    ("list x", "400 too many arguments\npct list \n"),
    ("list --foo", f"Unknown option: foo\n{BAD_OPTION}pct list \n"),
    ("set 100 --onboot 100", f"400 unable to parse boolean option\n{SET}"),
    ("set 100 --memory=", f"Option memory requires an argument\n{BAD_OPTION}{SET}"),
    ("set --no-onboot 100", f"Unknown option: no-onboot\n{BAD_OPTION}{SET}"),
    ("set 100 --s 5", f"Option s is ambiguous (searchdomain, startup, swap)\n{BAD_OPTION}{SET}"),
    ("status abc", f"{BAD_VALUE}vmid: type check ('integer') failed - got 'abc'\n{STATUS}"),
    ("status 99", f"{BAD_VALUE}vmid: invalid format - value does not look like a valid VM ID\n\n{STATUS}"),
    ("set 999 --memory 64", "Configuration file 'nodes/pve/lxc/999.conf' does not exist\n"),
    ("stop 999", "CT 999 not running\n"),
    (f"create 100 {TEMPLATE} --rootfs nosuch:1", "storage 'nosuch' does not exist\n"),
    (f"create 100 {TEMPLATE} --mp0 local:1,mp=/x", NOT_ROOTFS),
    ("create 100 local:vztmpl/no.tar.gz --rootfs local:1", NO_TEMPLATE),
]


@pytest.mark.parametrize(("words", "text"), REFUSALS)
def test_refusals(new: Callable[..., Node], words: str, text: str) -> None:
    node = new()
    ran = node("pct", *words.split(" "))
    assert ran.code != 0
    assert ran.err == text
    assert node.conf("100") is None
    assert node.disks() == []


def test_option_forms(new: Callable[..., Node]) -> None:
    node = new("8")
    node.good("pct", "crea", "-memory", "300", "100", TEMPLATE, "--ROOTFS=local:1", "--mem", "128", "-swap=9")
    node.good("pct", "set", "100", "--tags", "a", "--tags", "b", "--onboot", "--protection", "no")
    conf = node.conf("100")
    assert conf is not None
    assert set(conf.splitlines()) >= {"memory: 128", "swap: 9", "tags: a;b", "onboot: 1", "protection: 0"}


def test_an_unknown_command_shows_the_list(new: Callable[..., Node]) -> None:
    node = new()
    ran = node("pct", "frob")
    assert ran.code == 255
    assert ran.err.startswith(
        "ERROR: unknown command 'pct frob'\nUSAGE: pct <COMMAND> [ARGS] [OPTIONS]\n\n       pct clone "
    )
    assert node("pct", "st", "100").err.startswith("ERROR: incomplete command 'pct st'\n")
    assert node("pct").err.startswith("ERROR: no command specified\n")
    ran = node("pct", "fstrim", "100")
    assert (ran.code, ran.out) == (2, "")


def test_without_quorum(new: Callable[..., Node]) -> None:
    node = new()
    node("pct", "create", "100", TEMPLATE, "--rootfs", "local:1")
    before = node.conf("100")
    node.members(0)
    assert node("pct", "create", "101", TEMPLATE, "--rootfs", "local:1").err == "cluster not ready - no quorum?\n"
    assert node("pct", "start", "100").err == "cluster not ready - no quorum?\n"
    assert node("pct", "set", "100", "--memory", "64").code != 0
    assert node.good("pct", "status", "100") == "status: stopped\n"
    assert node("pct", "destroy", "100").code == 255
    assert node.conf("100") == before
    assert node.disks() == []
    node.members(1)
    assert node("pct", "start", "100").err == "volume 'local:100/vm-100-disk-0.raw' does not exist\n"


def test_locks_and_protection(new: Callable[..., Node]) -> None:
    node = new()
    node("pct", "create", "100", TEMPLATE, "--rootfs", "local:1", "--protection", "1", "--lock", "backup")
    assert node("pct", "start", "100").err == "CT is locked (backup)\n"
    assert node("pct", "set", "100", "--memory", "64").err == "CT is locked (backup)\n"
    node.good("pct", "unlock", "100")
    assert node("pct", "unlock", "100").err == "no lock found trying to remove any lock\n"
    assert node("pct", "destroy", "100").err == "can't remove CT 100 - protection mode enabled\n"
    assert node.disks() == ["100/vm-100-disk-0.raw"]


def test_a_held_flock_is_waited_for_ten_seconds(new: Callable[..., Node]) -> None:
    node = new()
    node("pct", "create", "100", TEMPLATE, "--rootfs", "local:1")
    with (node.root / "run/lock/lxc/pve-config-100.lock").open("a") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        begun = time.monotonic()
        ran = node("pct", "set", "100", "--memory", "64")
        assert 9.5 < time.monotonic() - begun < 15
    assert ran.code == 4
    assert ran.err == ("trying to acquire lock...\ncan't lock file '/run/lock/lxc/pve-config-100.lock' - got timeout\n")
    assert node("pct", "set", "100", "--memory", "64").code == 0


def test_the_c_locale_loses_what_is_not_ascii(new: Callable[..., Node]) -> None:
    node = new("8")
    node.good("pct", "create", "100", TEMPLATE, "--rootfs", "local:1", "--description", "ü")
    conf = node.conf("100")
    assert conf is not None
    assert conf.startswith("#%C3%BC\n")
    subprocess.run([*node.argv("pct", "set", "100"), "--description", "ü"], env={"LC_ALL": "C"}, check=True)
    conf = node.conf("100")
    assert conf is not None
    assert conf.startswith("#%EF%BF%BD%EF%BF%BD\n")


# --- several at once, interrupted, killed ---


def test_of_several_creates_at_once_exactly_one_wins(new: Callable[..., Node]) -> None:
    node = new()
    for guest in ("100", "101", "102", "103", "104"):
        running = [node.begin("create", guest, TEMPLATE, "--rootfs", "local:1") for _ in range(5)]
        ends = [(process.communicate(timeout=60)[1].decode(), process.returncode) for process in running]
        assert sorted(code for _, code in ends) == [0, 255, 255, 255, 255], ends
        assert sum(f"CT {guest} already exists on node 'pve'" in text for text, _ in ends) == 4
    assert node.disks() == [f"{guest}/vm-{guest}-disk-0.raw" for guest in ("100", "101", "102", "103", "104")]
    assert len(json.loads((node.root / "etc/pve/.vmlist").read_text())["ids"]) == 5
    assert len(node.calls()) == 25


def test_an_id_of_a_machine_or_another_node_is_taken(new: Callable[..., Node]) -> None:
    node = new()
    (node.root / "etc/pve/qemu-server/100.conf").write_text("boot: \n")
    (node.root / "etc/pve/nodes/other/lxc").mkdir(parents=True)
    (node.root / "etc/pve/nodes/other/lxc/101.conf").write_text("arch: amd64\n")
    assert node("pct", "create", "100", TEMPLATE).err == "VM 100 already exists on node 'pve'\n"
    assert node("pct", "create", "101", TEMPLATE).err == "CT 101 already exists on node 'other'\n"
    assert node.disks() == []


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_an_interrupted_create_leaves_nothing(new: Callable[..., Node], number: int) -> None:
    node = new()
    node.fault('command = "pct create"\nslow = 30')
    process = node.begin("create", "100", TEMPLATE, "--rootfs", "local:1", "--mp0", "local:1,mp=/data")
    until(lambda: len(node.disks()) == 2)
    assert node.conf("100") == "lock: create\n"
    process.send_signal(number)
    _, err = process.communicate(timeout=20)
    assert process.returncode == 255
    assert err.startswith(b"unable to create CT 100 - ")
    assert err.endswith(b"received interrupt\n")
    assert node.conf("100") is None
    assert node.disks() == []
    assert json.loads((node.root / "etc/pve/.vmlist").read_text())["ids"] == {}


def test_a_killed_create_leaves_its_worker_and_then_an_orphan(new: Callable[..., Node]) -> None:
    node = new()
    node.fault('command = "pct create"\ncall = 1\nslow = 2')
    process = node.begin("create", "100", TEMPLATE, "--rootfs", "local:1")
    until(lambda: node.disks() == ["100/vm-100-disk-0.raw"])
    process.kill()
    process.communicate(timeout=20)
    assert process.returncode == -signal.SIGKILL
    lock = node.root / "run/lock/lxc/pve-config-100.lock"
    with lock.open("a") as file:
        with pytest.raises(BlockingIOError):
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)  # the worker still has it
        fcntl.flock(file, fcntl.LOCK_EX)
    assert node.conf("100") == "lock: create\n"
    assert node.good("pct", "config", "100") == "lock: create\n"
    assert node("pct", "start", "100").err == "CT is locked (create)\n"
    assert node("pct", "create", "100", TEMPLATE).err == "CT 100 already exists on node 'pve'\n"
    node.good("pct", "unlock", "100")
    node.good("pct", "destroy", "100")
    assert node.disks() == ["100/vm-100-disk-0.raw"]
    assert node("pct", "create", "100", TEMPLATE, "--rootfs", "local:1").code == 0
    assert node.disks() == ["100/vm-100-disk-0.raw", "100/vm-100-disk-1.raw"]
    node.good("pct", "destroy", "100", "--destroy-unreferenced-disks", "1")
    assert node.disks() == []


def test_a_killed_start_goes_on_and_ends_well(new: Callable[..., Node]) -> None:
    node = new("8")
    node.good("pct", "create", "100", TEMPLATE, "--rootfs", "local:1")
    node.fault('command = "pct start"\nslow = 1')
    process = node.begin("start", "100")
    time.sleep(0.4)
    process.send_signal(signal.SIGHUP)
    process.communicate(timeout=20)
    assert process.returncode == -signal.SIGHUP
    until(lambda: node.good("pct", "status", "100") == "status: running\n")


# --- faults and the log of calls ---


def test_a_fault_before_has_no_effect(new: Callable[..., Node]) -> None:
    node = new("8")
    node.fault('command = "pct create"\ncall = 2\nbefore = {stderr = "no such luck", code = 7}')
    assert node("pct", "create", "100", TEMPLATE, "--rootfs", "local:1").code == 0
    ran = node("pct", "create", "101", TEMPLATE, "--rootfs", "local:1")
    assert (ran.code, ran.out, ran.err) == (7, "", "no such luck\n")
    assert node.conf("101") is None
    assert node("pct", "create", "101", TEMPLATE, "--rootfs", "local:1").code == 0


def test_a_fault_after_has_its_effect(new: Callable[..., Node]) -> None:
    node = new("8")
    node.good("pct", "create", "100", TEMPLATE, "--rootfs", "local:1")
    node.fault('command = "pct set"\nafter = {stderr = "too late", code = 255}')
    for memory in ("64", "128"):
        ran = node("pct", "set", "100", "--memory", memory)
        assert (ran.code, ran.err) == (255, "too late\n")
        conf = node.conf("100")
        assert conf is not None
        assert f"memory: {memory}\n" in conf


def test_a_lie_is_told(new: Callable[..., Node]) -> None:
    node = new()
    node.fault('command = "pct create"\nlie = true')
    ran = node("pct", "create", "100", TEMPLATE)
    assert (ran.code, ran.out, ran.err) == (0, "", "")
    assert node.conf("100") is None


def test_a_slow_reader(new: Callable[..., Node]) -> None:
    node = new()
    node.fault('command = "pvesm status"\nslow = 0.7')
    assert node("pvesm", "status").code == 0
    assert node("pct", "list").code == 0
    slow, quick = (call["duration"] for call in node.calls())
    assert slow >= 0.7 > quick


def test_an_architecture_that_is_deleted_is_missed_later(new: Callable[..., Node]) -> None:
    node = new("8")
    node.good("pct", "create", "100", TEMPLATE, "--rootfs", "local:1")
    node.good("pct", "set", "100", "--delete", "arch")
    assert node("pct", "set", "100", "--memory", "64").err == "missing 'arch' - internal error\n"
    assert "memory: 64\n" in node.good("pct", "config", "100")
    assert node("pct", "start", "100").err == "missing 'arch' - internal error\n"


def test_a_missing_bridge_ends_every_later_change(new: Callable[..., Node]) -> None:
    node = new("8")
    node.good("pct", "create", "100", TEMPLATE, "--rootfs", "local:1", "--net0", "name=eth0,bridge=nobr")
    node.good("pct", "set", "100", "--memory", "64")
    assert node("pct", "start", "100").err == "bridge 'nobr' does not exist\n"
    ran = node("pct", "set", "100", "--memory", "128")
    assert (ran.code, ran.err) == (2, "bridge 'nobr' does not exist\n")
    assert "memory: 128\n" in node.good("pct", "config", "100")
    (node.root / "sys/class/net/nobr").mkdir()
    node.good("pct", "start", "100")


def test_disks_come_and_go(new: Callable[..., Node]) -> None:
    node = new("8")
    node.good("pct", "create", "100", TEMPLATE, "--rootfs", "local:1", "--mp0", "local:0.5,mp=/a,backup=1")
    assert node.disks() == ["100/vm-100-disk-0.raw", "100/vm-100-disk-1.raw"]
    assert "mp0: local:100/vm-100-disk-1.raw,mp=/a,backup=1,size=512M\n" in node.good("pct", "config", "100")
    node.good("pct", "set", "100", "--delete", "mp0")
    assert "unused0: local:100/vm-100-disk-1.raw\n" in node.good("pct", "config", "100")
    node.good("pct", "set", "100", "--delete", "unused0")
    assert node.disks() == ["100/vm-100-disk-0.raw"]
    listed = node.good("pvesm", "list", "local", "--vmid", "100").splitlines()
    assert listed[1:] == ["local:100/vm-100-disk-0.raw raw     rootdir   1073741824 100"]


def test_faults_that_cannot_be_read_are_told(new: Callable[..., Node]) -> None:
    node = new()
    (node.root / "faults.toml").write_text("[[fault")
    ran = node("pct", "list")
    assert ran.code == 70
    assert "faults.toml" in ran.err


def test_each_call_is_noted(new: Callable[..., Node]) -> None:
    node = new()
    node("pct", "list")
    subprocess.run(
        node.argv("pct", "status", "9"), env={"SECRET": "hunter2"}, stdin=subprocess.PIPE, cwd="/", check=False
    )
    first, second = node.calls()
    assert (first["argv"], first["exit"], first["stdin"], first["stdout"]) == (["pct", "list"], 0, "null", "pipe")
    assert first["ppid"] == os.getpid()
    assert first["duration"] < 5
    assert (second["argv"], second["exit"], second["stdin"], second["cwd"]) == (
        ["pct", "status", "9"],
        255,
        "pipe",
        "/",
    )
    assert "SECRET" in second["env"]
    assert "hunter2" not in json.dumps(node.calls())


def test_a_closed_standard_input_is_noted_as_such(new: Callable[..., Node]) -> None:
    node = new()
    subprocess.run(["sh", "-c", '"$0" list <&-', *node.argv("pct")], check=True)
    assert node.calls()[0]["stdin"] == "closed"


def test_closed_descriptors_are_no_danger(new: Callable[..., Node]) -> None:
    node = new()
    words = node.argv("pct", "create", "100", TEMPLATE, "--rootfs", "local:1")
    subprocess.run(["sh", "-c", '"$@" <&- >&- 2>&-', "sh", *words], check=True, env=PLAIN)
    assert node.good("pct", "list").split()[4:] == ["100", "stopped", "CT100"]
    assert "Formatting" not in "".join(path.read_text() for path in node.root.glob("etc/pve/**/*") if path.is_file())
    assert [call["exit"] for call in node.calls()] == [0, 0]
