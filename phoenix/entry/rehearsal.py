#!/usr/bin/python3 -IS
"""The executable that makes rehearsal nodes; the dispatcher starts it."""

import os
import sys

if not (sys.flags.isolated and sys.flags.no_site):
    os.execv(sys.executable, [sys.executable, "-I", "-S", *sys.argv])
sys.dont_write_bytecode = True
sys.path.append(os.path.realpath(__file__).rpartition("/libexec/")[0])

from phoenix.rehearsal.node import main

sys.exit(main(sys.argv[1:]))
