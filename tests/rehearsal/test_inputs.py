"""Real input: the guests of a predecessor, which its authors ran, made on a node like theirs."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from phoenix.config import load
from phoenix.guests import changes
from phoenix.guests.container import CONTAINER
from phoenix.guests.machine import MACHINE
from phoenix.guests.observed import read

pytestmark = pytest.mark.processes

INPUTS = Path(__file__).resolve().parents[1] / "inputs" / "predecessor"
COUNTS = {"2025-09-30": 22, "2025-11-04": 12}


MACHINES = {"2025-09-30": 2, "2025-11-04": 3}
KINDS = {"lxc": CONTAINER, "vm": MACHINE}
TOGETHER = {"2025-09-30": ("vm",), "2025-11-04": ("lxc", "vm")}
"""Of the older release a container and a machine have one address, so that its machines are made alone."""


class Predecessor:
    """The product on a node like the predecessor's, with the guests of one of its releases."""

    def __init__(self, built, folder, date, kinds=("lxc",)):
        self.root, self.date, self.kinds = folder / "node", date, kinds
        self.phoenix = [sys.executable, "-IS", str(built)]
        assert self.run("node", "new", str(self.root), "--from", str(INPUTS / "setup.json")).returncode == 0
        for part in ("features", *kinds):
            shutil.copytree(INPUTS / date / part, self.root / "etc/phoenix" / part)
        subprocess.run(["chmod", "-R", "go-w", str(self.root / "etc/phoenix")], check=True)
        agents = self.root / "usr/share/phoenix-rehearsal/agents"
        agents.mkdir(parents=True)
        (agents / "all.json").write_text("{}")
        for kind, guest in self.guests():
            for name, value in self.wanted(kind, guest).settings.items():
                if name.startswith("mp") and "volume" in value:
                    (self.root / value["volume"][1:]).mkdir(parents=True, exist_ok=True)

    def run(self, *words):
        ran = subprocess.run([*self.phoenix, *words], capture_output=True, text=True, env={}, check=False)
        assert "Traceback" not in ran.stderr
        return ran

    def guests(self):
        folder = str(self.root / "etc/phoenix")
        return [(kind, guest) for kind in self.kinds for guest in load.guest_ids(folder, kind)]

    def wanted(self, kind, guest):
        return KINDS[kind].decode(load.guest(str(self.root / "etc/phoenix"), kind, guest), guest)

    def found(self, kind, guest):
        text = (self.root / f"etc/pve/{KINDS[kind].folder}/{guest}.conf").read_text()
        file = self.root / f"etc/pve/firewall/{guest}.fw"
        return read(KINDS[kind], text, firewall=file.read_text() if file.exists() else "")

    def in_order(self):
        """What is cloned and what is relied on comes first."""
        order = []
        kinds = {guest: kind for kind, guest in self.guests()}

        def visit(guest):
            wanted = self.wanted(kinds[guest], guest)
            for other in (*wanted.ours.depends_on, *([wanted.clone["from"]] if wanted.clone else [])):
                visit(other)
            if (kinds[guest], guest) not in order:
                order.append((kinds[guest], guest))

        for _, guest in self.guests():
            visit(guest)
        return order

    def create(self, guest):
        return self.run(f"--root={self.root}", "create", guest)

    def calls(self):
        path = self.root / "var/log/rehearsal-calls.jsonl"
        return [json.loads(line)["argv"] for line in path.read_text().splitlines()]

    def make_all(self):
        """Make all of them, see that they are as their files say, and that a second run calls nothing."""
        order = self.in_order()
        assert self.run(f"--root={self.root}", "check").returncode == 0
        for _, guest in order:
            made = self.create(guest)
            assert made.returncode == 0, made.stderr
        before = self.calls()
        for kind, guest in order:
            wanted, found = self.wanted(kind, guest), self.found(kind, guest)
            assert changes.between(wanted, found, None) == (), guest
            assert not wanted.ours.after_create or wanted.ours.after_create in found.snapshots
            again = self.create(guest)
            assert (again.returncode, again.stdout.split()[-3:]) == (0, ["nothing", "to", "do"]), again.stderr
        assert self.calls() == before
        return order


