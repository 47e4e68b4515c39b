"""Snapshots, clones, templates, moves, sizes of containers' volumes, on each type of storage."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from nodes import TEMPLATE

if TYPE_CHECKING:
    from collections.abc import Callable

    from nodes import Node

SETUP = {
    "storage.cfg": "dir: local\n\tpath /var/lib/vz\n\tcontent iso,vztmpl,backup,snippets,images,rootdir\n\n"
    "lvmthin: thin\n\tthinpool data\n\tvgname pve\n\tcontent rootdir,images\n\n"
    "zfspool: tank\n\tpool tank/data\n\tcontent images,rootdir\n\n"
    "btrfs: btr\n\tpath /mnt/btr\n\tcontent images,rootdir\n\n"
    "dir: isos\n\tpath /srv/isos\n\tcontent iso\n"
}


@pytest.fixture
def node(new: Callable[..., Node]) -> Node:
    return new("9", SETUP)


def create(node: Node, guest: str, storage: str, *more: str) -> None:
    node.good("pct", "create", guest, TEMPLATE, "--rootfs", f"{storage}:1", *more)


def section(node: Node, guest: str, name: str = "") -> dict[str, str]:
    """The options of a section of a container's file."""
    text = node.conf(guest) or ""
    parts = re.split(r"(?m)^\[(.*)\]$", text)
    found = dict(zip(["", *parts[1::2]], parts[::2]))
    return dict(line.split(": ", 1) for line in found.get(name, "").splitlines() if ": " in line)


def refused(node: Node, *words: str) -> str:
    ran = node("pct", *words)
    assert ran.code != 0, ran
    return ran.err.rstrip("\n")


# --- snapshots ---


@pytest.mark.parametrize("storage", ["btr", "thin", "tank"])
def test_a_snapshot_comes_and_goes(node: Node, storage: str) -> None:
    create(node, "100", storage, "--mp0", f"{storage}:1,mp=/d", "--memory", "256")
    before = node.good("pvesm", "list", storage)
    node.good("pct", "snapshot", "100", "one", "--description", "first\nmore")
    node.good("pct", "set", "100", "--memory", "512", "--description", "kept")
    node.good("pct", "snapshot", "100", "two")
    assert section(node, "100", "two")["parent"] == "one"
    lines = node.good("pct", "listsnapshot", "100").splitlines()
    assert [line.split()[1] for line in lines] == ["one", "two", "current"]
    assert lines[0].endswith(" first")
    node.good("pct", "delsnapshot", "100", "two")
    node.good("pct", "rollback", "100", "one")
    assert section(node, "100")["memory"] == "256"
    assert (node.conf("100") or "").startswith("#kept\n")
    node.good("pct", "delsnapshot", "100", "one")
    assert "parent" not in section(node, "100")
    assert node.good("pvesm", "list", storage) == before


def test_zfs_goes_back_to_the_last_only(node: Node) -> None:
    create(node, "100", "tank")
    for name in ("one", "two"):
        node.good("pct", "snapshot", "100", name)
    assert refused(node, "rollback", "100", "one").startswith("can't rollback, ")
    assert "lock" not in section(node, "100")


def test_a_snapshot_of_a_folder_of_the_node_is_refused(node: Node) -> None:
    create(node, "100", "btr", "--mp0", "/var/tmp,mp=/x")
    before = node.conf("100")
    assert refused(node, "snapshot", "100", "one") == "snapshot feature is not available"
    assert node.conf("100") == before


def test_a_volume_that_left_comes_back_as_unused(node: Node) -> None:
    create(node, "100", "btr", "--mp0", "btr:1,mp=/d")
    node.good("pct", "snapshot", "100", "one")
    node.good("pct", "set", "100", "--delete", "mp0")
    node.good("pct", "set", "100", "--delete", "unused0")
    volume = "btr:100/vm-100-disk-1.raw"
    assert volume in node.good("pvesm", "list", "btr")  # the snapshot needs it
    node.good("pct", "delsnapshot", "100", "one")
    assert section(node, "100")["unused1"] == volume  # unused0 was rootfs, until it turned out to be in use
    node.good("pct", "set", "100", "--mp0", f"{volume},mp=/d")
    assert "unused1" not in section(node, "100")


