"""Scenes: a prepared rehearsal node with a guest to make, and what must hold after a crash and one more run."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

from tests.crash.tracer import Tracer

ROLES = (
    ("/bin/lxc-manager", "manager"), ("/bin/vm-manager", "manager"), ("/usr/sbin/pct", "tool"),
    ("/usr/sbin/qm", "tool"), ("/usr/sbin/pvesm", "tool"), ("phoenix.pyz", "dispatcher"),
)  # fmt: skip
FOREIGN = (
    ("pct", "create", "100", "local:vztmpl/debian-12-standard_12.12-1_amd64.tar.zst", "--rootfs=local:1",
     "--mp0=local-lvm:1,mp=/data"),
    ("qm", "create", "101", "--scsi0=local:1", "--scsi1=local-lvm:1", "--name=other"),
)  # fmt: skip
LXC = """\
hostname = "web"
ostemplate = "local:vztmpl/debian-12-standard_12.12-1_amd64.tar.zst"
memory = 512
swap = 512
rootfs = { storage = "local", size = "2G" }
mp0 = { storage = "local-lvm", size = "1G", mp = "/srv/data" }
net0 = { name = "eth0", bridge = "vmbr0", ip = "dhcp" }
lxc = ["lxc.cap.drop: sys_time"]

[firewall]
options = { enable = true }

[phoenix]
state = "running"
provision = ["motd"]
"""
VM = """\
name = "shop"
memory = 512
agent = true
scsi0 = { storage = "local", size = "3G", import_from = "/root/noble.img" }
scsi1 = { storage = "local-lvm", size = "1G" }
ide2 = { storage = "local", cloudinit = true }
cipassword_file = "/root/pw"

[snippets]
storage = "local"
vendor = { packages = ["vim"] }

[firewall]
options = { enable = true }

