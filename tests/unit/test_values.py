"""Values: every option from TOML to what pct stores, back from a guest's file, and when two of them differ."""

from __future__ import annotations

import pytest
import tomli
from hypothesis import given, settings
from hypothesis import strategies as st

from phoenix.config.faults import Faults
from phoenix.config.load import Document
from phoenix.guests import marks, values
from phoenix.guests.container import CONTAINER
from phoenix.guests.observed import read
from phoenix.pve import guestconf, options, pct
from phoenix.pve.tables import container

VOLUME = 'storage = "local-lvm", size = "8G"'
PLACED = {"storage": "local-lvm", "size": "8G"}
MARK = "0123456789abcdef0123456789abcdef"

# What TOML says, and what pct stores.
GOOD = [
    ("arch", '"arm64"', "arm64"),
    ("cmode", '"shell"', "shell"),
    ("console", "false", "0"),
    ("cpulimit", "1.5", "1.5"),
    ("cpulimit", "2.0", "2"),
    ("cpuunits", "1024", "1024"),
    ("debug", "true", "1"),
    ("dev0", '{ path = "/dev/dri/card0" }', {"path": "/dev/dri/card0"}),
    ("dev255", '{ path = "/dev/fuse", mode = "0660", deny-write = true }',
     {"path": "/dev/fuse", "mode": "0660", "deny-write": "1"}),
    ("dev1", '{ path = "/dev/net/tun", uid = 0, gid = 104 }', {"path": "/dev/net/tun", "uid": "0", "gid": "104"}),
    ("entrypoint", '"/usr/bin/app --port 80"', "/usr/bin/app --port 80"),
    ("hookscript", '"local:snippets/hook.sh"', "local:snippets/hook.sh"),
    ("ostype", '"unmanaged"', "unmanaged"),
    ("tty", "6", "6"),
    ("cores", "1", "1"),
    ("cores", "8192", "8192"),
    ("description", '""', ""),
    ("description", '"one\\ntwo\\n\\n"', "one\ntwo"),
    ("description", '"50% of 10:00, \\tü € 𝄞 #x [y] %41"', "50% of 10:00, \tü € 𝄞 #x [y] %41"),
    ("features", "{}", {}),
    ("features", "{ nesting = true, fuse = false }", {"nesting": "1", "fuse": "0"}),
    ("features", "{ keyctl = true, mknod = true }", {"keyctl": "1", "mknod": "1"}),
    ("features", "{ force_rw_sys = true }", {"force_rw_sys": "1"}),
    ("features", '{ mount = "nfs;cifs" }', {"mount": "nfs;cifs"}),
    ("hostname", '"web-1.example.org"', "web-1.example.org"),
    ("memory", "16", "16"),
    ("memory", "1_024", "1024"),
    ("memory", "0x400", "1024"),
    ("mp0", f'{{ {VOLUME}, mp = "/srv" }}', {**PLACED, "mp": "/srv"}),
    ("mp255", '{ volume = "/tank/www", mp = "/srv", ro = true }', {"volume": "/tank/www", "mp": "/srv", "ro": "1"}),
    ("mp1", f'{{ {VOLUME}, mp = "/a", backup = true }}', {**PLACED, "mp": "/a", "backup": "1"}),
    ("mp2", f'{{ {VOLUME}, mp = "/a", keepattrs = false }}', {**PLACED, "mp": "/a", "keepattrs": "0"}),
    ("nameserver", '["10.0.0.1", "fd00::1", "fe80::1%eth0"]', "10.0.0.1 fd00::1 fe80::1%eth0"),
    ("nameserver", '"10.0.0.1, 10.0.0.2"', "10.0.0.1 10.0.0.2"),
    ("nameserver", "[]", ""),
    ("net0", '{ name = "eth0" }', {"name": "eth0"}),
    ("net31", '{ name = "e", bridge = "vmbr0", tag = 4094 }', {"name": "e", "bridge": "vmbr0", "tag": "4094"}),
    ("net1", '{ name = "e", ip = "10.0.0.5/8", gw = "10.0.0.1" }', {"name": "e", "ip": "10.0.0.5/8", "gw": "10.0.0.1"}),
    ("net1", '{ name = "e", ip6 = "fd00::5/64", gw6 = "fd::1" }', {"name": "e", "ip6": "fd00::5/64", "gw6": "fd::1"}),
    ("net1", '{ name = "e", ip = "dhcp", ip6 = "auto" }', {"name": "e", "ip": "dhcp", "ip6": "auto"}),
    ("net2", '{ name = "e", trunks = "5;6", mtu = 65535 }', {"name": "e", "trunks": "5;6", "mtu": "65535"}),
    ("net2", '{ name = "e", hwaddr = "BC:24:11:00:00:01" }', {"name": "e", "hwaddr": "BC:24:11:00:00:01"}),
    ("net2", '{ name = "e", type = "veth", firewall = true }', {"name": "e", "type": "veth", "firewall": "1"}),
    ("net3", '{ name = "e", rate = 12.5, link_down = false }', {"name": "e", "rate": "12.5", "link_down": "0"}),
    ("net3", '{ name = "e", host-managed = true, rate = 10.0 }', {"name": "e", "host-managed": "1", "rate": "10"}),
    ("net4", '{ name = "e", rate = 3 }', {"name": "e", "rate": "3"}),
    ("onboot", "true", "1"),
    ("onboot", "false", "0"),
    ("protection", "true", "1"),
    ("rootfs", f"{{ {VOLUME} }}", PLACED),
    ("rootfs", f"{{ {VOLUME}, acl = true, quota = false }}", {**PLACED, "acl": "1", "quota": "0"}),
    ("rootfs", f"{{ {VOLUME}, replicate = true, ro = false }}", {**PLACED, "replicate": "1", "ro": "0"}),
    ("rootfs", f'{{ {VOLUME}, mountoptions = "noatime;nodev" }}', {**PLACED, "mountoptions": "noatime;nodev"}),
    ("rootfs", f"{{ {VOLUME}, shared = true }}", {**PLACED, "shared": "1"}),
    ("rootfs", f'{{ {VOLUME}, idmap = "passthrough" }}', {**PLACED, "idmap": "passthrough"}),
    ("searchdomain", '["example.org", "lan"]', "example.org lan"),
    ("startup", "{ order = 2, up = 10, down = 5 }", "down=5,order=2,up=10"),
    ("startup", '"up=10,order=2"', "order=2,up=10"),
    ("startup", '"2"', "order=2"),
    ("swap", "0", "0"),
    ("tags", '["web", "Db", "web"]', "db;web"),
    ("tags", '"b,a c"', "a;b;c"),
    ("tags", "[]", ""),
    ("timezone", '"host"', "host"),
    ("timezone", '"Europe/Berlin"', "Europe/Berlin"),
    ("unprivileged", "false", "0"),
]  # fmt: skip

