"""The section [mounts] on a rehearsal node: fstab, and folders that guests share; nothing is mounted over files."""

from __future__ import annotations

import os
import stat

import pytest

from tests.conftest import unavailable
from tests.contract.test_setup import World

pytestmark = pytest.mark.processes

DISKS = [
    {"name": "sda", "id": "ata-DISK_A", "content": ["ext4 bulk"]},
    {"name": "sdb", "id": "ata-DISK_B"},
]
A, B = "/dev/disk/by-id/ata-DISK_A", "/dev/disk/by-id/ata-DISK_B"
TOML = f"""\
[[mounts.fstab]]
source = "{A}"
path = "/mnt/bulk"
type = "ext4"
options = "noatime,nofail"
check = 2
[[mounts.volumes]]
path = "/mnt/bulk/models"
owner = "1000:1000"
unprivileged = true
mode = "2775"
[[mounts.volumes]]
path = "/srv/ssl"
owner = "root:www-data"
mode = "0750"
"""
THEIRS = "/dev/mapper/pve-root / ext4 errors=remount-ro 0 1\nproc /proc proc defaults 0 0\n"
LINE = f"{A} /mnt/bulk ext4 noatime,nofail 0 2\n"
COMMANDS = [
    "mounts: folder /mnt/bulk",
    f"mounts: mount -t ext4 -o noatime,nofail {A} /mnt/bulk",
    "mounts: write /etc/fstab",
    "mounts: systemctl daemon-reload",
    "mounts: folder /mnt/bulk/models",
    "mounts: folder /srv/ssl",
]


@pytest.fixture
def world(built, tmp_path):
    if os.geteuid():
        unavailable("only root gives files to others")
    found = World(built, tmp_path / "node", {"disks": DISKS})
    found.file.write_text(TOML)
    (found.root / "etc/passwd").write_text("root:x:0:0:root:/root:/bin/bash\n")
    (found.root / "etc/group").write_text("root:x:0:\nwww-data:x:33:\n")
    return found


def fstab(world):
    return (world.root / "etc/fstab").read_text()


def untouched(world, code, *lines, words=()):
    """It ends so, says these lines, and nothing has changed."""
    before = fstab(world), (world.root / "proc/mounts").read_text()
    got, out, err = world.run("setup", *words)
    assert (got, out) == (code, ""), err
    for line in lines:
        assert line in err
    assert (fstab(world), (world.root / "proc/mounts").read_text()) == before


def test_it_is_mounted_now_and_at_every_start_and_then_nothing_is_left(world):
    code, _, err = world.run("setup")
    assert (code, sorted(err.splitlines())) == (0, sorted(COMMANDS)), err
    assert fstab(world) == f"{THEIRS}# phoenix begin\n{LINE}# phoenix end\n"
    assert "/dev/sda /mnt/bulk ext4 rw,noatime 0 0\n" in (world.root / "proc/mounts").read_text()
    found = [os.stat(world.root / path) for path in ("mnt/bulk/models", "srv/ssl")]
    assert [(stat.S_IMODE(facts.st_mode), facts.st_uid, facts.st_gid) for facts in found] == [
        (0o2775, 101000, 101000),
        (0o750, 0, 33),
    ]
    assert world.run("setup") == (0, "pve  nothing to do\n", "")
    kept = list(world.root.glob("var/lib/phoenix/kept/*/etc/fstab"))
    assert [path.read_text() for path in kept] == [THEIRS]


def test_what_is_changed_by_hand_is_put_right(world):
    assert world.run("setup")[0] == 0
    os.chmod(world.root / "srv/ssl", 0o777)
    os.chown(world.root / "mnt/bulk/models", 0, 0)
    (world.root / "srv/ssl/key").write_text("theirs")
    out = world.run("setup", "--dry-run")[1]
    assert "  /mnt/bulk/models: 0:0 2775 -> 101000:101000 2775\n  /srv/ssl: 0:33 0777 -> 0:33 0750\n" in out
    assert world.run("setup")[2].splitlines() == ["mounts: folder /mnt/bulk/models", "mounts: folder /srv/ssl"]
    assert (world.root / "srv/ssl/key").read_text() == "theirs"
    assert world.run("setup")[1] == "pve  nothing to do\n"


def test_other_options_are_given_to_what_is_mounted(world):
    assert world.run("setup")[0] == 0
    with open(world.root / "etc/fstab", "a", encoding="utf-8") as file:
        file.write("# theirs, after it\n")
    world.file.write_text(TOML.replace("noatime", "relatime"))
    assert world.run("setup")[2].splitlines() == [
        "mounts: write /etc/fstab",
        "mounts: systemctl daemon-reload",
        "mounts: mount -o remount /mnt/bulk",
    ]
    assert fstab(world).endswith("# phoenix end\n# theirs, after it\n")
    assert "/dev/sda /mnt/bulk ext4 rw,relatime 0 0\n" in (world.root / "proc/mounts").read_text()


def test_options_that_cannot_be_had_are_corrected_in_the_file(world):
    assert world.run("setup")[0] == 0
    world.file.write_text(TOML.replace("noatime", "data=journal"))
    world.fault('command = "mount"\nbefore = { code = 32, stderr = "mount: bad option" }')
    code, _, err = world.run("setup")
    assert (code, "`mount -o` ended with 32: mount: bad option" in err) == (1, True), err
    world.fault("")
    world.file.write_text(TOML.replace("noatime", "relatime"))
    code, _, err = world.run("setup")
    assert (code, err.count("remount")) == (0, 1), err
    assert "/dev/sda /mnt/bulk ext4 rw,relatime 0 0\n" in (world.root / "proc/mounts").read_text()
    assert world.run("setup")[1] == "pve  nothing to do\n"


