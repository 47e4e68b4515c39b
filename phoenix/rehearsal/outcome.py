"""Outcome: what has become of a node since it was copied, and where the real one could still differ."""

from __future__ import annotations

import os
import re

from phoenix import errors, output
from phoenix.pve import formats
from phoenix.rehearsal import calls, hostfiles, jsons, programs, pveversion, running, shelves, volumes
from phoenix.rehearsal.qm import running as qm_running
from phoenix.rehearsal.tree import FACTS, Tree
from phoenix.rehearsal.volumes import plugin as plugins
from phoenix.text import printable, shell

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import Any

BEGIN = "/usr/share/phoenix-rehearsal/begin.json"
"""The state that the node had when it was copied."""
_KINDS = {"lxc": "lxc", "qemu-server": "vm"}
_SECRET = re.compile(r"(?m)^(cipassword:) .*$")
"""What is not shown of a machine's file."""


def begin(tree: Tree, origin: Mapping[str, Any]) -> None:
    """Note the state from which on changes count. `origin` says of what the node is a copy."""
    import json

    with open(tree(BEGIN), "w", encoding="utf-8") as file:
        json.dump({**_state(tree), "origin": origin}, file)


def _state(tree: Tree) -> dict[str, Any]:
    texts, table = {**dict(_texts(tree)), **dict(hostfiles.texts(tree))}, volumes.table(tree)
    said: dict[str, int] = {}
    for path, text in texts.items():
        if _guest_of(path)[2]:
            said.update(shelves.volumes_named(text, table))
    found = {}
    for storage in table.values():
        plugin = plugins.plugin(tree, storage)
        for name in plugin.listed():
            volume = f"{storage.name}:{name}"
            found[volume] = plugin.size(name) or said.get(volume, 0)
    return {
        "files": texts,
        "volumes": found,
        "running": {"lxc": sorted(running.guests(tree)), "vm": machines(tree)},
    }


def _texts(tree: Tree) -> Iterator[tuple[str, str]]:
    """Every file of /etc/pve but what the cluster file system makes up, and secrets."""
    base = tree("/etc/pve")
    for folder, folders, names in os.walk(base):
        folders[:] = sorted(name for name in folders if name != "priv")
        for name in sorted(names):
            path = f"{folder}/{name}"
            if not os.path.islink(path) and not (folder == base and name.startswith(".")):
                with open(path, encoding="utf-8", errors="replace") as file:
                    yield path[len(tree.root) :], file.read()


def machines(tree: Tree) -> list[str]:
    """The virtual machines of a node that run."""
    folder = tree("/run/qemu-server")
    names = os.listdir(folder) if os.path.isdir(folder) else ()
    guests = [name[: -len(".pid")] for name in names if name.endswith(".pid")]
    return sorted(guest for guest in guests if guest.isdigit() and qm_running.pid(tree, guest))


def run(folder: str, options: Mapping[str, str]) -> None:
    """Tell what has become of the node in `folder`."""
    root = os.path.abspath(folder)
    if not os.path.isfile(root + BEGIN) or not os.path.isfile(root + FACTS):
        raise errors.NotReady(f"{folder} is no copy of a node", "phoenix.pyz node copy DIR makes one")
    facts = changes(Tree(root))
    if options.get("--output") == "json":
        output.document(**facts)
    else:
        output.text("\n".join(_lines(facts)))


def changes(tree: Tree) -> dict[str, Any]:
    """What has changed, as facts for a document."""
    before, after = jsons.read(tree.read(BEGIN)), _state(tree)
    origin = before["origin"]
    called = [{"argv": call["argv"], "exit": call["exit"]} for call in _calls(tree)]
    made = {volume: size for volume, size in after["volumes"].items() if volume not in before["volumes"]}
    return {
        "node": {"name": origin["of"], "fresh": origin["fresh"], "version": origin.get("version", "")},
        "guests": list(_guests(tree, before, after)),
        "files": list(_files(before["files"], after["files"])),
        "volumes": {
            "made": made,
            "removed": {name: size for name, size in before["volumes"].items() if name not in after["volumes"]},
            "resized": {
                name: [before["volumes"][name], size]
                for name, size in after["volumes"].items()
                if before["volumes"].get(name, size) != size
            },
        },
        "calls": called,
        "could_differ": list(_doubts(tree, origin, [call["argv"] for call in called], made)),
    }


def _calls(tree: Tree) -> list[dict[str, Any]]:
    return [jsons.read(line) for line in tree.read(calls.LOG).split("\n") if line]


def _guest_of(path: str) -> tuple[str, str, str]:
    """The node, kind and ID of a guest's file; empty if it is none."""
    parts = path.split("/")  # /etc/pve/nodes/NODE/lxc/ID.conf
    good = len(parts) == 7 and parts[5] in _KINDS and parts[6][-5:] == ".conf" and parts[6][:-5].isdigit()
    return (parts[4], _KINDS[parts[5]], parts[6][:-5]) if good else ("", "", "")