# What TOML says, which key is at fault, and what was expected or found there.
BAD = [
    ("arch", '"amd65"', "arch", "expected one of amd64, i386"),
    ("cores", "0", "cores", "expected an integer from 1 to 8192, found 0"),
    ("cores", "8193", "cores", "from 1 to 8192, found 8193"),
    ("cores", "9" * 400, "cores", "from 1 to 8192"),
    ("cores", "true", "cores", "expected an integer from 1 to 8192, found true"),
    ("cores", "2.0", "cores", "found 2.0"),
    ("cores", '"2"', "cores", "found '2'"),
    ("cores", "[2]", "cores", "found a list"),
    ("cores", "{}", "cores", "found a table"),
    ("cores", "inf", "cores", "found inf"),
    ("cores", "nan", "cores", "found nan"),
    ("cores", "1979-05-27", "cores", "found date"),
    ("description", '"bell\\u0007"', "description", "a character that does not print"),
    ("description", '"\\u001b[31m"', "description", "a character that does not print"),
    ("description", '"a\\rb"', "description", "a character that does not print"),
    ("description", '"' + "x" * 8193 + '"', "description", "8137 characters"),
    ("description", "1", "description", "expected a text, found 1"),
    ("features", "{ nesting = 1 }", "features.nesting", "expected true or false, found 1"),
    ("features", '{ nesting = "yes" }', "features.nesting", "expected true or false, found 'yes'"),
    ("features", "{ nestling = true }", "features.nestling", "unknown key; did you mean nesting?"),
    ("features", '"nesting=1"', "features", "expected a table, found 'nesting=1'"),
    ("features", '{ mount = "a,b" }', "features.mount", "found 'a,b'"),
    ("hostname", '""', "hostname", "found ''"),
    ("hostname", '"a_b"', "hostname", "valid DNS name"),
    ("hostname", '"-a"', "hostname", "valid DNS name"),
    ("hostname", '"a\\nb"', "hostname", "does not print"),
    ("hostname", '"ü"', "hostname", "valid DNS name"),
    ("hostname", '"' + "a" * 256 + '"', "hostname", "255 characters"),
    ("memory", "15", "memory", "expected an integer, at least 16, found 15"),
    ("memory", "-1", "memory", "found -1"),
    ("cmode", '"serial"', "cmode", "expected one of shell, console, tty, found 'serial'"),
    ("console", '"on"', "console", "expected true or false, found 'on'"),
    ("cpulimit", "8193", "cpulimit", "from 0 to 8192, found 8193"),
    ("cpuunits", "500001", "cpuunits", "from 0 to 500000, found 500001"),
    ("debug", "1", "debug", "expected true or false, found 1"),
    ("dev0", '{ path = "dri" }', "dev0.path", "found 'dri'"),
    ("dev0", '{ path = "/dev/x", mode = "660" }', "dev0.mode", "found '660'"),
    ("entrypoint", '"a\\nb"', "entrypoint", "a character that does not print"),
    ("hookscript", '"hook.sh"', "hookscript", "found 'hook.sh'"),
    ("ostype", '"windows"', "ostype", "expected one of debian"),
    ("tty", "7", "tty", "from 0 to 6, found 7"),
    ("mp0", '{ mp = "/srv" }', "mp0.storage", "expected the name of a storage, found nothing"),
    ("mp0", '{ storage = "local", mp = "/srv" }', "mp0.size", "found nothing"),
    ("mp0", f"{{ {VOLUME} }}", "mp0.mp", "missing"),
    ("mp0", f'{{ {VOLUME}, mp = "/a,b" }}', "mp0.mp", "without a comma, found '/a,b'"),
    ("mp0", f'{{ {VOLUME}, mp = "/a/../b" }}', "mp0.mp", "illegal character"),
    ("mp0", '{ volume = "tank", mp = "/srv" }', "mp0.volume", "expected an absolute path"),
    ("mp0", '{ volume = "/a,b", mp = "/srv" }', "mp0.volume", "expected an absolute path"),
    ("mp0", '{ volume = "/a/..", mp = "/srv" }', "mp0.volume", "expected an absolute path"),
    ("mp0", '{ volume = "/a\\nb", mp = "/srv" }', "mp0.volume", "expected an absolute path"),
    ("mp0", '{ volume = 5, mp = "/srv" }', "mp0.volume", "expected an absolute path"),
    ("mp0", f'{{ volume = "/a", {VOLUME}, mp = "/srv" }}', "mp0.volume", "without storage and size"),
    ("mp0", '{ storage = "a/b", size = "8G", mp = "/srv" }', "mp0.storage", "found 'a/b'"),
    ("nameserver", '["10.0.0.256"]', "nameserver", "valid IP address"),
    ("nameserver", "[1]", "nameserver", "expected a list of texts, found 1"),
    ("nameserver", '[""]', "nameserver", "expected a list of texts, found ''"),
    ("net0", "{}", "net0.name", "missing"),
    ("net0", '{ name = "eth0", brigde = "vmbr0" }', "net0.brigde", "unknown key; did you mean bridge?"),
    ("net0", '{ name = "eth0", bridge = "a,tag=5" }', "net0.bridge", "found 'a,tag=5'"),
    ("net0", '{ name = "eth 0" }', "net0.name", "found 'eth 0'"),
    ("net0", '{ name = "eth0", ip = "10.0.0.5" }', "net0.ip", "ipv4 network"),
    ("net0", '{ name = "eth0", ip = "10.0.0.05/24" }', "net0.ip", "ipv4 network"),
    ("net0", '{ name = "eth0", gw = "10.0.0.1/24" }', "net0.gw", "ipv4 address"),
    ("net0", '{ name = "eth0", gw6 = "fd00::1::2" }', "net0.gw6", "ipv6 address"),
    ("net0", '{ name = "eth0", hwaddr = "01:00:00:00:00:01" }', "net0.hwaddr", "unicast MAC"),
    ("net0", '{ name = "eth0", tag = 4095 }', "net0.tag", "from 1 to 4094, found 4095"),
    ("net0", '{ name = "eth0", tag = true }', "net0.tag", "found true"),
    ("net0", '{ name = "eth0", rate = inf }', "net0.rate", "found inf"),
    ("net0", '{ name = "eth0", rate = nan }', "net0.rate", "found nan"),
    ("net0", '{ name = "eth0", type = "tap" }', "net0.type", "expected one of veth"),
    ("net0", '{ name = "eth0", firewall = "on" }', "net0.firewall", "expected true or false, found 'on'"),
    ("onboot", "1", "onboot", "expected true or false, found 1"),
    ("onboot", '"yes"', "onboot", "expected true or false, found 'yes'"),
    ("protection", '"no"', "protection", "expected true or false, found 'no'"),
    ("rootfs", '"local:8"', "rootfs", "expected a table"),
    ("rootfs", "{}", "rootfs.size", "found nothing"),
    ("rootfs", f'{{ {VOLUME}, volume = "/x" }}', "rootfs.volume", "expected nothing"),
    ("rootfs", f'{{ {VOLUME}, mountoptions = "suid" }}', "rootfs.mountoptions", "found 'suid'"),
    ("searchdomain", '["a_b"]', "searchdomain", "valid DNS name"),
    ("startup", "2", "startup", "found 2"),
    ("startup", "{}", "startup", "unable to parse"),
    ("startup", "{ ordr = 2 }", "startup", "unable to parse"),
    ("startup", "{ order = true }", "startup", "unable to parse"),
    ("startup", "{ order = -1 }", "startup", "unable to parse"),
    ("startup", '"order=1,order=2"', "startup", "unable to parse"),
    ("swap", "-1", "swap", "at least 0, found -1"),
    ("tags", '["-x"]', "tags", "invalid characters in tag"),
    ("tags", "[true]", "tags", "expected a list of texts, found true"),
    ("timezone", '"Mars/Olympus"', "timezone", "invalid time zone"),
    ("unprivileged", "0", "unprivileged", "expected true or false, found 0"),
]  # fmt: skip

