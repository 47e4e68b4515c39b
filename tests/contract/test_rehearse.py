"""`rehearse`: the verb runs on a copy, the node itself is not touched, and what would have become of it is told."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time

import pytest

from tests.contract.test_bad_input import make_node

pytestmark = pytest.mark.processes

OWN = "usr/local/phoenix_hypervisor/lib"
SECRET = "hunter2-hunter2"
TEMPLATE = "local:vztmpl/debian-12-standard_12.12-1_amd64.tar.zst"


class Ran:
    def __init__(self, code, out, err):
        self.code, self.out, self.err = code, out, err
        assert "Traceback" not in err, err

    def __repr__(self):
        return f"exit {self.code}\n{self.out}\n{self.err}"

    @property
    def document(self):
        found = json.loads(self.out)
        assert found["version"] == 1
        return found


def picture(root):
    """Everything in a tree: kind and mode, size, owner, time, and what is in files that are not disks.

    Not of the product's own code: its first use unpacks it, the first rehearsal compiles what only rehearsals need.
    """
    seen = {}
    for path in sorted(set(root.rglob("*")) - set((root / OWN).rglob("*"))):
        facts = path.lstat()
        small = path.is_file() and not path.is_symlink() and facts.st_size < 1 << 20
        content = path.read_bytes() if small else os.readlink(path) if path.is_symlink() else b""
        seen[str(path)] = (facts.st_mode, facts.st_size, facts.st_uid, facts.st_mtime_ns, facts.st_blocks, content)
    return seen


class World:
    """A node in a folder, and the product to rehearse on it."""

    def __init__(self, built, root):
        self.built = built
        self.root = root

    def phoenix(self, *words):
        return self.run(f"--root={self.root}", *words)

    def run(self, *words, **more):
        argv = [sys.executable, "-IS", str(self.built), *words]
        done = subprocess.run(argv, capture_output=True, text=True, env={}, check=False, timeout=120, **more)
        return Ran(done.returncode, done.stdout, done.stderr)

    def rehearse(self, *words):
        return self.phoenix("rehearse", *words)

    def document(self, *words):
        return self.rehearse(*words, "--output=json").document

    def pct(self, *words):
        subprocess.run([str(self.root / "usr/sbin/pct"), *words], check=True, capture_output=True, env={})

    @contextlib.contextmanager
    def untouched(self):
        """Nothing of the node may change, not even a time."""
        before = picture(self.root)
        yield
        assert picture(self.root) == before


@pytest.fixture(scope="module")
def prepared(built, tmp_path_factory):
    """A rehearsal node with a container of ours that runs, and one that is not ours."""
    world = World(built, tmp_path_factory.mktemp("prepared") / "node")
    assert world.run("node", "new", str(world.root)).code == 0
    assert world.phoenix("init").code == 0
    assert world.phoenix("create", "9001").code == 0
    world.pct("create", "100", TEMPLATE, "--rootfs", "local-lvm:3", "--hostname", "other", "--unprivileged", "1")
    (world.root / "var/log/rehearsal-calls.jsonl").unlink()
    return world.root


@pytest.fixture
def world(built, prepared, tmp_path):
    """A copy of that node for one test; its disks stay as sparse as they are."""
    subprocess.run(["cp", "-a", str(prepared), str(tmp_path / "node")], check=True)
    return World(built, tmp_path / "node")


def edit(world, old, new):
    path = world.root / "etc/phoenix/lxc/9001.toml"
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def test_a_change_is_shown_as_a_diff_and_the_node_stays_as_it_is(world):
    edit(world, "memory = 1024", "memory = 2048")
    with world.untouched():
        ran = world.rehearse("create", "9001")
    assert ran.code == 0, ran
    lines = ran.out.splitlines()
    assert lines[0] == "9001  web  running  by pct set"
    assert {"--- /etc/pve/lxc/9001.conf", "+++ /etc/pve/lxc/9001.conf", "-memory: 1024", "+memory: 2048"} <= set(lines)
    assert "9001  lxc  changed" in lines
    assert sum(line.startswith("    0  pct set 9001 --digest=") for line in lines) == 1
    assert "where the real node could differ:" in lines
    assert "a copy of pve (Proxmox VE 9): 2 containers, 0 virtual machines, storages local, local-lvm" in ran.err


def test_a_deletion_asks_nothing_and_shows_what_would_go(world):
    with world.untouched():
        found = world.document("delete", "9001")
    assert (found["verb"], found["exit_code"], found["documents"][0]["state"]) == ("delete", 0, "not created")
    assert [(guest["id"], guest["ran"], guest["runs"], guest["after"]) for guest in found["guests"]] == [
        ("9001", True, False, None)
    ]
    assert found["guests"][0]["before"] == (world.root / "etc/pve/lxc/9001.conf").read_text()
    assert found["volumes"] == {"made": {}, "removed": {"local:9001/vm-9001-disk-0.raw": 8 << 30}, "resized": {}}
    assert [call["argv"][1] for call in found["calls"]] == ["shutdown", "destroy"]


def test_nothing_to_do_is_said(world):
    ran = world.rehearse("create", "all")
    assert (ran.code, ran.out.splitlines()[0]) == (0, "9001  web  running  nothing to do")
    assert "  nothing: no guest, file or volume would have changed" in ran.out.splitlines()
    assert "calls" not in ran.out


def test_the_copy_is_kept_where_it_is_wanted_and_can_be_gone_on_with(world, tmp_path):
    keep = tmp_path / "kept"
    with world.untouched():
        assert world.rehearse("stop", "9001", f"--keep={keep}").code == 0
    assert "running" in world.phoenix("status").out
    config = f"--config={world.root}/etc/phoenix"
    assert world.run(f"--root={keep}", config, "status").out.split()[2] == "stopped"
    assert os.stat(keep / "var/lib/vz/images/9001/vm-9001-disk-0.raw").st_size == 8 << 30
    assert os.stat(keep / "dev/pve/vm-100-disk-0").st_size == 3 << 30
    with world.untouched():
        again = world.run(f"--root={keep}", config, "rehearse", "start", "9001", "--output=json").document
    assert [guest["runs"] for guest in again["guests"]] == [True]


def test_no_secret_is_copied(world, tmp_path):
    pve = world.root / "etc/pve"
    for path in (
        *("priv/shadow.cfg", "priv/authkey.key", "priv/storage/nas.pw", "nodes/pve/pve-ssl.key", "nodes/pve/priv/x"),
        *("pve-www.key", "pve-root-ca.pem", "authkey.pub", "domains.cfg", "sdn/dns.cfg"),
    ):
        (pve / path).parent.mkdir(exist_ok=True, parents=True)
        (pve / path).write_text(f"{SECRET}\n")
    (pve / "datacenter.cfg").write_text(f"http_proxy: http://me:{SECRET}@proxy:3128\nkeyboard: de\n")
    (pve / "qemu-server/200.conf").write_text(f"cipassword: {SECRET}\nname: win\n\n[old]\ncipassword: {SECRET}\n")
    (pve / "user.cfg").write_text(f"user:root@pam:1:0:::a@b::{SECRET}:\n")
    (world.root / "var/lib/vz/snippets/user.yml").write_text(f"password: {SECRET}\n")
    (world.root / "etc/shadow").write_text(SECRET)
    with open(world.root / "var/lib/vz/images/9001/vm-9001-disk-0.raw", "r+b") as disk:
        disk.write(SECRET.encode())
    keep = tmp_path / "kept"
    assert world.rehearse("create", "9001", f"--keep={keep}").code == 0
    found = subprocess.run(["grep", "-rl", SECRET, str(keep)], capture_output=True, text=True, check=False)
    assert found.stdout == ""
    assert "keyboard: de\n" in (keep / "etc/pve/datacenter.cfg").read_text()
    assert (keep / "etc/pve/qemu-server/200.conf").read_text().startswith("cipassword: **********\nname: win\n")
    assert os.stat(keep / "var/lib/vz/snippets/user.yml").st_size == len(f"password: {SECRET}\n")
    assert os.stat(keep).st_blocks * 512 < 1 << 20


def test_links_are_not_followed_out_and_what_cannot_be_read_is_said(world, tmp_path):
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "300.conf").write_text(f"hostname: {SECRET}\n")
    pve = world.root / "etc/pve/nodes/pve"
    (pve / "lxc/300.conf").symlink_to(outside / "300.conf")
    (pve / "lxc/301.conf").mkdir()
    shutil.rmtree(world.root / "var/lib/vz/snippets")
    (world.root / "var/lib/vz/snippets").symlink_to(outside)
    found = world.document("create", "9001", f"--keep={tmp_path / 'kept'}")
    assert (tmp_path / "kept/etc/pve/lxc/300.conf").read_bytes() == b""
    assert (tmp_path / "kept/var/lib/vz/snippets").is_dir()
    assert not list((tmp_path / "kept/var/lib/vz/snippets").iterdir())
    said = "\n".join(found["could_differ"])
    for path in ("lxc/300.conf could not be read", "lxc/301.conf could not be read", "snippets leads out of the node"):
        assert path in said


def test_a_verb_that_fails_has_its_own_exit_status(world):
    edit(world, 'state = "running" # or "stopped", "template"', 'state = "stopped"')
    (world.root / "faults.toml").write_text(
        '[[fault]]\ncommand = "pct shutdown"\nbefore = {stderr = "no such luck", code = 255}\n'
    )
    with world.untouched():
        ran = world.rehearse("create", "9001")
        found = world.document("create", "9001")
    assert ran.code == 1
    assert "no such luck" in ran.err
    assert "--keep=DIR would keep it" in ran.err
    assert "  255  pct shutdown 9001 --timeout=60" in ran.out.splitlines()
    assert found["exit_code"] == found["documents"][0]["exit_code"] == 1
    assert found["guests"] == []


def test_what_the_node_lacks_is_refused_as_it_would_be(world):
    edit(world, 'bridge = "vmbr0"', 'bridge = "vmbr9"')
    edit(world, "memory = 1024", "memory = 2048")
    ran = world.rehearse("create", "9001")
    assert ran.code == world.phoenix("create", "9001").code == 6
    assert "there is no bridge vmbr9" in ran.err


def test_a_guest_that_is_not_ours_is_refused_as_it_would_be(world):
    shutil.copy(world.root / "etc/phoenix/lxc/9001.toml", world.root / "etc/phoenix/lxc/100.toml")
    ran = world.rehearse("create", "100")
    assert ran.code == 8
    assert "not provably Phoenix's own" in ran.err


def test_without_quorum_nothing_is_changed_there_either(world):
    (world.root / "etc/pve/.members").chmod(0o640)
    (world.root / "etc/pve/.members").write_text('{"nodename": "pve", "cluster": {"quorate": 0}}')
    assert world.rehearse("stop", "9001").code == 6


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_after_a_signal_the_copy_is_gone(world, number):
    (world.root / "faults.toml").write_text('[[fault]]\ncommand = "pct shutdown"\nslow = 2\n')
    with world.untouched():
        argv = [sys.executable, "-IS", str(world.built), f"--root={world.root}", "rehearse", "stop", "9001"]
        process = subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env={})
        folder = copy_of(process.pid)
        process.send_signal(number)
        _, err = process.communicate(timeout=60)
    assert process.returncode == 128 + number, err
    assert "the node itself was not touched" in err
    assert not os.path.exists(folder)


def copy_of(pid):
    """The copy that the tools of a process work on, as soon as one of them does."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        for other in filter(str.isdigit, os.listdir("/proc")):
            with contextlib.suppress(OSError), open(f"/proc/{other}/cmdline", errors="replace") as file:
                words = file.read().split("\0")
                tool = next((word for word in words if word.endswith("/usr/sbin/pct")), "")
                if "phoenix-rehearsal-" in tool and pid in ancestors(other):
                    return tool[: -len("/usr/sbin/pct")]
        time.sleep(0.02)
    raise AssertionError("no tool was run")


