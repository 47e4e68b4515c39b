"""Exports and shares with the real exportfs, testparm, smbpasswd and pdbedit of Debian, and that ours are like them."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from typing import NamedTuple

import pytest

from tests.rehearsal.realparts import PATH, made_once, need

pytestmark = [pytest.mark.processes, pytest.mark.slow]

PACKAGES = "nfs-kernel-server,samba,samba-common-bin"
PROGRAMS = ("exportfs", "pdbedit", "smbcontrol", "smbpasswd", "testparm")
SUITES = ["bookworm", pytest.param("trixie", marks=pytest.mark.whole)]
SHARED = ("etc/exports", "etc/exports.d", "etc/passwd", "etc/samba", "srv", "var/lib/nfs", "var/lib/samba")
"""What the programs have of the node; all else that they write is gone when they end."""
WRAPPER = """\
#!/bin/sh
# Private mounts, gone with the program: the Debian under a layer in memory, and the node's own files in it.
PATH={path} exec unshare --mount sh -ec '
mount -t tmpfs none {place}
mkdir {place}/upper {place}/work {place}/root
mount -t overlay -o lowerdir={tree},upperdir={place}/upper,workdir={place}/work none {place}/root
for part in {shared}; do mount --rbind {node}/$part {place}/root/$part; done
mount --rbind /proc {place}/root/proc
program=$1
shift
exec chroot {place}/root "$program" "$@"
' sh {name} "$@"
"""
TOML = """\
[[nfs.exports]]
path = "/srv/my data"
clients = ["10.0.0.111", { host = "10.0.0.0/24", options = ["ro", "sync", "no_subtree_check", "fsid=7"] }]
options = ["rw", "sync", "no_subtree_check", "no_root_squash"]

[samba]
workgroup = "HOME"

[samba.shares.shared-prod-data]
path = "/srv/my data"
browseable = true
"read only" = false
"valid users" = ["heads", "@my staff"]

[samba.users.heads]
password_file = "/root/heads"
"""
LINE = "/srv/my\\040data 10.0.0.111(rw,sync,no_subtree_check) "
NT_HASH = "8846F7EAEE8FB117AD06BDD830B7586C"
"""What Samba keeps of the password `password`."""


class Ran(NamedTuple):
    """How a program ended, and what it said, but for what tells of the machine."""

    code: int
    out: str
    talk: list[str]


class Host:
    """A rehearsal node whose exports and shares are those of a real Debian's programs; `ours` are the imitations."""

    def __init__(self, built, folder, suite):
        need({"debootstrap": "debootstrap", "unshare": "util-linux"})
        self.tree = made_once(f"tree-{suite}-shares", lambda target: make_tree(suite, target))
        self.root, self.ours = folder / "node", folder / "ours"
        self.phoenix = [sys.executable, "-IS", str(built)]
        for root in (self.root, self.ours):
            subprocess.run([*self.phoenix, "node", "new", str(root)], check=True, capture_output=True)
            with (root / "etc/passwd").open("a") as file:
                file.write("heads:x:1000:1000::/home/heads:/bin/bash\n")
            for name in ("etc/exports.d", "srv/my data", "root", "etc/phoenix", "var/lib/nfs"):
                (root / name).mkdir(parents=True, exist_ok=True)
        shutil.copytree(self.tree / "var/lib/samba", self.root / "var/lib/samba", dirs_exist_ok=True)
        shutil.copy(self.tree / "etc/samba/smb.conf", self.root / "etc/samba/smb.conf")
        (folder / "place").mkdir()
        for name in PROGRAMS:
            facts = {"path": PATH, "place": folder / "place", "tree": self.tree, "node": self.root, "name": name}
            (self.root / "usr/sbin" / name).write_text(WRAPPER.format(shared=" ".join(SHARED), **facts))
        (self.root / "etc/phoenix/hypervisor.toml").write_text(TOML)
        (self.root / "root/heads").write_text("password\n")
        (self.root / "root/heads").chmod(0o600)

    def setup(self):
        argv = [*self.phoenix, f"--root={self.root}", "setup"]
        ran = subprocess.run(argv, capture_output=True, text=True, env={}, check=False, stdin=subprocess.DEVNULL)
        assert "Traceback" not in ran.stderr
        return ran.returncode, ran.stdout, ran.stderr

    def tool(self, *argv, given="", ours=False):
        path = (self.ours if ours else self.root) / "usr/sbin" / argv[0]
        ran = subprocess.run([path, *argv[1:]], input=given, capture_output=True, text=True, env={}, check=False)
        talk = re.sub(r" \(0x[0-9a-f]+\)", "", ran.stderr)  # options as a number
        return Ran(ran.returncode, ran.stdout, [line for line in talk.splitlines() if is_telling(line)])

    def both(self, *argv, given=""):
        """What the real program does, and what ours does."""
        return self.tool(*argv, given=given), self.tool(*argv, given=given, ours=True)

    def put(self, path, text):
        for root in (self.root, self.ours):
            (root / path).write_text(text)

    def exported(self, *, ours=False):
        """What is exported now: path, host, and whether it can be written to, which comes first."""
        lines = ((self.ours if ours else self.root) / "var/lib/nfs/etab").read_text().splitlines()
        return sorted(line.partition(",")[0] for line in lines)


