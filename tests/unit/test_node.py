"""The node: what is one, when it can be changed, and what is on it; read from files alone."""

from __future__ import annotations

import os

import pytest

from phoenix import errors
from phoenix.paths import REHEARSAL, Paths
from phoenix.pve.node import Node


@pytest.fixture
def root(tmp_path):
    for node in ("pve1", "pve2"):
        for folder in ("lxc", "qemu-server"):
            (tmp_path / f"etc/pve/nodes/{node}/{folder}").mkdir(parents=True)
    (tmp_path / "etc/pve/local").symlink_to("nodes/pve1")
    (tmp_path / "etc/pve/lxc").symlink_to("local/lxc")
    (tmp_path / "etc/pve/qemu-server").symlink_to("local/qemu-server")
    (tmp_path / "proc/net").mkdir(parents=True)
    (tmp_path / "proc/net/unix").write_text("Num\n")
    (tmp_path / "usr/sbin").mkdir(parents=True)
    (tmp_path / "usr/sbin/pct").touch(mode=0o755)
    return tmp_path


def node_of(root):
    return Node(Paths(str(root)))


def refusal(action):
    with pytest.raises(errors.NotReady) as caught:
        action()
    assert caught.value.hint
    return caught.value.message


def test_a_node_has_the_name_that_local_points_to(root):
    assert node_of(root).name == "pve1"


def test_no_etc_pve_is_no_node(tmp_path):
    assert refusal(lambda: node_of(tmp_path)) == f"there is no {tmp_path}/etc/pve: {tmp_path} is not a Proxmox VE node"


@pytest.mark.parametrize("content", ["nothing", "guests", "file", "folder"])
def test_an_etc_pve_without_local_is_not_an_empty_cluster(tmp_path, content):
    (tmp_path / "etc/pve").mkdir(parents=True)
    if content == "guests":
        (tmp_path / "etc/pve/lxc").mkdir()
    if content == "file":
        (tmp_path / "etc/pve/local").touch()
    if content == "folder":
        (tmp_path / "etc/pve/local").mkdir()
    assert "the cluster file system is not mounted" in refusal(lambda: node_of(tmp_path))


def test_root_can_change_a_node(root, monkeypatch):
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert node_of(root).check_changeable() is None
    assert node_of(root).tool("pct") == f"{root}/usr/sbin/pct"


def test_others_can_change_a_rehearsal_node_only(root, monkeypatch):
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert "takes root" in refusal(lambda: node_of(root).check_changeable())
    os.makedirs(str(root) + REHEARSAL)
    assert node_of(root).check_changeable() is None


@pytest.mark.parametrize("left", ["nothing", "not executable"])
def test_a_tool_that_cannot_be_run_is_missing(root, left):
    (root / "usr/sbin/pct").unlink()
    if left == "not executable":
        (root / "usr/sbin/pct").touch(mode=0o644)
    assert "pct is not installed" in refusal(lambda: node_of(root).tool("pct"))


def test_the_path_of_the_caller_is_not_asked_for_tools(root, monkeypatch):
    (root / "evil").mkdir()
    (root / "evil/qm").touch(mode=0o755)
    monkeypatch.setenv("PATH", f"{root}/evil")
    assert "qm is not installed" in refusal(lambda: node_of(root).tool("qm"))


def test_tools_are_looked_for_in_sbin_first(root):
    (root / "usr/bin").mkdir()
    (root / "usr/bin/pct").touch(mode=0o755)
    (root / "usr/bin/pvesm").touch(mode=0o755)
    assert node_of(root).tool("pct") == f"{root}/usr/sbin/pct"
    assert node_of(root).tool("pvesm") == f"{root}/usr/bin/pvesm"


MEMBERS = (
    '{\n"nodename": "pve1",\n"version": 5,\n"cluster": { "name": "c", "version": 2, "nodes": 2, "quorate": %s }\n}\n'
)


@pytest.mark.parametrize(
    ("members", "quorum"),
    [
        (None, True),
        ('{\n"nodename": "pve1",\n"version": 0\n}\n', True),
        (MEMBERS % "1", True),
        (MEMBERS % "0", False),
        ((MEMBERS % "0").replace(" ", "").replace("\n", ""), False),
    ],
)
def test_quorum_as_the_members_say(root, monkeypatch, members, quorum):
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    if members:
        (root / "etc/pve/.members").write_text(members)
    assert node_of(root).has_quorum() is quorum
    if not quorum:
        assert "no quorum" in refusal(lambda: node_of(root).check_changeable())


@pytest.mark.parametrize(("mode", "quorum"), [(0o120777, True), (0o120755, True), (0o120555, False)])
def test_quorum_as_the_mode_of_local_says(root, monkeypatch, mode, quorum):
    found = node_of(root)
    real = os.lstat
    monkeypatch.setattr(os, "lstat", lambda path: os.stat_result((mode, *real(path)[1:])))
    assert found.has_quorum() is quorum


def test_an_id_has_its_owners_in_the_whole_cluster(root):
    for place in ("pve1/lxc/9001", "pve2/qemu-server/9001", "pve2/lxc/9002"):
        (root / f"etc/pve/nodes/{place}.conf").touch()
    assert node_of(root).owners("9001") == [("pve1", "CT"), ("pve2", "VM")]
    assert node_of(root).owners("9002") == [("pve2", "CT")]
    assert node_of(root).owners("900") == []


