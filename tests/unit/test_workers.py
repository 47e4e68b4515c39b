"""Workers: who is at work, by what the kernel and Proxmox VE's list of tasks say."""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys

import pytest

from phoenix import workers

ME = str(os.getpid())
START = workers.start_of(ME)


def task(pid=None, start=None, guest="9001", kind="vzdump", node="pve"):
    pid, start = int(ME) if pid is None else pid, int(START) if start is None else start
    return f"UPID:{node}:{pid:08X}:{start:08X}:69230A5B:{kind}:{guest}:root@pam: 0"


@pytest.fixture
def command_line():
    with open("/proc/self/cmdline") as file:
        return file.read().rstrip("\0").split("\0")


def test_a_task_is_at_work_while_its_process_lives():
    assert workers.tasks(task(), "9001") == [f"vzdump by root@pam (process {ME})"]


@pytest.mark.parametrize(
    "line",
    [
        pytest.param(task(guest="9002"), id="of another guest"),
        pytest.param(task(start=int(START) + 1), id="another process has the number now"),
        pytest.param(task(pid=0x7FFFFFFF), id="no such process"),
        "UPID:pve:zz:00:00:vzdump:9001:root@pam: 0",
        "UPID:pve",
        "",
        "no task at all: 9001",
    ],
)
def test_what_has_ended_is_not_at_work(line):
    assert workers.tasks(f"{line}\n{line}\n", "9001") == []


def test_a_user_cannot_write_on_the_terminal():
    line = task().replace("root@pam", "root\x1b[31m@pam")
    assert "\x1b" not in workers.tasks(line, "9001")[0]


def test_the_holder_of_a_lock_is_named(tmp_path, command_line):
    path = f"{tmp_path}/lock"
    assert workers.holders(path) == []
    with open(path, "w") as file:
        assert workers.holders(path) == []
        fcntl.flock(file, fcntl.LOCK_EX)
        (holder,) = workers.holders(path)
    assert holder.startswith(f"process {ME} ({command_line[0][:20]}")


def test_a_tool_is_found_by_its_path_and_all_its_words(command_line):
    tool, words = command_line[-2], command_line[-1:]
    assert ME in [found.split(" ")[1] for found in workers.running(tool, words)]
    assert workers.running(tool, [*words, "more"]) == []
    assert workers.running(tool + "x", words) == []


@pytest.mark.processes
def test_a_tool_is_found_by_words_with_line_ends_of_any_kind():
    words = ["-c", "print(flush=True); input()", "--description=a\r\nb\rc\n"]
    with subprocess.Popen([sys.executable, *words], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        child.stdout.readline()  # now it is there
        found = workers.running(sys.executable, words)
        child.communicate(b"\n")
    assert [line.split(" ")[1] for line in found] == [str(child.pid)]


def test_an_intent_of_an_earlier_boot_is_nobodys(command_line):
    intent = {"boot": workers.boot(), "argv": ["pct", *command_line[-1:]]}
    assert f"process {ME} " in " ".join(workers.still_at(intent, command_line[-2]))
    assert workers.still_at({**intent, "boot": "another"}, command_line[-2]) == []
    assert workers.still_at({"boot": workers.boot()}, command_line[-2]) == []


def test_a_process_is_told_from_all_others():
    facts = workers.this_process()
    assert facts["pid"] == os.getpid()
    assert facts["started"].isdigit()
    assert len(facts["boot"]) == 36
    assert workers.start_of("0") == ""
