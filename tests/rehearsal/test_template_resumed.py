"""A template that is prepared goes on after a kill at each of its steps, to the same end."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest

pytestmark = [pytest.mark.processes, pytest.mark.slow]

STEPS = (
    "qm create", "qm disk resize", "write /etc/pve/firewall", "write local:snippets", "password /etc/pve", "qm start",
    "wait", "agent: ready", "cloud-init: ready", "provision", "clean", "qm shutdown", "qm template",
)  # fmt: skip
FILE = """\
name = "noble"
agent = true
scsi0 = { storage = "local", size = "3G", import_from = "/root/noble.img" }
ide2 = { storage = "local", cloudinit = true }
cipassword_file = "/root/pw"

[snippets]
storage = "local"
vendor = { packages = ["vim"] }

[firewall]
options = { enable = true }

[phoenix]
state = "template"
provision = ["web"]
wait = { agent = 30, cloud_init = 30 }
"""


@pytest.fixture
def phoenix(built, tmp_path):
    root = tmp_path / "node"
    argv = [sys.executable, "-IS", str(built)]
    subprocess.run([*argv, "node", "new", str(root)], check=True, stdout=subprocess.DEVNULL)
    for name, text in (
        ("usr/share/phoenix-rehearsal/agents/all.json", "{}"),
        ("root/noble.img", "system" + "\0" * (1 << 20)),
        ("root/pw", "$6$abcdefgh$" + "x" * 86 + "\n"),
        ("etc/phoenix/features/web/apply", "#!/bin/sh\necho applied >/root/web\n"),
        ("etc/phoenix/vm/9000.toml", FILE),
    ):
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    (root / "root/pw").chmod(0o600)
    (root / "etc/phoenix/features/web/apply").chmod(0o755)
    return root, [*argv, f"--root={root}"]


@pytest.mark.parametrize("step", range(len(STEPS)), ids=lambda step: STEPS[step].replace("/", "-"))
def test_it_goes_on_after_a_kill(phoenix, step):
    root, argv = phoenix
    first = subprocess.Popen(
        [*argv, "create", "9000"], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    lines = [first.stderr.readline() for _ in range(step + 1)]
    os.killpg(first.pid, signal.SIGKILL)
    first.wait()
    assert lines[-1].startswith(f"9000: {STEPS[step]}"), lines

    def again():
        return subprocess.run([*argv, "create", "9000"], capture_output=True, text=True, check=False)

    ran = again()
    while ran.returncode == 5:  # qm itself goes on, and holds its own lock
        ran = again()
    assert ran.returncode == 0, ran.stderr
    conf = (root / "etc/pve/qemu-server/9000.conf").read_text()
    assert "template: 1\n" in conf
    assert conf.count("cipassword: $6$") == 1
    disks = sorted(path.name for path in (root / "var/lib/vz/images/9000").iterdir())
    assert disks == ["base-9000-disk-0.raw", "vm-9000-cloudinit.qcow2"]
    assert again().stdout == "9000  noble  template  nothing to do\n"
