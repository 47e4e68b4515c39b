"""Schedules: random operations, faults, kills and strangers on one rehearsal node, and what may never come of them.

A schedule is told by its number alone. Its managers work in this process, those that are killed in a fork of it, and
all their tools in forks: they can be killed between, before and during their calls as processes of their own can.
"""

from __future__ import annotations

import ctypes
import gc
import importlib
import json
import os
import pkgutil
import random
import subprocess

import phoenix
from phoenix import record
from phoenix.guests import observed, ownership
from phoenix.guests.container import CONTAINER
from phoenix.guests.machine import MACHINE
from phoenix.paths import Paths
from phoenix.rehearsal import node as nodes
from phoenix.rehearsal.tree import COUNTS
from tests.rehearsal import killable
from tests.rehearsal.forked import toml
from tests.rehearsal.killable import KILLED, READING, by_hand
from tests.rehearsal.nodes import TEMPLATE
from tests.rehearsal.restored import Original

SEED = 2600
KINDS = {"lxc": (CONTAINER, "9001"), "vm": (MACHINE, "9002")}
CODES = {0, 1, 2, 3, 5, 6, 7, 8, 10}
SUBREAPER = 36
LATE = ("encodings.ascii", "encodings.unicode_escape", "shlex", "traceback")
"""Modules of Python that a manager or tool imports at work: here once, not in each fork."""
STARTS = {
    "lxc": {
        "hostname": "web",
        "ostemplate": TEMPLATE,
        "memory": 512,
        "rootfs": {"storage": "local", "size": "1G"},
        "net0": {"name": "eth0", "bridge": "vmbr0", "ip": "dhcp"},
    },
    "vm": {
        "name": "shop",
        "memory": 512,
        "scsi0": {"storage": "local", "size": "1G"},
        "net0": {"model": "virtio", "bridge": "vmbr0"},
    },
}
CHANGES = {
    "lxc": (
        ("memory", 256), ("memory", 1024), ("cores", 2), ("hostname", "shop"), ("onboot", True),
        ("description", "one\ntwo"), ("tags", ["a", "b"]), ("features", {"nesting": True}),
        ("rootfs", {"storage": "local", "size": "2G"}), ("mp0", {"storage": "local", "size": "1G", "mp": "/data"}),
        ("mp0", {"storage": "local-lvm", "size": "2G", "mp": "/data"}), ("lxc", ["lxc.cap.drop: sys_time"]),
        ("phoenix", {"state": "stopped"}), ("phoenix", {"state": "running"}),
        ("firewall", {"options": {"enable": True}}),
    ),
    "vm": (
        ("memory", 256), ("memory", 1024), ("cores", 2), ("name", "web"), ("onboot", True), ("description", "one\ntwo"),
        ("tags", ["a", "b"]), ("machine", "q35"), ("scsi0", {"storage": "local", "size": "2G"}),
        ("virtio1", {"storage": "local-lvm", "size": "1G"}), ("virtio1", {"storage": "local", "size": "2G"}),
        ("ide2", {"storage": "local", "cloudinit": True}), ("ciuser", "admin"), ("phoenix", {"state": "stopped"}),
        ("phoenix", {"state": "running"}), ("firewall", {"options": {"enable": True}}),
    ),
}  # fmt: skip
ACTIONS = (
    *[["create"]] * 8, *[["delete", "--yes"]] * 3, ["create", "--restart"], ["start"], ["stop"], ["restart"], ["plan"],
    ["status"], ["health-check"],
)  # fmt: skip
COMMANDS = {
    # of an action, and whether the guest is there
    ("create", False): ("create", "create", "create", "start", "pvesm list"),
    ("create", True): ("set", "set", "resize", "start", "shutdown", "stop", "destroy", "unlock", "pvesm free"),
    ("delete", True): ("shutdown", "stop", "destroy", "destroy", "unlock", "pvesm free"),
    ("start", True): ("start",),
    ("stop", True): ("shutdown", "stop"),
    ("restart", True): ("shutdown", "start"),
}
SAID = (
    "can't lock file '/run/lock/lxc/pve-config-9001.lock' - got timeout", "CT is locked (backup)",
    "detected modified configuration - file changed by other user? Try again.", "unable to create: exit code 5",
    "no such thing", "",
)  # fmt: skip
FAULTS = (
    *["{place} = {{ code = {code}, stderr = {said} }}"] * 6, "lie = true", "late = 0.05", 'die = "tool"',
    'die = "worker"', "full = true", "garbage = true", "quorum = false", "slow = 0.02", "noise = 100000",
)  # fmt: skip
WHEN = ("before", "during", "after")
"""Of a call of a tool: when the manager is killed. The tool itself works on."""


