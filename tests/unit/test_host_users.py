"""The section [users]: the system's accounts with their keys, and Proxmox VE's users, roles, tokens and permissions."""

from __future__ import annotations

import os

import pytest

from phoenix.errors import ConfigError
from phoenix.host import blocks, users
from phoenix.pve import usercfg
from phoenix.text import called
from tests.unit.test_host_kernel import commands, decoded, host, planned, put

assert host  # a fixture

PASSWD = "root:x:0:0:root:/root:/bin/bash\nbackup:x:34:34:backup:/var/backups:/usr/sbin/nologin\n"
ALICE = "alice:x:1000:1000:Alice,,,:/home/alice:/bin/bash\n"
GROUP = "root:x:0:\nsudo:x:27:alice\nadm:x:4:\nalice:x:1000:\n"
SHADOW = "root:*:1::::::\nbackup:*:1::::::\nalice:!:1::::::\n"
KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAlice alice@desk"
OTHER = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOther other@desk"
HASH = "$6$salt$" + "a" * 86


@pytest.fixture
def node(host):
    put(host, "/etc/passwd", PASSWD)
    put(host, "/etc/group", GROUP)
    put(host, "/etc/shadow", SHADOW)
    put(host, "/etc/shells", "/bin/bash\n/bin/sh\n")
    put(host, "/etc/sudoers.d/README")
    put(host, "/usr/sbin/visudo")
    os.chmod(host.paths("/usr/sbin/visudo"), 0o755)
    put(host, usercfg.FILE, "user:root@pam:1:0:::root@example.com:::\n")
    return host


@pytest.fixture
def alice(node):
    put(node, "/etc/passwd", PASSWD + ALICE)
    os.makedirs(node.paths("/home/alice"))
    return node


def secret(host, path, text, mode=0o600):
    put(host, path, text)
    os.chmod(host.paths(path), mode)


def written(plan):
    return {step.argv[1]: (step.content, step.mode, step.owner) for step in plan.steps if step.argv[0] == "write"}


def whys(obstacles):
    return [item.why for item in obstacles]


def system(**alice):
    return {"system": {"alice": alice}}


@pytest.mark.parametrize(
    ("table", "fault"),
    [
        ({"admins": {}}, "users.admins: unknown key"),
        ({"system": {"a.b": {}}}, "users.system.a.b: expected a text"),
        (system(keys=["AAAA"]), "users.system.alice.keys.0: expected a text"),
        (system(keys=[KEY + "\nssh-rsa AAAA x"]), "users.system.alice.keys.0: expected a text"),
        (system(comment="a:b"), "users.system.alice.comment: expected a text"),
        (system(password="x"), "users.system.alice.password: unknown key"),
        (system(nopasswd=True), "users.system.alice.nopasswd: this is for sudo = true"),
        ({"system": {"root": {"shell": "/bin/sh"}}}, "users.system.root: of root only keys can be given"),
        ({"roles": {"PVEAdmin": {"privs": ["VM.Audit"]}}}, "users.roles.PVEAdmin: Proxmox VE's own roles"),
        ({"roles": {"x": {"privs": ["vm.audit"]}}}, "users.roles.x.privs.0: expected a text"),
        ({"accounts": {"alice": {}}}, "users.accounts.alice: expected a text"),
        ({"accounts": {"a@pam": {"initial_password_file": "/x"}}}, "users.accounts.a@pam.initial_password_file: only"),
        ({"accounts": {"a@pve": {"password": "x"}}}, "users.accounts.a@pve.password: unknown key"),
        ({"tokens": {"a@pve!xy": {}}}, "users.tokens.a@pve!xy.secret_file: missing"),
        ({"acl": [{"path": "/", "roles": ["PVEAdmin"]}]}, "users.acl.0: expected users, groups or tokens"),
        ({"acl": [{"path": "/a b", "roles": ["x"], "groups": ["g"]}]}, "users.acl.0.path: expected a text"),
        ({"acl": [{"path": "/", "roles": ["x"], "users": ["root@pam"]}]}, "users.acl.0.users: root@pam may do"),
    ],
)
def test_what_is_wrong_is_said(table, fault):
    found = decoded(users, table)[1]
    assert found
    assert found[0].startswith(fault)


