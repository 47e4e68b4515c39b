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
    r"E: Could not get lock /var/(lib|cache)/",
    r"dpkg (frontend|database) lock was locked by ",
    r"cannot lock /etc/[a-z]+; try again later",  # useradd, usermod, chpasswd
)


def hindrance(said: str) -> str:
    """The line in which a tool says that nothing was done because of somebody else, and may be later; "" for none."""
    import re

    return next((line.strip() for line in said.split("\n") if re.search("|".join(_TEXTS), line)), "")
