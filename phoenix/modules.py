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
    from types import ModuleType
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
        place, package = self.tree + "/" + name.replace(".", "/"), self.table[name][0]
        loader: Any = self
        spec = ModuleSpec(name, loader, origin=place + ("/__init__.py" if package else ".py"), is_package=package)
        spec.has_location = True
        if spec.submodule_search_locations is not None:
            spec.submodule_search_locations.append(place)
        return spec

    def create_module(self, _spec: ModuleSpec) -> None:
        """Leave that to the import system."""

    def exec_module(self, module: ModuleType) -> None:
        """Run a module's code."""
        exec(marshal.loads(self.table[module.__name__][1]), module.__dict__)


def use(tree: str, table: Mapping[str, tuple[bool, bytes]]) -> None:
    """Import from the table first."""
    sys.meta_path.insert(0, Modules(tree, table))
