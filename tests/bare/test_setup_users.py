"""The section [users] with the real useradd and its like, on bare Debian; also where useradd was killed."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess

import pytest

from tests.bare.test_setup_apt import World
from tests.conftest import unavailable
from tests.rehearsal import realparts

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAlice alice@desk"
HASH = "$6$salt$" + "a" * 86
TOML = f"""\
[users.system.alice]
comment = "Alice"
groups = ["adm", "ops"]
keys = ["{KEY}"]
password_hash_file = "/root/alice.hash"
"""
BEGUN = ("useradd", "--create-home", "--shell", "/bin/bash", "--comment", "Alice", "--groups", "adm", "alice")


@pytest.fixture(params=["bookworm", "trixie"])
def world(bare, built, request):
    found = World(bare(request.param), built)
    file = found.node.path("/root/alice.hash")
    file.write_text(HASH + "\n")
    file.chmod(0o600)
    return found


def is_as_wanted(world):
    """What the system's own programs say of the account."""
    node = world.node
    assert node.run("id", "-nG", "alice").out.split() == ["alice", "adm", "ops"]
    assert node.run("getent", "passwd", "alice").out == "alice:x:1000:1000:Alice:/home/alice:/bin/bash\n"
    assert node.run("getent", "shadow", "alice").out.startswith(f"alice:{HASH}:")
    keys = node.path("/home/alice/.ssh/authorized_keys")
    assert keys.read_text() == f"# phoenix begin\n{KEY}\n# phoenix end\n"
    for path, mode in ((keys, 0o600), (keys.parent, 0o700)):
        facts = path.stat()
        assert (stat.S_IMODE(facts.st_mode), facts.st_uid, facts.st_gid) == (mode, 1000, 1000)
    assert node.path("/home/alice").stat().st_uid == 1000
    assert world.setup(TOML).out == "pve  nothing to do\n"


def test_an_account(world):
    world.node.run("groupadd", "--gid", "2000", "ops")
    ran = world.setup(TOML)
    assert ran.code == 0, ran
    is_as_wanted(world)
    assert HASH not in ran.out + ran.err


@pytest.mark.parametrize(("call", "number"), [("rename", 2), ("rename", 3), ("rename", 4), ("mkdir", 1)])
def test_an_account_whose_useradd_was_killed(bare, built, call, number):
    if not shutil.which("strace"):
        unavailable("strace is not installed: apt-get install strace")
    world = World(bare("bookworm"), built)
    file = world.node.path("/root/alice.hash")
    file.write_text(HASH + "\n")
    file.chmod(0o600)
    world.node.run("groupadd", "--gid", "2000", "ops")
    kill = ["strace", "-f", "-o", os.devnull, "-e", f"inject={call}:signal=KILL:when={number}"]
    ran = subprocess.run([*kill, *world.node.argv(BEGUN)], check=False, capture_output=True)
    assert ran.returncode in (-9, 137), ran
    assert "alice" in world.node.path("/etc/passwd").read_text()
    ran = world.setup(TOML)
    assert ran.code == 0, ran
    is_as_wanted(world)


def make_sudo(target):
    """sudo and what it needs; fetched here, for the node has no network."""
    target.mkdir()
    subprocess.run(["apt-get", "download", "-qq", "sudo", "libapparmor1"], cwd=target, check=True)


def test_sudo_is_brought_by_a_set_of_files_and_asked_whether_a_rule_is_right(bare, built):
    world = World(bare("bookworm"), built)
    toml = "[users.system.alice]\nsudo = true\n"
    ran = world.setup(toml)
    assert (ran.code, "sudo is not installed" in ran.err) == (6, True)
    for path in realparts.made_once("sudo", make_sudo).iterdir():
        world.node.put(path, f"/srv/debs/{path.name}")
    world.sums()
    toml = '[apt]\noffline.folder = "/srv/debs"\n' + toml
    ran = world.setup(toml)
    assert ran.code == 0, ran
    assert "(ALL : ALL) ALL" in world.node.run("sudo", "-l", "-U", "alice").out
    assert world.node.run("visudo", "-c").code == 0
    assert world.setup(toml).out == "pve  nothing to do\n"
