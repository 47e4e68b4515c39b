"""Crashes: a run stopped at a boundary of one of its calls, some of its processes killed there, and one run after it.

A point is a guest's kind, a verb, one call of it, the place in that call, who is killed, and by which signal.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time

PHASES = ("before", "half", "after")
SIGNALS = (signal.SIGKILL, signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
VICTIMS = (
    ("dispatcher",), ("manager",), ("tool",), ("worker",), ("dispatcher", "manager"), ("manager", "tool"),
    ("tool", "worker"), ("dispatcher", "manager", "tool", "worker"),
)  # fmt: skip
FOLDER = {"lxc": "lxc", "vm": "qemu-server"}
GUEST = {"lxc": "9001", "vm": "9002"}
FILES = {
    "lxc": """\
hostname = "web"
ostemplate = "local:vztmpl/debian-12-standard_12.12-1_amd64.tar.zst"
memory = 512
rootfs = { storage = "local", size = "1G" }
mp0 = { storage = "local-lvm", size = "1G", mp = "/data" }
net0 = { name = "eth0", bridge = "vmbr0", ip = "10.0.0.5/24" }
lxc = ["lxc.cap.drop: sys_time"]
[firewall]
options = { enable = true }
""",
    "vm": """\
name = "shop"
memory = 512
scsi0 = { storage = "local", size = "1536M" }
virtio1 = { storage = "local-lvm", size = "1G" }
ide2 = { storage = "local", cloudinit = true }
net0 = { model = "virtio", bridge = "vmbr0" }
ciuser = "admin"
ipconfig0 = { ip = "10.0.0.6/24" }
[firewall]
options = { enable = true }
""",
}
STATE = '[phoenix]\nstate = "{}"\n'
CHANGED = {
    "lxc": [
        ("memory = 512", "memory = 256\nfeatures = { nesting = true }"),
        ('"1G", mp', '"2G", mp'),
        ("time", "module"),
    ],
    "vm": [("memory = 512", "memory = 256\nmachine = 'q35'"), ("1536M", "2G"), ("admin", "root")],
}
VERBS = {
    # what the guest is before, what its file says then, and the words
    "create": ("absent", "running", ("create",)),
    "change": ("running", "changed", ("create", "--restart")),
    "start": ("stopped", "running", ("start",)),
    "stop": ("running", "stopped", ("stop",)),
    "delete": ("running", "running", ("delete", "--yes")),
}


class NotReachedError(Exception):
    """A point that a run never comes to: the call is over before that place."""


class World:
    """A rehearsal node with 20 guests of others, and the built phoenix.pyz on it."""

    def __init__(self, built, root, kind):
        self.built = built
        self.root = root
        self.kind = kind
        self.guest = GUEST[kind]
        self.conf = root / f"etc/pve/{FOLDER[kind]}/{self.guest}.conf"
        self.file = root / f"etc/phoenix/{kind}/{self.guest}.toml"

    def prepare(self):
        """Make the node, with guests of others that have volumes of their own."""
        self.run("node", "new", str(self.root), root=False)
        self.file.parent.mkdir(parents=True)
        images = self.root / "var/lib/vz/images"
        for number in range(100, 120):
            folder, disk = ("lxc", "rootfs") if number % 2 else ("qemu-server", "scsi0")
            volume = f"vm-{number}-disk-0.raw"
            (images / str(number)).mkdir(parents=True)
            (images / str(number) / volume).write_text(f"data of {number}")
            conf = self.root / f"etc/pve/{folder}/{number}.conf"
            conf.write_text(f"#of somebody else\nmemory: 128\n{disk}: local:{number}/{volume},size=1G\n")
        (images / self.guest).mkdir()
        (images / self.guest / f"vm-{self.guest}-disk-7.raw").write_text("left by somebody")

    def copy(self, root):
        """The same at another place."""
        copy_tree(self.root, root)
        return World(self.built, root, self.kind)

    def write(self, state):
        """Write the guest's file."""
        text = FILES[self.kind] + STATE.format("stopped" if state == "stopped" else "running")
        for old, new in CHANGED[self.kind] if state == "changed" else ():
            assert old in text
            text = text.replace(old, new)
        self.file.write_text(text)

    def install(self):
        """Write a system to a machine's first disk: a blank one does not hear of a shutdown."""
        for line in self.conf.read_text().splitlines():
            if line.startswith("scsi0: local:"):
                volume = line.split(":")[2].split(",")[0]
                with open(self.root / "var/lib/vz/images" / volume.strip(), "r+b") as disk:
                    disk.seek(1 << 20)
                    disk.write(b"system" * (1 << 20))

    def argv(self, *words, root=True):
        return [sys.executable, "-IS", str(self.built), *[f"--root={self.root}"] * root, *words]

    def run(self, *words, root=True):
        argv = self.argv(*words, root=root)
        return subprocess.run(argv, capture_output=True, text=True, env={}, check=False, timeout=300)

    def act(self, verb):
        words = VERBS[verb][2]
        return self.run(words[0], self.guest, *words[1:])

    def calls(self):
        path = self.root / "var/log/rehearsal-calls.jsonl"
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []

    def strangers(self):
        """What is of others, to the byte."""
        seen = hashlib.sha256()
        for folder in ("etc/pve/nodes", "var/lib/vz/images"):
            for path in sorted((self.root / folder).rglob("*")):
                name = path.name.partition(".")[0]
                mine = self.guest in str(path.relative_to(self.root)) and name != f"vm-{self.guest}-disk-7"
                if path.is_file() and not mine:
                    seen.update(str(path.relative_to(self.root)).encode() + b"\0" + path.read_bytes())
        return seen.hexdigest()

    def volumes(self):
        """The volumes under the guest's ID, but that of somebody else."""
        images = self.root / f"var/lib/vz/images/{self.guest}"
        found = [f"local:{self.guest}/{name}" for name in os.listdir(images)] if images.exists() else []
        found += [f"local-lvm:{path.name}" for path in (self.root / "dev/pve").glob(f"*-{self.guest}-*")]
        return sorted(volume for volume in found if "disk-7" not in volume)

    def processes(self):
        """The processes of this node that run now."""
        found = []
        for pid in filter(str.isdigit, os.listdir("/proc")):
            try:
                with open(f"/proc/{pid}/cmdline", "rb") as file:
                    words = file.read()
            except OSError:
                continue
            if str(self.root).encode() + b"/" in words or f"--root={self.root}\0".encode() in words:
                found.append(int(pid))
        return found

    def until(self, condition, seconds=60):
        deadline = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < deadline, f"it did not come about: {self.processes()}"
            time.sleep(0.005)