def _guests(tree: Tree, before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """The guests whose file or whose running has changed, by ID."""
    paths = {path: _guest_of(path) for path in {*before["files"], *after["files"]}}
    for path, (node, kind, guest) in sorted(paths.items(), key=lambda item: (int(item[1][2] or 0), item[0])):
        if not guest:
            continue
        old, new = before["files"].get(path), after["files"].get(path)
        here = node == tree.name
        ran, runs = (here and guest in state["running"][kind] for state in (before, after))
        if old != new or ran != runs:
            shown = path.replace(f"/nodes/{node}/", "/") if here else path
            yield {
                "id": guest,
                "kind": kind,
                "ran": ran,
                "runs": runs,
                **_change(shown, old, new),
            }


def _files(before: Mapping[str, str], after: Mapping[str, str]) -> Iterator[dict[str, Any]]:
    """The other files that have changed."""
    for path in sorted({*before, *after}):
        if before.get(path) != after.get(path) and not _guest_of(path)[2]:
            yield _change(path, before.get(path), after.get(path))


def _change(path: str, before: str | None, after: str | None) -> dict[str, Any]:
    import difflib

    before, after = (None if text is None else _SECRET.sub(r"\1 **********", text) for text in (before, after))
    lines = difflib.unified_diff(
        (before or "").splitlines(),
        (after or "").splitlines(),
        "/dev/null" if before is None else path,
        "/dev/null" if after is None else path,
        lineterm="",
    )
    return {"file": path, "before": before, "after": after, "diff": "".join(line + "\n" for line in lines)}


def _doubts(tree: Tree, origin: Mapping[str, Any], argvs: list[list[str]], made: Mapping[str, int]) -> Iterator[str]:
    """Where the real node could still differ, as far as it matters for what was done."""
    yield from origin["remarks"]
    imitated = pveversion.VERSIONS[tree.release]["pve-manager"].partition(" ")[0]
    version = origin.get("version", "")
    if version and "." in version and version.split(".")[:2] != imitated.split(".")[:2]:
        yield f"{origin['of']} has Proxmox VE {version}; the rehearsal behaves as {imitated} does"
    if made and "free" in origin:
        yield from _spaces(tree, origin["free"], made)
    done = {" ".join(argv[:2]) for argv in argvs}
    if done & {"pct create", "qm create", "pct restore"}:
        yield "what is in a template or backup is guessed from its name; generated addresses and marks will be others"
    if done & {"pct start", "qm start", "pct reboot", "qm reboot"}:
        yield "whether a guest boots, and what then runs in it, is not rehearsed; hook scripts are not run"
    if "qm guest" in done:
        yield "guest agents were taken to answer, and cloud-init to have done its work"
    if any(argv[0] in programs.PROGRAMS for argv in argvs):
        yield "the programs of the system were imitations, and nothing was installed, mounted or started anew"
    if argvs:
        yield "pct, qm and pvesm were imitations; HA, replication, backups and other nodes took no part"


def _spaces(tree: Tree, free: Mapping[str, int | None], made: Mapping[str, int]) -> Iterator[str]:
    table = volumes.table(tree)
    for name in sorted({volume.partition(":")[0] for volume in made}):
        needed = formats.show_size(sum(size for volume, size in made.items() if volume.startswith(name + ":")))
        room = free.get(name)
        if room is None:
            yield f"how much is free on {name} ({table[name].type}) is in no file; {needed} were made there"
        else:
            yield f"{name} has {room / (1 << 30):.1f}G free; {needed} were made there"


# --- for people ---


def _lines(facts: Mapping[str, Any]) -> Iterator[str]:
    yield f"what would have become of {facts['node']['name']}:"
    for guest in facts["guests"]:
        yield ""
        yield f"{guest['id']}  {guest['kind']}  {_verdict(guest)}"
        yield from _shown(guest["diff"])
    for file in facts["files"]:
        yield ""
        yield from _shown(file["diff"])
    changed = facts["volumes"]
    if any(changed.values()):
        yield ""
        yield "volumes:"
        yield from (f"  made     {name}  {formats.show_size(size)}" for name, size in changed["made"].items())
        yield from (f"  removed  {name}  {formats.show_size(size)}" for name, size in changed["removed"].items())
        for name, (old, new) in changed["resized"].items():
            yield f"  resized  {name}  {formats.show_size(old)} -> {formats.show_size(new)}"
    if not facts["guests"] and not facts["files"] and not any(changed.values()):
        yield "  nothing: no guest, file or volume would have changed"
    if facts["calls"]:
        yield ""
        yield "calls, each with its exit status:"
        yield from (f"  {call['exit']:>3}  {shell(call['argv'])}" for call in facts["calls"])
    if facts["could_differ"]:
        yield ""
        yield "where the real node could differ:"
        yield from (f"  - {doubt}" for doubt in facts["could_differ"])


def _shown(diff: str) -> Iterator[str]:
    return (printable(line) for line in diff.splitlines())


def _verdict(guest: Mapping[str, Any]) -> str:
    """What has become of a guest, in a word or two."""
    if guest["after"] is None:
        return "destroyed"
    what = "made" if guest["before"] is None else "changed" if guest["diff"] else ""
    state = ("running" if guest["runs"] else "stopped") if not what or guest["runs"] != guest["ran"] else ""
    return ", ".join(word for word in (what, f"now {state}" if state else "") if word)
