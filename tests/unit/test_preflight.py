"""Preflight: what is missing on the node for a container, all of it, before anything is changed."""

from __future__ import annotations

import pytest

from phoenix import errors
from phoenix.guests import preflight
from phoenix.guests.container import Container
from phoenix.paths import Paths
from phoenix.pve.node import Node

STORAGES = """dir: local
	path /var/lib/vz
	content vztmpl,iso,backup

lvmthin: fast
	vgname pve
	content rootdir,images

lvmthin: off
	vgname pve
	content rootdir
	disable

zfspool: away
	pool x
	content rootdir,images
	nodes pve2,pve3

dir: images
	path /srv/images
	content images

lvmthin: pool
	vgname pve
	content vztmpl,rootdir
"""
TEMPLATE = "local:vztmpl/debian-12.tar.zst"


@pytest.fixture
def root(tmp_path):
    for folder in ("etc/pve/nodes/pve1", "sys/class/net/vmbr0", "var/lib/vz/template/cache", "tank/www"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "etc/pve/local").symlink_to("nodes/pve1")
    (tmp_path / "etc/pve/storage.cfg").write_text(STORAGES)
    (tmp_path / "var/lib/vz/template/cache/debian-12.tar.zst").touch()
    return tmp_path


def container(template=TEMPLATE, **settings):
    settings = {"rootfs": {"storage": "fast", "size": "8G"}, "memory": "512", **settings}
    return Container("9001", "9001.toml", template, settings, True)


def missing(root, wanted, check=preflight.check_create):
    with pytest.raises(errors.NotReady) as caught:
        check(Node(Paths(str(root))), wanted)
    return caught.value


@pytest.mark.parametrize(
    "wanted",
    [
        container(),
        container(net0={"name": "eth0", "bridge": "vmbr0"}),
        container(net0={"name": "eth0"}),
        container(mp0={"volume": "/tank/www", "mp": "/srv"}),
        container(mp0={"storage": "fast", "size": "1G", "mp": "/srv"}),
        container(template="/var/lib/vz/template/cache/debian-12.tar.zst"),
        container(features={"nesting": "1"}),
    ],
)
def test_nothing_is_missing(root, wanted):
    preflight.check_create(Node(Paths(str(root))), wanted)
    preflight.check_change(Node(Paths(str(root))), wanted)


@pytest.mark.parametrize(
    ("wanted", "fault", "step"),
    [
        (
            container("local:vztmpl/no.tar.zst"),
            "there is no template local:vztmpl/no.tar.zst",
            "pveam download local no.tar.zst",
        ),
        (container("/no.tar.zst"), "there is no template /no.tar.zst", "copy it to "),
        (container("none:vztmpl/a"), "there is no storage none (there is: ", "pvesm add"),
        (container("fast:vztmpl/a"), "storage fast takes no templates", "pvesm set fast --content"),
        (container(rootfs={"storage": "none", "size": "1G"}), "there is no storage none", "pvesm add"),
        (container(rootfs={"storage": "off", "size": "1G"}), "storage off is disabled", "pvesm set off"),
        (
            container(rootfs={"storage": "away", "size": "1G"}),
            "storage away is not on this node (pve1)",
            "pvesm set away",
        ),
        (
            container(rootfs={"storage": "images", "size": "1G"}),
            "storage images takes no containers",
            "pvesm set images",
        ),
        (container(mp7={"storage": "none", "size": "1G", "mp": "/x"}), "there is no storage none", "pvesm add"),
        (container(mp7={"volume": "/no", "mp": "/x"}), "there is no /no for mp7", "mkdir -p /no"),
        (container(net3={"name": "eth0", "bridge": "vmbr9"}), "there is no bridge vmbr9", "ip link"),
    ],
)
def test_what_is_missing_is_said_with_the_next_step(root, wanted, fault, step):
    error = missing(root, wanted)
    assert error.message.startswith("9001 cannot be created: " + fault)
    assert step in error.hint


def test_everything_that_is_missing_is_said_at_once_and_each_thing_once(root):
    wanted = container(
        "none:vztmpl/a",
        rootfs={"storage": "gone", "size": "1G"},
        mp0={"storage": "gone", "size": "1G", "mp": "/x"},
        mp1={"volume": "/no", "mp": "/y"},
        net0={"name": "eth0", "bridge": "vmbr9"},
    )
    message = missing(root, wanted).message
    for fault in ("storage none", "storage gone", "/no for mp1", "bridge vmbr9"):
        assert message.count(fault) == 1


def test_a_change_needs_no_template(root):
    preflight.check_change(Node(Paths(str(root))), container("local:vztmpl/no.tar.zst"))
    error = missing(root, container(net0={"name": "e", "bridge": "vmbr9"}), preflight.check_change)
    assert error.message == "9001: there is no bridge vmbr9"


def test_nothing_is_known_of_the_templates_of_a_storage_without_files(root):
    preflight.check_create(Node(Paths(str(root))), container("pool:vztmpl/a.tar.zst"))


@pytest.mark.parametrize("line", ["disable", "nodes pve2"])
def test_the_storage_of_the_template_must_be_there_for_this_node(root, line):
    folder = root / "srv/more/template/cache"
    folder.mkdir(parents=True)
    (folder / "debian-12.tar.zst").touch()
    more = f"\ndir: more\n\tpath /srv/more\n\tcontent vztmpl\n\t{line}\n"
    (root / "etc/pve/storage.cfg").write_text(STORAGES + more)
    missing(root, container("more:vztmpl/debian-12.tar.zst"))
