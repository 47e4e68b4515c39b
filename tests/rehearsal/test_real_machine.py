"""A real machine: it boots from an image, its agent answers, and a feature installs a service without a network."""

from __future__ import annotations

import shutil
import subprocess

import pytest

from tests.rehearsal.realparts import SUITE, Node, made_once, need

pytestmark = [pytest.mark.processes, pytest.mark.slow]

PACKAGES = "sysvinit-core,ifupdown,qemu-guest-agent,linux-image-cloud-amd64,udev,kmod"
FILE = """\
name = "shop"
memory = 512
agent = true
args = "-kernel /srv/vmlinuz -initrd /srv/initrd -append root=/dev/vda"
virtio0 = { storage = "local", size = "2G", import_from = "/srv/image" }

[phoenix]
provision = [{ feature = "web", arguments = ["8080"], secrets = { key = "/root/key" } }]
wait = { agent = 300 }
health = [
    { command = "test -s /run/web.pid", within = 20 },
    { command = ["busybox", "wget", "-q", "-O", "-", "http://127.0.0.1:8080/"], within = 20 },
]
"""


def make_system(target):
    """The image of a minimal Debian with a real init and an agent, and the kernel that boots it."""
    tree = target.with_name("tree-of-" + target.name)
    shutil.rmtree(tree, ignore_errors=True)
    subprocess.run(
        ["debootstrap", "--variant=minbase", f"--include={PACKAGES}", SUITE, tree],
        check=True,
        stdout=subprocess.DEVNULL,
    )
    (tree / "etc/fstab").write_text("/dev/vda / ext4 defaults 0 1\n")
    (tree / "etc/network/interfaces").write_text("auto lo\niface lo inet loopback\n")
    (tree / "srv/pages").mkdir()
    (tree / "srv/pages/index.html").write_text("it works\n")
    target.mkdir()
    for name, found in (("vmlinuz", "vmlinuz-*"), ("initrd", "initrd.img-*")):
        shutil.copy(next((tree / "boot").glob(found)), target / name)
    subprocess.run(["truncate", "-s", "1G", target / "image"], check=True)
    subprocess.run(["mke2fs", "-q", "-t", "ext4", "-d", tree, target / "image"], check=True)
    shutil.rmtree(tree)


@pytest.fixture
def node(built, tmp_path):
    packages = {"qemu-system-x86_64": "qemu-system-x86", "qemu-img": "qemu-utils", "mke2fs": "e2fsprogs"}
    need({**packages, "debootstrap": "debootstrap"})
    made = Node(built, tmp_path, {"real_machines": True})
    system = made_once(f"machine-{SUITE}", make_system)
    (made.root / "srv").mkdir(exist_ok=True)
    for name in ("vmlinuz", "initrd", "image"):
        (made.root / "srv" / name).symlink_to(system / name)
    made.guest("vm", "9002", FILE)
    yield made
    made.tool("qm", "stop", "9002")


def inside(node, *words):
    return node.tool("qm", "guest", "exec", "9002", "--", *words).stdout


def test_a_service_is_installed_runs_and_comes_back(node):
    made = node.run("create", "9002")
    print(made.stderr, made.stdout)
    assert made.returncode == 0, made.stderr
    assert '"out-data" : "init\\n"' in inside(node, "cat", "/proc/1/comm")
    assert "phoenix" not in inside(node, "ls", "-A", "/root")
    again = node.run("create", "9002")
    assert (again.returncode, again.stdout.split()[-3:]) == (0, ["nothing", "to", "do"])
    restarted = node.run("restart", "9002")
    assert restarted.returncode == 0, restarted.stderr
    assert "busybox wget -q -O - http://127.0.0.1:8080/: well" in restarted.stderr
    inside(node, "rm", "/srv/pages/index.html")
    file = node.root / "etc/phoenix/vm/9002.toml"
    file.write_text(file.read_text().replace("within = 20", "within = 2"))
    ill = node.run("health-check", "9002")
    assert ill.returncode == 1
    assert "404" in ill.stderr
    deleted = node.run("delete", "9002", "--yes")
    assert deleted.returncode == 0, deleted.stderr
    left = subprocess.run(["pgrep", "-f", f"qemu-system.*{node.root}"], capture_output=True, text=True, check=False)
    assert left.stdout == ""
