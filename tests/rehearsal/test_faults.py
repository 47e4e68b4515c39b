"""Faults on request: each kind does what faults.py says, on the tools as they are called."""

from __future__ import annotations

import signal
import time
from typing import TYPE_CHECKING

import pytest
from nodes import TEMPLATE, until

if TYPE_CHECKING:
    from collections.abc import Callable

    from nodes import Node

CREATE = ("create", "100", TEMPLATE, "--rootfs", "local:1")


@pytest.fixture
def node(new: Callable[..., Node]) -> Node:
    return new()


def test_before_does_nothing(node: Node) -> None:
    node.fault('command = "pct create"\nbefore = { code = 5, stderr = "no" }')
    ran = node("pct", *CREATE)
    assert (ran.code, ran.out, ran.err) == (5, "", "no\n")
    assert node.conf("100") is None
    assert node.disks() == []


def test_after_has_done_it(node: Node) -> None:
    node.fault('command = "pct create"\nafter = { code = 255, stderr = "lost" }')
    ran = node("pct", *CREATE)
    assert ran.code == 255
    assert ran.err.endswith("lost\n")
    assert node.conf("100") is not None


def test_half_way_is_cleaned_up(node: Node) -> None:
    node.fault('command = "pct create"\nhalf = { stderr = "broken" }')
    ran = node("pct", *CREATE)
    assert (ran.code, ran.err) == (255, "unable to create CT 100 - broken\n")
    assert node.conf("100") is None
    assert node.disks() == []


def test_a_lie_is_0_and_nothing(node: Node) -> None:
    node.fault('command = "pct create"\nlie = true')
    assert node("pct", *CREATE).code == 0
    assert node.conf("100") is None


def test_late_arrives_after_the_exit(node: Node) -> None:
    node.fault('command = "pct create"\nlate = 0.5')
    assert node("pct", *CREATE).code == 0
    assert node.conf("100") is None
    until(lambda: "rootfs:" in (node.conf("100") or ""))


def test_only_the_call_that_is_named(node: Node) -> None:
    node.fault('command = "pct list"\ncall = 2\nbefore = { code = 9 }')
    assert [node("pct", "list").code for _ in range(3)] == [0, 9, 0]


def test_a_killed_tool_leaves_its_worker(node: Node) -> None:
    node.fault('command = "pct create"\ndie = "tool"\nslow = 0.1')
    begun = node.begin(*CREATE)
    begun.communicate(timeout=20)
    assert begun.returncode == -signal.SIGKILL
    assert node.conf("100") is not None  # the worker had taken the ID


def test_a_killed_worker_leaves_its_lock(node: Node) -> None:
    node.fault('command = "pct create"\ndie = "worker"\nsignal = 9')
    ran = node("pct", *CREATE)
    assert ran.code == 255
    assert node.conf("100") == "lock: create\n"
    assert node("pct", "start", "100").err == "CT is locked (create)\n"


def test_a_tool_that_hangs_can_be_ended(node: Node) -> None:
    node.fault('command = "pct create"\nhang = true')
    begun = node.begin(*CREATE)
    until(lambda: node.conf("100") is not None)
    time.sleep(0.3)
    assert begun.poll() is None
    begun.send_signal(signal.SIGTERM)
    _, err = begun.communicate(timeout=20)
    assert begun.returncode == 255
    assert b"received interrupt" in err
    assert node.conf("100") is None


def test_a_lock_that_is_held_is_waited_for(node: Node) -> None:
    node.good("pct", *CREATE)
    node.fault('command = "pct set"\nhold = 1')
    ran = node("pct", "set", "100", "--cores", "1")
    assert ran.code == 0
    assert ran.err.startswith("trying to acquire lock...\n")
    assert "cores: 1\n" in (node.conf("100") or "")


def test_noise_and_garbage(node: Node) -> None:
    node.fault('command = "pct create"\nnoise = 3000000\ngarbage = true')
    begun = node.begin(*CREATE)
    out, _ = begun.communicate(timeout=30)
    assert begun.returncode == 0
    assert len(out) > 3000000
    with pytest.raises(UnicodeDecodeError):
        out.decode()


def test_a_full_disk(node: Node) -> None:
    node.fault('command = "pct create"\nfull = true')
    ran = node("pct", *CREATE)
    assert ran.code == 255
    assert "No space left on device" in ran.err
    assert node.conf("100") is None


def test_quorum_lost_on_the_way(node: Node) -> None:
    node.fault('command = "pct create"\nquorum = false')
    ran = node("pct", *CREATE)
    assert ran.code == 255
    assert "Permission denied" in ran.err
    assert node("pct", "start", "100").err == "cluster not ready - no quorum?\n"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("slwo = 1", "'slwo'"),
        ('slow = "long"', "slow is 'long'"),
        ('die = "both"', "die is 'both'"),
        ("call = true", "call is True"),
    ],
)
def test_a_mistake_in_the_file_is_told(node: Node, text: str, said: str) -> None:
    node.fault(f'command = "pct list"\n{text}')
    ran = node("pct", "list")
    assert ran.code == 70
    assert said in ran.err
