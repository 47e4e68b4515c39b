"""Lives of containers under the manager: clones, templates, snapshots, firewalls, health, restarts, deletions."""

from __future__ import annotations

import http.server
import json
import os
import socket
import threading

import pytest

from phoenix import process
from phoenix.errors import Busy, ConfigError, NotReady, OperationFailed, PartlyDone, Refused, UsageError
from phoenix.guests import waiting
from phoenix.guests.ours import Check
from tests.rehearsal.forked import World
from tests.rehearsal.nodes import TEMPLATE

pytestmark = pytest.mark.processes

FILE = f"""\
hostname = "web"
ostemplate = "{TEMPLATE}"
rootfs = {{ storage = "local-lvm", size = "1G" }}
net0 = {{ name = "eth0", bridge = "vmbr0", ip = "127.0.0.1/8" }}
"""


@pytest.fixture
def world(tmp_path, monkeypatch):
    made = World(tmp_path / "node")
    monkeypatch.setattr(process, "run_tool", made.tool)
    return made


def calls(world):
    """What pct was told, and how often; a look at a storage that is no folder is none of that."""
    lines = (world.root / "var/log/rehearsal-calls.jsonl").read_text().splitlines()
    found = [json.loads(line)["argv"] for line in lines]
    return [argv[1] for argv in found if argv[0] != "pvesm"]


def conf(world, guest="9001"):
    return (world.root / f"etc/pve/lxc/{guest}.conf").read_text()


# --- clones and templates ---


def test_a_clone_of_a_snapshot_becomes_what_its_file_says(world):
    world.file.write_text(FILE + '[phoenix]\nsnapshots = { after_create = "final-form" }\n')
    assert world.call("create") == 0
    assert "\n[final-form]\n" in conf(world)
    other = world.other("9002")
    other.file.write_text(
        'hostname = "copy"\nclone = { from = 9001, snapshot = "final-form", full = true }\nmemory = 2048\n'
        'rootfs = { storage = "local-lvm", size = "3G" }\ntags = ["copy"]\n'
        'net0 = { name = "eth0", bridge = "vmbr0", ip = "127.0.0.2/8" }\nlxc = ["lxc.cap.drop: sys_time"]\n'
    )
    assert other.call("create") == 0
    text = conf(world, "9002")
    for line in ("hostname: copy", "memory: 2048", "tags: copy", "lxc.cap.drop: sys_time"):
        assert line in text.splitlines()
    assert "size=3G" in text
    assert other.plan() == 0
    before = calls(world)
    assert other.call("create") == 0
    assert calls(world) == before


def test_a_template_is_made_and_stays_one(world):
    world.file.write_text(FILE + '[phoenix]\nstate = "template"\n')
    assert world.call("create") == 0
    assert "template: 1" in conf(world).splitlines()
    assert calls(world) == ["create", "template"]
    assert world.call("create") == 0
    assert calls(world) == ["create", "template"]
    assert world.call("delete") == 0


def test_a_clone_of_a_template_lives_on_its_own_on_thin_volumes(world):
    world.file.write_text(FILE + '[phoenix]\nstate = "template"\n')
    world.call("create")
    other = world.other("9002")
    other.file.write_text('hostname = "copy"\nclone = { from = 9001 }\n')
    assert other.call("create") == 0
    assert other.plan() == 0
    assert world.call("delete") == 0
    assert other.call("delete") == 0


def test_a_clone_without_its_source_is_said_before_anything_is_made(world):
    world.file.write_text('hostname = "copy"\nclone = { from = 900 }\n')
    with pytest.raises(NotReady, match="there is no container 900"):
        world.call("create")


# --- snapshots ---


def test_a_snapshot_and_the_way_back(world):
    world.file.write_text(FILE + "memory = 512\n")
    world.call("create")
    assert world.call("snapshot", **{"--name": "before"}) == 0
    assert world.call("snapshot", **{"--name": "before"}) == 0
    world.file.write_text(FILE + "memory = 1024\n")
    world.call("create")
    assert world.call("rollback", **{"--name": "before"}) == 0
    assert "memory: 512" in conf(world).partition("\n[")[0]
    assert calls(world)[-3:] == ["shutdown", "rollback", "start"]
    assert world.call("delete-snapshot", **{"--name": "before"}) == 0
    assert "[before]" not in conf(world)


