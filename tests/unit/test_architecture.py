"""The shape of the code: who may import whom, who may start processes, how long things may be."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

# The layers, lowest first: a module may import its own layer and those below it.
LAYERS = (
    (
        "phoenix",
        "phoenix.errors",
        "phoenix.jsonline",
        "phoenix.memo",
        "phoenix.paths",
        "phoenix.text",
        "phoenix.value",
    ),
    ("phoenix.process",),
    (
        "phoenix.files",
        "phoenix.locks",
        "phoenix.log",
        "phoenix.output",
        "phoenix.journal",
        "phoenix.workers",
        "phoenix.record",
        "phoenix.cli",
        "phoenix.call",
    ),
    ("phoenix.config",),
    ("phoenix.pve",),
    ("phoenix.guests", "phoenix.host"),
    ("phoenix.reconcile", "phoenix.manager"),
    ("phoenix.change", "phoenix.setup"),
    ("phoenix.actions",),
    ("managers",),
)
BASE = ("phoenix", "phoenix.errors", "phoenix.paths", "phoenix.text", "phoenix.value")
# Those beside the layers, and all of ours that they may import.
BESIDE = {
    "phoenix.dispatch": (
        *BASE,
        "phoenix.process",
        "phoenix.files",
        "phoenix.cli",
        "phoenix.journal",
        "phoenix.log",
        "phoenix.output",
        "phoenix.config",
        "phoenix.pve",
        "phoenix.dispatch",
    ),
    "phoenix.rehearsal": (
        "phoenix",
        "phoenix.errors",
        "phoenix.text",
        "phoenix.output",
        "phoenix.pve",
        "phoenix.rehearsal",
    ),
    "phoenix.modules": ("phoenix.compiled",),
    "phoenix.compiled": (),
    "phoenix.entry.manager": ("phoenix.manager",),
    "phoenix.entry.rehearsal": ("phoenix.rehearsal",),
    "phoenix.bootstrap": ("phoenix.bootstrap", "phoenix.dispatch"),
}
# What a layer must not import although it is below it.
NEVER = {
    "phoenix.config": ("phoenix.process",),
    "phoenix.pve": ("phoenix.process", "phoenix.config"),
    "managers": ("managers",),
}
# Who alone may import these.
ONLY = {
    "subprocess": (),
    "multiprocessing": (),
    "asyncio": (),
    "pty": (),
    "docopt": ("phoenix.cli",),
    "tomli": ("phoenix.config", "phoenix.rehearsal"),
    "tomllib": (),
}
# Who alone may use these names of `os` and `sys`.
ONLY_NAMES = {
    **dict.fromkeys(("os.forkpty", "os.posix_spawn", "os.posix_spawnp"), ("phoenix.process",)),
    # The rehearsal node is a program of its own; its pct has a worker, as the real one has.
    "os.fork": ("phoenix.process", "phoenix.rehearsal.fence", "phoenix.rehearsal.sandbox", "phoenix.rehearsal.worker"),
    **dict.fromkeys(("os.system", "os.popen", "os.spawnv", "os.spawnve", "os.spawnvp", "os.spawnl"), ()),
    **dict.fromkeys(
        ("os.execv", "os.execve", "os.execvp", "os.execvpe", "os.execl", "os.execle", "os.execlp"),
        (
            "phoenix.process",
            "phoenix.entry",
            "phoenix.bootstrap",
            "phoenix.rehearsal.sandbox",
            "phoenix.rehearsal.worker",
        ),
    ),
    **dict.fromkeys(("sys.exit", "exit", "quit", "SystemExit"), ("phoenix.entry", "phoenix.bootstrap", "phoenix.cli")),
}
MOST_LINES, MOST_LINES_OF_A_FUNCTION = 400, 50


def within(name: str, parts: tuple[str, ...]) -> str:
    """The one of `parts` that is the module `name` or the nearest package around it; "" if none is.

    The package `phoenix` stands for its own __init__ only: what is in it has a layer of its own.
    """
    while name:
        if name in parts:
            return name
        name = name.rpartition(".")[0]
        if name == "phoenix":
            return ""
    return ""


def imports(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Every import at whatever depth: the line, and the name as far as it may be a module."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            for alias in node.names:
                yield node.lineno, "." * node.level + f"{node.module or ''}.{alias.name}"


def names(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Every use of os.NAME and sys.NAME, also when imported from there, and of plain names."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in ("os", "sys"):
            yield node.lineno, f"{node.value.id}.{node.attr}"
        elif isinstance(node, ast.ImportFrom) and node.module in ("os", "sys"):
            yield from ((node.lineno, f"{node.module}.{alias.name}") for alias in node.names)
        elif isinstance(node, ast.Name):
            yield node.lineno, node.id


def forbidden_import(module: str, name: str) -> str:
    """Why `module` must not import `name`; "" if it may."""
    if name.startswith("."):
        return "imports relatively"
    top = name.split(".")[0]
    if top in ONLY:
        return "" if within(module, ONLY[top]) else f"imports {top}, which is for {ONLY[top] or 'nobody'}"
    if top not in ("phoenix", "managers"):
        return ""
    # `from phoenix import __version__` names no module of that name: it is the package itself.
    known = [part for layer in LAYERS for part in layer] + list(BESIDE)
    target = within(name, tuple(known)) or ("phoenix" if name.count(".") <= 1 else "")
    if not target:
        return f"imports {name}, which has no layer: put it into the table"
    return "" if may(module, target, name) else f"imports {name}, which is not below it"


def may(module: str, target: str, name: str) -> bool:
    """Whether the tables let `module` import `target`, the part that `name` is in."""
    beside = within(module, tuple(BESIDE))
    if beside:
        return target in BESIDE[beside]
    if within(name, NEVER.get(within(module, tuple(NEVER)), ())):
        return False
    level = {part: number for number, layer in enumerate(LAYERS) for part in layer}
    return level.get(target, len(LAYERS)) <= level[within(module, tuple(level))]


def misuse(module: str, name: str) -> str:
    """Why `module` must not use `name`; "" if it may."""
    if name in ONLY_NAMES and not within(module, ONLY_NAMES[name]):
        return f"uses {name}, which is for {ONLY_NAMES[name] or 'nobody'}"
    return ""


def too_long(tree: ast.AST, lines: int) -> Iterator[tuple[int, str]]:
    """The file, if it is too long, and the functions that are."""
    if lines > MOST_LINES:
        yield lines, f"has more than {MOST_LINES} lines"
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            length = (node.end_lineno or 0) - node.lineno + 1
            if length > MOST_LINES_OF_A_FUNCTION:
                yield node.lineno, f"{node.name} has {length} lines, more than {MOST_LINES_OF_A_FUNCTION}"


def faults(module: str, source: str) -> list[str]:
    """What is wrong with the shape of a module: "line: reason"."""
    try:
        tree = ast.parse(source, feature_version=(3, 9))
    except SyntaxError as error:
        return [f"{error.lineno}: is not Python 3.9: {error.msg}"]
    known = [part for layer in LAYERS for part in layer] + list(BESIDE)
    found = [(1, "has no place in the layers: put it into the table")] * (not within(module, tuple(known)))
    if not found:
        found = [(line, forbidden_import(module, name)) for line, name in imports(tree)]
    found += [(line, misuse(module, name)) for line, name in names(tree)]
    found += too_long(tree, source.count("\n"))
    if not (ast.get_docstring(tree) or "").split("\n")[0].strip():
        found.append((1, "does not say in its first line what it owns"))
    return [f"{line}: {reason}" for line, reason in sorted(found) if reason]


def module_name(path: Path, repository: Path) -> str:
    """The dotted name of a source file."""
    return ".".join(path.relative_to(repository).with_suffix("").parts).replace(".__init__", "")


def test_every_module_keeps_the_rules(repository: Path) -> None:
    sources = sorted([*repository.glob("phoenix/**/*.py"), *repository.glob("managers/*.py")])
    assert len(sources) > 30
    wrong = [
        f"{path.relative_to(repository)}:{fault}"
        for path in sources
        for fault in faults(module_name(path, repository), path.read_text("utf-8"))
    ]
    assert not wrong, "\n".join(wrong)


PLANTED = [
    ("phoenix.files", "import subprocess", "imports subprocess"),
    ("phoenix.pve.pct", "def f():\n    import subprocess", "imports subprocess"),
    ("phoenix.locks", "from multiprocessing import Process", "imports multiprocessing"),
    ("phoenix.pve.pct", "import os\nos.posix_spawn('a', [], {})", "uses os.posix_spawn"),
    ("phoenix.pve.pct", "from os import fork", "uses os.fork"),
    ("phoenix.process", "import os\nos.system('a')", "uses os.system"),
    ("managers.lxc_manager", "import os\nos.execv('a', [])", "uses os.execv"),
    ("managers.lxc_manager", "import docopt", "imports docopt"),
    ("phoenix.pve.node", "import tomli", "imports tomli"),
    ("phoenix.config.load", "import tomllib", "imports tomllib"),
    ("managers.lxc_manager", "import sys\nsys.exit(1)", "uses sys.exit"),
    ("phoenix.reconcile", "raise SystemExit(1)", "uses SystemExit"),
    ("phoenix.errors", "from phoenix import process", "imports phoenix.process"),
    ("phoenix.process", "from phoenix.files import read", "imports phoenix.files.read"),
    ("phoenix.files", "import phoenix.config.load", "imports phoenix.config.load"),
    ("phoenix.config.load", "from phoenix import process", "imports phoenix.process"),
    ("phoenix.pve.pct", "from phoenix.config import load", "imports phoenix.config.load"),
    ("phoenix.pve.pct", "from phoenix.guests.plan import Plan", "imports phoenix.guests.plan.Plan"),
    ("phoenix.guests.plan", "from phoenix import reconcile", "imports phoenix.reconcile"),
    ("phoenix.reconcile", "from managers import lxc_manager", "imports managers.lxc_manager"),
    ("phoenix.reconcile", "import phoenix.dispatch.main", "imports phoenix.dispatch.main"),
    ("phoenix.dispatch.main", "from phoenix.guests import plan", "imports phoenix.guests.plan"),
    ("phoenix.dispatch.main", "from managers import lxc_manager", "imports managers.lxc_manager"),
    ("phoenix.dispatch.main", "import phoenix.rehearsal.node", "imports phoenix.rehearsal.node"),
    ("managers.lxc_manager", "from phoenix.dispatch import child", "imports phoenix.dispatch.child"),
    ("managers.lxc_manager", "from managers import vm_manager", "imports managers.vm_manager"),
    ("managers.lxc_manager", "from phoenix.rehearsal import node", "imports phoenix.rehearsal.node"),
    ("phoenix.rehearsal.node", "from phoenix import files", "imports phoenix.files"),
    ("phoenix.rehearsal.node", "from phoenix.dispatch import child", "imports phoenix.dispatch.child"),
    ("phoenix.entry.manager", "from phoenix import files", "imports phoenix.files"),
    ("phoenix.guests.plan", "from . import values", "imports relatively"),
    ("phoenix.guests.plan", "from phoenix.newcomer import thing", "has no layer"),
    ("phoenix.newcomer", "import os", "has no place in the layers"),
    ("phoenix.files", "match 1:\n    case 1: pass", "is not Python 3.9"),
    ("phoenix.files", "def f():\n" + "    pass\n" * 50, "f has 51 lines"),
    ("phoenix.files", "pass\n" * 400, "has more than 400 lines"),
]


@pytest.mark.parametrize(("module", "source", "reason"), PLANTED)
def test_a_planted_fault_is_found(module: str, source: str, reason: str) -> None:
    found = faults(module, f'"""Owns something."""\n{source}\n')
    assert len(found) == 1
    assert reason in found[0]


def test_a_module_without_its_first_line_is_found() -> None:
    assert faults("phoenix.files", "import os\n") == ["1: does not say in its first line what it owns"]


ALLOWED = [
    ("phoenix.process", "import os\nos.posix_spawn('a', [], {})"),
    ("phoenix.entry.manager", "import os, sys\nfrom phoenix.manager import run\nsys.exit(os.execv('a', []))"),
    (
        "phoenix.dispatch.about",
        "import phoenix\nfrom phoenix import __version__, cli\nfrom phoenix.config import load",
    ),
    (
        "phoenix.rehearsal.node",
        "from phoenix import __version__\nfrom phoenix.pve import options\nimport tomli",
    ),
    (
        "managers.lxc_manager",
        "from phoenix.manager import Call\nfrom phoenix.guests import plan\nimport phoenix.process",
    ),
    ("phoenix.guests.plan", "from phoenix.guests import values\nfrom phoenix.config.faults import Faults"),
]


@pytest.mark.parametrize(("module", "source"), ALLOWED)
def test_what_the_rules_allow_is_no_fault(module: str, source: str) -> None:
    assert faults(module, f'"""Owns something."""\n{source}\n') == []