def ancestors(pid):
    found = []
    while pid not in ("0", "1"):
        with open(f"/proc/{pid}/stat") as file:
            pid = file.read().rpartition(")")[2].split()[1]
        found.append(int(pid))
    return found


def test_nothing_but_files_is_asked_of_a_node(built, tmp_path):
    """The tools of this node leave a trace; it has no sign of being a rehearsal node."""
    world = World(built, make_node(tmp_path / "real"))
    shutil.rmtree(world.root / "usr/share")
    pve = world.root / "etc/pve"
    (pve / "storage.cfg").write_text(
        (pve / "storage.cfg").read_text() + "\nlvmthin: thin\n\tthinpool data\n\tvgname pve\n\tcontent rootdir,images\n"
        "\nzfspool: tank\n\tpool tank/vm\n\tcontent rootdir,images\n"
    )
    (pve / "lxc/101.conf").write_text("hostname: a\nrootfs: thin:vm-101-disk-0,size=8G\nmp0: /srv/data,mp=/data\n")
    (pve / "lxc/102.conf").write_text(
        "lock: backup\nrootfs: tank:subvol-102-disk-1,size=4G\n[s]\nmp1: thin:vm-102-disk-3\n"
    )
    (world.root / "srv/data").mkdir(parents=True)
    (world.root / "proc/net/unix").write_text("Num Path\n0: 1 2 3 @/var/lib/lxc/101/command\n")
    (world.root / "var/lib/dpkg").mkdir(parents=True)
    (world.root / "var/lib/dpkg/status").write_text("Package: a\nVersion: 1\n\nPackage: pve-manager\nVersion: 8.2.4\n")
    keep = tmp_path / "kept"
    assert world.phoenix("version").code == 0  # unpacks the product, which the node may have
    with world.untouched():
        found = world.document("create", "9001", f"--keep={keep}")
    assert found["exit_code"] == 0, found
    assert not (world.root / "called").exists()
    assert (found["node"]["name"], found["node"]["version"]) == ("pve1", "8.2.4")
    assert any("8.2.4; the rehearsal behaves as 8.4" in doubt for doubt in found["could_differ"])
    assert [guest["id"] for guest in found["guests"]] == ["9001"]
    assert (keep / "dev/pve/vm-101-disk-0").stat().st_size == 8 << 30
    assert {path.name for path in (keep / "dev/pve").iterdir()} == {
        *("vm-101-disk-0", "vm-102-disk-3", "snap_vm-102-disk-3_s")
    }
    assert (keep / "tank/vm/subvol-102-disk-1").is_dir()
    assert (keep / "srv/data").is_dir()
    listed = subprocess.run([str(keep / "usr/sbin/pct"), "list"], capture_output=True, text=True, check=True, env={})
    assert [line.split()[:2] for line in listed.stdout.splitlines()[1:]] == [
        ["101", "running"],
        ["102", "stopped"],
        ["9001", "running"],
    ]


