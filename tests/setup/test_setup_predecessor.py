"""The node of the predecessor's configuration of 2025-11-04, raised from a fresh one of release 8 (Debian 12)."""

from __future__ import annotations

import os
import pathlib
import shutil
import stat

import pytest

from tests.contract.test_setup import World

pytestmark = pytest.mark.processes

TOML = pathlib.Path(__file__).parents[1] / "inputs/predecessor/2025-11-04/hypervisor.toml"
DISKS = [
    "nvme-Samsung_SSD_990_EVO_Plus_2TB_S7U6NJ0Y320880M",
    "nvme-Samsung_SSD_990_EVO_Plus_2TB_S7U6NJ0Y310536X",
    "nvme-Samsung_SSD_990_EVO_Plus_4TB_S7U8NJ0Y402334Y",
]
RUNFILE = "usr/local/phoenix_hypervisor/share/NVIDIA-Linux-x86_64-580.76.05.run"
INSTALLER = """\
#!/bin/sh
# Stands for the shell that runs NVIDIA's installer, by what that leaves.
mkdir -p "{root}/usr/src/nvidia-580.76.05" "{root}/sys/module/nvidia"
echo 580.76.05 > "{root}/sys/module/nvidia/version"
"""
OWN = ("usr/local", "var/log", "var/lib/phoenix", "run/lock", "dev", "proc", "sys")
"""Where Phoenix keeps what is its own, the rehearsal node the calls that it was given, and a kernel what it shows."""


@pytest.fixture
def world(built, tmp_path):
    disks = [{"name": f"nvme{number}n1", "id": name} for number, name in enumerate(DISKS)]
    found = World(built, tmp_path / "node", {"address": "10.0.0.13", "disks": disks}, "8")
    found.file.write_bytes(TOML.read_bytes())
    for path in ("etc/phoenix/secrets", "sys/module/nouveau", "usr/src", "lib/modules/6.8.12-4-pve/build"):
        (found.root / path).mkdir(parents=True)
    secret = found.root / "etc/phoenix/secrets/heads"
    secret.write_text("correct horse battery\n")
    secret.chmod(0o600)
    (found.root / RUNFILE).parent.mkdir(parents=True)
    (found.root / RUNFILE).write_bytes(b"")
    shell = found.root / "usr/bin/sh"
    shell.parent.mkdir(exist_ok=True)
    shell.write_text(INSTALLER.format(root=found.root))
    shell.chmod(0o755)
    interfaces = found.root / "etc/network/interfaces"  # with the gateway that the installation asks for
    interfaces.write_text(interfaces.read_text().replace("10.0.0.13/24\n", "10.0.0.13/24\n\tgateway 10.0.0.1\n"))
    return found


def tree(root):
    """What every path of the node is."""
    found = {}
    for folder, folders, names in os.walk(root):
        for name in (*folders, *names):
            path = os.path.join(folder, name)
            inside = os.path.relpath(path, root)
            if inside.startswith(OWN):
                continue
            facts = os.lstat(path)
            content = b""
            if stat.S_ISLNK(facts.st_mode):
                content = os.readlink(path).encode()
            elif stat.S_ISREG(facts.st_mode):
                content = pathlib.Path(path).read_bytes()
            found[inside] = (facts.st_mode, content)
    return found


def test_it_is_raised_and_every_file_that_changes_is_known(world):
    before = tree(world.root)
    code, out, err = world.run("setup")
    assert (code, out) == (7, "")
    assert "error: pve: a reboot is needed: nouveau is loaded, and the driver is installed without it\n" in err
    shutil.rmtree(world.root / "sys/module/nouveau")  # what a new start makes of it
    code, out, err = world.run("setup")
    assert (err.splitlines(), code) == (NVIDIA, 0)
    after = tree(world.root)
    changed = {path for path in {*before, *after} if before.get(path) != after.get(path)}
    assert sorted(changed) == CHANGED
    assert world.run("check")[0] == 0


def test_a_second_run_changes_nothing(world):
    assert world.run("setup")[0] == 7
    shutil.rmtree(world.root / "sys/module/nouveau")
    assert world.run("setup")[0] == 0
    before, calls = tree(world.root), world.calls()
    assert world.run("setup", "--dry-run", "--exit-code")[0] == 0
    assert world.run("setup") == (0, "pve  nothing to do\n", "")
    assert tree(world.root) == before
    assert {argv[0] for argv in world.calls()[len(calls) :]} <= READING


READING = {"zpool", "zfs", "testparm", "pdbedit", "exportfs"}
"""The programs that a run with nothing to do asks."""
NVIDIA = [
    f"nvidia: sh /{RUNFILE} --silent --no-questions --ui=none --dkms --no-x-check",
    "nvidia: nvidia-modprobe -c0 -u",
]
CHANGED = [
    "etc/apt/sources.list.d/phoenix-proxmox.list",
    "etc/apt/sources.list.d/pve-enterprise.list",
    "etc/exports.d",
    "etc/exports.d/phoenix.exports",
    "etc/group",
    "etc/localtime",
    "etc/modprobe.d",
    "etc/modprobe.d/phoenix-nvidia.conf",
    "etc/modprobe.d/zz-phoenix-zfs.conf",
    "etc/modules-load.d",
    "etc/modules-load.d/phoenix-nvidia.conf",
    "etc/passwd",
    "etc/pve/firewall/cluster.fw",
    "etc/pve/storage.cfg",
    "etc/resolv.conf",
    "etc/samba/smb.conf",
    "etc/shadow",
    "etc/sudoers.d/phoenix-phoenix_admin",
    "etc/timezone",
    "etc/udev",
    "etc/udev/rules.d",
    "etc/udev/rules.d/70-phoenix-nvidia.rules",
    "fastData",
    "fastData/shared-backups",
    "fastData/shared-backups/dump",
    "fastData/shared-iso",
    "fastData/shared-iso/template",
    "fastData/shared-iso/template/cache",
    "fastData/shared-iso/template/iso",
    "home",
    "home/heads",
    "home/phoenix_admin",
    "mnt",
    "mnt/pve",
    "mnt/pve/fastData",
    "mnt/pve/fastData/shared-bulk-data",
    "mnt/pve/fastData/shared-bulk-data/llamacpp_models",
    "mnt/pve/fastData/shared-bulk-data/ollama_models",
    "mnt/pve/fastData/shared-bulk-data/vllm_models",
    "mnt/pve/fastData/shared-test-data",
    "mnt/pve/fastData/shared-test-data-sync",
    "mnt/pve/quickOS",
    "mnt/pve/quickOS/shared-prod-data",
    "mnt/pve/quickOS/shared-prod-data-sync",
    "mnt/pve/quickOS/shared-prod-data/logs",
    "mnt/pve/quickOS/shared-prod-data/logs/nginx",
    "mnt/pve/quickOS/shared-prod-data/ssl",
    "quickOS",
    "quickOS/lxc-disks",
    "quickOS/lxc-persistent-data",
    "quickOS/vm-disks",
    "quickOS/vm-persistent-data",
    "quickOS/vm-persistent-data/dump",
    "quickOS/vm-persistent-data/images",
    "quickOS/vm-persistent-data/private",
    "usr/src/nvidia-580.76.05",
    "var/lib/dpkg/status",
    "var/lib/nfs",
    "var/lib/nfs/etab",
    "var/lib/samba",
    "var/lib/samba/private",
    "var/lib/samba/private/passdb.tdb",
]
"""What there is on the node afterwards, and was not or was otherwise before."""
