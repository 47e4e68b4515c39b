"""The golden plans of options, carried out: each runs clean on a rehearsal node and leaves nothing to plan."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from phoenix import process, record
from phoenix.errors import PartlyDone
from phoenix.guests import changes
from phoenix.guests.observed import observe
from phoenix.paths import Paths
from phoenix.pve import formats
from phoenix.pve.node import Node
from phoenix.record import Record
from phoenix.rehearsal import cluster, imagefiles, running
from phoenix.rehearsal.qm import running as machines
from phoenix.rehearsal.tree import Tree
from tests.rehearsal.forked import World

pytestmark = pytest.mark.processes

FOLDER = Path(__file__).resolve().parents[1] / "golden" / "plan"
CASES = [(kind, path) for kind in ("lxc", "vm") for path in sorted((FOLDER / kind / "options").glob("*.json"))]
GUESTS = {"lxc": "9001", "vm": "9002"}
MARK = "0123456789abcdef0123456789abcdef"
FIRMWARE = "usr/share/pve-edk2-firmware/OVMF_CODE.fd"


@pytest.fixture(scope="module")
def nodes(tmp_path_factory):
    found = {kind: World(tmp_path_factory.mktemp(kind) / "node", guest, kind=kind) for kind, guest in GUESTS.items()}
    for world in found.values():
        hooks = world.root / "var/lib/vz/snippets"
        storages = world.root / "etc/pve/storage.cfg"
        storages.write_text(storages.read_text().replace("content ", "content snippets,", 1))
        for name in ("a.sh", "b.sh"):
            (hooks / name).write_text("#!/bin/sh\n")
            (hooks / name).chmod(0o755)
        (world.root / "var/lib/vz/template/iso/debian.iso").write_bytes(b"disc")
        (world.root / FIRMWARE).parent.mkdir(parents=True)
        (world.root / FIRMWARE).write_bytes(b"firmware")
    agents = found["vm"].root / "usr/share/phoenix-rehearsal/agents"
    agents.mkdir(parents=True)
    (agents / "all.json").write_text("{}")
    return found


def clear(world):
    """Leave no guest on the node."""
    tree, guest = Tree(str(world.root)), world.guest
    if world.kind.name == "lxc" and running.is_running(tree, guest):
        running.stop(tree, guest)
    machines.stop(tree, guest)
    for path in (world.conf, world.root / f"etc/pve/firewall/{guest}.fw"):
        path.unlink(missing_ok=True)
    for disk in (world.root / "var/lib/vz/images").glob(f"{guest}/*"):
        disk.unlink()


def furnish(world, case):
    """Put the case's guest onto the node."""
    tree = Tree(str(world.root))
    for line in case["conf"]:
        _, _, text = line.partition(": ")
        volume, _, rest = text.partition(",")
        if volume.startswith(f"local:{world.guest}/"):
            path = world.root / "var/lib/vz/images" / volume.partition(":")[2]
            path.parent.mkdir(parents=True, exist_ok=True)
            size = formats.size(rest.rpartition("size=")[2]) or 4 << 20
            imagefiles.create(str(path), path.suffix[1:], size)
            imagefiles.mark(str(path))
    world.conf.write_text("\n".join(case["conf"]) + "\n")
    if case["firewall"]:
        (world.root / f"etc/pve/firewall/{world.guest}.fw").write_text(case["firewall"])
    if case["running"]:
        (running if world.kind.name == "lxc" else machines).start(tree, world.guest)
    cluster.refresh(tree)
    state = observe(Node(Paths(str(world.root))), world.kind, world.guest)
    drive = changes.drive_state(state)
    seen = Record(MARK, True, state.volumes, tuple(case["options"]), finished=True, drive=drive)
    record.save(str(world.root / f"var/lib/phoenix/records/{world.kind.name}-{world.guest}"), seen)
    world.file.write_text("\n".join(case["toml"]) + "\n")


@pytest.mark.parametrize(("kind", "path"), CASES, ids=lambda value: value if isinstance(value, str) else value.stem)
def test_the_plan_runs_clean_and_leaves_nothing(nodes, kind, path, capsys, monkeypatch):
    world = nodes[kind]
    monkeypatch.setattr(process, "run_tool", world.tool)
    clear(world)
    case = json.loads(path.read_text())
    furnish(world, case)
    words = ""
    try:
        assert world.call("create") == 0
    except PartlyDone as error:
        words = error.message
    waits = "for a restart" in words
    assert waits == bool(words)
    assert "its work is done" not in capsys.readouterr().err  # no tool that failed
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
    # Raw lines that have waited once are asked about again each time.
    assert world.check_agreement() or path.stem.startswith(("env-", "lxc-"))
