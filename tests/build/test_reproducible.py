"""The archive: the same bytes from every builder, and nothing in it that does not belong there."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
import zipfile

import pytest

import build

GUARD = {"__main__.py", "environment.json", "manifest", "settle.py"}
PROGRAMS = {"bin/hypervisor-manager", "bin/lxc-manager", "bin/vm-manager", "libexec/rehearsal"}
PACKED = {
    "LICENSE",
    "docopt",
    "docopt_ng-0.9.0.dist-info",
    "groups",
    "managers",
    "phoenix",
    "starter",
    "tomli",
    "tomli-2.5.0.dist-info",
}


@pytest.fixture(scope="module")
def snapshot(tmp_path_factory, built):
    """A copy of the checkout as it is now, with the pinned wheels: it may be edited while the tests run."""
    folder = tmp_path_factory.mktemp("build") / "snapshot"
    build.copy_checkout(folder)
    return folder


@pytest.fixture
def copy(snapshot, tmp_path):
    """A copy to do with as one likes."""
    shutil.copytree(snapshot, tmp_path / "copy")
    return tmp_path / "copy"


@pytest.fixture(scope="module")
def archive(built):
    with zipfile.ZipFile(built) as opened:
        yield opened


@pytest.fixture(scope="module")
def packed(archive):
    """The archive in the archive: all that is no program."""
    with archive.open("library.zip") as file, zipfile.ZipFile(file) as opened:
        yield opened


def run_build(folder, *words, **variables):
    return subprocess.run(
        [sys.executable, "build.py", *words],
        cwd=folder,
        env=build.surroundings(**variables),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )


def is_one_error(ran):
    return ran.returncode == 1 and re.fullmatch(r"error: .+\nnext:  .+\n", ran.stderr)


# --- the same bytes


def test_two_builders_make_the_same_bytes(snapshot):
    able, _ = build.pythons()
    able = [python for python in able if python.series in build.TESTED] or able
    first, second = build.ROUNDS
    one = build.build_elsewhere(snapshot, able[0], first)
    assert build.build_elsewhere(snapshot, able[-1], second, build.cut_off()) == one


@pytest.mark.slow
def test_every_builder_makes_the_same_bytes():
    ran = run_build(build.HERE, "reproduce")
    assert ran.returncode == 0, ran.stderr
    lines = ran.stdout.splitlines()
    digests = {line.split("  ")[0] for line in lines if re.match(r"[0-9a-f]{64}  ", line)}
    assert len(digests) == 1
    able, unable = build.pythons()
    assert lines[-1] == f"{2 * len(able)} builds, {len(able)} Pythons, 1 sha256, {len(unable)} cannot build"


def test_builds_at_once_do_not_disturb_one_another(copy):
    argv = [sys.executable, "build.py"]
    running = [
        subprocess.Popen(argv, cwd=copy, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) for _ in range(4)
    ]
    said = [process.communicate()[0] for process in running]
    assert [process.returncode for process in running] == [0] * 4, said
    assert len({text.splitlines()[-1] for text in said}) == 1
    assert sorted(os.listdir(copy / "dist")) == [".lock", "SHA256SUMS", "env", "phoenix.pyz", "wheels"]


def test_once_fetched_no_index_is_needed(copy):
    ran = run_build(copy, PIP_NO_INDEX="1", PIP_FIND_LINKS="", PIP_INDEX_URL="http://127.0.0.1:9/")
    assert ran.returncode == 0, ran.stderr


def test_without_wheels_and_without_an_index_it_says_so(copy):
    shutil.rmtree(copy / "dist/wheels")
    ran = run_build(copy, PIP_NO_INDEX="1", PIP_FIND_LINKS="")
    assert is_one_error(ran), ran.stderr
    assert not (copy / "dist/phoenix.pyz").exists()


@pytest.mark.parametrize("part", ["bundled", "builder"])
def test_one_changed_byte_in_a_wheel_is_refused(copy, part):
    name, pinned = next(iter(build.table(f"tool.phoenix.{part}").items()))
    path = copy / "dist/wheels" / name
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    ran = run_build(copy)
    assert is_one_error(ran), ran.stderr
    assert pinned in ran.stderr
    assert hashlib.sha256(data).hexdigest() in ran.stderr
    assert not (copy / "dist/phoenix.pyz").exists()


def test_what_the_sources_make_is_not_made_twice(copy):
    code = "import build; print(build.up_to_date().stat().st_ino)"
    argv = [sys.executable, "-B", "-c", code]
    first, second = (subprocess.run(argv, cwd=copy, capture_output=True, text=True, check=True) for _ in range(2))
    assert first.stdout.splitlines()[-1] == second.stdout.strip()
    with open(copy / "phoenix/cli.py", "a", encoding="utf-8") as file:
        file.write("# changed\n")
    third = subprocess.run(argv, cwd=copy, capture_output=True, text=True, check=True)
    assert third.stdout.splitlines()[0] != first.stdout.splitlines()[-2]


# --- what is in it


def test_the_checksum_verifies(built):
    ran = subprocess.run(
        ["sha256sum", "-c", "SHA256SUMS"], cwd=built.parent, capture_output=True, text=True, check=False
    )
    assert (ran.returncode, ran.stdout) == (0, "phoenix.pyz: OK\n")
    assert built.stat().st_mode & 0o7777 == 0o755


def test_it_starts_isolated(built):
    with open(built, "rb") as file:
        assert file.readline() == b"#!/usr/bin/python3 -IS\n"


@pytest.mark.parametrize("which", ["archive", "packed"])
def test_its_entries_tell_nothing_of_the_builder(which, request):
    entries = request.getfixturevalue(which).infolist()
    names = [entry.filename for entry in entries]
    assert names == sorted(set(names))
    assert {entry.date_time for entry in entries} == {(1980, 1, 1, 0, 0, 0)}
    assert {entry.compress_type for entry in entries} == {zipfile.ZIP_STORED}
    assert {(entry.create_system, entry.extra, entry.comment) for entry in entries} == {(3, b"", b"")}
    for entry in entries:
        executable = entry.filename.startswith(("bin/", "libexec/"))
        assert entry.external_attr >> 16 == (0o100755 if executable else 0o100644), entry.filename


def test_no_path_of_the_builder_is_in_it(copy):
    assert run_build(copy).returncode == 0
    data = (copy / "dist/phoenix.pyz").read_bytes()
    for path in (str(copy.parent), build.this_python().path, sys.prefix, tempfile.gettempdir() + "/tmp"):
        assert path.encode() not in data, path


def test_it_holds_what_belongs_there(archive, packed):
    assert set(archive.namelist()) == {*GUARD, *PROGRAMS, "library.zip"}
    names = packed.namelist()
    assert {name.split("/")[0] for name in names} == PACKED
    assert not [name for name in names if name.endswith((".so", ".pth", ".pyc", "RECORD", "INSTALLER", ".json.new"))]
    assert not [name for name in names if "__pycache__" in name or "/." in name or name.startswith("_bootstrap")]
    assert "starter/lxc/9001.toml" in names


def test_it_holds_the_licences_of_what_it_bundles(packed):
    licences = [name for name in packed.namelist() if "LICENSE" in name]
    assert len(licences) == 3


def test_no_code_of_shiv_is_in_it(archive, packed):
    for opened in (archive, packed):
        for name in opened.namelist():
            assert b"SHIV_" not in opened.read(name) or name.endswith((".md", "METADATA", ".zip")), name


def test_its_manifest_is_that_of_its_files(archive):
    first, *lines = archive.read("manifest").decode().splitlines()
    assert re.fullmatch(r"phoenix-build 1 \d+\.\d+\.\d+-[0-9a-f]{16}", first)
    assert {line.split(" ", 3)[3] for line in lines} == {*PROGRAMS, "library.zip"}
    for line in lines:
        digest, _, size, path = line.split(" ", 3)
        data = archive.read(path)
        assert (hashlib.sha256(data).hexdigest(), len(data)) == (digest, int(size))
    guard = archive.read("__main__.py") + archive.read("settle.py")
    whole = hashlib.sha256("".join(f"{line}\n" for line in lines).encode() + guard)
    assert first.endswith(f"-{whole.hexdigest()[:16]}")