def test_without_proxmox_ve_a_fresh_node_takes_its_place(built, tmp_path):
    world = World(built, tmp_path / "bare")
    world.root.mkdir()
    assert world.phoenix("init").code == 0
    with world.untouched():
        ran = world.rehearse("create", "9001")
    assert ran.code == 0
    assert f"there is no Proxmox VE on {world.root}: a fresh node takes its place" in ran.err
    assert "+hostname: web" in ran.out.splitlines()


def test_an_unmounted_cluster_file_system_is_not_taken_for_a_machine_without_one(built, tmp_path):
    world = World(built, tmp_path / "node")
    (world.root / "etc/pve").mkdir(parents=True)
    assert world.phoenix("init").code == 0
    assert world.rehearse("create", "9001").code == 6


@pytest.mark.parametrize(
    "words",
    [
        *(
            ["rehearse"],
            ["rehearse", "init"],
            ["rehearse", "node", "new", "/x"],
            ["rehearse", "rehearse", "create", "all"],
        ),
        *(["rehearse", "help"], ["rehearse", "list"], ["rehearse", "create"], ["rehearse", "lxc-manager"]),
        *(["rehearse", "create", "all", "--keep="], ["create", "9001", "--keep=/tmp/x"]),
    ],
)
def test_words_that_cannot_be_meant(world, words):
    with world.untouched():
        ran = world.phoenix(*words)
    assert (ran.code, ran.out) == (2, "")
    assert len(ran.err.splitlines()) > 1


