"""The sections storage, nfs and samba on a rehearsal node; what is not Phoenix's own stays as it is."""

from __future__ import annotations

import hashlib

import pytest

from tests.contract.test_setup import World

pytestmark = pytest.mark.processes

TOML = """\
[storage.local]
type = "dir"
path = "/var/lib/vz"
content = ["iso", "vztmpl", "snippets", "backup"]

[storage.backups]
type = "dir"
path = "/fastData/shared-backups"
content = ["backup"]
prune-backups = { keep-last = 3, keep-weekly = 2 }
is_mountpoint = false

[storage.pbs]
type = "pbs"
server = "10.0.0.20"
datastore = "main"
username = "phoenix@pbs"
nodes = ["elsewhere"]
password_file = "/etc/phoenix/secrets/pbs"

[[nfs.exports]]
path = "/quickOS/vm-persistent-data"
clients = ["10.0.0.111", { host = "10.0.0.0/24", options = ["ro", "sync", "no_subtree_check"] }]
options = ["rw", "sync", "no_subtree_check", "no_root_squash"]

[samba]
workgroup = "HOME"

[samba.shares.shared-prod-data]
path = "/quickOS/shared-prod-data"
"read only" = false
"valid users" = ["heads", "@staff"]

[samba.users.heads]
password_file = "/etc/phoenix/secrets/heads"
"""
SECRET = "Tr0ub4dor-"
SMB = "etc/samba/smb.conf"
NFS = "etc/exports.d/phoenix.exports"


@pytest.fixture
def world(built, tmp_path):
    found = World(built, tmp_path / "node")
    found.file.write_text(TOML)
    for name in ("fastData", "quickOS/vm-persistent-data", "quickOS/shared-prod-data"):
        (found.root / name).mkdir(parents=True)
    secrets = found.root / "etc/phoenix/secrets"
    secrets.mkdir(mode=0o700)
    for name, text in (("pbs", SECRET + "pbs\n"), ("heads", f"{SECRET}smb\n")):
        (secrets / name).write_text(text)
        (secrets / name).chmod(0o600)
    with (found.root / "etc/passwd").open("a") as file:
        file.write("heads:x:1000:1000::/home/heads:/bin/bash\n")
    return found


def section(world, *lines):
    world.file.write_text("\n".join(lines) + "\n")


def commands(err):
    return [line.partition(": ")[2].partition(" --")[0] for line in err.splitlines()]


def kept(world, skip=("usr/local", "run/lock", "var/log", "var/lib/phoenix/", "etc/phoenix")):
    """Every file of the node but our own, with what is in it."""
    names = ((path.relative_to(world.root).as_posix(), path) for path in world.root.rglob("*") if path.is_file())
    return {name: path.read_bytes() for name, path in names if not name.startswith(skip)}


def test_it_is_made_so_and_then_nothing_is_left(world):
    code, _, err = world.run("setup")
    assert (code, commands(err)) == (
        0,
        [
            "pvesm set local",
            "pvesm add dir backups",
            "pvesm add pbs pbs",
            "write /etc/exports.d/phoenix.exports",
            "exportfs -ra",
            "write /etc/samba/smb.conf",
            "smbpasswd -s -a heads",
            "smbcontrol all reload-config",
        ],
    )
    cfg = (world.root / "etc/pve/storage.cfg").read_text()
    assert "\ndir: backups\n\tpath /fastData/shared-backups\n\tcontent backup\n" in cfg
    assert "\tprune-backups keep-last=3,keep-weekly=2\n" in cfg
    assert (world.root / "etc/pve/priv/storage/pbs.pw").read_text() == SECRET + "pbs\n"
    assert (world.root / NFS).read_text() == (
        "/quickOS/vm-persistent-data 10.0.0.111(rw,sync,no_subtree_check,no_root_squash) "
        "10.0.0.0/24(ro,sync,no_subtree_check)\n"
    )
    assert (
        (world.root / SMB)
        .read_text()
        .endswith(
            "# phoenix begin\n[global]\n   workgroup = HOME\n[shared-prod-data]\n   path = /quickOS/shared-prod-data\n"
            "   read only = no\n   valid users = heads @staff\n[print$]\n# phoenix end\n"
        )
    )
    before = world.calls()
    assert world.run("setup") == (0, "pve  nothing to do\n", "")
    assert {tuple(argv) for argv in world.calls()[len(before) :]} == {("pdbedit", "-L")}  # no file tells


