"""The section [apt] on a rehearsal node: lists, packages, a set of files, and what apt does when it is not alone."""

from __future__ import annotations

import hashlib
import json

import pytest

from tests.contract.test_setup import World
from tests.unit.test_host_apt import deb

pytestmark = pytest.mark.processes

TOML = """\
[apt]
repository = "no-subscription"
packages = ["htop", "tmux"]
"""
LISTS = "etc/apt/sources.list.d"
UPDATE, INSTALL = "apt-get update -o", "env DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-remove"
CONFIGURE = "env DEBIAN_FRONTEND=noninteractive dpkg --configure -a"
INTERRUPTED = "\nPackage: htop\nStatus: install ok half-configured\nArchitecture: amd64\nVersion: 3\n"


@pytest.fixture
def world(built, tmp_path):
    found = World(built, tmp_path / "node")
    found.file.write_text(TOML)
    return found


def notes(err, *starts):
    """The lines that begin so, without that section's name, in their order."""
    lines = [line.partition("apt: ")[2] for line in err.splitlines()]
    return [start for line in lines for start in starts if line.startswith(start)]


def interrupt(world):
    with open(world.root / "var/lib/dpkg/status", "a") as file:
        file.write(INTERRUPTED)
    (world.root / "var/lib/dpkg/updates").mkdir()
    (world.root / "var/lib/dpkg/updates/0001").write_text("")


def test_lists_are_written_and_packages_installed_once(world):
    code, _, err = world.run("setup")
    assert (code, notes(err, "write", UPDATE, INSTALL)) == (0, ["write", "write", UPDATE, INSTALL])
    assert (world.root / LISTS / "pve-enterprise.sources").read_text().endswith("\nEnabled: false\n")
    assert "Package: tmux\nStatus: install ok installed\n" in (world.root / "var/lib/dpkg/status").read_text()
    calls = world.calls()
    assert world.run("setup") == (0, "pve  nothing to do\n", "")
    assert world.calls() == calls
    status = world.root / "var/lib/dpkg/status"
    status.write_text(status.read_text().replace("Package: tmux\n", "Package: tmix\n"))
    assert notes(world.run("setup")[2], UPDATE, INSTALL) == [UPDATE, INSTALL]  # lists are not old when it installs


def test_a_package_that_nobody_has(world):
    folder = world.root / "var/lib/apt/lists"
    folder.mkdir(parents=True)
    (folder / "deb_main_Packages").write_text("Package: htop\nVersion: 3\n")
    code, _, err = world.run("setup")
    assert code == 1
    assert "`apt-get install` ended with 100: E: Unable to locate package tmux; it is not as wanted: packages" in err
    assert "next:  apt-get update; apt-get install --simulate htop tmux" in err


def test_what_would_remove_a_package_is_refused(world):
    folder = world.root / "var/lib/apt/lists"
    folder.mkdir(parents=True)
    (folder / "deb_main_Packages").write_text(
        "Package: htop\nVersion: 3\nConflicts: pve-manager\n\nPackage: tmux\nVersion: 3\n"
    )
    before = (world.root / "var/lib/dpkg/status").read_text()
    code, _, err = world.run("setup")
    assert code == 8
    assert "apt: to install htop tmux apt would remove pve-manager" in err
    assert (world.root / "var/lib/dpkg/status").read_text() == before
    assert not (world.root / LISTS / "phoenix-proxmox.sources").exists()


def test_an_interrupted_dpkg_is_set_right_first(world):
    interrupt(world)
    code, _, err = world.run("setup")
    assert (code, notes(err, CONFIGURE, UPDATE, INSTALL)) == (0, [CONFIGURE, UPDATE, INSTALL])


def test_a_dpkg_that_cannot_go_on_is_told_with_the_next_command(world):
    interrupt(world)
    world.fault('command = "dpkg"\nbefore = { code = 1, stderr = "dpkg: error processing package htop" }')
    code, _, err = world.run("setup")
    assert code == 1
    assert "`dpkg --configure` ended with 1: dpkg: error processing package htop" in err
    assert "next:  dpkg --configure -a;" in err


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("apt-get update", "E: Could not get lock /var/lib/apt/lists/lock. It is held by process 7 (apt-get)"),
        ("apt-get install", "E: Could not get lock /var/lib/dpkg/lock-frontend. It is held by process 7 (apt-get)"),
    ],
)
def test_somebody_elses_lock_is_waited_for(world, command, said):
    world.fault(f'command = "{command}"\ncall = 1\nbefore = {{ code = 100, stderr = "{said}" }}')
    code, _, err = world.run("setup")
    assert code == 0
    assert f"{said}; trying again" in err


def test_a_set_of_files(world):
    folder = world.root / "srv/debs"
    folder.mkdir(parents=True)
    (folder / "htop.deb").write_bytes(deb("htop", "3", Depends="libx"))
    (folder / "SHA256SUMS").write_text("")
    world.file.write_text('[apt]\npackages = ["htop"]\noffline.folder = "/srv/debs"\n')
    code, _, err = world.run("setup")
    assert (code, "next:  where the set was made: cd /srv/debs && sha256sum *.deb > SHA256SUMS" in err) == (6, True)
    sums(folder)
    code, _, err = world.run("setup")
    assert code == 6
    assert "the set is not complete: htop : Depends: libx but it is not installable" in err
    assert not [argv for argv in world.calls() if "--simulate" not in argv]
    (folder / "libx.deb").write_bytes(deb("libx", "1"))
    sums(folder)
    (folder / "libx.deb").write_bytes(deb("libx", "2"))
    code, _, err = world.run("setup")
    assert code == 8
    assert "apt.offline: /srv/debs/libx.deb has the SHA-256 " in err
    (folder / "libx.deb").write_bytes(deb("libx", "1"))
    code, out, _ = world.run("rehearse", "setup")
    assert (code, "+Package: libx\n" in out) == (0, True)
    code, _, err = world.run("setup")
    assert (code, notes(err, UPDATE, INSTALL)) == (0, [INSTALL])
    assert world.run("setup") == (0, "pve  nothing to do\n", "")


def sums(folder):
    lines = [f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}\n" for path in folder.glob("*.deb")]
    (folder / "SHA256SUMS").write_text("".join(lines))


def test_it_can_be_rehearsed_and_a_plan_only_asks(world):
    told = json.loads(world.run("setup", "--dry-run", "--output=json")[1])["sections"]["apt"]
    assert [item["what"] for item in told["differences"]][1:] == ["repository", "packages"]
    assert [argv for argv in world.calls() if "--simulate" not in argv] == []
    code, out, _ = world.run("rehearse", "setup")
    assert code == 0
    assert "+Enabled: false\n" in out
    assert "+Package: htop\n" in out
