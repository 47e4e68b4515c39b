"""The agreement: what it says is what a comparison says, and it is silent as soon as anything is another."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from managers import lxc_manager
from phoenix import actions, record
from phoenix.call import Call
from phoenix.errors import NotReady, UsageError
from phoenix.guests import agreement, marks, report
from phoenix.guests.container import CONTAINER
from phoenix.guests.machine import MACHINE
from phoenix.guests.work import Work
from phoenix.paths import Paths
from phoenix.record import Record
from tests.unit.conftest import FILE

CASES = sorted((Path(__file__).resolve().parents[1] / "golden" / "plan").rglob("*.json"))
MARK = "0123456789abcdef0123456789abcdef"
VOLUME = "local:9001/vm-9001-disk-0.raw"
CONF = f"""#{marks.LINE}{MARK}
hostname: web
rootfs: {VOLUME},size=8G
unprivileged: 1
"""
RECORD = Record(MARK, True, (VOLUME,), finished=True)
RUNS = "0: 00000002 00000000 00010000 0001 01 1 @/var/lib/lxc/9001/command\n"


@pytest.fixture
def agreed(call, capsys):
    """A container that is as its file says, and of which a run has written that down."""
    call.file = call.root / "etc/phoenix/lxc/9001.toml"
    call.conf = call.root / "etc/pve/lxc/9001.conf"
    call.record = Path(call.paths.record("lxc", "9001"))
    call.conf.write_text(CONF)
    record.save(str(call.record), RECORD)
    assert create(call) == 0
    assert told(call)
    capsys.readouterr()
    return call


def create(call, **options):
    return lxc_manager.ACTIONS["create"](call("create").but(options=options))


def told(call, **other):
    return agreement.told(call("status").but(**other), CONTAINER)


def compared(asked, kind):
    """What a comparison says: the verdict, the name and the state."""
    work = Work(asked, kind, actions.converge)
    state = work.look()
    doubt = agreement.ownership.doubt(state, work.record)
    said = report.verdict(asked.id, work.wanted, state, work.plan(state), doubt)
    return said, work.wanted.name, state.state


def test_the_status_is_that_of_a_comparison(agreed, capsys):
    for json_ in (False, True):
        lxc_manager.ACTIONS["status"](agreed("status", json=json_))
        short = capsys.readouterr().out
        record.save(str(agreed.record), RECORD)
        assert told(agreed) is None
        lxc_manager.ACTIONS["status"](agreed("status", json=json_))
        assert capsys.readouterr().out == short
        create(agreed)
        capsys.readouterr()
    assert '"verdict": "as configured"' in short


def test_only_the_first_run_that_finds_nothing_to_do_writes_it(agreed):
    before = agreed.record.stat()
    assert create(agreed) == 0
    after = agreed.record.stat()
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


@pytest.mark.parametrize("finished", [True, False])
def test_a_full_disk_keeps_it_from_being_written_and_nothing_else(call, monkeypatch, finished):
    (call.root / "etc/pve/lxc/9001.conf").write_text(CONF)
    record.save(call.paths.record("lxc", "9001"), RECORD.but(finished=finished))

    def full(path, *_):
        raise record.files.cannot_write(path, OSError(28, "No space left on device"))

    monkeypatch.setattr(record.files, "replace", full)
    if finished:
        assert create(call) == 0
    else:
        with pytest.raises(NotReady, match="No space left"):
            create(call)


@pytest.mark.parametrize("name", ["file", "conf", "record"])
def test_no_byte_can_change_and_it_is_believed(agreed, name):
    path = getattr(agreed, name)
    whole = path.read_bytes()
    for place in range(len(whole)):
        for other in (whole[:place], whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :]):
            path.write_bytes(other)
            assert told(agreed) is None
        path.write_bytes(whole)
    path.write_bytes(whole + b"\n")
    assert told(agreed) is None
    path.write_bytes(whole)
    assert told(agreed)


def test_what_is_moved_from_one_part_to_the_next_is_not_the_same(agreed):
    """The parts are told apart by their sizes, not by where a line of one could begin."""
    whole = agreed.conf.read_text()
    agreed.conf.write_text(whole[:-1])
    agreed.file.write_text(agreed.file.read_text() + "\n")
    assert told(agreed) is None


def test_what_lies_beside_counts_too(agreed):
    assert told(agreed, build="another") is None
    firewall = agreed.root / "etc/pve/firewall/9001.fw"
    firewall.parent.mkdir()
    firewall.write_text("")
    assert told(agreed)
    firewall.write_text("[OPTIONS]\n")
    assert told(agreed) is None
    firewall.unlink()
    unix = agreed.root / "proc/net/unix"
    unix.write_text(RUNS)
    assert told(agreed) is None
    unix.write_text("")
    assert told(agreed)
    other = agreed.root / "etc/pve/nodes/other/qemu-server/9001.conf"
    other.parent.mkdir(parents=True)
    other.touch()
    assert told(agreed) is None


@pytest.mark.parametrize("name", ["file", "conf", "record"])
def test_what_is_gone_is_left_to_the_comparison(agreed, name):
    getattr(agreed, name).unlink()
    assert told(agreed) is None
    (agreed.root / "etc/pve/local").unlink()
    assert told(agreed) is None


def test_volumes_that_are_to_be_deleted_are_looked_for(agreed):
    asked = agreed("status").but(options={"--delete-volumes": "local:9001/other.raw"})
    with pytest.raises(UsageError, match=r"has no volume local:9001/other\.raw"):
        lxc_manager.ACTIONS["status"](asked)


def test_of_several_each_is_told_as_if_it_were_alone(agreed):
    (agreed.root / "etc/pve/lxc/9002.conf").write_text(CONF)
    for options in ({}, {"together": {}}):
        assert told(agreed, **options) == ("web", "stopped")
        assert told(agreed, id="9002", **options) is None
    firewall = agreed.root / "etc/pve/firewall"
    firewall.write_text("no folder")
    for options in ({}, {"together": {}}):
        assert told(agreed, **options) is None
        with pytest.raises(OSError, match="firewall"):
            lxc_manager.ACTIONS["status"](agreed("status").but(**options))


def test_a_template_and_one_that_runs_are_told(call, capsys):
    for more, runs, state in (("template: 1\n", "", "template"), ("", RUNS, "running")):
        wanted = '[phoenix]\nstate = "' + state + '"\n'
        (call.root / "etc/phoenix/lxc/9001.toml").write_text(FILE.partition("[")[0] + wanted)
        (call.root / "etc/pve/lxc/9001.conf").write_text(CONF + more)
        (call.root / "proc/net/unix").write_text(runs)
        record.save(call.paths.record("lxc", "9001"), RECORD)
        assert create(call) == 0
        assert told(call) == ("web", state)
        assert told(call, together={}) == ("web", state)
        assert compared(call("status"), CONTAINER) == (report.AS_CONFIGURED, "web", state)


def test_another_guest_with_the_same_files_has_none(agreed):
    for path in (agreed.file, agreed.conf, agreed.record):
        path.with_name(path.name.replace("9001", "9002")).write_bytes(path.read_bytes())
    assert told(agreed, id="9002") is None


WITHOUT = {
    "a profile": ('profile = "base"\n', "", {}),
    "a feature": ('[phoenix]\nprovision = ["web"]\n', "", {}),
    "a snapshot before a change": ("[phoenix]\nsnapshots = { before_change = true }\n", "", {}),
    "a snapshot once made": ('[phoenix]\nsnapshots = { after_create = "fresh" }\n', "snapshot", {}),
    "a password": ('password_file = "/root/password"\n', "", {}),
    "a lock": ("", "lock: backup\n", {}),
    "pending": ("", "[pve:pending]\nmemory: 512\n", {}),
    "a difference": ("memory = 2048\n", "", {}),
    "raw lines that waited": ("", "", {"waits": "1 2"}),
    "one not finished": ("", "", {"finished": False}),
    "one not made": ("", "", {"made": False}),
    "another mark": ("", "", {"mark": MARK[::-1]}),
    "a volume that is lacking": ("", "", {"volumes": (VOLUME, "local:9001/vm-9001-disk-1.raw")}),
    "an option to take back": ("", "cores: 3\n", {"options": ("cores",)}),
}


@pytest.mark.parametrize("name", WITHOUT)
def test_there_is_none_where_something_else_decides_or_is_to_be_done(call, name):
    more, conf, known = WITHOUT[name]
    for path, text in (
        ("lxc/9001.toml", 'hostname = "web"\nostemplate = "/t"\nrootfs = { storage = "local", size = "8G" }\n' + more),
        ("profiles/base.toml", "cores = 1\n"),
        ("features/web/feature.toml", ""),
        ("features/web/apply.sh", "#!/bin/sh\n"),
    ):
        (call.root / "etc/phoenix" / path).parent.mkdir(parents=True, exist_ok=True)
        (call.root / "etc/phoenix" / path).write_text(text)
    (call.root / "etc/pve/lxc/9001.conf").write_text(CONF + conf)
    (call.root / "proc/net/unix").write_text(RUNS)
    work = Work(call("create"), CONTAINER, actions.converge)
    state = work.observe()
    assert agreement.noted(work, state, RECORD.but(**known)).agreed == ""


def test_the_same_without_any_of_that_has_one(call):
    (call.root / "etc/pve/lxc/9001.conf").write_text(CONF)
    work = Work(call("create"), CONTAINER, actions.converge)
    assert agreement.noted(work, work.observe(), RECORD).agreed.endswith(" stopped web")


class Opened:
    """The files that are opened while it looks."""

    def __init__(self):
        self.looking = False
        self.paths = set()
        sys.addaudithook(self.event)

    def event(self, name, arguments):
        if self.looking and name == "open":
            self.paths.add(str(arguments[0]))


OPENED = Opened()
KINDS = {"lxc": (CONTAINER, "9001"), "vm": (MACHINE, "9002")}


@pytest.mark.parametrize("name", KINDS)
def test_a_comparison_of_a_plain_guest_opens_nothing_that_is_not_in_the_digest(call, name):
    """Whoever lets a plan depend on one more file has to say so in `is_plain`."""
    kind, guest = KINDS[name]
    (call.root / "etc/phoenix" / name).mkdir(exist_ok=True)
    plain = [path for path in CASES if name in path.parts and compared_plain(call.root, kind, guest, path)]
    assert len(plain) > 200


def compared_plain(root, kind, guest, case):
    """Whether the guest of a golden case is plain; if it is, whether its comparison has opened nothing else."""
    facts = json.loads(case.read_text())
    paths = Paths(str(root))
    asked = Call(f"{kind.name}-manager", "status", guest, paths, paths.config, False, False, False, "run-1", 0, {})
    wanted, conf = f"{paths.config}/{kind.name}/{guest}.toml", paths.guest_config(kind.folder, guest)
    Path(wanted).write_text("\n".join(facts["toml"]) + "\n")
    Path(conf).write_text("\n".join(facts["conf"] or ["hostname: x"]) + "\n")
    kept = RECORD.but(options=tuple(facts.get("options", ())))
    record.save(paths.record(kind.name, guest), kept)
    try:
        work = Work(asked, kind, actions.converge)
    except agreement.load.ConfigError:
        return False
    if not agreement.is_plain(work.document, work.wanted, work.observe(), kept):
        return False
    OPENED.paths, OPENED.looking = set(), True
    try:
        compared(asked, kind)
    finally:
        OPENED.looking = False
    firewall = f"{paths.pve}/firewall/{guest}.fw"
    live = {paths("/proc/net/unix"), paths(f"/run/qemu-server/{guest}.pid"), paths(kind.lock.format(guest))}
    read = {opened for opened in OPENED.paths if opened.startswith(str(root))}
    assert {wanted, conf} <= read <= {wanted, conf, work.record_path, firewall} | live, case
    return True
