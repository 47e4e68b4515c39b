"""`pct df`, `fstrim`, `cpusets`: what containers take of the node."""

from __future__ import annotations

import os

from phoenix.rehearsal import cluster, locks, lockwords, running
from phoenix.rehearsal.failures import Failure
from phoenix.rehearsal.kinds import CT
from phoenix.rehearsal.pct import filesystems, mount, values
from phoenix.rehearsal.speech import complain, say

TYPE_CHECKING = False
if TYPE_CHECKING:
    from phoenix.pve.guestconf import GuestConf
    from phoenix.rehearsal.tree import Tree


def free_space(tree: Tree, given: dict[str, str]) -> int:
    """How full the file systems are. Those of a container that does not run are mounted for it."""
    guest = given["vmid"]
    if running.is_running(tree, guest):
        with locks.config(tree, CT, guest):
            _show_space(tree, cluster.read(tree, CT, guest))
        return 0
    if not os.path.exists(tree(f"/var/lib/lxc/{guest}/config")):
        complain(f"{guest} doesn't exist")  # lxc-info, which knows only those that were started once
    conf = lockwords.put(tree, CT, guest, "mounted")
    mount.mount_all(tree, guest, conf)
    _show_space(tree, conf)
    lockwords.take(tree, CT, guest, "mounted")
    return 0


def _show_space(tree: Tree, conf: GuestConf) -> None:
    rows = [("MP", "Volume", "Size", "Used", "Avail", "Use%", "Path")]
    for name, parsed in filesystems.each(conf):
        found = filesystems.figures(tree, name, parsed["volume"])
        share = f"{100 * found.used / found.total if found.total else 0:.1f}"
        sizes = (_human(found.total), _human(found.used), _human(found.available))
        rows.append((name, parsed["volume"], *sizes, share, parsed["mp"]))
    widths = [max(len(row[place]) for row in rows) for place in range(6)]
    for row in rows:
        left = " ".join(f"{row[place]:<{widths[place]}}" for place in (0, 1))
        right = " ".join(f"{row[place]:>{widths[place]}}" for place in (2, 3, 4, 5))
        say(f"{left} {right} {row[6]}")


def _human(count: int) -> str:
    size, unit = float(count), ""
    for larger in "KMGT":
        if size < 1024:
            break
        size, unit = size / 1024, larger
    return f"{size:.1f}{unit}" if unit else str(count)


def trim(tree: Tree, given: dict[str, str]) -> int:
    """Give unused blocks back to the storage."""
    guest = given["vmid"]
    conf = lockwords.put(tree, CT, guest, "fstrim")
    try:
        mount.mount_all(tree, guest, conf)
        for name, parsed in filesystems.each(conf):
            bound = values.volume_type(parsed["volume"]) == "bind"
            if not bound and parsed.get("ro") != "1" and (name == "rootfs" or given.get("ignore-mountpoints") != "1"):
                _trim(tree, guest, name, parsed)
    except Failure as failure:
        complain(failure.text)
    lockwords.take(tree, CT, guest, "fstrim")
    return 0


def _trim(tree: Tree, guest: str, name: str, parsed: dict[str, str]) -> None:
    found = filesystems.figures(tree, name, parsed["volume"])
    count = max(found.total - found.used, 0)
    size, unit = float(count), "B"
    for larger in ("KiB", "MiB", "GiB", "TiB"):
        if size < 1024:
            break
        size, unit = size / 1024, larger
    shown = f"{size:.1f}".removesuffix(".0") if unit != "B" else str(count)
    say(f"/var/lib/lxc/{guest}/rootfs{parsed['mp']}: {shown} {unit} ({count} bytes) trimmed")


def processors(tree: Tree, _: dict[str, str]) -> int:
    """Which container uses which processors."""
    present = int(tree.facts.get("cpus", 2))
    rows = {}
    for guest in running.guests(tree):
        cores = cluster.read_quick(tree, CT, guest).options.get("cores", "")
        count = min(int(cores), present) if cores.isdigit() else present
        rows[guest] = ": " + "".join(f" {number}" for number in range(count))
    if not rows:
        say("no running containers")
        return 0
    width = max(len(guest) for guest in rows)
    line = "-" * (width + max(len(row) for row in rows.values()))
    say("\n".join([line, *(f"{guest:>{width}}{rows[guest]}" for guest in sorted(rows)), line]))
    return 0
