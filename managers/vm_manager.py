"""Virtual machines: makes them what their files say, with qm.

Usage:
  vm-manager --action=<action> [options]
  vm-manager --help
  vm-manager --version

Actions: create, start, stop, restart, delete, status, plan, check, health-check, snapshot, rollback,
list-snapshots, delete-snapshot, import. check may go without --id: it reads every file of machines then. delete,
rollback and delete-snapshot need --yes. A shutdown may take --timeout seconds, 60 if that is not given.

Options:
  --no-start           with create: do not start it; what takes a start is left to the next create
  --restart            with create: restart it if changes wait for that
  --delete-volumes=<volumes>  with create: delete these unused volumes of its own, with commas between them
  --reapply            with create: apply its features again
  --adopt              with import: take the guest over as it is, with its volumes
  --name=<name>        the snapshot that is meant
  --description=<text>  with snapshot: what it says
  --exit-code          with plan: end with 10 if there is anything to do
"""

from __future__ import annotations

from phoenix import actions
from phoenix.guests.machine import MACHINE

ACTIONS = actions.of(MACHINE)
WITHOUT_ID, SEVERAL = actions.WITHOUT_ID, actions.SEVERAL
