"""Programs of the system under a node, as far as setting it up calls them: which there are, and who plays each.

They do what the real ones do to the node's files, from their documentation; what they print is kept short. Where a real
program was seen to do something, a test says so. A module has `run(tree, words) -> exit status`.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Final

PROGRAMS: Final[Mapping[str, str]] = {
    "apt-get": "apt_get",
    "blkid": "blkid",
    "chpasswd": "chpasswd",
    "chronyc": "chronyc",
    "dpkg": "dpkg",
    "env": "env",
    "exportfs": "exportfs",
    "groupadd": "groupadd",
    "ifreload": "ifreload",
    "ifup": "ifup",
    "lsblk": "lsblk",
    "modprobe": "modprobe",
    "mount": "mount",
    "nvidia-modprobe": "nvidia_modprobe",
    "pdbedit": "smbusers",
    "proxmox-boot-tool": "boot",
    "pve-firewall": "pve_firewall",
    "pveum": "pveum",
    "pvs": "pvs",
    "pwconv": "pwconv",
    "smbcontrol": "smbcontrol",
    "smbpasswd": "smbusers",
    "sysctl": "sysctl",
    "systemctl": "systemctl",
    "testparm": "testparm",
    "udevadm": "boot",
    "update-grub": "boot",
    "update-initramfs": "boot",
    "useradd": "useradd",
    "usermod": "usermod",
    "visudo": "visudo",
    "wipefs": "wipefs",
    "zfs": "zfs",
    "zpool": "zpool",
}
"""The name of each program, and its module here."""
