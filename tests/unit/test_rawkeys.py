"""Raw keys: what of them a file may say, and where they stand in a container's file."""

from __future__ import annotations

import pytest

from phoenix.config.faults import Faults
from phoenix.config.load import Document
from phoenix.guests import rawkeys
from phoenix.pve import guestconf


@pytest.mark.parametrize(
    ("line", "stored"),
    [
        ("lxc.idmap: u 0 100000 65536", "lxc.idmap: u 0 100000 65536"),
        ("lxc.idmap = g 0 100000 65536", "lxc.idmap: g 0 100000 65536"),
        ("lxc.cap.drop sys_time", "lxc.cap.drop: sys_time"),
        ("lxc.mount.auto:sys:rw", "lxc.mount.auto: sys:rw"),
        ("lxc.mount.entry: /a b none bind,create=file", "lxc.mount.entry: /a b none bind,create=file"),
    ],
)
def test_lines_are_kept_as_pct_writes_them(line, stored):
    faults = Faults(Document("f", {}))
    assert rawkeys.decode([line], faults) == (stored,)
    assert not faults.found


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("lxc.idmap: u 0 1 1", "expected a list of lines"),
        ([5], "expected a line"),
        (["idmap: u 0 1 1"], "expected a line"),
        (["lxc.cap.drop: a\nlxc.cap.keep: b"], "expected a line"),
        (["lxc.idmap: u 0 100000"], "expected an idmap"),
        (["lxc.idmap: x 0 100000 5"], "expected an idmap"),
        (["lxc.idmap: u 0 100000 0"], "expected an idmap"),
        (["lxc.environment.runtime: A=1"], "belongs in env"),
    ],
)
def test_what_is_no_raw_key(value, words):
    faults = Faults(Document("f", {}))
    rawkeys.decode(value, faults)
    assert len(faults.found) == 1
    assert words in faults.found[0]


@pytest.mark.parametrize(
    ("value", "lines"),
    [
        ({"A": "1", "B": "x y"}, ("lxc.environment.runtime: A=1", "lxc.environment.runtime: B=x y")),
        (["A=1"], ("lxc.environment.runtime: A=1",)),
        ({}, ()),
    ],
)
def test_the_environment_is_a_line_for_each_variable(value, lines):
    faults = Faults(Document("f", {}))
    assert rawkeys.decode_environment(value, faults) == lines
    assert not faults.found


@pytest.mark.parametrize("value", ["A=1", {"A": 1}, ["A"], ["A=1\n"], {"A B": "1"}, [1]])
def test_what_is_no_environment(value):
    faults = Faults(Document("f", {}))
    rawkeys.decode_environment(value, faults)
    assert len(faults.found) == 1


MAIN = "#said\nhostname: web\nrootfs: local:1/vm-1-disk-0.raw,size=8G\n"
AFTER = "\n[pve:pending]\nmemory: 1\n\n[before]\nhostname: old\nlxc.cap.drop: sys_time\nsnaptime: 1\n"


@pytest.mark.parametrize("old", ["", "lxc.cap.drop: sys_time\nlxc.idmap: u 0 1 1\n"])
@pytest.mark.parametrize("after", ["", AFTER])
def test_lines_replace_those_of_the_main_section_alone(old, after):
    lines = ("lxc.idmap: u 0 100000 65536", "lxc.environment.runtime: A=1")
    text = rawkeys.with_lines(MAIN + old + after, lines)
    assert text == MAIN + "lxc.environment.runtime: A=1\nlxc.idmap: u 0 100000 65536\n" + after
    found, before = guestconf.parse(text), guestconf.parse(MAIN + old + after)
    assert found.options == before.options
    assert found.description == before.description
    assert (found.pending, {name: conf.raw for name, conf in found.snapshots.items()}) == (
        before.pending,
        {name: conf.raw for name, conf in before.snapshots.items()},
    )


def test_no_lines_take_away_those_that_are_there():
    assert rawkeys.with_lines(MAIN + "lxc.cap.drop: sys_time\n" + AFTER, ()) == MAIN + AFTER


def test_maps_of_identities():
    lines = ("lxc.idmap: u 0 100000 65536", "lxc.cap.drop: x", "lxc.idmap: g 33 33 1")
    assert rawkeys.id_maps(lines) == [("u", 0, 100000, 65536), ("g", 33, 33, 1)]
