"""The section [zfs]: what is wanted, how pools are told of, and what is planned."""

from __future__ import annotations

import os

import pytest

from phoenix.config.faults import Faults
from phoenix.config.load import Document
from phoenix.errors import NotReady
from phoenix.host import disks, zfs, zfsproperties, zpools
from phoenix.host.aspect import Ask
from phoenix.host.host import Host
from phoenix.host.zpools import Vdev
from phoenix.paths import Paths
from phoenix.pve.node import Node

BY_ID = "/dev/disk/by-id"
A, B, C, D = (f"{BY_ID}/ata-DISK_{letter}" for letter in "ABCD")


class Told(Host):
    """A host whose programs tell what is written down: `told` by the beginning of a command."""

    def __init__(self, node):
        super().__init__(node)
        self.told = {"zpool status": (0, "no pools available\n"), "zpool import": (1, ""), "pvs": (0, "")}
        self.asked = []

    def has(self, _name):
        return True

    def run(self, *argv):
        line = " ".join(argv)
        self.asked.append(line)
        found = next((told for words, told in self.told.items() if line.startswith(words)), None)
        if found is None and argv[0] == "wipefs":
            return 0, '{"signatures": []}', ""
        if found is None and argv[0] == "blkid":
            return 2, "", ""
        if found is None and argv[0] == "lsblk":
            return 0, '{"blockdevices": [{"name": "x", "type": "disk"}]}', ""
        status, said = found
        return status, said, "no pools available to import\n" if status else ""

    def is_taken(self, _path):
        return False


def put(host, path, text=""):
    whole = host.paths(path)
    os.makedirs(os.path.dirname(whole), exist_ok=True)
    with open(whole, "w") as file:
        file.write(text)


def block(host, name, link, part=""):
    folder = f"/sys/class/block/{name}"
    put(host, f"{folder}/dev", "8:0\n")
    if part:
        put(host, f"{folder}/partition", f"{part}\n")
    os.makedirs(host.paths(BY_ID), exist_ok=True)
    os.symlink(f"../../{name}", host.paths(f"{BY_ID}/{link}"))


@pytest.fixture
def host(tmp_path):
    (tmp_path / "etc/pve/nodes/pve").mkdir(parents=True)
    (tmp_path / "etc/pve/local").symlink_to("nodes/pve")
    found = Told(Node(Paths(str(tmp_path))))
    for letter in "ABCD":
        block(found, f"sd{letter.lower()}", f"ata-DISK_{letter}")
        block(found, f"sd{letter.lower()}1", f"ata-DISK_{letter}-part1", "1")
    return found


def decoded(table):
    faults = Faults(Document("hypervisor.toml", {}))
    wanted = zfs.decode(table, faults)
    return wanted, [fault.partition(": ")[2] for fault in faults.found]


def planned(host, table, *wipe):
    wanted, faults = decoded(table)
    assert not faults
    return zfs.plan(wanted, zfs.observe(host, wanted), Ask(wipe))


def commands(plan):
    return [" ".join(step.argv) for step in plan.steps]


def pool(*vdevs, **more):
    return {"pools": {"tank": {"vdevs": list(vdevs), **more}}}


MIRROR = {"type": "mirror", "disks": [A, B]}


