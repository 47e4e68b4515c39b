"""Dangers of deleting: high availability, replication, linked clones, and volumes that are left over."""

from __future__ import annotations

import pytest

from phoenix.guests import dangers
from phoenix.guests.container import CONTAINER
from phoenix.paths import Paths
from phoenix.pve.node import Node


@pytest.fixture
def pve(tmp_path):
    for node in ("pve1", "pve2"):
        for folder in ("lxc", "qemu-server"):
            (tmp_path / f"etc/pve/nodes/{node}/{folder}").mkdir(parents=True)
    (tmp_path / "etc/pve/nodes/pve3").mkdir()
    (tmp_path / "etc/pve/local").symlink_to("nodes/pve1")
    (tmp_path / "etc/pve/ha").mkdir()
    (tmp_path / "etc/pve/nodes/pve1/lxc/9001.conf").write_text("rootfs: local:9001/base-9001-disk-0.raw,size=8G\n")
    return tmp_path / "etc/pve"


def found(pve):
    return dangers.of_deleting(Node(Paths(str(pve.parent.parent))), CONTAINER, "9001")


def test_a_guest_that_nobody_relies_on_is_no_danger(pve):
    assert found(pve) == []


@pytest.mark.parametrize(
    ("text", "danger"),
    [
        ("ct: 9001\n\tstate started\n", True),
        ("vm: 100\n\tstate started\n\nct: 9001\n", True),
        ("ct: 90010\n", False),
        ("vm: 9001\n", False),
        ("#ct: 9001\n", False),
    ],
)
def test_high_availability(pve, text, danger):
    (pve / "ha/resources.cfg").write_text(text)
    assert found(pve) == (["it is managed by HA (ha-manager status)"] if danger else [])


@pytest.mark.parametrize(
    ("text", "danger"),
    [
        ("local: 9001-0\n\ttarget pve2\n", True),
        ("local: 100-0\n\ttarget pve2\n\nlocal: 9001-1\n", True),
        ("local: 90010-0\n", False),
        ("local: 19001-0\n", False),
    ],
)
def test_replication(pve, text, danger):
    (pve / "replication.cfg").write_text(text)
    assert found(pve) == (["it is replicated (pvesr list)"] if danger else [])


@pytest.mark.parametrize(
    ("place", "volume", "danger"),
    [
        ("pve1/lxc/101", "local:9001/base-9001-disk-0.raw/101/vm-101-disk-0.qcow2", True),
        ("pve2/lxc/102", "rbd:base-9001-disk-0/vm-102-disk-0", True),
        ("pve2/qemu-server/103", "fast:base-9001-disk-1/vm-103-disk-0", True),
        ("pve1/lxc/101", "local:101/vm-101-disk-0.raw", False),
        ("pve1/lxc/101", "local:90010/base-90010-disk-0.raw/101/vm-101-disk-0.qcow2", False),
        pytest.param(
            "pve1/lxc/101",
            "local-zfs:basevol-9001-disk-0/subvol-101-disk-0",
            True,
        ),
    ],
)
def test_linked_clones_anywhere_in_the_cluster(pve, place, volume, danger):
    (pve / f"nodes/{place}.conf").write_text(f"rootfs: {volume},size=8G\n")
    guest = place.rpartition("/")[2]
    assert found(pve) == ([f"it is the base of linked clones: {guest}"] if danger else [])


def test_all_dangers_are_found(pve):
    (pve / "ha/resources.cfg").write_text("ct: 9001\n")
    (pve / "replication.cfg").write_text("local: 9001-0\n")
    for guest in ("101", "102"):
        (pve / f"nodes/pve1/lxc/{guest}.conf").write_text("rootfs: rbd:base-9001-disk-0/vm-1-disk-0\n")
    assert len(found(pve)) == 3
    assert found(pve)[2].endswith("101, 102")
