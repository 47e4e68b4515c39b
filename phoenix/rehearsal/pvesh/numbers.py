"""Numbers of tasks, as the API gives them."""

from __future__ import annotations

import os
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from phoenix.rehearsal.tree import Tree


def task_number(tree: Tree, kind: str, guest: str) -> str:
    """The number of a task that was just done."""
    moment = int(time.time())
    return f"UPID:{tree.name}:{os.getpid():08X}:{moment & 0xFFFFFFF:08X}:{moment:08X}:{kind}:{guest}:root@pam:"