def test_no_secret_is_told_anywhere(world):
    err = world.run("setup")[2] + world.run("setup", "--dry-run", "--output=json")[1]
    own = [path for part in ("var/log", "var/lib/phoenix", "run") for path in (world.root / part).rglob("*")]
    told = b"".join(path.read_bytes() for path in own if path.is_file())
    assert b"smbpasswd" in told
    assert SECRET.encode() not in told + err.encode()


def test_they_can_be_rehearsed(world):
    before = kept(world)
    code, out, err = world.run("rehearse", "setup")
    assert code == 0, err
    for line in ("+++ /etc/exports.d/phoenix.exports", "+++ /etc/pve/storage.cfg", "+[shared-prod-data]"):
        assert f"\n{line}\n" in out
    assert "    0  smbpasswd -s -a heads\n" in out
    assert SECRET not in out + err
    assert kept(world) == before


def test_a_password_that_changed_is_set_again(world):
    world.run("setup", "--only=storage")
    path = world.root / "etc/phoenix/secrets/pbs"
    path.write_text(SECRET + "new\n")
    code, _, err = world.run("setup", "--only=storage")
    assert (code, commands(err)) == (0, ["pvesm set pbs"])
    assert (world.root / "etc/pve/priv/storage/pbs.pw").read_text() == SECRET + "new\n"
    path.chmod(0o644)
    code, _, err = world.run("setup", "--only=storage")
    assert code == 3
    assert "others can read it" in err


FOREIGN = [
    ('[storage.tank]\ntype = "dir"\npath = "/other"', "path is /tank, wanted /other: it is another storage"),
    ('[storage.tank]\ntype = "zfspool"\npool = "tank"', "type is dir, wanted zfspool: it is another storage"),
    ('[storage.local]\ntype = "dir"\npath = "/srv"', "path is /var/lib/vz, wanted /srv"),
    (
        '[storage.local-lvm]\ntype = "lvmthin"\nvgname = "pve"\nthinpool = "other"',
        "thinpool is data, wanted other",
    ),
    (
        '[storage.tank]\ntype = "dir"\npath = "/tank"\ncontent-dirs = ["iso=other"]',
        "content-dirs is not set, wanted iso=other: volumes would be looked for elsewhere",
    ),
    (
        '[[nfs.exports]]\npath = "/tank/"\nclients = ["*"]\noptions = ["rw"]',
        "/tank is exported by /etc/exports already",
    ),
    (
        '[[nfs.exports]]\npath = "/tank/z"\nclients = ["*"]\noptions = ["rw"]',
        "/tank/z is exported by /etc/exports.d/zfs.exports already",
    ),
    (
        '[[nfs.exports]]\npath = "/srv"\nclients = ["*"]\noptions = ["rw"]',
        "/by/hand is exported by hand, and `exportfs -ra` would take that back",
    ),
    ('[samba.shares.DATA]\npath = "/srv"', "there is a share of that name, of /tank/data"),
    ('[samba.shares.homes]\n"read only" = false', "there is a share of that name, of no folder"),
    ('[samba.shares.more]\npath = "/tank/data/"', "/tank/data is the share data already"),
    ('[samba.shares.included]\npath = "/srv"', "there is a share of that name, of /tank/included"),
    ('[samba.shares.Theirs]\npath = "/srv"', "a user has a share of that name, which this one would hide"),
]


def test_what_is_somebody_elses_is_refused_and_stays(world):
    with (world.root / "etc/pve/storage.cfg").open("a") as file:
        file.write("dir: tank\n\tpath /tank\n\tcontent images\n\n")
    (world.root / "etc/exports").write_text("/tank 10.0.0.1(rw)\n")
    (world.root / "etc/exports.d").mkdir()
    (world.root / "etc/exports.d/zfs.exports").write_text('"/tank/z" *(ro)\n')
    (world.root / "var/lib/nfs").mkdir(parents=True, exist_ok=True)
    (world.root / "var/lib/nfs/etab").write_text("/by/hand\t10.0.0.9(rw)\n")
    (world.root / "etc/samba/more.conf").write_text("[included]\npath = /tank/included\n")
    with (world.root / SMB).open("a") as file:
        file.write("[data]\n   path = /tank/data\n   include = /etc/samba/more.conf\n")
    (world.root / "var/lib/samba/usershares").mkdir(parents=True)
    (world.root / "var/lib/samba/usershares/theirs").write_text("#VERSION 2\npath=/home/heads\n")
    (world.root / "srv").mkdir()
    before = kept(world)
    for toml, said in FOREIGN:
        section(world, toml)
        code, _, err = world.run("setup")
        assert code == 8, (toml, err)
        assert said in err
        assert "\nnext:  " in err
    assert kept(world) == before
    assert {argv[0] for argv in world.calls()} == {"testparm"}


