"""Random containers: whatever they are changed into, nothing is left to plan."""

from __future__ import annotations

import pytest
from hypothesis import strategies as st

from phoenix import process
from tests.rehearsal.forked import FOLDERS, World
from tests.rehearsal.nodes import TEMPLATE
from tests.rehearsal.randomly import ADDRESSES, NAMES, WORDS, many, table

pytestmark = pytest.mark.processes

LINES = (
    "lxc.cgroup2.memory.high: 500M", "lxc.cap.drop: sys_time", "lxc.mount.entry: /srv/one srv none bind",
    "lxc.environment: A=1", "lxc.apparmor.profile: unconfined",
)  # fmt: skip


FIXED = ("rootfs", "mp0", "mp1", "mp2", "unprivileged")

NETS = st.lists(
    table(
        {"bridge": st.just("vmbr0")},
        ip=st.one_of(st.just("dhcp"), st.just("manual"), ADDRESSES.map("{}/24".format)),
        tag=st.integers(1, 4094),
        mtu=st.integers(576, 1500),
        firewall=st.booleans(),
        rate=st.integers(1, 1000),
        link_down=st.booleans(),
    ),
    max_size=3,
)
MOUNTS = st.lists(
    st.one_of(
        table({"storage": st.just("local"), "size": st.integers(1, 4).map("{}G".format)}, backup=st.booleans()),
        table({"volume": st.sampled_from(FOLDERS)}, ro=st.booleans()),
    ),
    max_size=3,
)
OPTIONS = {
    "arch": st.sampled_from(("amd64", "arm64")),
    "cmode": st.sampled_from(("shell", "console", "tty")),
    "console": st.booleans(),
    "cores": st.integers(1, 64),
    "cpulimit": st.one_of(st.integers(0, 64), st.sampled_from((0.5, 1.25))),
    "cpuunits": st.integers(1, 10000),
    "debug": st.booleans(),
    "description": st.lists(WORDS, max_size=4).map("\n".join),
    "dev0": st.sampled_from(({"path": "/dev/fuse"}, {"path": "/dev/null", "mode": "0660"})),
    "env": st.dictionaries(NAMES.map(str.upper), WORDS, max_size=2),
    "features": table({}, nesting=st.booleans(), keyctl=st.booleans(), fuse=st.booleans()),
    "hostname": NAMES,
    "lxc": st.lists(st.sampled_from(LINES), unique=True, max_size=3),
    "memory": st.integers(16, 65536),
    "nameserver": st.lists(ADDRESSES, max_size=2),
    "onboot": st.booleans(),
    "searchdomain": st.lists(NAMES, max_size=2),
    "startup": table({}, order=st.integers(0, 99), up=st.integers(0, 99)).filter(bool),
    "swap": st.integers(0, 4096),
    "tags": st.lists(NAMES, max_size=3),
    "timezone": st.sampled_from(("host", "UTC", "Europe/Berlin")),
    "tty": st.integers(0, 6),
    "unprivileged": st.booleans(),
}


@st.composite
def containers(draw):
    """A file of a container, as tables."""
    found = draw(table({}, **OPTIONS))
    found["ostemplate"] = TEMPLATE
    found["rootfs"] = {"storage": "local", "size": f"{draw(st.integers(1, 4))}G"}
    for number, net in enumerate(draw(NETS)):
        found[f"net{number}"] = {"name": f"eth{number}", **net}
    for number, mount in enumerate(draw(MOUNTS)):
        found[f"mp{number}"] = {"mp": f"/m{number}", **mount}
    found["phoenix"] = {"state": draw(st.sampled_from(("running", "stopped")))}
    return found


@pytest.fixture
def world(tmp_path, monkeypatch):
    made = World(tmp_path / "node")
    monkeypatch.setattr(process, "run_tool", made.tool)
    return made


def test_some_random_containers(world, capsys):
    many(25, world, containers(), FIXED)


@pytest.mark.slow
def test_two_thousand_random_containers(world, capsys):
    many(1000, world, containers(), FIXED)  # two containers each
