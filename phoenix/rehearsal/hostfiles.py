"""Host files: those of the system under a node that setting it up reads or writes: a copy has them, as they are.

Nothing secret is among them: no keys, no passwords, no lists of them.
"""

from __future__ import annotations

import os

from phoenix.rehearsal.volumes import activation

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Final

    from phoenix.rehearsal.present import Present
    from phoenix.rehearsal.tree import Tree

WRITTEN: Final = (
    "/etc/apt/apt.conf.d", "/etc/apt/sources.list", "/etc/apt/sources.list.d", "/etc/chrony", "/etc/default/grub",
    "/etc/default/grub.d", "/etc/exports", "/etc/exports.d", "/etc/fstab", "/etc/group", "/etc/kernel/cmdline",
    "/etc/modprobe.d", "/etc/modules-load.d", "/etc/network", "/etc/passwd", "/etc/resolv.conf", "/etc/samba/smb.conf",
    "/etc/samba/phoenix.conf", "/etc/sysctl.d", "/etc/timezone", "/etc/udev/rules.d",
    "/sys/module/zfs/parameters",
)  # fmt: skip
"""What setting up may change: told of as a difference."""
_READ: Final = (
    "/etc/kernel/proxmox-boot-uuids", "/proc/cmdline", "/proc/cpuinfo", "/proc/filesystems", "/proc/meminfo",
    "/proc/sys/kernel/osrelease", "/var/lib/dpkg/status",
)  # fmt: skip
"""What it only reads."""
_OF_THE_KERNEL: Final = ("modules.builtin", "modules.dep")
_OF_A_DEVICE: Final = ("vendor", "device")
_SECRET: Final = ("auth.conf", "credentials", "passwd-", "group-", "secrets")
"""How files in these folders begin that are not copied."""
_PCI: Final = "/sys/bus/pci/devices"


def bring(present: Present, tree: Tree) -> None:
    """Give a copy what the present node has of them."""
    from phoenix.rehearsal import blockcopies, hidden, layout

    for path in _paths(present, (*WRITTEN, *_READ, *_of_the_kernel(present))):
        data = present.data(path)
        if data is not None:
            layout.write(tree(path), hidden.in_fstab(data) if path == "/etc/fstab" else data)
    blockcopies.bring(present, tree)
    _link(present, tree, "/etc/localtime")
    for name in present.names("/sys/module"):
        os.makedirs(tree(f"/sys/module/{name}"), exist_ok=True)
    for name in present.names("/usr/share/zoneinfo"):
        os.makedirs(tree("/usr/share/zoneinfo"), exist_ok=True)
        if not os.path.lexists(tree(f"/usr/share/zoneinfo/{name}")):
            os.symlink(present(f"/usr/share/zoneinfo/{name}"), tree(f"/usr/share/zoneinfo/{name}"))
    for place in present.names(_PCI):
        for part in _OF_A_DEVICE:
            layout.write(tree(f"{_PCI}/{place}/{part}"), present.data(f"{_PCI}/{place}/{part}") or b"")
        _link(present, tree, f"{_PCI}/{place}/driver")


def bring_parameters(present: Present, tree: Tree) -> None:
    """Give a copy the parameters of the kernel that can be read."""
    from phoenix.rehearsal import layout

    remarks = len(present.remarks)
    for path in _paths(present, ("/proc/sys",)):
        data = present.data(path)
        if data is not None:
            layout.write(tree(path), data)
    del present.remarks[remarks:]  # some are for writing only, or of hardware that is not there


def texts(tree: Tree) -> Iterator[tuple[str, str]]:
    """The files that setting up may have changed, with their text; a link as what it leads to."""
    for path in _paths(tree, (*WRITTEN, activation.MOUNTS)):
        yield path, tree.read(path)
    if os.path.islink(tree("/etc/localtime")):
        yield "/etc/localtime", os.readlink(tree("/etc/localtime")) + "\n"


def _of_the_kernel(present: Present) -> tuple[str, ...]:
    release = present.read("/proc/sys/kernel/osrelease").strip()
    return tuple(f"/lib/modules/{release}/{name}" for name in _OF_THE_KERNEL)


def _link(present: Present, tree: Tree, path: str) -> None:
    try:
        target = os.readlink(present(path))
    except OSError:
        return
    if os.path.lexists(tree(path)):
        os.unlink(tree(path))
    os.symlink(target, tree(path))


def _paths(tree: Tree, wanted: tuple[str, ...]) -> Iterator[str]:
    """The regular files that these are, or that are in them."""
    for path in wanted:
        if os.path.isfile(tree(path)) and not os.path.islink(tree(path)):
            yield path
        for folder, folders, names in os.walk(tree(path)) if os.path.isdir(tree(path)) else ():
            folders.sort()
            for name in sorted(names):
                whole = f"{folder}/{name}"
                if os.path.isfile(whole) and not os.path.islink(whole) and not name.startswith(_SECRET):
                    yield whole[len(tree.root) :]
