"""The section [zfs] on a rehearsal node: pools, datasets, the cache; and what would lose something is refused."""

from __future__ import annotations

import copy
import json
import shutil
import subprocess

import pytest

from tests.contract.test_setup import World

pytestmark = pytest.mark.processes

BY_ID = "/dev/disk/by-id"
A, B, C, D = (f"{BY_ID}/ata-DISK_{letter}" for letter in "ABCD")
DISKS = [{"name": f"sd{letter.lower()}", "id": f"ata-DISK_{letter}"} for letter in "ABCD"]
TOML = f"""\
[zfs]
arc_max = "8G"
[zfs.pools.tank]
vdevs = [{{ type = "mirror", disks = ["{A}", "{B}"] }}]
properties = {{ ashift = 12, autotrim = true }}
[zfs.datasets]
"tank" = {{ atime = false }}
"tank/data" = {{ recordsize = "16K", quota = "1.5T", mountpoint = "/srv/data" }}
"tank/data/sub" = {{}}
"tank/vol" = {{ volsize = "1G" }}
"""
COMMANDS = [
    "zfs: write /etc/modprobe.d/zz-phoenix-zfs.conf",
    "zfs: set /sys/module/zfs/parameters/zfs_arc_max 8589934592",
    f"zfs: zpool create -o ashift=12 -o autotrim=on -O atime=off tank mirror {A} {B}",
    "zfs: zfs create -o recordsize=16K -o quota=1.5T -o mountpoint=/srv/data tank/data",
    "zfs: zfs create tank/data/sub",
    "zfs: zfs create -V 1G tank/vol",
]
READING = {("zpool", "status"), ("zpool", "import"), ("zpool", "get"), ("zfs", "get"), ("lsblk",), ("blkid",), ("pvs",)}


@pytest.fixture
def make(built, tmp_path):
    def made(toml=TOML, disks=DISKS):
        found = World(built, tmp_path / "node", {"disks": disks})
        found.file.write_text(toml)
        return found

    return made


@pytest.fixture(scope="module")
def prepared(built, tmp_path_factory):
    """A node that was set up, and what that said."""
    found = World(built, tmp_path_factory.mktemp("prepared") / "node", {"disks": DISKS})
    found.file.write_text(TOML)
    return found, found.run("setup")


@pytest.fixture
def done(prepared, tmp_path):
    """A copy of the node that was set up."""
    found = copy.copy(prepared[0])
    found.root = tmp_path / "node"
    found.file = found.root / "etc/phoenix/hypervisor.toml"
    subprocess.run(["cp", "-a", prepared[0].root, found.root], check=True)
    return found


def with_disk(letter, **more):
    """The disks, with something on one of them."""
    return [{**disk, **more} if disk["id"].endswith(letter) else disk for disk in DISKS]


def changing(world):
    """The calls that may have changed something."""
    return [
        argv
        for argv in world.calls()
        if argv[:2] != ["wipefs", "--no-act"] and (argv[0],) not in READING and tuple(argv[:2]) not in READING
    ]


def exported(world, wanted=True):
    """What `zpool export` does to all pools, or undoes."""
    path = world.root / "var/lib/phoenix-rehearsal/zfs.json"
    state = json.loads(path.read_text())
    for pool in state["pools"].values():
        pool["exported"] = wanted
    path.write_text(json.dumps(state))
    for path in () if not wanted else ("srv/data/sub", "srv/data", "tank"):
        (world.root / path).rmdir()
    table = world.root / "proc/mounts"
    table.write_text("".join(line for line in table.read_text().splitlines(keepends=True) if " zfs " not in line))


def refused(world, *lines, words=()):
    """It ends with 8, says these lines, and has changed nothing."""
    before = changing(world)
    code, out, err = world.run("setup", *words)
    assert (code, out) == (8, ""), err
    for line in lines:
        assert line in err
    assert changing(world) == before
    return err


def test_pools_and_datasets_are_made_and_then_nothing_is_left(prepared, done):
    code, _, err = prepared[1]
    assert (code, err.splitlines()) == (0, COMMANDS), err
    assert (done.root / "etc/modprobe.d/zz-phoenix-zfs.conf").read_text() == "options zfs zfs_arc_max=8589934592\n"
    assert (done.root / "sys/module/zfs/parameters/zfs_arc_max").read_text() == "8589934592\n"
    mounts = [line.split()[:2] for line in (done.root / "proc/mounts").read_text().splitlines() if " zfs " in line]
    assert mounts == [["tank", "/tank"], ["tank/data", "/srv/data"], ["tank/data/sub", "/srv/data/sub"]]
    before = changing(done)
    assert done.run("setup") == (0, "pve  nothing to do\n", "")
    assert done.run("setup", f"--wipe={A}") == (0, "pve  nothing to do\n", "")  # what a pool has is never wiped
    assert changing(done) == before