@pytest.mark.parametrize("date", COUNTS)
def test_all_are_made_with_every_option_and_a_second_run_calls_nothing(built, tmp_path, date):
    assert len(Predecessor(built, tmp_path, date).make_all()) == COUNTS[date]


@pytest.mark.parametrize("date", MACHINES)
def test_machines_are_made_of_their_template_as_large_as_they_are_to_be(built, tmp_path, date):
    node = Predecessor(built, tmp_path, date, TOGETHER[date])
    machines = [guest for kind, guest in node.make_all() if kind == "vm"]
    assert len(machines) == MACHINES[date]
    assert node.found("vm", machines[0]).state == "template"
    for guest in machines[1:]:
        wanted, found = node.wanted("vm", guest), node.found("vm", guest)
        assert found.settings["scsi0"]["size"] == wanted.settings["scsi0"]["size"]
        assert (node.root / f"run/qemu-server/{guest}.pid").exists()
        record = (node.root / f"var/lib/phoenix/records/vm-{guest}").read_text()
        assert all(f"{feature.feature}=" in record for feature in wanted.ours.provision)


def test_an_address_that_two_guests_of_the_predecessor_have_is_found(built, tmp_path):
    node = Predecessor(built, tmp_path, "2025-09-30", ("lxc", "vm"))
    checked = node.run(f"--root={node.root}", "check")
    assert checked.returncode == 3
    assert "vm/8001.toml: 10.0.0.101 is that of 101 as well" in checked.stderr


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


@pytest.mark.parametrize("date", MACHINES)
def test_the_machines_are_the_predecessors_own_data(shared, date):
    """The files here say what the predecessor's do, in Proxmox VE's own words."""
    data = json.loads((shared / f"inputs/bash-predecessor/{date}/phoenix_vm_configs.json").read_text())
    assert len(data["vms"]) == MACHINES[date]
    for machine in data["vms"]:
        their = {**data["vm_defaults"], **machine}
        ours = load.document(str(INPUTS / date / f"vm/{their['vmid']}.toml")).table
        assert (ours["name"], ours["memory"], ours["cores"]) == (their["name"], their["memory_mb"], their["cores"])
        assert ours["scsi0"]["storage"] == their["storage_pool"]
        assert ours["net0"]["bridge"] == their["network_bridge"]
        assert ours["ciuser"] == their["user_config"]["username"]
        network = their["network_config"]
        assert ours["ipconfig0"] == {key: network[key] for key in ("ip", "gw") if key in network}
        servers = network.get("nameservers", [network["nameserver"]] if "nameserver" in network else None)
        assert ours.get("nameserver") == servers
        assert ours.get("clone", {}).get("from") == their.get("clone_from_vmid")
        assert (ours["phoenix"].get("state") == "template") == bool(their.get("is_template"))
        if "is_template" in their:
            assert ours["scsi0"]["import_from"].endswith("/" + their["template_image"])
        else:  # a template is as large as its image, or no smaller clone could be made of it
            assert ours["scsi0"]["size"] == f"{their['disk_size_gb']}G"
        assert ours.get("onboot") == their.get("start_at_boot")
        if "boot_order" in their:
            assert ours["startup"] == {"order": their["boot_order"], "up": their["boot_delay"]}
        assert [str(guest) for guest in ours["phoenix"].get("depends_on", [])] == their.get("dependencies", [])
        features = [item for item in ours["phoenix"].get("provision", []) if isinstance(item, str)]
        assert features == [name.replace("_", "-") for name in their.get("features", [])]
        mounts = [item["arguments"] for item in ours["phoenix"].get("provision", []) if isinstance(item, dict)]
        theirs = [word for v in their.get("volumes", []) for word in (f"{v['server']}:{v['path']}", v["mount_point"])]
        assert mounts == ([theirs] if theirs else [])
        rules = [
            {("dport" if key == "port" else key): value for key, value in rule.items()}
            for rule in their.get("firewall", {}).get("rules", [])
        ]
        assert ours.get("firewall", {}).get("rules", []) == rules
