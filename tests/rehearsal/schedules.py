"""Schedules: random operations, faults, kills and strangers on one rehearsal node, and what may never come of them.

A schedule is told by its number alone. Each operation is a manager in a fork of this process, whose tools are forks of
it in turn: it can be killed between, before and during their calls as a process of its own can.
"""

from __future__ import annotations

import ctypes
import importlib
import json
import os
import pkgutil
import random
import shutil
import subprocess
import sys
from typing import NamedTuple

import phoenix
from phoenix import journal, manager, process, record
from phoenix.guests import observed, ownership
from phoenix.guests.container import CONTAINER
from phoenix.guests.machine import MACHINE
from phoenix.paths import Paths
from phoenix.rehearsal import node as nodes
from phoenix.rehearsal.tree import COUNTS
from tests.rehearsal.forked import be, toml
from tests.rehearsal.nodes import TEMPLATE

SEED = 2600
KINDS = {"lxc": (CONTAINER, "9001"), "vm": (MACHINE, "9002")}
CODES = {0, 1, 2, 3, 5, 6, 7, 8, 10}
KILLED, UNTRUE = 97, 96
"""How a manager ends that is killed here, and one that is about to do what it never may."""
SUBREAPER = 36
READING = {"status", "config", "list", "pending", "listsnapshot", "help"}
NEVER = {"--purge", "--force", "--skiplock", "--destroy-unreferenced-disks"}
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


class Ran(NamedTuple):
    """How an operation ended, and what it said."""

    status: int
    said: str


class ViolationError(AssertionError):
    """Something happened that never may."""


def pristine(folder):
    """A node with two guests of others, from which every schedule starts."""
    for found in pkgutil.walk_packages(phoenix.__path__, "phoenix."):
        if ".entry" not in found.name and ".bootstrap" not in found.name:
            importlib.import_module(found.name)  # or each fork would import it for itself
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
    return root


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
        for name in os.listdir(self.root) if self.root.exists() else ():
            if name != "usr":
                path = self.root / name
                shutil.rmtree(path) if path.is_dir() else path.unlink()
        self.root.mkdir(exist_ok=True)
        names = [str(path) for path in self.start.iterdir() if path.name != "usr"]
        if not (self.root / "usr").exists():
            subprocess.run(["cp", "-al", str(self.start / "usr"), str(self.root)], check=True)
        subprocess.run(["cp", "-a", *names, str(self.root)], check=True)
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
            ran = subprocess.run([self.root / "usr/sbin" / tool, *words], check=False, capture_output=True, env={})
            self.history.append(f"stranger {tool} {' '.join(words)} -> {ran.returncode}")
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
        members = self.root / "etc/pve/.members"
        shutil.copy(self.start / "etc/pve/.members", members)

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
        (self.root / "faults.toml").write_text(text)
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
        return ran.status

    def ran(self, kind, words, kill):
        """Run an action in a fork of this process."""
        of, guest = KINDS[kind]
        path = self.root / "said"
        child = os.fork()
        if not child:
            status = 98
            try:
                output = os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC)
                os.dup2(output, 1)
                os.dup2(output, 2)
                sys.stdout = os.fdopen(1, "w", encoding="utf-8", closefd=False)
                sys.stderr = os.fdopen(2, "w", encoding="utf-8", closefd=False)
                process.run_tool = Tool(self, kind, kill).run
                argv = [f"--action={words[0]}", f"--id={guest}", f"--root={self.root}", *words[1:]]
                status = manager.run(str(self.root / "usr"), f"{of.name}-manager", argv)
                sys.stdout.flush()
                sys.stderr.flush()
            finally:
                os._exit(status)
        status = process.status_of(os.waitpid(child, 0)[1])
        for _ in iter(lambda: has_child(), False):
            os.wait()
        return Ran(status, path.read_text(errors="replace"))

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
        found = [*(self.root / "var/lib/vz/images").glob(f"{guest}/*"), *(self.root / "dev").glob(f"**/*-{guest}-*")]
        return {str(path.relative_to(self.root)) for path in found if "cloudinit" not in path.name}

    def of_others(self):
        """All of the guests of others."""
        found = {}
        for guest in ("101", "102"):
            names = [*self.root.glob(f"etc/pve/*/{guest}.conf"), *map(self.root.joinpath, self.volumes(guest))]
            found |= {str(name): (os.stat(name).st_size, os.stat(name).st_mtime_ns) for name in names}
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
            left = self.ran(kind, ["plan", "--exit-code"], None)
            self.expect(left.status == 0, f"create ended with 0, but there is something to do: {left}")
        elif words[0] == "delete":
            self.expect(not after["text"] and after["record"] is None, "delete ended with 0, but it is there")
            self.expect(not before["named"] & after["there"], "delete ended with 0, but volumes of it are left")

    def end(self):
        """Without faults it converges or is explained; once it has converged nothing is done any more."""
        for kind in self.kinds:
            of, guest = KINDS[kind]
            tool = self.root / "usr/sbin" / of.tool.name
            if self.state(kind)["lock"] == "backup":
                subprocess.run([tool, "unlock", guest], check=True, capture_output=True)
            before = self.orphans(kind)
            status = self.act(kind, ["create", "--restart"])
            if status == 0:
                self.expect(self.orphans(kind) <= before, "an orphan was made")
                old = self.changes()
                self.expect(self.ran(kind, ["create"], None).status == 0, "a second create does not end with 0")
                self.expect(self.changes() == old, "a second create has changed something")
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


class Tool:
    """What stands for phoenix.process.run_tool in a manager: the tool in a fork, and the manager's end before its."""

    def __init__(self, schedule, kind, kill):
        self.schedule = schedule
        self.kind = kind
        self.left, self.when = kill or (0, "")

    def run(self, argv, log, _seconds, stdin=""):
        argv = list(argv)
        if argv[1] not in READING:
            self.check(argv)
        self.left -= 1
        if self.left == 0 and self.when == "before":
            os._exit(KILLED)
        child = os.fork()
        if not child:
            be(argv, log, stdin)
        if self.left == 0 and self.when == "during":
            os._exit(KILLED)
        status = process.status_of(os.waitpid(child, 0)[1])
        if self.left == 0:
            os._exit(KILLED)
        return status

    def check(self, argv):
        """What changes something was written down before, and is never forced."""
        of, guest = KINDS[self.kind]
        with open(self.schedule.paths.journal(of.name, guest), encoding="utf-8", errors="replace") as file:
            last = journal.parsed(file.read().rstrip("\n").rpartition("\n")[2])
        if last is None or last["event"] != "intent" or last["argv"][1:] != argv[1:]:
            refuse(f"not in the journal: {argv}")
        if NEVER & {word.partition("=")[0] for word in argv}:
            refuse(f"never by default: {argv}")


def refuse(why):
    """End the manager; its schedule has failed."""
    os.write(2, why.encode())
    os._exit(UNTRUE)


def has_child():
    """Whether anything that was started here lives, or waits to be buried."""
    try:
        return os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOWAIT) is not None
    except ChildProcessError:
        return False