def test_what_the_file_says_otherwise_is_changed_and_added(done):
    more = f'}}, {{ type = "mirror", disks = ["{C}", "{D}"] }}]'
    toml = TOML.replace("1.5T", "none").replace("autotrim = true", "autotrim = false").replace('"1G"', '"2G"')
    done.file.write_text(toml.replace("}]", more).replace("/srv/data", "/srv/other"))
    code, _, err = done.run("setup")
    assert (code, err.splitlines()) == (
        0,
        [
            f"zfs: zpool add tank mirror {C} {D}",
            "zfs: zpool set autotrim=off tank",
            "zfs: zfs set quota=none tank/data",
            "zfs: zfs set mountpoint=/srv/other tank/data",
            "zfs: zfs set volsize=2G tank/vol",
        ],
    )
    assert done.run("setup")[1] == "pve  nothing to do\n"


def test_a_pool_that_was_exported_is_imported(done):
    exported(done)
    assert done.run("setup")[2].splitlines() == [f"zfs: zpool import -d {BY_ID} tank"]
    assert done.run("setup")[1] == "pve  nothing to do\n"


CONTENT = {
    "ext4 home": "ext4 home",
    "xfs": "xfs",
    "btrfs": "btrfs",
    "vfat": "vfat",
    "swap": "swap",
    "crypto_LUKS": "crypto_LUKS",
    "linux_raid_member old:0": "linux_raid_member old:0",
    "LVM2_member": "LVM2_member",
    "ceph_bluestore": "ceph_bluestore",
    "ext4\nzfs_member": "ext4, zfs_member, more than one thing at once",
    "gpt": "gpt",
}


def test_a_disk_that_is_not_empty_is_refused_unless_it_is_named_again(make):
    world = make()
    for content, said in CONTENT.items():
        (world.root / "dev/sdb").write_text(content + "\n")
        err = refused(world, f"zfs.pools.tank: {B} (sdb) is not empty: {said}\n", f"phoenix.pyz setup --wipe={B}")
        assert "DISK_A" not in err.partition("next:")[0]
    refused(world, said, words=(f"--wipe={A}",))  # another disk's permission is none
    code, _, err = world.run("setup", "--wipe", B)
    assert (code, err.splitlines()[2]) == (0, f"zfs: wipefs --all {B}"), err
    assert world.run("setup")[1] == "pve  nothing to do\n"


def test_partitions_are_content_and_go_before_their_table(make):
    world = make(disks=with_disk("B", content=["dos"], parts={"1": ["ntfs Windows"], "2": []}))
    refused(world, f"zfs.pools.tank: {B} (sdb) is not empty: dos, partition sdb1 (ntfs Windows), partition sdb2\n")
    assert world.run("setup", f"--wipe={B}")[2].splitlines()[2] == f"zfs: wipefs --all /dev/sdb1 /dev/sdb2 {B}"


def test_a_disk_of_another_pool_is_refused(done):
    world = done
    world.file.write_text(TOML.replace("tank", "other"))
    for words in ((), (f"--wipe={A},{B}",)):
        refused(world, "(sda) is in use: part of the pool tank", words=words)
    exported(world)
    said = "(sda) is not empty: gpt, partition sda1 (zfs_member tank), partition sda9, part of the pool tank, which can"
    refused(world, said)
    refused(world, "(sdb) is not empty", words=(f"--wipe={A}",))
    code, _, err = world.run("setup", f"--wipe={A},{B}")
    assert (code, err.splitlines()[0]) == (0, f"zfs: wipefs --all /dev/sda1 /dev/sda9 {A}")


def test_a_disk_that_is_used_is_never_wiped(make):
    world = make(disks=with_disk("B", content=["gpt"], parts={"2": []}))
    for file, text, said in (
        ("proc/mounts", "/dev/sdb /srv ext4 rw 0 0\n", "mounted at /srv"),
        ("proc/swaps", "Filename Type\n/dev/sdb partition 1 0 -2\n", "swap space in use"),
        ("dev/sdb", "LVM2_member pve\n", "part of the volume group pve"),
        ("dev/sdb2", "LVM2_member pve\n", "part of the volume group pve (sdb2)"),
        ("etc/pve/qemu-server/100.conf", f"scsi1: {B},size=1G\n", "a disk of guest 100"),
    ):
        before = (world.root / file).read_text() if (world.root / file).exists() else ""
        (world.root / file).write_text(before + text)
        for words in ((), (f"--wipe={B}",)):
            refused(world, f"zfs.pools.tank: {B} (sdb) is in use: {said}", words=words)
        (world.root / file).write_text(before)


