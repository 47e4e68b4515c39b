"""`pveversion`: the packages and their versions."""

from __future__ import annotations

from phoenix.rehearsal.failures import WrongUsage
from phoenix.rehearsal.speech import say

TYPE_CHECKING = False
if TYPE_CHECKING:
    from phoenix.rehearsal.tree import Tree

VERSIONS = {
    8: {
        "pve-manager": "8.4.21 (running version: 8.4.21/2606ac850d46da29)",
        "pve-cluster": "8.1.3",
        "pve-container": "5.3.5",
        "qemu-server": "8.4.10",
        "libpve-common-perl": "8.3.8",
        "libpve-storage-perl": "8.3.8",
    },
    9: {
        "pve-manager": "9.2.11 (running version: 9.2.11/14a22df35955d97d)",
        "pve-container": "6.1.10",
        "qemu-server": "9.2.6",
        "libpve-common-perl": "9.2.1",
        "libpve-storage-perl": "9.1.7",
        "libpve-guest-common-perl": "6.0.2",
    },
}
"""What the package manager has, by release."""
_KERNELS = {8: "6.8.12-1-pve", 9: "6.14.8-2-pve"}


def manager(tree: Tree) -> tuple[str, str]:
    """The version of the manager, and the commit that it was built from."""
    number, _, repoid = VERSIONS[min(tree.release, 9)]["pve-manager"].partition("running version: ")[2].partition("/")
    return number, repoid.rstrip(")")


def run(tree: Tree, words: list[str]) -> int:
    """Print the version of the manager, or of all packages."""
    release = min(tree.release, 9)
    known = VERSIONS[release]
    if not words:
        say(f"pve-manager/{'/'.join(manager(tree))} (running kernel: {_KERNELS[release]})")
        return 0
    if words[0] in ("-v", "--verbose", "-verbose") and len(words) == 1:
        say(f"proxmox-ve: {release}.0.0 (running kernel: {_KERNELS[release]})")
        say("\n".join(f"{name}: {number}" for name, number in known.items()))
        return 0
    raise WrongUsage("USAGE: pveversion [--verbose]")