@pytest.mark.parametrize("name", [None, "", "9x", "a b", "current", "x" * 41, "../x"])
def test_what_is_no_name_of_a_snapshot(world, name):
    world.file.write_text(FILE)
    for action in ("snapshot", "rollback", "delete-snapshot"):
        with pytest.raises(UsageError, match="--name is"):
            world.call(action, **{"--name": name})


def test_a_snapshot_that_is_not_there_is_said_with_those_that_are(world):
    world.file.write_text(FILE)
    world.call("create")
    world.call("snapshot", **{"--name": "one"})
    with pytest.raises(OperationFailed, match=r"no snapshot two \(it has: one\)"):
        world.call("rollback", **{"--name": "two"})


def test_a_folder_of_the_node_forbids_snapshots_and_is_named(world):
    world.file.write_text(FILE + 'mp0 = { volume = "/srv/one", mp = "/a" }\n')
    world.call("create")
    with pytest.raises(Refused, match="mp0 is /srv/one, a folder of the node"):
        world.call("snapshot", **{"--name": "one"})


def test_a_snapshot_before_every_change(world):
    world.file.write_text(FILE + "[phoenix]\nsnapshots = { before_change = true }\n")
    world.call("create")
    assert calls(world) == ["create", "start"]
    world.file.write_text("memory = 1024\n" + FILE + "[phoenix]\nsnapshots = { before_change = true }\n")
    assert world.call("create") == 0
    assert calls(world)[2:] == ["snapshot", "set"]
    assert "\n[before_run-1]\n" in conf(world)


@pytest.mark.parametrize("impossible", ["stop", "go on"])
def test_where_a_snapshot_is_impossible_the_file_says_what_then(world, impossible):
    more = f'[phoenix]\nsnapshots = {{ before_change = true, impossible = "{impossible}" }}\n'
    mount = 'mp0 = { volume = "/srv/one", mp = "/a" }\n'
    world.file.write_text(FILE + mount + more)
    world.call("create")
    world.file.write_text("memory = 1024\n" + FILE + mount + more)
    if impossible == "stop":
        with pytest.raises(Refused, match="mp0 is /srv/one"):
            world.call("create")
    else:
        assert world.call("create") == 0
    assert ("memory: 1024" in conf(world)) == (impossible == "go on")


# --- firewalls ---


RULES = '[firewall]\noptions = { enable = true }\nrules = [{ type = "in", action = "DROP" }]\n'


def test_a_firewall_is_ours_or_left_alone(world):
    world.file.write_text(FILE + RULES)
    assert world.call("create") == 0
    file = world.root / "etc/pve/firewall/9001.fw"
    assert file.read_text().endswith("[OPTIONS]\n\nenable: 1\n\n[RULES]\n\nIN DROP\n\n")
    assert "firewall=1" in conf(world)
    before = calls(world)
    assert world.call("create") == 0
    assert calls(world) == before
    world.file.write_text(FILE + RULES.replace("DROP", "REJECT"))
    assert world.call("create") == 0
    assert "IN REJECT\n" in file.read_text()
    file.write_text("[RULES]\n\nIN ACCEPT\n")
    with pytest.raises(Refused, match="firewall is written by somebody else"):
        world.call("create")
    assert file.read_text() == "[RULES]\n\nIN ACCEPT\n"


def test_a_firewall_of_somebody_else_is_said_before_anything_is_made(world):
    (world.root / "etc/pve/firewall/9001.fw").write_text("[RULES]\n\nIN ACCEPT\n")
    world.file.write_text(FILE + RULES)
    with pytest.raises(NotReady, match=r"firewall/9001\.fw of somebody else"):
        world.call("create")
    assert not (world.root / "etc/pve/lxc/9001.conf").exists()


# --- health ---