DESTRUCTION = (
    ('type = "mirror"', 'type = "raidz1"', "the pool is made of mirror sda sdb, and the file declares raidz1 sda sdb"),
    (f'"{A}", ', f'"{A}", "{C}", ', "the file declares mirror sda sdb sdc"),
    (f'"{A}"', f'"{C}"', "the pool is made of mirror sda sdb, and the file declares mirror sdb sdc"),
    ("ashift = 12", "ashift = 13", "properties.ashift: tank has 12, the file 13, and that was decided"),
    ('volsize = "1G"', 'volsize = "512M"', "zfs.datasets.tank/vol.volsize: it has 1073741824 bytes, the file 512M"),
    ('{ volsize = "1G" }', "{}", "zfs.datasets.tank/vol: it is a volume, and the file declares a filesystem"),
    ('"tank/data/sub" = {}', '"tank/data/sub" = { volsize = "1G" }', "it is a filesystem, and the file declares a"),
    ('"tank/data/sub" = {}', '"tank/data/sub" = { utf8only = true }', "tank/data/sub has off, the file on"),
)


def test_what_would_need_destruction_is_refused_with_the_facts(done):
    for old, new, said in DESTRUCTION:
        assert old in TOML
        done.file.write_text(TOML.replace(old, new))
        refused(done, said, words=(f"--wipe={A},{B}",) if A not in old else ())


def test_an_exported_pool_of_another_form_is_not_made_anew(done):
    exported(done)
    done.file.write_text(TOML.replace(f'"{A}", "{B}"', f'"{C}", "{D}"'))
    refused(done, "a pool of that name can be imported, and is not as declared: 1000: mirror sda sdb")


def test_nothing_is_mounted_over_files(make):
    world = make()
    for dataset, path in (("tank/data/sub", "srv/data/sub"), ("tank/data", "srv/data"), ("tank", "tank")):
        (world.root / path).mkdir(parents=True)
        (world.root / path / "precious").write_text("theirs")
        refused(world, f"zfs.datasets.{dataset}: cannot be mounted at /{path}: it is not empty: precious")
        shutil.rmtree(world.root / path.partition("/")[0])


def test_a_mountpoint_does_not_move_over_files(done):
    (done.root / "srv/other").mkdir()
    (done.root / "srv/other/precious").write_text("theirs")
    done.file.write_text(TOML.replace("/srv/data", "/srv/other"))
    refused(done, "zfs.datasets.tank/data: cannot be mounted at /srv/other: it is not empty: precious")


def test_a_disk_that_is_not_there_is_missed(make):
    world = make(TOML.replace("DISK_B", "DISK_X"))
    code, _, err = world.run("setup")
    assert code == 6
    assert f"zfs.pools.tank: there is no disk {BY_ID}/ata-DISK_X\nnext:  ls -l {BY_ID}" in err
    assert changing(world) == []


def test_wipe_names_disks_of_the_file(make):
    world = make()
    refused(world, f"--wipe={C}: no vdev of the file has a disk of that name", words=(f"--wipe={C}",))
    code, _, err = world.run("setup", f"--wipe={A}", "--skip=zfs")
    assert code == 2
    assert "--wipe is for disks of [zfs], which is not among the sections of this run" in err
    assert changing(world) == []


def test_a_wipe_that_a_dry_run_shows_is_not_done(make):
    world = make(disks=with_disk("B", content=["ext4 home"]))
    code, out, _ = world.run("setup", "--dry-run", f"--wipe={B}")
    assert code == 0
    assert f"  $ wipefs --all {B}\n" in out
    assert f"  refused: zfs.pools.tank: {B} (sdb) is not empty: ext4 home\n" in world.run("setup", "--dry-run")[1]
    assert changing(world) == []
    assert (world.root / "dev/sdb").read_text() == "ext4 home\n"


def test_a_small_cache_needs_a_smaller_least(make):
    world = make('[zfs]\narc_max = "256M"\n')
    assert world.run("setup")[0] == 0
    conf = (world.root / "etc/modprobe.d/zz-phoenix-zfs.conf").read_text()
    assert conf == "options zfs zfs_arc_min=268435455 zfs_arc_max=268435456\n"
    parameters = world.root / "sys/module/zfs/parameters"
    assert [(parameters / f"zfs_arc_{end}").read_text() for end in ("min", "max")] == ["268435455\n", "268435456\n"]
    assert world.run("setup") == (0, "pve  nothing to do\n", "")


def test_a_root_on_zfs_needs_the_limit_in_its_initramfs(make):
    world = make('[zfs]\narc_max = "8G"\n')
    (world.root / "proc/mounts").write_text("rpool/ROOT/pve-1 / zfs rw 0 0\n")
    assert world.run("setup")[0] == 0
    assert changing(world) == [["update-initramfs", "-u", "-k", "all"]]


def test_it_can_be_rehearsed(make):
    world = make(disks=with_disk("B", content=["ext4 home"]))
    code, _, err = world.run("rehearse", "setup")
    assert code == 8
    assert "(sdb) is not empty: ext4 home" in err
    code, out, err = world.run("rehearse", "setup", f"--wipe={B}")
    assert code == 0
    assert "+tank/data /srv/data zfs" in out
    assert (world.root / "dev/sdb").read_text() == "ext4 home\n"
    assert not (world.root / "srv/data").exists()
