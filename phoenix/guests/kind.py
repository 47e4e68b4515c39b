"""Kind: what is particular to a kind of guest: its names, its options, its tool, and where Proxmox VE keeps it."""

from __future__ import annotations

from phoenix.memo import Memo
from phoenix.pve import options
from phoenix.value import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from phoenix.config.load import Document
    from phoenix.guests.guest import Guest
    from phoenix.pve.node import Node
    from phoenix.pve.options import Option
    from phoenix.pve.tool import Tool


class Kind(Value):
    """One kind of guest."""

    name: str  # of its folder in the configuration, and of its manager: lxc
    noun: str  # container
    word: str  # what Proxmox VE calls it: CT
    folder: str  # in a node's part of /etc/pve: lxc
    resource: str  # what high availability calls it: ct
    lock: str  # Proxmox VE's lock of a guest's file, with {} for the ID
    tool: Tool
    table: Mapping[str, Option]  # what its configuration can say
    pending: str  # the section of what waits for a restart
    volumes: tuple[str, ...]  # options, without their numbers, that hold volumes
    kept: tuple[str, ...]  # options that it always has: taking them back means nothing
    content: str  # what a storage has to hold for its volumes
    decode: Callable[[Document, str], Guest]  # the guest that a file of the configuration describes
    start: Callable[[Node, str], str]  # what tells this start of a guest from others, "" while it is stopped

    def may_hold(self, name: str) -> bool:
        """Whether an option holds a volume in use."""
        return name.startswith(self.volumes) and name.rstrip("0123456789") in self.volumes

    def option(self, name: str) -> Option | None:
        """The option of that name that its configuration can have."""
        asked = (self.name, name)
        return _options[asked] if asked in _options else _options.keep(asked, options.lookup(self.table, name))


_options = Memo()