@pytest.mark.skipif(os.geteuid() != 0, reason="commands in rehearsed containers need root, or user name spaces")
def test_a_command_in_the_container_is_waited_for(world):
    world.file.write_text(FILE + '[phoenix]\nhealth = [{ command = ["test", "-d", "/etc"], within = 3 }]\n')
    assert world.call("create") == 0
    assert calls(world) == ["create", "start", "exec"]
    assert world.call("health-check") == 0
    world.file.write_text(FILE + '[phoenix]\nhealth = [{ command = "echo not yet; false", within = 1 }]\n')
    with pytest.raises(OperationFailed, match=r"did not pass within 1 s: not yet"):
        world.call("health-check")


def test_the_network_of_another_root_is_not_asked(world, capsys):
    world.file.write_text(FILE + '[phoenix]\nhealth = [{ tcp = "1" }]\n')
    assert world.call("create") == 0
    assert "not asked, the network of --root is not this machine's" in capsys.readouterr().err


def test_what_does_not_run_is_not_well(world):
    world.file.write_text(FILE + '[phoenix]\nstate = "stopped"\n')
    world.call("create")
    with pytest.raises(OperationFailed, match="9001 does not run"):
        world.call("health-check")


# --- restarts, volumes, protection ---


def test_a_change_that_waits_is_done_by_restart(world):
    world.file.write_text(FILE)
    world.call("create")
    world.file.write_text(FILE + 'timezone = "UTC"\nlxc = ["lxc.cap.drop: sys_time"]\n')
    with pytest.raises(PartlyDone, match="2 changes wait for a restart: timezone, lxc"):
        world.call("create")
    with pytest.raises(PartlyDone, match="2 changes wait for a restart: timezone, lxc"):
        world.call("create")
    assert world.call("create", **{"--restart": True}) == 0
    assert calls(world)[-2:] == ["shutdown", "start"]
    assert world.call("create") == 0


def test_a_volume_that_is_let_go_of_keeps_its_data_until_it_is_named(world):
    mount = 'mp0 = { storage = "local-lvm", size = "1G", mp = "/a" }\n'
    stopped = '[phoenix]\nstate = "stopped"\n'
    world.file.write_text(FILE + mount + stopped)
    world.call("create")
    world.file.write_text(FILE + stopped)
    assert world.call("create") == 0
    assert "unused0: local-lvm:vm-9001-disk-1" in conf(world)
    assert (world.root / "dev/pve/vm-9001-disk-1").exists()
    with pytest.raises(Refused, match="is in use"):
        world.call("create", **{"--delete-volumes": "local-lvm:vm-9001-disk-0"})
    assert (world.root / "dev/pve/vm-9001-disk-0").exists()
    assert world.call("create", **{"--delete-volumes": "local-lvm:vm-9001-disk-1"}) == 0
    assert "unused0" not in conf(world)
    assert not (world.root / "dev/pve/vm-9001-disk-1").exists()


def test_the_volumes_of_a_protected_container_stay_as_they_are(world):
    world.file.write_text(FILE + "protection = true\n")
    world.call("create")
    world.file.write_text(FILE.replace('"1G"', '"2G"') + "protection = true\n")
    with pytest.raises(Refused, match="protection is on, so that rootfs stays as it is"):
        world.call("create")
    world.file.write_text(FILE.replace('"1G"', '"2G"') + "protection = false\n")
    with pytest.raises(Refused, match="protection"):
        world.call("create")
    world.file.write_text(FILE + "protection = false\n")
    assert world.call("create") == 0
    world.file.write_text(FILE.replace('"1G"', '"2G"') + "protection = false\n")
    assert world.call("create") == 0


# --- what guests are to each other ---


def test_what_others_rely_on_is_not_deleted(world):
    world.file.write_text(FILE)
    world.call("create")
    other = world.other("9002")
    other.file.write_text(FILE.replace("127.0.0.1", "127.0.0.2") + "[phoenix]\ndepends_on = [9001]\n")
    other.call("create")
    with pytest.raises(Refused, match="others depend on it: 9002"):
        world.call("delete")
    assert other.call("delete") == 0
    assert world.call("delete") == 0


def test_files_that_contradict_each_other_are_said_at_once(world):
    world.file.write_text(FILE + "[phoenix]\ndepends_on = [9002]\n")
    world.other("9002").file.write_text(FILE + "[phoenix]\ndepends_on = [9001, 9009]\n")
    everything = world.other("")
    with pytest.raises(ConfigError) as caught:
        everything.call("check")
    for words in ("127.0.0.1 is that of 9001 as well", "9002 depends on 9009", "these depend on each other: 900"):
        assert words in caught.value.message


