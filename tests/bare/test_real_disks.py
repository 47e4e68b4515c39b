"""Real disks: Debian's zfs-fuse makes the pools of [zfs] on loop devices, and [mounts] mounts some, really.

What is on them is real, too, and told by the real wipefs, blkid, lsblk and pvs. zfs-fuse is ZFS of 2011: it lacks
`zpool status -P`, `zpool get -Hp`, `zpool labelclear` and `zfs get -t`, and searches no folder for pools unless it is
told one, so that wrappers stand for these. Pools and datasets, and every other command that changes them, are real.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import time

import pytest

from tests.conftest import unavailable
from tests.rehearsal.realparts import made_once

pytestmark = [pytest.mark.processes, pytest.mark.slow]

SUITE = "bookworm"
PACKAGES = "python3-minimal,libpython3-stdlib,zfs-fuse,e2fsprogs,xfsprogs,btrfs-progs,dosfstools,lvm2"
BY_ID = "/dev/disk/by-id"
MIB = 1 << 20
ZPOOL = """\
#!/bin/sh
case "$1 $2" in
"status -P") exec /sbin/zpool.fuse status ;;
"get -Hp") /sbin/zpool.fuse get "$3" "$4" | awk 'NR > 1 { print $1 "\\t" $2 "\\t" $3 "\\t" $4 }' ;;
"labelclear -f")
    size=$(blockdev --getsz "$3")
    for place in 0 $((size - 1024)); do dd if=/dev/zero of="$3" bs=512 seek=$place count=1024 status=none; done ;;
"import ") /sbin/zpool.fuse import -d /dev/disk/by-id || { echo "no pools available to import" >&2; exit 1; } ;;
*) exec /sbin/zpool.fuse "$@" ;;
esac
"""
ZFS = """\
#!/bin/sh
if [ "$1 $2 $3 $4" = "get -Hp -r -t" ]; then
    shift 5
    exec /sbin/zfs.fuse get -Hp -r "$@"
