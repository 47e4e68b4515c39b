"""Routing: which managers there are, and which of them owns a target. It looks into folders,
and into files where a name or a tag is asked for.
"""

from __future__ import annotations

import os

from phoenix import cli
from phoenix.errors import ConfigError, UnknownName, UsageError
from phoenix.text import printable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from phoenix.dispatch.glance import Glance

SUFFIX = "-manager"


class Target:
    """One guest of the configuration."""

    def __init__(self, kind: str, id: str) -> None:  # noqa: A002 - the field's own word
        self.kind = kind
        self.id = id


def managers(tree: str) -> list[str]:
    """The managers of this build, by looking into its folder."""
    return sorted(name for name in os.listdir(tree + "/bin") if name.endswith(SUFFIX))


def manager_path(tree: str, name: str) -> str:
    """The executable of a manager. UnknownName, with the nearest known one, if this build has none of that name."""
    path = f"{tree}/bin/{name}"
    if "/" in name or not os.path.exists(path):
        known = managers(tree)
        raise UnknownName(f"there is no {name}{cli.did_you_mean(name, known)}", "this build has: " + ", ".join(known))
    return path


class Configuration:
    """The configuration folder as the dispatcher sees it: names of folders and files, and a glance into these."""

    def __init__(self, folder: str, tree: str) -> None:
        self.folder = folder
        self.tree = tree
        self._seen: dict[str, Glance] = {}
        self._trusted: set[str] = set()
        self._all: list[Target] | None = None
        if not os.path.isdir(folder):
            raise ConfigError(f"{folder}: there is no configuration", "phoenix.pyz init writes one to start from")

    def kinds(self) -> list[str]:
        """The kinds whose guests have files: every manager's folder that is there."""
        names = [name[: -len(SUFFIX)] for name in managers(self.tree)]
        return [kind for kind in names if os.path.isdir(f"{self.folder}/{kind}")]

    def wholes(self) -> list[str]:
        """The kinds that have one file, KIND.toml: there is one of them."""
        names = [name[: -len(SUFFIX)] for name in managers(self.tree)]
        return [kind for kind in names if os.path.isfile(f"{self.folder}/{kind}.toml")]

    def file(self, target: Target) -> str:
        """The file of one guest."""
        return f"{self.folder}/{target.kind}/{target.id}.toml"

    def all(self) -> list[Target]:
        """Every guest, by ID, looked up once. ConfigError for a file whose name is no ID, or an ID in two folders."""
        if self._all is not None:
            return self._all
        found: dict[str, Target] = {}
        for kind in self.kinds():
            for name in self.names(kind):
                target = Target(kind, name)
                if name in found:
                    raise self.twice(name, [found[name], target])
                found[name] = target
        self._all = sorted(found.values(), key=lambda target: int(target.id))
        return self._all

    def names(self, kind: str) -> list[str]:
        """The IDs in the folder of one kind. ConfigError for a file that cannot be one."""
        folder = f"{self.folder}/{kind}"
        try:
            files = sorted(name for name in os.listdir(folder) if name.endswith(".toml") and name[0] != ".")
        except OSError as error:
            raise ConfigError(f"{folder}: cannot be read: {error.strerror}", f"ls -ld {folder}") from error
        for name in files:
            if not cli.is_guest_id(name[:-5]):
                raise ConfigError(f"{folder}/{name}: expected the name to be an ID from 100 to 999999999, as 9001.toml")
        return [name[:-5] for name in files]

    def twice(self, guest: str, targets: list[Target]) -> ConfigError:
        """The error for an ID that two kinds claim."""
        files = " and ".join(self.file(target) for target in targets)
        return ConfigError(f"{guest} is in two folders: {files}", "an ID is one guest: remove one of the files")

    def meant(self, words: Sequence[str]) -> tuple[list[Target], set[str]]:
        """The guests that words mean, each once, and the IDs of those that are named as one of many only."""
        found: dict[str, Target] = {}
        grouped: set[str] = set()
        for word in words:
            group = self.group(word)
            if group is None:
                target = self.find(word)
                grouped.discard(target.id)
                found.setdefault(target.id, target)
            else:
                grouped |= {target.id for target in group if target.id not in found}
                found.update({target.id: target for target in group if target.id not in found})
        return list(found.values()), grouped

    def group(self, word: str) -> list[Target] | None:
        """The guests of "all", of a kind, or of a tag as "@web"; None for a word that means one guest."""
        if word == "all":
            return self.all()
        if word in self.kinds():
            return [target for target in self.all() if target.kind == word]
        if not word.startswith("@"):
            return None
        guests = self.all()
        found = [target for target in guests if word[1:].lower() in self.glance(target).tags]
        if not found:
            known = sorted({tag for target in guests for tag in self.glance(target).tags})
            near = cli.did_you_mean(word[1:], known)
            raise UnknownName(
                f"no guest in {self.folder} has the tag {printable(word[1:])!r}{near}", "phoenix.pyz list"
            )
        return found

    def find(self, word: str) -> Target:
        """The guest that `word` names: its ID or its hostname."""
        if cli.is_guest_id(word):
            return self.find_id(word)
        if not (word.isascii() and word[:1].isalpha() and word.replace("-", "").replace(".", "").isalnum()):
            wrong = (
                f"{word!r} is neither an ID from 100 to 999999999, in plain digits, nor a hostname, a kind or a @tag"
            )
            raise UsageError(wrong)
        return self.find_name(word)

    def find_id(self, guest: str) -> Target:
        """The guest of that ID. UnknownName, with the nearest known one, if there is none."""
        target = self.known(guest)
        if target is None:
            known = [target.id for target in self.all()]
            raise UnknownName(f"{guest} is not in {self.folder}{cli.did_you_mean(guest, known)}", "phoenix.pyz list")
        return target

    def known(self, guest: str) -> Target | None:
        """The guest of that ID, None if there is no file of it: one look per kind, no file is read."""
        targets = [
            target for target in (Target(kind, guest) for kind in self.kinds()) if os.path.exists(self.file(target))
        ]
        if len(targets) > 1:
            raise self.twice(guest, targets)
        return targets[0] if targets else None

    def find_name(self, hostname: str) -> Target:
        """The guest of that hostname; all files are read for it."""
        names: dict[str, Target] = {}
        for target in self.all():
            name = self.hostname(target)
            if name == hostname and name in names:
                pair = f"{self.file(names[name])} and {self.file(target)}"
                raise ConfigError(f"{hostname} is the hostname of two guests: {pair}", "name the target by its ID")
            names[name] = target
        if hostname not in names:
            wrong = f"no guest in {self.folder} has the hostname {hostname}{cli.did_you_mean(hostname, names)}"
            raise UnknownName(wrong, "phoenix.pyz list")
        return names[hostname]

    def hostname(self, target: Target) -> str:
        """The name that a guest's file gives it: `hostname`, or `name` for a virtual machine; "" if none."""
        return self.glance(target).name

    def glance(self, target: Target) -> Glance:
        """What a guest's file says that matters here; it is read once."""
        from phoenix.dispatch import glance

        if target.id not in self._seen:
            self._seen[target.id] = glance.at(self.folder, target.kind, target.id, self._trusted)
        return self._seen[target.id]

    def stands_alone(self, target: Target) -> bool:
        """Whether a guest's file says nothing of others."""
        from phoenix.dispatch import glance

        return glance.stands_alone(self.folder, target.kind, target.id)
