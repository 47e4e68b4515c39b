"""Modules: those of this build, compiled, from one file: an import of them does not look around on the disk.

Unpacking makes the file, one for each Python: a table, by name, of whether a module is a package, and its code. A
program of the build reads it and calls `use` of this module, whose code is in it too, before it imports anything.
"""

from __future__ import annotations

import marshal
import sys
from _frozen_importlib import ModuleSpec

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from types import CodeType, ModuleType
    from typing import Any


class Modules:
    """Finds and loads the modules of a table as those of a tree; Python looks for others in the tree itself."""

    def __init__(self, tree: str, table: Mapping[str, tuple[bool, bytes]]) -> None:
        self.tree = tree
        self.table = table

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
        code: CodeType = marshal.loads(self.table[name][1])
        return code

    def get_source(self, name: str) -> str:
        """A module's text, which is in the tree beside its table; tracebacks and copies ask for it."""
        with open(self.file(name), encoding="utf-8") as file:
            return file.read()

    def is_package(self, name: str) -> bool:
        """Whether a module is a package."""
        return self.table[name][0]

    def file(self, name: str) -> str:
        """Where a module's text is."""
        return self.tree + "/" + name.replace(".", "/") + ("/__init__.py" if self.table[name][0] else ".py")


def use(tree: str, table: Mapping[str, tuple[bool, bytes]]) -> None:
    """Import from the table first."""
    sys.meta_path.insert(0, Modules(tree, table))
