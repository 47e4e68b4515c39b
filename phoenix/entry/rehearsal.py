#!/usr/bin/python3 -IS
"""The executable that makes rehearsal nodes; the dispatcher starts it."""

from __future__ import annotations

import marshal
import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

if not (sys.flags.isolated and sys.flags.no_site):
    os.execv(sys.executable, [sys.executable, "-I", "-S", *sys.argv])
sys.dont_write_bytecode = True
tree = os.path.realpath(__file__).rpartition("/libexec/")[0]
sys.path.append(tree)
modules: dict[str, Any] = {}
try:
    with open(f"{tree}/modules.{sys.implementation.cache_tag}", "rb") as file:
        table = marshal.load(file)
except OSError:
    pass  # called by another Python than those that have unpacked the build
else:
    exec(marshal.loads(table["phoenix.modules"][1]), modules)
    modules["use"](tree, table)

import phoenix

# What only rehearsals need is unpacked as one file for each Python.
phoenix.__path__.append(f"{tree}/rehearsal.{sys.implementation.cache_tag}/phoenix")

from phoenix.rehearsal.node import main

sys.exit(main(sys.argv[1:]))
