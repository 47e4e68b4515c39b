"""build.py: its pins, what it takes from the sources, what it says when something is wrong."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import signal
import sys
from pathlib import Path

import pytest
import tomli

import build

BUNDLED = "docopt_ng-0.9.0-py3-none-any.whl"


@pytest.fixture
def checkout(tmp_path, monkeypatch, repository, stage):
    """A small copy of the sources that build.py takes for its checkout. `stage` has seen to the wheels."""
    for name in ("phoenix", "managers", "etc"):
        shutil.copytree(repository / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "LICENSE"):
        shutil.copy(repository / name, tmp_path)
    monkeypatch.setattr(build, "HERE", tmp_path)
    return tmp_path


@pytest.fixture
def wheels(tmp_path, monkeypatch):
    """An empty folder of wheels."""
    monkeypatch.setattr(build, "WHEELS", tmp_path / "wheels")
    return tmp_path / "wheels"


# --- pins


def test_its_reader_agrees_with_tomli(repository):
    whole = tomli.loads((repository / "pyproject.toml").read_text("utf-8"))
    for name in ("bundled", "builder", "tests", "peers"):
        assert build.table(f"tool.phoenix.{name}") == whole["tool"]["phoenix"][name]
    assert build.version() == whole["project"]["version"]


def test_a_missing_table_is_named(checkout):
    with pytest.raises(build.BuildError, match=r"no table \[tool\.phoenix\.none\]"):
        build.table("tool.phoenix.none")


def test_two_versions_are_refused(checkout):
    (checkout / "phoenix/__init__.py").write_text('__version__ = "9.9"\n')
    with pytest.raises(build.BuildError, match="another version"):
        build.version()


def test_every_requirement_is_pinned():
    tests = build.table("tool.phoenix.tests")
    pins = tests["requirements"] + tests["linters"] + build.table("tool.phoenix.peers")["requirements"]
    assert all(re.fullmatch(r"[\w.-]+==[\d.]+", pin) for pin in pins)
    wheels = {**build.table("tool.phoenix.bundled"), **build.table("tool.phoenix.builder")}
    assert all(re.fullmatch(r"[0-9a-f]{64}", digest) for digest in wheels.values())
    assert all(name.endswith("-none-any.whl") for name in wheels)


# --- wheels


def test_a_wheel_is_downloaded_once(fp, wheels, capsys):
    def download(_process):
        folder = next(wheels.iterdir())
        (folder / "thing-1.0-py3-none-any.whl").write_bytes(b"wheel")

    fp.register([sys.executable, "-m", "pip", "--version"])
    fp.register([sys.executable, "-m", "pip", "download", fp.any(), "thing==1.0"], callback=download)
    digest = hashlib.sha256(b"wheel").hexdigest()
    assert build.wheel("thing-1.0-py3-none-any.whl", digest) == b"wheel"
    assert build.wheel("thing-1.0-py3-none-any.whl", digest) == b"wheel"
    assert os.listdir(wheels) == ["thing-1.0-py3-none-any.whl"]


def test_only_pure_wheels_are_asked_for(fp, wheels):
    fp.register([sys.executable, "-m", "pip", "--version"])
    fp.register([sys.executable, "-m", "pip", "download", fp.any()])
    with pytest.raises(build.BuildError, match=r"the package index has nothing and not thing-1\.0"):
        build.wheel("thing-1.0-py3-none-any.whl", "")
    asked = " ".join(fp.calls[-1])
    assert "--no-deps --only-binary :all: --platform any --implementation py --abi none" in asked


def test_no_network_is_one_line(fp, wheels):
    fp.register([sys.executable, "-m", "pip", "--version"])
    said = "WARNING: Retrying\nERROR: No matching distribution found for thing==1.0\n"
    fp.register([sys.executable, "-m", "pip", "download", fp.any()], returncode=1, stderr=said)
    with pytest.raises(build.BuildError) as caught:
        build.wheel("thing-1.0-py3-none-any.whl", "")
    assert str(caught.value) == "-m pip download failed: ERROR: No matching distribution found for thing==1.0"
    assert "index" in caught.value.hint


def test_one_changed_byte_is_refused(wheels, stage, repository):
    data = bytearray((repository / "dist/wheels" / BUNDLED).read_bytes())
    data[1000] ^= 1
    wheels.mkdir()
    (wheels / BUNDLED).write_bytes(data)
    pinned = build.table("tool.phoenix.bundled")[BUNDLED]
    with pytest.raises(build.BuildError) as caught:
        build.files()
    assert pinned in str(caught.value)
    assert hashlib.sha256(data).hexdigest() in str(caught.value)
    assert BUNDLED in caught.value.hint


def test_no_pip_names_the_packages_to_install(fp, wheels, tmp_path, monkeypatch):
    monkeypatch.setattr(build, "DIST", tmp_path / "dist")
    monkeypatch.setattr(build, "HERE", tmp_path)
    monkeypatch.setattr(build, "this_python", lambda: build.Python((3, 11, 2), "/usr/bin/python3"))
    fp.register([sys.executable, "-m", "pip", "--version"], returncode=1)
    fp.register(["/usr/bin/python3", "-I", "-m", "venv", fp.any()], returncode=1, stderr="no ensurepip")
    with pytest.raises(build.BuildError) as caught:
        build.wheel("thing-1.0-py3-none-any.whl", "")
    assert caught.value.hint == "apt-get install python3-venv python3-pip"


# --- what is in the archive


def test_what_editors_and_caches_leave_is_not_taken(checkout):
    before = build.files()
    leavings = (
        "phoenix/__pycache__/cli.cpython-311.pyc",
        "phoenix/.cli.py.swp",
        "phoenix/cli.py~",
        "phoenix/#cli.py#",
        "phoenix/cli.py.orig",
        "phoenix/.git/config",
        "managers/notes.txt",
        "etc/phoenix/.DS_Store",
    )
    for path in leavings:
        (checkout / path).parent.mkdir(exist_ok=True)
        (checkout / path).write_bytes(b"x")
    assert build.files() == before


def test_a_dropped_in_manager_gets_its_executable(checkout):
    (checkout / "managers/cold_backup_manager.py").write_bytes(b'"""Backs up."""\n')
    files = build.files()
    assert files["bin/cold-backup-manager"] == (checkout / "phoenix/entry/manager.py").read_bytes()
    assert build.mode_of("bin/cold-backup-manager") == 0o755
    assert build.mode_of("managers/cold_backup_manager.py") == 0o644


@pytest.mark.parametrize("name", ["phoenix/fast.so", "phoenix/evil.pth", "phoenix/\xe4.py"])
def test_what_must_not_be_shipped_stops_the_build(checkout, name):
    (checkout / name).write_bytes(b"")
    with pytest.raises(build.BuildError, match=r"must not be in phoenix\.pyz"):
        build.files()


def test_a_missing_source_is_one_line(checkout):
    (checkout / "LICENSE").unlink()
    with pytest.raises(build.BuildError, match="cannot read LICENSE: No such file"):
        build.files()


def test_the_manifest_describes_the_tree(stage):
    contents = build.laid_out(build.files())
    first, *lines = build.manifest(contents, build.guard()).decode().splitlines()
    assert re.fullmatch(rf"phoenix-build 1 {re.escape(build.version())}-[0-9a-f]{{16}}", first)
    assert [line.split(" ", 3)[3] for line in lines] == sorted(contents)
    for line in lines:
        digest, mode, size, path = line.split(" ", 3)
        data = (stage / path).read_bytes()
        assert (digest, int(size)) == (hashlib.sha256(data).hexdigest(), len(data))
        assert int(mode, 8) == (stage / path).stat().st_mode & 0o7777


@pytest.mark.parametrize("changed", ["phoenix/cli.py", "phoenix/bootstrap/settle.py", "phoenix/bootstrap/zipmain.py"])
def test_any_change_is_another_build(checkout, changed):
    before = build.manifest(build.laid_out(build.files()), build.guard())
    with open(checkout / changed, "ab") as file:
        file.write(b"\n")
    after = build.manifest(build.laid_out(build.files()), build.guard())
    assert before.split(b"\n")[0] != after.split(b"\n")[0]


def test_the_staged_tree_has_its_modes_whatever_the_umask(tmp_path, stage):
    before = os.umask(0o077)
    try:
        build.stage(tmp_path / "tree")
    finally:
        os.umask(before)
    modes = {path: path.stat().st_mode & 0o7777 for path in (tmp_path / "tree").rglob("*")}
    assert {mode for path, mode in modes.items() if path.is_dir()} == {0o755}
    executables = {path.parent.name for path, mode in modes.items() if path.is_file() and mode == 0o755}
    assert executables == {"bin", "libexec"}
    assert {mode for path, mode in modes.items() if path.is_file()} == {0o644, 0o755}


def test_a_folder_with_something_in_it_is_not_written_to(tmp_path):
    (tmp_path / "mine").write_bytes(b"")
    with pytest.raises(build.BuildError, match="not an empty folder"):
        build.stage(tmp_path)
    assert os.listdir(tmp_path) == ["mine"]


# --- Pythons and environments


@pytest.mark.processes
def test_a_shim_that_does_not_run_is_named(tmp_path, monkeypatch):
    shim = tmp_path / "python3.12"
    shim.write_text("#!/bin/sh\necho 'shim: python3.12: command not found' >&2\nexit 127\n")
    shim.chmod(0o755)
    monkeypatch.setattr(build, "places", lambda: [sys.executable, str(shim), str(tmp_path / "none")])
    able, unable = build.pythons()
    assert [python.version for python in able] == [sys.version_info[:3]]
    assert unable == [f"{shim}: shim: python3.12: command not found"]


@pytest.mark.processes
def test_an_environment_is_made_once_and_anew_for_other_contents(tmp_path, monkeypatch):
    monkeypatch.setattr(build, "DIST", tmp_path / "dist")
    monkeypatch.setattr(build, "HERE", tmp_path)
    python, filled = build.this_python(), []
    first = build.environment("some", python, ["a==1"], filled.append)
    assert build.environment("some", python, ["a==1"], filled.append) == first
    assert filled == [first]
    assert build.environment("some", python, ["a==2"], filled.append) == first
    assert len(filled) == 2
    assert Path(first).exists()


@pytest.mark.processes
def test_an_environment_that_was_not_finished_is_made_anew(tmp_path, monkeypatch):
    monkeypatch.setattr(build, "DIST", tmp_path / "dist")
    monkeypatch.setattr(build, "HERE", tmp_path)

    def fail(_python):
        raise build.BuildError("no network", "")

    with pytest.raises(build.BuildError):
        build.environment("some", build.this_python(), [], fail)
    filled = []
    build.environment("some", build.this_python(), [], filled.append)
    assert len(filled) == 1


# --- the command line


@pytest.mark.parametrize("words", [["nonsense"], ["stage"], ["stage", "a", "b"], ["stage", "-x"], ["demo", "-v"]])
def test_a_wrong_command_line_is_two_lines_and_2(words, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["build.py", *words])
    assert build.main() == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert re.fullmatch(r"error: .+\nnext:  python3 build.py --help\n", err)


def test_help_names_every_word(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["build.py", "--help"])
    assert build.main() == 0
    said = capsys.readouterr().out
    assert all(f"build.py {word}" in said for word in ("demo", "test", "reproduce", "stage DIR"))


def test_a_full_disk_is_two_lines(monkeypatch, capsys):
    def full():
        raise OSError(28, "No space left on device", "dist/phoenix.pyz")

    monkeypatch.setattr(sys, "argv", ["build.py"])
    monkeypatch.setattr(build, "files", full)
    assert build.main() == 1
    assert len(capsys.readouterr().err.splitlines()) == 2


@pytest.mark.processes
def test_a_ctrl_c_lets_pytest_sum_up(tmp_path, monkeypatch, capsys):
    script = tmp_path / "pytest"
    script.write_text("#!/bin/sh\nkill -INT $PPID\necho told what was done\nexit 2\n")
    script.chmod(0o755)
    monkeypatch.setattr(build, "tests_environment", lambda *_, **__: str(script))
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        build.run_part(build.this_python(), build.this_python(), ["tests/x"])
    assert capsys.readouterr().out.endswith("\ntold what was done\n")
    assert signal.getsignal(signal.SIGINT) == before


def test_the_summary_ends_with_what_was_skipped_and_the_verdict(capsys):
    ran = [
        build.Ran("Python 3.9.18: tests/unit", 0, "5 passed, 2 skipped", {"not root": 2}),
        build.Ran("b", 1, "1 failed, 4 skipped", {"not root": 3, "no tool": 1}),
    ]
    assert build.summary(ran, ["Python 3.13: not on this machine"]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[-6:] == [
        "Python 3.9.18: tests/unit: 5 passed, 2 skipped",
        "b: 1 failed, 4 skipped",
        "Python 3.13: not on this machine",
        "5 skipped: not root",
        "1 skipped: no tool",
        "1 of 2 parts failed",
    ]


def test_tests_start_without_what_changes_a_python(monkeypatch):
    monkeypatch.setenv("PYTHONPATH", "/somewhere")
    monkeypatch.setenv("SHIV_ROOT", "/somewhere")
    monkeypatch.setenv("PYTEST_ADDOPTS", "-x")
    kept = build.surroundings(TZ="UTC")
    assert kept["TZ"] == "UTC"
    assert not [name for name in kept if name.startswith(("PYTHON", "SHIV_", "PYTEST_"))]
    assert json.dumps(kept)
