"""The section [users] on a rehearsal node: accounts, keys, tokens, passwords; and that no secret is told to anybody."""

from __future__ import annotations

import os
import re

import pytest

from tests.contract.test_setup import World

pytestmark = pytest.mark.processes

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAlice alice@desk"
HASH = "$6$salt$" + "a" * 86
PASSWORD = "correct horse battery"
TOML = f"""\
[users.system.alice]
comment = "Alice"
groups = ["sudo", "ops"]
keys = ["{KEY}"]
sudo = true
password_hash_file = "/root/alice.hash"

[users.roles.Backup]
privs = ["VM.Backup", "VM.Audit"]

[users.groups.operators]
comment = "Operators: all of them"

[users.accounts."eve@pve"]
firstname = "Eve"
groups = ["operators"]
initial_password_file = "/root/eve.password"

[users.tokens."eve@pve!ci"]
privsep = false
secret_file = "/root/ci.token"

[[users.acl]]
path = "/vms"
roles = ["Backup"]
groups = ["operators"]
tokens = ["eve@pve!ci"]
"""
UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
COMMANDS = [
    "groupadd ops",
    "useradd --create-home --shell /bin/bash --comment Alice --groups sudo,ops alice",
    "write /etc/sudoers.d/phoenix-alice",
    "chpasswd -e",
    "folder /home/alice/.ssh",
    "write /home/alice/.ssh/authorized_keys",
    "pveum role add Backup --privs VM.Audit,VM.Backup",
    "pveum group add operators --comment 'Operators: all of them'",
    "pveum user add eve@pve --firstname Eve",
    "pveum user modify eve@pve --groups operators --append 1",
    "pveum passwd eve@pve",
    "pveum user token add eve@pve ci --privsep 0 --quiet 1",
    "write /root/ci.token",
    "pveum acl modify /vms --roles Backup --groups operators --tokens 'eve@pve!ci' --propagate 1",
]
USER_CFG = """\
user:eve@pve:1:0:Eve:::::
token:eve@pve!ci:0:0::
user:root@pam:1:0:::root@example.com:::

group:operators:eve@pve:Operators%3A all of them:


role:Backup:VM.Audit,VM.Backup:

acl:1:/vms:@operators,eve@pve!ci:Backup:
"""


@pytest.fixture
def world(built, tmp_path):
    found = World(built, tmp_path / "node")
    found.file.write_text(TOML)
    secrets(found.root)
    return found


def secrets(root):
    (root / "root").mkdir(exist_ok=True)
    for name, text in (("alice.hash", HASH), ("eve.password", PASSWORD)):
        (root / "root" / name).write_text(text + "\n")
        (root / "root" / name).chmod(0o600)


def test_it_is_made_so_and_no_secret_is_told(world):
    code, out, err = world.run("setup")
    assert code == 0, err
    assert err.splitlines() == [f"users: {command}" for command in COMMANDS]
    assert (world.root / "etc/pve/user.cfg").read_text() == USER_CFG
    passwd = (world.root / "etc/passwd").read_text().splitlines()[-1]
    assert passwd == "alice:x:1000:1001:Alice:/home/alice:/bin/bash"
    assert f"alice:{HASH}:" in (world.root / "etc/shadow").read_text()
    keys = world.root / "home/alice/.ssh/authorized_keys"
    assert keys.read_text() == f"# phoenix begin\n{KEY}\n# phoenix end\n"
    assert [path.stat().st_mode & 0o777 for path in (keys, keys.parent)] == [0o600, 0o700]
    assert (world.root / "etc/sudoers.d/phoenix-alice").stat().st_mode & 0o777 == 0o440
    token = (world.root / "root/ci.token").read_text().strip()
    assert UUID.fullmatch(token)
    assert f"eve@pve!ci {token}\n" in (world.root / "etc/pve/priv/token.cfg").read_text()
    assert (world.root / "root/ci.token").stat().st_mode & 0o777 == 0o600
    told = out + err + world.run("setup", "--dry-run", "--output=json")[1] + str(world.calls())
    told += "".join(path.read_text() for path in world.root.glob("var/l*/phoenix/**/*") if path.is_file())
    for secret in (HASH, PASSWORD, token):
        assert secret not in told
    calls = world.calls()
    assert world.run("setup") == (0, "pve  nothing to do\n", "")
    assert world.calls() == calls