@pytest.mark.parametrize(
    ("table", "fault"),
    [
        ({"arc_max": "lots"}, "zfs.arc_max: expected a text, found 'lots'"),
        ({"arc_max": "32M"}, "zfs.arc_max: expected 64M or more, found '32M'"),
        ({"pool": {}}, "zfs.pool: unknown key; did you mean pools?"),
        ({"pools": []}, "zfs.pools: expected a table for each name, as [zfs.pools.NAME], found a list"),
        ({"pools": {"mirror": {}}}, "zfs.pools.0: expected a text, found 'mirror'"),
        (pool(), "zfs.pools.tank.vdevs: a pool needs a vdev for data"),
        (pool({"disks": ["/dev/sda"]}), "zfs.pools.tank.vdevs.0.disks.0: expected a text, found '/dev/sda'"),
        (pool({"type": "mirror", "disks": [A]}), "zfs.pools.tank.vdevs.0.disks: a mirror needs 2 disks or more"),
        (pool({"type": "raid5", "disks": [A]}), "zfs.pools.tank.vdevs.0.type: expected one of mirror, raidz1, raidz2"),
        (pool(MIRROR, {"disks": [C]}), "zfs.pools.tank.vdevs: all vdevs for data must be of one type and have as many"),
        (
            pool(MIRROR, {"class": "cache", **MIRROR}),
            "zfs.pools.tank.vdevs.1.type: a vdev for cache cannot be a mirror",
        ),
        (pool({"disks": [A, A]}), f"zfs.pools.tank.vdevs: {A} is in the pool tank already"),
        (pool(MIRROR, properties={"ashift": 42}), "zfs.pools.tank.properties.ashift: expected a text, found '42'"),
        (pool(MIRROR, properties={"size": 1}), "zfs.pools.tank.properties.size: unknown key"),
        ({"datasets": {"tank/a b": {}}}, "zfs.datasets.0: expected a text, found 'tank/a b'"),
        ({"datasets": {"tank/@x": {}}}, "zfs.datasets.0: expected a text"),
        ({"datasets": {"tank/a": {"quotas": "1G"}}}, "zfs.datasets.tank/a.quotas: unknown key; did you mean quota?"),
        ({"datasets": {"tank/a": {"quota": "1X"}}}, "zfs.datasets.tank/a.quota: expected a text, found '1X'"),
        ({"datasets": {"tank/a": {"recordsize": "none"}}}, "zfs.datasets.tank/a.recordsize: expected a text"),
        ({"datasets": {"tank/a": {"mountpoint": "srv"}}}, "zfs.datasets.tank/a.mountpoint: expected a text"),
        ({"datasets": {"tank/a": {"sync": True}}}, "zfs.datasets.tank/a.sync: expected one of standard, always"),
        (
            {"datasets": {"tank/a": {"mountpoint": "/s"}, "tank/b": {"mountpoint": "/s"}}},
            "zfs.datasets.tank/b.mountpoint: /s is the mountpoint of tank/a already",
        ),
    ],
)
def test_what_is_wrong_is_said(table, fault):
    found = decoded(table)[1]
    assert [found[0].startswith(fault)] == [True], found


STATUS = """\
  pool: tank
 state: DEGRADED
status: One or more devices is currently being resilvered.
action: Wait for the resilver to complete.
  scan: resilver in progress since Mon Nov 30 07:00:00 2026
config:

\tNAME                                   STATE     READ WRITE CKSUM
\ttank                                   DEGRADED     0     0     0
\t  mirror-0                             DEGRADED     0     0     0
\t    replacing-0                        DEGRADED     0     0     0
\t      /dev/disk/by-id/ata-DISK_A-part1 OFFLINE      0     0     0
\t      /dev/disk/by-id/ata-DISK_D-part1 ONLINE       0     0     0  (resilvering)
\t    12345678901234567890               UNAVAIL      0     0     0  was /dev/disk/by-id/ata-DISK_B-part1
\tspecial
\t  mirror-1                             ONLINE       0     0     0
\t    /dev/sde1                          ONLINE       0     0     0
\t    /dev/sdf1                          ONLINE       0     0     0
\tlogs
\t  /dev/nvme0n1p1                       ONLINE       0     0     0
\tcache
\t  /dev/nvme0n1p2                       ONLINE       0     0     0
\tspares
\t  /dev/sdg1                            AVAIL

errors: No known data errors

  pool: other
 state: ONLINE
config:

\tNAME         STATE     READ WRITE CKSUM
\tother        ONLINE       0     0     0
\t  raidz2-0   ONLINE       0     0     0
\t    /dev/sdh ONLINE       0     0     0
\t    /dev/sdi ONLINE       0     0     0
\t    /dev/sdj ONLINE       0     0     0
\t  indirect-1 ONLINE       0     0     0

errors: No known data errors
"""
IMPORT = """\
   pool: tank
     id: 1398028527398181020
  state: ONLINE
 action: The pool can be imported using its name or numeric identifier.
 config:

\ttank            ONLINE
\t  mirror-0      ONLINE
\t    ata-DISK_A  ONLINE
\t    sdb         ONLINE
\t    sdz         UNAVAIL  cannot open
\t    sdy         UNAVAIL  corrupted data
\tlogs
\t  ata-DISK_C    ONLINE
"""


