"""The copy of a node, in its pure parts: what is hidden, what guests name, what a description may say."""

from __future__ import annotations

import fcntl
import os
import threading

import pytest

from phoenix import errors
from phoenix.pve import storages
from phoenix.rehearsal import blockcopies, blockdevices, hidden, places, setup, shelves
from phoenix.rehearsal.present import Present

STORAGES = storages.parse(
    "dir: local\n\tpath /var/lib/vz\n\ndir: fast\n\tpath /fast\n\nlvmthin: thin\n\tvgname pve\n\tthinpool data\n"
)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (b"name: a\ncipassword: p w\nciuser: b\n", b"name: a\ncipassword: **********\nciuser: b\n"),
        (b"name: a\n\n[s]\ncipassword: x\n", b"name: a\n\n[s]\ncipassword: **********\n"),
        (b"#cipassword: x\ncipassword:\n", b"#cipassword: x\ncipassword:\n"),
        (b"sshkeys: ssh-rsa%20AAAA\n", b"sshkeys: ssh-rsa%20AAAA\n"),
    ],
)
def test_what_is_hidden_of_a_guest(text, shown):
    assert hidden.in_guest(text) == shown


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (b"http_proxy: http://u:p@proxy:1/\n", b"http_proxy: http://u:**********@proxy:1/\n"),
        (b"cifs: nas\n\tserver a\n\tpassword p\n", b"cifs: nas\n\tserver a\n\tpassword **********\n"),
        (b"user:a@pve:1:0:A:B:a@b:no: JBSWY3DP:\n", b"user:a@pve:1:0:A:B:a@b:no:**********:\n"),
        (b"user:a@pve:1:0:A:B:a@b::x:\n", b"user:a@pve:1:0:A:B:a@b::x:\n"),
        (b"user:a@pve:1:0:A:B:a@b::\n", b"user:a@pve:1:0:A:B:a@b::\n"),
        (b"token:a@pve!t:0:1::\npool:p:a:100:local:\n", b"token:a@pve!t:0:1::\npool:p:a:100:local:\n"),
    ],
)
def test_what_is_hidden_of_the_cluster(text, shown):
    assert hidden.in_cluster(text) == shown


def test_what_is_hidden_of_what_is_mounted():
    text = b"//nas/a /mnt/a cifs user=me,password=pass=word,ro 0 0\n//nas/b /mnt/b cifs PASS=x 0 0\n"
    assert hidden.in_fstab(text) == (
        b"//nas/a /mnt/a cifs user=me,password=**********,ro 0 0\n//nas/b /mnt/b cifs PASS=********** 0 0\n"
    )


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("rootfs: local:100/vm-100-disk-0.raw,size=8G", [("local:100/vm-100-disk-0.raw", 8 << 30)]),
        ("scsi0: file=thin:vm-1-disk-0,size=512M", [("thin:vm-1-disk-0", 512 << 20)]),
        ("mp0: volume=fast:1/vm-1-disk-2.qcow2,mp=/x", [("fast:1/vm-1-disk-2.qcow2", 0)]),
        ("unused3: thin:vm-1-disk-9", [("thin:vm-1-disk-9", 0)]),
        ("vmstate: thin:vm-1-state-a", [("thin:vm-1-state-a", 0)]),
        ("ide2: local:iso/x.iso,media=cdrom", []),
        ("net0: virtio=BC:24:11:00:00:01,bridge=vmbr0", []),
        ("scsi0: gone:vm-1-disk-0", []),
        ("#rootfs: thin:vm-1-disk-0", []),
        ("mp1: /srv,mp=/x", []),
    ],
)
def test_the_volumes_that_a_guest_names(line, found):
    assert list(shelves.volumes_named(line, STORAGES)) == found


def test_the_paths_that_a_guest_names():
    text = "mp0: /srv/a,mp=/in\ndev0: path=/dev/dri/card0\nlxc.mount.entry: /tank/b c none bind 0 0\n#mp1: /no\n"
    assert list(shelves.paths_named(text)) == ["/srv/a", "/in", "/dev/dri/card0", "/tank/b"]


@pytest.mark.parametrize(
    ("found", "words"),
    [
        ({"hostname": "a/b"}, "hostname is 'a/b'"),
        ({"bridges": ["../x"]}, "bridges has '../x'"),
        ({"cpus": True}, "cpus is True"),
        ({"cpus": 0}, "cpus is 0"),
        ({"content": [{"size": 1}]}, "content[0] is"),
        ({"content": [{"volid": "gone:iso/x.iso"}]}, "on no storage"),
        ({"files": [{"path": "srv"}]}, "expected an absolute path"),
        ({"files": [{"path": "/srv", "mode": "0888"}]}, "octal"),
        ({"guests": [{}]}, "guests is not empty"),
    ],
)
def test_what_is_wrong_with_a_description(found, words):
    faults = setup.faults(found)
    assert len(faults) == 1
    assert words in faults[0]


def test_a_description_may_say_more_than_is_known():
    assert setup.faults({"hostname": "a", "environ": {}, "guests": [], "of": "someone"}) == []


@pytest.fixture
def node(tmp_path):
    for folder in ("etc/pve/nodes/alpha/lxc", "etc/pve/nodes/alpha/qemu-server", "proc", "run/lock/lxc", "dev/pve"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "etc/pve/local").symlink_to("nodes/alpha")
    (tmp_path / "etc/pve/storage.cfg").write_text("dir: store\n\tpath /store\n\tcontent iso,images\n")
    return tmp_path