def test_keys_of_ssh_come_from_a_file(world):
    world.file.write_text(FILE + 'ssh_public_keys_file = "/srv/one/keys"\n')
    with pytest.raises(NotReady, match="there is no /srv/one/keys"):
        world.call("create")
    (world.root / "srv/one/keys").write_text("ssh-ed25519 AAAA root@desk\n")
    assert world.call("create") == 0
    keys = world.root / "var/lib/phoenix-rehearsal/rootfs/9001/root/.ssh/authorized_keys"
    assert "root@desk" in keys.read_text()


# --- what a second look found ---


def test_a_property_that_is_taken_out_is_taken_back_and_others_stay(world):
    net = 'net0 = { name = "eth0", bridge = "vmbr0", ip = "127.0.0.1/8"'
    world.file.write_text(FILE.replace(net, net + ', tag = 5, gw = "127.0.0.9"') + "features = { nesting = true }\n")
    world.call("create")
    mac = conf(world).partition("hwaddr=")[2][:17]
    world.file.write_text(FILE + "features = {}\n")
    with pytest.raises(PartlyDone, match="1 change waits for a restart: features"):
        world.call("create")
    text = conf(world)
    assert "tag=5" not in text
    assert "gw=" not in text
    assert f"hwaddr={mac}" in text
    world.call("restart")
    assert world.call("create") == 0
    assert "nesting=1" not in conf(world)


def test_an_option_that_waited_is_taken_back_as_well(world):
    world.file.write_text(FILE)
    world.call("create")
    world.file.write_text(FILE + "features = { nesting = true }\n")
    with pytest.raises(PartlyDone):
        world.call("create")
    world.file.write_text(FILE)
    world.call("create")
    world.call("restart")
    assert world.call("create") == 0
    assert "nesting" not in conf(world)


@pytest.mark.skipif(os.geteuid() != 0, reason="commands in rehearsed containers need root, or user name spaces")
def test_a_container_that_is_not_well_is_not_well_the_second_time(world):
    world.file.write_text(FILE + '[phoenix]\nhealth = [{ command = "test -e /tmp/well", within = 1 }]\n')
    for _ in range(2):
        with pytest.raises(OperationFailed, match="did not pass"):
            world.call("create")
    (world.root / "var/lib/phoenix-rehearsal/rootfs/9001/tmp/well").touch()
    assert world.call("create") == 0
    before = calls(world)
    assert world.call("create") == 0
    assert calls(world) == before


def test_a_clone_keeps_what_its_source_has_and_its_file_does_not_say(world):
    world.file.write_text(FILE + 'onboot = true\ncores = 2\n[phoenix]\nstate = "stopped"\n')
    world.call("create")
    other = world.other("9002")
    other.file.write_text('hostname = "copy"\nclone = { from = 9001 , full = true }\n[phoenix]\nstate = "stopped"\n')
    assert other.call("create") == 0
    assert {"onboot: 1", "cores: 2", "hostname: copy"} <= set(conf(world, "9002").splitlines())
    assert calls(world) == ["create", "clone"]
    assert other.call("delete") == 0


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ('rootfs = { storage = "local-lvm", size = "512M" }', "9001 has rootfs size=1G, wanted size=512M"),
        ("unprivileged = false", "9001 has unprivileged 1, wanted 0"),
    ],
)
def test_a_clone_that_cannot_fit_is_not_made(world, more, words):
    world.file.write_text(FILE + '[phoenix]\nstate = "stopped"\n')
    world.call("create")
    other = world.other("9002")
    other.file.write_text(f"clone = {{ from = 9001, full = true }}\n{more}\n")
    with pytest.raises(NotReady, match=words):
        other.call("create")
    assert not (world.root / "etc/pve/lxc/9002.conf").exists()