def copy_tree(old, new):
    """Copy a node; its tools and their library, and the unpacked build, are the same files."""
    new.mkdir(parents=True)
    names = [str(path) for path in old.iterdir() if path.name != "usr"]
    subprocess.run(["cp", "-al", str(old / "usr"), str(new)], check=True)
    subprocess.run(
        ["cp", "-a", "--reflink=auto", *names, str(new)], check=True
    )  # a disk of 8G is a hole here and there


def prepared(built, folder):
    """The nodes that points begin with, by kind and state."""
    found = {}
    for kind in FILES:
        first = World(built, folder / f"{kind}-absent", kind)
        first.prepare()
        found[kind, "absent"] = first
        for state in ("running", "stopped"):
            world = first.copy(folder / f"{kind}-{state}")
            world.write(state)
            made = world.act("create")
            assert made.returncode == 0, made.stderr
            world.install()
            found[kind, state] = world
    return found


def points(nodes, folder):
    """All points, in a fixed order: the calls are those of a run that nobody disturbs."""
    found = []
    for kind in FILES:
        for verb, (before, then, _) in VERBS.items():
            world = nodes[kind, before].copy(folder / f"count-{kind}-{verb}")
            world.write(then)
            old = len(world.calls())
            made = world.act(verb)
            assert made.returncode == 0, made.stderr
            counts = {}
            for call in world.calls()[old:]:
                argv = call["argv"]
                name = " ".join(argv[: 3 if argv[1] in ("disk", "cloudinit") else 2])
                counts[name] = counts.get(name, 0) + 1
                found += [
                    (kind, verb, name, counts[name], phase, victims, int(number))
                    for phase in PHASES
                    for victims in VICTIMS
                    for number in SIGNALS
                ]
            shutil.rmtree(world.root)
    return found