def test_what_is_by_hand_stays(world):
    assert world.run("setup")[0] == 0
    keys = world.root / "home/alice/.ssh/authorized_keys"
    keys.write_text("# mine\nssh-rsa AAAAmine mine\n" + keys.read_text().replace(KEY, "ssh-rsa AAAAx x"))
    config = world.root / "etc/pve/user.cfg"
    config.write_text(config.read_text().replace("role:Backup", "role:Other:VM.Audit:\nrole:Backup"))
    assert world.run("setup")[0] == 0
    assert keys.read_text() == f"# mine\nssh-rsa AAAAmine mine\n# phoenix begin\n{KEY}\n# phoenix end\n"
    assert "role:Other:VM.Audit:\n" in config.read_text()
    kept = list(world.root.glob("var/lib/phoenix/kept/*/home/alice/.ssh/authorized_keys"))
    assert ["AAAAx" in path.read_text() for path in kept] == [True]
    assert [path.stat().st_mode & 0o777 for path in kept] == [0o600]


def test_a_tokens_value_is_not_lost(world):
    world.fault('command = "pveum user"\nafter = { code = 255, stderr = "connection lost" }')
    assert world.run("setup")[0] == 0
    token = (world.root / "root/ci.token").read_text()
    (world.root / "root/ci.token").unlink()
    assert world.run("setup")[2] == "users: write /root/ci.token\n"
    assert (world.root / "root/ci.token").read_text() == token


def test_a_rule_for_sudo_that_visudo_does_not_take_is_not_put_there(world):
    world.fault('command = "visudo"\nbefore = { code = 1, stderr = "syntax error" }')
    code, _, err = world.run("setup")
    assert code == 1
    assert "users: `write /etc/sudoers.d/phoenix-alice` ended with 1: syntax error" in err
    assert os.listdir(world.root / "etc/sudoers.d") == ["README"]


def test_somebody_elses_lock_is_waited_for(world):
    said = "useradd: cannot lock /etc/passwd; try again later."
    world.fault(f'command = "useradd"\ncall = 1\nbefore = {{ code = 1, stderr = "{said}" }}')
    code, _, err = world.run("setup")
    assert code == 0
    assert f"{said}; trying again" in err


@pytest.mark.parametrize(
    ("toml", "code", "said"),
    [
        ("[users.system.nobody]\nsudo = true", 8, "nobody is an account of the system's own (65534)"),
        ('[users.accounts."root@pam"]\nenable = false', 8, "without root@pam nobody could undo it"),
        (
            '[users.tokens."root@pam!ci"]\nsecret_file = "/etc/passwd"',
            8,
            "/etc/passwd is there and holds something else",
        ),
        ('[users.roles.Administrator]\nprivs = ["VM.Audit"]', 3, "Proxmox VE's own roles cannot be changed"),
        ('[users.system.root]\nshell = "/bin/sh"', 3, "of root only keys can be given"),
        ('[users.system.bob]\npassword_hash_file = "/root/eve.password"', 3, "expected one line, a hash of the form"),
        ('[users.system.bob]\npassword_hash_file = "/etc/passwd"', 3, "/etc/passwd: others can read it (mode 0644)"),
        ('[[users.acl]]\npath = "/"\nroles = ["Nope"]\nusers = ["a@pve"]', 6, "users.acl.0.roles: there is no Nope"),
    ],
)
def test_what_is_refused_changes_nothing(world, toml, code, said):
    world.file.write_text(toml + "\n")
    ran, _, err = world.run("setup")
    assert (ran, said in err, "\nnext:  " in err) == (code, True, True), err
    assert world.calls() == []


def test_the_folder_of_a_token_is_there_in_a_rehearsal_too(world):
    for file in (world.root / "root").iterdir():
        file.unlink()
    world.file.write_text('[users.accounts."eve@pve"]\n[users.tokens."eve@pve!ci"]\nsecret_file = "/root/ci.token"\n')
    code, _, err = world.run("rehearse", "setup")
    assert (code, "users: write /root/ci.token" in err) == (0, True), err


def test_it_can_be_rehearsed_before_and_after(world):
    code, out, err = world.run("rehearse", "setup")
    assert code == 0, err
    assert "+alice:x:1000:1001:Alice:/home/alice:/bin/bash\n" in out
    assert "+role:Backup:VM.Audit,VM.Backup:\n" in out
    assert world.run("setup")[0] == 0
    code, out, err = world.run("rehearse", "setup")
    assert code == 0, err
    assert "nothing: no guest, file or volume would have changed" in out
