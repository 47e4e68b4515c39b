"""Real input: the containers of a predecessor, 22 and 12, which its authors ran, made on a node like theirs."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from phoenix.config import load
from phoenix.guests import changes, container
from phoenix.guests.container import CONTAINER
from phoenix.guests.observed import read

pytestmark = pytest.mark.processes

INPUTS = Path(__file__).resolve().parents[1] / "inputs" / "predecessor"
COUNTS = {"2025-09-30": 22, "2025-11-04": 12}


class Predecessor:
    """The product on a node like the predecessor's, with the containers of one of its releases."""

    def __init__(self, built, folder, date):
        self.root, self.date = folder / "node", date
        self.phoenix = [sys.executable, "-IS", str(built)]
        assert self.run("node", "new", str(self.root), "--from", str(INPUTS / "setup.json")).returncode == 0
        shutil.copytree(INPUTS / date, self.root / "etc/phoenix")
        subprocess.run(["chmod", "-R", "go-w", str(self.root / "etc/phoenix")], check=True)
        for guest in self.guests():
            for name, value in self.wanted(guest).settings.items():
                if name.startswith("mp") and "volume" in value:
                    (self.root / value["volume"][1:]).mkdir(parents=True, exist_ok=True)

    def run(self, *words):
        ran = subprocess.run([*self.phoenix, *words], capture_output=True, text=True, env={}, check=False)
        assert "Traceback" not in ran.stderr
        return ran

    def guests(self):
        return load.guest_ids(str(self.root / "etc/phoenix"), "lxc")

    def wanted(self, guest):
        return container.decode(load.guest(str(self.root / "etc/phoenix"), "lxc", guest), guest)

    def found(self, guest):
        text = (self.root / f"etc/pve/lxc/{guest}.conf").read_text()
        file = self.root / f"etc/pve/firewall/{guest}.fw"
        return read(CONTAINER, text, firewall=file.read_text() if file.exists() else "")

    def in_order(self):
        """What is cloned and what is relied on comes first."""
        order = []

        def visit(guest):
            wanted = self.wanted(guest)
            for other in (*wanted.ours.depends_on, *([wanted.clone["from"]] if wanted.clone else [])):
                visit(other)
            if guest not in order:
                order.append(guest)

        for guest in self.guests():
            visit(guest)
        return order

    def create(self, guest):
        return self.run(f"--root={self.root}", "create", guest)

    def calls(self):
        path = self.root / "var/log/rehearsal-calls.jsonl"
        return [json.loads(line)["argv"] for line in path.read_text().splitlines()]


@pytest.mark.parametrize("date", COUNTS)
def test_all_are_made_with_every_option_and_a_second_run_calls_nothing(built, tmp_path, date):
    node = Predecessor(built, tmp_path, date)
    order = node.in_order()
    assert len(order) == COUNTS[date]
    assert node.run(f"--root={node.root}", "check").returncode == 0
    for guest in order:
        made = node.create(guest)
        assert made.returncode == 0, made.stderr
    before = node.calls()
    for guest in order:
        wanted, found = node.wanted(guest), node.found(guest)
        assert changes.between(wanted, found, None) == (), guest
        assert not wanted.ours.after_create or wanted.ours.after_create in found.snapshots
        again = node.create(guest)
        assert (again.returncode, again.stdout.split()[-3:]) == (0, ["nothing", "to", "do"]), again.stderr
    assert node.calls() == before


def test_names_are_targets_and_a_missing_folder_is_said_before_anything_is_made(built, tmp_path):
    node = Predecessor(built, tmp_path, "2025-11-04")
    assert node.create("900").returncode == 0
    shutil.rmtree(node.root / "mnt/pve/quickOS/lxc-persistent-data/103")
    ran = node.create("Step-CA")
    assert ran.returncode == 6
    assert "mkdir -p /mnt/pve/quickOS/lxc-persistent-data/103/ssl" in ran.stderr
    assert not (node.root / "etc/pve/lxc/103.conf").exists()


@pytest.mark.parametrize("date", COUNTS)
def test_it_is_the_predecessors_own_data(shared, date):
    """The files here say what the predecessor's do, in Proxmox VE's own words."""
    theirs = json.loads((shared / f"inputs/bash-predecessor/{date}/phoenix_lxc_configs.json").read_text())[
        "lxc_configs"
    ]
    assert len(theirs) == COUNTS[date]
    for guest, their in theirs.items():
        ours = load.document(str(INPUTS / date / f"lxc/{guest}.toml")).table
        network = their["network_config"]
        assert (ours["hostname"], ours["memory"], ours["cores"]) == (their["name"], their["memory_mb"], their["cores"])
        assert ours["rootfs"] == {"storage": their["storage_pool"], "size": f"{their['storage_size_gb']}G"}
        net = {**{key: network[key] for key in ("name", "bridge", "ip", "gw")}, "hwaddr": their["mac_address"]}
        assert ours["net0"] == net
        assert ours["onboot"] == their["start_at_boot"]
        assert ours["startup"] == {"order": their["boot_order"], "up": their["boot_delay"]}
        assert ours.get("ostemplate") == their.get("template")
        assert str(ours.get("clone", {}).get("from", "")) == their.get("clone_from_ctid", "")
        assert ours.get("swap") == their.get("swap_mb")
        mounts = [(mount["host_path"], mount["container_path"]) for mount in their.get("mount_points", [])]
        volumes = [*their.get("volumes", []), *their.get("zfs_volumes", [])]
        mounts += [(volume["pool"], volume["mount_point"]) for volume in volumes]
        points = [ours[f"mp{number}"] for number in range(len(mounts))]
        assert [(point.get("volume") or point["storage"], point["mp"]) for point in points] == mounts
        raw = [line.replace(": ", "=", 1) for line in ours.get("lxc", []) if "idmap" not in line]
        assert raw == [line.replace("auto:", "auto=", 1) for line in their.get("lxc_options", [])]
        rules = ours.get("firewall", {}).get("rules", [])
        ports = [rule.get("port") for rule in their.get("firewall", {}).get("rules", [])]
        assert [rule.get("dport") for rule in rules] == ports
        assert ours["phoenix"].get("provision", []) == [name.replace("_", "-") for name in their["features"]]
