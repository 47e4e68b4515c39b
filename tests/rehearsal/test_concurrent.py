"""Tools of one node at the same time: one ID has one guest, whoever asks and however often."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest
from nodes import PLAIN, TEMPLATE

if TYPE_CHECKING:
    from collections.abc import Callable

    from nodes import Node

ROUNDS = 500
WAYS = {
    "pct": ("pct", "create", "{}", TEMPLATE, "--rootfs", "local:1"),
    "qm": ("qm", "create", "{}", "--scsi0", "local:1"),
}


def at_once(node: Node, *calls: tuple[str, ...]) -> list[int]:
    """Start all calls, then wait for them: their exit statuses."""
    begun = [
        subprocess.Popen(
            node.argv(*words), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=PLAIN
        )
        for words in calls
    ]
    return [process.wait(60) for process in begun]


@pytest.mark.slow
def test_of_two_that_create_one_id_exactly_one_wins(new: Callable[..., Node]) -> None:
    node = new()
    pairs = [("pct", "pct"), ("qm", "qm"), ("pct", "qm")]
    for number in range(ROUNDS):
        guest = str(1000 + number)
        first, second = pairs[number % len(pairs)]
        calls = [tuple(word.format(guest) for word in WAYS[way]) for way in (first, second)]
        codes = at_once(node, *calls)
        assert sorted(code == 0 for code in codes) == [False, True], (guest, first, second, codes)
        files = [node.root / f"etc/pve/{kind}/{guest}.conf" for kind in ("lxc", "qemu-server")]
        assert sum(path.exists() for path in files) == 1, guest
        disks = [disk for disk in node.disks() if disk.startswith(f"{guest}/")]
        assert disks == [f"{guest}/vm-{guest}-disk-0.raw"], disks
        node.good("pct" if files[0].exists() else "qm", "destroy", guest)
    print(f"{ROUNDS} rounds, {ROUNDS} winners")


def test_different_ids_do_not_disturb_each_other(new: Callable[..., Node]) -> None:
    node = new()
    guests = [str(number) for number in range(100, 106)]
    assert at_once(node, *(tuple(word.format(guest) for word in WAYS["pct"]) for guest in guests)) == [0] * 6
    assert [row.split()[0] for row in node.good("pct", "list").splitlines()[1:]] == guests
    assert len(node.disks()) == 6


def test_changes_of_one_guest_come_one_after_the_other(new: Callable[..., Node]) -> None:
    node = new()
    node.good("pct", "create", "100", TEMPLATE, "--rootfs", "local:1")
    codes = at_once(
        node, *(("pct", "set", "100", f"--mp{number}", f"/srv/{number},mp=/m{number}") for number in range(8))
    )
    assert codes == [0] * 8
    conf = node.conf("100") or ""
    assert [f"mp{number}: /srv/{number},mp=/m{number}" in conf for number in range(8)] == [True] * 8
