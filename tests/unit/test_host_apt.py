"""The section [apt]: lists of sources in both forms, packages wanted, and sets of .deb files."""

from __future__ import annotations

import hashlib
import io
import os
import tarfile

import pytest

from phoenix.host import apt, sources
from phoenix.host.host import Host
from phoenix.paths import Paths
from phoenix.pve import debian
from phoenix.pve.node import Node
from phoenix.text import called
from tests.unit.test_host_kernel import commands, decoded, obey, planned, put

ENTERPRISE = "deb https://enterprise.proxmox.com/debian/pve bookworm pve-enterprise\n"
STANZA = "Types: deb\nURIs: https://enterprise.proxmox.com/debian/pve\nSuites: trixie\nComponents: pve-enterprise\n"
LISTS = "/etc/apt/sources.list.d"
INSTALLED = "Package: {}\nStatus: install ok installed\nArchitecture: amd64\nVersion: {}\n\n"


@pytest.fixture
def host(tmp_path):
    (tmp_path / "etc/pve/nodes/pve").mkdir(parents=True)
    (tmp_path / "etc/pve/local").symlink_to("nodes/pve")
    found = Host(Node(Paths(str(tmp_path))))
    found.asked = []
    found.answer = (0, "", "")
    found.run = lambda *argv: found.asked.append(argv) or found.answer
    return found


def release(host, suite):
    put(host, "/etc/os-release", f"ID=debian\nVERSION_CODENAME={suite}\n")


def written(plan):
    return {step.argv[1]: step.content for step in plan.steps if step.argv[0] == "write"}


def differences(plan):
    return [(item.what, item.found, item.wanted) for item in plan.differences]


def settled(host, table):
    """Nothing is left once the plan is carried out."""
    for step in planned(apt, host, table).steps:
        if step.argv[0] == "remove":
            os.unlink(host.paths(step.argv[1]))
    obey(host, planned(apt, host, table))
    return planned(apt, host, table) == apt.Plan()


def test_release_8_has_lines(host):
    release(host, "bookworm")
    put(host, f"{LISTS}/pve-enterprise.list", "# theirs\n" + ENTERPRISE)
    plan = planned(apt, host, {"repository": "no-subscription"})
    assert written(plan) == {
        f"{LISTS}/pve-enterprise.list": "# theirs\n# " + ENTERPRISE,
        f"{LISTS}/phoenix-proxmox.list": ("deb http://download.proxmox.com/debian/pve bookworm pve-no-subscription\n"),
    }
    assert [step.after for step in plan.steps] == [(apt.UPDATE,)] * 2
    assert differences(plan) == [
        (
            f"{LISTS}/pve-enterprise.list",
            "https://enterprise.proxmox.com/debian/pve bookworm pve-enterprise",
            "not read",
        ),
        ("repository", "", f"{LISTS}/phoenix-proxmox.list"),
    ]
    assert settled(host, {"repository": "no-subscription"})


def test_release_9_has_stanzas(host):
    release(host, "trixie")
    put(host, f"{LISTS}/pve-enterprise.sources", f"# theirs\n{STANZA}\n{STANZA}Enabled: no\n")
    put(host, apt.KEYRING)
    plan = planned(apt, host, {"repository": "no-subscription"})
    assert written(plan) == {
        f"{LISTS}/pve-enterprise.sources": f"# theirs\n{STANZA}Enabled: false\n\n{STANZA}Enabled: no\n",
        f"{LISTS}/phoenix-proxmox.sources": (
            "Types: deb\nURIs: http://download.proxmox.com/debian/pve\nSuites: trixie\n"
            f"Components: pve-no-subscription\nSigned-By: {apt.KEYRING}\n"
        ),
    }
    assert settled(host, {"repository": "no-subscription"})


