"""Kinds: what differs between containers and virtual machines wherever both are handled alike."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Final

    from phoenix.pve.options import Option


class Kind:
    """`word` is what the tools call a guest, `folder` where its file is, `lock` the path of its flock."""

    def __init__(self, word: str, folder: str, lock: str, table: str) -> None:
        self.word = word
        self.folder = folder
        self.lock = lock
        self._table = table

    def options(self) -> Mapping[str, Option]:
        """What its configuration can say; loaded when asked for, because it is large."""
        module = __import__(f"phoenix.pve.tables.{self._table}", fromlist=["GUEST"])
        found: Mapping[str, Option] = module.GUEST
        return found


CT: Final = Kind("CT", "lxc", "/run/lock/lxc/pve-config-{}.lock", "container")
VM: Final = Kind("VM", "qemu-server", "/var/lock/qemu-server/lock-{}.conf", "machine")
KINDS: Final = (CT, VM)