def is_telling(line):
    """Whether a line tells of what was read, and not of the machine or of what the program is about to do."""
    passing = ("Load smb config", "Weak crypto", "Server role", "WARNING: lock dir", "WARNING: pid dir")
    return bool(line.strip()) and not line.startswith(passing)


def make_tree(suite, target):
    """A Debian with the programs."""
    argv = ["debootstrap", "--variant=minbase", f"--include={PACKAGES}", suite, target]
    subprocess.run(argv, check=True, stdout=subprocess.DEVNULL)
    for waste in ("var/cache/apt", "var/lib/apt/lists"):
        shutil.rmtree(target / waste)
    for folder in ("etc/exports.d", "var/lib/nfs"):
        os.makedirs(target / folder, exist_ok=True)


@pytest.fixture(params=SUITES)
def host(request, built, tmp_path):
    return Host(built, tmp_path, request.param)


def test_they_take_what_is_written(host):
    before = (host.root / "etc/samba/smb.conf").read_text()
    code, _, err = host.setup()
    assert (code, [line for line in err.splitlines() if ": " not in line]) == (0, []), err
    assert host.setup() == (0, "pve  nothing to do\n", "")

    assert host.exported() == ["/srv/my\\040data\t10.0.0.0/24(ro", "/srv/my\\040data\t10.0.0.111(rw"]
    told = {line.split()[1].partition("(")[0]: line for line in host.tool("exportfs", "-s").out.splitlines()}
    assert {"rw", "sync", "no_root_squash"} <= set(re.split("[(),]", told["10.0.0.111"]))
    assert {"ro", "fsid=7", "root_squash"} <= set(re.split("[(),]", told["10.0.0.0/24"]))

    def said(name, section="global"):
        argv = ("testparm", "-s", f"--section-name={section}", f"--parameter-name={name}")
        return host.tool(*argv).out.strip()

    assert said("workgroup") == "HOME"
    assert said("path", "shared-prod-data") == "/srv/my data"
    assert said("read only", "shared-prod-data") == "No"
    assert said("valid users", "shared-prod-data") == 'heads "@my staff"'
    assert said("read only", "homes") == "Yes"
    assert (host.root / "etc/samba/smb.conf").read_text().startswith(before)
    assert f":{NT_HASH}:" in host.tool("pdbedit", "-L", "-w").out


def test_lines_after_our_block_are_of_the_section_before_it(host):
    host.setup()
    with (host.root / "etc/samba/smb.conf").open("a") as file:
        file.write("   write list = @admins\n")
    told = host.tool("testparm", "-s").out
    assert "write list = @admins" in told.partition("[print$]")[2].partition("[")[0]
    assert host.setup()[0] == 0


@pytest.mark.parametrize("suite", ["bookworm"])
@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('"read onyl" = true', 'Unknown parameter encountered: "read onyl"'),
        ('"create mask" = "99"', "Invalid octal number create mask"),
        ('workgroup = "B"', "Global parameter workgroup found in service section!"),
    ],
)
def test_what_samba_does_not_take_is_never_written(built, tmp_path, suite, line, said):
    host = Host(built, tmp_path, suite)
    before = (host.root / "etc/samba/smb.conf").read_text()
    (host.root / "etc/phoenix/hypervisor.toml").write_text(f'[samba.shares.a]\npath = "/srv"\n{line}\n')
    code, _, err = host.setup()
    assert code == 3
    assert said in err
    assert (host.root / "etc/samba/smb.conf").read_text() == before


