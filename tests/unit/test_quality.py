"""The checks of form: ruff, mypy --strict for Python 3.9, shellcheck; and of what the tests must not do."""

from __future__ import annotations

import importlib.util
import os
import platform
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.conftest import unavailable

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.processes


def check(argv: list[str], folder: Path) -> None:
    """Run a checker; what it finds is the failure."""
    ran = subprocess.run(argv, cwd=folder, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    if ran.returncode:
        pytest.fail(ran.stdout + ran.stderr, pytrace=False)


def linter(name: str) -> list[str]:
    """The command of a linter, which build.py puts into the environment of one Python only."""
    if importlib.util.find_spec(name):
        return [sys.executable, "-m", name]
    elsewhere = os.environ.get("PHOENIX_LINTERS_IN", "")
    if elsewhere in ("", platform.python_version()):
        unavailable(f"{name} is not installed; `python3 build.py test` installs it")
    pytest.skip(f"{name} is run with Python {elsewhere} only")


def test_ruff(repository: Path) -> None:
    check([*linter("ruff"), "check", "--no-cache", "."], repository)


def test_ruff_format(repository: Path) -> None:
    check([*linter("ruff"), "format", "--no-cache", "--diff", "."], repository)


def test_mypy(repository: Path) -> None:
    cache = repository / "dist" / "mypy"
    check([*linter("mypy"), "--strict", "--python-version", "3.9", "--cache-dir", str(cache)], repository)


def test_shellcheck(repository: Path) -> None:
    if not shutil.which("shellcheck"):
        unavailable("shellcheck is not installed: apt-get install shellcheck")
    check(["shellcheck", ".ci/run"], repository)


STARTING = [
    "subprocess.run(['true'])",
    "subprocess.Popen(['true'])",
    "os.system('true')",
    "os.fork()",
    "os.posix_spawn('/bin/true', ['true'], {})",
    "os.execv('/bin/true', ['true'])",
    "os.spawnv(os.P_WAIT, '/bin/true', ['true'])",
    "os.popen('true')",
    "pty.fork()",
    "fp.register(['true'])",
    "fp.register(['true'], occurrences=2); subprocess.run(['true'])",
]


def test_a_test_that_starts_processes_or_leaves_some_uncalled_fails(repository: Path, tmp_path: Path) -> None:
    lines = ["import os, pty, pytest, subprocess"]
    for number, code in enumerate(STARTING):
        # The code under test may catch what it likes.
        lines += [
            f"def test_{number}(fp):",
            "    try:",
            f"        {code}",
            "    except OSError:",
            "        pass",
        ]
    lines += ["def test_registered(fp):", "    fp.register(['true'])", "    subprocess.run(['true'])"]
    lines += ["@pytest.mark.processes", "def test_marked():", "    subprocess.run(['true'], check=True)"]
    (tmp_path / "test_planted.py").write_text("\n".join(lines))
    options = ["-c", str(repository / "pyproject.toml"), "-p", "tests.conftest", "--tb=no", "-q", "-rA"]
    ran = subprocess.run(
        [sys.executable, "-B", "-m", "pytest", *options, str(tmp_path)],
        cwd=repository,
        capture_output=True,
        text=True,
        check=False,
    )
    passed = {line.split("::")[1] for line in ran.stdout.splitlines() if line.startswith("PASSED")}
    bad = {
        line.split("::")[1].split(" ")[0] for line in ran.stdout.splitlines() if line.startswith(("FAILED", "ERROR"))
    }
    assert bad == {f"test_{number}" for number in range(len(STARTING))}, ran.stdout
    assert passed - bad == {"test_registered", "test_marked"}
