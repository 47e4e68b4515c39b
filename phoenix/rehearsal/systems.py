"""Systems: which operating system an archive or a folder holds, by the same marks as the real tools look for."""

from __future__ import annotations

import os

from phoenix.rehearsal import archives, confined

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Final

_KINDS: Final[Mapping[str, str]] = {
    "almalinux": "centos",
    "alpine": "alpine",
    "arch": "archlinux",
    "archarm": "archlinux",
    "centos": "centos",
    "debian": "debian",
    "devuan": "devuan",
    "fedora": "fedora",
    "gentoo": "gentoo",
    "nixos": "nixos",
    "openeuler": "centos",
    "opensuse-leap": "opensuse",
    "opensuse-slowroll": "opensuse",
    "opensuse-tumbleweed": "opensuse",
    "rhel": "centos",
    "rocky": "centos",
    "sles": "opensuse",
    "ubuntu": "ubuntu",
}
"""The `ID` of /etc/os-release, and what pct calls that."""
_MARKS: Final = (
    ("etc/devuan_version", "devuan"), ("etc/debian_version", "debian"), ("etc/SuSE-brand", "opensuse"),
    ("etc/SuSE-release", "opensuse"), ("etc/fedora-release", "fedora"), ("etc/centos-release", "centos"),
    ("etc/redhat-release", "centos"), ("etc/arch-release", "archlinux"), ("etc/alpine-release", "alpine"),
    ("etc/gentoo-release", "gentoo"),
)  # fmt: skip
"""What tells the kind of a system that has no os-release."""
_RELEASES: Final = ("etc/os-release", "usr/lib/os-release")
_MACHINES: Final[Mapping[int, str]] = {3: "i386", 40: "armhf", 62: "amd64", 183: "arm64", 243: "riscv64"}
_PROGRAMS: Final = ("bin", "sbin", "usr/bin", "usr/sbin", "lib/systemd", "usr/lib/systemd")
_SHELLS: Final = ("sh", "ash", "bash", "busybox", "dash", "ksh", "mksh", "toybox", "zsh")
_LIBRARY: Final = "libsystemd-shared-"
_MOST_LINKS: Final = 20


class System:
    """What is known of a system's files."""

    def __init__(self) -> None:
        self.count = 0
        self.links: dict[str, str] = {}
        self.texts: dict[str, str] = {}
        self.programs: dict[str, bytes] = {}
        """The programs, and how the shells among them begin."""
        self.systemd = ""

    def follow(self, name: str) -> str:
        """A name with the links in it followed."""
        for _ in range(_MOST_LINKS):
            parts = name.split("/")
            heads = ("/".join(parts[:end]) for end in range(1, len(parts) + 1))
            head = next((head for head in heads if head in self.links), "")
            if not head:
                break
            base = "" if self.links[head].startswith("/") else os.path.dirname(head)
            rest = name[len(head) :]
            name = os.path.normpath(f"/{base}/{self.links[head]}{rest}").lstrip("/")
        return name

    def note_library(self, name: str) -> None:
        """Take the version from the name of a library of systemd."""
        digits = name[len(_LIBRARY) :].partition(".")[0].partition("-")[0]
        if name.startswith(_LIBRARY) and digits.isdigit():
            self.systemd = digits

    def facts(self) -> dict[str, str]:
        """The facts as `templates` has them."""
        init = self.follow("sbin/init")
        values = dict(line.partition("=")[::2] for line in self._release().split("\n"))
        kind = _KINDS.get(values.get("ID", "").strip("\"'").lower(), "")
        marks = (kind for name, kind in _MARKS if name in self.texts)
        return {
            "ostype": kind or next(marks, "unmanaged"),
            "version": values.get("VERSION_ID", "").strip("\"'"),
            "arch": _machine(self.programs.get(self.follow("bin/sh"), b"")),
            "systemd": self.systemd if init.endswith("/systemd") else "",
            "init": str(int(init in self.programs)),
        }

    def _release(self) -> str:
        return next((self.texts[name] for name in _RELEASES if name in self.texts), "")


def _machine(head: bytes) -> str:
    """The architecture of a program; "" if it is none that is known."""
    if head[:4] != b"\x7fELF":
        return ""
    found = _MACHINES.get(int.from_bytes(head[18:20], "little"), "")
    return "riscv32" if found == "riscv64" and head[4] == 1 else found


def of_archive(path: str) -> System:
    """What an archive tells. Unreadable if it is none."""
    system = System()
    texts = (*_RELEASES, *(name for name, _ in _MARKS))
    with archives.members_of(path) as members:
        for name, member in members:
            system.count += 1
            folder, _, last = name.rpartition("/")
            if member.issym():
                system.links[name] = member.linkname
            elif member.islnk():
                system.links[name] = "/" + "/".join(part for part in member.linkname.split("/") if part != ".")
            elif name in texts:
                system.texts[name] = members.content(member).decode("utf-8", "replace")
            elif folder in _PROGRAMS and member.isfile():
                system.programs[name] = members.content(member, 20) if last in _SHELLS else b""
                system.note_library(last)
    return system


def of_folder(root: str) -> System:
    """What a folder that is a system's root tells."""
    system = System()
    for name in (*_RELEASES, *(name for name, _ in _MARKS)):
        try:
            with open(confined.resolve(root, name), encoding="utf-8", errors="replace") as file:
                system.texts[name] = file.read(1 << 20)
        except OSError:
            continue
    for name in ("bin/sh", "sbin/init"):
        found = confined.resolve(root, name)
        if os.path.isfile(found):
            inside = found[len(root) + 1 :]
            system.links[name] = "/" + inside if inside != name else ""
            with open(found, "rb") as program:
                system.programs[inside] = program.read(20)
    system.links = {name: target for name, target in system.links.items() if target}
    for folder in ("lib/systemd", "usr/lib/systemd"):
        place = confined.resolve(root, folder)
        for name in os.listdir(place) if os.path.isdir(place) else ():
            system.note_library(name)
    return system
