"""What qm says and is not so: each of its lies, told by the rehearsal node, and what vm-manager makes of it."""

from __future__ import annotations

import json

import pytest

from phoenix import process
from phoenix.errors import ConfigError, NotReady, OperationFailed, PartlyDone
from phoenix.rehearsal import volumes
from phoenix.rehearsal.failures import Failure
from tests.rehearsal.forked import World

pytestmark = pytest.mark.processes

PLAIN = {
    "name": "web",
    "agent": True,
    "scsi0": {"storage": "local", "size": "1G"},
    "phoenix": {"state": "running"},
}
HASH = "$6$abcdefgh$" + "x" * 86


@pytest.fixture
def world(tmp_path, monkeypatch):
    made = World(tmp_path / "node", "9002", kind="vm")
    monkeypatch.setattr(process, "run_tool", made.tool)
    monkeypatch.setattr("phoenix.reconcile.EFFECT_SECONDS", 0.2)
    monkeypatch.setattr("phoenix.guests.waiting.PING_SECONDS", 1.0)
    (made.root / "usr/share/phoenix-rehearsal/agents").mkdir(parents=True)
    answers(made)
    return made


def answers(world, text="{}"):
    (world.root / "usr/share/phoenix-rehearsal/agents/all.json").write_text(text)


def feature(world, apply):
    """The machine is to have a feature."""
    folder = world.root / "etc/phoenix/features/web"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "apply").write_text(f"#!/bin/sh\n{apply}\n")
    (folder / "apply").chmod(0o755)
    (folder / "feature.toml").write_text("timeout = 1\n")
    return {"phoenix": {"provision": ["web"], "wait": {"agent": 2}}}


def fault(command, what):
    """From now on a command of qm goes wrong."""

    def prepare(world):
        (world.root / "faults.toml").write_text(f'[[fault]]\ncommand = "{command}"\n{what}\n')

    return prepare


SUCCESS = 'before = { code = 0, stderr = "no such luck" }'
FAILURE = 'after = { code = 255, stderr = "no such luck" }'
GROWN = {"scsi0": {"storage": "local", "size": "2G"}}
SAID = "reported success, but what it was to do is not there"
# what qm does and says, of which file, after it was made as PLAIN or not, the fault, the action: what becomes of it
LIES = {
    "qm create ends with 0 and has made nothing": (
        {}, False, fault("qm create", SUCCESS), "create", OperationFailed, f"`qm create` {SAID}; it is not created",
    ),
    "qm create ends with 255 and has made it": ({}, False, fault("qm create", FAILURE), "create", None, "running"),
    "qm clone ends with 0 and has made nothing": (
        {"clone": {"from": 9003}, "agent": True, "scsi0": PLAIN["scsi0"]}, False, fault("qm clone", SUCCESS), "create",
        OperationFailed, f"`qm clone` {SAID}; it is not created",
    ),
    "qm start ends with 0 and it does not run": (
        {}, False, fault("qm start", SUCCESS), "create", OperationFailed, f"`qm start` {SAID}; it is stopped",
    ),
    "qm start ends with 255 and it runs": ({}, False, fault("qm start", FAILURE), "create", None, "running"),
    "qm set ends with 0 and has changed nothing": (
        {"onboot": True}, True, fault("qm set", SUCCESS), "create", OperationFailed, f"`qm set` {SAID}; it is running",
    ),
    "qm set ends with 0 and the change waits": (
        {"cores": 2}, True, None, "create", PartlyDone, "1 change waits for a restart: cores",
    ),
    "qm disk resize refuses and ends with 0": (
        GROWN, True, fault("qm disk resize", SUCCESS), "create", OperationFailed,
        f"`qm disk resize` {SAID}; it is running",
    ),
    "qm disk resize ends with 255 and has done it": (
        GROWN, True, fault("qm disk resize", FAILURE), "create", None, "running",
    ),
    "qm shutdown ends with 0 and it runs on": (
        {}, True, fault("qm shutdown", SUCCESS), "stop", OperationFailed, f"`qm shutdown` {SAID}; it is running",
    ),
    "qm template ends with 0 and it is none": (
        {"phoenix": {"state": "template"}}, True, fault("qm template", SUCCESS), "create", OperationFailed,
        f"`qm template` {SAID}; it is stopped",
    ),
    "qm snapshot ends with 0 and there is none": (
        {}, True, fault("qm snapshot", SUCCESS), "snapshot", OperationFailed, f"`qm snapshot` {SAID}",
    ),
    "qm destroy ends with 0 and it is there": (
        {}, True, fault("qm destroy", SUCCESS), "delete", OperationFailed, f"`qm destroy` {SAID}; it is stopped",
    ),
    "qm create takes a boot order of disks that are not there": (
        {"boot": {"order": ["scsi1"]}}, False, None, "create", ConfigError, "boot.order: there is no scsi1",
    ),
    "qm create takes a bridge that is not there": (
        {"net0": {"model": "virtio", "bridge": "vmbr9"}}, False, None, "create", NotReady, "there is no bridge vmbr9",
    ),
    "qm create takes more processors than qm start": (
        {"cores": 64}, False, None, "create", NotReady, "it is to have 64 processors, and the node has 2",
    ),
}  # fmt: skip


def told(world, action):
    """What an action says: the error, or the state that it ends in."""
    try:
        world.call(action, **{"--name": "s1"})
    except (ConfigError, NotReady, OperationFailed, PartlyDone) as error:
        return type(error), error.message
    found = world.work().observe()
    return None, found.state


