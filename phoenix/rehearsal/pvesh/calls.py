"""`pvesh get`, `ls`, `create`, `set`, `delete`, `usage`."""

from __future__ import annotations

import os

from phoenix.pve import formats
from phoenix.pve.options import Command
from phoenix.rehearsal import helptexts, tasks, usages
from phoenix.rehearsal.failures import BadParameters, Failure
from phoenix.rehearsal.pvesh import index, paths, printing, schemas
from phoenix.rehearsal.speech import write

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from phoenix.rehearsal.tree import Tree

_OWN = ("api_path", "human-readable", "noborder", "noheader", "noproxy", "output-format", "quiet")
_ANYWHERE = "localhost"
"""A name that every node answers to."""


def _wishes(given: dict[str, str]) -> dict[str, str]:
    return {name: value for name, value in given.items() if name not in _OWN}


def _check(tree: Tree, variables: dict[str, str]) -> dict[str, str]:
    """What stands for the variables of a path, but the node; checked."""
    node = variables.get("node", tree.name)
    if node not in (tree.name, _ANYWHERE):
        text = f"failed to get address info for: {node}: Temporary failure in name resolution"
        raise Failure(f"hostname lookup '{node}' failed - {text}", 11)
    faults = {}
    for name, value in variables.items():
        if name in paths.VARIABLES:
            faults[name] = formats.fault(paths.VARIABLES[name], value, tree.release)
    if any(faults.values()):
        raise BadParameters({name: fault for name, fault in faults.items() if fault})
    return {name: value for name, value in variables.items() if name != "node"}


def _answer(tree: Tree, pattern: str, wanted: dict[str, str]) -> Any:
    """What can be read at a path."""
    name = paths.GETTERS.get(pattern)
    if name is not None:
        return _loaded("pvesh", name)(tree, wanted)
    if "vmid" in wanted:
        _loaded("pvesh", "guests.check")(tree, pattern, wanted)
    key = index.KEYS.get(pattern, "name")
    return [{key: child} for child in index.children(pattern, tree.release)]


def _loaded(tool: str, name: str) -> Any:
    module, _, function = name.partition(".")
    return getattr(__import__(f"phoenix.rehearsal.{tool}.{module}", fromlist=[function]), function)


def get(tree: Tree, given: dict[str, str]) -> int:
    """Read."""
    path = given["api_path"]
    pattern, variables = paths.getter(path)
    if not pattern:
        raise Failure(f"no 'get' handler for '{path}'")
    found = _answer(tree, pattern, {**_check(tree, variables), **_wishes(given)})
    printing.show(found, given, schemas.of(pattern, tree.release))
    return 0


def ls(tree: Tree, given: dict[str, str]) -> int:
    """The children of a path, and what can be done with each: is it a folder; read, write, create, delete."""
    path = given["api_path"]
    pattern, variables = paths.getter(path)
    if not index.has("get", paths.words_of(path), tree.release):
        raise Failure(f"no such resource '{path}'")
    children = index.children(pattern, tree.release) if pattern else {}
    if not children:
        if index.flags(paths.words_of(path), tree.release).startswith("D"):
            raise Failure(f"the rehearsal node has no `pvesh ls {path}`")
        raise Failure(f"resource '{path}' does not define child links")
    named = _answer(tree, pattern, _check(tree, variables))
    variable = next((name for name in children if name.startswith("{")), "")
    if variable:
        key = {"{volume}": "volid", "{snapname}": "name"}.get(variable, variable[1:-1])
        children = {str(item[key]): children[variable] for item in named}
    rows = [{"capabilities": flags, "name": name} for name, flags in sorted(children.items())]
    if given.get("output-format", "text") != "text":
        printing.show(rows, given, schemas.Schema(""))
    elif rows and given.get("quiet") != "1":
        schema = schemas.Schema("capabilities name", sort="name")
        printing.table(rows, {"noborder": "1", "noheader": "1", **given}, schema)
    return 0


def create(tree: Tree, given: dict[str, str]) -> int:
    """Make something, or let something happen."""
    return _act(tree, "create", given)


def change(tree: Tree, given: dict[str, str]) -> int:
    """Change something."""
    return _act(tree, "set", given)


def delete(tree: Tree, given: dict[str, str]) -> int:
    """Remove something."""
    return _act(tree, "delete", given)


def _act(tree: Tree, method: str, given: dict[str, str]) -> int:
    path = given["api_path"]
    key, variables = paths.action(method, path)
    if not key:
        raise Failure(f"no '{method}' handler for '{path}'")
    wanted = {**_check(tree, variables), **_wishes(given)}
    if key in paths.OWN:
        found = _loaded("pvesh", paths.OWN[key][0])(tree, wanted)
        printing.show(found, given, schemas.Schema(""))
        return 0
    return _hand_over(tree, key, wanted, given)


def _hand_over(tree: Tree, key: str, wanted: dict[str, str], given: dict[str, str]) -> int:
    """Let another tool's subcommand do it. A task that failed has said so: the call itself was good."""
    name = paths.ACTIONS[key]
    tool, _, subcommand = name.partition(" ")
    package = tool.replace("-", "_")
    handlers: dict[str, str] = __import__(f"phoenix.rehearsal.{package}", fromlist=["HANDLERS"]).HANDLERS
    answer: Any = None
    if key in ("create /storage", "set /storage/{storage}"):
        answer = {"storage": wanted["storage"], "type": wanted.get("type") or _storage_type(tree, wanted["storage"])}
    guest = wanted.get("vmid", "")
    status = int(_loaded(package, handlers[subcommand])(tree, wanted))
    task = tasks.TYPES.get(name, "qmconfig" if key.startswith("create ") and name == "qm set" else "")
    if not task and status:
        return status
    printing.show(tasks.number(tree, task, guest, os.getpid()) if task else answer, given, schemas.Schema(""))
    return 0


def _storage_type(tree: Tree, name: str) -> str:
    from phoenix.rehearsal import storagecfg

    return storagecfg.read(tree).get(name, {}).get("type", "")


def usage(tree: Tree, given: dict[str, str]) -> int:
    """How a path is used."""
    path, wanted = given["api_path"], given.get("command")
    found = False
    for method in ("get", "set", "create", "delete"):
        added = paths.options_of(method, path) if wanted in (None, method) else None
        if added is None:
            continue
        found = True
        command = Command((), *added)
        line = usages.usage("", command, f"pvesh {method} {path}")
        text = helptexts.full(line, command, tree.release) if given.get("verbose") == "1" else f"USAGE: {line}\n"
        write(1, text)
    if not found:
        raise Failure(f"no '{wanted}' handler for '{path}'" if wanted else f"no such resource '{path}'")
    return 0