def family(pid):
    """A process and its first child, and the child of that, and so on."""
    found = [pid]
    while True:
        try:
            with open(f"/proc/{found[-1]}/task/{found[-1]}/children") as file:
                children = file.read().split()
        except OSError:
            return found
        if not children:
            return found
        found.append(int(children[0]))


def crash(world, point):
    """Run to the point and kill there; returns when all that was left has ended."""
    _, verb, command, number, phase, victims, sent = point
    fault = f'[[fault]]\ncommand = "{command}"\ncall = {number}\nstop = "{phase}"\n'
    (world.root / "faults.toml").write_text(fault)
    words = VERBS[verb][2]
    with open(world.root / "tmp/said", "w") as said:
        argv = world.argv(words[0], world.guest, *words[1:])
        dispatcher = subprocess.Popen(argv, stdout=said, stderr=said, env={}, start_new_session=True)
    mark = world.root / "stopped"
    world.until(lambda: mark.exists() or dispatcher.poll() is not None)
    if dispatcher.poll() is not None:
        raise NotReachedError
    lineage = dict(zip(("dispatcher", "manager", "tool", "worker"), family(dispatcher.pid)))
    for victim in reversed(victims):  # so that nobody is waited for before it is killed
        if victim in lineage:
            with contextlib.suppress(ProcessLookupError):  # it has ended because its child was killed
                os.kill(lineage[victim], sent)
    (world.root / "go").touch()
    dispatcher.wait(timeout=120)
    world.until(lambda: not world.processes())
    for name in ("faults.toml", "stopped", "go"):
        (world.root / name).unlink()


def judge(world, point, strangers):
    """What one more run makes of it: "done", or the exit status of an explanation. AssertionError for anything else."""
    _, verb, *_ = point
    complete = world.conf.exists() and "mark" in world.conf.read_text() and "lock" not in world.conf.read_text()
    old = len(world.calls())
    again = world.act(verb)
    assert "Traceback" not in again.stderr, again.stderr
    assert world.strangers() == strangers
    creates = [call for call in world.calls()[old:] if call["argv"][1] == "create"]
    if verb == "create":
        assert len(creates) == (not complete), (complete, again.stderr)
    if again.returncode:
        assert again.returncode in (5, 6, 7, 8) or "rescan --vmid" in again.stderr, (again.returncode, again.stderr)
        assert "error: " in again.stderr
        assert "next:  " in again.stderr
        return str(again.returncode)
    check(world, verb)
    third = world.act(verb)
    assert third.returncode == 0, third.stderr
    assert "nothing to do" in third.stdout, third.stdout
    return "done"


def check(world, verb):
    """The state that a verb leads to: the guest, its volumes and no others, and Phoenix's record of it."""
    record = world.root / f"var/lib/phoenix/records/{world.kind}-{world.guest}"
    if verb == "delete":
        assert not world.conf.exists()
        assert world.volumes() == []
        assert not record.exists()
        return
    text = world.conf.read_text()
    named = sorted(volume for volume in world.volumes() if volume in text)
    assert named == world.volumes()
    assert len(named) == (2 if world.kind == "lxc" else 3)
    assert "lock:" not in text
    assert record.exists()
    assert "/var/lib/lxc" not in (world.root / "proc/mounts").read_text()
    assert world.run("plan", world.guest, "--exit-code").returncode == 0 or verb in ("start", "stop")