def test_an_account_is_made_and_then_its_keys(node):
    table = system(comment="Alice", groups=["sudo", "ops"], keys=[KEY], sudo=True)
    plan = planned(users, node, table)
    assert commands(plan) == [
        "groupadd ops",
        "useradd --create-home --shell /bin/bash --comment Alice --groups sudo,ops alice",
        "write /etc/sudoers.d/phoenix-alice",
    ]
    assert written(plan) == {"/etc/sudoers.d/phoenix-alice": ("alice ALL=(ALL:ALL) ALL\n", 0o440, "")}
    assert plan.steps[2].check == ("visudo", "-c", "-f")
    put(node, "/etc/passwd", PASSWD + ALICE)
    put(node, "/etc/group", GROUP + "ops:x:1001:alice\n")
    put(node, "/etc/sudoers.d/phoenix-alice", "alice ALL=(ALL:ALL) ALL\n")
    os.makedirs(node.paths("/home/alice"))
    plan = planned(users, node, table)
    assert [(step.argv, step.mode, step.owner) for step in plan.steps[:1]] == [
        (("folder", "/home/alice/.ssh"), 0o700, "alice:")
    ]
    text = f"{blocks.BEGIN}\n{KEY}\n{blocks.END}\n"
    assert written(plan) == {"/home/alice/.ssh/authorized_keys": (text, 0o600, "alice:")}
    put(node, "/home/alice/.ssh/authorized_keys", text)
    assert planned(users, node, table) == users.Plan()


def test_an_account_is_changed_by_what_is_said_of_it(alice):
    plan = planned(users, alice, system(comment="A. L.", shell="/bin/sh", groups=["adm", "sudo"]))
    assert commands(plan) == ["usermod --comment A. L. --shell /bin/sh --append --groups adm alice"]
    assert planned(users, alice, system()) == users.Plan()
    assert whys(planned(users, alice, system(shell="/bin/fish")).missing) == [
        "users.system.alice.shell: /etc/shells has no /bin/fish"
    ]


@pytest.mark.parametrize("name", ["backup", "nobody"])
def test_an_account_of_the_systems_own_is_refused(node, name):
    put(node, "/etc/passwd", PASSWD + "nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n")
    plan = planned(users, node, {"system": {name: {"sudo": True, "keys": [KEY]}}})
    assert plan.steps == ()
    assert whys(plan.refused)[0].startswith(f"users.system.{name}: {name} is an account of the system's own (")


def test_keys_that_stand_outside_are_left_and_not_repeated(alice):
    path = "/home/alice/.ssh/authorized_keys"
    theirs = f'# by hand\nfrom="10.0.0.1" {KEY.rpartition(" ")[0]}\n'
    put(alice, path, f"{theirs}{blocks.BEGIN}\nssh-rsa AAAAold old\n{blocks.END}\nssh-rsa AAAAlast x")
    assert written(planned(users, alice, system(keys=[KEY, OTHER])))[path][0] == (
        f"{theirs}{blocks.BEGIN}\n{OTHER}\n{blocks.END}\nssh-rsa AAAAlast x"
    )
    assert written(planned(users, alice, system(keys=[])))[path][0] == f"{theirs}ssh-rsa AAAAlast x"


def test_roots_keys_are_never_removed(node):
    put(node, "/etc/pve/priv/authorized_keys", f"{OTHER}\n{blocks.BEGIN}\nssh-rsa AAAAours ours\n{blocks.END}\n")
    os.makedirs(node.paths("/root/.ssh"))
    os.symlink("/etc/pve/priv/authorized_keys", node.paths("/root/.ssh/authorized_keys"))
    plan = planned(users, node, {"system": {"root": {"keys": [KEY, OTHER]}}})
    text = f"{OTHER}\n{blocks.BEGIN}\nssh-rsa AAAAours ours\n{KEY}\n{blocks.END}\n"
    assert written(plan) == {"/etc/pve/priv/authorized_keys": (text, 0o600, "")}
    assert planned(users, node, {"system": {"root": {"keys": []}}}) == users.Plan()


