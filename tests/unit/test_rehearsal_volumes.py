"""Volumes of the rehearsal node on every type of storage: names, snapshots, clones, what is said and what is left."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

import pytest

from phoenix.rehearsal import volumes
from phoenix.rehearsal.failures import Failure
from phoenix.rehearsal.tree import FACTS, Tree
from phoenix.rehearsal.volumes import activation, names

if TYPE_CHECKING:
    from pathlib import Path

GIB = 1 << 30
TEXT = "phoenix rehearsal disk\nostype=debian\n"
STORAGES = """\
dir: local
	path /var/lib/vz
	content images,rootdir,vztmpl,iso,backup,snippets,import

btrfs: btr
	path /mnt/btr

zfspool: tank
	pool tank/vms

lvmthin: thin
	thinpool data
	vgname pve

lvm: thick
	vgname vg1

nfs: nas
	export /x
	server 10.0.0.9

dir: chain
	path /srv/chain
	snapshot-as-volume-chain 1

dir: off
	path /srv/off
	disable
"""


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    files = {
        FACTS: json.dumps({"pve": "9"}),
        "/etc/pve/storage.cfg": STORAGES,
        "/etc/pve/.members": "{}",
        activation.MOUNTS: "root / ext4 rw 0 0\nx /mnt/btr btrfs rw 0 0\nx /mnt/pve/nas nfs4 rw 0 0\n",
    }
    for path, text in files.items():
        (tmp_path / path[1:]).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path[1:]).write_text(text)
    for folder in ("etc/pve/nodes/pve", "dev/pve", "dev/vg1", "dev/zvol/tank/vms", "tank/vms"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "etc/pve/local").symlink_to("nodes/pve")
    return Tree(str(tmp_path))


def allocate(tree: Tree, storage: str, form: str = "raw", name: str = "", kib: int = 1 << 20) -> str:
    return volumes.allocate(tree, volumes.existing(tree, storage), "300", kib, form, name)


@pytest.mark.parametrize(
    ("storage", "form", "volume", "path"),
    [
        ("local", "raw", "local:300/vm-300-disk-0.raw", "var/lib/vz/images/300/vm-300-disk-0.raw"),
        ("local", "qcow2", "local:300/vm-300-disk-0.qcow2", "var/lib/vz/images/300/vm-300-disk-0.qcow2"),
        ("btr", "raw", "btr:300/vm-300-disk-0.raw", "mnt/btr/images/300/vm-300-disk-0/disk.raw"),
        ("tank", "raw", "tank:vm-300-disk-0", "dev/zvol/tank/vms/vm-300-disk-0"),
        ("tank", "subvol", "tank:subvol-300-disk-0", "tank/vms/subvol-300-disk-0"),
        ("thin", "raw", "thin:vm-300-disk-0", "dev/pve/vm-300-disk-0"),
        ("thick", "raw", "thick:vm-300-disk-0", "dev/vg1/vm-300-disk-0"),
        ("nas", "vmdk", "nas:300/vm-300-disk-0.vmdk", "mnt/pve/nas/images/300/vm-300-disk-0.vmdk"),
    ],
)
def test_a_volume_is_where_the_node_has_it_until_it_is_freed(
    tree: Tree, storage: str, form: str, volume: str, path: str
) -> None:
    assert allocate(tree, storage, form) == volume
    assert (volumes.size(tree, volume), volumes.form(tree, volume), volumes.owner(tree, volume)) == (GIB, form, "300")
    assert volumes.node_path(tree, volume) == "/" + path
    place = tree("/" + path)
    assert os.path.exists(place)
    assert volumes.guest_volumes(tree, volumes.existing(tree, storage), "300") == [volume]
    volumes.free(tree, volume)
    assert not os.path.exists(place)
    assert volumes.guest_volumes(tree, volumes.existing(tree, storage)) == []


def test_numbers_count_as_each_type_counts_them(tree: Tree) -> None:
    assert [allocate(tree, "local", form) for form in ("raw", "qcow2")] == [
        "local:300/vm-300-disk-0.raw",
        "local:300/vm-300-disk-1.qcow2",
    ]
    assert [allocate(tree, "nas", form) for form in ("raw", "qcow2")] == [
        "nas:300/vm-300-disk-0.raw",
        "nas:300/vm-300-disk-0.qcow2",
    ]
    assert allocate(tree, "local", "qcow2", "vm-300-cloudinit", 4096) == "local:300/vm-300-cloudinit.qcow2"
    assert allocate(tree, "thin", name="vm-300-state-before") == "thin:vm-300-state-before"
    volumes.free(tree, "local:300/vm-300-disk-0.raw")
    assert allocate(tree, "local") == "local:300/vm-300-disk-0.raw"


@pytest.mark.parametrize(
    ("storage", "form", "name", "kib", "fault"),
    [
        ("local", "raw", "vm-300-disk-0.qcow2", 1, "wrong extension for format ('qcow2 != 'raw')"),
        ("local", "subvol", "", 1, "storage does not support subvol quotas"),
        ("thin", "raw", "vm-301-disk-0", 1, "illegal name 'vm-301-disk-0' - should be 'vm-300-*'"),
        ("thin", "qcow2", "", 1, "unsupported format 'qcow2'"),
        ("off", "raw", "", 1, "storage 'off' is disabled"),
    ],
)
def test_what_cannot_be_made(tree: Tree, storage: str, form: str, name: str, kib: int, fault: str) -> None:
    with pytest.raises(Failure) as caught:
        allocate(tree, storage, form, name, kib)
    assert fault in caught.value.text


def test_the_same_name_twice(tree: Tree) -> None:
    for storage in ("local", "btr", "thin", "tank"):
        allocate(tree, storage, name="vm-300-disk-0")
        with pytest.raises(Failure, match="already exists"):
            allocate(tree, storage, name="vm-300-disk-0")


@pytest.mark.parametrize(("storage", "form"), [("btr", "raw"), ("tank", "raw"), ("thin", "raw"), ("nas", "qcow2")])
def test_a_snapshot_brings_back_what_was_there(tree: Tree, storage: str, form: str) -> None:
    volume = allocate(tree, storage, form)
    assert volumes.has_feature(tree, volume, "snapshot")
    volumes.fill(tree, volume, TEXT)
    volumes.snapshot(tree, volume, "before")
    if form == "raw":
        volumes.fill(tree, volume, TEXT.replace("debian", "alpine"))
    volumes.resize(tree, volume, 3 * GIB)
    assert (volumes.snapshots(tree, volume), volumes.size(tree, volume)) == (["before"], 3 * GIB)
    volumes.rollback(tree, volume, "before")
    assert (volumes.size(tree, volume), volumes.look(tree, volume)) == (GIB, TEXT)
    volumes.drop_snapshot(tree, volume, "before")
    assert volumes.snapshots(tree, volume) == []
    with pytest.raises(Failure):
        volumes.drop_snapshot(tree, volume, "before")


def test_who_sees_only_files_sees_what_a_node_has(tree: Tree) -> None:
    volume = allocate(tree, "nas", "qcow2")
    volumes.snapshot(tree, volume, "one")
    assert os.listdir(tree("/mnt/pve/nas/images/300")) == ["vm-300-disk-0.qcow2"]
    volume = allocate(tree, "btr")
    volumes.snapshot(tree, volume, "one")
    assert sorted(os.listdir(tree("/mnt/btr/images/300"))) == ["vm-300-disk-0", "vm-300-disk-0@one"]
    assert volumes.guest_volumes(tree, volumes.existing(tree, "btr")) == [volume]
    volumes.free(tree, volume)
    assert not os.path.exists(tree("/mnt/btr/images/300"))


def test_only_the_last_snapshot_can_be_gone_back_to(tree: Tree) -> None:
    for storage, form in (("tank", "raw"), ("chain", "qcow2")):
        volume = allocate(tree, storage, form)
        for name in ("one", "two"):
            volumes.snapshot(tree, volume, name)
        assert volumes.snapshots(tree, volume) == ["one", "two"]
        with pytest.raises(Failure, match="'one' is not most recent snapshot on"):
            volumes.check_rollback(tree, volume, "one")
        volumes.drop_snapshot(tree, volume, "two")
        volumes.rollback(tree, volume, "one")
        assert volumes.snapshots(tree, volume) == ["one"]


def test_a_chain_is_of_files_that_are_not_listed(tree: Tree, capfd: pytest.CaptureFixture[str]) -> None:
    volume = allocate(tree, "chain", "qcow2")
    volumes.snapshot(tree, volume, "one")
    folder = "/srv/chain/images/300"
    assert f"rename {folder}/vm-300-disk-0.qcow2 to {folder}/snap-one-vm-300-disk-0.qcow2" in capfd.readouterr().out
    assert volumes.guest_volumes(tree, volumes.existing(tree, "chain")) == [volume]
    volumes.free(tree, volume)
    assert not os.path.exists(tree(folder))


@pytest.mark.parametrize(
    ("storage", "form", "base", "clone", "tracked"),
    [
        (
            "local",
            "raw",
            "local:300/base-300-disk-0.raw",
            "local:300/base-300-disk-0.raw/301/vm-301-disk-0.qcow2",
            True,
        ),
        ("btr", "raw", "btr:300/base-300-disk-0.raw", "btr:301/vm-301-disk-0.raw", False),
        ("tank", "raw", "tank:base-300-disk-0", "tank:base-300-disk-0/vm-301-disk-0", True),
        ("tank", "subvol", "tank:basevol-300-disk-0", "tank:basevol-300-disk-0/subvol-301-disk-0", True),
        ("thin", "raw", "thin:base-300-disk-0", "thin:vm-301-disk-0", False),
    ],
)
def test_linked_clones(tree: Tree, storage: str, form: str, base: str, clone: str, tracked: bool) -> None:
    volume = allocate(tree, storage, form)
    volumes.fill(tree, volume, TEXT)
    assert volumes.make_base(tree, volume) == base
    assert volumes.clone_linked(tree, base, "301") == clone
    assert (volumes.look(tree, clone), volumes.size(tree, clone)) == (TEXT, GIB)
    assert volumes.guest_volumes(tree, volumes.existing(tree, storage), "301") == [clone]
    assert volumes.in_use_by_clones(tree, base) is tracked
    moved = volumes.rename(tree, clone, "302")
    assert moved == clone.replace("301", "302")
    if tracked:
        with pytest.raises(Failure, match="is still in use by linked clones"):
            volumes.free(tree, base)
        volumes.free(tree, moved)
    volumes.free(tree, base)
    assert not volumes.exists(tree, base)


def test_a_linked_clone_of_a_container_needs_a_format_that_containers_have(tree: Tree) -> None:
    for storage, possible in (("local", False), ("btr", True), ("thin", True)):
        base = volumes.make_base(tree, allocate(tree, storage))
        assert volumes.has_feature(tree, base, "clone")
        assert volumes.has_feature(tree, base, "clone", formats=("raw", "subvol")) is possible


def test_what_was_said(tree: Tree, capfd: pytest.CaptureFixture[str]) -> None:
    base = volumes.make_base(tree, allocate(tree, "local", "qcow2"))
    volumes.clone_linked(tree, base, "301")
    volumes.resize(tree, allocate(tree, "thin"), 2 * GIB)
    out, err = capfd.readouterr()
    assert out.splitlines() == [
        "Formatting '/var/lib/vz/images/300/vm-300-disk-0.qcow2', fmt=qcow2 cluster_size=65536 extended_l2=off "
        "preallocation=metadata compression_type=zlib size=1073741824 lazy_refcounts=off refcount_bits=16",
        "Formatting '/var/lib/vz/images/301/vm-301-disk-0.qcow2', fmt=qcow2 cluster_size=131072 extended_l2=on "
        "preallocation=metadata compression_type=zlib size=1073741824 backing_file=../300/base-300-disk-0.qcow2 "
        "backing_fmt=qcow2 lazy_refcounts=off refcount_bits=16",
        '  Logical volume "vm-300-disk-0" created.',
        "  Size of logical volume pve/vm-300-disk-0 changed from 1.00 GiB (256 extents) to 2.00 GiB (512 extents).",
        "  Logical volume pve/vm-300-disk-0 successfully resized.",
    ]
    assert err == (
        "clone 300/base-300-disk-0.qcow2: images, vm-301-disk-0.qcow2, 301 to vm-301-disk-0.qcow2 "
        "(base=../300/base-300-disk-0.qcow2)\n"
    )


def test_storages_that_cannot_be_used(tree: Tree) -> None:
    tree.replace(activation.MOUNTS, "root / ext4 rw 0 0\n")
    for storage, fault in (
        ("nas", "storage 'nas' is not online"),
        ("btr", "'/mnt/btr' is not a btrfs file system"),
        ("off", "storage 'off' is disabled"),
    ):
        with pytest.raises(Failure) as caught:
            volumes.activate(tree, volumes.existing(tree, storage))
        assert caught.value.text == fault


@pytest.mark.parametrize(
    ("name", "kind", "owner", "form"),
    [
        ("100/vm-100-disk-0.raw", "images", "100", "raw"),
        ("140/vm-141-disk-0.raw", "images", "140", "raw"),
        ("140/foo.qcow2", "images", "140", "qcow2"),
        ("1/base-1-disk-0.raw/301/vm-301-disk-0.qcow2", "images", "301", "qcow2"),
        ("backup/vzdump-lxc-100-2024_01_01-10_00_00.tar.zst", "backup", "100", "raw"),
        ("backup/x.vma", "backup", "", "raw"),
        ("snippets/hook.sh", "snippets", "", "raw"),
    ],
)
def test_names(tree: Tree, name: str, kind: str, owner: str, form: str) -> None:
    found = names.parse(volumes.existing(tree, "local"), name, 9)
    assert (found.kind, found.owner, found.form) == (kind, owner, form)


@pytest.mark.parametrize(
    ("storage", "name", "fault"),
    [
        ("local", "foo", "unable to parse directory volume name 'foo'"),
        ("local", "vztmpl/../x.tar.zst", "unable to parse directory volume name 'vztmpl/../x.tar.zst'"),
        ("local", "backup/x.txt", "unable to parse directory volume name 'backup/x.txt'"),
        ("local", "100/vm-100-disk-0.foo", "unable to parse volume filename 'vm-100-disk-0.foo'"),
        ("thin", "foo", "unable to parse lvm volume name 'foo'"),
        ("tank", "vm-100-disk-0/vm-101-disk-0", "unable to parse zfs volume name 'vm-100-disk-0/vm-101-disk-0'"),
    ],
)
def test_names_that_are_none(tree: Tree, storage: str, name: str, fault: str) -> None:
    with pytest.raises(Failure) as caught:
        names.parse(volumes.existing(tree, storage), name, 9)
    assert caught.value.text == fault
