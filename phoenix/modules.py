"""Modules: those of this build, from one archive, compiled: an import of them does not look around on the disk.

Unpacking makes a table for each Python, by name: whether a module is a package, and its code. A module that only
some runs need has the name of its group there; phoenix/compiled.py has the code. A program of the build reads the
table and calls `use` of this module, whose code is in it too, before it imports anything.
"""

from __future__ import annotations

import marshal
import os
import sys
from _frozen_importlib import ModuleSpec

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from types import CodeType, ModuleType
    from typing import Any, Union

    Table = Mapping[str, tuple[bool, Union[bytes, str]]]


class Modules:
    """Finds and loads the modules of a table as those of a place, which is a folder or an archive."""

    def __init__(self, place: str, table: Table) -> None:
        self.place = place
        self.table = table
        self.groups: dict[str, Mapping[str, bytes]] = {}

    def find_spec(self, name: str, _path: Sequence[str] | None, _target: object = None) -> ModuleSpec | None:
        """What the import system asks."""
        if name not in self.table:
            return None
        loader: Any = self
        file = self.file(name)
        spec = ModuleSpec(name, loader, origin=file, is_package=self.is_package(name))
        spec.has_location = True
        if spec.submodule_search_locations is not None:
            spec.submodule_search_locations.append(file[: -len("/__init__.py")])
        return spec

    def create_module(self, _spec: ModuleSpec) -> None:
        """Leave that to the import system."""

    def exec_module(self, module: ModuleType) -> None:
        """Run a module's code."""
        exec(self.get_code(module.__name__), module.__dict__)

    def get_code(self, name: str) -> CodeType:
        """A module's code."""
        held = self.table[name][1]
        code: CodeType = marshal.loads(held if isinstance(held, bytes) else self.grouped(name, held))
        return code

    def grouped(self, name: str, group: str) -> bytes:
        """The code of a module that not every run needs."""
        found = self.groups.get(group, {})
        if name not in found:
            from phoenix import compiled

            files = {other: self.file(other) for other, (_, held) in self.table.items() if held == group}
            # Another thread may put there what it has found meanwhile.
            found = self.groups[group] = compiled.codes(self.place, group, files, name)
        return found[name]

    def get_source(self, name: str) -> str:
        """A module's text, which is in the place; tracebacks and copies ask for it."""
        file = self.file(name)
        if os.path.isdir(self.place):
            with open(file, encoding="utf-8") as opened:
                return opened.read()
        from zipimport import zipimporter

        return zipimporter(self.place).get_data(file).decode()

    def is_package(self, name: str) -> bool:
        """Whether a module is a package."""
        return self.table[name][0]

    def file(self, name: str) -> str:
        """Where a module's text is."""
        return self.place + "/" + name.replace(".", "/") + ("/__init__.py" if self.table[name][0] else ".py")


def use(place: str, table: Table) -> None:
    """Import from the table first."""
    sys.meta_path.insert(0, Modules(place, table))