@pytest.mark.parametrize(
    ("files", "version", "release"),
    [
        ({"var/lib/dpkg/status": "Package: pve-manager\nVersion: 7.4-19\n\nPackage: x\n"}, "7.4-19", 8),
        ({"var/lib/dpkg/status": "Package: x\n\nPackage: pve-manager\nA: b\nVersion: 9.0.3\n"}, "9.0.3", 9),
        ({"etc/debian_version": "12.5\n"}, "8", 8),
        ({}, "", 9),
    ],
)
def test_the_release_of_a_node(node, files, version, release):
    for path, text in files.items():
        (node / path).parent.mkdir(parents=True, exist_ok=True)
        (node / path).write_text(text)
    found = Present(str(node))
    assert (found.name, found.version, found.release) == ("alpha", version, release)


def test_a_cluster_file_system_elsewhere_is_no_node(node, tmp_path_factory):
    other = tmp_path_factory.mktemp("image")
    (other / "etc").symlink_to(node / "etc")
    with pytest.raises(errors.NotReady):
        Present(str(other))


def test_a_guest_that_cannot_be_read_is_there_all_the_same(node):
    (node / "etc/pve/nodes/alpha/lxc/100.conf").symlink_to("/etc/hostname")
    found = Present(str(node))
    assert list(found.guest_files()) == [("alpha", "lxc", "100", b"")]
    assert len(found.remarks) == 1


@pytest.mark.skipif(not os.path.exists("/proc/locks"), reason="this kernel tells of no locks")
def test_a_guest_that_is_worked_on_is_seen_without_touching_its_lock(node):
    path = node / "run/lock/lxc/pve-config-100.lock"
    with path.open("w") as held:
        assert Present(str(node)).worked_on() == []
        fcntl.flock(held, fcntl.LOCK_EX)
        with open("/proc/locks") as file:
            if f":{path.stat().st_ino} " not in file.read():
                pytest.skip("this file system's locks are not told")
        assert Present(str(node)).worked_on() == ["100"]


def test_a_storage_that_does_not_answer_is_not_waited_for(node, monkeypatch):
    (node / "store/images/100").mkdir(parents=True)
    (node / "store/template/iso").mkdir(parents=True)
    (node / "store/template/iso/a.iso").write_bytes(b"12345")
    found = shelves.look(Present(str(node)))["store"]
    assert (found.fault, [(item["volid"], item["size"]) for item in found.content]) == ("", [("store:iso/a.iso", 5)])
    silent = threading.Event()
    monkeypatch.setattr(shelves, "SECONDS", 0.05)
    monkeypatch.setattr(shelves, "_content", lambda *_: [] if silent.wait() else None)
    assert shelves.look(Present(str(node)))["store"].fault == "did not answer"
    silent.set()


@pytest.mark.parametrize("folder", ["/etc/pve/x", "/proc/1/x", "/var/lib/vz/x", "/mnt/pve/nas/x", "/run/lock/x"])
def test_a_place_of_this_machine_is_refused(folder):
    with pytest.raises(errors.Refused):
        places.check(folder)


def test_a_place_in_a_node_is_refused_by_links_too(node, tmp_path_factory):
    beside = tmp_path_factory.mktemp("beside")
    (beside / "link").symlink_to(node)
    for folder in (node / "srv/x", beside / "link/srv/x"):
        with pytest.raises(errors.Refused, match="which is a node"):
            places.check(str(folder))
    assert places.check(str(beside / "x")) == str(beside / "x")


class Copy:
    """A folder that a copy is made in."""

    def __init__(self, root):
        self.root = str(root)

    def __call__(self, path):
        return self.root + path

    def read(self, path):
        try:
            return (open(self(path))).read()
        except FileNotFoundError:
            return ""


def test_disks_are_copied_as_udev_knows_them(node, tmp_path_factory):
    device = node / "sys/devices/pci0/block/sda"
    files = {
        "dev": "8:0\n",
        "sda1/dev": "8:1\n",
        "sda1/partition": "1\n",
    }
    for path, text in files.items():
        (device / path).parent.mkdir(parents=True, exist_ok=True)
        (device / path).write_text(text)
    for folder in ("sys/class/block", "dev/disk/by-id", "run/udev/data", "proc/spl/kstat/zfs/rpool"):
        (node / folder).mkdir(parents=True)
    (node / "sys/class/block/sda").symlink_to("../../devices/pci0/block/sda")
    (node / "sys/class/block/sda1").symlink_to("../../devices/pci0/block/sda/sda1")
    (node / "dev/sda").write_text("precious")  # a disk is never read
    (node / "dev/disk/by-id/ata-A").symlink_to("../../sda")
    (node / "dev/disk/by-id/ata-A-part1").symlink_to("../../sda1")
    (node / "run/udev/data/b8:0").write_text("S:disk/by-id/ata-A\nE:ID_PART_TABLE_TYPE=gpt\n")
    (node / "run/udev/data/b8:1").write_text("E:ID_PART_TABLE_TYPE=gpt\nE:ID_FS_TYPE=ext4\nE:ID_FS_LABEL=home\n")
    present, tree = Present(str(node)), Copy(tmp_path_factory.mktemp("copy"))
    blockcopies.bring(present, tree)
    assert blockdevices.find(tree, "/dev/disk/by-id/ata-A") == "sda"
    assert blockdevices.parts(tree, "sda") == ["sda1"]
    assert blockdevices.content(tree, "sda") == [("gpt", "")]
    assert blockdevices.content(tree, "sda1") == [("ext4", "home")]
    assert present.remarks == ["the pools of ZFS were not looked into: to [zfs] it is as if there were none"]