def test_a_target_that_is_none_is_said_before_anything_is_copied(world):
    ran = world.rehearse("create", "9002")
    assert (ran.code, ran.out) == (4, "")
    assert "rehearsal:" not in ran.err


def test_folders_that_a_node_cannot_be_made_in(world, tmp_path):
    (tmp_path / "full").mkdir()
    (tmp_path / "full/mine").touch()
    places = (tmp_path / "full", world.root, world.root / "etc/pve/x", world.root / "srv/x", "/etc/pve/x", "/proc/x")
    for place in places:
        with world.untouched():
            ran = world.rehearse("create", "9001", f"--keep={place}")
            made = world.run("node", "new", str(place))
        assert (ran.code, made.code) == (8, 8), (place, ran, made)
    assert [path.name for path in (tmp_path / "full").iterdir()] == ["mine"]


def test_five_hundred_guests_take_a_few_seconds(world, tmp_path):
    folder = world.root / "etc/pve/nodes/pve/lxc"
    sockets = ""
    for guest in range(1000, 1500):
        disks = "".join(f"mp{n}: local-lvm:vm-{guest}-disk-{n + 1},mp=/m{n},size=1G\n" for n in range(3))
        (folder / f"{guest}.conf").write_text(
            f"hostname: g{guest}\nrootfs: local-lvm:vm-{guest}-disk-0,size=8G\n{disks}"
        )
        sockets += f"0: 2 0 10000 1 1 {guest} @/var/lib/lxc/{guest}/command\n"
    with open(world.root / "proc/net/unix", "a") as file:
        file.write(sockets)
    begun = os.times()
    found = world.document("stop", "9001")
    ended = os.times()
    # What it costs, not how long it takes: this machine may be busy with other tests.
    assert ended.children_user + ended.children_system - begun.children_user - begun.children_system < 8
    assert [guest["id"] for guest in found["guests"]] == ["9001"]