@pytest.mark.parametrize(
    ("spoil", "why"),
    [
        (lambda path: os.symlink("/etc/passwd", path), "Too many levels of symbolic links"),
        (os.mkdir, "Is a directory"),
        (lambda path: os.mkfifo(path), "it is no file of that user"),
        (lambda path: put_at(path, f"{blocks.BEGIN}\n"), "expected one line"),
        (lambda path: put_at(path, f"{OTHER}\n" * 20000), "it is larger than 1 MiB"),
    ],
)
def test_keys_that_cannot_be_read_with_certainty_are_refused(alice, spoil, why):
    os.makedirs(alice.paths("/home/alice/.ssh"))
    spoil(alice.paths("/home/alice/.ssh/authorized_keys"))
    plan = planned(users, alice, system(keys=[KEY]))
    assert plan.steps == ()
    assert [why in item.why for item in plan.refused] == [True], plan


def put_at(path, text):
    with open(path, "w") as file:
        file.write(text)


def test_what_a_killed_useradd_has_not_made(alice):
    put(alice, "/etc/shadow", "root:*:1::::::\n")
    put(alice, "/etc/group", "root:x:0:\n")
    os.rmdir(alice.paths("/home/alice"))
    plan = planned(users, alice, system(keys=[KEY]))
    assert commands(plan) == [
        "pwconv",
        "groupadd --gid 1000 alice",
        "folder /home/alice",
        "folder /home/alice/.ssh",
        "write /home/alice/.ssh/authorized_keys",
    ]
    assert [step.owner for step in plan.steps[2:]] == ["alice:"] * 3


def test_sudo_is_only_taken_away_where_it_is_ours_and_said(alice):
    put(alice, "/etc/sudoers.d/phoenix-alice", "alice ALL=(ALL:ALL) ALL\n")
    assert planned(users, alice, system()) == users.Plan()
    assert commands(planned(users, alice, system(sudo=False))) == ["remove /etc/sudoers.d/phoenix-alice"]
    plan = planned(users, alice, system(sudo=True, nopasswd=True))
    assert written(plan)["/etc/sudoers.d/phoenix-alice"][0] == "alice ALL=(ALL:ALL) NOPASSWD: ALL\n"
    os.unlink(alice.paths("/usr/sbin/visudo"))
    assert whys(planned(users, alice, system(sudo=True, nopasswd=True)).missing) == [
        "users.system.alice.sudo: sudo is not installed"
    ]


def test_a_password_is_a_hash_in_a_file_of_roots(alice):
    table = system(password_hash_file="/root/alice.hash")
    for text, mode in (("hunter2\n", 0o600), (HASH, 0o644), (f"alice:{HASH}", 0o600)):
        secret(alice, "/root/alice.hash", text, mode)
        with pytest.raises(ConfigError):
            planned(users, alice, table)
    secret(alice, "/root/alice.hash", HASH + "\n")
    step = planned(users, alice, table).steps[0]
    assert (step.argv, step.stdin, step.feed) == (("chpasswd", "-e"), "/root/alice.hash", "alice:{}\n")
    put(alice, "/etc/shadow", SHADOW.replace("alice:!", f"alice:{HASH}"))
    assert planned(users, alice, table) == users.Plan()


# --- Proxmox VE's users


CFG = """\
user:root@pam:1:0:::root@example.com:::
user:eve@pve:1:0:Eve::e@example.com:a%3Ab::
token:eve@pve!ci:0:1::

group:ops:eve@pve:Operators:

pool:p::100::

role:Backup:VM.Audit,VM.Backup:

acl:1:/:@ops:PVEAuditor:
acl:0:/vms:eve@pve,eve@pve!ci:Backup,PVEVMUser:
"""


