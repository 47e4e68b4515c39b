"""A container as it is found: from its file in /etc/pve, from /proc, and from Proxmox VE's own lock."""

from __future__ import annotations

import fcntl
import os

import pytest

from phoenix import errors
from phoenix.guests.container import CONTAINER
from phoenix.guests.observed import Observed, observe, read
from phoenix.paths import Paths
from phoenix.pve.node import Node

MARK = "0123456789abcdef0123456789abcdef"
# As a node of release 8 wrote it, with what came to it by hand: a raw line, an unused volume, a snapshot.
REAL = f"""#The first container
#Made by Phoenix, mark {MARK}
arch: amd64
cores: 2
features: nesting=1
hostname: web
memory: 1024
mp0: local-zfs:subvol-9001-disk-1,mp=/srv/data,backup=1,size=4G
mp1: /tank/www,mp=/srv/www,ro=1
mp2: volume=local:9001/vm-9001-disk-2.raw,mp=/x,size=1G
nameserver: 10.0.0.1
net0: name=eth0,bridge=vmbr0,firewall=1,gw=10.0.0.1,hwaddr=BC:24:11:2E:D8:A1,ip=10.0.0.110/24,type=veth
onboot: 1
ostype: debian
parent: before
rootfs: local:9001/vm-9001-disk-0.raw,size=8G
startup: order=2,up=10
swap: 512
tags: phoenix;web
unprivileged: 1
unused0: local-lvm:vm-9001-disk-7
lxc.idmap: u 0 100000 65536

[pve:pending]
features: nesting=1,fuse=1
delete: timezone

[before]
#Made by Phoenix, mark ffffffffffffffffffffffffffffffff
arch: amd64
hostname: old
mp3: local-lvm:vm-9001-disk-9,mp=/y,size=1G
snaptime: 1700000000
"""


def test_a_real_file_is_read_into_settings():
    found = read(CONTAINER, REAL)
    assert found.exists
    assert found.mark == MARK
    assert found.settings == {
        "arch": "amd64",
        "cores": "2",
        "description": "The first container",
        "features": {"nesting": "1"},
        "hostname": "web",
        "memory": "1024",
        "mp0": {"storage": "local-zfs", "mp": "/srv/data", "backup": "1", "size": "4G"},
        "mp1": {"volume": "/tank/www", "mp": "/srv/www", "ro": "1"},
        "mp2": {"storage": "local", "mp": "/x", "size": "1G"},
        "nameserver": "10.0.0.1",
        "net0": {
            "name": "eth0",
            "bridge": "vmbr0",
            "firewall": "1",
            "gw": "10.0.0.1",
            "hwaddr": "BC:24:11:2E:D8:A1",
            "ip": "10.0.0.110/24",
            "type": "veth",
        },
        "onboot": "1",
        "ostype": "debian",
        "rootfs": {"storage": "local", "size": "8G"},
        "startup": "order=2,up=10",
        "swap": "512",
        "tags": "phoenix;web",
        "unprivileged": "1",
    }
    assert found.text == REAL


def test_what_waits_is_named():
    assert {"features"} <= set(read(CONTAINER, REAL).pending) <= {"features", "timezone"}
    assert read(CONTAINER, REAL).pending["features"] == {"nesting": "1", "fuse": "1"}


def test_its_volumes_are_those_of_storages_the_unused_too():
    assert read(CONTAINER, REAL).volumes == (
        "local-lvm:vm-9001-disk-7",
        "local-zfs:subvol-9001-disk-1",
        "local:9001/vm-9001-disk-0.raw",
        "local:9001/vm-9001-disk-2.raw",
    )


@pytest.mark.parametrize("asked", ["local:1", "local:0.5", "volume=local:1"])
def test_a_volume_that_waits_to_be_made_is_none_yet(asked):
    text = f"rootfs: local:9001/vm-9001-disk-0.raw,size=1G\n[pve:pending]\nmp7: {asked},mp=/theirs\n"
    assert read(CONTAINER, text).volumes == ("local:9001/vm-9001-disk-0.raw",)


