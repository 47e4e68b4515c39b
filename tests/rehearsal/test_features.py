"""Features: applied once, in order, in the container; what fails, and what becomes of secrets."""

from __future__ import annotations

import json
import os

import pytest

from phoenix import process
from phoenix.errors import ConfigError, OperationFailed
from tests.rehearsal.forked import World
from tests.rehearsal.nodes import TEMPLATE

pytestmark = [
    pytest.mark.processes,
    pytest.mark.skipif(os.geteuid() != 0, reason="commands in rehearsed containers need root, or user name spaces"),
]

FILE = f"""\
hostname = "web"
ostemplate = "{TEMPLATE}"
rootfs = {{ storage = "local", size = "1G" }}
net0 = {{ name = "eth0", bridge = "vmbr0", ip = "10.0.0.5/24" }}
net1 = {{ name = "eth1", bridge = "vmbr0" }}
mp0 = {{ storage = "local", size = "1G", mp = "/a" }}
mp1 = {{ storage = "local", size = "1G", mp = "/b" }}
mp2 = {{ volume = "/srv/one", mp = "/c" }}
lxc = ["lxc.cap.drop: sys_time"]
"""
SECRET = "hunter2-hunter2"


@pytest.fixture
def world(tmp_path, monkeypatch):
    made = World(tmp_path / "node")
    monkeypatch.setattr(process, "run_tool", made.tool)
    return made


def feature(world, name, apply, *, check="", toml="", files=()):
    folder = world.root / "etc/phoenix/features" / name
    (folder / "files").mkdir(parents=True, exist_ok=True)
    for script, text in (("apply", apply), ("check", check)):
        if text:
            (folder / script).write_text(f"#!/bin/sh\n{text}\n")
            (folder / script).chmod(0o755)
    (folder / "feature.toml").write_text(toml)
    for path, text in files:
        (folder / "files" / path).write_text(text)


def wish(world, provision, more=""):
    world.file.write_text(f"{FILE}[phoenix]\nprovision = {provision}\n{more}")


def inside(world, path):
    place = world.root / "var/lib/phoenix-rehearsal/rootfs/9001" / path
    return place.read_text() if place.is_file() else None


def calls(world):
    lines = (world.root / "var/log/rehearsal-calls.jsonl").read_text().splitlines()
    return [json.loads(line)["argv"][1] for line in lines]


def test_a_feature_is_applied_once_and_nothing_but_what_it_takes_is_called(world):
    feature(world, "motd", 'cp files/motd /etc/motd; echo "$@" >>/etc/applied', files=[("motd", "hello\n")])
    wish(world, '[{ feature = "motd", arguments = ["one", "two words"] }]')
    assert world.call("create") == 0
    assert inside(world, "etc/motd") == "hello\n"
    assert inside(world, "etc/applied") == "one two words\n"
    assert calls(world) == ["create", "start", "push", "exec"]
    assert world.call("create") == 0
    assert calls(world) == ["create", "start", "push", "exec"]
    left = [path.name for path in (world.root / "var/lib/phoenix-rehearsal").glob("rootfs/9001/root/.phoenix-*")]
    assert left == []
    assert not list((world.root / "var/lib/phoenix/provision").iterdir())


def test_a_changed_feature_is_applied_again_and_so_is_any_that_is_asked_for(world):
    feature(world, "count", "echo once >>/etc/applied")
    wish(world, '["count"]')
    world.call("create")
    feature(world, "count", "echo twice >>/etc/applied")
    world.call("create")
    assert inside(world, "etc/applied") == "once\ntwice\n"
    world.call("create", **{"--reapply": True})
    assert inside(world, "etc/applied") == "once\ntwice\ntwice\n"
    world.call("create")
    assert inside(world, "etc/applied") == "once\ntwice\ntwice\n"


@pytest.mark.parametrize(
    ("toml", "words"),
    [
        ('kinds = ["vm"]', "features/machines: serves vm, and this guest is of kind lxc"),
        ('kinds = ["ct"]', 'kinds: expected a list of "lxc" and "vm"'),
        ("kinds = []", 'kinds: expected a list of "lxc" and "vm"'),
    ],
)
def test_a_feature_says_for_which_kinds_it_serves(world, toml, words):
    feature(world, "machines", "true", toml=toml)
    wish(world, '["machines"]')
    with pytest.raises(ConfigError) as caught:
        world.call("create")
    assert words in caught.value.message
    assert world.calls == 0
    feature(world, "machines", "true", toml='kinds = ["lxc"]')
    assert world.call("create") == 0


def test_what_a_check_finds_is_not_applied(world):
    feature(world, "there", "echo never >/etc/applied", check="exit 0")
    wish(world, '["there"]')
    assert world.call("create") == 0
    assert inside(world, "etc/applied") is None


def test_a_failure_is_told_in_the_scripts_last_words_and_tried_again(world):
    feature(world, "broken", "echo fetching; echo no such host >&2; exit 3")
    wish(world, '["broken"]')
    with pytest.raises(OperationFailed) as caught:
        world.call("create")
    assert "feature broken: apply ended with 3" in caught.value.message
    assert "no such host" in caught.value.message
    feature(world, "broken", "true")
    assert world.call("create") == 0


def test_a_check_that_fails_after_apply_is_a_failure(world):
    feature(world, "liar", "true", check="exit 5")
    wish(world, '["liar"]')
    with pytest.raises(OperationFailed, match="check ended with 5 after apply"):
        world.call("create")


def test_a_failing_pct_is_not_taken_for_a_failing_script(world):
    feature(world, "motd", "true")
    wish(world, '["motd"]')
    (world.root / "faults.toml").write_text('[[fault]]\ncommand = "pct exec"\ncall = 1\nbefore = { code = 0 }\n')
    with pytest.raises(OperationFailed) as caught:
        world.call("create")
    assert "feature motd" not in caught.value.message
    (world.root / "faults.toml").unlink()
    assert world.call("create") == 0


