"""Kinds: what differs between containers and virtual machines wherever both are handled alike."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Final

    from phoenix.pve.options import Option


class Kind:
    """`word` is what the tools call a guest, `folder` where its file is, `lock` the path of its flock.

    `pending` is the section of what waits, `drives` are the options that name a volume, without their numbers.
    """

    def __init__(self, word: str, folder: str, lock: str, pending: str, drives: frozenset[str]) -> None:
        self.word = word
        self.folder = folder
        self.lock = lock
        self.pending = pending
        self.drives = drives

    def is_drive(self, name: str) -> bool:
        """Whether an option names a volume that is in use."""
        base = name.rstrip("0123456789")
        return base in self.drives and (base != name or name == "rootfs")

    def options(self) -> Mapping[str, Option]:
        """What its configuration can say; loaded when asked for, because it is large."""
        table = "container" if self.word == "CT" else "machine"
        module = __import__(f"phoenix.pve.tables.{table}", fromlist=["GUEST"])
        found: Mapping[str, Option] = module.GUEST
        return found


CT: Final = Kind("CT", "lxc", "/run/lock/lxc/pve-config-{}.lock", "pve:pending", frozenset(("rootfs", "mp")))
VM: Final = Kind(
    "VM",
    "qemu-server",
    "/var/lock/qemu-server/lock-{}.conf",
    "PENDING",
    frozenset(("ide", "sata", "scsi", "virtio", "efidisk", "tpmstate")),
)
KINDS: Final = (CT, VM)
