"""Index: the templates that can be downloaded, by section, as far as the rehearsal node knows them."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Final

_SYSTEM: Final = (
    "almalinux-9-default_20240911_amd64.tar.xz",
    "alpine-3.20-default_20240908_amd64.tar.xz",
    "alpine-3.21-default_20241217_amd64.tar.xz",
    "alpine-3.22-default_20250617_amd64.tar.xz",
    "archlinux-base_20240911-1_amd64.tar.zst",
    "centos-9-stream-default_20240828_amd64.tar.xz",
    "debian-11-standard_11.7-1_amd64.tar.zst",
    "debian-12-standard_12.12-1_amd64.tar.zst",
    "debian-13-standard_13.1-2_amd64.tar.zst",
    "devuan-5.0-standard_5.0_amd64.tar.gz",
    "fedora-41-default_20241118_amd64.tar.xz",
    "fedora-42-default_20250428_amd64.tar.xz",
    "gentoo-current-openrc_20250508_amd64.tar.xz",
    "openeuler-24.03-default_20250507_amd64.tar.xz",
    "opensuse-15.6-default_20240910_amd64.tar.xz",
    "rockylinux-9-default_20240912_amd64.tar.xz",
    "ubuntu-20.04-standard_20.04-1_amd64.tar.gz",
    "ubuntu-22.04-standard_22.04-1_amd64.tar.zst",
    "ubuntu-24.04-standard_24.04-2_amd64.tar.zst",
    "ubuntu-25.04-standard_25.04-1.1_amd64.tar.zst",
)
_TURNKEY: Final = (
    "debian-12-turnkey-core_18.1-1_amd64.tar.gz",
    "debian-12-turnkey-lamp_18.1-1_amd64.tar.gz",
    "debian-12-turnkey-nextcloud_18.2-1_amd64.tar.gz",
    "debian-12-turnkey-wordpress_18.2-1_amd64.tar.gz",
)
_MAIL: Final = {
    8: (
        "proxmox-mail-gateway-8.2-standard_8.2-1_amd64.tar.zst",
        "proxmox-mail-gateway-9.0-standard_9.0-1_amd64.tar.zst",
        "proxmox-mailgateway-7.3-standard_7.3-1_amd64.tar.zst",
    ),
    9: (
        "proxmox-mail-gateway-8.2-standard_8.2-1_amd64.tar.zst",
        "proxmox-mail-gateway-9.1-standard_9.1-1_amd64.tar.zst",
    ),
}
_HOSTS: Final[Mapping[str, str]] = {
    "mail": "http://download.proxmox.com/images/mail",
    "system": "http://download.proxmox.com/images/system",
    "turnkeylinux": "https://releases.turnkeylinux.org/pve",
}


def sections(release: int) -> dict[str, tuple[str, ...]]:
    """The names of the templates by section."""
    return {"mail": _MAIL[min(release, 9)], "system": _SYSTEM, "turnkeylinux": _TURNKEY}


def source(name: str, release: int) -> str:
    """Where a template is downloaded from; "" if there is none of that name."""
    return next((f"{_HOSTS[section]}/{name}" for section, known in sections(release).items() if name in known), "")
