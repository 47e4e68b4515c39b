"""`pvesm scan`, `apiinfo` and `prune-backups`."""

from __future__ import annotations

import os

from phoenix.rehearsal import volumes
from phoenix.rehearsal.failures import Failure
from phoenix.rehearsal.speech import say

TYPE_CHECKING = False
if TYPE_CHECKING:
    from phoenix.rehearsal.tree import Tree

_API = {8: (11, 2), 9: (15, 6)}
_ZFS = "zfs list -t filesystem -Hp -o name,avail,used"
_PERIODS = {
    "keep-hourly": "%Y-%m-%d %H", "keep-daily": "%Y-%m-%d", "keep-weekly": "%G-%V", "keep-monthly": "%Y-%m",
    "keep-yearly": "%Y",
}  # fmt: skip


def api(tree: Tree, _: dict[str, str]) -> int:
    """The versions of the storage API."""
    version, age = _API[min(tree.release, 9)]
    say(f"APIVER {version}\nAPIAGE {age}")
    return 0


def _names(tree: Tree, key: str, *kinds: str) -> list[str]:
    found = (storage.other.get(key, "") for storage in volumes.table(tree).values() if storage.type in kinds)
    return sorted({name for name in found if name})


def lvm(tree: Tree, _: dict[str, str]) -> int:
    """The volume groups."""
    for name in _names(tree, "vgname", "lvm", "lvmthin"):
        say(name)
    return 0


def thin(tree: Tree, given: dict[str, str]) -> int:
    """The thin pools of a volume group."""
    for storage in volumes.table(tree).values():
        if storage.type == "lvmthin" and storage.other.get("vgname") == given["vg"]:
            say(storage.other.get("thinpool", ""))
    return 0


def zfs(tree: Tree, _: dict[str, str]) -> int:
    """The pools of ZFS."""
    if not os.path.exists(tree("/usr/sbin/zfs")):
        place = "/usr/share/perl5/PVE/Tools.pm line 510"
        text = f"open3: exec of {_ZFS} failed: No such file or directory at {place}."
        raise Failure(f"command '{_ZFS}' failed: {text}", 2)
    for name in _names(tree, "pool", "zfspool"):
        say(name)
    return 0


def unreachable(_: Tree, given: dict[str, str]) -> int:
    """A server: the rehearsal node reaches none."""
    server = given.get("server") or given.get("portal", "")
    raise Failure(f"{server}: no route to host", 2)


def prune(tree: Tree, given: dict[str, str]) -> int:
    """Remove backups that need not be kept."""
    name = given["storage"]
    storage = volumes.enabled(tree, name)
    rules = {key: int(value) for key, value in given.items() if key.startswith("keep-")}
    if not rules:
        parts = (part.partition("=") for part in storage.other.get("prune-backups", "").split(",") if part)
        rules = {key: int(value) for key, _, value in parts}
    if not rules:
        raise Failure(f"no prune-backups options configured for storage '{name}'")
    marks = _marks(_backups(tree, storage.folder("backup"), given), rules)
    if not marks:
        say("No backups found")
        return 0
    dry = given.get("dry-run") == "1"
    if dry:
        width = max(len(name) + len(file) + 8 for file in marks)
        say(f"{'Backup':<{width}} {'Backup-ID':>15} {'Prune-Mark':>10}")
        for file in sorted(marks):
            say(f"{f'{name}:backup/{file}':<{width}} {_group(file):>15} {marks[file]:>10}")
        return 0
    for file in [file for file, mark in marks.items() if mark == "remove"]:
        os.unlink(tree(f"{storage.folder('backup')}/{file}"))
        say(f"removing backup '{name}:backup/{file}'")
    return 0


def _group(file: str) -> str:
    words = file.split("-")
    return f"{words[1]}/{words[2]}" if len(words) > 2 and words[0] == "vzdump" else file


def _backups(tree: Tree, folder: str, given: dict[str, str]) -> list[str]:
    names = os.listdir(tree(folder)) if os.path.isdir(tree(folder)) else []
    found = [
        name for name in names if name.startswith("vzdump-") and not name.endswith((".log", ".notes", ".protected"))
    ]
    if "vmid" in given:
        found = [name for name in found if _group(name).endswith("/" + given["vmid"])]
    if "type" in given:
        found = [name for name in found if _group(name).startswith(given["type"] + "/")]
    return sorted(found)


def _marks(files: list[str], rules: dict[str, int]) -> dict[str, str]:
    """Which of the files are kept: of each guest's the newest ones that some rule wants."""
    marks: dict[str, str] = {}
    for group in sorted({_group(file) for file in files}):
        newest = sorted((file for file in files if _group(file) == group), key=_moment, reverse=True)
        kept = set(newest) if rules.get("keep-all") else set(newest[: rules.get("keep-last", 0)])
        for rule, period in _PERIODS.items():
            kept |= set(_newest_of_periods(newest, kept, period, rules.get(rule, 0)))
        marks.update({file: "keep" if file in kept else "remove" for file in newest})
    return marks


def _newest_of_periods(newest: list[str], kept: set[str], period: str, count: int) -> list[str]:
    """The newest file of each of `count` periods that no kept file is in."""
    seen = {_period(file, period) for file in kept}
    found: list[str] = []
    for file in newest:
        if len(found) < count and _period(file, period) not in seen:
            seen.add(_period(file, period))
            found.append(file)
    return found


def _moment(file: str) -> str:
    return "-".join(file.split("-")[3:5]).partition(".")[0]


def _period(file: str, period: str) -> str:
    import time

    try:
        return time.strftime(period, time.strptime(_moment(file), "%Y_%m_%d-%H_%M_%S"))
    except ValueError:
        return file
