"""The sections storage, nfs and samba: what is wanted, found, and planned. No program is asked."""

from __future__ import annotations

import hashlib
import os

import pytest

from phoenix.errors import ConfigError
from phoenix.host import nfs, samba, smbconf, storage
from phoenix.host.aspect import Plan
from tests.unit.test_host_kernel import commands, decoded, host, obey, planned, put  # noqa: F401

DIR = {"type": "dir", "path": "/srv"}
NFS = {"path": "/srv", "clients": ["10.0.0.1"], "options": ["rw", "sync"]}
SHARE = {"path": "/srv", "read only": False}


@pytest.fixture
def node(host):  # noqa: F811
    put(host, "/etc/debian_version", "12.5\n")
    for path in ("/srv/x", "/usr/sbin/exportfs", "/usr/bin/smbpasswd", "/usr/bin/pdbedit"):
        put(host, path)
    return host


def install(node, *names):
    for name in names:
        os.chmod(node.paths(f"/usr/{name}"), 0o755)


def whys(obstacles):
    return [item.why for item in obstacles]


@pytest.mark.parametrize(
    ("module", "table", "fault"),
    [
        (storage, [], "storage: expected a table for each name, as [storage.ID], found a list"),
        (storage, {"a": {}}, "storage.a: expected a text, found 'a' (storage ID 'a' cannot be shorter than 2"),
        (storage, {"../x": DIR}, "storage.../x: expected a text"),
        (storage, {"tank": 1}, "storage.tank: expected a table, found 1"),
        (storage, {"tank": {"path": "/x"}}, "storage.tank.type: missing"),
        (storage, {"tank": {**DIR, "type": "zfs-pool"}}, "storage.tank.type: expected one of btrfs, cephfs"),
        (storage, {"tank": {"type": "dir"}}, "storage.tank.path: missing"),
        (storage, {"tank": {**DIR, "path": "srv"}}, "storage.tank.path: expected a text, found 'srv'"),
        (storage, {"tank": {**DIR, "server": "x"}}, "storage.tank.server: unknown key"),
        (storage, {"tank": {**DIR, "contents": []}}, "storage.tank.contents: unknown key; did you mean content?"),
        (storage, {"tank": {"type": "zfspool", "pool": "t", "content": ["iso"]}}, "storage.tank.content: a zfspool"),
        (storage, {"tank": {**DIR, "content": [1]}}, "storage.tank.content.0: expected a text, found 1"),
        (storage, {"tank": {**DIR, "content": []}}, "storage.tank.content: expected a text that is not empty"),
        (storage, {"tank": {**DIR, "prune-backups": {"keep": 1}}}, "storage.tank.prune-backups.keep: unknown key"),
        (storage, {"tank": {**DIR, "password_file": "/x"}}, "storage.tank.password_file: unknown key"),
        (storage, {"local": {**DIR, "path": "/var/lib/vz", "nodes": ["pve"]}}, "storage.local.nodes: Proxmox VE has"),
        (
            storage,
            {"pbs": {"type": "pbs", "server": "b", "datastore": "d", "password": "geheim"}},
            "storage.pbs.password: a secret is not written here; password_file names the file",
        ),
        (
            storage,
            {"pbs": {"type": "pbs", "server": "b", "datastore": "d", "encryption-key": "autogen"}},
            "storage.pbs.encryption-key: a secret is not written here; by hand: pvesm set ID --encryption-key FILE",
        ),
        (nfs, {"export": []}, "nfs.export: unknown key; did you mean exports?"),
        (nfs, {"exports": {}}, "nfs.exports: expected a list of tables, as [[nfs.exports]], found a table"),
        (nfs, {"exports": [1]}, "nfs.exports.0: expected a table, found 1"),
        (nfs, {"exports": [{**NFS, "path": "srv"}]}, "nfs.exports.0.path: expected a text, found 'srv'"),
        (nfs, {"exports": [{**NFS, "clients": []}]}, "nfs.exports.0.clients: expected a list of hosts"),
        (nfs, {"exports": [{**NFS, "clients": ["a b"]}]}, "nfs.exports.0.clients.0.host: expected a text"),
        (nfs, {"exports": [{**NFS, "clients": ["a(rw)"]}]}, "nfs.exports.0.clients.0.host: expected a text"),
        (nfs, {"exports": [{**NFS, "clients": ["-rw"]}]}, "nfs.exports.0.clients.0.host: expected a text"),
        (nfs, {"exports": [{**NFS, "clients": ["a", "a"]}]}, "nfs.exports.0.clients: a host is named twice"),
        (
            nfs,
            {"exports": [{**NFS, "options": ["no_root_sqush"]}]},
            "nfs.exports.0.options.0: 'no_root_sqush': exports",
        ),
        (nfs, {"exports": [{**NFS, "options": ["rw=1"]}]}, "nfs.exports.0.options.0: 'rw=1': it takes no value"),
        (nfs, {"exports": [{**NFS, "options": ["sec"]}]}, "nfs.exports.0.options.0: 'sec': it takes a value, sec=..."),
        (nfs, {"exports": [{**NFS, "options": ["sec=dh"]}]}, "nfs.exports.0.options.0: 'sec=dh': value does not match"),
        (nfs, {"exports": [{**NFS, "options": []}]}, "nfs.exports.0.clients.0.options: missing"),
        (nfs, {"exports": [{"path": "/srv", "clients": ["a"]}]}, "nfs.exports.0.clients.0.options: missing, as"),
        (nfs, {"exports": [NFS, {**NFS, "path": "/srv/"}]}, "nfs.exports.1.path: /srv is exported above"),
        (samba, 1, "samba: expected a table, found 1"),
        (samba, {"shares": []}, "samba.shares: expected a table for each name, as [samba.shares.NAME]"),
        (samba, {"shares": {"a]b": SHARE}}, "samba.shares.a]b: expected a text"),
        (samba, {"shares": {"Global": SHARE}}, "samba.shares.Global: not a name for a share"),
        (samba, {"shares": {"a": SHARE, "A": SHARE}}, "samba.shares: two names are one to Samba"),
        (
            samba,
            {"shares": {"a": {"read only": True}}},
            "samba.shares.a.path: expected an absolute path, found nothing",
        ),
        (samba, {"shares": {"a": {"path": "srv"}}}, "samba.shares.a.path: expected an absolute path, found 'srv'"),
        (samba, {"shares": {"a": {**SHARE, "a=b": 1}}}, "samba.shares.a.a=b: expected a text"),
        (samba, {"shares": {"a": {**SHARE, "comment": "x\n[b]"}}}, "samba.shares.a.comment: expected a text on one"),
        (samba, {"shares": {"a": {**SHARE, "comment": "x\\"}}}, "samba.shares.a.comment: expected a text on one"),
        (samba, {"shares": {"a": {**SHARE, "hosts allow": [1]}}}, "samba.shares.a.hosts allow: expected a text on one"),
        (samba, {"shares": {"a": {**SHARE, "Include": "/x"}}}, "samba.shares.a.Include: not here: it makes Samba"),
        (samba, {"config file": "/x"}, "samba.config file: not here: it makes Samba read what Phoenix does not see"),
        (samba, {"Work Group": "A", "workgroup": "B"}, "samba: two options are one to Samba"),
        (samba, {"users": {"heads": {}}}, "samba.users.heads.password_file: missing"),
        (samba, {"users": {"Heads": {"password_file": "/x"}}}, "samba.users.Heads: expected a text, found 'Heads'"),
        (samba, {"users": {"heads": {"password_file": "x"}}}, "samba.users.heads.password_file: expected a text"),
    ],
)
def test_what_is_wrong_is_said(module, table, fault):
    found = decoded(module, table)[1]
    assert len(found) == 1, found
    assert found[0].startswith(fault)


