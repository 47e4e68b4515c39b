"""Fuzz of the whole: whatever its files and words are, the built phoenix.pyz answers as documented and changes nothing.

Nothing, if what it was given is bad. Before each run one thing is spoilt on a rehearsal node with a container and a
machine: a guest's file, what Proxmox VE or Phoenix itself has written down, or the words.
"""

from __future__ import annotations

import collections
import json
import random
import shutil
import subprocess
import sys
import time

import pytest

from tests.crash import boundaries
from tests.fuzz import test_parsers as parsers

pytestmark = pytest.mark.processes

SEED = 2000
PARTS = 20
ALL = 20_000
GUESTS = {"lxc": "9001", "vm": "9002"}
CODES = {0, 1, 2, 3, 4, 5, 6, 7, 8, 10}
BAD = {2, 3, 4}
"""The codes that say that the input is bad."""
LOOKING = {"check", "plan", "list", "status", "log"}
READING = {"status", "config", "list", "pending", "listsnapshot", "help"}
LINES = [
    ("check",), ("plan",), ("plan", "{id}"), ("plan", "{id}", "--exit-code"), ("create", "{id}"), ("create", "all"),
    ("list",), ("status", "{id}"), ("status",), ("log", "{id}"), ("log",), ("import", "{id}", "--adopt", "--dry-run"),
    ("create", "{id}", "--output=json"), ("delete", "{id}", "--yes", "--dry-run"), ("stop", "{id}", "--dry-run"),
    ("lxc-manager", "--action=create", "--id={id}"), ("vm-manager", "--action=plan", "--id={id}", "--output=json"),
]  # fmt: skip
SPOILT = (
    *["etc/phoenix/{kind}/{id}.toml"] * 6, "etc/pve/{folder}/{id}.conf", "etc/pve/storage.cfg",
    "var/lib/phoenix/journal/{kind}-{id}.jsonl", "var/lib/phoenix/records/{kind}-{id}", "etc/pve/.members",
    "var/log/pve/tasks/active", *["words"] * 3,
)  # fmt: skip
LONGEST = 300_000
"""So many characters it says at most."""


class Node:
    """A rehearsal node with both guests made, and the built phoenix.pyz."""

    def __init__(self, built, folder):
        self.built = built
        self.whole = folder / "whole"
        self.root = folder / "node"
        self.run("node", "new", str(self.whole), root=False)
        for kind, guest in GUESTS.items():
            file = self.whole / f"etc/phoenix/{kind}/{guest}.toml"
            file.parent.mkdir(parents=True)
            file.write_text(boundaries.FILES[kind])
            made = self.run("create", guest, root=self.whole)
            assert made.returncode == 0, made.stderr
        self.renew()

    def renew(self):
        shutil.rmtree(self.root, ignore_errors=True)
        boundaries.copy_tree(self.whole, self.root)

    def run(self, *words, root=None):
        at = [] if root is False else [f"--root={root or self.root}"]
        first = [word for word in words[:1] if str(word).endswith("-manager")]  # its options come after its name
        argv = [sys.executable, "-IS", str(self.built), *first, *at, *words[len(first) :]]
        return subprocess.run(argv, capture_output=True, check=False, env={}, timeout=120, stdin=subprocess.DEVNULL)

    def calls(self):
        """The calls of tools that change something."""
        path = self.root / "var/log/rehearsal-calls.jsonl"
        found = [json.loads(line)["argv"] for line in path.read_text().splitlines()] if path.exists() else []
        return [argv for argv in found if argv[1] not in READING]

    def kept(self):
        """All that Proxmox VE and Phoenix have written down of guests."""
        folders = (self.root / "etc/pve", self.root / "var/lib/phoenix", self.root / "var/lib/vz/images")
        files = [path for folder in folders for path in folder.rglob("*") if path.is_file()]
        return {path: path.read_bytes() if path.suffix != ".raw" else path.stat().st_size for path in files}


def spoil(rng, node):
    """Spoil one thing; returns the words to run, and what was spoilt."""
    kind = rng.choice(list(GUESTS))
    facts = {"kind": kind, "id": GUESTS[kind], "folder": boundaries.FOLDER[kind]}
    words = [word.format(**facts) for word in rng.choice(LINES)]
    name = rng.choice(SPOILT).format(**facts)
    if name == "words":
        data = parsers.changed(rng, " ".join(words).encode(), b" ".join(parsers.WORDS))
        return [word for word in data.replace(b"\0", b"").split(b" ") if b"--yes" not in word], name
    path = node.root / name
    good = path.read_bytes() if path.exists() else b""
    other = rng.choice(parsers.TOMLS[kind]) if name.endswith(".toml") else good
    if other is not good and rng.random() < 0.3:
        good = other
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(parsers.changed(rng, good, other))
    return words, name


def heal(node, name):
    """Put back what was spoilt."""
    good = node.whole / name
    if good.is_file():
        shutil.copy(good, node.root / name)
    elif name != "words":
        (node.root / name).unlink()


def check(node, words, ran, before):
    """It ended as documented, said it in a way that no terminal acts on, and changed nothing if its input was bad."""
    assert ran.returncode in CODES, ran
    said = ran.stdout.decode() + ran.stderr.decode()  # or it is no UTF-8
    assert "Traceback" not in said
    assert not (node.root / "var/log/phoenix/bugs.log").exists()
    assert len(said) < LONGEST, words
    assert all(sign.isprintable() or sign in "\n\t" for sign in said), said
    bad = ran.returncode in BAD and not {"all", b"all"} & set(words)  # of all, those whose files are right are made
    if bad or "--dry-run" in words or words[0] in LOOKING:
        assert node.kept() == before
    if ran.returncode not in (0, 10):
        assert b"error: " in ran.stderr or b"Usage:" in ran.stderr, ran


def fuzz(built, folder, numbers):
    """One run for each number. AssertionError with all that went wrong, and what was spoilt."""
    node, codes, began = Node(built, folder), collections.Counter(), time.monotonic()
    failures = []
    try:
        run_each(node, numbers, codes, failures)
    finally:  # told even if it is stopped by a Ctrl-C
        done = f"{sum(codes.values())} runs of {numbers}, {len(failures)} failed"
        print(f"seed {SEED}, {done}: {dict(codes)}, {time.monotonic() - began:.0f} s")
    assert not failures, "\n\n".join(failures)


def run_each(node, numbers, codes, failures):
    """One run for each number; how they end is added to `codes`, what went wrong to `failures`."""
    whole = node.kept()
    for number in numbers:
        rng = random.Random(f"{SEED}-{number}")
        words, name = spoil(rng, node)
        old, before = len(node.calls()), node.kept()
        ran = node.run(*words)
        codes[ran.returncode] += 1
        try:
            check(node, words, ran, before)
        except AssertionError as error:
            spoilt = b"" if name == "words" else (node.root / name).read_bytes()
            failures.append(f"number {number}, {words}, {name}: {spoilt!r}: {ran}: {error}")
        heal(node, name)
        if failures or len(node.calls()) != old or node.kept() != whole:
            node.renew()


def test_some_runs(built, tmp_path):
    fuzz(built, tmp_path, range(100))


@pytest.mark.whole
@pytest.mark.parametrize("part", range(PARTS))
def test_twenty_thousand_runs(built, tmp_path, part):
    fuzz(built, tmp_path, range(ALL * part // PARTS, ALL * (part + 1) // PARTS))
