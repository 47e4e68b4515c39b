"""The section [mounts]: what is wanted, the words of fstab, and what is planned."""

from __future__ import annotations

import os

import pytest

from phoenix.config.faults import Faults
from phoenix.config.load import Document
from phoenix.host import fstab, mounts
from phoenix.host.aspect import Ask
from phoenix.host.fstab import Entry
from phoenix.host.host import Host
from phoenix.paths import Paths
from phoenix.pve.node import Node

NFS = {"source": "nas:/export/", "path": "/mnt/nas", "type": "nfs4"}
VOLUME = {"path": "/srv/ssl"}


class Quiet(Host):
    """A host that has every program, and whose devices are empty."""

    def has(self, _name):
        return True

    def run(self, *argv):
        return (0, '{"signatures": []}', "") if argv[0] == "wipefs" else (2, "", "")


def put(host, path, text=""):
    whole = host.paths(path)
    os.makedirs(os.path.dirname(whole), exist_ok=True)
    with open(whole, "w") as file:
        file.write(text)


@pytest.fixture
def host(tmp_path):
    (tmp_path / "etc/pve/nodes/pve").mkdir(parents=True)
    (tmp_path / "etc/pve/local").symlink_to("nodes/pve")
    return Quiet(Node(Paths(str(tmp_path))))


def decoded(table):
    faults = Faults(Document("hypervisor.toml", {}))
    wanted = mounts.decode(table, faults)
    return wanted, [fault.partition(": ")[2] for fault in faults.found]


def planned(host, table):
    wanted, faults = decoded(table)
    assert not faults
    return mounts.plan(wanted, mounts.observe(host, wanted), Ask())


def commands(plan):
    return [" ".join(step.argv) for step in plan.steps]


@pytest.mark.parametrize(
    ("table", "fault"),
    [
        ({"fstabs": []}, "mounts.fstabs: unknown key; did you mean fstab?"),
        ({"fstab": {}}, "mounts.fstab: expected a list of tables, as [[mounts.fstab]], found a table"),
        ({"fstab": [{"path": "/mnt/x", "type": "ext4"}]}, "mounts.fstab.0.source: missing"),
        ({"fstab": [{**NFS, "path": "mnt"}]}, "mounts.fstab.0.path: expected a text, found 'mnt'"),
        ({"fstab": [{**NFS, "path": "/mnt/../etc"}]}, "mounts.fstab.0.path: expected a text, found '/mnt/../etc'"),
        ({"fstab": [{**NFS, "path": "/etc/x"}]}, "mounts.fstab.0.path: expected a text, found '/etc/x'"),
        ({"fstab": [{**NFS, "path": "/mnt/a b"}]}, "mounts.fstab.0.path: expected a text, found '/mnt/a b'"),
        ({"fstab": [{**NFS, "options": "ro, hard"}]}, "mounts.fstab.0.options: expected a text, found 'ro, hard'"),
        ({"fstab": [{**NFS, "options": "password=x"}]}, "mounts.fstab.0.options: a password is for everybody there"),
        ({"fstab": [{**NFS, "source": "-x"}]}, "mounts.fstab.0.source: expected a text, found '-x'"),
        (
            {"fstab": [{**NFS, "path": "/mnt/nas/in"}, NFS]},
            "mounts.fstab.1.path: /mnt/nas must come before /mnt/nas/in, which is in it",
        ),
        ({"fstab": [NFS, NFS]}, "mounts.fstab.1.path: /mnt/nas is there already"),
        ({"volumes": [{"path": "/srv"}]}, "mounts.volumes.0.path: expected a text, found '/srv'"),
        ({"volumes": [{"path": "/usr/local"}]}, "mounts.volumes.0.path: expected a text, found '/usr/local'"),
        ({"volumes": [{"path": "/etc/ssl/x"}]}, "mounts.volumes.0.path: expected a text, found '/etc/ssl/x'"),
        ({"volumes": [VOLUME, VOLUME]}, "mounts.volumes.1.path: /srv/ssl is there already"),
        ({"volumes": [{**VOLUME, "mode": "999"}]}, "mounts.volumes.0.mode: expected a text, found '999'"),
        ({"volumes": [{**VOLUME, "owner": "root"}]}, "mounts.volumes.0.owner: expected a text, found 'root'"),
        (
            {"volumes": [{**VOLUME, "owner": "www-data:33", "unprivileged": True}]},
            "mounts.volumes.0.owner: a user of an unprivileged container is a number below 65536",
        ),
        (
            {"volumes": [{**VOLUME, "owner": "0:65536", "unprivileged": True}]},
            "mounts.volumes.0.owner: a user of an unprivileged container is a number below 65536",
        ),
    ],
)
def test_what_is_wrong_is_said(table, fault):
    found = decoded(table)[1]
    assert [found[0].startswith(fault)] == [True], found