def test_a_script_need_not_end_its_last_line(world):
    feature(world, "motd", "printf done")
    wish(world, '["motd"]')
    assert world.call("create") == 0


def test_a_long_name_goes_along_and_a_link_is_refused(world):
    feature(
        world,
        "long",
        "test -s files/*",
        files=[
            ("a" * 120, "x"),
        ],
    )
    wish(world, '["long"]')
    assert world.call("create") == 0
    (world.root / "etc/phoenix/features/long/files/link").symlink_to("/nonexistent")
    with pytest.raises(ConfigError, match="is a link"):
        world.call("create")


def test_what_a_rollback_took_away_is_applied_again(world):
    feature(world, "motd", "echo hi >>/etc/applied")
    plain = FILE.replace('mp2 = { volume = "/srv/one", mp = "/c" }\n', "").replace('"local"', '"local-lvm"')
    world.file.write_text(plain)
    world.call("create")
    world.call("snapshot", **{"--name": "clean"})
    world.file.write_text(plain + '[phoenix]\nprovision = ["motd"]\n')
    world.call("create")
    world.call("rollback", **{"--name": "clean"})
    before = calls(world)
    assert world.call("create") == 0
    assert calls(world)[len(before) :] == ["push", "exec"]


def test_secrets_are_files_there_and_gone_afterwards(world):
    secret = world.root / "root/token"
    secret.parent.mkdir(exist_ok=True)
    secret.write_text(SECRET)
    secret.chmod(0o600)
    feature(world, "login", "stat -c %a secrets/token >/etc/mode; wc -c <secrets/token >/etc/size")
    wish(world, '[{ feature = "login", secrets = { token = "/root/token" } }]')
    assert world.call("create") == 0
    assert inside(world, "etc/mode") == "600\n"
    assert (inside(world, "etc/size") or "").strip() == str(len(SECRET))
    for path in (world.root / "var").rglob("*"):
        if path.is_file() and path.stat().st_size < 1 << 20:
            assert SECRET.encode() not in path.read_bytes(), path


def test_a_secret_that_others_can_read_is_refused(world):
    secret = world.root / "root/token"
    secret.parent.mkdir(exist_ok=True)
    secret.write_text(SECRET)
    secret.chmod(0o644)
    feature(world, "login", "true")
    wish(world, '[{ feature = "login", secrets = { token = "/root/token" } }]')
    with pytest.raises(ConfigError, match="others can read it"):
        world.call("create")


def test_features_are_applied_in_their_order_and_after_what_they_need(world):
    for name, toml in (("a", 'needs = ["c"]'), ("b", "order = 5"), ("c", "order = 50")):
        feature(world, name, f"echo {name} >>/etc/applied", toml=toml)
    wish(world, '["a", "b", "c"]')
    assert world.call("create") == 0
    assert inside(world, "etc/applied") == "b\nc\na\n"


@pytest.mark.parametrize(
    ("provision", "toml", "words"),
    [
        ('["none"]', "", "there is no "),
        ('["a"]', 'needs = ["b"]', "b is not in provision"),
        ('["a"]', "ordr = 5", "unknown key; did you mean order?"),
        ('["a"]', "timeout = 0", "timeout: expected an integer from 1"),
    ],
)
def test_what_is_wrong_with_a_feature_is_said_before_anything_is_made(world, provision, toml, words):
    feature(world, "a", "true", toml=toml)
    wish(world, provision)
    for action in ("check", "create"):
        with pytest.raises(ConfigError) as caught:
            world.call(action)
        assert words in caught.value.message
    assert not (world.root / "etc/pve/lxc/9001.conf").exists()


def test_a_container_that_is_to_be_stopped_runs_only_for_its_features(world):
    feature(world, "motd", "echo hi >/etc/applied")
    wish(world, '["motd"]', 'state = "stopped"\n')
    assert world.call("create") == 0
    assert calls(world) == ["create", "start", "push", "exec", "shutdown"]
    assert inside(world, "etc/applied") == "hi\n"


def test_a_password_comes_from_a_file_and_is_nowhere_else(world):
    line = "root:$6$abcdefgh$" + "x" * 86
    secret = world.root / "root/pw"
    secret.parent.mkdir(exist_ok=True)
    secret.write_text(line + "\n")
    secret.chmod(0o600)
    world.file.write_text(FILE + 'password_file = "/root/pw"\n')
    assert world.call("create") == 0
    assert "x" * 86 in (inside(world, "etc/shadow") or "")
    assert calls(world) == ["create", "start", "exec"]
    world.call("create")
    assert calls(world) == ["create", "start", "exec"]
    for path in (world.root / "var").rglob("*"):
        if path.is_file() and "shadow" not in path.name and path.stat().st_size < 1 << 20:
            assert b"x" * 86 not in path.read_bytes(), path


@pytest.mark.parametrize(
    "line", ["secret", "root:secret", "root:$y$j9T$a$b", "root:$6$rounds=5000$a$b", "web:$6$a$b", "root:$6$a$b\nx:y"]
)
def test_a_password_that_pct_would_hash_again_is_refused(world, line):
    secret = world.root / "root/pw"
    secret.parent.mkdir(exist_ok=True)
    secret.write_text(line)
    secret.chmod(0o600)
    world.file.write_text(FILE + 'password_file = "/root/pw"\n')
    with pytest.raises(ConfigError, match="expected one line"):
        world.call("create")
    assert not (world.root / "etc/pve/lxc/9001.conf").exists()