TEXTS = (
    "[a]\npath = /srv\nguest ok = yes\n[A]\nComment = x\n[global]\nworkgroup = B\n",
    "[a]\npath = /srv\nread onyl = yes\nworkgroup = B\nfoo:bar = 1\n",
    "[a]\ncomment = without a path\n[homes]\n",
    "[a]\npath = /srv\nread only = perhaps\n",
    "[a]\npath = /srv\nuse sendfile =\n",
    "[a\npath = /srv\n",
    "[a]\n= x\n",
    "nonsense\n[a]\nnonsense\npath = /srv\ninclude = /nowhere\n",
    "[a] x\npath = /srv\n# comment \\\nguest ok = yes\ncomment = one \\\n  two\n; [b]\n",
)


def sections(text):
    """The sections of what testparm prints, each with its options' names; what it adds of itself is not in there."""
    found, within = {}, ""
    for line in map(str.strip, text.splitlines()):
        if line.startswith("["):
            within = line
            found[within] = set()
        elif " = " in line and not line.startswith(("idmap", "available", "include")):
            found[within].add(line.partition(" = ")[0].lower())
    return found


def test_our_testparm_reads_as_theirs(host):
    for text in TEXTS:
        host.put("srv/smb.conf", text)
        real, ours = host.both("testparm", "-s", "/srv/smb.conf")
        assert (ours.code, ours.talk, sections(ours.out)) == (real.code, real.talk, sections(real.out)), text
    real, ours = host.both("testparm", "-s", "/srv/none")
    assert (ours.code, ours.talk) == (real.code, real.talk) == (1, ["Error loading services."])


def test_our_exportfs_exports_as_theirs(host):
    for text in (
        f"{LINE}*(ro,sync,no_subtree_check)\n",
        f"{LINE}\n/srv 10.0.0.1(rw,sync,no_subtree_check,foo) *(ro)\n/srv 10.0.0.2(rw,sync,no_subtree_check)\n",
        f"{LINE}\n/srv 10.0.0.1(rw=1,sync)\n",
        f"{LINE}\n/nowhere 10.0.0.1(rw,sync,no_subtree_check)\n",
        f"{LINE}10.0.0.111(ro,sync,no_subtree_check)\n",
        "/srv 10.9.9.9(ro,sync,no_subtree_check)\n",
        "# none\n",
    ):
        host.put("etc/exports.d/phoenix.exports", text)
        host.put("etc/exports.d/z.exports", "/srv 10.8.8.8(ro,sync,no_subtree_check)\n")
        host.put("etc/exports", "/srv 10.9.9.9(rw,sync,no_subtree_check)\n")
        host.put("var/lib/nfs/etab", "/by/hand\t10.0.0.9(rw,sync)\n")
        real, ours = host.both("exportfs", "-ra")
        assert (ours.code, ours.talk) == (real.code, real.talk), text
        assert host.exported(ours=True) == host.exported(), text
        assert "/by/hand\t10.0.0.9" not in host.exported()


def test_every_option_that_we_take_is_taken(host):
    from phoenix.host import nfs

    values = {"fsid": "root", "sec": "krb5p:sys", "mountpoint": "/", "mp": "/", "anonuid": "-1", "anongid": "0"}
    words = [*nfs.WITHOUT_VALUE, *(f"{name}={values[name]}" for name in nfs.WITH_VALUE)]
    for word in words:
        host.put("etc/exports", f"/srv 10.0.0.1({word},no_subtree_check)\n")
        assert host.tool("exportfs", "-ra") == (0, "", []), word


def test_our_users_are_made_as_theirs(host):
    for given in ("", "a\n", "a\nb\n", "a\na", "a\na\n"):
        for name in ("nobody2", "heads"):
            real, ours = host.both("smbpasswd", "-s", "-a", name, given=given)
            assert (ours.code, ours.out, ours.talk) == (real.code, real.out, real.talk), (given, name)
    real, ours = host.both("pdbedit", "-L")
    assert (ours.code, ours.out) == (real.code, real.out) == (0, "heads:1000:\n")
    assert host.both("smbcontrol", "all", "reload-config") == (Ran(0, "", []), Ran(0, "", []))
