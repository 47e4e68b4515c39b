"""A rehearsal node whose manager works in the test's process, and whose pct in a fork of it: for thousands of runs."""

from __future__ import annotations

import json
import os
import sys

from managers import lxc_manager
from phoenix import process
from phoenix.call import Call
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
    """A rehearsal node, and the manager in this process."""

    def __init__(self, root):
        self.root = root
        nodes.new(str(root))
        for folder in FOLDERS:
            (root / folder[1:]).mkdir(parents=True)
        (root / "etc/phoenix/lxc").mkdir(parents=True)
        self.file = root / "etc/phoenix/lxc/9001.toml"
        self.calls = 0

    def write(self, found):
        self.file.write_text("".join(f"{key} = {toml(value)}\n" for key, value in found.items()))

    def call(self, action, **options):
        paths = Paths(str(self.root))
        call = Call(
            "lxc-manager", action, "9001", paths, paths.config, json=True, dry_run=False, yes=True, run="run-1",
            timeout=0, options=options,
        )  # fmt: skip
        return lxc_manager.ACTIONS[action](call)

    def plan(self):
        call = Call(
            "lxc-manager", "plan", "9001", Paths(str(self.root)), f"{self.root}/etc/phoenix", json=True, dry_run=True,
            yes=False, run="run-1", timeout=0, options={"--exit-code": True},
        )  # fmt: skip
        return lxc_manager.ACTIONS["plan"](call)

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
