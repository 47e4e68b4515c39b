"""Host files: those of the system under a node that setting it up reads or writes: a copy has them, as they are.

Nothing secret is among them: of passwords and tokens there is only that they are there.
"""

from __future__ import annotations

import os

from phoenix.pve import usercfg
from phoenix.rehearsal.volumes import activation

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import Any, Final

    from phoenix.rehearsal.present import Present
    from phoenix.rehearsal.tree import Tree

WRITTEN: Final = (
    "/etc/apt/apt.conf.d", "/etc/apt/sources.list", "/etc/apt/sources.list.d", "/etc/chrony", "/etc/default/grub",
    "/etc/default/grub.d", "/etc/exports", "/etc/exports.d", "/etc/fstab", "/etc/group", "/etc/kernel/cmdline",
    "/etc/modprobe.d", "/etc/modules-load.d", "/etc/network/interfaces", "/etc/network/interfaces.d", "/etc/passwd",
    "/etc/resolv.conf", "/etc/samba/smb.conf", "/etc/sudoers.d", "/etc/sysctl.d",
    "/etc/systemd/system/phoenix-network-rollback.service", "/etc/systemd/system/phoenix-network-rollback.timer",
    "/etc/timezone", "/etc/udev/rules.d", "/sys/module/zfs/parameters", "/var/lib/dpkg/status",
)  # fmt: skip
"""What setting up may change: told of as a difference."""
_READ: Final = (
    "/etc/kernel/proxmox-boot-uuids", "/etc/shells", "/etc/ssh/sshd_config", "/etc/ssh/sshd_config.d", "/proc/cmdline",
    "/proc/cpuinfo", "/proc/filesystems", "/proc/meminfo",
    "/proc/net/tcp", "/proc/net/tcp6", "/proc/sys/kernel/osrelease", "/var/lib/nfs/etab",
)  # fmt: skip
"""What it only reads."""
_OF_THE_KERNEL: Final = ("modules.builtin", "modules.dep")
_OF_A_DEVICE: Final = ("vendor", "device")
_SECRET: Final = ("auth.conf", "credentials", "passwd-", "group-", "secrets")
"""How files in these folders begin that are not copied."""
NO_HASH: Final = "$6$rehearsal$" + "0" * 86
NO_VALUE: Final = "00000000-0000-0000-0000-000000000000"
"""What a copy has instead of the hash of a password, and of the value of a token."""
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


def bring_packages(present: Present, tree: Tree, table: Mapping[str, Any]) -> None:
    """Give a copy the set of .deb files that a configuration names: links to what is only read."""
    try:
        folder = str(table["apt"]["offline"]["folder"])
        names = present.names(folder)
    except (KeyError, TypeError):
        return
    for name in names if os.path.isdir(tree(folder)) else ():
        if not os.path.lexists(tree(f"{folder}/{name}")):
            os.symlink(present(f"{folder}/{name}"), tree(f"{folder}/{name}"))


def bring_users(present: Present, tree: Tree, table: Mapping[str, Any]) -> None:
    """Give a copy the homes and public keys of the system's users that a configuration names."""
    from phoenix.rehearsal import layout

    users = table.get("users", {})
    wanted = users.get("system", {}) if isinstance(users, dict) else {}
    for line in present.read("/etc/passwd").split("\n") if isinstance(wanted, dict) else ():
        parts = line.split(":")
        if parts[0] in wanted and len(parts) == 7 and os.path.isdir(present(parts[5])):
            path = f"{parts[5].rstrip('/')}/.ssh/authorized_keys"
            data = present.data(path)
            os.makedirs(tree(parts[5]), exist_ok=True)
            if data is not None:
                layout.write(tree(path), data, 0o600)


def bring_passwords(present: Present, tree: Tree) -> None:
    """Give a copy what says who has a password or a token, with something else for each of them."""
    from phoenix.rehearsal import layout

    lines = [line.split(":") for line in present.read("/etc/shadow").split("\n") if line.count(":") > 1]
    shadow = (":".join([line[0], NO_HASH if line[1][:1] == "$" else line[1], *line[2:]]) for line in lines)
    tokens = usercfg.pairs(present.read(usercfg.TOKENS), " ")
    users = usercfg.pairs(present.read(usercfg.PASSWORDS), ":")
    for path, names in (
        ("/etc/shadow", shadow),
        (usercfg.TOKENS, (f"{name} {NO_VALUE}" for name in tokens)),
        (usercfg.PASSWORDS, (f"{name}:{NO_HASH}:" for name in users)),
    ):
        layout.write(tree(path), "".join(f"{line}\n" for line in names), 0o600)


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