SIZES = {
    "8G": "8G", "0.5G": "512M", "512M": "512M", "1024M": "1G", "1.5T": "1536G", "1024K": "1M", "8GiB": "8G",
    "1073741824": "1G", "1124M": "1124M",
}  # fmt: skip
BAD_SIZES = (
    "",
    "8",
    "0",
    "0G",
    "8g",
    "-1G",
    "+1G",
    "8 G",
    "1K",
    "0.3G",
    "1e3G",
    "8G\n",
    "G",
    ".5G",
    "5.G",
    "٨G",
    "all",
)


def option_of(name):
    option = options.lookup(container.GUEST, name)
    assert option is not None
    assert option.change
    return option


def decode(name, toml):
    """The setting, and the faults without the name of the file."""
    faults = Faults(Document("file", {}))
    setting = values.decode(option_of(name), name, tomli.loads("x = " + toml)["x"], faults)
    return setting, [fault.partition("file: ")[2] for fault in faults.found]


@pytest.mark.parametrize(("name", "toml", "setting"), GOOD)
def test_what_is_good_becomes_what_pct_stores(name, toml, setting):
    assert decode(name, toml) == (setting, [])


def test_every_option_and_every_property_has_a_good_row():
    rows = {name.rstrip("0123456789"): setting for name, _, setting in GOOD}
    assert set(rows) == {option.name for option in container.GUEST.values() if option.change}
    for name in ("features", "mp", "net", "rootfs"):
        seen = {key for row, _, setting in GOOD for key in setting if row.rstrip("0123456789") == name}
        of_rootfs = {key for row, _, setting in GOOD for key in setting if row == "rootfs"} if name == "mp" else set()
        assert seen | of_rootfs | {"volume"} >= set(container.PROPERTIES[name])