def test_the_predecessors_four_containers_are_four_diffs(built, tmp_path, repository):
    inputs = repository / "tests/inputs/predecessor"
    world = World(built, tmp_path / "node")
    assert world.run("node", "new", str(world.root), "--pve=8", f"--from={inputs}/setup.json").code == 0
    for name in ("101/logs", "101/ssl", "102/certs", "103/ssl"):
        (world.root / "mnt/pve/quickOS/lxc-persistent-data" / name).mkdir(parents=True)
    shutil.copytree(inputs / "four/lxc", world.root / "etc/phoenix/lxc")
    assert world.phoenix("check").code == 0
    with world.untouched():
        ran = world.rehearse("create", "all")
    assert ran.code == 0, ran
    diffs = [line for line in ran.out.splitlines() if line.startswith("+++ ")]
    assert diffs == [f"+++ /etc/pve/lxc/{guest}.conf" for guest in (101, 102, 103, 900)]
    assert "+hostname: Step-CA" in ran.out.splitlines()
    assert "  made     quickOS-lxc-disks:subvol-101-disk-0  32G" in ran.out.splitlines()


def test_what_is_secret_or_large_has_a_stand_in_on_the_copy(world):
    password = world.root / "root/pw"
    password.parent.mkdir()
    password.write_text("root:$6$abcdefgh$" + "s" * 86 + "\n")
    password.chmod(0o600)
    new = f"""hostname = "new"
ostemplate = "{TEMPLATE}"
sha512 = "{"0" * 128}"
rootfs = {{ storage = "local", size = "1G" }}
password_file = "/root/pw"
"""
    (world.root / "etc/phoenix/lxc/9002.toml").write_text(new)
    with world.untouched():
        ran = world.rehearse("create", "9002", "--dry-run")
    assert ran.code == 0, ran
    assert "$ pct exec 9002 --keep-env 0 -- chpasswd -e" in ran.out
    with world.untouched():
        ran = world.rehearse("create", "9002")
    assert "sha512 was not checked" in ran.err, ran
    assert "s" * 86 not in ran.out + ran.err