@pytest.mark.parametrize(
    ("text", "running", "facts"),
    [
        ("memory: 512\n", False, {"state": "stopped"}),
        ("memory: 512\n", True, {"state": "running"}),
        ("template: 1\n", False, {"state": "template", "template": True}),
        ("protection: 1\n", False, {"protection": True, "state": "stopped"}),
        ("lock: backup\nmemory: 512\n", True, {"lock": "backup", "state": "running", "half_made": False}),
        ("lock: create\n", False, {"state": "half made", "half_made": True, "mark": ""}),
        (f"#Made by Phoenix, mark {MARK}\nlock: create\n", False, {"half_made": False, "mark": MARK}),
        ("", False, {"exists": True, "state": "stopped", "mark": "", "volumes": ()}),
        ("garbage\n\0\nno colon here\n", False, {"exists": True, "settings": {}}),
        ("future: 1\nmemory: 64\n", False, {"settings": {"memory": "64"}, "raw": {"future": "1", "memory": "64"}}),
    ],
)
def test_what_a_file_says_of_its_state(text, running, facts):
    found = read(CONTAINER, text, started="1" * running)
    assert {name: getattr(found, name) for name in facts} == facts


def test_nothing_is_not_created():
    assert (Observed().exists, Observed().state, Observed().half_made) == (False, "not created", False)


@pytest.fixture
def root(tmp_path):
    for node in ("pve", "pve2"):
        for folder in ("lxc", "qemu-server"):
            (tmp_path / f"etc/pve/nodes/{node}/{folder}").mkdir(parents=True)
    (tmp_path / "etc/pve/local").symlink_to("nodes/pve")
    (tmp_path / "etc/pve/lxc").symlink_to("local/lxc")
    (tmp_path / "etc/pve/qemu-server").symlink_to("local/qemu-server")
    (tmp_path / "proc/net").mkdir(parents=True)
    (tmp_path / "proc/net/unix").write_text("Num Path\n")
    return tmp_path


def look(root):
    return observe(Node(Paths(str(root))), CONTAINER, "9001")


def test_a_container_that_is_not_there(root):
    assert look(root) == Observed()


def test_a_container_that_is_there_and_runs(root):
    (root / "etc/pve/lxc/9001.conf").write_text(REAL)
    assert look(root) == read(CONTAINER, REAL)
    (root / "proc/net/unix").write_text("Num Path\n0: 2 0 1 1 1 5 @/var/lib/lxc/9001/command\n")
    assert look(root) == read(CONTAINER, REAL, started="5")


@pytest.mark.parametrize(
    ("place", "words"),
    [
        ("pve/qemu-server", "VM 9001 on node 'pve'"),
        ("pve2/qemu-server", "VM 9001 on node 'pve2'"),
        ("pve2/lxc", "CT 9001 on node 'pve2'"),
    ],
)
def test_another_guest_of_the_id_is_seen_wherever_it_is(root, place, words):
    (root / f"etc/pve/nodes/{place}/9001.conf").write_text("memory: 1\n")
    found = look(root)
    assert (found.exists, found.elsewhere) == (False, words)
    (root / "etc/pve/nodes/pve/lxc/9001.conf").write_text("memory: 1\n")
    found = look(root)
    assert (found.exists, found.elsewhere) == (True, words)


def test_proxmox_ves_own_lock_is_seen_while_it_is_held(root):
    path = root / "run/lock/lxc/pve-config-9001.lock"
    path.parent.mkdir(parents=True)
    with open(path, "w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        assert look(root).worked_on
        (root / "etc/pve/lxc/9001.conf").write_text("memory: 1\n")
        assert look(root).worked_on
    assert not look(root).worked_on


def test_a_file_that_cannot_be_read_is_not_an_absent_container(root):
    (root / "etc/pve/lxc/9001.conf").mkdir()
    with pytest.raises(errors.NotReady, match=r"lxc/9001\.conf"):
        look(root)


def test_looking_changes_nothing(root):
    (root / "etc/pve/lxc/9001.conf").write_text(REAL)

    def tree():
        return sorted((here, tuple(folders), tuple(files)) for here, folders, files in os.walk(root))

    before = tree()
    look(root)
    assert tree() == before


def test_a_mount_point_that_somebody_spoilt_is_no_bug_of_ours():
    state = read(CONTAINER, "mp0: mp=/srv,ro=1\nrootfs: x=y\n")
    assert state.settings["mp0"] == {"mp": "/srv", "ro": "1"}
    assert state.volumes == ()
