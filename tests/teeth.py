#!/usr/bin/env python3
"""Whether the tests would notice: bugs planted one at a time, each in a copy of the checkout, and the tests run on it.

    python3 tests/teeth.py [NAME ...]        all of them, or those whose name has one of these in it
    python3 tests/teeth.py --list            their names

First the test that is named beside a bug is run, then the parts of the ordinary test command one after another, until
one fails: that one has caught the bug. Printed are who caught each, and at last how many were. Exit: 0, 1 if more than
two were missed, 2 if one cannot be planted, or a test that is named fails without any bug.
"""

from __future__ import annotations

import contextlib
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import tomllib

if TYPE_CHECKING:
    from collections.abc import Iterator

REPOSITORY = Path(__file__).resolve().parent.parent
PARTS = (
    "tests/unit",
    "tests/checks",
    "tests/contract",
    "tests/build",
    "tests/crash",
    "tests/rehearsal",
    "tests/fuzz",
    "tests/bare",
    "tests/setup",
)
MISSED = 2
TABLE = REPOSITORY / "tests" / "teeth.toml"
BUGS = {bug["name"]: bug for bug in tomllib.loads(TABLE.read_text("utf-8"))["bug"]}


def main(words: list[str]) -> int:
    """Plant what is asked for; returns the exit status."""
    if words == ["--list"]:
        print("\n".join(BUGS))
        return 0
    wanted = [name for name in BUGS if not words or any(word in name for word in words)]
    misplaced = [name for name in wanted if not is_plantable(name)]
    if misplaced:
        print("cannot be planted: " + "; ".join(misplaced), file=sys.stderr)
        return 2
    with a_copy() as copy:
        failing = failed(copy, sorted({BUGS[name]["by"] for name in wanted}))
    if failing:
        print(f"fails without any bug: {failing}", file=sys.stderr)
        return 2
    missed = [name for name in wanted if not told(name)]
    print(f"{len(wanted) - len(missed)} of {len(wanted)} caught; missed: {'; '.join(missed) or 'none'}")
    return 1 if len(missed) > MISSED else 0


def is_plantable(name: str) -> bool:
    """Whether what a bug replaces stands exactly once in its file."""
    bug = BUGS[name]
    return (REPOSITORY / "phoenix" / bug["file"]).read_text().count(bug["old"]) == 1


@contextlib.contextmanager
def a_copy() -> Iterator[Path]:
    """A copy of the checkout, for as long as it is needed."""
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "checkout"
        ignored = shutil.ignore_patterns(".git", "__pycache__", ".*_cache", "phoenix.pyz", "env")
        shutil.copytree(REPOSITORY, copy, symlinks=True, ignore=ignored)
        (copy / "dist/env").symlink_to(REPOSITORY / "dist/env")
        yield copy


def told(name: str) -> bool:
    """Plant a bug and say who catches it; whether anybody does."""
    began = time.monotonic()
    bug = BUGS[name]
    with a_copy() as copy:
        path = copy / "phoenix" / bug["file"]
        path.write_text(path.read_text().replace(bug["old"], bug["new"]))
        by = failed(copy, [bug["by"]]) or caught_by(copy)
    print(f"{'caught' if by else 'MISSED'}  {name}  {by}  {time.monotonic() - began:.0f} s", flush=True)
    return bool(by)


def caught_by(copy: Path) -> str:
    """The first test of all that fails on a checkout, "" if none does."""
    parts = (failed(copy, ["--numprocesses=auto", "--dist=loadfile", part]) for part in PARTS)
    return next(filter(None, parts), "")


def failed(copy: Path, words: list[str]) -> str:
    """The first test that fails in one run, "" if none does.

    Linters do not count, for a bug can be tidy, nor does the test of the bugs, which misses what each replaces.
    """
    spared = ["--deselect=tests/unit/test_quality.py", "--deselect=tests/unit/test_teeth.py"]
    argv = [sys.executable, "build.py", "test", "-x", "-q", *spared, *words]
    ran = subprocess.run(argv, cwd=copy, capture_output=True, text=True, check=False)
    if not ran.returncode:
        return ""
    lines = [line for line in ran.stdout.split("\n") if line.startswith(("FAILED ", "ERROR tests"))]
    if not lines:
        raise RuntimeError(f"{' '.join(argv)} ended with {ran.returncode} and no failed test: {ran.stdout}{ran.stderr}")
    return lines[0].partition(" - ")[0]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
