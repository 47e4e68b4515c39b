"""The host under a node: the files of its system that say what it is, for whoever reads them."""

from __future__ import annotations

from phoenix.rehearsal import pveversion

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any, Final

_DEBIAN: Final[Mapping[int, tuple[str, str]]] = {8: ("12", "bookworm"), 9: ("13", "trixie")}

KERNEL: Final = "6.8.12-4-pve"
_MODULES: Final = (
    "br_netfilter", "ip_vs", "nf_nat", "nvme_fabrics", "overlay", "vfat", "vfio", "vfio-pci", "vfio_iommu_type1", "xfs",
)  # fmt: skip
_KERNEL: Final[Mapping[str, str]] = {
    "fs/inotify/max_user_instances": "128",
    "fs/inotify/max_user_watches": "65536",
    "kernel/keys/maxkeys": "200",
    "kernel/osrelease": KERNEL,
    "net/core/somaxconn": "4096",
    "net/ipv4/ip_forward": "0",
    "net/ipv6/conf/all/forwarding": "0",
    "vm/max_map_count": "65530",
    "vm/swappiness": "60",
}
_SAMBA: Final = """\
[global]
   workgroup = WORKGROUP
   server role = standalone server
   map to guest = bad user

[homes]
   comment = Home Directories
   browseable = no
   read only = yes
   valid users = %S

[print$]
   comment = Printer Drivers
   path = /var/lib/samba/printers
   browseable = yes
   read only = yes
   guest ok = no
"""
_ZONES: Final = ("America/New_York", "Asia/Tokyo", "Etc/UTC", "Europe/Berlin", "UTC")


def files(known: Mapping[str, Any]) -> dict[str, str]:
    """The text of each file, by its path on the node."""
    release = int(known["pve"])
    number, name = _DEBIAN[release]
    return {
        "/etc/debian_version": f"{number}.0\n",
        "/etc/hostname": f"{known['hostname']}\n",
        "/etc/hosts": f"127.0.0.1 localhost\n{known['address']} {known['hostname']}\n",
        "/etc/network/interfaces": _interfaces(known["bridges"], known["address"]),
        "/etc/os-release": _release(number, name),
        "/etc/passwd": "root:x:0:0:root:/root:/bin/bash\nnobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n",
        "/etc/group": "root:x:0:\nadm:x:4:\nsudo:x:27:\nnogroup:x:65534:\n",
        "/etc/shadow": "root:*:20000:0:99999:7:::\nnobody:*:20000:0:99999:7:::\n",
        "/etc/shells": "/bin/sh\n/bin/bash\n",
        "/etc/sudoers.d/README": "# See sudoers(5).\n",
        "/etc/exports": "# See exports(5).\n",
        "/etc/samba/smb.conf": _SAMBA,
        "/etc/resolv.conf": "search example.org\nnameserver 192.0.2.1\n",
        "/etc/subgid": "root:100000:65536\n",
        "/etc/subuid": "root:100000:65536\n",
        "/etc/timezone": f"{known['timezone']}\n",
        **_sources(release, name),
        "/etc/chrony/chrony.conf": "sourcedir /etc/chrony/sources.d\n",
        **{f"/proc/sys/{name}": f"{value}\n" for name, value in _KERNEL.items()},
        **{f"/usr/share/zoneinfo/{zone}": "" for zone in _ZONES},
        "/etc/default/grub": 'GRUB_CMDLINE_LINUX_DEFAULT="quiet"\n',
        "/etc/fstab": "/dev/mapper/pve-root / ext4 errors=remount-ro 0 1\nproc /proc proc defaults 0 0\n",
        "/proc/filesystems": "nodev\tproc\n\text4\nnodev\tzfs\n",
        "/proc/meminfo": "MemTotal:       16384000 kB\n",
        **{f"/sys/module/zfs/parameters/zfs_arc_{end}": "0\n" for end in ("max", "min")},
        "/proc/cmdline": "BOOT_IMAGE=/boot/vmlinuz root=/dev/mapper/pve-root ro quiet\n",
        f"/lib/modules/{KERNEL}/modules.dep": "".join(f"kernel/{name}.ko:\n" for name in _MODULES),
        "/proc/cpuinfo": "".join(f"processor\t: {cpu}\nvendor_id\t: GenuineIntel\n\n" for cpu in range(known["cpus"])),
        "/var/lib/dpkg/status": _packages(release),
    }


def _release(number: str, name: str) -> str:
    """What the release says of itself."""
    return (
        f'PRETTY_NAME="Debian GNU/Linux {number} ({name})"\nID=debian\nVERSION_ID="{number}"\nVERSION_CODENAME={name}\n'
    )


def _sources(release: int, name: str) -> dict[str, str]:
    """Where packages come from after an installation: lines in release 8, stanzas in 9."""
    enterprise = "https://enterprise.proxmox.com/debian/pve"
    if release == 8:
        return {
            "/etc/apt/sources.list": f"deb http://deb.debian.org/debian {name} main contrib\n",
            "/etc/apt/sources.list.d/pve-enterprise.list": f"deb {enterprise} {name} pve-enterprise\n",
        }
    debian = "/usr/share/keyrings/debian-archive-keyring.gpg"
    proxmox = "/usr/share/keyrings/proxmox-archive-keyring.gpg"
    places = (
        ("debian", "http://deb.debian.org/debian/", "main contrib", debian),
        ("pve-enterprise", enterprise, "pve-enterprise", proxmox),
    )
    return {
        **{
            f"/etc/apt/sources.list.d/{file}.sources": (
                f"Types: deb\nURIs: {uri}\nSuites: {name}\nComponents: {components}\nSigned-By: {key}\n"
            )
            for file, uri, components, key in places
        },
        proxmox: "",
    }


def _interfaces(bridges: list[str], address: str) -> str:
    """/etc/network/interfaces; the node's address is on the first bridge."""
    text = "auto lo\niface lo inet loopback\n"
    for number, bridge in enumerate(bridges):
        how = "manual" if number else f"static\n\taddress {address}/24"
        text += f"\nauto {bridge}\niface {bridge} inet {how}\n\tbridge-ports none\n\tbridge-stp off\n\tbridge-fd 0\n"
    return text + "\nsource /etc/network/interfaces.d/*\n"


def _packages(release: int) -> str:
    """The package manager's list, which says the release also where no program can be run."""
    return "".join(
        f"Package: {name}\nStatus: install ok installed\nArchitecture: all\nVersion: {version.partition(' ')[0]}\n\n"
        for name, version in pveversion.VERSIONS[release].items()
    )