@pytest.mark.parametrize("lie", LIES)
def test_it_is_not_believed(world, lie, capsys):
    more, made, prepare, action, kind, words = LIES[lie]
    if "clone" in more:
        world.other("9003").write({**PLAIN, "phoenix": {"state": "template"}})
        world.other("9003").call("create")
    if made:
        world.write({**PLAIN, "scsi0": {**PLAIN["scsi0"], "format": "qcow2"}})
        world.call("create")
        more = {**more, "scsi0": {**more.get("scsi0", PLAIN["scsi0"]), "format": "qcow2"}}
    world.write({**PLAIN, **more})
    if prepare:
        prepare(world)
    error, said = told(world, action)
    assert (error, words in said) == (kind, True), said
    (world.root / "faults.toml").unlink(missing_ok=True)
    if kind is OperationFailed:  # the same again goes on, once qm does what it says
        assert told(world, action)[0] is None


def test_a_disk_that_qm_destroy_leaves_is_named(world, monkeypatch, capsys):
    """qm destroy warns, ends with 0, and the disk stays."""
    world.write(PLAIN)
    world.call("create")
    free = volumes.free

    def refuses(tree, volume):
        if volume.endswith("disk-0.raw"):
            raise Failure("device or resource busy")
        free(tree, volume)

    monkeypatch.setattr(volumes, "free", refuses)
    error, said = told(world, "delete")
    assert error is PartlyDone
    assert "volumes of it are left: local:9002/vm-9002-disk-0.raw" in said
    assert not world.conf.exists()
    monkeypatch.setattr(volumes, "free", free)
    error, said = told(world, "delete")
    assert error is PartlyDone
    (world.root / "var/lib/vz/images/9002/vm-9002-disk-0.raw").unlink()
    assert told(world, "delete")[0] is None


@pytest.mark.parametrize(
    ("apply", "error", "words"),
    [
        ("echo hello; exit 3", OperationFailed, "feature web: apply ended with 3; its last words:\n       hello"),
        ("sleep 30", PartlyDone, "`provision 9002` still runs after 1 s"),
        ("kill -9 $$", OperationFailed, "feature web: apply ended with 137"),
        ("kill -9 $PPID", OperationFailed, "`provision 9002` ended with 137"),
        ("echo fine", None, "running"),
    ],
)
def test_what_became_of_a_program_is_not_what_qm_guest_exec_ends_with(world, apply, error, words, capsys):
    """It ends with 0 whatever became of it, and with 0 and a number while it still runs."""
    world.write({**PLAIN, **feature(world, apply)})
    found, said = told(world, "create")
    assert (found, words in said) == (error, True), said
    assert world.work().observe().running


def test_an_agent_that_never_comes_is_a_state_of_its_own(world, capsys):
    (world.root / "usr/share/phoenix-rehearsal/agents/all.json").unlink()
    world.write({**PLAIN, "phoenix": {"wait": {"agent": 1}}})
    error, said = told(world, "create")
    assert error is PartlyDone
    assert "9002 runs, but its agent was not ready within 1 s: QEMU guest agent is not running" in said
    assert world.work().observe().running
    answers(world)
    assert told(world, "create") == (None, "running")
    before = world.calls
    assert told(world, "create") == (None, "running")
    assert world.calls == before


def test_an_agent_that_the_machine_was_started_without_is_not_waited_for(world, capsys):
    world.write({key: value for key, value in PLAIN.items() if key != "agent"})
    world.call("create")
    world.write({**PLAIN, "phoenix": {"wait": {"agent": 600}}})
    error, said = told(world, "create")
    assert error is PartlyDone
    assert "it was started without one; phoenix.pyz restart 9002" in said


@pytest.mark.parametrize(
    ("code", "error", "words"),
    [
        (0, None, "running"),
        (2, None, "running"),
        (1, PartlyDone, "its cloud-init was not ready within 3 s: cloud-init status ended with 1: status: error"),
    ],
)
def test_cloud_init_is_done_when_it_says_so_itself(world, code, error, words, capsys):
    answers(world, json.dumps({"exec": {"exitcode": code, "out-data": "status: error\n"}}))
    world.write({**PLAIN, "phoenix": {"wait": {"cloud_init": 3}}})
    found, said = told(world, "create")
    assert (found, words in said) == (error, True), said


def test_a_password_is_neither_an_argument_nor_kept_plain(world, capsys):
    """qm create --cipassword would keep the text as it is."""
    path = world.root / "root/pw"
    path.parent.mkdir()
    path.write_text(HASH + "\n")
    path.chmod(0o600)
    drive = {"ide2": {"storage": "local", "cloudinit": True}}
    world.write({**PLAIN, **drive, "cipassword_file": "/root/pw"})
    world.call("create")
    assert f"cipassword: {HASH}\n" in world.conf.read_text()
    before = world.calls
    world.call("create")
    assert world.calls == before
    for folder in ("var/lib/phoenix", "var/log/phoenix", "var/log"):
        for file in (world.root / folder).rglob("*"):
            assert not file.is_file() or HASH not in file.read_text(errors="replace"), file
    assert HASH not in capsys.readouterr().err
    path.write_text(HASH.replace("x", "y") + "\n")
    world.call("create")
    assert HASH.replace("x", "y") in world.conf.read_text()
    path.write_text("secret\n")
    error, said = told(world, "create")
    assert error is ConfigError
    assert "secret" not in said
