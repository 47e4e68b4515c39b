"""A disk that keeps only what was synced: what each power cut could leave of the files that Phoenix writes itself.

Sure is the content of a file after its own fsync, and a name after the fsync of its folder. Everything else is kept,
lost or, if it is data, half written, each independently of the others. What the tools of Proxmox VE write is sure.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path

PHOENIX = ("dispatcher", "manager")
OURS = ("usr/local/", "var/lib/phoenix/")
PASSING = ("run/", "var/log/", "var/lock/")
"""What nobody relies on after a power cut: locks, and what was said."""
_PATH, _OPEN, _IN_FOLDER = (None, 0), (0, None), (0, 1)
ARGUMENTS = {
    **dict.fromkeys(("mkdir", "unlink", "rmdir", "truncate"), (_PATH,)),
    **dict.fromkeys(("rename", "link"), (_PATH, (None, 1))),
    **dict.fromkeys(("write", "pwrite64", "ftruncate", "fsync", "fdatasync"), (_OPEN,)),
    **dict.fromkeys(("openat", "unlinkat", "mkdirat"), (_IN_FOLDER,)),
    **dict.fromkeys(("renameat", "renameat2"), (_IN_FOLDER, (2, 3))),
    "symlink": ((None, 1),),
}
"""The files that a call is about: which argument is a descriptor, and which a path, below it if there is one."""


class Data:
    """The content of one file: what is sure, and the changes that are not."""

    def __init__(self, sure, mode, path):
        self.sure, self.mode, self.path = sure, mode, path

    def after(self, changes):
        """The content after some changes: (place, bytes), or (size, None) for another size."""
        found = bytearray(self.sure)
        for place, data in changes:
            if data is None:
                found[place:] = b"\0" * max(place - len(found), 0)
            else:
                found.extend(b"\0" * (place - len(found)))
                found[place : place + len(data)] = data
        return bytes(found)


class Change:
    """One call that is not sure yet: new names ((path, old, new), ...), or data of a file."""

    def __init__(self, what, names=(), data=None, place=0, content=None):
        self.what, self.names, self.data, self.place, self.content = what, names, data, place, content


class Disk:
    """Follows the calls of a run below `root`, and says what a power cut could leave now."""

    def __init__(self, root):
        self.root = str(root)
        self.inodes = {}
        self.unsure = []
        self.version = 0
        self._before = {}

    # What is seen

    def before(self, call):
        """A call is about to be made: keep what it will take away."""
        facts = self._paths(call)
        old = [self._found(path) for path in facts] if call.role in PHOENIX else []
        place = None
        if call.name in ("write", "pwrite64") and call.role in PHOENIX and facts:
            place = self._place(call), call.memory(call.arguments[1], call.arguments[2])
        self._before[call.pid] = facts, old, place

    def after(self, call):
        """A call was made."""
        facts, old, place = self._before.pop(call.pid)
        if call.result < 0 or not facts:
            return
        if call.role not in PHOENIX:
            self._settle(facts)
            return
        does = getattr(self, "_" + call.name, None)
        if does:
            does(call, facts, old, place)
            self.version += call.name not in ("fsync", "fdatasync")

    def _paths(self, call):
        """The paths below the root that a call is about."""
        try:
            found = self._named(call)
        except OSError:
            return []
        below = self.root + "/"
        followed = all(path.startswith(below) and not path[len(below) :].startswith(PASSING) for path in found)
        return found if followed else []

    def _named(self, call):
        found = []
        for folder, name in ARGUMENTS.get(call.name, ()):
            above = "" if folder is None else call.file(folder)
            path = above if name is None else os.path.join(above, call.text(name))
            # A link may lead to its folder, as /etc/pve/qemu-server does; a descriptor has the folder's own name.
            found.append(os.path.join(os.path.realpath(os.path.dirname(path)), os.path.basename(path)))
        return found

    def _found(self, path):
        """What a name stands for: None, ("folder",), ("link", target) or ("file", its data)."""
        try:
            facts = os.lstat(path)
        except OSError:
            return None
        if stat.S_ISDIR(facts.st_mode):
            return ("folder",)
        if stat.S_ISLNK(facts.st_mode):
            return ("link", os.readlink(path))
        known = self.inodes.get(facts.st_ino)
        if known is None or not any(change.data is known for change in self.unsure):
            known = Data(Path(path).read_bytes(), facts.st_mode & 0o7777, path)
            self.inodes[facts.st_ino] = known
        return ("file", known)

    def _place(self, call):
        """Where a write goes."""
        if call.name == "pwrite64":
            return call.arguments[3]
        number = call.arguments[0]
        with open(f"/proc/{call.pid}/fdinfo/{number}") as file:
            facts = dict(line.split(":\t", 1) for line in file if ":\t" in line)
        if int(facts["flags"], 8) & os.O_APPEND:
            return os.stat(f"/proc/{call.pid}/fd/{number}").st_size
        return int(facts["pos"])

    # What each call makes of it

    def _openat(self, call, facts, old, _place):
        if old[0] is None and call.arguments[2] & os.O_CREAT:
            seen = os.lstat(facts[0])
            self.inodes[seen.st_ino] = Data(b"", seen.st_mode & 0o7777, facts[0])
            self.unsure.append(Change("create", ((facts[0], None, ("file", self.inodes[seen.st_ino])),)))
        elif old[0] and old[0][0] == "file" and call.arguments[2] & os.O_TRUNC:
            self.unsure.append(Change("truncate", data=old[0][1], place=0))

    def _write(self, call, facts, old, place):
        if old[0] and old[0][0] == "file":
            self.unsure.append(Change("write", data=old[0][1], place=place[0], content=place[1][: call.result]))

    _pwrite64 = _write

    def _ftruncate(self, call, _facts, old, _place):
        if old[0] and old[0][0] == "file":
            self.unsure.append(Change("truncate", data=old[0][1], place=call.arguments[1]))

    def _rename(self, _call, facts, old, _place):
        self.unsure.append(Change("rename", ((facts[0], old[0], None), (facts[1], old[1], old[0]))))
        if old[0][0] == "file":
            old[0][1].path = facts[1]

    def _unlink(self, _call, facts, old, _place):
        self.unsure.append(Change("remove", ((facts[0], old[0], None),)))

    _rmdir = _unlinkat = _unlink

    def _mkdir(self, _call, facts, _old, _place):
        self.unsure.append(Change("mkdir", ((facts[0], None, ("folder",)),)))

    def _symlink(self, _call, facts, _old, _place):
        self.unsure.append(Change("symlink", ((facts[0], None, self._found(facts[0])),)))

    def _fsync(self, _call, facts, old, _place):
        if old[0] and old[0][0] == "file":
            data = old[0][1]
            mine = [change for change in self.unsure if change.data is data]
            data.sure = data.after([(change.place, change.content) for change in mine])
            self.unsure = [change for change in self.unsure if change not in mine]
        else:
            self.unsure = [
                change for change in self.unsure if not change.names or os.path.dirname(change.names[-1][0]) != facts[0]
            ]

    _fdatasync = _fsync

    def _settle(self, facts):
        """A tool has written there: these names, and the folders above them, are sure."""
        sure = {path for path in facts if not path[len(self.root) + 1 :].startswith(OURS)}
        above = {str(parent) for path in sure for parent in Path(path).parents}
        self.unsure = [
            change for change in self.unsure if not any(path in sure or path in above for path, _, _ in change.names)
        ]

    # What can be left

    def states(self, random, most=40, more=3):
        """What a power cut could leave now, each as {path: None or (kind, ...)}: what differs from what is there.

        Each change that is not sure is lost alone, `most` of them at most, each kind of them as a whole, and `more`
        times any half of them.
        """
        everything = range(len(self.unsure))
        data = [number for number in everything if self.unsure[number].data is not None]
        names = [number for number in everything if self.unsure[number].names]
        lost = [({number}, False) for number in everything] + [({number}, True) for number in data]
        lost = random.sample(lost, min(most, len(lost)))
        lost += [(set(everything), False), (set(data), False), (set(data), True), (set(names), False)]
        for _ in range(more if len(self.unsure) > 1 else 0):
            lost.append(({number for number in everything if random.random() < 0.5}, random.random() < 0.3))
        seen = []
        for which, halved in lost:
            found = self._left(which, halved)
            if found and found not in seen:
                seen.append(found)
        return seen

    def _left(self, lost, halved):
        kept, changed = {}, {}
        for number, change in enumerate(self.unsure):
            gone = number in lost
            for path, old, new in change.names:
                changed.setdefault(path, old)
                changed[path] = changed[path] if gone else new
            if change.data is not None:
                half = change.content and halved and change.content[: len(change.content) // 2]
                part = [(change.place, change.content)] if not gone else [(change.place, half)] if half else []
                kept.setdefault(change.data, []).extend(part)
        for data in kept:
            changed.setdefault(data.path, ("file", data))
        return {path: self._content(entry, kept) for path, entry in sorted(changed.items())}

    def _content(self, entry, kept):
        if entry is None or entry[0] != "file":
            return entry
        data = entry[1]
        return ("file", data.after(kept.get(data, [])), data.mode)


def lay_out(state):
    """Make the files below the root what a state says; nothing is left below a folder that is lost."""
    gone = [path for path, entry in state.items() if entry is None]
    for path, entry in state.items():
        if any(path.startswith(other + "/") for other in gone):
            continue
        where = Path(path)
        remove(where) if entry is None or entry[0] != "folder" else None
        if entry is None:
            continue
        where.parent.mkdir(parents=True, exist_ok=True)
        if entry[0] == "folder":
            where.mkdir(exist_ok=True)
        elif entry[0] == "link":
            where.symlink_to(entry[1])
        else:
            where.write_bytes(entry[1])
            where.chmod(entry[2])


def remove(where):
    """Remove a name and all below it."""
    if where.is_dir() and not where.is_symlink():
        for child in where.iterdir():
            remove(child)
        where.rmdir()
    elif os.path.lexists(where):
        where.unlink()