def test_a_rollback_keeps_what_came_later_as_unused(node: Node) -> None:
    create(node, "100", "btr")
    node.good("pct", "snapshot", "100", "one")
    node.good("pct", "set", "100", "--mp0", "btr:1,mp=/d")
    node.good("pct", "rollback", "100", "one")
    now = section(node, "100")
    assert (now.get("mp0"), now["unused0"]) == (None, "btr:100/vm-100-disk-1.raw")


def test_a_snapshot_that_fails_is_undone(node: Node) -> None:
    create(node, "100", "btr")
    before = node.conf("100")
    node.fault('command = "pct snapshot"\nhalf = { stderr = "broken" }')
    ran = node("pct", "snapshot", "100", "one")
    assert (ran.code, ran.err.rstrip()) == (255, "broken")
    assert "snapshot create failed: starting cleanup" in ran.out
    assert node.conf("100") == before


def test_a_killed_snapshot_shows_how_far_it_came(node: Node) -> None:
    create(node, "100", "btr")
    node.fault('command = "pct snapshot"\ndie = "worker"\nsignal = 9')
    assert node("pct", "snapshot", "100", "one").code == 255
    assert section(node, "100")["lock"] == "snapshot"
    assert section(node, "100", "one")["snapstate"] == "prepare"
    assert refused(node, "delsnapshot", "100", "one") == "CT is locked (snapshot)"
    node.good("pct", "unlock", "100")
    text = "unable to rollback to incomplete snapshot (snapstate = prepare)"
    assert refused(node, "rollback", "100", "one") == text
    node.good("pct", "delsnapshot", "100", "one", "--force")
    assert "snapstate" not in (node.conf("100") or "")


# --- clones and templates ---


@pytest.mark.parametrize(
    ("storage", "base", "clone"),
    [
        ("btr", "btr:100/base-100-disk-0.raw", "btr:101/vm-101-disk-0.raw"),
        ("thin", "thin:base-100-disk-0", "thin:vm-101-disk-0"),
        ("tank", "tank:basevol-100-disk-0", "tank:basevol-100-disk-0/subvol-101-disk-0"),
    ],
)
def test_a_template_and_a_linked_clone(node: Node, storage: str, base: str, clone: str) -> None:
    create(node, "100", storage, "--net0", "name=eth0,bridge=vmbr0", "--protection", "1", "--onboot", "1")
    node.good("pct", "template", "100")
    assert section(node, "100")["rootfs"] == f"{base},size=1G"
    out = node.good("pct", "clone", "100", "101", "--hostname", "linked")
    assert f"create linked clone of mount point rootfs ({base})" in out
    made = section(node, "101")
    assert (made["rootfs"], made["hostname"], made["protection"]) == (f"{clone},size=1G", "linked", "1")
    assert "template" not in made
    assert made["net0"] != section(node, "100")["net0"]
    text = "parameter 'storage' not allowed for linked clones"
    assert refused(node, "clone", "100", "102", "--storage", "local") == text
    assert node.conf("102") is None
    node.good("pct", "clone", "100", "102", "--full", "--storage", "local")
    assert section(node, "102")["rootfs"] == "local:102/vm-102-disk-0.raw,size=1G"
    assert "lock" not in (node.conf("100") or "") + (node.conf("102") or "")


def test_a_clone_of_a_snapshot_of_a_running_container(node: Node) -> None:
    create(node, "100", "btr", "--memory", "256")
    node.good("pct", "snapshot", "100", "one", "--description", "of then")
    node.good("pct", "set", "100", "--memory", "512")
    node.good("pct", "start", "100")
    text = "Full clone of a running container is only possible from a snapshot"
    assert refused(node, "clone", "100", "101") == text
    node.good("pct", "clone", "100", "101", "--snapname", "one")
    assert section(node, "101")["memory"] == "256"
    assert (node.conf("101") or "").startswith("#of then\n")
    assert not {"parent", "snaptime"} & set(section(node, "101"))


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (("clone", "100", "101", "--target", "other"), "no such cluster node 'other'"),
        (
            ("clone", "100", "101", "--full", "0"),
            "Linked clone feature for 'local:100/vm-100-disk-0.raw' is not available",
        ),
        (("clone", "100", "100"), "CT 100 already exists on node 'pve'"),
        (("clone", "100", "101", "--snapname", "none"), "snapshot 'none' does not exist"),
        (
            ("clone", "100", "101", "--storage", "isos"),
            "clone failed: content type 'rootdir' is not available or configured on storage 'isos'",
        ),
    ],
)
def test_a_clone_that_is_refused_leaves_nothing(node: Node, words: tuple[str, ...], text: str) -> None:
    create(node, "100", "local")
    before = node.conf("100")
    assert refused(node, *words) == text
    assert (node.conf("100"), node.conf("101")) == (before, None)
    assert node.disks() == ["100/vm-100-disk-0.raw"]


