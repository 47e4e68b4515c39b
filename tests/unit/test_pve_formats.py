"""The formats: what pct takes, and its words for what it does not."""

from __future__ import annotations

import pytest

from phoenix.pve import formats
from phoenix.pve.tables import container

DNS = "value does not look like a valid DNS name"
VMID = "value does not look like a valid VM ID"
NETWORK = "value does not look like a valid ipv4 network configuration"
MAC = "value does not look like a valid unicast MAC address"


@pytest.mark.parametrize(
    ("name", "text", "fault"),
    [
        ("dns-name", "web-1.example.com", ""),
        ("dns-name", "WEB-2", ""),
        ("dns-name", "a_b", DNS),
        ("dns-name", "-a", DNS),
        ("dns-name", "a-", DNS),
        ("dns-name", "a..b", DNS),
        ("dns-name", "", DNS),
        ("dns-name", "ü", DNS),
        ("dns-name-list", "a.com b.com", ""),
        ("dns-name-list", "a.com b_b.com", DNS),
        ("pve-vmid", "100", ""),
        ("pve-vmid", "999999999", ""),
        ("pve-vmid", "99", VMID),
        ("pve-vmid", "0100", VMID),
        ("pve-vmid", "1000000000", VMID),
        ("pve-vmid", "-5", VMID),
        ("pve-vmid", "\uff11\uff10\uff10", VMID),
        ("pve-configid", "ab", ""),
        ("pve-configid", "s", "invalid configuration ID 's'"),
        ("pve-configid", "a.b", "invalid configuration ID 'a.b'"),
        ("pve-configid", "1abc", "invalid configuration ID '1abc'"),
        ("pve-storage-id", "local-lvm", ""),
        ("pve-storage-id", "1abc", "storage ID '1abc' contains illegal characters"),
        ("pve-storage-id", "ab-", "storage ID 'ab-' contains illegal characters"),
        ("pve-volume-id", "local:vztmpl/x", ""),
        ("pve-volume-id", "nosuch", "unable to parse volume ID 'nosuch'"),
        ("pve-volume-id", "local:", "unable to parse volume ID 'local:'"),
        ("pve-tag-list", "Foo;bar,baz foo", ""),
        ("pve-tag-list", "", ""),
        ("pve-tag-list", "a!b", "invalid characters in tag"),
        ("pve-tag-list", "-x", "invalid characters in tag"),
        ("pve-ipv4-config", "dhcp", ""),
        ("pve-ipv4-config", "manual", ""),
        ("pve-ipv4-config", "10.0.0.5/24", ""),
        ("pve-ipv4-config", "10.0.0.5", NETWORK),
        ("pve-ipv4-config", "10.0.0.256/24", NETWORK),
        ("pve-ipv4-config", "10.0.0.5/33", NETWORK),
        ("pve-ipv4-config", "auto", NETWORK),
        ("pve-ipv6-config", "auto", ""),
        ("pve-ipv6-config", "fd00::1/64", ""),
        ("pve-ipv6-config", "fd00::1", "value does not look like a valid ipv6 network configuration"),
        ("mac-addr", "BC:24:11:00:00:0a", ""),
        ("mac-addr", "01:00:5E:00:00:01", MAC),
        ("mac-addr", "zz", MAC),
        ("pve-startup-order", "order=3,up=10,down=20", ""),
        ("pve-startup-order", "5", ""),
        ("pve-startup-order", "foo", "unable to parse startup options"),
        ("pve-startup-order", "order=x", "unable to parse startup options"),
        ("pve-ct-timezone", "Europe/Berlin", ""),
        ("pve-ct-timezone", "host", ""),
        ("pve-ct-timezone", "Mars/X", "invalid time zone 'Mars/X'"),
        ("pve-lxc-mp-string", "/srv/www", ""),
        ("pve-lxc-mp-string", "relative", ""),
        ("pve-lxc-mp-string", "/../x", "/../x contains illegal character sequences"),
        ("pve-lxc-dev-string", "/dev/null", ""),
        ("pve-lxc-dev-string", "null", "null is not a valid device path"),
        ("pve-storage-content", "rootdir", ""),
        ("pve-storage-content-list", "iso,foo", "invalid content type 'foo'"),
        ("lxc-ip-with-ll-iface-list", "1.1.1.1 8.8.8.8", ""),
        ("lxc-ip-with-ll-iface-list", "fe80::1%eth0", ""),
        ("lxc-ip-with-ll-iface-list", "1.1.1", "value does not look like a valid IP address"),
        ("no-such-format", "anything", ""),
    ],
)
def test_check(name: str, text: str, fault: str) -> None:
    assert formats.check(name, text) == fault