@pytest.mark.parametrize(
    ("suite", "before"), [("bookworm", "# " + ENTERPRISE), ("trixie", STANZA + "Enabled: false\n")]
)
def test_what_is_there_and_not_read_is_switched_on(host, suite, before):
    release(host, suite)
    name = f"{LISTS}/pve-enterprise.{'list' if suite == 'bookworm' else 'sources'}"
    put(host, name, before)
    put(host, f"{LISTS}/phoenix-proxmox.{name.rpartition('.')[2]}", "ours of before\n")
    plan = planned(apt, host, {"repository": "enterprise"})
    wanted = ENTERPRISE if suite == "bookworm" else STANZA + "Enabled: true\n"
    assert written(plan) == {name: wanted}
    assert commands(plan)[-1] == f"remove {LISTS}/phoenix-proxmox.{name.rpartition('.')[2]}"


def test_a_field_in_two_lines_or_twice_is_one_afterwards(host):
    release(host, "trixie")
    put(host, f"{LISTS}/x.sources", f"# theirs\nenabled : yes\n# theirs\n and so on\nEnabled: no\n{STANZA}Enabled: yes")
    plan = planned(apt, host, {"repository": "none"})
    assert written(plan) == {f"{LISTS}/x.sources": f"# theirs\nEnabled: false\n# theirs\n{STANZA.rstrip()}"}


def test_none_is_for_a_node_with_a_mirror(host):
    release(host, "bookworm")
    put(host, sources.LIST, "deb http://deb.debian.org/debian bookworm main\n" + ENTERPRISE)
    put(host, f"{LISTS}/ceph.list", "deb https://enterprise.proxmox.com/debian/ceph-quincy bookworm enterprise\n")
    put(host, f"{LISTS}/old.list.disabled", ENTERPRISE)
    put(host, "/usr/share/keyrings/mirror.gpg")
    mirror = {
        "URIs": ["https://mirror.example.org/debian"],
        "Suites": ["bookworm", "bookworm-updates"],
        "Components": "main contrib",
        "Signed-By": "/usr/share/keyrings/mirror.gpg",
        "Architectures": ["amd64", "arm64"],
        "Trusted": False,
    }
    table = {"repository": "none", "sources": {"mirror": mirror}}
    options = "[arch=amd64,arm64 trusted=no signed-by=/usr/share/keyrings/mirror.gpg]"
    assert written(planned(apt, host, table)) == {
        f"{LISTS}/ceph.list": "# deb https://enterprise.proxmox.com/debian/ceph-quincy bookworm enterprise\n",
        sources.LIST: "deb http://deb.debian.org/debian bookworm main\n# " + ENTERPRISE,
        f"{LISTS}/phoenix-mirror.list": (
            f"deb {options} https://mirror.example.org/debian bookworm main contrib\n"
            f"deb {options} https://mirror.example.org/debian bookworm-updates main contrib\n"
        ),
    }
    assert settled(host, table)
    release(host, "trixie")  # the next release has another form for it
    plan = planned(apt, host, table)
    assert commands(plan) == [f"write {LISTS}/phoenix-mirror.sources", f"remove {LISTS}/phoenix-mirror.list"]


def test_bytes_that_are_no_text_and_ends_of_lines_stay(host):
    release(host, "bookworm")
    path = f"{LISTS}/pve-enterprise.list"
    put(host, path)
    with open(host.paths(path), "wb") as file:
        file.write(b"# K\xf6ln\r\n" + ENTERPRISE.encode().strip())
    content = written(planned(apt, host, {"repository": "none"}))[path]
    assert content.encode("utf-8", "surrogateescape") == b"# K\xf6ln\r\n# " + ENTERPRISE.encode().strip()


def test_a_key_that_is_not_there_is_missed(host):
    release(host, "trixie")
    source = {"URIs": "https://x.example.org", "Suites": "./", "Signed-By": "/usr/share/keyrings/x.gpg"}
    plan = planned(apt, host, {"sources": {"x": source}})
    assert [item.why for item in plan.missing] == ["apt.sources.x.Signed-By: there is no /usr/share/keyrings/x.gpg"]