# --- storage ---

STORAGES = {
    "fast-iso": {**DIR, "path": "/fast/iso/", "content": ["vztmpl", "iso"], "is_mountpoint": True, "shared": False},
    "quick-vm": {"type": "zfspool", "pool": "quick/vm-disks", "content": ["images"], "sparse": True},
    "thin": {"type": "lvmthin", "vgname": "pve", "thinpool": "data"},
    "filer": {"type": "nfs", "server": "10.0.0.9", "export": "/srv/vm", "options": "vers=4.2", "nodes": ["b", "a"]},
    "tree": {"type": "btrfs", "path": "/tree", "content": "images,rootdir"},
    "pbs": {"type": "pbs", "server": "10.0.0.20", "datastore": "main", "prune-backups": {"keep-last": 3}},
}
CFG = """\
zfspool: quick-vm
	pool quick/vm-disks
	content rootdir,images
	sparse 1

nfs: filer
	export /srv/vm
	path /mnt/pve/filer
	server 10.0.0.9
	content images
	nodes a,b
	options vers=4.2

dir: tank
	path /tank
	content-dirs iso=isos
"""


def test_entries_of_every_type_are_made(node):
    assert commands(planned(storage, node, STORAGES)) == [
        "pvesm add dir fast-iso --content=iso,vztmpl --is_mountpoint=yes --path=/fast/iso --shared=0",
        "pvesm add zfspool quick-vm --content=images --pool=quick/vm-disks --sparse=1",
        "pvesm add lvmthin thin --thinpool=data --vgname=pve",
        "pvesm add nfs filer --export=/srv/vm --nodes=a,b --options=vers=4.2 --server=10.0.0.9",
        "pvesm add btrfs tree --content=images,rootdir --path=/tree",
        "pvesm add pbs pbs --datastore=main --prune-backups=keep-last=3 --server=10.0.0.20",
    ]


