"""Transient: what Proxmox VE's tools say when somebody else was just faster, a closed list."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

_TEXTS: Final = (
    r"can't lock file '[^']*' - got timeout",
    r"cfs-lock '[^']*' error: got lock request timeout",  # it never had the lock, so nothing was done
    r"Failed to obtain guest migration lock",
    r"detected modified configuration - file changed by other user",
    r"checksum mismatch \(file change by other user",
    r"(CT|VM) is locked \([a-z-]+\)",
    r"cannot destroy '[^']*': dataset is busy",
)


def is_transient(words: str) -> bool:
    """Whether a tool's words say that nothing was done because of somebody else, and that it may work later."""
    import re

    return re.search("|".join(_TEXTS), words) is not None
