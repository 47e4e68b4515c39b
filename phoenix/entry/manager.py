#!/usr/bin/python3 -IS
"""A manager's executable: its own name says which manager of this build it is."""

from __future__ import annotations

import gc
import marshal
import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

if not (sys.flags.isolated and sys.flags.no_site):
    os.execv(sys.executable, [sys.executable, "-I", "-S", *sys.argv])
sys.dont_write_bytecode = True
gc.disable()  # the process is short: collecting what dies with it costs a twentieth of its time
tree, _, name = os.path.realpath(__file__).rpartition("/bin/")
archive = tree + "/library.zip"
sys.path.append(archive)
modules: dict[str, Any] = {}
try:
    with open(f"{tree}/common.{sys.implementation.cache_tag}", "rb") as file:
        table = marshal.loads(file.read())
except OSError:
    pass  # called by another Python than those that have unpacked the build
else:
    exec(marshal.loads(table["phoenix.modules"][1]), modules)
    modules["use"](archive, table)

from phoenix.manager import run

# Everything is flushed and synced by now; taking the interpreter apart would cost a tenth more.
os._exit(run(tree, name, sys.argv[1:]))