def test_what_is_as_wanted_is_not_set_again_however_it_is_written(node):
    put(node, storage.CFG, CFG)
    table = {**STORAGES["quick-vm"], "content": ["images", "rootdir"], "disable": False}
    assert planned(storage, node, {"quick-vm": table, "filer": STORAGES["filer"]}) == Plan()


def test_what_differs_is_set_alone_and_only_if_nobody_else_has_written_meanwhile(node):
    put(node, storage.CFG, CFG)
    plan = planned(storage, node, {"quick-vm": {**STORAGES["quick-vm"], "sparse": False}})
    assert [(item.what, item.found, item.wanted) for item in plan.differences] == [
        ("quick-vm.content", "images,rootdir", "images"),
        ("quick-vm.sparse", "1", "0"),
    ]
    digest = hashlib.sha1(CFG.encode()).hexdigest()
    assert commands(plan) == [f"pvesm set quick-vm --digest={digest} --content=images --sparse=0"]


@pytest.mark.parametrize(
    ("name", "table", "why"),
    [
        ("tank", {"type": "btrfs", "path": "/tank"}, "type is dir, wanted btrfs: it is another storage, and never"),
        ("tank", DIR, "path is /tank, wanted /srv: it is another storage, and never changed"),
        ("quick-vm", {"type": "zfspool", "pool": "quick"}, "pool is quick/vm-disks, wanted quick: it is another"),
        ("filer", {**STORAGES["filer"], "server": "10.0.0.8"}, "server is 10.0.0.9, wanted 10.0.0.8: it is another"),
        ("filer", {**STORAGES["filer"], "export": "/srv"}, "export is /srv/vm, wanted /srv: it is another storage"),
        ("tank", {**DIR, "path": "/tank", "content-dirs": "iso=other"}, "content-dirs is iso=isos, wanted iso=other: "),
        ("local", DIR, "path is /var/lib/vz, wanted /srv: it is another storage, and never changed"),
    ],
)
def test_another_storage_of_that_name_is_refused(node, name, table, why):
    put(node, storage.CFG, CFG)
    plan = planned(storage, node, {name: table})
    assert plan.steps == ()
    assert [item.why.startswith(f"storage.{name}: {why}") for item in plan.refused] == [True]