@pytest.mark.parametrize("volume", ["local:nonsense", "local-lvm:vm-9001-disk-9", "local-lvm:vm-9001-disk-0"])
def test_a_volume_that_cannot_be_deleted_is_said(world, volume):
    world.file.write_text(FILE)
    world.call("create")
    with pytest.raises((UsageError, Refused)):
        world.call("create", **{"--delete-volumes": volume})
    assert (world.root / "dev/pve/vm-9001-disk-0").exists()


def test_raw_keys_leave_every_other_byte_of_the_file_as_it_is(world):
    stopped = '[phoenix]\nstate = "stopped"\n'
    world.file.write_text(FILE + stopped)
    assert world.call("create") == 0
    file = world.root / "etc/pve/lxc/9001.conf"
    theirs = b"\n[before]\n#gr\xfc\xdfe\rx\nhostname: web\r\nlxc.environment: LANG=\xff\n"
    head = file.read_bytes()
    file.write_bytes(head + theirs)
    world.file.write_text(FILE + 'lxc = ["lxc.cap.drop: sys_time"]\n' + stopped)
    assert world.call("create") == 0
    assert file.read_bytes() == head + b"lxc.cap.drop: sys_time\n" + theirs


def test_raw_keys_are_not_written_into_another_guest(world, monkeypatch):
    world.file.write_text(FILE + 'lxc = ["lxc.cap.drop: sys_time"]\n[phoenix]\nstate = "stopped"\n')
    file = world.root / "etc/pve/lxc/9001.conf"
    from phoenix.guests import perform

    edit = perform.edit

    def changed(work, lines):
        file.write_text("hostname: stranger\n")
        return edit(work, lines)

    monkeypatch.setattr(perform, "edit", changed)
    with pytest.raises(Busy, match="has become another guest"):
        world.call("create")
    assert file.read_text() == "hostname: stranger\n"


# --- profiles ---


def test_a_profile_is_under_the_file_and_named_where_it_is_wrong(world):
    profiles = world.root / "etc/phoenix/profiles"
    profiles.mkdir()
    (profiles / "base.toml").write_text(
        'memory = 256\ntags = ["base"]\nfeatures = { nesting = true, fuse = true }\n[phoenix]\nstate = "stopped"\n'
    )
    world.file.write_text('profile = "base"\nmemory = 512\nfeatures = { fuse = false }\n' + FILE)
    assert world.call("create") == 0
    lines = conf(world).splitlines()
    assert {"memory: 512", "tags: base", "features: nesting=1,fuse=0"} <= set(lines) or "fuse" in conf(world)
    (profiles / "base.toml").write_text("memory = 1\ncores = 0\n")
    with pytest.raises(ConfigError) as caught:
        world.call("create")
    assert f"{profiles}/base.toml: cores" in caught.value.message
    assert "memory" not in caught.value.message
    world.file.write_text('profile = "bass"\n' + FILE)
    with pytest.raises(ConfigError, match="did you mean base"):
        world.call("create")
    (profiles / "base.toml").write_text('profile = "other"\n')
    world.file.write_text('profile = "base"\n' + FILE)
    with pytest.raises(ConfigError, match="a profile has none of its own"):
        world.call("create")


# --- what listens on this machine ---


class Served:
    """A web server that answers everything with one status."""

    def __init__(self, status):
        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                self.send_response(status)
                self.end_headers()

            def log_message(self, *_):
                pass

        self.server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


@pytest.fixture
def work(world):
    """What the manager works with, of a container whose node is this machine."""
    world.file.write_text(FILE)
    world.call("create")
    found = world.work()
    found.call.paths.root = ""
    return found


def asked(work, kind, target, **more):
    return waiting.CHECKS[kind](work, Check(kind, target, within=1, **more))


@pytest.mark.parametrize(("status", "wanted", "reason"), [(200, 200, ""), (503, 200, "it answered 503, wanted 200")])
def test_a_web_server_is_asked_for_its_status(work, status, wanted, reason):
    served = Served(status)
    assert asked(work, "http", f"{served.port}/x", status=wanted) == reason
    assert asked(work, "http", f"http://127.0.0.1:{served.port}", status=wanted) == reason
    served.server.shutdown()
    served.server.server_close()


def test_a_port_is_asked_whether_somebody_listens(work):
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        assert asked(work, "tcp", str(port)) == ""
    assert asked(work, "tcp", str(port)) == "Connection refused"
