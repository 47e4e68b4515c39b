"""The kernel of a node as its files show it: its modules, and what it was started with."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from phoenix.host.host import Host

INITRAMFS = ("update-initramfs", "-u", "-k", "all")
"""What puts a change in /etc/modprobe.d into effect for modules that are loaded early."""


def under(name: str) -> str:
    """A module's name as the kernel shows it: with underscores."""
    return name.replace("-", "_")


def loaded(host: Host, names: Iterable[str]) -> frozenset[str]:
    """Those of the modules, by their names as given, that the kernel has now, built in or loaded."""
    release = host.text("/proc/sys/kernel/osrelease").strip()
    builtin = {
        under(line.rpartition("/")[2].partition(".")[0])
        for line in host.text(f"/lib/modules/{release}/modules.builtin").splitlines()
    }
    return frozenset(name for name in names if host.exists(f"/sys/module/{under(name)}") or under(name) in builtin)


def command_line(host: Host) -> frozenset[str]:
    """The words that the kernel was started with."""
    return frozenset(host.text("/proc/cmdline").split())


def load_list(names: Iterable[str]) -> str:
    """A file of /etc/modules-load.d."""
    return "".join(f"{name}\n" for name in names)