def test_nothing_is_ever_removed(node):
    put(node, storage.CFG, CFG)
    assert planned(storage, node, {}) == Plan()
    assert "remove" not in str([commands(planned(storage, node, {name: STORAGES[name]})) for name in STORAGES])


def test_what_this_release_does_not_know_is_missed(node):
    plan = planned(storage, node, {"tank": {**DIR, "snapshot-as-volume-chain": True}})
    assert whys(plan.missing) == ["storage.tank.snapshot-as-volume-chain: Proxmox VE 8 has no such option"]
    put(node, "/etc/debian_version", "13.0\n")
    old = {"type": "glusterfs", "volume": "v", "server": "10.0.0.1"}
    assert planned(storage, node, {"tank": {**DIR, "snapshot-as-volume-chain": True}}).missing == ()
    assert planned(storage, node, {"gluster": old}).missing != ()


def test_a_password_is_read_by_pvesm_and_told_apart_by_what_is_kept(node):
    table = {"pbs": {**STORAGES["pbs"], "password_file": "/root/pbs"}}
    put(node, "/root/pbs", "geheim\n")
    with pytest.raises(ConfigError, match="others can read it"):
        planned(storage, node, table)
    os.chmod(node.paths("/root/pbs"), 0o600)
    plan = planned(storage, node, table)
    assert [(step.argv[-1], step.stdin) for step in plan.steps] == [("--password", "/root/pbs")]
    assert "geheim" not in str([item.fields() for item in (*plan.steps, *plan.differences)])
    put(node, storage.CFG, "pbs: pbs\n\tdatastore main\n\tserver 10.0.0.20\n\tprune-backups keep-last=3\n")
    put(node, "/etc/pve/priv/storage/pbs.pw", "other\n")
    assert commands(planned(storage, node, table)) == ["pvesm set pbs --password"]
    put(node, "/etc/pve/priv/storage/pbs.pw", "geheim\n")
    assert planned(storage, node, table) == Plan()


# --- nfs ---


def test_exports_are_a_file_of_our_own(node):
    install(node, "sbin/exportfs")
    put(node, "/srv/my data/x")
    table = {
        "exports": [
            NFS,
            {
                "path": "/srv/my data",
                "clients": [{"host": "*.example.org", "options": ["ro"]}, "fd00::/8"],
                "options": ["rw"],
            },
        ]
    }
    plan = planned(nfs, node, table)
    assert [(step.argv, step.content, step.after) for step in plan.steps] == [
        (
            ("write", "/etc/exports.d/phoenix.exports"),
            "/srv 10.0.0.1(rw,sync)\n/srv/my\\040data *.example.org(ro) fd00::/8(rw)\n",
            (("exportfs", "-ra"),),
        )
    ]
    assert (plan.refused, plan.missing) == ((), ())
    obey(node, plan)
    assert planned(nfs, node, table) == Plan()
    plan = planned(nfs, node, {"exports": [NFS]})
    assert [(item.what, item.wanted) for item in plan.differences] == [("/srv/my\\040data", "not exported")]


def test_a_section_without_exports_leaves_the_file(node):
    put(node, nfs.FILE, "/srv *(ro)\n")
    assert planned(nfs, node, {}) == Plan()
    assert [step.content for step in planned(nfs, node, {"exports": []}).steps] == [""]


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("/etc/exports", "# theirs\n\n/srv/ 10.0.0.9(rw) # for all\n"),
        ("/etc/exports", '"/srv" 10.0.0.9(rw)\n'),
        ("/etc/exports", "/other \\\n 10.0.0.9(rw)\n/\\163rv 10.0.0.9(rw)\n"),
        ("/etc/exports.d/theirs.exports", "/srv\t-rw,sync 10.0.0.9\n"),
    ],
)
def test_what_somebody_else_exports_is_refused(node, path, text):
    put(node, path, text)
    assert whys(planned(nfs, node, {"exports": [NFS]}).refused) == [f"nfs.exports: /srv is exported by {path} already"]


