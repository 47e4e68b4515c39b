#!/usr/bin/python3 -IS
"""A manager's executable: its own name says which manager of this build it is."""

import gc
import os
import sys

if not (sys.flags.isolated and sys.flags.no_site):
    os.execv(sys.executable, [sys.executable, "-I", "-S", *sys.argv])
sys.dont_write_bytecode = True
gc.disable()  # the process is short: collecting what dies with it costs a twentieth of its time
tree, _, name = os.path.realpath(__file__).rpartition("/bin/")
sys.path.append(tree)

from phoenix.manager import run

# Everything is flushed and synced by now; taking the interpreter apart would cost a tenth more.
os._exit(run(tree, name, sys.argv[1:]))