def test_a_killed_clone_leaves_two_locks(node: Node) -> None:
    create(node, "100", "local")
    node.fault('command = "pct clone"\ndie = "worker"\nsignal = 9')
    assert node("pct", "clone", "100", "101").code == 255
    assert section(node, "100")["lock"] == "disk"
    assert section(node, "101")["lock"] == "create"
    assert section(node, "101")["rootfs"].startswith("local:101/")


# --- sizes, moves, rescans ---


def test_a_template_in_a_directory_keeps_its_size(node: Node) -> None:
    create(node, "100", "local")
    node.good("pct", "template", "100")
    before = node.conf("100")
    ran = node("pct", "resize", "100", "rootfs", "+1G")
    assert ran.code == 0  # as of everything that fails in the task of a resize
    assert "qemu-img resize" in ran.err
    assert node.conf("100") == before


@pytest.mark.parametrize("storage", ["local", "btr", "thin", "tank"])
def test_a_volume_grows(node: Node, storage: str) -> None:
    create(node, "100", storage)
    node.good("pct", "resize", "100", "rootfs", "+512M")
    assert section(node, "100")["rootfs"].endswith(",size=1536M")
    assert str(1536 << 20) in node.good("pvesm", "list", storage)
    assert refused(node, "resize", "100", "rootfs", "1G") == "unable to shrink disk size"


def test_a_volume_moves_between_storages_and_containers(node: Node) -> None:
    create(node, "100", "local", "--mp0", "local:1,mp=/d,ro=1")
    create(node, "101", "local")
    node.good("pct", "move-volume", "100", "mp0", "tank", "--delete")
    assert section(node, "100")["mp0"] == "tank:subvol-100-disk-0,mp=/d,ro=1,size=1G"
    assert node.disks() == ["100/vm-100-disk-0.raw", "101/vm-101-disk-0.raw"]
    node.good("pct", "move-volume", "100", "mp0", "--target-vmid", "101", "--target-volume", "mp4")
    assert "mp0" not in section(node, "100")
    assert section(node, "101")["mp4"] == "tank:subvol-101-disk-0,mp=/d,ro=1,size=1G"
    assert refused(node, "move-volume", "100", "rootfs", "isos").startswith("content type 'rootdir' is not available")
    assert "lock" not in section(node, "100")
    node.good("pct", "start", "100")
    assert refused(node, "move-volume", "100", "rootfs", "btr") == "cannot move volumes of a running container"


def test_a_rescan_finds_volumes_and_sizes(node: Node) -> None:
    create(node, "100", "local", "--mp0", "/var/tmp,mp=/x")
    node.good("pvesm", "alloc", "local", "100", "vm-100-disk-7.raw", "1G")
    before = node.conf("100")
    said = node.good("pct", "rescan", "--dryrun")
    assert "add unreferenced volume 'local:100/vm-100-disk-7.raw' as 'unused0'" in said
    assert node.conf("100") == before
    node.good("pct", "rescan", "--vmid", "100")
    assert section(node, "100")["unused0"] == "local:100/vm-100-disk-7.raw"
    assert section(node, "100")["mp0"] == "/var/tmp,mp=/x,size=0T"  # the real one does so
    assert node.good("pct", "rescan") == "rescan volumes...\n"


def test_what_is_not_ours_is_not_destroyed(node: Node) -> None:
    create(node, "100", "local")
    create(node, "101", "local", "--mp0", "local:100/vm-100-disk-0.raw,mp=/x")
    out = node.good("pct", "destroy", "101")
    assert "ignore deletion of 'local:100/vm-100-disk-0.raw', CT 101 isn't the owner!" in out
    assert node.disks() == ["100/vm-100-disk-0.raw"]