def test_the_words_of_zpool_status():
    tank, other = zpools.parse(STATUS)
    assert tank.vdevs == (
        Vdev("", "mirror", (f"{A}-part1", f"{D}-part1", f"{B}-part1")),
        Vdev("special", "mirror", ("/dev/sde1", "/dev/sdf1")),
        Vdev("log", "", ("/dev/nvme0n1p1",)),
        Vdev("cache", "", ("/dev/nvme0n1p2",)),
        Vdev("spare", "", ("/dev/sdg1",)),
    )
    assert other.vdevs == (Vdev("", "raidz2", ("/dev/sdh", "/dev/sdi", "/dev/sdj")),)
    assert (tank.gone, other.gone) == (frozenset((f"{B}-part1",)), frozenset())
    assert zpools.parse("no pools available\n") == []


def test_the_words_of_zpool_import():
    assert zpools.parse(IMPORT) == [
        zpools.Pool(
            "tank",
            "1398028527398181020",
            (Vdev("", "mirror", ("ata-DISK_A", "sdb", "sdz", "sdy")), Vdev("log", "", ("ata-DISK_C",))),
            frozenset(("sdz", "sdy")),
        )
    ]


def test_each_class_is_said_once_and_groups_come_last():
    vdevs = [Vdev("log", "mirror", ("a", "b")), Vdev("", "mirror", ("c", "d")), Vdev("log", "", ("e",))]
    assert zpools.words(vdevs) == ["mirror", "c", "d", "log", "e", "mirror", "a", "b"]


@pytest.mark.parametrize(
    ("name", "wanted", "found", "same"),
    [
        ("quota", "1.5T", "1649267441664", True),
        ("quota", "none", "0", True),
        ("quota", "1G", "0", False),
        ("recordsize", "16k", "16384", True),
        ("compression", "gzip-6", "gzip", True),
        ("compression", "lz4", "on", False),
        ("acltype", "posixacl", "posix", True),
        ("xattr", "on", "sa", True),
        ("xattr", "sa", "on", False),
    ],
)
def test_values_in_other_words_are_the_same(name, wanted, found, same):
    assert zfsproperties.is_same(name, wanted, found) is same


@pytest.mark.parametrize(
    ("path", "device", "whole"),
    [
        (A, "sda", "sda"),
        (f"{A}-part1", "sda1", "sda"),
        ("ata-DISK_A-part1", "sda1", "sda"),
        ("sda", "sda", "sda"),
        ("/dev/sda", "sda", "sda"),
        ("nvme0n1p1", "nvme0n1p1", "nvme0n1"),
        ("/dev/disk/by-id/ata-GONE-part1", "", "/dev/disk/by-id/ata-GONE"),
    ],
)
def test_a_disk_has_one_name_whatever_it_is_called(host, path, device, whole):
    block(host, "nvme0n1p1", "nvme-X-part1", "1")
    assert (disks.device(host, path), disks.whole(host, path)) == (device, whole)


def test_a_pool_is_made_of_empty_disks(host):
    plan = planned(host, pool(MIRROR, {"class": "log", "disks": [C]}, properties={"ashift": 12}))
    assert commands(plan) == [f"zpool create -o ashift=12 tank mirror {A} {B} log {C}"]
    assert [(item.what, item.found, item.wanted) for item in plan.differences] == [
        ("pools.tank", "", f"mirror {A} {B} log {C}")
    ]
    assert {line.split()[0] for line in host.asked} == {"zpool", "lsblk", "wipefs", "blkid", "pvs"}


def test_nothing_is_asked_for_the_cache_alone(host):
    plan = planned(host, {"arc_max": "8G"})
    assert commands(plan) == ["write /etc/modprobe.d/zz-phoenix-zfs.conf"]
    assert host.asked == []


def test_labels_that_wipefs_leaves_are_cleared(host):
    host.told["zpool import"] = (0, IMPORT.replace("tank", "old"))
    why = planned(host, pool(MIRROR)).refused[0].why
    assert why == f"zfs.pools.tank: {A} (sda) is not empty: part of the pool old, which can be imported"
    assert commands(planned(host, pool(MIRROR), A, B)) == [
        f"zpool labelclear -f {A}",
        f"zpool labelclear -f {B}",
        f"zpool create tank mirror {A} {B}",
    ]


def test_two_names_of_one_disk_are_refused(host):
    os.symlink("../../sda", host.paths(f"{BY_ID}/wwn-1"))
    plan = planned(host, pool({"type": "mirror", "disks": [A, f"{BY_ID}/wwn-1"]}))
    assert f"zfs.pools: {BY_ID}/wwn-1 and {A} are one disk, sda" in [item.why for item in plan.refused]


