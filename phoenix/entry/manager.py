#!/usr/bin/python3 -IS
"""A manager's executable: its own name says which manager of this build it is."""

import os
import sys

if not (sys.flags.isolated and sys.flags.no_site):
    os.execv(sys.executable, [sys.executable, "-I", "-S", *sys.argv])
sys.dont_write_bytecode = True
tree, _, name = os.path.realpath(__file__).rpartition("/bin/")
sys.path.append(tree)

from phoenix.manager import run

sys.exit(run(tree, name, sys.argv[1:]))
