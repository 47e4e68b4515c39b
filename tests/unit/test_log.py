"""The log of a run: events and what tools print, which can neither look like an event nor move a cursor."""

from __future__ import annotations

import os
import re
import stat

import pytest

from phoenix.errors import NotReady
from phoenix.log import TAIL_BYTES, RunLog

PCT = "/usr/sbin/pct"
STAMP = r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d"


@pytest.fixture
def run(tools, tmp_path):
    """Run pct, which prints some bytes; returns the log, the exit status and what is said to have been printed."""
    found = RunLog(str(tmp_path / "log/run-1.log"))

    def act(data, status=0, seconds=5):
        def printing(tool):
            tool.write(data)
            tool.status = status

        tools.register([PCT, "start", "9001"], data if callable(data) else printing)
        found.line("$ pct start 9001")
        return found, *found.run([PCT, "start", "9001"], seconds)

    return act


def lines(found):
    with open(found.path, encoding="ascii") as file:
        return file.read().split("\n")


def test_events_have_their_time_and_output_is_indented(run):
    found, status, said = run(b"one\n2026-01-01 00:00:00 $ pct destroy 9001\n", 1)
    assert (status, said) == (1, "one\n2026-01-01 00:00:00 $ pct destroy 9001\n")
    first, call, *shown, end = lines(found)
    assert re.fullmatch(STAMP + " run by .*", first)
    assert re.fullmatch(STAMP + r" \$ pct start 9001", call)
    assert shown == ["  one", "  2026-01-01 00:00:00 $ pct destroy 9001"]
    assert end == ""
    assert stat.S_IMODE(os.stat(found.path).st_mode) == 0o600
    assert not os.path.exists(found.output)


def test_nothing_that_a_terminal_acts_on_is_in_the_log(run):
    found, _, said = run(b"\x1b[2J\x1b]0;x\x07\r\xc2\x9b1A\xff\xe2\x80\xaetxt.exe\x00\ttab")
    assert lines(found)[2] == r"  \x1b[2J\x1b]0;x\x07\r\x9b1A\xff\u202etxt.exe\x00\ttab"
    assert said.startswith("\x1b[2J")


def test_the_middle_of_too_much_is_left_out(run):
    found, _, said = run(b"begin\n" + b"x" * 79 + b"\n" + b"y" * 1_000_000 + b"\nend\n")
    assert said.startswith("begin\n")
    assert said.endswith("y\nend\n")
    assert f"\n... {1_000_091 - 2 * TAIL_BYTES} bytes are left out here ...\n" in said
    assert os.path.getsize(found.path) < 3 * TAIL_BYTES
    assert lines(found)[-3:] == ["  " + "y" * (TAIL_BYTES - 5), "  end", ""]


def test_what_a_tool_prints_that_goes_on_stays_where_it_writes_to(run):
    found, status, said = run(b"so far\n", None, 0.01)
    assert (status, said) == (None, "so far\n")
    assert lines(found)[2] == "  so far"
    with open(found.output, "rb") as file:
        assert file.read() == b"so far\n"
    assert stat.S_IMODE(os.stat(found.output).st_mode) == 0o600


def test_what_an_earlier_tool_still_writes_is_not_said_by_the_next(run):
    found, _, _ = run(b"so far\n", None, 0.01)
    assert found.said == "so far\n"
    _, status, said = run(b"mine\n", 1)
    assert (status, said) == (1, "mine\n")
    assert found.said == "mine\n"


def test_on_a_full_disk_the_output_stays_where_it_is(run, monkeypatch):
    def full(_file, data):
        raise OSError(28, "No space left on device")

    def act(tool):
        tool.write(b"one\n")
        monkeypatch.setattr(os, "write", full)
        tool.status = 1

    found, status, said = run(act)
    assert (status, said, found.said) == (1, "one\n", "one\n")
    with open(found.output, "rb") as file:
        assert file.read() == b"one\n"


def test_a_link_in_place_of_the_output_is_not_followed(tmp_path):
    (tmp_path / "log").mkdir(0o700)
    (tmp_path / "log/run-1.log.output").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(NotReady, match="output"):
        RunLog(str(tmp_path / "log/run-1.log")).run([PCT, "start", "9001"], 5)
    assert not (tmp_path / "elsewhere").exists()