def test_the_file_is_read_as_proxmox_writes_it():
    found = usercfg.parse(CFG)
    assert found.users["eve@pve"] == {
        "enable": "1", "expire": "0", "firstname": "Eve", "lastname": "", "email": "e@example.com", "comment": "a:b",
        "keys": "",
    }  # fmt: skip
    assert found.tokens == {"eve@pve!ci": {"expire": "0", "privsep": "1", "comment": ""}}
    assert found.groups == {"ops": {"users": "eve@pve", "comment": "Operators"}}
    assert found.roles == {"Backup": {"VM.Audit", "VM.Backup"}}
    assert {(p.path, p.kind, p.name, p.role, p.propagate) for p in found.permissions} == {
        ("/", "groups", "ops", "PVEAuditor", "1"),
        ("/vms", "users", "eve@pve", "Backup", "0"),
        ("/vms", "users", "eve@pve", "PVEVMUser", "0"),
        ("/vms", "tokens", "eve@pve!ci", "Backup", "0"),
        ("/vms", "tokens", "eve@pve!ci", "PVEVMUser", "0"),
    }


WANTED = {
    "roles": {"Backup": {"privs": ["VM.Backup", "VM.Audit"]}},
    "groups": {"ops": {"comment": "Operators"}},
    "accounts": {"eve@pve": {"comment": "a:b", "firstname": "Eve", "groups": ["ops"], "enable": True}},
    "tokens": {"eve@pve!ci": {"privsep": True, "secret_file": "/root/ci.token"}},
    "acl": [
        {"path": "/", "roles": ["PVEAuditor"], "groups": ["ops"]},
        {"path": "/vms", "roles": ["Backup"], "users": ["eve@pve"], "tokens": ["eve@pve!ci"], "propagate": False},
    ],
}
VALUE = "0e6b1c5a-1111-2222-3333-444455556666"


def test_what_others_name_comes_first(node):
    os.makedirs(node.paths("/root"))
    plan = planned(users, node, WANTED)
    assert commands(plan) == [
        "pveum role add Backup --privs VM.Audit,VM.Backup",
        "pveum group add ops --comment Operators",
        "pveum user add eve@pve --comment a:b --firstname Eve --enable 1",
        "pveum user modify eve@pve --groups ops --append 1",
        "pveum user token add eve@pve ci --privsep 1 --quiet 1",
        "pveum acl modify / --roles PVEAuditor --groups ops --propagate 1",
        "pveum acl modify /vms --roles Backup --users eve@pve --tokens eve@pve!ci --propagate 0",
    ]
    assert called(plan.steps[0].argv) == "pveum role add"
    assert (plan.refused, plan.missing) == ((), ())


def test_a_tokens_value_goes_from_proxmoxs_file_to_its_own(node):
    put(node, usercfg.FILE, CFG)
    secret(node, usercfg.TOKENS, f"eve@pve!ci {VALUE}\n")
    os.makedirs(node.paths("/root"))
    plan = planned(users, node, WANTED)
    assert written(plan) == {"/root/ci.token": (VALUE + "\n", 0o600, "")}
    assert VALUE not in str(plan.differences)
    secret(node, "/root/ci.token", VALUE + "\n")
    assert planned(users, node, WANTED) == users.Plan()
    secret(node, "/root/ci.token", VALUE + "\n", 0o644)
    assert list(written(planned(users, node, WANTED))) == ["/root/ci.token"]
    put(node, usercfg.TOKENS)
    plan = planned(users, node, WANTED)
    assert whys(plan.missing) == [
        "users.tokens.eve@pve!ci.secret_file: /etc/pve/priv/token.cfg does not have its value"
    ]
    assert plan.steps == ()


