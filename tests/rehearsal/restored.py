"""Restored: a folder made again as another was, in this process, by what has changed in it since the last time."""

from __future__ import annotations

import os
import shutil
import stat

from tests.crash.scenes import data


class Original:
    """What is below a folder, without the parts named, for `restore` to make elsewhere as often as wanted."""

    def __init__(self, root, without=()):
        self.root = root
        self.without = frozenset(without)
        self.entries = {}
        self.made = {}
        self._read("")

    def _read(self, folder):
        with os.scandir(self.root / folder) as found:
            for entry in found:
                name = f"{folder}/{entry.name}" if folder else entry.name
                if name not in self.without:
                    facts = entry.stat(follow_symlinks=False)
                    self.entries[name] = facts, content(entry.path, facts)
                    if stat.S_ISDIR(facts.st_mode):
                        self._read(name)

    def restore(self, root):
        """Make a folder the same. What nobody has touched since it was made here stays, as the kernel's ctime tells."""
        root = str(root)
        os.makedirs(root, exist_ok=True)
        made = self.made.setdefault(root, {})
        kept = set()
        self._prune(root, "", made, kept)
        for name, (facts, what) in self.entries.items():
            if name not in kept:
                self.make(root, name, facts, what)
                made[name] = identity(os.lstat(f"{root}/{name}"))

    def _prune(self, root, folder, made, kept):
        with os.scandir(f"{root}/{folder}") as found:
            entries = list(found)
        for entry in entries:
            name = f"{folder}/{entry.name}" if folder else entry.name
            if name in self.without:
                continue
            facts = entry.stat(follow_symlinks=False)
            wanted = self.entries.get(name)
            is_folder = stat.S_ISDIR(facts.st_mode)
            if wanted and is_folder and wanted[0].st_mode == facts.st_mode:
                kept.add(name)
                self._prune(root, name, made, kept)
            elif wanted and not is_folder and made.get(name) == identity(facts):
                kept.add(name)
            else:
                shutil.rmtree(entry.path) if is_folder else os.unlink(entry.path)

    @staticmethod
    def make(root, name, facts, what):
        path = f"{root}/{name}"
        if what is None:
            os.mkdir(path)
        elif isinstance(what, str):
            os.symlink(what, path)
            return
        else:
            with open(path, "xb", 0) as file:
                for place, found in what.items():
                    os.pwrite(file.fileno(), found, place)
                file.truncate(facts.st_size)
        os.chmod(path, stat.S_IMODE(facts.st_mode))
        os.utime(path, ns=(facts.st_atime_ns, facts.st_mtime_ns))


def content(path, facts):
    """None for a folder, the target of a link, and of a file what was written to it, by its places."""
    if stat.S_ISDIR(facts.st_mode):
        return None
    return os.readlink(path) if stat.S_ISLNK(facts.st_mode) else data(path)


def identity(facts):
    """What is another as soon as anything of a file is."""
    return facts.st_ino, facts.st_ctime_ns, facts.st_size
