#!/usr/bin/python3 -IS
"""The executable that makes rehearsal nodes; the dispatcher starts it."""

import os
import sys

if not (sys.flags.isolated and sys.flags.no_site):
    os.execv(sys.executable, [sys.executable, "-I", "-S", *sys.argv])
sys.dont_write_bytecode = True
tree = os.path.realpath(__file__).rpartition("/libexec/")[0]
sys.path.append(tree)

import phoenix

# What only rehearsals need is unpacked as one file for each Python.
phoenix.__path__.append(f"{tree}/rehearsal.{sys.implementation.cache_tag}/phoenix")

from phoenix.rehearsal.node import main

sys.exit(main(sys.argv[1:]))