fi
exec /sbin/zfs.fuse "$@"
"""
TOML = f"""\
[zfs.pools.tank]
vdevs = [{{ type = "mirror", disks = ["{BY_ID}/virtio-0", "{BY_ID}/virtio-1"] }}]
properties = {{ ashift = 12, failmode = "continue" }}
[zfs.datasets]
"tank" = {{ atime = false }}
"tank/data" = {{ compression = "gzip-6", quota = "0.1G", mountpoint = "/srv/data" }}
"tank/data/sub" = {{ recordsize = "16K" }}
"""


def make_tree(target):
    """A Debian with zfs-fuse, and with what puts something on a disk."""
    argv = ["debootstrap", "--variant=minbase", f"--include={PACKAGES}", SUITE, target]
    subprocess.run(argv, check=True, stdout=subprocess.DEVNULL)


class Machine:
    """A bare node with real ZFS and four real disks, and the product on it."""

    def __init__(self, node, built, loops):
        self.node, self.loops = node, loops
        for name, text in (("zpool", ZPOOL), ("zfs", ZFS), ("systemctl", "#!/bin/sh\n")):
            if name != "systemctl":  # which there is none of without systemd
                node.path(f"usr/sbin/{name}").rename(node.path(f"usr/sbin/{name}.fuse"))
            node.path(f"usr/sbin/{name}").write_text(text)
            node.path(f"usr/sbin/{name}").chmod(0o755)
        for path in ("etc/pve/nodes/pve", "etc/phoenix", "dev/disk/by-id", "run/lock", "root"):
            node.path(path).mkdir(parents=True, exist_ok=True)
        node.path("etc/pve/local").symlink_to("nodes/pve")
        node.outside("mount", "-t", "sysfs", "none", f"{node.place}/root/sys")
        for number, loop in enumerate(loops):
            kind, device = 0o060660, os.stat(loop).st_rdev
            os.mknod(node.path(loop), kind, device)
            node.path(f"{BY_ID}/virtio-{number}").symlink_to(f"../../{os.path.basename(loop)}")
        if not node.path("dev/fuse").exists():
            os.mknod(node.path("dev/fuse"), 0o020666, os.makedev(10, 229))
        node.put(built, "/root/phoenix.pyz")
        self.write(TOML)
        for folder in ("etc/zfs", "run/zfs", "var/lock/zfs", "run/lock/zfs"):
            node.path(folder).mkdir(parents=True, exist_ok=True)
        self.daemon = subprocess.Popen(node.argv(["zfs-fuse", "--no-daemon"]), stdin=subprocess.DEVNULL)
        end = time.monotonic() + 20
        while node.run("zpool", "list").code:
            assert time.monotonic() < end, "zfs-fuse did not start"
            time.sleep(0.1)

    def write(self, text):
        self.node.path("etc/phoenix/hypervisor.toml").write_text(text)

    def setup(self, *words):
        ran = self.node.run("/usr/bin/python3", "-IS", "/root/phoenix.pyz", "setup", *words)
        assert "Traceback" not in ran.err
        return ran

    def get(self, tool, word, name):
        words = ("zpool.fuse", "get") if tool == "zpool" else ("zfs.fuse", "get", "-Hp")
        return self.node.run(*words, word, name).out.splitlines()[-1].split()[2]


@pytest.fixture
def loops(tmp_path):
    """Four loop devices of 320 MiB, the least that xfs takes."""
    found = []
    try:
        for number in range(4):
            image = tmp_path / f"disk{number}"
            image.touch()
            os.truncate(image, 320 * MIB)
            ran = subprocess.run(["losetup", "--find", "--show", image], capture_output=True, text=True, check=False)
            if ran.returncode:
                unavailable(f"there are no loop devices: {ran.stderr.strip()}")
            found.append(ran.stdout.strip())
        yield found
    finally:
        for loop in found:
            subprocess.run(["losetup", "--detach", loop], check=True)


@pytest.fixture
def machine(bare, built, loops):
    if not os.path.exists("/dev/fuse"):
        unavailable("there is no /dev/fuse, which zfs-fuse needs")
    if not shutil.which("losetup"):
        unavailable("losetup is not installed: apt-get install mount")
    found = Machine(bare(SUITE, made_once(f"tree-{SUITE}-disks", make_tree)), built, loops)
    yield found
    found.daemon.terminate()
    found.daemon.wait(20)


def test_real_pools_are_made_changed_added_to_and_imported(machine):
    ran = machine.setup()
    assert ran.code == 0, ran.err
    assert [line.split()[1:3] for line in ran.err.splitlines()] == [["zpool", "create"], *[["zfs", "create"]] * 2]
    assert machine.get("zpool", "ashift", "tank") == "12"
    assert machine.get("zfs", "quota", "tank/data") == "107374182"
    assert machine.get("zfs", "mountpoint", "tank/data/sub") == "/srv/data/sub"
    assert machine.setup() == (0, "pve  nothing to do\n", "")
    machine.node.path("srv/data/sub/precious").write_text("ours")

    more = f'}}, {{ type = "mirror", disks = ["{BY_ID}/virtio-2", "{BY_ID}/virtio-3"] }}]'
    machine.write(TOML.replace("}]", more).replace("0.1G", "80M").replace("continue", "wait"))
    ran = machine.setup()
    assert (ran.code, [line.split()[1:3] for line in ran.err.splitlines()]) == (
        0,
        [["zpool", "add"], ["zpool", "set"], ["zfs", "set"]],
    ), ran.err
    assert machine.get("zfs", "quota", "tank/data") == str(80 * MIB)
    assert machine.setup() == (0, "pve  nothing to do\n", "")

    assert machine.node.run("zpool", "export", "tank").code == 0
    ran = machine.setup()
    assert (ran.code, ran.err) == (0, f"zfs: zpool import -d {BY_ID} tank\n")
    assert machine.node.run("cat", "/srv/data/sub/precious").out == "ours"
    assert machine.setup() == (0, "pve  nothing to do\n", "")


CONTENT = {
    "mkfs.ext4 -q -L home": "ext4 home",
    "mkfs.xfs -q": "xfs",
    "mkfs.btrfs -q -L many": "btrfs many",
    "mkfs.vfat -n BOOT": "vfat BOOT",
    "mkswap -L old": "swap old",
    "pvcreate --quiet --yes": "LVM2_member",
}


def test_real_content_is_seen(machine):
    disk = f"{BY_ID}/virtio-1"
    for command, said in CONTENT.items():
        assert machine.node.run("wipefs", "--all", disk).code == 0
        assert machine.node.run(*command.split(), disk).code == 0, command
        ran = machine.setup(f"--wipe={BY_ID}/virtio-0")
        assert ran.code == 8
        assert f"is not empty: {said}" in ran.err
        if command.startswith("mkfs"):
            machine.node.path("mnt/old").mkdir(exist_ok=True)
            mounted = machine.node.run("mount", disk, "/mnt/old")
            if mounted.code == 0:  # this kernel may not have all of them
                ran = machine.setup(f"--wipe={disk}")
                assert (ran.code, "is in use: mounted at /mnt/old" in ran.err) == (8, True)
                assert machine.node.run("umount", "/mnt/old").code == 0
    assert machine.node.run("vgcreate", "--quiet", "old", disk).code == 0
    ran = machine.setup(f"--wipe={disk}")
    assert (ran.code, "is in use: part of the volume group old" in ran.err) == (8, True)


def test_real_content_is_wiped_when_it_is_named(machine):
    disk = f"{BY_ID}/virtio-1"
    assert machine.node.run("mkfs.ext4", "-q", disk).code == 0
    ran = machine.setup(f"--wipe={disk}")
    assert ran.code == 0, ran.err
    assert ran.err.startswith(f"zfs: wipefs --all {disk}\nzfs: zpool create ")
    assert machine.setup(f"--wipe={disk}") == (0, "pve  nothing to do\n", "")


@pytest.mark.parametrize("others", [(), (f"{BY_ID}/virtio-2",)])
def test_a_real_pool_on_a_disk_is_seen_and_cleared_when_it_is_named(machine, others):
    disk = f"{BY_ID}/virtio-1"
    words = ("mirror", disk, *others) if others else (disk,)
    assert machine.node.run("zpool", "create", "other", *words).code == 0
    ran = machine.setup(f"--wipe={disk}")
    assert ran.code == 8
    assert f"({os.path.basename(machine.loops[1])}) is in use: part of the pool other" in ran.err
    assert machine.node.run("zpool", "export", "other").code == 0
    ran = machine.setup()
    assert ran.code == 8
    assert "is not empty: zfs_member other, part of the pool other, which can be imported" in ran.err
    ran = machine.setup(f"--wipe={disk}")
    assert ran.code == 0, ran.err
    assert ran.err.startswith(f"zfs: wipefs --all {disk}\nzfs: zpool labelclear -f {disk}\nzfs: zpool create ")
    assert machine.setup() == (0, "pve  nothing to do\n", "")


def test_another_form_of_a_real_pool_is_refused(machine):
    assert machine.setup().code == 0
    before = machine.node.run("zpool.fuse", "status").out
    for old, new in (("virtio-1", "virtio-2"), ('"mirror"', '"raidz1"'), ("ashift = 12", "ashift = 9")):
        machine.write(TOML.replace(old, new))
        assert machine.setup().code == 8
    machine.write(TOML)
    assert machine.node.run("zpool.fuse", "status").out == before


def test_nothing_real_is_mounted_over_files(machine):
    machine.node.path("srv/data").mkdir()
    machine.node.path("srv/data/precious").write_text("theirs")
    ran = machine.setup()
    assert ran.code == 8
    assert "cannot be mounted at /srv/data: it is not empty: precious" in ran.err
    assert machine.node.run("zpool", "list").out == "no pools available\n"


MOUNTS = """\
[[mounts.fstab]]
source = "LABEL=bulk"
path = "/mnt/bulk"
type = "ext4"
options = "noatime,nofail"
[[mounts.fstab]]
source = "/srv/shared"
path = "/mnt/again"
type = "none"
options = "bind,nofail"
[[mounts.volumes]]
path = "/mnt/bulk/models"
owner = "0:1000"
unprivileged = true
mode = "2775"
"""


def test_a_real_file_system_is_mounted(machine):
    node = machine.node
    assert node.run("mkfs.ext4", "-q", "-L", "bulk", machine.loops[0]).code == 0
    node.path("dev/disk/by-label").mkdir()
    node.path("dev/disk/by-label/bulk").symlink_to(f"../../{os.path.basename(machine.loops[0])}")
    node.path("srv/shared").mkdir()
    node.path("etc/fstab").write_text("# theirs\n")
    machine.write(MOUNTS)
    ran = machine.setup()
    assert ran.code == 0, ran.err
    table = node.run("cat", "/proc/mounts").out
    assert f"{machine.loops[0]} /mnt/bulk ext4 rw,noatime" in table
    assert " /mnt/again " in table
    assert node.path("etc/fstab").read_text() == (
        "# theirs\n# phoenix begin\nLABEL=bulk /mnt/bulk ext4 noatime,nofail 0 0\n"
        "/srv/shared /mnt/again none bind,nofail 0 0\n# phoenix end\n"
    )
    assert node.run("stat", "-c", "%u:%g %a", "/mnt/bulk/models").out == "100000:101000 2775\n"
    assert node.run("findmnt", "--verify", "--tab-file", "/etc/fstab").code == 0
    assert machine.setup() == (0, "pve  nothing to do\n", "")
    machine.write(MOUNTS.replace("noatime", "ro"))
    assert machine.setup().code == 0
    assert f"{machine.loops[0]} /mnt/bulk ext4 ro" in node.run("cat", "/proc/mounts").out
    assert machine.setup() == (0, "pve  nothing to do\n", "")