def test_a_short_storage_name_is_told_in_two_ways() -> None:
    assert formats.check("pve-storage-id", "x", 8) == "storage ID 'x' contains illegal characters"
    assert formats.check("pve-storage-id", "x", 9) == "storage ID 'x' cannot be shorter than 2 characters"


@pytest.mark.parametrize(
    ("name", "text", "fault"),
    [
        ("memory", "512", ""),
        ("memory", "3", "value must have a minimum value of 16"),
        ("memory", "abc", "type check ('integer') failed - got 'abc'"),
        ("memory", "5e2", "type check ('integer') failed - got '5e2'"),
        ("memory", "", "type check ('integer') failed - got ''"),
        ("cores", "9000", "value must have a maximum value of 8192"),
        ("cpulimit", "1.5", ""),
        ("cpulimit", "-1", "value must have a minimum value of 0"),
        ("onboot", "2", "type check ('boolean') failed - got '2'"),
        ("cmode", "x", "value 'x' does not have a value in the enumeration 'shell, console, tty'"),
        ("hostname", "x" * 300, "value may only be 255 characters long"),
        ("hostname", "a_b", f"invalid format - {DNS}"),
        ("env", "A", "value does not match the regex pattern"),
        ("env", "A=1\0B=2", ""),
    ],
)
def test_the_fault_of_a_value(name: str, text: str, fault: str) -> None:
    assert formats.fault(container.GUEST[name], text) == fault


@pytest.mark.parametrize(
    ("table", "text", "values", "faults"),
    [
        ("net", "name=eth0,bridge=vmbr0", {"name": "eth0", "bridge": "vmbr0"}, {}),
        ("rootfs", "local:1,ro=yes", {"volume": "local:1", "ro": "yes"}, {}),
        ("rootfs", "volume=local:1", {"volume": "local:1"}, {}),
        ("rootfs", "", {}, {"volume": "property is missing and it is not optional"}),
        ("net", "eth0", {}, {"": "value without key, but schema does not define a default key"}),
        ("net", "name=a,name=b", {"name": "a"}, {"": "duplicate key in comma-separated list property: name"}),
        ("net", "=a", {}, {"": "missing key in comma-separated list property"}),
        (
            "net",
            "name=eth0, bridge=vmbr0",
            {"name": "eth0", " bridge": "vmbr0"},
            {" bridge": "property is not defined in schema and the schema does not allow additional properties"},
        ),
        (
            "mp",
            "local:1,mp=/x,backup=2",
            {"volume": "local:1", "mp": "/x", "backup": "2"},
            {"backup": "type check ('boolean') failed - got '2'"},
        ),
    ],
)
def test_property_strings(table: str, text: str, values: dict[str, str], faults: dict[str, str]) -> None:
    assert formats.properties(container.PROPERTIES[table], text) == (values, faults)


def test_a_property_of_nine_is_unknown_to_eight() -> None:
    text = "name=eth0,host-managed=1"
    assert formats.properties(container.PROPERTIES["net"], text, 9)[1] == {}
    assert list(formats.properties(container.PROPERTIES["net"], text, 8)[1]) == ["host-managed"]


def test_booleans() -> None:
    assert [formats.boolean(word) for word in ("1", "on", "YES", "True")] == [True] * 4
    assert [formats.boolean(word) for word in ("0", "off", "No", "FALSE")] == [False] * 4
    assert [formats.boolean(word) for word in ("2", "", "maybe")] == [None] * 3


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("8G", 8 << 30),
        ("512M", 512 << 20),
        ("1124M", 1124 << 20),
        ("1.5T", 3 << 39),
        ("4GiB", 4 << 30),
        ("100", 100),
        ("0T", 0),
        ("", None),
        ("G", None),
        ("1.", None),
        (".5G", None),
        ("8GB", None),
        ("-1G", None),
        ("\uff18G", None),
    ],
)
def test_sizes(text: str, count: int | None) -> None:
    assert formats.size(text) == count


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (1 << 30, "1G"),
        (512 << 20, "512M"),
        (1124 << 20, "1124M"),
        (1 << 40, "1T"),
        (0, "0T"),
        (1000, "1000"),
        (3 << 10, "3K"),
    ],
)
def test_sizes_as_pct_writes_them(count: int, text: str) -> None:
    assert formats.show_size(count) == text
    assert formats.size(text) == count


@pytest.mark.parametrize("text", ["::", "::1", "fe80::1", "1:2:3:4:5:6:7:8", "2001:db8::1.2.3.4"])
def test_ipv6(text: str) -> None:
    assert formats.is_ipv6(text)


@pytest.mark.parametrize("text", ["", "1", "1::2::3", ":1", "1:2:3:4:5:6:7", "12345::", "g::", "::1.2.3"])
def test_not_ipv6(text: str) -> None:
    assert not formats.is_ipv6(text)