@pytest.mark.parametrize(("name", "toml", "key", "words"), BAD)
def test_what_is_bad_is_named_with_its_key(name, toml, key, words):
    setting, faults = decode(name, toml)
    assert setting is None
    found = [fault for fault in faults if fault.startswith(key + ": ")]
    assert len(found) == 1, faults
    assert words in found[0]
    assert found[0].isprintable()
    assert len(found[0]) < 400


def test_every_option_has_a_bad_row():
    names = {name.rstrip("0123456789") for name, *_ in BAD}
    assert names == {option.name for option in container.GUEST.values() if option.change}


def test_all_faults_of_a_table_are_found_at_once():
    setting, faults = decode("net0", '{ brigde = "x", tag = 0, gw = 5, ip = "no" }')
    assert setting is None
    assert [fault.split(":")[0] for fault in faults] == ["net0.brigde", "net0.tag", "net0.gw", "net0.ip", "net0.name"]


@pytest.mark.parametrize(("text", "shown"), SIZES.items())
@pytest.mark.parametrize("name", ["rootfs", "mp0"])
def test_a_size_has_one_form(name, text, shown):
    setting, faults = decode(name, f'{{ storage = "local", size = "{text}", mp = "/a" }}')
    assert [fault for fault in faults if "size" in fault] == []
    assert name == "rootfs" or setting["size"] == shown


