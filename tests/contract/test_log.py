"""`log`: what was done to a guest, from its journal; what is damaged is not believed, nothing writes on a terminal."""

from __future__ import annotations

import json

import pytest

from tests.contract.test_interrupted import World

pytestmark = pytest.mark.processes


@pytest.fixture
def world(built, tmp_path):
    return World(built, tmp_path / "node")


def ends(out):
    """What each line says of the end of a command, and the command's first words."""
    return [(line[32:].partition("$")[0].strip(), line.partition("$ ")[2].split()[:2]) for line in out.splitlines()]


def test_every_command_has_a_line_with_its_end(world):
    world.fault('command = "pct start"\nbefore = { code = 255, stderr = "no" }')
    assert world.run("create", "9001")[0] == 1
    world.heal()
    assert world.run("create", "9001")[0] == 0
    assert world.run("delete", "9001", "--yes")[0] == 0
    code, out, err = world.run("log", "9001")
    assert (code, err) == (0, "")
    assert ends(out) == [
        ("stopped", ["pct", "create"]),
        ("stopped (exit 255)", ["pct", "start"]),
        ("running", ["pct", "start"]),
        ("stopped", ["pct", "shutdown"]),
        ("not created", ["pct", "destroy"]),
        ("deleted", []),
    ]
    assert world.run("log")[1] == out
    assert world.run("log", "web")[1] == out


def test_what_was_cut_off_has_no_end(world):
    assert world.run("create", "9001")[0] == 0
    journal = world.root / "var/lib/phoenix/journal/lxc-9001.jsonl"
    whole = journal.read_text()
    journal.write_text(whole[: whole.rindex('"outcome"') + 20])
    code, out, err = world.run("log", "9001")
    assert code == 0
    assert ends(out)[-1] == ("no end is written", ["pct", "start"])
    assert f"{journal}: damaged, and not believed: line 4" in err


def test_a_forged_line_is_not_believed(world):
    assert world.run("create", "9001")[0] == 0
    journal = world.root / "var/lib/phoenix/journal/lxc-9001.jsonl"
    forged = json.dumps({"event": "intent", "argv": ["pct", "destroy", "9001"], "sum": "00000000"})
    journal.write_text(f"{forged}\n{journal.read_text()}")
    code, out, err = world.run("log", "9001")
    assert code == 0
    assert "destroy" not in out
    assert "line 1" in err


def test_a_document_has_every_event(world):
    assert world.run("create", "9001")[0] == 0
    found = json.loads(world.run("log", "9001", "--output=json")[1])
    assert [event["event"] for event in found["events"]] == ["intent", "outcome"] * 2
    first = found["events"][0]
    known = {"time", "run", "node", "boot", "pid", "started", "kind", "id", "mark", "argv", "goal", "volumes"}
    assert known <= set(first)


def test_what_was_never_touched_is_unknown(world):
    code, _, err = world.run("log", "9001")
    assert code == 4
    assert "Phoenix has done nothing to 9001 here" in err
    assert world.run("log")[1] == "nothing was done yet\n"