[phoenix]
state = "running"
provision = ["motd"]
wait = { agent = 30, cloud_init = 30 }
"""
FILES = {
    "usr/share/phoenix-rehearsal/agents/all.json": "{}",
    "root/noble.img": "system" + "\0" * (1 << 16),
    "root/key.pub": "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIO8Y0cIzSZ8hS7hMjZ1hJ1w3m2b0u5M0oC0n4c1yqg7m me\n",
    "root/pw": "$6$abcdefgh$" + "x" * 86 + "\n",
    "etc/phoenix/features/motd/apply": "#!/bin/sh\necho applied >/etc/motd\n",
}
TEXTS = {"lxc": LXC, "vm": VM}
MODES = {"root/pw": 0o600, "etc/phoenix/features/motd/apply": 0o755}
GUEST = "9001"
FOLDERS = {"lxc": "lxc", "vm": "qemu-server"}
EXPLAINED = (5, 6, 7, 8)
# What differs between two guests that were made of one file.
_OWN = re.compile(
    r"(?<=mark )[0-9a-f]{32}|(?:[0-9A-F]{2}:){5}[0-9A-F]{2}|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|(?<=ctime=)\d+"
)


class Scene:
    """A node of its own for one kind of guest, whose file may begin with `more`.

    `settled` says whether Phoenix is unpacked on it already.
    """

    def __init__(self, built, folder, kind, settled=True, more=""):
        self.folder, self.kind = Path(folder), kind
        self.root, self.prepared = self.folder / "node", self.folder / "prepared"
        self.program = [sys.executable, "-IS", str(built)]
        subprocess.run([*self.program, "node", "new", str(self.root)], check=True, capture_output=True)
        for name, text in {**FILES, f"etc/phoenix/{kind}/{GUEST}.toml": more + TEXTS[kind]}.items():
            path = self.root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
            path.chmod(MODES.get(name, 0o644))
        for words in FOREIGN:
            self.tool(*words)
        for path in self.root.rglob("vm-10*-disk-*"):
            if path.is_file():
                with open(path, "r+b") as file:
                    file.write(b"theirs " + path.name.encode())
        if settled:
            assert self.phoenix("list").returncode == 0
        os.rename(self.root, self.prepared)
        self.fresh()
        self.theirs = self.of_others()
        ran = self.phoenix("create", GUEST)
        assert ran.returncode == 0, ran.stderr
        self.wanted = self.made()

    def fresh(self, source=None):
        """The node as it was prepared, or as another copy of it was."""
        shutil.rmtree(self.root, ignore_errors=True)
        subprocess.run(["cp", "-a", "--reflink=auto", str(source or self.prepared), str(self.root)], check=True)

    def reboot(self):
        """After a power cut nothing runs, and nothing is locked."""
        for name in ("proc", "run"):
            shutil.rmtree(self.root / name, ignore_errors=True)
            if (self.prepared / name).exists():
                shutil.copytree(self.prepared / name, self.root / name, symlinks=True)

    def argv(self, *words):
        return [*self.program, f"--root={self.root}", *words]

    def phoenix(self, *words):
        return subprocess.run(self.argv(*words), capture_output=True, text=True, check=False, env={}, timeout=120)

    def tool(self, name, *words):
        argv = [str(self.root / "usr/sbin" / name), *words]
        return subprocess.run(argv, check=True, capture_output=True, text=True, stdin=subprocess.DEVNULL, env={})

    def traced(self, words, at=None, after=None):
        """Run a command under the tracer, to the end of all its processes."""
        tracer = Tracer(at, after, ROLES, 120 if after is None else 600)
        tracer.run(self.argv(*words), str(self.folder))
        return tracer

    def files(self):
        for folder, _, names in os.walk(self.root):
            for name in names:
                yield Path(folder, name)

    def of_others(self):
        """Every byte of the other guests: their files, and what is in their volumes."""
        theirs = re.compile(r"(^|[/-])(100|101)([-./]|$)")
        found = {}
        for path in self.files():
            name = str(path.relative_to(self.root))
            if theirs.search(name) and not name.startswith(("run/", "var/lock/", "usr/")):
                found[name] = path.stat().st_size, data(path)
        return found

    def conf(self):
        path = self.root / f"etc/pve/{FOLDERS[self.kind]}/{GUEST}.conf"
        return path.read_text() if path.exists() else None

    def volumes(self):
        """The volumes of our guest, whoever knows of them."""
        found = [str(path.relative_to(self.root)) for path in self.files() if f"-{GUEST}-" in path.name]
        return sorted(name for name in found if "/snippets/" not in name and "/phoenix/" not in name)

    def guests(self):
        return sorted(path.name for path in (self.root / "etc/pve").glob("*/*.conf"))

    def made(self):
        """Our guest, without what is never the same twice."""
        firewall = self.root / f"etc/pve/firewall/{GUEST}.fw"
        texts = [self.conf() or "", firewall.read_text() if firewall.exists() else ""]
        inside = [path.read_text() for path in self.files() if path.name == "authorized_keys"]
        return [_OWN.sub("OWN", text) for text in texts], self.volumes(), inside


def data(path):
    """What was written to a file, by its places: volumes are gigabytes of holes."""
    found, place = {}, 0
    with open(path, "rb") as file:
        while True:
            try:
                place = os.lseek(file.fileno(), place, os.SEEK_DATA)
            except OSError:
                return found
            end = os.lseek(file.fileno(), place, os.SEEK_HOLE)
            found[place] = os.pread(file.fileno(), end - place, place)
            place = end


def untouched(scene):
    """What no crash may do: anything to other guests, a second one of ours, a bug."""
    assert scene.of_others() == scene.theirs, "another guest was changed"
    assert set(scene.guests()) <= {"100.conf", "101.conf", f"{GUEST}.conf"}, "a second guest"
    assert not (scene.root / "var/log/phoenix/bugs.log").exists(), "a bug"


def judged(scene, ran):
    """What became of a create that was run again: "made" or "explained N". AssertionError if it is neither."""
    assert "Traceback" not in ran.stderr, ran.stderr
    untouched(scene)
    if ran.returncode == 0:
        assert scene.made() == scene.wanted, different(scene)
        planned = scene.phoenix("plan", GUEST, "--exit-code")
        assert planned.returncode == 0, planned.stdout
        return "made"
    assert ran.returncode in EXPLAINED or "rescan --vmid" in ran.stderr, (ran.returncode, ran.stderr)
    assert "error: " in ran.stderr, ran.stderr
    assert "\nnext:  " in ran.stderr, ran.stderr
    advised(scene, ran)
    return f"explained {ran.returncode}"


def different(scene):
    """What is there and what is wanted, where they differ."""
    pairs = [pair for pair in zip(scene.made(), scene.wanted) if pair[0] != pair[1]]
    return "\n".join(f"there is {found}, wanted {wanted}" for found, wanted in pairs)


def advised(scene, ran):
    """Do what is said to do next; the guest is made then, and no volume is left that it does not have."""
    hint = ran.stderr.rpartition("\nnext:  ")[2]
    for command in hint.rpartition("then: ")[2].split("; "):
        words = shlex.split(command)
        if words and words[0] in ("pct", "qm", "pvesm"):
            scene.tool(*words)
        elif words[:2] == ["phoenix.pyz", "restart"]:
            assert scene.phoenix(*words[1:]).returncode == 0, command
    again = scene.phoenix("create", GUEST)
    assert again.returncode == 0, f"after what was advised: {again.stderr}"
    assert scene.made() == scene.wanted, "after what was advised: " + different(scene)
    untouched(scene)
