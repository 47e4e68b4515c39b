"""`import --adopt`: a guest of others, or one that others have changed, becomes Phoenix's own when it is told so."""

from __future__ import annotations

import pytest

from tests.contract.test_interrupted import World, by_hand

pytestmark = pytest.mark.processes


@pytest.fixture
def world(built, tmp_path):
    return World(built, tmp_path / "node")


@pytest.fixture
def stranger(world):
    """A container that somebody else has made under the ID."""
    template = "local:vztmpl/debian-12-standard_12.12-1_amd64.tar.zst"
    words = ("--rootfs", "local:8", "--hostname", "old", "--unprivileged", "1", "--description", "keep me")
    by_hand(world, "create", "9001", template, *words)
    return world


def test_a_stranger_is_taken_over_only_when_it_is_said(stranger):
    before = stranger.conf.read_text()
    code, _, err = stranger.run("import", "9001")
    assert code == 2
    assert "phoenix.pyz import 9001 --adopt" in err
    code, _, err = stranger.run("create", "9001")
    assert code == 8
    assert "phoenix.pyz import 9001 --adopt" in err
    assert stranger.conf.read_text() == before


def test_an_adopted_container_keeps_all_but_gets_a_mark(stranger):
    before = stranger.conf.read_text()
    code, out, err = stranger.run("import", "9001", "--adopt")
    assert (code, out) == (0, "9001  web  stopped  by pct set\n"), err
    assert "from now on Phoenix's own, with its volumes: local:9001/vm-9001-disk-0.raw" in err
    after = stranger.conf.read_text()
    assert after.startswith("#keep me\n#Made by Phoenix, mark ")
    assert after.split("\n")[2:] == before.split("\n")[1:]
    assert [event["event"] for event in stranger.events()] == ["intent", "outcome", "adopted"]


def test_an_adopted_container_is_changed_and_deleted_like_any_other(stranger):
    assert stranger.run("import", "9001", "--adopt")[0] == 0
    assert stranger.run("create", "9001")[0] == 0
    assert "hostname: web" in stranger.conf.read_text()
    assert stranger.run("import", "9001", "--adopt")[:2] == (0, "9001  web  running  nothing to do\n")
    assert stranger.run("delete", "9001", "--yes")[0] == 0
    assert stranger.volumes() == []


def test_a_moved_volume_is_told(world):
    assert world.run("create", "9001")[0] == 0
    assert world.run("stop", "9001")[0] == 0
    file = world.root / "etc/phoenix/lxc/9001.toml"
    by_hand(world, "move-volume", "9001", "rootfs", "local-lvm", "--delete", "1")
    file.write_text(file.read_text().replace('storage = "local"', 'storage = "local-lvm"', 1))
    code, _, err = world.run("create", "9001")
    assert code == 8
    assert "it lacks volumes that Phoenix recorded: local:9001/vm-9001-disk-0.raw" in err
    mark = world.conf.read_text().partition("mark ")[2][:32]
    assert world.run("import", "9001", "--adopt")[0] == 0
    assert mark in world.conf.read_text()  # it was ours, and is the same
    assert world.run("create", "9001")[0] == 0
    assert world.run("delete", "9001", "--yes")[0] == 0


def test_a_restored_container_is_told_although_it_has_our_mark(world):
    """As a restore under another ID leaves it, or a clone made by hand: two guests with one mark."""
    assert world.run("create", "9001")[0] == 0
    by_hand(world, "clone", "9001", "9005", "--full", "1") if world.run("stop", "9001")[0] == 0 else None
    folder = world.root / "etc/phoenix/lxc"
    (folder / "9005.toml").write_text((folder / "9001.toml").read_text().replace("10.0.0.110", "10.0.0.115"))
    assert world.run("create", "9005")[0] == 8
    assert world.run("import", "9005", "--adopt")[0] == 0
    ours, other = ((world.root / f"etc/pve/lxc/{guest}.conf").read_text() for guest in ("9001", "9005"))
    assert ours.partition("mark ")[2][:32] != other.partition("mark ")[2][:32]
    assert world.run("status", "9001")[1].startswith("9001  web  stopped")


def test_what_is_not_there_or_of_another_kind_is_not_adopted(world):
    code, _, err = world.run("import", "9001", "--adopt")
    assert code == 1
    assert "9001 is not created" in err
    (world.root / "etc/pve/qemu-server/9001.conf").write_text("memory: 128\n")
    code, _, err = world.run("import", "9001", "--adopt")
    assert code == 8
    assert "the ID 9001 is taken by VM 9001" in err


def test_a_renamed_node_changes_nothing(world):
    assert world.run("create", "9001")[0] == 0
    pve = world.root / "etc/pve"
    (pve / "nodes/pve").rename(pve / "nodes/other")
    (pve / "local").unlink()
    (pve / "local").symlink_to("nodes/other")
    for name in ("lxc", "qemu-server"):
        (pve / name).unlink()
        (pve / name).symlink_to(f"nodes/other/{name}")
    assert world.run("create", "9001")[:2] == (0, "9001  web  running  nothing to do\n")
