"""Templates: which operating system an archive holds, and what that makes of a container."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any, Final

SUFFIXES: Final = (".tar.gz", ".tar.xz", ".tar.zst", ".tar.bz2")
_DISTRIBUTIONS: Final[Mapping[str, str]] = {
    "almalinux": "centos",
    "alpine": "alpine",
    "archlinux": "archlinux",
    "centos": "centos",
    "debian": "debian",
    "devuan": "devuan",
    "fedora": "fedora",
    "gentoo": "gentoo",
    "nixos": "nixos",
    "openeuler": "centos",
    "opensuse": "opensuse",
    "rockylinux": "centos",
    "turnkey": "debian",
    "ubuntu": "ubuntu",
}
_SYSTEMD: Final[Mapping[str, int]] = {
    "almalinux-9": 252,
    "centos-9": 252,
    "debian-11": 247,
    "debian-12": 252,
    "debian-13": 257,
    "rockylinux-9": 252,
    "ubuntu-20.04": 245,
    "ubuntu-22.04": 249,
    "ubuntu-24.04": 255,
}
"""The systemd of the distributions that warn about nesting; the others are taken as having none."""
TINY: Final = 1 << 20
"""An archive of less cannot hold a system that boots."""


def is_archive(name: str, release: int) -> bool:
    """Whether a file name is that of a template."""
    return name.endswith((*SUFFIXES, ".tar") if release >= 9 else SUFFIXES)


def facts(name: str, size: int, known: Mapping[str, Any]) -> dict[str, str]:
    """What unpacking an archive brings: ostype, arch, systemd ("" for none), and init: whether it can start.

    `known` is what the node was told about it; the rest is guessed from the name. An archive of less than a
    MiB cannot hold a system that boots.
    """
    plain = name.rpartition("/")[2]
    words = plain.split("-")
    ostype = str(known.get("ostype") or _DISTRIBUTIONS.get(words[0], "unmanaged"))
    arch = str(known.get("arch") or "")
    for suffix in ("amd64", "arm64", "armhf", "i386"):
        if not arch and f"_{suffix}." in plain:
            arch = suffix
    init = not 0 < size < TINY
    systemd = _SYSTEMD.get("-".join(words[:2]), 0) if init else 0
    if "systemd" in known:
        systemd = int(known["systemd"] or 0)
    return {
        "ostype": ostype,
        "arch": arch or "amd64",
        "systemd": str(systemd or ""),
        "init": str(int(str(known.get("init", int(init))) not in ("0", "False"))),
    }


MARK: Final = "phoenix rehearsal disk"


def show(found: Mapping[str, str]) -> str:
    """The facts as the text that stands for the unpacked system on a disk."""
    return MARK + "".join(f"\n{key}={value}" for key, value in found.items()) + "\n"


def read(text: str) -> dict[str, str]:
    """The facts on a disk; of one that this node did not fill, none."""
    if not text.startswith(MARK):
        return {}
    lines = text.partition("\0")[0].split("\n")
    return {key: value for key, equals, value in (line.partition("=") for line in lines) if equals}


def warns(found: Mapping[str, str], features: str, release: int) -> bool:
    """Whether Proxmox VE 9 warns that nesting may be needed."""
    systemd = found.get("systemd", "")
    return release >= 9 and systemd.isdigit() and int(systemd) > 241 and not nests(features)


def nests(features: str) -> bool:
    """Whether a `features` value allows nesting."""
    values = dict(part.partition("=")[::2] for part in features.split(","))
    return values.get("nesting", "0").lower() in ("1", "on", "yes", "true")
