"""The golden plans of options, carried out: each runs clean on a rehearsal node and leaves nothing to plan."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from phoenix import process, record
from phoenix.errors import PartlyDone
from phoenix.record import Record
from phoenix.rehearsal import cluster, imagefiles, running
from phoenix.rehearsal.tree import Tree
from tests.rehearsal.forked import World

pytestmark = pytest.mark.processes

CASES = sorted((Path(__file__).resolve().parents[1] / "golden" / "plan" / "lxc" / "options").glob("*.json"))
MARK = "0123456789abcdef0123456789abcdef"


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    world = World(tmp_path_factory.mktemp("golden") / "node")
    hooks = world.root / "var/lib/vz/snippets"
    storages = world.root / "etc/pve/storage.cfg"
    storages.write_text(storages.read_text().replace("content ", "content snippets,", 1))
    for name in ("a.sh", "b.sh"):
        (hooks / name).write_text("#!/bin/sh\n")
        (hooks / name).chmod(0o755)
    return world


@pytest.fixture
def world(made, monkeypatch):
    """The node without any container."""
    monkeypatch.setattr(process, "run_tool", made.pct)
    tree = Tree(str(made.root))
    if running.is_running(tree, "9001"):
        running.stop(tree, "9001")
    for path in ("etc/pve/lxc/9001.conf", "etc/pve/firewall/9001.fw"):
        (made.root / path).unlink(missing_ok=True)
    return made


def furnish(world, case):
    """Put the case's container onto the node."""
    tree = Tree(str(world.root))
    volumes = []
    for line in case["conf"]:
        name, _, text = line.partition(": ")
        volume, _, rest = text.partition(",")
        if name == "rootfs" or (name.startswith("mp") and volume.startswith("local:")):
            path = world.root / "var/lib/vz/images" / volume.partition(":")[2]
            path.parent.mkdir(parents=True, exist_ok=True)
            path.unlink(missing_ok=True)
            imagefiles.create(str(path), "raw", int(rest.rpartition("size=")[2][:-1]) << 30)
            volumes.append(volume)
    (world.root / "etc/pve/lxc/9001.conf").write_text("\n".join(case["conf"]) + "\n")
    if case["firewall"]:
        (world.root / "etc/pve/firewall/9001.fw").write_text(case["firewall"])
    if case["running"]:
        running.start(tree, "9001")
    cluster.refresh(tree)
    seen = Record(MARK, True, tuple(sorted(volumes)), tuple(case["options"]), finished=True)
    record.save(str(world.root / "var/lib/phoenix/records/lxc-9001"), seen)
    world.file.write_text("\n".join(case["toml"]) + "\n")


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_the_plan_runs_clean_and_leaves_nothing(world, path, capsys):
    case = json.loads(path.read_text())
    furnish(world, case)
    words = ""
    try:
        assert world.call("create") == 0
    except PartlyDone as error:
        words = error.message
    waits = "for a restart" in words
    assert waits == bool(words)
    assert "its work is done" not in capsys.readouterr().err  # no pct that failed
    assert world.plan() == 0
    assert waits == (case["running"] and bool(case["commands"]) and any(
        change in ("restart", "detach") for *_, change in case["differences"]
    ))  # fmt: skip
    if waits:
        world.call("restart")
        assert world.call("create") == 0
    before = world.calls
    assert world.call("create") == 0
    assert world.calls == before
