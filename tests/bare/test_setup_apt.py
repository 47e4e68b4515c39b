"""The section [apt] with the real apt and dpkg, on bare Debian: a local repository, a set of files, what is refused."""

from __future__ import annotations

import hashlib
import subprocess
import threading

import pytest

PYZ = "/root/phoenix.pyz"
MAKE = """\
set -e
mkdir -p /tmp/p/DEBIAN /tmp/p/etc
printf '%b' "$2" >/tmp/p/DEBIAN/control
echo "of the package: $2" >/tmp/p/etc/$1.conf
echo /etc/$1.conf >/tmp/p/DEBIAN/conffiles
dpkg-deb --build /tmp/p "$3" >/dev/null
rm -r /tmp/p
"""
HOLD = """
import fcntl, time
with open("/var/lib/dpkg/lock-frontend", "w") as file:
    fcntl.lockf(file, fcntl.LOCK_EX)
    print("held", flush=True)
    time.sleep(4)
"""
UPDATE = (
    "Package: {}\nStatus: install ok half-configured\nVersion: 1\nArchitecture: all\nMaintainer: M\nDescription: d\n"
)


class World:
    """A bare node that is taken for one of Proxmox VE's, with packages of its own."""

    def __init__(self, node, built):
        self.node = node
        node.put(built, PYZ, 0o755)
        node.path("/etc/pve/nodes/pve").mkdir(parents=True)
        node.path("/etc/pve/local").symlink_to("nodes/pve")
        for folder in ("/etc/phoenix", "/srv/debs", "/srv/repository"):
            node.path(folder).mkdir(parents=True)

    def make(self, folder, name, version="1", **more):
        """A package with a file of configuration; `more` are fields of its control file."""
        fields = {"Package": name, "Version": version, "Architecture": "all", "Maintainer": "M", "Description": "d"}
        control = "".join(f"{field}: {value}\\n" for field, value in {**fields, **more}.items())
        ran = self.node.run("sh", "-c", MAKE, "make", name, control, f"{folder}/{name}_{version}.deb")
        assert ran.code == 0, ran

    def sums(self):
        folder = self.node.path("/srv/debs")
        lines = [f"{digest(path)}  {path.name}\n" for path in sorted(folder.glob("*.deb"))]
        (folder / "SHA256SUMS").write_text("".join(lines))

    def index(self):
        """What apt reads of a flat repository."""
        folder = self.node.path("/srv/repository")
        text = ""
        for path in sorted(folder.glob("*.deb")):
            text += self.node.run("dpkg-deb", "--field", f"/srv/repository/{path.name}").out
            text += f"Filename: ./{path.name}\nSize: {path.stat().st_size}\nSHA256: {digest(path)}\n\n"
        (folder / "Packages").write_text(text)

    def setup(self, toml, *words):
        self.node.path("/etc/phoenix/hypervisor.toml").write_text(toml)
        ran = self.node.run(PYZ, "setup", *words, timeout=120)
        assert "Traceback" not in ran.err
        return ran

    def state(self, name):
        return self.node.run("dpkg-query", "-W", "-f", "${Version} ${db:Status-Status}", name).out

    def changed(self):
        return {name for name in self.node.changed() if not name.startswith(("/usr/local", "/var/log", "/run", "/tmp"))}


def digest(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.fixture(params=["bookworm", "trixie"])
def world(bare, built, request):
    return World(bare(request.param), built)


OFFLINE = '[apt]\npackages = ["bb"]\noffline.folder = "/srv/debs"\n'


def test_a_set_of_files(world):
    world.make("/srv/debs", "bb", Depends="aa")
    world.sums()
    ran = world.setup(OFFLINE)
    assert ran.code == 6
    assert "apt.offline: the set is not complete: bb : Depends: aa but it is not installable" in ran.err
    world.make("/srv/debs", "aa")
    world.sums()
    before = world.changed()
    assert world.setup(OFFLINE, "--dry-run").code == 0
    assert world.changed() == before
    ran = world.setup(OFFLINE)
    assert ran.code == 0, ran
    assert (world.state("aa"), world.state("bb")) == ("1 installed", "1 installed")
    assert world.setup(OFFLINE).out == "pve  nothing to do\n"
    world.node.path("/etc/aa.conf").write_text("of the administrator\n")
    world.make("/srv/debs", "aa", "2")
    world.sums()
    ran = world.setup(OFFLINE)
    assert (ran.code, world.state("aa")) == (0, "2 installed"), ran
    assert world.node.path("/etc/aa.conf").read_text() == "of the administrator\n"
    assert world.node.run("dpkg", "--remove", "--force-depends", "aa").code == 0
    assert world.node.run("dpkg", "--unpack", "/srv/debs/aa_1.deb").code == 0
    ran = world.setup(OFFLINE)
    assert (ran.code, world.state("aa")) == (0, "2 installed"), ran


def test_what_would_remove_a_package_is_refused(world):
    world.make("/srv/debs", "aa")
    world.sums()
    toml = OFFLINE.replace("bb", "aa")
    assert world.setup(toml).code == 0
    world.make("/srv/debs", "bb", Conflicts="aa", Replaces="aa")
    world.node.path("/srv/debs/aa_1.deb").unlink()
    world.sums()
    ran = world.setup(OFFLINE)
    assert ran.code == 8, ran
    assert "apt: to install /srv/debs/bb_1.deb apt would remove aa" in ran.err
    assert (world.state("aa"), world.state("bb")) == ("1 installed", "")


MIRROR = """\
[apt]
packages = ["bb"]
[apt.sources.mirror]
URIs = "file:/srv/repository"
Suites = "./"
Trusted = true
"""


def test_a_repository_of_ones_own(world):
    world.make("/srv/repository", "aa")
    world.make("/srv/repository", "bb", Depends="aa")
    world.index()
    for path in [
        *world.node.path("/etc/apt").glob("sources.list"),
        *world.node.path("/etc/apt/sources.list.d").iterdir(),
    ]:
        path.unlink()  # these are in the network
    ran = world.setup(MIRROR)
    assert ran.code == 0, ran
    assert (world.state("aa"), world.state("bb")) == ("1 installed", "1 installed")
    assert world.setup(MIRROR).out == "pve  nothing to do\n"
    ran = world.setup(MIRROR.replace('"bb"', '"bb", "cc"'))
    assert ran.code == 1
    assert "E: Unable to locate package cc" in ran.err


def test_an_interrupted_dpkg_and_somebody_elses_lock(world):
    world.make("/srv/debs", "aa")
    world.make("/srv/debs", "bb")
    world.sums()
    assert world.node.run("dpkg", "--unpack", "/srv/debs/aa_1.deb").code == 0
    world.node.path("/var/lib/dpkg/updates/0001").write_text(UPDATE.format("aa"))
    holder = subprocess.Popen(world.node.argv(["python3", "-c", HOLD]), stdout=subprocess.PIPE, text=True)
    assert holder.stdout.readline() == "held\n"
    threading.Thread(target=holder.wait).start()
    ran = world.setup(OFFLINE)
    holder.stdout.close()
    assert ran.code == 0, ran
    assert "dpkg: error: dpkg frontend lock was locked by " in ran.err
    assert "; trying again" in ran.err
    assert (world.state("aa"), world.state("bb")) == ("1 installed", "1 installed")
