"""`pvesm prune-backups`: which backups need not be kept any longer."""

from __future__ import annotations

import os
import time

from phoenix.pve import formats
from phoenix.rehearsal import backups, volumes, worker
from phoenix.rehearsal.failures import Failure
from phoenix.rehearsal.speech import say
from phoenix.rehearsal.volumes import content

TYPE_CHECKING = False
if TYPE_CHECKING:
    from phoenix.pve.storages import Storage
    from phoenix.rehearsal.tree import Tree

_PERIODS = (
    ("keep-last", "%s"),
    ("keep-hourly", "%Y-%m-%d %H"),
    ("keep-daily", "%Y-%m-%d"),
    ("keep-weekly", "%G-%V"),
    ("keep-monthly", "%Y-%m"),
    ("keep-yearly", "%Y"),
)
"""The rules in their order, and what is the same for two backups of one period."""
_PREVIEW = (
    "NOTE: this is only a preview and might not be what a subsequent\n"
    "prune call does if backups are removed/added in the meantime.\n"
)


class _Backup:
    def __init__(self, volume: str, kind: str, guest: str, made: float) -> None:
        self.volume = volume
        self.kind = kind
        self.guest = guest
        self.made = made
        self.mark = ""
        self.standard = False


def run(tree: Tree, given: dict[str, str]) -> int:
    """Remove backups that need not be kept, or show which those are."""
    storage = volumes.existing(tree, given["storage"])
    rules = {key: int(value) for key, value in given.items() if key.startswith("keep-")}
    if given.get("dry-run") == "1":
        _show(_find(tree, storage, rules, given))
        return 0

    def task() -> None:
        for backup in _find(tree, storage, rules, given):
            if backup.mark == "remove":
                say(f"removing backup '{backup.volume}'")
                path = volumes.node_path(tree, backup.volume)
                os.unlink(tree(path))
                backups.remove_notes(tree, path)

    worker.run(task)
    return 0


def _rules(storage: Storage) -> dict[str, int]:
    """What the storage's entry says to keep."""
    text = storage.other.get("prune-backups")
    if text is None:
        raise Failure(f"no prune-backups options configured for storage '{storage.name}'")
    found = {}
    for part in text.split(","):
        key, _, value = part.partition("=")
        found[key] = int(bool(formats.boolean(value))) if key == "keep-all" else int(value)
    return found


def _find(tree: Tree, storage: Storage, rules: dict[str, int], given: dict[str, str]) -> list[_Backup]:
    """The backups that are meant, marked with what becomes of them."""
    if "backup" not in storage.content:
        raise Failure(f"storage '{storage.name}' does not support backups")
    rules = rules or _rules(storage)
    if rules.get("keep-all") and any(count for key, count in rules.items() if key != "keep-all"):
        raise Failure("keep-all cannot be set together with other options.")
    volumes.activate(tree, volumes.enabled(tree, storage.name))
    found: list[_Backup] = []
    groups: dict[tuple[str, str], list[_Backup]] = {}
    for volume, _, _, _, guest in content.rows(tree, storage, "backup", given.get("vmid", "")):
        path = volumes.node_path(tree, volume)
        archive = backups.archive(path.rpartition("/")[2])
        backup = _Backup(volume, archive.kind if archive else "unknown", guest, os.stat(tree(path)).st_ctime)
        if given.get("type") not in (None, backup.kind):
            continue
        if archive is not None and archive.is_standard:
            backup.made, backup.guest, backup.standard = archive.made, archive.guest, True
            groups.setdefault((backup.kind, backup.guest), []).append(backup)
        else:
            backup.mark = "renamed"
        if backups.is_protected(tree, path):
            backup.mark = "protected"
        found.append(backup)
    for group in groups.values():
        _mark(sorted(group, key=lambda backup: -backup.made), rules)
    return found


def _mark(newest: list[_Backup], rules: dict[str, int]) -> None:
    """Mark the backups of one guest, the newest first: each rule keeps the newest of so many periods."""
    keep_all = rules.get("keep-all") or not any(rules.values())
    for rule, period in _PERIODS:
        _mark_by(newest, period, rules.get(rule, 0))
    for backup in newest:
        backup.mark = backup.mark or ("keep" if keep_all else "remove")


def _mark_by(newest: list[_Backup], period: str, count: int) -> None:
    times = [time.strftime(period, time.localtime(backup.made)) for backup in newest]
    covered = {when for backup, when in zip(newest, times) if backup.mark == "keep"}
    seen: set[str] = set()
    for backup, when in zip(newest, times) if count else ():
        if backup.mark or when in covered:
            continue
        if when in seen:
            backup.mark = "remove"
        elif len(seen) >= count:
            return
        else:
            seen.add(when)
            backup.mark = "keep"


def _show(found: list[_Backup]) -> None:
    if not found:
        say("No backups found")
        return
    say(_PREVIEW)
    width = max(len(backup.volume) for backup in found) + 1
    say(f"{'Backup':<{width}} {'Backup-ID':>15} {'Prune-Mark':>10}")
    for backup in sorted(found, key=lambda backup: (int(backup.guest or 0), backup.made)):
        name = f"{backup.kind}/{backup.guest}" if backup.guest else backup.kind
        say(f"{backup.volume:<{width}} {name:>15} {backup.mark:>10}")