def test_a_partition_is_refused(host):
    plan = planned(host, pool({"disks": [f"{A}-part1"]}), f"{A}-part1")
    assert [item.why for item in plan.refused] == [f"zfs.pools.tank: {A}-part1 is a partition (sda1), not a whole disk"]


def test_a_pool_with_a_disk_being_replaced_is_left_alone(host):
    host.told["zpool status"] = (0, STATUS)
    plan = planned(host, pool(MIRROR))
    assert plan.steps == ()
    assert "the pool is made of mirror sda sdb sdd; special mirror" in plan.refused[0].why
    assert "and the file declares mirror sda sdb" in plan.refused[0].why


def test_zfs_that_answers_nothing_is_told(host):
    host.told["zpool status"] = (1, "The ZFS modules cannot be auto-loaded.\n")
    host.run = lambda *_argv: (1, "", "The ZFS modules cannot be auto-loaded.\n")
    with pytest.raises(NotReady, match="ZFS modules cannot be auto-loaded"):
        planned(host, pool(MIRROR))


@pytest.mark.parametrize(
    "said", ["", "{", "[]", "{}", '{"signatures": 1}', '{"signatures": [1]}', '{"signatures": [{}]}']
)
@pytest.mark.parametrize("program", ["wipefs", "lsblk"])
def test_a_probe_that_tells_nonsense_is_not_believed(host, program, said):
    host.told[program] = (0, said.replace("signatures", "signatures" if program == "wipefs" else "blockdevices"))
    if said:
        with pytest.raises(NotReady, match=f"`{program} .*` told what cannot be read"):
            planned(host, pool(MIRROR))
    else:
        assert planned(host, pool(MIRROR)).steps


GET = """\
tank\tcanmount\ton\tdefault
tank\tmounted\tyes\t-
tank\tmountpoint\t/tank\tdefault
tank\ttype\tfilesystem\t-
tank/a\tcanmount\ton\tdefault
tank/a\tmounted\tyes\t-
tank/a\tmountpoint\t/srv/a\tlocal
tank/a\ttype\tfilesystem\t-
tank/a/b\tcanmount\ton\tdefault
tank/a/b\tmounted\tno\t-
tank/a/b\tmountpoint\t/srv/a/b\tinherited from tank/a
tank/a/b\ttype\tfilesystem\t-
"""
ONE = """\
  pool: tank
 state: ONLINE
config:

\tNAME                                 STATE     READ WRITE CKSUM
\ttank                                 ONLINE       0     0     0
\t  /dev/disk/by-id/ata-DISK_A-part1   ONLINE       0     0     0

errors: No known data errors
"""


@pytest.fixture
def tank(host):
    host.told["zpool status"] = (0, ONE)
    host.told["zfs get"] = (0, GET)
    return host


def test_datasets_of_a_pool_that_is_there(tank):
    table = {"datasets": {"tank/a/b": {}, "tank/new": {"quota": "1G"}, "tank/a": {}}}
    assert commands(planned(tank, table)) == ["zfs mount tank/a/b", "zfs create -o quota=1G tank/new"]


@pytest.mark.parametrize("lines", ["tank\ttype\tfilesystem\t-\n", GET.replace("tank\ttype\tfile", "tank\tpet\tfile")])
def test_zfs_that_tells_half_of_it_is_not_believed(tank, lines):
    tank.told["zfs get"] = (0, lines)
    with pytest.raises(NotReady, match="`zfs get` told what cannot be read of tank"):
        planned(tank, {"datasets": {"tank/a": {}}})


def test_where_a_dataset_goes_with_the_one_that_it_is_in(tank):
    put(tank, "/mnt/a/b/precious")
    table = {"datasets": {"tank/a": {"mountpoint": "/mnt/a"}, "tank/a/b": {}}}
    assert [item.why for item in planned(tank, table).refused] == [
        "zfs.datasets.tank/a: cannot be mounted at /mnt/a: it is not empty: b",
        "zfs.datasets.tank/a/b: cannot be mounted at /mnt/a/b: it is not empty: precious",
    ]


def test_a_dataset_without_the_one_that_it_is_in_is_missed(tank):
    plan = planned(tank, {"datasets": {"tank/x/y": {}, "gone/x": {}}})
    assert [item.why for item in plan.missing] == [
        "zfs.datasets.gone/x: there is no gone",
        "zfs.datasets.tank/x/y: there is no tank/x",
    ]
