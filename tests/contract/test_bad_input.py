"""Bad input, through dispatcher and child: one message, the next step, the exit code of the table, nothing changed."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from tests.conftest import unavailable

pytestmark = pytest.mark.processes

ROOT = os.geteuid() == 0
DISPATCHER = (
    "import sys; sys.path.append(sys.argv[1] + '/library.zip'); from phoenix.dispatch.main import main; "
    "sys.exit(main(sys.argv[1], sys.argv[2:]))"
)
GOOD = """hostname = "web"
ostemplate = "local:vztmpl/debian-12.tar.zst"
rootfs = { storage = "local", size = "8G" }
net0 = { name = "eth0", bridge = "vmbr0" }
"""
MEMBERS = '{\n"nodename": "pve1",\n"version": 5,\n"cluster": { "name": "c", "nodes": 2, "quorate": %d }\n}\n'
OURS = "#Made by Phoenix, mark 0123456789abcdef0123456789abcdef\n"
REST = "hostname: web\nmemory: 512\nrootfs: local:9001/vm-9001-disk-0.raw,size=8G\nunprivileged: 1\n"


def make_node(root):
    """A node that has all that 9001 needs, whose tools leave a trace when they are called."""
    for folder in (
        *(f"etc/pve/nodes/{node}/{kind}" for node in ("pve1", "pve2") for kind in ("lxc", "qemu-server")),
        *("etc/phoenix/lxc", "etc/phoenix/vm", "proc/net", "run/lock", "sys/class/net/vmbr0", "usr/sbin"),
        *("usr/share/phoenix-rehearsal", "var/lib/vz/template/cache"),
    ):
        (root / folder).mkdir(parents=True)
    (root / "etc/pve/local").symlink_to("nodes/pve1")
    (root / "etc/pve/lxc").symlink_to("local/lxc")
    (root / "etc/pve/qemu-server").symlink_to("local/qemu-server")
    (root / "etc/pve/.members").write_text(MEMBERS % 1)
    (root / "etc/pve/storage.cfg").write_text("dir: local\n\tpath /var/lib/vz\n\tcontent vztmpl,rootdir\n")
    (root / "proc/net/unix").write_text("Num Path\n")
    (root / "var/lib/vz/template/cache/debian-12.tar.zst").touch()
    for tool in ("pct", "qm", "pvesm"):
        (root / f"usr/sbin/{tool}").write_text(f"#!/bin/sh\necho $0 $* >>{root}/called\nexit 255\n")
        (root / f"usr/sbin/{tool}").chmod(0o755)
    (root / "etc/phoenix/lxc/9001.toml").write_text(GOOD)
    for path in (root / "etc/phoenix", *(root / "etc/phoenix").rglob("*")):
        path.chmod(0o755 if path.is_dir() else 0o644)
    return root


@pytest.fixture
def node(tmp_path):
    return make_node(tmp_path / "node")


def snapshot(root):
    """Everything in a tree but locks: kind and mode, owner, time, content."""
    seen = {}
    for path in sorted(root.rglob("*")):
        name = str(path.relative_to(root))
        if not name.startswith("run/lock"):
            facts = path.lstat()
            content = os.readlink(path) if path.is_symlink() else path.read_bytes() if path.is_file() else ""
            seen[name] = (facts.st_mode, facts.st_uid, facts.st_mtime_ns, content)
    return seen


def run(tree, root, *words, python=sys.executable, **options):
    argv = [python, "-B", "-IS", "-c", DISPATCHER, str(tree), f"--root={root}", *words]
    return subprocess.run(
        argv, capture_output=True, text=True, check=False, env={}, stdin=subprocess.DEVNULL, **options
    )


def refused(tree, root, words, code, said, step, **options):
    """Run, and hold the answer to what every error has to be; twice, for people and for machines."""
    before = snapshot(root)
    ran = run(tree, root, *words, **options)
    assert ran.returncode == code, ran
    assert ran.stdout == ""
    assert "Traceback" not in ran.stderr
    assert ran.stderr.startswith("error: "), ran.stderr
    assert ran.stderr.count("error: ") == 1
    assert said in ran.stderr
    following = "\nUsage:\n" if step == "Usage:" else "\nnext:  "
    assert ran.stderr.count(following) == 1, ran.stderr
    assert step in ran.stderr.partition(following)[2] or step == "Usage:"
    again = run(tree, root, *words, "--output=json", **options)
    document = json.loads(again.stdout)
    assert (again.returncode, document["version"], document["exit_code"]) == (code, 1, code)
    assert said in document["error"]["message"]
    assert again.stderr == ran.stderr
    assert snapshot(root) == before


def write(name, text):
    return lambda root: (root / name).write_text(text)


def mode(name, bits):
    return lambda root: (root / name).chmod(bits)


def gone(name):
    def act(root):
        shutil.rmtree(root / name) if (root / name).is_dir() else (root / name).unlink()

    return act


def instead(name, make):
    """Something else in the place of a file or folder."""

    def act(root):
        gone(name)(root)
        make(root / name)

    return act


def both(*actions):
    return lambda root: [action(root) for action in actions]


TOML, PHOENIX = "etc/phoenix/lxc/9001.toml", "etc/phoenix"
INIT, LIST, EDIT = "phoenix.pyz init", "phoenix.pyz list", "phoenix.pyz check"


def toml(more, old="", new=""):
    """The good file with more in it, or something else in the place of a part of it."""
    return write(TOML, GOOD.replace(old, new) + more)


def latin(root):
    (root / TOML).write_bytes(b"a = 1\nb = '\xff'\n")


CONFIGURATION = {
    "none": (gone(PHOENIX), 3, "etc/phoenix: there is no configuration", INIT),
    "a file": (instead(PHOENIX, Path.touch), 3, "etc/phoenix: there is no configuration", INIT),
    "empty": (both(gone(f"{PHOENIX}/lxc"), gone(f"{PHOENIX}/vm")), 4, "9001 is not in ", LIST),
    "no such file": (gone(TOML), 4, "9001 is not in ", LIST),
    "a folder": (instead(TOML, Path.mkdir), 3, "9001.toml: ", "ls -l"),
    "a pipe": (instead(TOML, os.mkfifo), 3, "9001.toml: ", "ls -l"),
    "a dangling link": (instead(TOML, lambda path: path.symlink_to("no")), 4, "9001 is not in ", LIST),
    "writable by the group": (mode(TOML, 0o664), 3, "9001.toml: writable by others (mode 0664)", "chmod go-w"),
    "writable by all": (mode(TOML, 0o646), 3, "9001.toml: writable by others (mode 0646)", "chmod go-w"),
    "folder writable": (mode(f"{PHOENIX}/lxc", 0o777), 3, "lxc: writable by others", "chmod go-w"),
    "top folder writable": (mode(PHOENIX, 0o775), 3, "phoenix: writable by others", "chmod go-w"),
    "not TOML": (toml("memory = = 1\n"), 3, "9001.toml: Invalid value (at line 5", "edit "),
    "not UTF-8": (latin, 3, "9001.toml: line 2: not UTF-8", "edit "),
    "empty file": (write(TOML, ""), 3, "9001.toml: ostemplate: expected a template", EDIT),
    "too large": (write(TOML, "#" * (1 << 20) + "\n"), 3, "9001.toml: larger than 1 MiB", "ls -l"),
    "unknown key": (toml("memori = 1\n"), 3, "9001.toml: memori: unknown key; did you mean memory?", EDIT),
    "unknown property": (toml("", "bridge", "brigde"), 3, "net0.brigde: unknown key; did you mean bridge?", EDIT),
    "wrong type": (toml('memory = "1G"\n'), 3, "memory: expected an integer, at least 16, found '1G'", EDIT),
    "true for a number": (toml("cores = true\n"), 3, "cores: expected an integer", EDIT),
    "out of range": (toml("memory = 15\n"), 3, "memory: expected an integer, at least 16, found 15", EDIT),
    "nested deeply": (write(TOML, "a = " + "[" * 9999 + "]" * 9999), 3, "9001.toml: nested too deeply", "edit "),
    "huge number": (toml(f"cores = {'9' * 9999}\n"), 3, "9001.toml: ", "edit "),
    "in two folders": (write(f"{PHOENIX}/vm/9001.toml", ""), 3, "9001 is in two folders: ", "remove one"),
}  # fmt: skip


@pytest.mark.parametrize("name", CONFIGURATION)
def test_a_configuration_that_cannot_be_used(stage, node, name):
    prepare, code, said, step = CONFIGURATION[name]
    prepare(node)
    refused(stage, node, ["create", "9001"], code, said, step)


@pytest.mark.skipif(not ROOT, reason="only root can give a file away")
@pytest.mark.parametrize("name", [TOML, f"{PHOENIX}/lxc", PHOENIX])
def test_a_configuration_of_another_user(stage, node, name):
    os.chown(node / name, 4242, 4242)
    refused(stage, node, ["create", "9001"], 3, f"{node}/{name}: belongs to user 4242", "chown ")


BAD_IDS = ("", "-5", "9_001", "\uff19\uff10\uff10\uff11", "09001", "99", "1000000000", "../9001", "9001\n", " 9001")


@pytest.mark.parametrize("verb", ["create", "delete", "plan"])
@pytest.mark.parametrize("word", BAD_IDS)
def test_what_is_no_id_is_no_target(stage, node, verb, word):
    # A word that begins with a dash is an option, unless `--` says that no more options come.
    before = snapshot(node)
    ran = run(stage, node, "--yes", "--output=json", verb, "--", word)
    assert ran.returncode == 2, ran
    assert json.loads(ran.stdout)["exit_code"] == 2
    assert ran.stderr.startswith(f"error: {word!r} is neither an ID from 100 to 999999999")
    assert len(ran.stderr.splitlines()) == 2
    assert snapshot(node) == before


def test_a_target_that_begins_with_a_dash_needs_no_guess(stage, node):
    refused(stage, node, ["create", "-5"], 2, "create needs a target", "Usage:")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["create", "9002"], "9002 is not in "),
        (["create", "9001", "9002"], "9002 is not in "),
        (["create", "wob"], "has the hostname wob; did you mean web?"),
        (["help", "creat"], "there is no help on 'creat'; did you mean create?"),
    ],
)
def test_an_unknown_name_is_said_with_the_nearest(stage, node, words, said):
    refused(stage, node, words, 4, said, "phoenix.pyz ")


def test_an_unknown_manager_is_said_with_the_nearest(stage, node):
    ran = subprocess.run(
        [sys.executable, "-B", "-IS", "-c", DISPATCHER, str(stage), "lxd-manager", "--action=status"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (ran.returncode, ran.stdout) == (4, "")
    assert ran.stderr.startswith("error: there is no lxd-manager; did you mean lxc-manager?\nnext:  ")


PVE, CONF = "etc/pve", "etc/pve/nodes/pve1/lxc/9001.conf"
OF_VM, ELSEWHERE = f"{PVE}/nodes/pve1/qemu-server/9001.conf", f"{PVE}/nodes/pve2/lxc/9001.conf"
TEMPLATE = "var/lib/vz/template/cache/debian-12.tar.zst"


def emptied(root):
    gone(PVE)(root)
    (root / PVE).mkdir()


NODE = {
    "no /etc/pve": (gone(PVE), 6, "is not a Proxmox VE node", "phoenix.pyz node new"),
    "/etc/pve is empty": (emptied, 6, "the cluster file system is not mounted", "systemctl status pve-cluster"),
    "no quorum": (write(f"{PVE}/.members", MEMBERS % 0), 6, "the cluster has no quorum", "pvecm status"),
    "no pct": (gone("usr/sbin/pct"), 6, "pct is not installed", "apt-get install"),
    "no template": (gone(TEMPLATE), 6, "there is no template local:", "pveam download"),
    "no storage": (toml("", "local", "fast"), 6, "there is no storage fast", "pvesm add"),
    "no bridge": (gone("sys/class/net/vmbr0"), 6, "there is no bridge vmbr0", "ip link"),
    "no /proc": (both(gone("proc"), write(CONF, OURS + REST)), 6, "/proc/net/unix cannot be read", "mount"),
    "not ours": (write(CONF, REST), 8, "not provably Phoenix's own", "pct config 9001"),
    "no record": (write(CONF, OURS + REST), 8, "not provably Phoenix's own", "pct config 9001"),
    "a virtual machine": (write(OF_VM, ""), 8, "taken by VM 9001 on node 'pve1'", "another ID"),
    "on another node": (write(ELSEWHERE, ""), 8, "taken by CT 9001 on node 'pve2'", "another ID"),
    "half made by others": (write(CONF, "lock: create\n"), 8, "half made (lock: create), and not", "pct config"),
}  # fmt: skip


@pytest.mark.parametrize("name", NODE)
def test_a_node_that_cannot_take_it(stage, node, name):
    prepare, code, said, step = NODE[name]
    prepare(node)
    refused(stage, node, ["create", "9001"], code, said, step)


@pytest.mark.parametrize("verb", ["start", "stop", "restart", "delete"])
def test_a_guest_that_is_not_ours_is_left_alone_by_every_verb(stage, node, verb):
    write(CONF, OURS + REST)(node)
    refused(stage, node, [verb, "9001", "--yes"], 8, "not provably Phoenix's own", "pct config 9001")


@pytest.mark.parametrize("verb", ["start", "stop", "restart"])
def test_a_guest_that_is_not_there_is_said_with_how_to_make_it(stage, node, verb):
    refused(stage, node, [verb, "9001"], 1, "9001 is not created", "phoenix.pyz create 9001")


def test_a_deletion_that_nobody_can_be_asked_about(stage, node):
    refused(stage, node, ["delete", "9001"], 2, "deleting needs --yes", "--yes")


def test_nothing_is_started_by_reading_verbs(stage, node):
    before = snapshot(node)
    for words in (["plan", "9001"], ["status"], ["list"], ["check"], ["create", "9001", "--dry-run"]):
        assert run(stage, node, *words).returncode == 0
    assert snapshot(node) == before
    assert not (node / "run/lock/phoenix").exists()


@pytest.fixture
def nobody(stage):
    """A build and a node that everybody can read, and what makes the dispatcher run as somebody who is not root."""
    folder = Path(tempfile.mkdtemp(prefix="phoenix-"))
    try:
        folder.chmod(0o755)
        options = {"python": sys.executable}
        if ROOT:
            options = {"python": shutil.which("python3", path="/usr/bin:/bin"), "user": 65534, "group": 65534}
            if not options["python"]:
                unavailable("there is no /usr/bin/python3 that nobody could run")
        shutil.copytree(stage, folder / "tree")
        yield folder / "tree", make_node(folder / "node"), options
    finally:
        shutil.rmtree(folder)


def test_changing_a_node_takes_root(nobody):
    tree, root, options = nobody
    shutil.rmtree(root / "usr/share/phoenix-rehearsal")
    refused(tree, root, ["create", "9001"], 6, "changing a node takes root", "as root", **options)
    assert run(tree, root, "plan", "9001", **options).returncode == 0


def test_a_configuration_that_is_unreadable(nobody):
    tree, root, options = nobody
    (root / TOML).chmod(0)
    before = snapshot(root) if ROOT else None
    ran = run(tree, root, "create", "9001", **options)
    assert ran.returncode == 3, ran
    assert f"{root}/{TOML}: cannot be read: Permission denied\nnext:  ls -l " in ran.stderr
    assert before in (None, snapshot(root) if ROOT else None)