@pytest.mark.parametrize(
    ("spoil", "why"),
    [
        (lambda node: put(node, "/root/ci.token", "something\n"), "/root/ci.token is there and holds something else"),
        (lambda node: os.chmod(node.paths("/root"), 0o777), "others than root may change "),
        (lambda node: os.rmdir(node.paths("/root")), "there is no folder /root"),
    ],
)
def test_a_tokens_value_does_not_go_where_it_is_not_safe(node, spoil, why):
    os.makedirs(node.paths("/root"))
    spoil(node)
    plan = planned(users, node, WANTED)
    assert [f"users.tokens.eve@pve!ci.secret_file: {why}" in item for item in whys(plan.refused)] == [True], plan
    assert not [step for step in plan.steps if "token" in step.argv[:3]]


def test_what_differs_is_changed_and_what_is_not_named_stays(node):
    put(
        node,
        usercfg.FILE,
        CFG.replace("Operators", "O").replace("VM.Audit,", "VM.Clone,").replace(":ci:0:1", ":ci:0:0"),
    )
    plan = planned(users, node, {**WANTED, "tokens": {}, "acl": [{**WANTED["acl"][1], "propagate": True}]})
    assert commands(plan) == [
        "pveum role modify Backup --privs VM.Audit,VM.Backup",
        "pveum group modify ops --comment Operators",
        "pveum acl modify /vms --roles Backup --users eve@pve --tokens eve@pve!ci --propagate 1",
    ]
    changed = {"accounts": {"eve@pve": {"enable": False, "expire": 99, "email": "e@example.org"}}}
    assert commands(planned(users, node, changed)) == [
        "pveum user modify eve@pve --enable 0 --expire 99 --email e@example.org"
    ]


@pytest.mark.parametrize(
    ("table", "kind", "why"),
    [
        (
            {"accounts": {"root@pam": {"enable": False}}},
            "refused",
            "users.accounts.root@pam: without root@pam nobody could undo it",
        ),
        ({"accounts": {"a@ldap": {}}}, "missing", "users.accounts.a@ldap: there is no realm ldap"),
        ({"accounts": {"a@pve": {"groups": ["x"]}}}, "missing", "users.accounts.a@pve: there is no group x"),
        ({"tokens": {"a@pve!to": {"secret_file": "/t"}}}, "missing", "users.tokens.a@pve!to: there is no user a@pve"),
        (
            {"acl": [{"path": "/", "roles": ["Nope"], "users": ["eve@pve"]}]},
            "missing",
            "users.acl.0.roles: there is no Nope",
        ),
        (
            {"acl": [{"path": "/", "roles": ["PVEAdmin"], "groups": ["nope"]}]},
            "missing",
            "users.acl.0.groups: there is no nope",
        ),
    ],
)
def test_what_cannot_be_is_said_before(node, table, kind, why):
    put(node, usercfg.FILE, CFG)
    assert whys(getattr(planned(users, node, table), kind)) == [why]


def test_a_first_password_is_read_twice_and_only_where_there_is_none(node):
    table = {"accounts": {"eve@pve": {"initial_password_file": "/root/eve"}}}
    put(node, usercfg.FILE, CFG)
    for text in ("short\n", "a" * 65, "two lines\nof it\n"):
        secret(node, "/root/eve", text)
        with pytest.raises(ConfigError):
            planned(users, node, table)
    secret(node, "/root/eve", "correct horse\n")
    step = planned(users, node, table).steps[0]
    assert (step.argv, step.stdin, step.feed) == (("pveum", "passwd", "eve@pve"), "/root/eve", "{}\n{}\n")
    put(node, usercfg.PASSWORDS, "eve:$5$x$y:\n")
    os.unlink(node.paths("/root/eve"))
    assert planned(users, node, table) == users.Plan()


def test_a_key_in_a_comment_is_none(alice):
    path = "/home/alice/.ssh/authorized_keys"
    put(alice, path, f"# {KEY}\n")
    text = f"# {KEY}\n{blocks.BEGIN}\n{KEY}\n{blocks.END}\n"
    assert written(planned(users, alice, system(keys=[KEY])))[path][0] == text