class ViolationError(AssertionError):
    """Something happened that never may."""


def pristine(folder):
    """A node with two guests of others, from which every schedule starts."""
    for found in pkgutil.walk_packages(phoenix.__path__, "phoenix."):
        if ".entry" not in found.name and ".bootstrap" not in found.name:
            importlib.import_module(found.name)  # or each fork would import it for itself
    for name in LATE:
        importlib.import_module(name)
    libc = ctypes.CDLL(None, use_errno=True)
    assert libc.prctl(SUBREAPER, 1, 0, 0, 0) == 0  # what a killed manager leaves becomes a child of this process
    root = folder / "pristine"
    nodes.new(str(root))
    for kind in KINDS:
        (root / "etc/phoenix" / kind).mkdir(parents=True)
    agents = root / "usr/share/phoenix-rehearsal/agents"
    agents.mkdir(parents=True)
    (agents / "all.json").write_text("{}")
    for words in (
        ("pct", "create", "101", TEMPLATE, "--rootfs=local:1", "--mp0=local-lvm:1,mp=/x", "--hostname=other"),
        ("qm", "create", "102", "--scsi0=local:1", "--memory=128", "--name=other"),
    ):
        subprocess.run([root / "usr/sbin" / words[0], *words[1:]], check=True, capture_output=True)
    gc.collect()
    gc.freeze()  # or a collection in a fork would copy all that is here
    return Original(root, ["usr"])