def test_other_exports_are_nobodys_business(node):
    put(node, "/etc/exports", "/other *(ro)\n#/srv *(ro)\n")
    put(node, "/etc/exports.d/theirs.old", "/srv *(ro)\n")
    put(node, nfs.TABLE, "/other\t*(ro,sync)\n/srv\t10.0.0.1(rw)\n")
    put(node, nfs.FILE, "/srv 10.0.0.1(ro)\n")
    assert planned(nfs, node, {"exports": [NFS]}).refused == ()


def test_what_is_exported_by_hand_would_be_lost(node):
    put(node, nfs.TABLE, "/mnt/by\\040hand\t*(ro,sync)\n")
    assert whys(planned(nfs, node, {"exports": [NFS]}).refused) == [
        "nfs.exports: /mnt/by hand is exported by hand, and `exportfs -ra` would take that back"
    ]


def test_what_cannot_be_exported_is_missed(node):
    assert whys(planned(nfs, node, {"exports": [{**NFS, "path": "/nowhere"}]}).missing) == [
        "nfs.exports: there is no folder /nowhere",
        "nfs.exports: nfs-kernel-server is not installed",
    ]


# --- samba ---

SMB = "[global]\n   workgroup = WORKGROUP\n\n[homes]\n   browseable = no\n"
TABLE = {"workgroup": "HOME", "shares": {"Data": {**SHARE, "valid users": ["heads", "@my staff"]}}}
BLOCK = """\
# phoenix begin
[global]
   workgroup = HOME
[Data]
   path = /srv
   read only = no
   valid users = heads "@my staff"
[homes]
# phoenix end
"""


def test_shares_are_a_block_that_leaves_open_what_was_open(node):
    install(node, "bin/smbpasswd", "bin/pdbedit")
    put(node, samba.FILE, SMB)
    plan = planned(samba, node, TABLE)
    assert [(step.argv, step.content, step.after) for step in plan.steps] == [
        (("write", "/etc/samba/smb.conf"), SMB + BLOCK, (("smbcontrol", "all", "reload-config"),))
    ]
    assert (plan.refused, plan.missing) == ((), ())
    assert [(item.what, item.found, item.wanted) for item in plan.differences] == [
        ("workgroup", "WORKGROUP", "HOME"),
        ("shares.Data.path", "", "/srv"),
        ("shares.Data.read only", "", "no"),
        ("shares.Data.valid users", "", 'heads "@my staff"'),
    ]
    obey(node, plan)
    assert planned(samba, node, TABLE) == Plan()
    put(node, samba.FILE, SMB + BLOCK + "   read only = yes\n[more]\n   path = /more\n")
    assert planned(samba, node, TABLE) == Plan()
    plan = planned(samba, node, {"shares": {}})
    assert plan.steps[0].content == SMB + "   read only = yes\n[more]\n   path = /more\n"
    assert [(item.what, item.wanted) for item in plan.differences][:2] == [
        ("workgroup", "(not set)"),
        ("shares.data.path", "(not set)"),
    ]


def test_a_section_that_says_nothing_of_shares_leaves_the_block(node):
    put(node, samba.FILE, SMB + BLOCK)
    assert planned(samba, node, {}) == Plan()


