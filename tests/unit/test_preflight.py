"""Preflight: what is missing on the node for a container, all of it, before anything is changed."""

from __future__ import annotations

import pytest

from phoenix import errors
from phoenix.guests import preflight
from phoenix.guests.container import CONTAINER
from phoenix.guests.guest import Guest
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
    return Guest(CONTAINER, "9001", "9001.toml", settings, ostemplate=template)


def create(node, wanted):
    preflight.check_create(node, wanted, node.paths.config)


def missing(root, wanted, check=create):
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
    create(Node(Paths(str(root))), wanted)
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
    create(Node(Paths(str(root))), container("pool:vztmpl/a.tar.zst"))


@pytest.mark.parametrize("line", ["disable", "nodes pve2"])
def test_the_storage_of_the_template_must_be_there_for_this_node(root, line):
    folder = root / "srv/more/template/cache"
    folder.mkdir(parents=True)
    (folder / "debian-12.tar.zst").touch()
    more = f"\ndir: more\n\tpath /srv/more\n\tcontent vztmpl\n\t{line}\n"
    (root / "etc/pve/storage.cfg").write_text(STORAGES + more)
    missing(root, container("more:vztmpl/debian-12.tar.zst"))


# --- clones, templates, maps, neighbours ---


def clone(**words):
    return Guest(CONTAINER, "9001", "9001.toml", {"memory": "512"}, clone={"from": "900", **words})


def source(root, text):
    (root / "etc/pve/nodes/pve1/lxc").mkdir(exist_ok=True)
    (root / "etc/pve/lxc").symlink_to("nodes/pve1/lxc")
    (root / "etc/pve/lxc/900.conf").write_text(text)
    (root / "proc/net").mkdir(parents=True)
    (root / "proc/net/unix").write_text("")


def test_a_clone_needs_its_source(root):
    error = missing(root, clone())
    assert "there is no container 900 on this node to clone" in error.message
    assert error.hint == "phoenix.pyz create 900"


@pytest.mark.parametrize(
    ("text", "words", "fault"),
    [
        ("memory: 512\n", {"snapshot": "base"}, "900 has no snapshot base (it has: none)"),
        ("memory: 512\n\n[old]\nmemory: 1\n", {"snapshot": "base"}, "900 has no snapshot base (it has: old)"),
    ],
)
def test_what_is_wrong_with_the_source_of_a_clone(root, text, words, fault):
    source(root, text)
    assert fault in missing(root, clone(**words)).message


@pytest.mark.parametrize(
    ("text", "message", "unlock"),
    [
        ("memory: 512\n", "", False),
        ("lock: backup\nmemory: 512\n", "9001 cannot be created: 900 is locked (backup)", False),
        ("lock: disk\nmemory: 512\n", "9001 cannot be created: 900 is locked (disk)", True),
    ],
)
def test_a_source_that_somebody_works_on_is_said_with_what_frees_it(root, text, message, unlock):
    source(root, text)
    error = preflight.locked_source(Node(Paths(str(root))), clone())
    assert (error.message if error else "") == message
    assert error is None or ("pct unlock 900" in error.hint) == unlock


def test_a_source_that_runs_is_cloned_only_by_a_snapshot(root):
    source(root, "memory: 512\n\n[base]\nmemory: 512\n")
    (root / "proc/net/unix").write_text("0: 2 0 00010000 1 1 5 @/var/lib/lxc/900/command\n")
    assert "only a snapshot of it can be cloned" in missing(root, clone()).message
    create(Node(Paths(str(root))), clone(snapshot="base"))


def test_a_template_that_is_another_one_is_refused(root):
    empty = "cf83e1357eefb8bdf1542850d66d8007d620e4050b5715dc83f4a921d36ce9ce"
    empty += "47d0d13c5d85f2b0ff8318d2877eec2f63b931bd47417a81a538327af927da3e"
    good = Guest(CONTAINER, "9001", "9001.toml", {}, ostemplate=TEMPLATE, creation={"sha512": empty})
    create(Node(Paths(str(root))), good)
    bad = Guest(CONTAINER, "9001", "9001.toml", {}, ostemplate=TEMPLATE, creation={"sha512": "0" * 128})
    assert "is not what sha512 says" in missing(root, bad).message


@pytest.mark.parametrize(
    ("table", "able"),
    [
        ("root:100000:65536\nroot:33:1\n", True),
        ("root:100000:65536\n", False),
        ("web:33:1\nroot:100000:65536\n", False),
    ],
)
def test_root_may_map_what_the_node_says(root, table, able):
    (root / "etc/subuid").write_text("root:100000:65536\n")
    (root / "etc/subgid").write_text(table)
    lines = ("lxc.idmap: u 0 100000 65536", "lxc.idmap: g 0 100000 33", "lxc.idmap: g 33 33 1")
    wanted = Guest(CONTAINER, "9001", "9001.toml", {}, ostemplate=TEMPLATE, raw=lines)
    if able:
        create(Node(Paths(str(root))), wanted)
    else:
        error = missing(root, wanted)
        assert "root may not map 33 to 33 (/etc/subgid)" in error.message
        assert error.hint == "echo root:33:1 >>/etc/subgid"


def test_env_takes_the_release_that_knows_it(root):
    wanted = Guest(
        CONTAINER, "9001", "9001.toml", {}, ostemplate=TEMPLATE, environment=("lxc.environment.runtime: A=1",)
    )
    (root / "etc/debian_version").write_text("13.1\n")
    create(Node(Paths(str(root))), wanted)
    (root / "etc/debian_version").write_text("12.9\n")
    assert "env is known to Proxmox VE 9" in missing(root, wanted).message


@pytest.mark.parametrize(
    ("net", "what"),
    [
        ({"ip": "10.0.0.5/24"}, "10.0.0.5 is already that of 105"),
        ({"hwaddr": "BC:24:11:00:00:05"}, "BC:24:11:00:00:05 is already that of 105"),
        ({"ip6": "fd00::7/64"}, "fd00::7 is already that of 207"),
        ({"hwaddr": "BC:24:11:00:00:07"}, "BC:24:11:00:00:07 is already that of 207"),
        ({"ip": "10.0.0.9/24"}, "10.0.0.9 is already that of 109"),
        ({"ip": "10.0.0.50/24"}, ""),
        ({"ip": "dhcp"}, ""),
    ],
)
def test_addresses_of_others_are_refused(root, net, what):
    for folder, name, text in (
        ("lxc", "105", "net0: name=eth0,bridge=vmbr0,hwaddr=BC:24:11:00:00:05,ip=10.0.0.5/24,type=veth\n"),
        (
            "qemu-server",
            "207",
            "ipconfig0: ip=10.0.0.7/24,ip6=fd00::7/64\nnet0: virtio=BC:24:11:00:00:07,bridge=vmbr0\n",
        ),
        ("lxc", "9001", "net0: name=eth0,hwaddr=BC:24:11:00:00:05,ip=10.0.0.50/24\n"),
    ):
        (root / f"etc/pve/nodes/pve1/{folder}").mkdir(exist_ok=True)
        (root / f"etc/pve/nodes/pve1/{folder}/{name}.conf").write_text(text)
    (root / "etc/phoenix/lxc").mkdir(parents=True)
    (root / "etc/phoenix/lxc/109.toml").write_text('net0 = { name = "eth0", ip = "10.0.0.9/24" }\n')
    (root / "etc/phoenix/lxc/110.toml").write_text("broken")
    wanted = container(net0={"name": "eth0", **net})
    if what:
        assert what in missing(root, wanted).message
    else:
        create(Node(Paths(str(root))), wanted)
