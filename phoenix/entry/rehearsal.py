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

from phoenix.rehearsal.node import main

sys.exit(main(sys.argv[1:]))