@pytest.mark.parametrize("text", BAD_SIZES)
def test_what_is_no_size_of_whole_mebibytes_is_a_fault(text):
    setting, faults = decode("rootfs", f'{{ storage = "local", size = """{text}""" }}')
    assert setting is None
    assert faults[0].startswith('rootfs.size: expected whole MiB or GiB as "512M" or "8G", found ')


@pytest.mark.parametrize(
    ("good", "value"),
    [
        (True, "local:vztmpl/debian-12-standard_12.12-1_amd64.tar.zst"),
        (True, "/var/lib/vz/template/cache/a.tar.gz"),
        (False, None),
        (False, 5),
        (False, ""),
        (False, "a.tar.zst"),
        (False, "../a.tar.zst"),
        (False, "local:vztmpl/"),
        (False, "local:vztmpl/../a"),
        (False, "local:iso/a"),
        (False, ":vztmpl/a"),
        (False, "-x:vztmpl/a"),
        (False, "local:vztmpl/a b"),
        (False, "/a\n"),
    ],
)
def test_what_names_a_template(good, value):
    assert values.is_template(value) is good


@pytest.mark.parametrize(
    ("name", "text", "setting"),
    [
        ("onboot", "1", "1"),
        ("onboot", "yes", "1"),
        ("onboot", "On", "1"),
        ("onboot", "TRUE", "1"),
        ("onboot", "off", "0"),
        ("tags", "Web;a;web", "a;web"),
        ("nameserver", "10.0.0.1  10.0.0.2", "10.0.0.1 10.0.0.2"),
        ("startup", "2", "order=2"),
        ("startup", "order=2,up=5", "order=2,up=5"),
        ("hostname", "Web", "Web"),
        ("features", "nesting=1,keyctl=yes", {"nesting": "1", "keyctl": "1"}),
        ("net0", "name=eth0,hwaddr=bc:24:11:ab:cd:ef", {"name": "eth0", "hwaddr": "BC:24:11:AB:CD:EF"}),
        ("rootfs", "local-lvm:vm-100-disk-0,size=8G", {"storage": "local-lvm", "size": "8G"}),
        ("rootfs", "volume=local:100/vm-100-disk-0.raw,size=8192M", {"storage": "local", "size": "8G"}),
        ("mp0", "local-zfs:subvol-1-disk-1,mp=/a,size=1G", {"storage": "local-zfs", "mp": "/a", "size": "1G"}),
        ("mp0", "/tank/www,mp=/srv,ro=1", {"volume": "/tank/www", "mp": "/srv", "ro": "1"}),
        ("mp0", "/tank/www,mp=/srv,future=x", {"volume": "/tank/www", "mp": "/srv", "future": "x"}),
    ],
)  # fmt: skip
def test_a_guests_file_is_read_into_the_same_form(name, text, setting):
    assert values.observed(option_of(name), text) == setting


@pytest.mark.parametrize(
    ("name", "toml", "setting"), [row for row in GOOD if row[0][:2] not in ("mp", "ro") and row[1] != "{}"]
)
def test_what_pct_is_told_reads_back_as_no_difference(name, toml, setting):
    option = option_of(name)
    assert not values.differs(option, setting, values.observed(option, pct.text(name, setting)) if setting else None)