@pytest.mark.parametrize(
    ("text", "table", "why"),
    [
        (
            SMB,
            {"shares": {"Homes": SHARE}},
            "samba.shares.Homes: outside Phoenix's block there is a share of that name",
        ),
        (
            f"{SMB}[DATA]\ndirectory = /x\n",
            TABLE,
            "samba.shares.Data: outside Phoenix's block there is a share of that",
        ),
        (f'{SMB}[x]\npath = "/srv/"\n', TABLE, "samba.shares.Data: outside Phoenix's block /srv is the share x"),
        (
            f"{SMB}{BLOCK}[global]\nWork Group = X\n",
            {**TABLE, "workgroup": "NEW"},
            "samba.workgroup: /etc/samba/smb.conf sets it after Phoenix's block as well, and the last one counts",
        ),
        (f"{SMB}{BLOCK}{BLOCK}", TABLE, "samba: /etc/samba/smb.conf is not what Samba can read: expected one line"),
        (f"{SMB}# phoenix begin\n", TABLE, "samba: /etc/samba/smb.conf is not what Samba can read: expected one line"),
    ],
)
def test_what_is_somebody_elses_is_refused(node, text, table, why):
    put(node, samba.FILE, text)
    assert [item.why.startswith(why) for item in planned(samba, node, table).refused] == [True]


@pytest.mark.parametrize(
    ("folder", "text"),
    [(samba.USERSHARES, SMB), ("/srv/theirs", SMB.replace("\n\n", "\n usershare path = /srv/theirs\n\n"))],
)
def test_a_share_that_a_user_has_made_is_not_hidden(node, folder, text):
    put(node, samba.FILE, text)
    put(node, f"{folder}/data", "#VERSION 2\npath=/home/heads\n")
    assert whys(planned(samba, node, TABLE).refused) == [
        "samba.shares.Data: a user has a share of that name, which this one would hide"
    ]


def test_what_cannot_be_shared_is_missed(node):
    plan = planned(samba, node, {"shares": {"a": {"path": "/nowhere"}, "b": {"path": "/home/%U"}}})
    assert whys(plan.missing) == ["samba: samba is not installed", "samba.shares.a: there is no folder /nowhere"]


def test_users_are_made_of_a_password_that_is_typed_twice(node):
    put(node, "/root/heads", "geheim\n")
    os.chmod(node.paths("/root/heads"), 0o600)
    table = {"users": {"heads": {"password_file": "/root/heads"}}}
    plan = planned(samba, node, table)
    assert [(step.argv, step.stdin, step.feed) for step in plan.steps] == [
        (("smbpasswd", "-s", "-a", "heads"), "/root/heads", "{}\n{}\n")
    ]
    assert "samba.users.heads: the node has no such user" in whys(plan.missing)
    put(node, "/etc/passwd", "heads:x:1000:1000::/home/heads:/bin/bash\n")
    assert whys(planned(samba, node, table).missing) == ["samba: samba is not installed"]
    put(node, "/root/heads", "one\ntwo\n")
    with pytest.raises(ConfigError, match="expected a password, on one line"):
        planned(samba, node, table)


@pytest.mark.parametrize(
    ("text", "sections"),
    [
        ("a = 1\n[B  c]\n D  e=2=3 \n# x = 1\n; y = 1\n", {"global": {"a": "1"}, "b c": {"de": "2=3"}}),
        ("[a]\nb = 1 \\\n2\n[A]\nc = 3", {"a": {"b": "1 2", "c": "3"}}),
        ("[a]\n# b = c\\\n[d]\ne = 1\\", {"a": {}, "d": {"e": "1"}}),
        ("[a\nb\n", {}),
    ],
)
def test_smb_conf_is_read_as_samba_reads_it(text, sections):
    assert smbconf.Parsed(text).sections == sections


def test_what_stands_outside_the_block_stays_byte_for_byte(node):
    theirs = b"[global]\r\n   workgroup = B\xdcRO\r\n"
    put(node, samba.FILE)
    with open(node.paths(samba.FILE), "wb") as file:
        file.write(theirs)
    content = planned(samba, node, TABLE).steps[0].content
    assert content.encode("utf-8", "surrogateescape").startswith(theirs)
