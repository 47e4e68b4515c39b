"""`pvesh get`, `ls`, `create`, `set`, `delete`, `usage`."""

from __future__ import annotations

import os
import time

from phoenix.pve import formats
from phoenix.rehearsal import pools
from phoenix.rehearsal.failures import BadParameters, Failure
from phoenix.rehearsal.pvesh import answers, paths, printing
from phoenix.rehearsal.speech import say

TYPE_CHECKING = False
if TYPE_CHECKING:
    from phoenix.rehearsal.tree import Tree

_OWN = ("api_path", "human-readable", "noborder", "noheader", "noproxy", "output-format", "quiet")
_TASKS = {"create": "create", "destroy": "destroy", "clone": "clone"}


def _check(tree: Tree, variables: dict[str, str]) -> None:
    node = variables.pop("node", tree.name)
    if node not in (tree.name, "localhost"):
        text = f"failed to get address info for: {node}: Temporary failure in name resolution"
        raise Failure(f"hostname lookup '{node}' failed - {text}", 11)
    faults = {
        name: formats.fault(paths.VARIABLES[name], value)
        for name, value in variables.items()
        if name in paths.VARIABLES
    }
    if any(faults.values()):
        raise BadParameters({name: fault for name, fault in faults.items() if fault})


def get(tree: Tree, given: dict[str, str]) -> int:
    """Read."""
    path = given["api_path"]
    pattern, variables = paths.match(path, paths.GETTERS)
    if not pattern:
        raise Failure(f"No 'get' handler defined for '{path}'", 1)
    _check(tree, variables)
    wishes = {name: value for name, value in given.items() if name not in _OWN}
    module, _, function = paths.GETTERS[pattern].partition(".")
    loaded = __import__(f"phoenix.rehearsal.pvesh.{module}", fromlist=[function])
    found = getattr(loaded, function)(tree, {**variables, **wishes, "path": path})
    if given.get("quiet") != "1":
        printing.show(found, given.get("output-format", "text"), border=given.get("noborder") != "1")
    return 0


def ls(tree: Tree, given: dict[str, str]) -> int:
    """The children of a path, and what can be done with each: read, write, create, delete."""
    path = given["api_path"].rstrip("/")
    found = answers.below(tree, path)
    if not found:
        raise Failure(f"no such resource '{given['api_path']}'", 255)
    for name in found:
        child = f"{path}/{name}"
        flags = "D" if answers.below(tree, child) else "-"
        flags += "r" if paths.match(child, paths.GETTERS)[0] else "-"
        for method, letter in (("set", "w"), ("create", "c"), ("delete", "d")):
            flags += letter if _can(method, child) else "-"
        say(f"{flags:<12} {name}")
    return 0


def _can(method: str, path: str) -> bool:
    if path == "/pools":  # the real one offers all of them there
        return True
    return bool(paths.action(method, path)[0])


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
        raise Failure(f"No '{method}' handler defined for '{path}'", 1)
    _check(tree, variables)
    wishes = {name: value for name, value in given.items() if name not in _OWN}
    if key in paths.POOLS:
        return _change_pool(tree, method, {**variables, **wishes})
    name = paths.ACTIONS[key]
    tool, _, subcommand = name.partition(" ")
    handlers: dict[str, str] = __import__(f"phoenix.rehearsal.{tool}", fromlist=["HANDLERS"]).HANDLERS
    module, _, function = handlers[subcommand].partition(".")
    loaded = __import__(f"phoenix.rehearsal.{tool}.{module}", fromlist=[function])
    status = int(getattr(loaded, function)(tree, {**variables, **wishes}))
    if status == 0 and name not in paths.SYNCHRONOUS:
        say(_task_number(tree, tool, subcommand, variables.get("vmid") or wishes.get("vmid", "")))
    return status


def _task_number(tree: Tree, tool: str, subcommand: str, guest: str) -> str:
    kind = ("vz" if tool == "pct" else "qm") + _TASKS.get(subcommand, subcommand)
    moment = int(time.time())
    return f"UPID:{tree.name}:{os.getpid():08X}:{moment & 0xFFFFFFF:08X}:{moment:08X}:{kind}:{guest}:root@pam:"


def _change_pool(tree: Tree, method: str, wishes: dict[str, str]) -> int:
    name, table = wishes["poolid"], pools.table(tree)
    if method == "create":
        if name in table:
            raise Failure(f"create pool failed: pool '{name}' already exists")
        table[name] = [wishes.get("comment", ""), "", ""]
    elif name not in table:
        verb = "delete" if method == "delete" else "update"
        raise Failure(f"{verb} pool failed: pool '{name}' does not exist")
    elif method == "delete":
        _check_empty(name, table[name])
        del table[name]
    else:
        _update_pool(table[name], wishes)
    pools.write(tree, table)
    return 0


def _check_empty(name: str, fields: list[str]) -> None:
    for field, what in ((fields[1], "VM"), (fields[2], "storage")):
        members = [item for item in field.split(",") if item]
        if members:
            raise Failure(f"delete pool failed: pool '{name}' is not empty (contains {what} {members[0]})")


def _update_pool(fields: list[str], wishes: dict[str, str]) -> None:
    fields[0] = wishes.get("comment", fields[0])
    for place, option in ((1, "vms"), (2, "storage")):
        if option in wishes:
            named = set(formats.split_list(wishes[option]))
            now = {item for item in fields[place].split(",") if item}
            fields[place] = ",".join(sorted(now - named if wishes.get("delete") == "1" else now | named))


def usage(_: Tree, given: dict[str, str]) -> int:
    """How a path is used."""
    path = given["api_path"]
    methods = [method for method in ("create", "set", "delete") if paths.action(method, path)[0]]
    methods += ["get"] if paths.match(path, paths.GETTERS)[0] else []
    if not methods:
        raise Failure(f"no such resource '{path}'", 255)
    for method in methods:
        if given.get("command", method) == method:
            say(f"USAGE: {method} {path} [OPTIONS]")
    return 0