def test_the_lines_of_others_stay_byte_for_byte(world):
    theirs = THEIRS.encode() + b"# B\xfcro\r\n"
    (world.root / "etc/fstab").write_bytes(theirs)
    assert world.run("setup", "--dry-run")[0] == 0
    assert world.run("setup")[0] == 0
    assert (world.root / "etc/fstab").read_bytes().startswith(theirs)


def test_what_is_refused_is_not_as_wanted(world):
    assert world.run("setup")[0] == 0
    (world.root / "srv/ssl").rmdir()
    (world.root / "srv/ssl").write_text("theirs")
    code, out, _ = world.run("setup", "--dry-run", "--exit-code")
    refused = ["pve  mounts  differs", "  refused: mounts.volumes: /srv/ssl is no folder"]
    assert (code, out.splitlines()[:2]) == (10, refused)


def test_an_entry_that_goes_leaves_what_is_mounted(world):
    assert world.run("setup")[0] == 0
    world.file.write_text("[mounts]\nfstab = []\n")
    assert f"  fstab /mnt/bulk: {LINE[:-1]} -> no line\n" in world.run("setup", "--dry-run")[1]
    assert world.run("setup")[0] == 0
    assert fstab(world) == THEIRS
    assert "/mnt/bulk" in (world.root / "proc/mounts").read_text()


def test_nothing_is_mounted_over_files(world):
    (world.root / "mnt/bulk").mkdir(parents=True)
    (world.root / "mnt/bulk/precious").write_text("theirs")
    untouched(world, 8, "mounts.fstab: /mnt/bulk has files, which would be hidden: precious\nnext:  ls -la /mnt/bulk; ")
    (world.root / "mnt/bulk/precious").unlink()
    (world.root / "mnt/bulk").rmdir()
    (world.root / "mnt/bulk").write_text("theirs")
    untouched(world, 8, "mounts.fstab: /mnt/bulk is no folder")


def test_nothing_is_mounted_over_something_else(world):
    with open(world.root / "proc/mounts", "a", encoding="utf-8") as file:
        file.write("/dev/sdb /mnt/bulk ext4 rw 0 0\n")
    untouched(world, 8, f"mounts.fstab: /mnt/bulk: /dev/sdb is mounted there, and not {A}")


def test_a_line_of_somebody_else_for_the_same_folder_is_not_doubled(world):
    with open(world.root / "etc/fstab", "a", encoding="utf-8") as file:
        file.write("UUID=1234-ABCD /mnt/bulk vfat defaults 0 0\n")
    said = "/etc/fstab has a line of somebody else's for the same folder: UUID=1234-ABCD /mnt/bulk vfat defaults 0 0"
    untouched(world, 8, said)


def test_a_spoilt_block_is_not_guessed_at(world):
    with open(world.root / "etc/fstab", "a", encoding="utf-8") as file:
        file.write("# phoenix begin\n")
    untouched(world, 8, "mounts.fstab: /etc/fstab is spoilt: expected one line '# phoenix begin'")


LACKING = (
    ("DISK_A", "DISK_X", "mounts.fstab: /mnt/bulk: there is no device /dev/disk/by-id/ata-DISK_X"),
    (f'"{A}"', '"UUID=1234"', "mounts.fstab: /mnt/bulk: there is no device UUID=1234"),
    ("DISK_A", "DISK_B", f"mounts.fstab: /mnt/bulk: {B} has no file system, not ext4"),
    ('"ext4"', '"xfs"', f"mounts.fstab: /mnt/bulk: {A} has ext4, not xfs"),
    (
        f'"{A}"',
        '"nas:/export"\ntype = "nfs4"',
        "the node knows no file system nfs4\nnext:  apt-get install nfs-common",
    ),
    (f'"{A}"', '"none"\ntype = "tmpfss"', "mounts.fstab: /mnt/bulk: the node knows no file system tmpfss"),
    ("www-data", "nobodies", "mounts.volumes: /srv/ssl: /etc/group has no nobodies"),
)


def test_what_the_node_lacks_is_told_before_anything_is_done(world):
    for old, new, said in LACKING:
        toml = TOML.replace('type = "ext4"\n', "") if "type" in new else TOML
        world.file.write_text(toml.replace(old, new, 1))
        untouched(world, 6, said)
    assert not (world.root / "srv/ssl").exists()


def test_a_folder_is_not_made_where_something_is_to_be_mounted(world):
    world.file.write_text(TOML.replace("noatime,nofail", "noauto"))
    said = "mounts.volumes: /mnt/bulk/models: nothing is mounted at /mnt/bulk, where /etc/fstab has something to be"
    untouched(world, 6, said)
    assert not (world.root / "mnt/bulk/models").exists()


def test_what_cannot_be_mounted_does_not_get_into_the_table(world):
    world.fault(
        'command = "mount"\nbefore = { code = 32, stderr = "mount: /mnt/bulk: cannot mount; probably corrupted" }'
    )
    code, _, err = world.run("setup")
    assert code == 1
    assert "mount: /mnt/bulk: cannot mount; probably corrupted" in err
    assert fstab(world) == THEIRS
    world.fault("")
    assert world.run("setup")[0] == 0


def test_it_can_be_rehearsed(world):
    code, out, err = world.run("rehearse", "setup")
    assert code == 0, err
    assert f"+{LINE}" in out
    assert "+/dev/sda /mnt/bulk ext4 rw,noatime 0 0" in out
    assert fstab(world) == THEIRS
    assert not (world.root / "mnt/bulk").exists()
