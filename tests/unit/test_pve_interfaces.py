"""/etc/network/interfaces: what it says, and interfaces as they are written."""

from __future__ import annotations

import pytest

from phoenix.pve import interfaces
from phoenix.pve.interfaces import Interface

OLD = """\
# by the installer
auto lo eno1
iface lo inet loopback
iface eno1 inet manual

allow-hotplug vmbr0
iface vmbr0 inet static
    address 10.0.0.13
    netmask 255.255.255.0
    gateway 10.0.0.1
    bridge_ports eno1 \\
        eno2
    bridge_stp off
    #bridge-fd 9
iface vmbr0 inet6 auto
iface bond0 inet manual
    slaves eno3,eno4
    bond_mode 4
    hwaddress ether AA:BB:CC:DD:EE:FF
source /etc/network/interfaces.d/*
source interfaces.d/relative
source-directory /etc/network/more
"""


@pytest.fixture
def blocks():
    return interfaces.parse(OLD)


def test_what_a_file_says(blocks):
    assert interfaces.names(blocks) == ["lo", "eno1", "vmbr0", "bond0"]
    assert [interfaces.is_auto(blocks, name) for name in ("eno1", "vmbr0", "bond0")] == [True, True, False]
    assert interfaces.sources(blocks) == ["/etc/network/interfaces.d/*"]
    found = {key: interfaces.found_options(blocks, "vmbr0", key) for key in ("address", "gateway", "bridge-ports")}
    assert found == {"address": ("10.0.0.13/24",), "gateway": ("10.0.0.1",), "bridge-ports": ("eno1 eno2",)}
    assert interfaces.found_options(blocks, "vmbr0", "bridge-stp") == ("off",)
    assert interfaces.found_options(blocks, "vmbr0", "bridge-fd") == ()
    assert interfaces.found_options(blocks, "bond0", "bond-slaves") == ("eno3 eno4",)
    assert interfaces.found_options(blocks, "bond0", "bond-mode") == ("802.3ad",)
    assert interfaces.found_options(blocks, "bond0", "hwaddress") == ("aa:bb:cc:dd:ee:ff",)
    assert [interfaces.found_method(blocks, "vmbr0", family) for family in interfaces.FAMILIES] == ["static", "auto"]
    assert interfaces.found_method(blocks, "bond0", "inet6") == "manual"


@pytest.mark.parametrize(
    ("text", "taken"),
    [
        ("source /etc/network/interfaces.d/*\n", True),
        ("source /etc/network/interfaces.d/ph*\n", True),
        ("source /etc/network/interfaces.d/*.cfg\n", False),
        ("source interfaces.d/*\n", False),
        ("source-directory /etc/network/interfaces.d\n", False),
        ("# source /etc/network/interfaces.d/*\n", False),
        ("", False),
    ],
)
def test_whether_phoenix_s_own_file_is_taken_in(text, taken):
    assert interfaces.takes_in(text, interfaces.DROP_IN) is taken


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        (Interface("vmbr0", None, {"inet": "static"}, {"address": ("10.0.0.13/24",)}), []),
        (Interface("vmbr0", False, {}, {}), [("auto", "yes", "no")]),
        (Interface("vmbr0", None, {"inet6": "manual"}, {}), [("inet6", "auto", "manual")]),
        (Interface("vmbr0", None, {}, {"bridge-ports": ("",)}), [("bridge-ports", "eno1 eno2", "none")]),
        (Interface("vmbr0", None, {}, {"gateway": ()}), [("gateway", "10.0.0.1", "(none)")]),
        (Interface("vmbr9", None, {}, {"mtu": ("9000",)}), [("", "", "mtu 9000")]),
        (Interface("vmbr9", None, {}, {}), [("", "", "declared")]),
    ],
)
def test_what_differs(blocks, wanted, found):
    assert interfaces.differences(blocks, wanted) == found


@pytest.mark.parametrize(
    ("wanted", "text"),
    [
        (Interface("vmbr1", None, {}, {"bridge-ports": ("",)}), """\
auto vmbr1
iface vmbr1 inet manual
	bridge-ports none
	bridge-stp off
	bridge-fd 0
"""),
        (
            Interface(
                "vmbr1",
                False,
                {"inet": "static", "inet6": "static"},
                {"address": ("10.1.0.1/24", "fd00::1/64"), "gateway": ("fd00::9",), "bridge-ports": ("a b",)},
            ),
            """\
iface vmbr1 inet static
	address 10.1.0.1/24
	bridge-ports a b
	bridge-stp off
	bridge-fd 0
iface vmbr1 inet6 static
	address fd00::1/64
	gateway fd00::9
""",
        ),
        (Interface("x.5", True, {"inet": "dhcp"}, {"post-up": ("a", "b")}), """\
auto x.5
iface x.5 inet dhcp
	post-up a
	post-up b
"""),
    ],
)  # fmt: skip
def test_how_it_is_written(wanted, text):
    assert interfaces.stanza(wanted) == text
    assert interfaces.differences(interfaces.parse(text), wanted) == []