def test_what_is_not_named_stays(world):
    cfg = world.root / "etc/pve/storage.cfg"
    with cfg.open("a") as file:
        file.write("dir: tank\n\tpath /tank\n\tcontent images\n\tprune-backups keep-last=9\n\n")
    section(world, '[storage.tank]\ntype = "dir"\npath = "/tank"\ncontent = ["images", "iso"]')
    digest = hashlib.sha1(cfg.read_bytes()).hexdigest()
    code, _, err = world.run("setup")
    assert (code, err) == (0, f"storage: pvesm set tank --digest={digest} --content=images,iso\n")
    assert "\tprune-backups keep-last=9\n" in cfg.read_text()
    section(world, "[storage]")
    assert world.run("setup") == (0, "pve  nothing to do\n", "")
    assert "dir: tank\n" in cfg.read_text()


def test_lines_after_the_block_are_of_the_section_before_it(world):
    world.run("setup", "--only=samba")
    with (world.root / SMB).open("a") as file:
        file.write("   write list = @admins\n")
    section(world, '[samba.shares.other]\npath = "/quickOS/shared-prod-data"')
    assert world.run("setup")[0] == 0
    text = (world.root / SMB).read_text()
    assert "\n[other]\n   path = /quickOS/shared-prod-data\n[print$]\n# phoenix end\n   write list = @admins\n" in text
    assert "shared-prod-data]" not in text
    kept = [path.read_text() for path in world.root.glob(f"var/lib/phoenix/kept/*/{SMB}")]
    assert len(kept) == 2
    assert any("[shared-prod-data]" in text for text in kept)


def test_what_samba_does_not_take_is_never_written(world):
    before = kept(world)
    for line, said in (
        ('"read onyl" = true', 'Unknown parameter encountered: "read onyl"'),
        ('"read only" = "perhaps"', "set_variable_helper(perhaps): value is not"),
        ('workgroup = "B"', "Global parameter workgroup found in service section!"),
    ):
        section(world, f'[samba.shares.a]\npath = "/srv"\n{line}')
        for words in (("setup",), ("setup", "--dry-run")):
            code, _, err = world.run(*words)
            assert code == 3
            assert said in err
    assert kept(world) == before


def test_a_smb_conf_that_samba_cannot_read_is_left_alone(world):
    with (world.root / SMB).open("a") as file:
        file.write("[nonsense\n")
    code, _, err = world.run("setup", "--only=samba")
    assert code == 8
    assert "samba: /etc/samba/smb.conf is not what Samba can read: Error loading services." in err


def test_what_the_node_lacks(world):
    section(world, '[samba.users.nobody2]\npassword_file = "/etc/phoenix/secrets/heads"')
    code, _, err = world.run("setup")
    assert code == 6
    assert "samba.users.nobody2: the node has no such user" in err
    (world.root / "etc/phoenix/secrets/heads").write_text("one\ntwo\n")
    code, _, err = world.run("setup")
    assert code == 3
    assert "expected a password, on one line" in err
    section(world, '[[nfs.exports]]\npath = "/nosuch"\nclients = ["*"]\noptions = ["rw"]')
    code, _, err = world.run("setup")
    assert code == 6
    assert "nfs.exports: there is no folder /nosuch" in err
    (world.root / "usr/sbin/exportfs").unlink()
    assert "nfs-kernel-server is not installed" in world.run("setup")[2]


@pytest.mark.parametrize("command", ["pvesm add", "exportfs", "smbcontrol all", "smbpasswd"])
@pytest.mark.parametrize(
    "fault", ['before = { code = 1, stderr = "killed" }', 'after = { code = 1, stderr = "killed" }']
)
def test_after_a_fault_one_more_run_leads_there(world, command, fault):
    world.fault(f'command = "{command}"\n{fault}')
    world.run("setup")
    world.fault("")
    assert world.run("setup")[0] == 0
    assert world.run("setup") == (0, "pve  nothing to do\n", "")
    assert "10.0.0.111" in (world.root / "var/lib/nfs/etab").read_text()
    assert "heads:" in (world.root / "var/lib/samba/private/passdb.tdb").read_text()