@pytest.mark.parametrize(
    ("table", "fault"),
    [
        ({"repository": "test"}, "apt.repository: expected one of enterprise, no-subscription, none"),
        ({"packages": ["vim-"]}, "apt.packages.0: expected a text, found 'vim-'"),
        ({"packages": ["--allow-downgrades"]}, "apt.packages.0: expected a text"),
        ({"packages": ["vim=1"]}, "apt.packages.0: expected a text"),
        ({"offline": {"folder": "srv/debs"}}, "apt.offline.folder: expected a text"),
        ({"offline": {}}, "apt.offline.folder: missing"),
        ({"sources": {"x": {"URIs": "a"}}}, "apt.sources.x.Suites: missing"),
        ({"sources": {"x": {"URIs": "a", "Suites": "b"}}}, "apt.sources.x.Components: missing"),
        ({"sources": {"x": {"URIs": "a\nb", "Suites": "./"}}}, "apt.sources.x.URIs: expected a text"),
        ({"sources": {"x": {"uris": "a", "Suites": "./"}}}, "apt.sources.x.uris: unknown key"),
        ({"sources": {"proxmox": {"URIs": "a", "Suites": "./"}}}, "apt.sources.proxmox: this name is"),
        ({"sources": {"../x": {"URIs": "a", "Suites": "./"}}}, "apt.sources.../x: expected a text"),
    ],
)
def test_what_is_wrong_is_said(table, fault):
    found = decoded(apt, table)[1]
    assert found
    assert found[0].startswith(fault)


def test_packages_that_are_not_installed_are_wanted(host):
    put(host, apt.STATUS, INSTALLED.format("vim", "2") + INSTALLED.format("tmux", "3").replace("k installed", "k x"))
    host.answer = (0, "Inst htop (3 Debian:12 [amd64])\nConf htop (3 Debian:12 [amd64])\n", "")
    plan = planned(apt, host, {"packages": ["vim", "htop", "tmux"]})
    assert commands(plan) == [" ".join((*apt.INSTALL, "htop", "tmux"))]
    assert plan.steps[0].first == (apt.UPDATE,)
    assert host.asked == [(*apt.SIMULATE, "htop", "tmux")]
    assert called(plan.steps[0].argv) == "apt-get install"


def test_nothing_is_asked_where_nothing_is_wanted(host):
    put(host, apt.STATUS, INSTALLED.format("vim", "2"))
    put(host, f"{apt.UPDATES}/0001")
    assert planned(apt, host, {"packages": ["vim", "vim:amd64"]}) == apt.Plan()
    assert host.asked == []


def test_what_would_remove_a_package_is_refused(host):
    host.answer = (0, "Remv proxmox-ve [8.2]\nRemv pve-manager:amd64 [8.2]\nInst systemd-boot (1)\n", "")
    plan = planned(apt, host, {"packages": ["systemd-boot"]})
    assert plan.steps == ()
    assert [item.why for item in plan.refused] == [
        "apt: to install systemd-boot apt would remove proxmox-ve pve-manager:amd64"
    ]
    assert "--no-remove" in apt.INSTALL  # whatever becomes true between the question and the command


def test_an_interrupted_dpkg_goes_on_first(host):
    put(host, apt.STATUS, INSTALLED.format("vim", "2").replace("ok installed", "ok half-configured"))
    put(host, f"{apt.UPDATES}/0001")
    plan = planned(apt, host, {"packages": ["vim"]})
    assert [step.goal for step in plan.steps] == ["configure", "install"]
    assert plan.steps[0].hint == "dpkg --configure -a"
    assert host.asked == []  # apt tells nothing then


def test_what_was_left_unpacked_is_brought_to_its_end(host):
    put(host, apt.STATUS, INSTALLED.format("vim", "2").replace("ok installed", "ok unpacked"))
    assert commands(planned(apt, host, {"packages": ["vim"]}))[0].endswith(" --fix-broken vim")


def deb(name, version="1", **more):
    """The bytes of a .deb that says this of itself."""
    text = f"Package: {name}\nVersion: {version}\nArchitecture: all\n" + "".join(f"{k}: {v}\n" for k, v in more.items())
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w:xz") as archive:
        member = tarfile.TarInfo("./control")
        member.size = len(text)
        archive.addfile(member, io.BytesIO(text.encode()))
    found = b"!<arch>\n"
    for part, content in (("debian-binary", b"2.0\n"), ("control.tar.xz", data.getvalue()), ("data.tar", b"")):
        found += f"{part:<16}{0:<12}{0:<6}{0:<6}{100644:<8}{len(content):<10}`\n".encode()
        found += content + b"\n" * (len(content) % 2)
    return found