class Schedule:
    """One schedule: its node, and what is known of its guests."""

    def __init__(self, start, folder, number):
        self.rng = random.Random(f"{SEED}-{number}")
        self.start = start
        self.root = folder / "node"
        self.paths = Paths(str(self.root))
        self.history = []
        self.files = {}
        self.kinds = self.rng.choice((["lxc"], ["vm"], ["lxc", "vm"]))

    def run(self):
        """Carry it out. ViolationError, with all that was done, if something happens that never may."""
        self.fresh()
        try:
            theirs = self.of_others()
            if self.rng.random() < 0.4:
                self.act(self.kinds[0], ["create"])
            for _ in range(self.rng.randint(2, 6)):
                self.step()
                self.expect(self.of_others() == theirs, "a guest of others was changed")
            self.end()
            self.expect(self.of_others() == theirs, "a guest of others was changed")
        except Exception as error:
            told = "\n".join(self.history)
            raise ViolationError(f"{type(error).__name__}: {error}\n{told}") from error

    def fresh(self):
        """The node as it was at first; its tools stay."""
        if not (self.root / "usr").exists():
            self.root.mkdir()
            subprocess.run(["cp", "-al", str(self.start.root / "usr"), str(self.root)], check=True)
        self.start.restore(self.root)
        for kind in KINDS:
            self.write(kind, dict(STARTS[kind]))

    def expect(self, holds, what):
        if not holds:
            raise ViolationError(what)

    # --- what is done ------------------------------------------------------------------------------------------

    def step(self):
        """One random operation."""
        kind = self.rng.choice(self.kinds)
        way = self.rng.random()
        if way < 0.20:
            self.edit(kind)
        elif way < 0.35:
            self.stranger(kind)
        elif way < 0.40:
            self.damage(kind)
        else:
            self.operation(kind)

    def edit(self, kind):
        """Change the guest's file."""
        found = dict(self.files[kind])
        for name, value in self.rng.sample(CHANGES[kind], self.rng.randint(1, 3)):
            found[name] = value
        self.write(kind, found)
        self.history.append(f"edit {kind} {found}")

    def write(self, kind, found):
        self.files[kind] = found
        path = self.root / f"etc/phoenix/{kind}/{KINDS[kind][1]}.toml"
        path.write_text("".join(f"{key} = {toml(value)}\n" for key, value in found.items()))

    def stranger(self, kind):
        """Somebody else does something to the guest, with the node's own tools."""
        of, guest = KINDS[kind]
        tool = of.tool.name
        disk = {"lxc": "--mp7=local:1,mp=/theirs", "vm": "--sata3=local:1"}[kind]
        made = {"lxc": (TEMPLATE, "--rootfs=local:1"), "vm": ("--scsi0=local:1",)}[kind]
        words = self.rng.choice((
            ("set", guest, "--memory=333"), ("stop", guest), ("start", guest), ("set", guest, disk),
            ("set", guest, "--protection=1"), ("set", guest, "--protection=0"), ("set", guest, "--description=mine"),
            ("destroy", guest), ("create", guest, *made), ("snapshot", guest, "theirs"), ("unlock", guest), "lock",
        ))  # fmt: skip
        conf = self.conf(kind)
        if words != "lock":
            self.history.append(f"stranger {tool} {' '.join(words)} -> {by_hand(self.root, tool, *words)}")
        elif conf.exists() and "lock:" not in conf.read_text():
            text = conf.read_text()
            conf.write_text(text.replace("memory:", "lock: backup\nmemory:", 1))
            self.history.append(f"stranger locks {guest}")

    def damage(self, kind):
        """A disk or a crash of the machine spoils what Phoenix has written down."""
        of, guest = KINDS[kind]
        path = self.rng.choice((self.paths.journal(of.name, guest), self.paths.record(of.name, guest)))
        if os.path.exists(path):
            with open(path, "r+b") as file:
                data = file.read()
                place = self.rng.randrange(len(data) + 1)
                file.seek(place)
                file.truncate() if self.rng.random() < 0.5 else file.write(b"\0")
            self.history.append(f"damage {path.rpartition('/')[2]} at {place}")

    def operation(self, kind):
        """Run an action of the manager, perhaps with a fault or a kill, and check what came of it."""
        words = self.rng.choice(ACTIONS)
        fault = self.fault(kind, words[0]) if self.rng.random() < 0.6 else ""
        kill = (self.rng.randint(1, 4), self.rng.choice(WHEN)) if self.rng.random() < 0.3 else None
        self.set_fault(fault)
        self.act(kind, words, kill, fault)
        self.set_fault("")
        members = "etc/pve/.members"
        (self.root / members).unlink()
        self.start.make(self.root, members, *self.start.entries[members])

    def fault(self, kind, action):
        """A random fault of a command that the action may come to, as faults.toml has it."""
        word = self.rng.choice(COMMANDS.get((action, self.conf(kind).exists()), ("status",)))
        if kind == "vm" and word == "resize":
            word = "disk resize"
        command = word if word.startswith("pvesm") else f"{KINDS[kind][0].tool.name} {word}"
        place, code = self.rng.choice(("before", "half", "after")), self.rng.choice((1, 2, 25, 255))
        what = self.rng.choice(FAULTS).format(place=place, code=code, said=json.dumps(self.rng.choice(SAID)))
        call = self.rng.choice(("", "", "call = 1\n", "call = 2\n"))
        return f'[[fault]]\ncommand = "{command}"\n{call}{what}\n'

    def set_fault(self, text):
        path = self.root / "faults.toml"
        path.write_text(text) if text else path.unlink(missing_ok=True)
        for path in (self.root / COUNTS[1:]).glob("calls-*"):  # each operation counts its calls from 1
            path.unlink()

    def act(self, kind, words, kill=None, fault=""):
        """Run an action, wait for all it has started, and see that nothing happened that never may."""
        before = self.state(kind)
        ran = self.ran(kind, words, kill)
        how = f" with {fault!r}" if fault else ""
        self.history.append(f"{kind} {' '.join(words)}{how}{f' killed {kill}' if kill else ''} -> {ran.status}")
        self.history.extend(f"    {line}" for line in ran.said.splitlines())
        if ran.status == KILLED:
            self.expect(kill, "a manager ended as if it were killed")
        else:
            self.check_answer(ran)
        after = self.state(kind)
        self.check_kept(words[0], before, after)
        if ran.status == 0:
            self.check_done(kind, words, before, after)
        if "as configured" in ran.said:
            self.expect(self.ran(kind, ["plan", "--exit-code"]).status == 0, "there is something to do all the same")
        return ran.status

    def ran(self, kind, words, kill=None):
        """Run an action, to the end of all that it has started."""
        of, guest = KINDS[kind]
        argv = [f"--action={words[0]}", f"--id={guest}", f"--root={self.root}", *words[1:]]
        return killable.run(self.root, f"{of.name}-manager", argv, self.paths.journal(of.name, guest), kill)

    # --- what is there -----------------------------------------------------------------------------------------

    def conf(self, kind):
        of, guest = KINDS[kind]
        return self.root / f"etc/pve/{of.folder}/{guest}.conf"

    def state(self, kind):
        """What is there of a guest: its file, volumes and record, and whether it is provably ours."""
        of, guest = KINDS[kind]
        text = self.conf(kind).read_text() if self.conf(kind).exists() else ""
        seen = observed.read(of, text, started="")
        kept = record.load(self.paths.record(of.name, guest))
        ours = bool(text) and kept is not None and not ownership.doubt(seen, kept)
        there = self.volumes(guest)
        names = {volume.rpartition(":")[2].rpartition("/")[2] for volume in seen.volumes}
        return {
            "text": text,
            "lock": seen.lock,
            "volumes": {volume for volume in seen.volumes if "cloudinit" not in volume},
            "there": there,
            "named": {path for path in there if path.rpartition("/")[2] in names},
            "mark": seen.mark,
            "bare": ownership.is_bare(seen),
            "record": kept,
            "ours": ours,
        }

    def volumes(self, guest):
        """The volumes of a guest on all storages, by their files."""
        images = f"var/lib/vz/images/{guest}"
        found = [f"{images}/{name}" for name in os.listdir(self.root / images)] if (self.root / images).exists() else []
        for folder, _, names in os.walk(self.root / "dev"):
            found += [f"{os.path.relpath(folder, self.root)}/{name}" for name in names if f"-{guest}-" in name]
        return {name for name in found if "cloudinit" not in name}

    def of_others(self):
        """All of the guests of others."""
        found = {}
        for guest in ("101", "102"):
            names = [f"etc/pve/{of.folder}/{guest}.conf" for of, _ in KINDS.values()]
            for name in [*names, *self.volumes(guest)]:
                if os.path.exists(self.root / name):
                    facts = os.stat(self.root / name)
                    found[name] = facts.st_size, facts.st_mtime_ns
        assert len(found) == 5, found  # two files and three volumes
        return found

    # --- what may never happen ---------------------------------------------------------------------------------

    def check_answer(self, ran):
        """Exit codes are documented ones; what is wrong is said with the next step, and without a traceback."""
        self.expect(ran.status in CODES, f"exit {ran.status}")
        self.expect("Traceback" not in ran.said and not os.path.exists(self.paths.bug_log()), "a traceback")
        if ran.status not in (0, 10):
            self.expect("error: " in ran.said and "next:  " in ran.said, "an error without its next step")

    def check_kept(self, action, before, after):
        """What is not ours, or locked by others, stays as it is; what is ours and whole is only deleted on request."""
        if action in ("plan", "status", "health-check"):
            self.expect(before == after, f"{action} has changed something")
        kept = before["record"]
        foreign = before["text"] and (kept is None or before["mark"] not in ("", kept.mark))
        if kept and kept.made and before["text"] and not before["mark"] and not before["bare"]:
            foreign = True  # somebody made another one, or took our mark away
        if foreign or before["lock"] == "backup":
            self.expect(after["text"] == before["text"], "what is not ours, or locked, was changed")
            self.expect(after["there"] == before["there"], "volumes of what is not ours, or locked, were changed")
        if before["ours"] and before["record"].finished and action != "delete":
            self.expect(after["text"] and after["mark"] == before["mark"], "a guest of ours is gone")
            self.expect(before["volumes"] <= after["volumes"], "a volume of ours is gone from its file")
            self.expect(before["there"] <= after["there"], "a volume of ours is gone")
        if before["text"] and after["text"]:
            self.expect(not before["mark"] or after["mark"] == before["mark"], "it is another guest now")

    def check_done(self, kind, words, before, after):
        """Exit 0 exactly when the state read afterwards is the desired one."""
        self.set_fault("")
        if words[0] == "create":
            self.expect(after["ours"] and after["record"].finished, "create ended with 0, but it is not whole")
            left = self.ran(kind, ["plan", "--exit-code"])
            self.expect(left.status == 0, f"create ended with 0, but there is something to do: {left}")
        elif words[0] == "delete":
            self.expect(not after["text"] and after["record"] is None, "delete ended with 0, but it is there")
            self.expect(not before["named"] & after["there"], "delete ended with 0, but volumes of it are left")

    def end(self):
        """Without faults it converges or is explained; once it has converged nothing is done any more."""
        for kind in self.kinds:
            of, guest = KINDS[kind]
            if self.state(kind)["lock"] == "backup":
                assert by_hand(self.root, of.tool.name, "unlock", guest) == 0
            before = self.orphans(kind)
            status = self.act(kind, ["create", "--restart"])
            if status == 0:
                self.expect(self.orphans(kind) <= before, "an orphan was made")
                old = self.changes()
                self.expect(self.ran(kind, ["create"]).status == 0, "a second create does not end with 0")
                self.expect(self.changes() == old, "a second create has changed something")
                said = self.ran(kind, ["status"]).said
                self.expect("as configured" in said, f"nothing is left to do, but the status is: {said}")
                self.act(kind, ["delete", "--yes"])

    def orphans(self, kind):
        """The volumes of a guest that its configuration does not name."""
        state = self.state(kind)
        return state["there"] - state["named"]

    def changes(self):
        """How many calls of tools have changed something, or tried."""
        path = self.root / "var/log/rehearsal-calls.jsonl"
        lines = path.read_text().splitlines() if path.exists() else []
        return sum(json.loads(line)["argv"][1] not in READING for line in lines)
