"""Fuzz: whatever a parser is given, it answers, or says what is wrong in an error of ours; it never breaks down.

The inputs are good ones with pieces cut out, doubled, swapped, flipped and put in, and so the same for each seed.
"""

from __future__ import annotations

import collections
import contextlib
import json
import random
import time
from pathlib import Path

import pytest

from phoenix import cli, journal, manager, record, workers
from phoenix.config import load
from phoenix.errors import PhoenixError
from phoenix.guests import inside, marks, observed, rawkeys, snippets, values
from phoenix.guests.container import CONTAINER
from phoenix.guests.machine import MACHINE
from phoenix.host import sources
from phoenix.pve import debian, formats, guestconf, storages, transient, usercfg
from phoenix.text import last_line, printable, shell
from tests.unit.test_host_apt import INSTALLED, deb
from tests.unit.test_host_users import CFG

HERE = Path(__file__).resolve().parents[1]
SEED = 1000
KINDS = {"lxc": (CONTAINER, "9001"), "vm": (MACHINE, "9002")}
PIECES = (
    b"\0", b"\x1b[31m", b"\xff", b"\xc3", b"\r\n", b"\n", b"\n\n", b"[", b"]", b"{", b"}", b'"', b"'''", b"=", b",",
    b";", b":", b"-", b"+", b"\\", b"%", b"%2", b"#", b"..", b"/", b" ", b"\t", b"9" * 30, b"1e999", b"nan", b"true",
    b"\xe2\x80\xae", b"\xef\xbc\x99", b"[[" * 200, b"{a=" * 200, b"A" * 5000, b"lock: create\n", b"[snap]\n", b"size=",
    b"mp0", b"\xed\xa0\x80",
)  # fmt: skip


def corpus(pattern, wanted=lambda text: text):
    """The good inputs: files below tests/, or what `wanted` takes from each."""
    found = [wanted(path.read_bytes()) for path in sorted(HERE.glob(pattern))]
    return [data for data in found if data] or pytest.fail(f"nothing is like {pattern}")


def confs(data):
    """The guest's file in a golden case of the plan."""
    lines = json.loads(data)["conf"]
    return "\n".join(lines).encode() + b"\n" if lines else b""


CONFS = corpus("golden/plan/*/*.json", confs)
TOMLS = {kind: corpus(f"inputs/**/{kind}/*.toml") for kind in KINDS}
STORAGES = [
    b"dir: local\n\tpath /var/lib/vz\n\tcontent iso,vztmpl\n\nlvmthin: local-lvm\n\tthinpool data\n\tvgname pve\n"
]
EVENT = journal.line({"event": "intent", "argv": ["pct", "create", "9001"], "volumes": ["local:9001/x"]}).encode()
EXEC = [b'{\n   "exitcode" : 0,\n   "exited" : 1,\n   "out-data" : "x\\n"\n}\n', b'{\n   "pid" : 12\n}\n']
UPID = [b"UPID:pve:0000A1B2:00C3D4E5:69230A5B:vzcreate:9001:root@pam: 0\n"]
SAID = [b"trying to acquire lock...\ncan't lock file '/run/lock/lxc/pve-config-9001.lock' - got timeout\n"]
LISTS = [
    b"# x\ndeb [arch=amd64] http://deb.debian.org/debian trixie main contrib\n#deb-src http://x ./\n",
    b"Types: deb\nURIs: https://x\nSuites: trixie\n  trixie-updates\nEnabled: no\n\n# x\nTypes: deb\nURIs: y\n",
]
VERSIONS = [b"1:2.0~rc1-1+deb12u1 2.0-1", b"0 1"]
WORDS = [b"create 9001 --root=/x --yes --output json", b"--action=create --id=9001 --dry-run --timeout 5"]


def text(data):
    return data.decode("utf-8", "backslashreplace")


def configuration(kind, guest, folder):
    path = folder / f"{guest}.toml"

    def parse(data):
        path.write_bytes(data)
        kind.decode(load.document(str(path)), guest)

    return parse


def conf_of(kind):
    def parse(data):
        state = observed.read(kind, text(data), started="1")
        assert guestconf.parse(guestconf.render(guestconf.parse(text(data)))) is not None
        return state.state

    return parse


def line_of_a_journal(data):
    event = journal.parsed(text(data))
    assert event is None or data == EVENT or journal.line({**event}) is not None
    assert event is None or text(data).endswith(journal.checksum(text(data).rpartition(', "sum": "')[0]) + '"}')


def a_record(folder):
    path = folder / "record"
    record.save(str(path), record.Record("0" * 32, True, ("local:a", "local:b"), finished=True))
    whole = path.read_bytes()

    def parse(data):
        path.write_bytes(data)
        found = record.load(str(path))
        assert found is None or data == whole

    return [whole], parse