@pytest.mark.parametrize(
    ("differ", "name", "wanted", "found"),
    [
        (False, "memory", "512", "512"),
        (True, "memory", "512", "1024"),
        (False, "memory", "512", None),  # what pct assumes
        (True, "memory", "1024", None),
        (False, "onboot", "0", None),
        (True, "onboot", "1", None),
        (True, "cores", "2", None),
        (False, "tags", "", None),
        (False, "description", "", None),
        (True, "tags", "", "a"),
        (False, "net0", {"name": "eth0"}, {"name": "eth0", "hwaddr": "BC:24:11:00:00:01", "type": "veth"}),
        (True, "net0", {"name": "eth0"}, {"name": "eth1"}),
        (True, "net0", {"name": "eth0"}, None),
        (False, "net0", {"name": "eth0", "firewall": "0"}, {"name": "eth0"}),
        (True, "net0", {"name": "eth0", "firewall": "1"}, {"name": "eth0"}),
        (True, "net0", {"name": "eth0", "tag": "5"}, {"name": "eth0"}),
        (False, "rootfs", {"storage": "a", "size": "1G"}, {"storage": "a", "size": "1G", "quota": "1"}),
        (True, "rootfs", {"storage": "a", "size": "2G"}, {"storage": "a", "size": "1G"}),
        (False, "rootfs", {"storage": "a", "size": "1G", "replicate": "1"}, {"storage": "a", "size": "1G"}),
        (True, "mp0", {"volume": "/a", "mp": "/b"}, {"storage": "a", "mp": "/b", "size": "1G"}),
    ],
)
def test_when_two_settings_differ(differ, name, wanted, found):
    assert values.differs(option_of(name), wanted, found) is differ


PRINTABLE = st.text(
    st.characters(blacklist_categories=["Cs", "Cc", "Zl", "Zp", "Cn", "Co", "Cf"]) | st.sampled_from("\n\t%:#[]")
)


@settings(max_examples=200, deadline=None)
@given(PRINTABLE)
def test_a_description_comes_back_from_the_file_with_its_mark(text):
    faults = Faults(Document("file", {}))
    wanted = values.decode(option_of("description"), "description", text, faults)
    if faults.found:  # blanks that do not print
        return
    conf = guestconf.render_description(marks.join(wanted, MARK))
    found = read(CONTAINER, conf + "memory: 512\n")
    assert (found.settings.get("description", ""), found.mark) == (wanted, MARK)


@pytest.mark.parametrize(
    ("text", "rest", "mark"),
    [
        ("", "", ""),
        ("mine", "mine", ""),
        ("Made by Phoenix, mark abc", "", "abc"),
        ("one\n\nMade by Phoenix, mark abc\n", "one", "abc"),
        ("Made by Phoenix, mark abc\nadded by hand", "added by hand", "abc"),
        ("Made by Phoenix, mark abc\nMade by Phoenix, mark abd", "", ""),
        ("not Made by Phoenix, mark abc", "not Made by Phoenix, mark abc", ""),
    ],
)
def test_the_mark_is_one_line_of_the_description(text, rest, mark):
    assert marks.split(text) == (rest, mark)


def test_a_mac_address_in_lower_case_is_no_difference():
    wanted, _ = decode("net0", '{ name = "eth0", hwaddr = "bc:24:11:ab:cd:ef" }')
    option = option_of("net0")
    assert not values.differs(option, wanted, values.observed(option, "name=eth0,hwaddr=BC:24:11:AB:CD:EF,type=veth"))


@pytest.mark.parametrize("rate", ["1234567.5", "123.4567"])
def test_a_rate_keeps_its_digits(rate):
    setting, _ = decode("net0", f'{{ name = "eth0", rate = {rate} }}')
    assert setting["rate"] == rate


def test_an_empty_property_is_a_fault():
    assert decode("mp0", '{ volume = "/a", mp = "" }')[0] is None


def test_a_description_leaves_room_for_the_mark():
    setting, faults = decode("description", '"' + "x" * 8190 + '"')
    assert faults or len(marks.join(setting, MARK)) <= 8192


def test_a_description_cannot_hold_a_mark_of_its_own():
    assert decode("description", '"Made by Phoenix, mark abc"')[0] is None


def test_no_features_are_no_difference():
    assert not values.differs(option_of("features"), decode("features", "{}")[0], None)
