"""Debs: a folder of .deb files, what of it is to be installed, and whether it is what its SHA256SUMS says."""

from __future__ import annotations

import os

from phoenix import files
from phoenix.host.aspect import Obstacle
from phoenix.pve import debian
from phoenix.text import shell
from phoenix.value import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from phoenix.host.host import Host

SUMS = "SHA256SUMS"
MOST_CONTROL = 4 << 20
"""So many bytes of a .deb are read to find what it is; the control files come first."""


class Debs(Value):
    """A folder. `paths` are those to be installed; `names` the packages that are in it."""

    paths: tuple[str, ...] = ()
    names: frozenset[str] = frozenset()
    refused: tuple[Obstacle, ...] = ()
    missing: tuple[Obstacle, ...] = ()


NONE = Debs()


def observe(host: Host, folder: str, installed: Mapping[str, tuple[str, str]]) -> Debs:
    """What is in a folder. A file is only read whole where it is to be installed."""
    sums = debian.sums(host.text(f"{folder}/{SUMS}"))
    if not sums:
        fault = "is not as sha256sum writes it" if host.exists(f"{folder}/{SUMS}") else "is not there"
        why = f"apt.offline: {folder}/{SUMS} {fault}"
        return Debs(missing=(Obstacle(why, f"where the set was made: cd {folder} && sha256sum *.deb > {SUMS}"),))
    listed = {name for name in sums if name.endswith(".deb")}
    there = {name for name in host.names(folder) if name.endswith(".deb")}
    for name in (SUMS, *sorted(listed & there)):  # what was verified must still be that when apt reads it
        foreign = files.foreign_part(host.paths(f"{folder}/{name}"))
        if foreign:
            why = f"apt.offline: others than root may change {foreign}"
            hint = f"ls -ld {shell((foreign,))}; chown root:root, chmod go-w; then check what is in it"
            return Debs(refused=(Obstacle(why, hint),))
    refused = [
        Obstacle(f"apt.offline: {folder}/{name} is not in {SUMS}", f"ls -l {folder}") for name in sorted(there - listed)
    ]
    missing = [
        Obstacle(f"apt.offline: {folder} lacks {name}, which is in {SUMS}", "copy the whole set again")
        for name in sorted(listed - there)
    ]
    newest: dict[str, tuple[str, str]] = {}
    for name in sorted(listed & there):
        path = f"{folder}/{name}"
        known = _control(host, path)
        if "package" not in known or "version" not in known:
            refused.append(Obstacle(f"apt.offline: {path} is no package", f"dpkg-deb --info {path}"))
            continue
        package, version = known["package"], known["version"]
        if package not in newest or debian.is_older(newest[package][0], version):
            newest[package] = (version, path)
    wanted = tuple(path for name, (version, path) in newest.items() if _is_wanted(installed.get(name), version))
    for path in wanted:
        digest = host.sha256(path)
        if digest != sums[os.path.basename(path)]:
            why = f"apt.offline: {path} has the SHA-256 {digest}, which is not that in {SUMS}"
            refused.append(Obstacle(why, f"copy the set again; {shell(('sha256sum', path))}"))
    return Debs(wanted, frozenset(newest), tuple(refused), tuple(missing))


def _control(host: Host, path: str) -> dict[str, str]:
    """What a .deb says of itself, nothing for what is none; dpkg-deb is asked where its compression is not Python's."""
    try:
        with open(host.paths(path), "rb") as file:
            return debian.control(file.read(MOST_CONTROL)) or {}
    except OSError:
        return {}
    except ValueError:
        return debian.fields(host.output("dpkg-deb", "--field", path))


def _is_wanted(installed: tuple[str, str] | None, version: str) -> bool:
    return not installed or installed[1] != debian.INSTALLED or debian.is_older(installed[0], version)