def options(data):
    for table in (CONTAINER.table, MACHINE.table):
        for name, option in list(table.items())[:: max(1, len(table) // 12)]:
            formats.fault(option, text(data))
            values.observed(option, text(data)) if option.change else name


def words(data):
    known = cli.options_of("Options:\n  --root=<dir>  x\n  --yes  x\n  --output=<form>  x\n" + manager.BOUNDARY)
    cli.sort_out(text(data).split(" "), known, cli.Words(), pass_on=True)


def safe(data):
    """What is shown of foreign text is one line that no terminal acts on."""
    for shown in (printable(text(data)), shell([text(data), "x"]), last_line(text(data))):
        assert "\n" not in shown
        assert shown.isprintable(), shown


def lists(data):
    """Every source of a list can be switched off and on."""
    for path in ("/x.list", "/x.sources"):
        for entry in sources.entries({path: text(data)}):
            off = sources.switched(text(data), entry, on=False)
            again = [item for item in sources.entries({path: off}) if item.place == entry.place]
            assert [item.enabled for item in again] == [False]


def versions(data):
    one, _, other = text(data).partition(" ")
    assert not (debian.is_older(one, other) and debian.is_older(other, one))


def a_deb(data):
    """A compression that only dpkg-deb knows is said."""
    with contextlib.suppress(ValueError):
        debian.control(data)


def parsers(folder):
    """What is tried: the good inputs of each, and what takes them."""
    found = {f"{kind} toml": (TOMLS[kind], configuration(*KINDS[kind], folder)) for kind in KINDS}
    found |= {f"{kind} conf": (CONFS, conf_of(KINDS[kind][0])) for kind in KINDS}
    return found | {
        "storage.cfg": (STORAGES, lambda data: storages.parse(text(data))),
        "journal": ([EVENT], line_of_a_journal),
        "record": a_record(folder),
        "exec": (EXEC, lambda data: inside.ended(text(data))),
        "tasks": (UPID, lambda data: workers.tasks(text(data), "9001")),
        "transient": (SAID, lambda data: transient.hindrance(text(data))),
        "option": ([b"name=eth0,bridge=vmbr0,ip=10.0.0.1/24", b"local:8,size=8G", b"order=1,up=2"], options),
        "words": (WORDS, words),
        "marks": (CONFS, lambda data: marks.split(text(data))),
        "raw keys": (CONFS, lambda data: rawkeys.with_lines(text(data), ("lxc.cap.drop: sys_time",))),
        "password": (CONFS, lambda data: guestconf.with_option(text(data), "cipassword", "x")),
        "snippet": (CONFS, lambda data: snippets.body(text(data))),
        "user.cfg": ([CFG.encode()], lambda data: usercfg.parse(text(data))),
        "lists of sources": (LISTS, lists),
        "packages": ([(INSTALLED.format("a", "1") * 3).encode()], lambda data: debian.packages(text(data))),
        "versions": (VERSIONS, versions),
        "sums": ([b"0" * 64 + b"  a.deb\n"], lambda data: debian.sums(text(data))),
        "deb": ([deb("aa", "1", Depends="bb")], a_deb),
        "shown": ([*CONFS, *SAID, *EXEC], safe),
    }


def changed(rng, data, other):
    """A good input with one to six things done to it."""
    found = bytearray(data)
    for _ in range(rng.choice((1, 1, 1, 2, 3, 6))):
        place = rng.randrange(len(found) + 1)
        end = min(len(found), place + rng.choice((1, 1, 2, 8, 60)))
        way = rng.randrange(6)
        if way == 0:
            del found[place:end]
        elif way == 1:
            found[place:place] = rng.choice(PIECES)
        elif way == 2:
            found[place:end] = rng.choice(PIECES)
        elif way == 3 and place < len(found):
            found[place] ^= 1 << rng.randrange(8)
        elif way == 4:
            found[place:place] = found[place:end] * rng.choice((1, 2, 50))
        else:
            begin = rng.randrange(len(other) + 1)
            found[place:end] = other[begin : begin + 80]
    return bytes(found)


def fuzz(folder, count):
    """So many inputs for all parsers together. AssertionError with what broke down, and the input."""
    rng = random.Random(SEED)
    table = parsers(folder)
    began, ends, slowest = time.monotonic(), collections.Counter(), 0.0
    for number in range(count):
        name = list(table)[number % len(table)]
        good, parse = table[name]
        data = changed(rng, rng.choice(good), rng.choice(good))
        before = time.monotonic()
        try:
            parse(data)
            ends["taken"] += 1
        except PhoenixError:
            ends["refused"] += 1
        except Exception as error:
            raise AssertionError(f"{name}: {error!r} for {data!r}") from error
        slowest = max(slowest, time.monotonic() - before)
    print(f"seed {SEED}, {count} inputs, {dict(ends)}, {time.monotonic() - began:.0f} s, the slowest {slowest:.2f} s")
    assert min(ends["taken"], ends["refused"]) > count / 100


def test_some_thousand_inputs(tmp_path):
    fuzz(tmp_path, 5_000)


@pytest.mark.whole
def test_a_million_inputs(tmp_path):
    fuzz(tmp_path, 1_000_000)