def test_a_node_whose_mount_fails_still_starts():
    assert decoded({"fstab": [NFS]})[0].entries[0].line() == "nas:/export/ /mnt/nas nfs4 defaults,nofail 0 0"


def test_the_words_of_the_table():
    text = "# a b c\n\nLABEL=x\\040y /mnt/a\\134b ext4\n/dev/sda none swap sw 0 0\nshort\n"
    assert fstab.parse(text) == [
        Entry("LABEL=x y", "/mnt/a\\b", "ext4", "defaults", "0"),
        Entry("/dev/sda", "none", "swap", "sw", "0"),
    ]
    assert fstab.parse(text)[0].line() == "LABEL=x\\040y /mnt/a\\134b ext4 defaults 0 0"


def test_an_entry_is_mounted_before_it_gets_into_the_table(host):
    put(host, "/etc/fstab", "/dev/sda1 / ext4\n")
    plan = planned(host, {"fstab": [NFS], "volumes": [{"path": "/mnt/nas/x", "owner": "33:33", "unprivileged": True}]})
    assert commands(plan) == [
        "folder /mnt/nas",
        "mount -t nfs4 -o defaults,nofail nas:/export/ /mnt/nas",
        "write /etc/fstab",
        "folder /mnt/nas/x",
    ]
    assert plan.steps[2].content == (
        "/dev/sda1 / ext4\n# phoenix begin\nnas:/export/ /mnt/nas nfs4 defaults,nofail 0 0\n# phoenix end\n"
    )
    assert (plan.steps[3].owner, plan.steps[3].mode, plan.missing) == ("100033:100033", 0o755, ())


def test_what_is_mounted_already_is_known_by_its_device(host):
    put(host, "/sys/class/block/sda1/dev", "8:1\n")
    os.makedirs(host.paths("/dev/disk/by-uuid"))
    os.symlink("../../sda1", host.paths("/dev/disk/by-uuid/1-2"))
    put(host, "/proc/mounts", "/dev/sda1 /mnt/a ext4 rw 0 0\nnas:/export /mnt/nas nfs4 rw 0 0\n")
    put(host, "/etc/fstab", "# phoenix begin\nUUID=1-2 /mnt/a ext4 defaults,nofail 0 0\n# phoenix end\n")
    entry = {"source": "UUID=1-2", "path": "/mnt/a", "type": "ext4"}
    assert planned(host, {"fstab": [entry]}) == mounts.Plan()
    assert commands(planned(host, {"fstab": [entry, NFS]})) == ["write /etc/fstab"]
    plan = planned(host, {"fstab": [{**entry, "source": "UUID=3-4"}]})
    assert [item.why for item in plan.refused] == ["mounts.fstab: /mnt/a: /dev/sda1 is mounted there, and not UUID=3-4"]


def test_a_folder_is_known_again_when_it_is_bound_elsewhere(host):
    put(host, "/srv/a/file")
    os.makedirs(host.paths("/mnt"))
    os.symlink("../srv/a", host.paths("/mnt/b"))  # the same device and number, as a bind mount has
    put(host, "/proc/mounts", "/dev/sda1 /mnt/b ext4 rw 0 0\n")
    entry = {"source": "/srv/a", "path": "/mnt/b", "type": "none", "options": "bind"}
    assert commands(planned(host, {"fstab": [entry]})) == ["write /etc/fstab"]
    assert planned(host, {"fstab": [{**entry, "source": "/srv"}]}).refused


def test_a_folder_of_what_is_to_be_mounted_can_be_bound(host):
    bind = {"source": "/mnt/nas/in", "path": "/srv/in", "type": "none", "options": "bind"}
    assert planned(host, {"fstab": [bind]}).missing
    plan = planned(host, {"fstab": [NFS, bind]})
    assert (plan.missing, len(plan.steps)) == ((), 5)


def test_a_folder_below_somebody_elses_line_waits_for_it(host):
    put(host, "/etc/fstab", "/dev/sdb1 /mnt/theirs ext4 noauto\n")
    plan = planned(host, {"volumes": [{"path": "/mnt/theirs/x"}]})
    assert [item.why for item in plan.missing] == [
        "mounts.volumes: /mnt/theirs/x: nothing is mounted at /mnt/theirs, where /etc/fstab has something to be"
    ]


def test_an_owner_that_nothing_is_said_of_stays(host):
    os.makedirs(host.paths("/srv/ssl"))
    os.chmod(host.paths("/srv/ssl"), 0o755)
    assert planned(host, {"volumes": [VOLUME]}) == mounts.Plan()
    plan = planned(host, {"volumes": [{**VOLUME, "mode": "0700"}]})
    assert [(step.argv, step.owner, step.mode) for step in plan.steps] == [(("folder", "/srv/ssl"), "", 0o700)]
    put(host, "/srv/file")
    assert planned(host, {"volumes": [{"path": "/srv/file"}]}).refused