def test_the_guests_of_this_node_are_in_order_of_their_number(root):
    for name in ("1000.conf", "101.conf", "9001.conf", "101.conf.tmp", "notes"):
        (root / "etc/pve/lxc" / name).touch()
    (root / "etc/pve/nodes/pve2/lxc/102.conf").touch()
    assert node_of(root).guest_ids("lxc") == ["101", "1000", "9001"]
    assert node_of(root).guest_ids("no-such-folder") == []


@pytest.mark.parametrize(
    ("sockets", "runs"),
    [
        ("", False),
        ("0000: 00000002 00000000 00010000 0001 01 5 @/var/lib/lxc/9001/command", True),
        ("0000: 00000002 00000000 00010000 0001 01 5 @/var/lib/lxc/90011/command", False),
        ("0000: 00000002 00000000 00010000 0001 01 5 @/var/lib/lxc/1/9001/command", False),
        ("0000: 00000002 00000000 00010000 0001 01 5 /var/lib/lxc/9001/command", False),
        ("0000: 00000002 00000000 00010000 0001 01 5 @/var/lib/lxc/9001/commander", False),
    ],
)
def test_a_container_start_when_its_monitor_listens(root, sockets, runs):
    (root / "proc/net/unix").write_text(f"Num RefCount Protocol Flags Type St Inode Path\n{sockets}\n0: 2 @x\n")
    assert bool(node_of(root).container_start("9001")) is runs


@pytest.mark.parametrize("flags", [("00010000", "00000000"), ("00000000", "00010000")])
def test_the_socket_that_listens_tells_the_start(root, flags):
    lines = [f"0: 2 0 {flag} 1 1 {flag} @/var/lib/lxc/9001/command\n" for flag in flags]
    (root / "proc/net/unix").write_text("Num\n" + "".join(lines))
    assert node_of(root).container_start("9001") == "00010000"


def test_where_it_is_still_what_tells_of_all_guests_is_read_once(root):
    for place in ("pve1/lxc/9001", "pve2/qemu-server/9001", "pve2/lxc/9002"):
        (root / f"etc/pve/nodes/{place}.conf").touch()
    (root / "etc/pve/nodes/pve1/lxc/9001-old.conf").touch()
    (root / "proc/net/unix").write_text("Num\n0: 2 0 00010000 1 1 5 @/var/lib/lxc/9001/command\n")
    found, still = node_of(root), Node(Paths(str(root)), still=True)
    guests = ("9001", "9002", "9003")
    before = [(found.owners(guest), found.container_start(guest)) for guest in guests]
    assert before == [([("pve1", "CT"), ("pve2", "VM")], "5"), ([("pve2", "CT")], ""), ([], "")]
    assert [(still.owners(guest), still.container_start(guest)) for guest in guests] == before
    (root / "proc/net/unix").write_text("Num\n")
    (root / "etc/pve/nodes/pve1/lxc/9001.conf").unlink()
    assert [(still.owners(guest), still.container_start(guest)) for guest in guests] == before
    assert (found.owners("9001"), found.container_start("9001")) == ([("pve2", "VM")], "")


def test_without_proc_nothing_is_known_to_be_stopped(root):
    (root / "proc/net/unix").unlink()
    assert "proc/net/unix" in refusal(lambda: node_of(root).container_start("9001"))


@pytest.mark.parametrize("text", ["77\n", "78\n", "79\n", "80\n", "", "../77", "x"])
def test_a_virtual_machine_runs_when_its_process_is_there(root, text):
    (root / "run/qemu-server").mkdir(parents=True)
    (root / "run/qemu-server/200.pid").write_text(text)
    for pid, guest in (("77", "200"), ("78", "2000"), ("79", "201")):
        (root / "proc" / pid).mkdir()
        (root / "proc" / pid / "cmdline").write_text(f"/usr/bin/kvm\0-id\0{guest}\0-name\0200\0")
    assert node_of(root).machine_start("200") == ("77" if text == "77\n" else "")
    assert node_of(root).machine_start("201") == ""


def test_storages_and_bridges_are_those_of_the_node(root):
    (root / "etc/pve/storage.cfg").write_text("dir: local\n\tpath /var/lib/vz\n\nlvmthin: fast\n\tvgname x\n")
    assert sorted(node_of(root).storages()) == ["fast", "local"]
    (root / "sys/class/net/vmbr0").mkdir(parents=True)
    assert node_of(root).has_bridge("vmbr0") is True
    assert node_of(root).has_bridge("vmbr1") is False


def test_a_file_whose_name_is_no_id_is_no_guest(root):
    for name in ("101.conf", "101-old.conf"):
        (root / "etc/pve/lxc" / name).touch()
    assert node_of(root).guest_ids("lxc") == ["101"]


def test_a_cluster_whose_nodes_cannot_be_seen_is_not_ready(tmp_path):
    (tmp_path / "etc/pve").mkdir(parents=True)
    (tmp_path / "etc/pve/local").symlink_to("nodes/pve1")
    refusal(lambda: node_of(tmp_path).owners("9001"))