def offline(host, files, sums=None):
    """A folder of these files, with their digests."""
    folder = host.paths("/srv/debs")
    os.makedirs(folder, exist_ok=True)
    for name, data in files.items():
        with open(f"{folder}/{name}", "wb") as file:
            file.write(data)
    digests = {name: hashlib.sha256(data).hexdigest() for name, data in files.items()} if sums is None else sums
    put(host, "/srv/debs/SHA256SUMS", "".join(f"{digest}  {name}\n" for name, digest in digests.items()))


OFFLINE = {"offline": {"folder": "/srv/debs"}}


def test_a_set_is_installed_by_its_files_alone(host):
    put(host, apt.STATUS, INSTALLED.format("bb", "1:1.0-1") + INSTALLED.format("c", "3"))
    files = {"a.deb": deb("aa"), "a9.deb": deb("aa", "1.9"), "a10.deb": deb("aa", "1.10"), "b.deb": deb("bb", "2.0-1")}
    offline(host, {**files, "c.deb": deb("c", "3+deb12u1")})
    plan = planned(apt, host, {**OFFLINE, "packages": ["aa", "bb"]})
    words = (*apt.ALONE, "/srv/debs/a10.deb", "/srv/debs/c.deb")
    assert commands(plan) == [" ".join((*apt.INSTALL, *words))]
    assert plan.steps[0].first == ()  # there is no network to ask
    assert host.asked == [(*apt.SIMULATE, *words)]


@pytest.mark.parametrize(
    ("spoil", "kind", "why"),
    [
        (lambda host: offline(host, {"a.deb": deb("aa")}, {"a.deb": "0" * 64}), "refused", "has the SHA-256"),
        (lambda host: offline(host, {"a.deb": deb("aa")}, {}), "missing", "is not as sha256sum writes it"),
        (lambda host: put(host, "/srv/debs/x.deb", "x"), "refused", "x.deb is not in SHA256SUMS"),
        (lambda host: os.unlink(host.paths("/srv/debs/a.deb")), "missing", "lacks a.deb"),
        (lambda host: offline(host, {"a.deb": b"x"}), "refused", "a.deb is no package"),
        (lambda host: put(host, "/srv/debs/SHA256SUMS", "a\n"), "missing", "is not as sha256sum writes it"),
        (lambda host: os.unlink(host.paths("/srv/debs/SHA256SUMS")), "missing", "SHA256SUMS is not there"),
        (lambda host: os.chmod(host.paths("/srv/debs"), 0o777), "refused", "others than root may change"),
        (lambda host: os.chmod(host.paths("/srv/debs/a.deb"), 0o666), "refused", "others than root may change"),
        (lambda host: os.chmod(host.paths("/srv/debs/SHA256SUMS"), 0o666), "refused", "others than root may change"),
    ],
)
def test_a_set_that_is_not_what_its_digests_say_is_not_shown_to_apt(host, spoil, kind, why):
    offline(host, {"a.deb": deb("aa")})
    spoil(host)
    plan = planned(apt, host, OFFLINE)
    assert [why in item.why for item in getattr(plan, kind)] == [True], plan
    assert plan.steps == ()
    assert host.asked == []


def test_a_set_that_is_not_complete_is_told_before(host):
    offline(host, {"a.deb": deb("aa", Depends="b")})
    host.answer = (
        100,
        "The following packages have unmet dependencies:\n a : Depends: b but it is not installable\n",
        "E: Unable to correct problems, you have held broken packages.\n",
    )
    plan = planned(apt, host, {**OFFLINE, "packages": ["zsh"]})
    assert [item.why for item in plan.missing] == [
        "apt.packages: zsh is neither installed nor in /srv/debs",
        "apt.offline: the set is not complete: a : Depends: b but it is not installable",
    ]
    assert plan.steps == ()


def test_versions_have_debians_order():
    text = "1.0~rc1 1.0 1.0-1 1.0-1+b1 1.0a 1.0+x 1.2 1.10 1:0.1 2:0"
    versions = text.split()
    for place, one in enumerate(versions):
        assert [debian.is_older(one, other) for other in versions] == [place < later for later in range(len(versions))]
