"""A rehearsal node whose managers work in the test's process, and whose tools in forks of it: for thousands of runs."""

from __future__ import annotations

import json
import os
import sys

from managers import lxc_manager, vm_manager
from phoenix import actions, process
from phoenix.call import Call
from phoenix.guests import agreement, report
from phoenix.guests.container import CONTAINER
from phoenix.guests.machine import MACHINE
from phoenix.guests.ownership import doubt
from phoenix.guests.work import Work
from phoenix.paths import Paths
from phoenix.rehearsal import node as nodes

FOLDERS = ("/srv/one", "/srv/two")


def toml(value):
    """A value as TOML; of strings JSON's form is one of TOML's."""
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{key} = {toml(item)}" for key, item in value.items()) + " }"
    if isinstance(value, list):
        return "[" + ", ".join(map(toml, value)) + "]"
    return json.dumps(value, ensure_ascii=False)


KINDS = {"lxc": (CONTAINER, lxc_manager), "vm": (MACHINE, vm_manager)}


class World:
    """A rehearsal node, and the manager of one of its guests in this process."""

    def __init__(self, root, guest="9001", made=False, kind="lxc"):
        self.root = root
        self.guest = guest
        self.kind, self.manager = KINDS[kind]
        self.file = root / f"etc/phoenix/{kind}/{guest}.toml"
        self.conf = root / f"etc/pve/{self.kind.folder}/{guest}.conf"
        self.calls = 0
        if made:
            return
        nodes.new(str(root))
        for folder in FOLDERS:
            (root / folder[1:]).mkdir(parents=True)
        (root / "etc/phoenix" / kind).mkdir(parents=True)

    def other(self, guest):
        """Another guest of the same node and kind."""
        return World(self.root, guest, True, self.kind.name)

    def work(self):
        """What the manager works with, after its first look."""
        call = self.asked("health-check", {})
        work = Work(call, self.kind, actions.converge)
        work.look()
        work.begin()
        return work

    def write(self, found):
        self.file.write_text("".join(f"{key} = {toml(value)}\n" for key, value in found.items()))

    def call(self, action, **options):
        return self.manager.ACTIONS[action](self.asked(action, options))

    def plan(self):
        self.check_agreement()
        return self.manager.ACTIONS["plan"](self.asked("plan", {"--exit-code": True}))

    def check_agreement(self):
        """What an agreement says is what a comparison says; returns whether there is one."""
        call = self.asked("status", {})
        found = agreement.told(call, self.kind)
        if found:
            work = Work(call, self.kind, actions.converge)
            state = work.look()
            said = report.verdict(self.guest, work.wanted, state, work.plan(state), doubt(state, work.record))
            assert (said, work.wanted.name, state.state) == (report.AS_CONFIGURED, *found)
        return bool(found)

    def asked(self, action, options):
        paths = Paths(str(self.root))
        facts = {"json": True, "dry_run": action == "plan", "yes": True, "run": "run-1", "timeout": 0}
        return Call(f"{self.kind.name}-manager", action, self.guest, paths, paths.config, options=options, **facts)

    def tool(self, argv, log, _seconds, stdin=""):
        """Be pct or qm in a fork of this process."""
        self.calls += 1
        child = os.fork()
        if not child:
            be(argv, log, stdin)
        return process.status_of(os.waitpid(child, 0)[1])


def be(argv, log, stdin):
    """Be a tool, in a fork; does not return."""
    status = 70
    try:
        os.dup2(os.open(stdin or os.devnull, os.O_RDONLY), 0)
        os.dup2(log, 1)
        os.dup2(log, 2)
        sys.stdout, sys.stderr = sys.__stdout__, sys.__stderr__
        os.environ.clear()
        os.environ.update(process.environment())
        os.setsid()
        from phoenix.rehearsal import tool

        sys.argv = list(argv)
        status = tool.main(argv[0], list(argv[1:]))
    finally:
        os._exit(status)
