"""A rehearsal node whose manager works in the test's process, and whose pct in a fork of it: for thousands of runs."""

from __future__ import annotations

import json
import os
import sys

from managers import lxc_manager
from phoenix import actions, process
from phoenix.call import Call
from phoenix.guests.container import CONTAINER
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


class World:
    """A rehearsal node, and the manager of one of its containers in this process."""

    def __init__(self, root, guest="9001", made=False):
        self.root = root
        self.guest = guest
        self.file = root / f"etc/phoenix/lxc/{guest}.toml"
        self.calls = 0
        if made:
            return
        nodes.new(str(root))
        for folder in FOLDERS:
            (root / folder[1:]).mkdir(parents=True)
        (root / "etc/phoenix/lxc").mkdir(parents=True)

    def other(self, guest):
        """Another container of the same node."""
        return World(self.root, guest, made=True)

    def work(self):
        """What the manager works with, after its first look."""
        call = self.asked("health-check", {})
        work = Work(call, CONTAINER, actions.converge)
        work.look()
        work.begin()
        return work

    def write(self, found):
        self.file.write_text("".join(f"{key} = {toml(value)}\n" for key, value in found.items()))

    def call(self, action, **options):
        return lxc_manager.ACTIONS[action](self.asked(action, options))

    def plan(self):
        return lxc_manager.ACTIONS["plan"](self.asked("plan", {"--exit-code": True}))

    def asked(self, action, options):
        paths = Paths(str(self.root))
        facts = {"json": True, "dry_run": action == "plan", "yes": True, "run": "run-1", "timeout": 0}
        return Call("lxc-manager", action, self.guest, paths, paths.config, options=options, **facts)

    def pct(self, argv, log, _seconds, stdin=""):
        """Be pct in a fork of this process."""
        self.calls += 1
        child = os.fork()
        if child:
            return process.status_of(os.waitpid(child, 0)[1])
        status = 70
        try:
            os.dup2(os.open(stdin or os.devnull, os.O_RDONLY), 0)
            os.dup2(log, 1)
            os.dup2(log, 2)
            os.environ.clear()
            os.environ.update(process.environment())
            os.setsid()
            from phoenix.rehearsal import tool

            sys.argv = list(argv)
            status = tool.main(argv[0], list(argv[1:]))
        finally:
            os._exit(status)
