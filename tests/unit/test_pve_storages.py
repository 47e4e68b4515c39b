"""storage.cfg and the names of volumes."""

from __future__ import annotations

import pytest

from phoenix.pve import storages

TEXT = (
    "dir: local\n\tpath /var/lib/vz\n\tcontent iso,vztmpl,backup,images,rootdir\n\n"
    "# a comment: yes\n"
    "btrfs: btr\n\tpath /mnt/btr\n\tcontent rootdir\n\tis_mountpoint 1\n\n"
    "lvmthin: local-lvm\n\tthinpool data\n\tvgname pve\n\tcontent rootdir,images\n\n"
    "zfspool: tank\n\tpool tank/guests\n\tsparse\n\tnodes one,two\n\tdisable\n\n"
    "nfs: share\n\tserver nas\n\texport /x\n\tcontent vztmpl\n\tcontent-dirs vztmpl=archives\n"
)


def test_parse() -> None:
    table = storages.parse(TEXT)
    assert list(table) == ["local", "btr", "local-lvm", "tank", "share"]
    local, btr, thin, tank, share = table.values()
    assert (local.type, local.path, sorted(local.content)) == (
        "dir",
        "/var/lib/vz",
        ["backup", "images", "iso", "rootdir", "vztmpl"],
    )
    assert btr.other == {"is_mountpoint": "1"}
    assert not thin.is_files()
    assert thin.other == {"thinpool": "data", "vgname": "pve"}
    assert tank.disabled
    assert tank.other == {"pool": "tank/guests", "sparse": "1"}
    assert (tank.is_on("one"), tank.is_on("three"), local.is_on("three")) == (True, False, True)
    assert share.path == "/mnt/pve/share"
    assert share.folder("vztmpl") == "/mnt/pve/share/archives"
    assert share.folder("iso") == "/mnt/pve/share/template/iso"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "btrfs: btr\n\tpath /mnt/btr\n",
        "dir: local\n\tpath /srv\n\tcontent iso\n\tnodes two\n",
        "nfs: local\n\tserver nas\n\texport /x\n\tnodes two\n",
    ],
)
def test_there_is_always_a_storage_local_as_proxmox_ve_wants_it(text: str) -> None:
    local = storages.parse(text)["local"]
    assert (local.type, local.path, local.is_on("one")) == ("dir", "/var/lib/vz", True)
    assert "rootdir" in local.content


def test_what_storages_hold_that_do_not_say_so() -> None:
    table = storages.parse("dir: more\n\tpath /srv\n\nlvm: thick\n\tvgname one\n\npbs: far\n\tserver x\n")
    assert [sorted(table[name].content) for name in ("more", "thick", "far")] == [
        ["images", "rootdir"],
        ["images"],
        ["backup"],
    ]


@pytest.mark.parametrize(
    ("volume", "path"),
    [
        ("local:vztmpl/a.tar.zst", "/var/lib/vz/template/cache/a.tar.zst"),
        ("local:iso/a.iso", "/var/lib/vz/template/iso/a.iso"),
        ("local:snippets/hook.sh", "/var/lib/vz/snippets/hook.sh"),
        ("local:backup/x.vma", "/var/lib/vz/dump/x.vma"),
        ("local:100/vm-100-disk-0.raw", "/var/lib/vz/images/100/vm-100-disk-0.raw"),
        ("local:104/subvol-104-disk-0.subvol", "/var/lib/vz/images/104/subvol-104-disk-0.subvol"),
        ("local:1/base-1-disk-0.raw/301/vm-301-disk-0.qcow2", "/var/lib/vz/images/301/vm-301-disk-0.qcow2"),
        ("btr:100/vm-100-disk-0.raw", "/mnt/btr/images/100/vm-100-disk-0/disk.raw"),
        ("btr:100/subvol-100-disk-0.subvol", "/mnt/btr/images/100/subvol-100-disk-0"),
        ("btr:100/vm-100-disk-3.qcow2", "/mnt/btr/images/100/vm-100-disk-3.qcow2"),
        ("local-lvm:vm-100-disk-0", ""),
        ("tank:subvol-100-disk-0", ""),
    ],
)
def test_paths(volume: str, path: str) -> None:
    table = storages.parse(TEXT)
    assert storages.volume_path(table[volume.partition(":")[0]], volume) == path


@pytest.mark.parametrize(
    ("name", "owner"),
    [
        ("100/vm-100-disk-0.raw", 100),
        ("vm-100-disk-0", 100),
        ("subvol-7000-disk-12", 7000),
        ("100/base-100-disk-0.raw/301/vm-301-disk-0.qcow2", 301),
        ("vztmpl/debian-12-standard.tar.zst", 0),
        ("vm-x-disk-0", 0),
        ("strange", 0),
    ],
)
def test_owners(name: str, owner: int) -> None:
    assert storages.volume_owner(name) == owner


@pytest.mark.parametrize(
    ("volume", "parts"),
    [
        ("local:100/vm-100-disk-0.raw", ("local", "100/vm-100-disk-0.raw")),
        ("local:vztmpl/a:b", ("local", "vztmpl/a:b")),
        ("/dev/disk/by-id/a:b", ("", "")),
        ("local", ("", "")),
        ("local:", ("", "")),
        (":x", ("", "")),
    ],
)
def test_splitting(volume: str, parts: tuple[str, str]) -> None:
    assert storages.split_volume(volume) == parts


def test_kinds() -> None:
    names = ("vztmpl/a.tar.gz", "iso/a.iso", "snippets/a", "100/vm-100-disk-0.raw", "vm-100-disk-0", "images/x")
    assert [storages.volume_kind(name) for name in names] == [
        "vztmpl",
        "iso",
        "snippets",
        "images",
        "images",
        "images",
    ]
