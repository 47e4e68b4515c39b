"""Real input: four containers of a predecessor, which its authors ran, created on a rehearsal node like theirs."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys

import pytest

from phoenix.guests import values
from phoenix.guests.observed import read
from phoenix.pve import options
from phoenix.pve.tables import container as tables

pytestmark = pytest.mark.processes

GUESTS = {"900": "Copy-Base", "101": "Nginx-Phoenix", "102": "Traefik-Internal", "103": "Step-CA"}
FOLDERS = ("101/logs", "101/ssl", "102/certs", "103/ssl")


@pytest.fixture
def predecessor(built, tmp_path, repository):
    """Runs the product on a node like the predecessor's, with its containers in the configuration."""
    root, inputs = tmp_path / "node", repository / "tests/inputs/predecessor"
    phoenix = [sys.executable, "-IS", str(built)]

    def run(*words):
        ran = subprocess.run([*phoenix, *words], capture_output=True, text=True, env={}, check=False)
        assert "Traceback" not in ran.stderr
        return ran

    assert run("node", "new", str(root), "--from", str(inputs / "setup.json")).returncode == 0
    for name in FOLDERS:
        (root / "mnt/pve/quickOS/lxc-persistent-data" / name).mkdir(parents=True)
    shutil.copytree(inputs / "lxc", root / "etc/phoenix/lxc")
    run.root = root
    return run


def calls(root):
    path = root / "var/log/rehearsal-calls.jsonl"
    return [json.loads(line)["argv"] for line in path.read_text().splitlines()]


def test_all_four_are_made_and_a_second_run_calls_nothing(predecessor):
    root = f"--root={predecessor.root}"
    made = predecessor(root, "create", "all")
    assert made.returncode == 0, made.stderr
    assert sorted(line.split()[:3] for line in made.stdout.splitlines()) == [
        ["101", "Nginx-Phoenix", "running"],
        ["102", "Traefik-Internal", "running"],
        ["103", "Step-CA", "running"],
        ["900", "Copy-Base", "stopped"],
    ]
    before = calls(predecessor.root)
    assert [call[1] for call in before].count("create") == 4
    assert [call[1] for call in before].count("start") == 3
    again = predecessor(root, "create", "all")
    assert again.returncode == 0
    assert all(line.endswith("nothing to do") for line in again.stdout.splitlines())
    assert calls(predecessor.root) == before


@pytest.mark.parametrize("guest", GUESTS)
def test_every_option_of_the_file_is_in_the_result(predecessor, guest):
    from phoenix.config import load
    from phoenix.guests import container

    assert predecessor(f"--root={predecessor.root}", "create", guest).returncode == 0
    file = predecessor.root / f"etc/phoenix/lxc/{guest}.toml"
    wanted = container.decode(load.document(str(file)), guest)
    assert wanted.name == GUESTS[guest]
    found = read((predecessor.root / f"etc/pve/lxc/{guest}.conf").read_text())
    for name, setting in wanted.settings.items():
        option = options.lookup(tables.GUEST, name)
        assert not values.differs(option, setting, found.settings.get(name)), name


def test_names_are_targets_and_a_missing_folder_is_said_before_anything_is_made(predecessor):
    root = f"--root={predecessor.root}"
    shutil.rmtree(predecessor.root / "mnt/pve/quickOS/lxc-persistent-data/103")
    ran = predecessor(root, "create", "Step-CA")
    assert ran.returncode == 6
    assert "mkdir -p /mnt/pve/quickOS/lxc-persistent-data/103/ssl" in ran.stderr
    assert not (predecessor.root / "etc/pve/lxc/103.conf").exists()


def test_it_is_the_predecessors_own_data(shared, repository):
    """The files here say what the predecessor's do, in the options that this release has."""
    from phoenix.config import load

    source = shared / "inputs/bash-predecessor/2025-11-04/phoenix_lxc_configs.json"
    theirs = json.loads(source.read_text())["lxc_configs"]
    for guest, name in GUESTS.items():
        ours = load.document(str(repository / f"tests/inputs/predecessor/lxc/{guest}.toml")).table
        their = theirs[guest]
        network = their["network_config"]
        assert ours["hostname"] == name == their["name"]
        assert (ours["memory"], ours["cores"], ours["unprivileged"]) == (
            their["memory_mb"],
            their["cores"],
            their["unprivileged"],
        )
        assert ours["rootfs"] == {"storage": their["storage_pool"], "size": f"{their['storage_size_gb']}G"}
        assert {key: ours["net0"][key] for key in ("name", "bridge", "ip", "gw")} == {
            key: network[key] for key in ("name", "bridge", "ip", "gw")
        }
        assert ours["net0"]["hwaddr"] == their["mac_address"]
        assert ours["nameserver"] == [network["nameservers"]]
        assert ours["onboot"] == their["start_at_boot"]
        assert ours["startup"] == {"order": their["boot_order"], "up": their["boot_delay"]}
        mounts = [(mount["host_path"], mount["container_path"]) for mount in their.get("mount_points", [])]
        assert [(ours[f"mp{i}"]["volume"], ours[f"mp{i}"]["mp"]) for i in range(len(mounts))] == mounts
