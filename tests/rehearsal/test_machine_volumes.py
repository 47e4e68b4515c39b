"""Disks of machines: taken out of the file they stay, and go only where they are named and nothing holds them."""

from __future__ import annotations

import pytest

from phoenix import process
from phoenix.errors import Refused, UsageError
from tests.rehearsal.forked import World

pytestmark = pytest.mark.processes

DISK = {"storage": "local", "size": "1G", "format": "qcow2"}
VOLUME = "local:9002/vm-9002-disk-1.qcow2"


@pytest.fixture
def world(tmp_path, monkeypatch):
    made = World(tmp_path / "node", "9002", kind="vm")
    monkeypatch.setattr(process, "run_tool", made.tool)
    made.write({"scsi0": DISK, "scsi1": DISK, "phoenix": {"state": "stopped"}})
    made.call("create")
    return made


def image(world):
    return world.root / "var/lib/vz/images/9002/vm-9002-disk-1.qcow2"


def test_a_disk_that_is_taken_out_stays_until_it_is_named(world, capsys):
    world.write({"scsi0": DISK, "phoenix": {"state": "stopped"}})
    world.call("create")
    assert f"unused0: {VOLUME}\n" in world.conf.read_text()
    assert image(world).exists()
    with pytest.raises(UsageError, match=r"has no volume local:9002/vm-9002-disk-7\.qcow2"):
        world.call("create", **{"--delete-volumes": "local:9002/vm-9002-disk-7.qcow2"})
    with pytest.raises(Refused, match="is in use, and is not deleted"):
        world.call("create", **{"--delete-volumes": "local:9002/vm-9002-disk-0.qcow2"})
    world.call("create", **{"--delete-volumes": VOLUME})
    assert not image(world).exists()
    assert "unused0" not in world.conf.read_text()


def test_a_disk_that_a_snapshot_holds_is_not_deleted(world, capsys):
    world.call("snapshot", **{"--name": "before"})
    world.write({"scsi0": DISK, "phoenix": {"state": "stopped"}})
    world.call("create")
    before = world.calls
    with pytest.raises(Refused, match="is part of a snapshot, and is not deleted"):
        world.call("create", **{"--delete-volumes": VOLUME})
    assert world.calls == before
    world.call("delete-snapshot", **{"--name": "before"})
    world.call("create", **{"--delete-volumes": VOLUME})
    assert not image(world).exists()


def test_a_disk_of_somebody_else_stays_and_forbids_to_delete_the_machine(world, capsys):
    world.conf.write_text(world.conf.read_text() + "scsi5: local:9002/vm-9002-disk-5.qcow2,size=1G\n")
    world.call("create")
    assert "scsi5" in world.conf.read_text()
    with pytest.raises(Refused, match=r"volumes that Phoenix did not make: local:9002/vm-9002-disk-5\.qcow2"):
        world.call("delete")
