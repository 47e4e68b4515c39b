"""The archive's guard: first runs, healing, pruning, and hostile surroundings, with the built phoenix.pyz."""

from __future__ import annotations

import fcntl
import os
import shutil
import signal
import subprocess
import sys
import time

import pytest

pytestmark = pytest.mark.processes

SHIV = (
    "SHIV_ROOT",
    "SHIV_ENTRY_POINT",
    "SHIV_MODULE",
    "SHIV_CONSOLE_SCRIPT",
    "SHIV_INTERPRETER",
    "SHIV_FORCE_EXTRACT",
    "SHIV_COMPILE_PYC",
    "SHIV_COMPILE_WORKERS",
    "SHIV_EXTEND_PYTHONPATH",
    "SHIV_PREPEND_PYTHONPATH",
)
SHADOWED = (
    "json",
    "tomli",
    "docopt",
    "zipfile",
    "fcntl",
    "re",
    "hashlib",
    "phoenix",
    "managers",
    "settle",
    "sitecustomize",
    "usercustomize",
)

only_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to have folders of other users")


def test_the_first_run_unpacks_and_the_second_touches_nothing(installation):
    assert installation.version().startswith("phoenix ")
    before = installation.snapshot()
    installation.version()
    assert installation.snapshot() == before


def test_what_is_unpacked_is_ours_alone_whatever_the_umask(installation):
    installation.version(preexec_fn=lambda: os.umask(0))
    loose = [path for path, facts in installation.snapshot().items() if facts[0] & 0o022 and not os.path.islink(path)]
    assert loose == []
    assert all(facts[1] == os.geteuid() for facts in installation.snapshot().values())


def test_the_link_gives_managers_that_work_by_themselves(installation):
    installation.version()
    manager = installation.product / "bin/managers/lxc-manager"
    assert os.access(manager, os.X_OK)
    ran = subprocess.run([sys.executable, str(manager), "--version"], capture_output=True, text=True, check=False)
    assert ran.returncode == 0
    assert installation.tree.name in ran.stdout


@pytest.mark.parametrize("name", ["library.zip", "bin/lxc-manager", "libexec/rehearsal"])
@pytest.mark.parametrize("damage", ["emptied", "deleted", "same size", "link"])
def test_a_damaged_file_heals(installation, name, damage):
    installation.version()
    path = installation.tree / name
    whole = path.read_bytes()
    if damage == "emptied":
        path.write_bytes(b"")
    elif damage == "same size":
        path.write_bytes(b"#" * len(whole))
    else:
        path.unlink()
        if damage == "link":
            path.symlink_to("/etc/hostname")
    installation.version()
    assert path.read_bytes() == whole
    assert not path.is_symlink()


@pytest.mark.parametrize(
    "what", ["tree", "stamp", "emptied stamp", "link", "compiled modules", "folder in place of a file"]
)
def test_anything_missing_heals(installation, what):
    installation.version()
    tree = installation.tree
    stamp = next(tree.glob(".settled.*"))
    if what == "tree":
        shutil.rmtree(tree)
    elif what == "stamp":
        stamp.unlink()
    elif what == "emptied stamp":
        stamp.write_bytes(b"")
    elif what == "link":
        (installation.product / "bin/managers").unlink()
    elif what == "compiled modules":
        next(tree.glob("common.*")).write_bytes(b"")
    else:
        (tree / "library.zip").unlink()
        (tree / "library.zip").mkdir()
    installation.version()
    before = installation.snapshot()
    installation.version()
    assert installation.snapshot() == before
    assert (tree / "library.zip").is_file()
    assert stamp.stat().st_size > 0


@pytest.mark.parametrize(
    "name",
    [
        "bin/evil-manager",
        "bin/evil.pth",
        "libexec/phoenix/__init__.py",
        f"bin/__pycache__/lxc-manager.{sys.implementation.cache_tag}.pyc",
    ],
)
def test_what_does_not_belong_to_the_build_goes(installation, name):
    installation.version()
    path = installation.tree / name
    path.parent.mkdir(exist_ok=True)
    path.write_text("raise SystemExit('planted')")
    installation.version()
    assert not path.exists()


@pytest.mark.parametrize(
    "name",
    [
        *(f"{name}.py" for name in (*SHADOWED, "_json", "errno")),
        "phoenix/__init__.py",
        "phoenix/cli.py",
        f"phoenix/__pycache__/cli.{sys.implementation.cache_tag}.pyc",
        "managers/evil_manager.py",
        "docopt/evil.pth",
    ],
)
def test_a_module_beside_the_library_of_the_build_is_never_run(installation, name):
    installation.version()
    path = installation.tree / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("raise SystemExit('planted')")
    installation.version()
    ran = installation.run("help", "create")
    assert (ran.returncode, ran.stderr) == (0, "")


def test_leftovers_of_a_crashed_first_run_are_not_merged_in(installation):
    installation.version()
    tree = installation.tree
    next(tree.glob(".settled.*")).unlink()
    (tree / "library.zip.new").write_text("half")
    (tree / "planted.pth").write_text("import os")
    installation.version()
    assert not (tree / "library.zip.new").exists()
    assert not (tree / "planted.pth").exists()


def test_killed_first_runs_leave_nothing_that_the_next_cannot_finish(installation):
    for i in range(15):
        shutil.rmtree(installation.product, ignore_errors=True)
        argv = [sys.executable, "-IS", str(installation.built), f"--root={installation.root}", "version"]
        process = subprocess.Popen(argv, stdout=subprocess.DEVNULL, env={})
        time.sleep(0.02 * i)
        process.send_signal(signal.SIGKILL)
        process.wait()
        installation.version()


def first_runs_at_once(installation, rounds):
    """The exit statuses of twelve first runs at once, for each round."""
    argv = [sys.executable, "-IS", str(installation.built), f"--root={installation.root}", "version"]
    statuses = []
    for _ in range(rounds):
        shutil.rmtree(installation.product, ignore_errors=True)
        running = [subprocess.Popen(argv, stdout=subprocess.DEVNULL, env={}) for _ in range(12)]
        statuses += [process.wait() for process in running]
    return statuses


def test_twelve_first_runs_at_once_all_work(installation):
    assert first_runs_at_once(installation, 3) == [0] * 36


def test_twelve_first_uses_of_a_rare_module_at_once_all_work(installation):
    installation.version()
    table = next(installation.tree.glob("others.*"))
    argv = [sys.executable, "-IS", str(installation.built), f"--root={installation.root}", "version"]
    for _ in range(3):
        table.unlink()
        running = [subprocess.Popen(argv, stdout=subprocess.DEVNULL, env={}) for _ in range(12)]
        assert [process.wait() for process in running] == [0] * 12
        assert table.exists()
        assert not table.with_name(table.name + ".new").exists()


GUESTS = {
    "lxc": """\
hostname = "web"
ostemplate = "local:vztmpl/debian-12-standard_12.12-1_amd64.tar.zst"
rootfs = { storage = "local", size = "1G" }
""",
    "vm": 'name = "db"\n',
}


@pytest.mark.parametrize("kind", GUESTS)
def test_a_create_with_nothing_to_do_needs_only_what_unpacking_compiles(installation, tmp_path, kind):
    node = tmp_path / "rehearsal"
    argv = [sys.executable, "-IS", str(installation.built)]
    subprocess.run([*argv, "node", "new", str(node)], check=True, capture_output=True, env={})
    (node / "etc/phoenix" / kind).mkdir(parents=True)
    (node / "etc/phoenix" / kind / "9001.toml").write_text(GUESTS[kind])
    subprocess.run([*argv, f"--root={node}", "create", "9001"], check=True, capture_output=True, env={})
    lib = node / "usr/local/phoenix_hypervisor/lib"
    shutil.rmtree(lib)
    ran = subprocess.run(
        [*argv, f"--root={node}", "create", "9001"], check=False, capture_output=True, text=True, env={}
    )
    assert (ran.returncode, ran.stdout.split("  ")[-1]) == (0, "nothing to do\n"), ran.stderr
    names = sorted(path.name.partition(".cpython")[0] for path in next(lib.glob("*-*")).iterdir())
    assert names == [".settled", "bin", "common", "libexec", "library.zip"]


@pytest.mark.slow
def test_twelve_first_runs_at_once_a_hundred_times(installation):
    assert first_runs_at_once(installation, 100) == [0] * 1200


def test_it_runs_through_a_link_from_a_read_only_file_in_a_folder_with_a_blank(installation, tmp_path):
    folder = tmp_path / "a b"
    folder.mkdir()
    copy = folder / "the file.pyz"
    shutil.copy(installation.built, copy)
    copy.chmod(0o444)
    link = tmp_path / "link"
    link.symlink_to(copy)
    assert installation.version(archive=link) == installation.version(archive=copy)
    assert installation.version(archive="the file.pyz", cwd=folder) == installation.version()


def test_started_without_isolation_it_isolates_itself(installation, tmp_path):
    marker = plant(tmp_path)
    environment = {"PYTHONPATH": str(tmp_path / "evil")}
    ran = installation.run("list", python=("-S",), env=environment)
    assert ran.returncode == 3  # no configuration: our own code has run
    names = marker.read_text().split() if marker.exists() else []
    assert not {"phoenix", "tomli", "docopt", "managers", "settle"} & set(names)


def plant(folder):
    """A folder of modules that leave a mark when they run; returns the mark's path."""
    evil, marker = folder / "evil", folder / "marker"
    evil.mkdir()
    for name in SHADOWED:
        (evil / f"{name}.py").write_text(f"open({str(marker)!r}, 'a').write({name!r} + '\\n')\n")
    (evil / "evil.pth").write_text(f"import os; open({str(marker)!r}, 'a').write('pth\\n')\n")
    return marker


def hostile_environments(folder):
    evil = str(folder / "evil")
    yield {"PYTHONPATH": evil}
    yield {"PYTHONHOME": evil}
    yield {"PYTHONSTARTUP": evil + "/json.py", "PYTHONINSPECT": "1"}
    yield {"PYTHONUSERBASE": evil, "HOME": evil}
    for name in SHIV:
        yield {name: {"SHIV_ENTRY_POINT": "json:loads", "SHIV_MODULE": "json"}.get(name, evil)}
        yield {name: evil + "/json.py"}
        yield {name: "1"}


def test_no_foreign_code_runs_in_a_hostile_environment(installation, tmp_path):
    marker = plant(tmp_path)
    for environment in hostile_environments(tmp_path):
        for words in (["version"], ["lxc-manager", "--action=list-actions"]):
            ran = installation.run(*words, env=environment) if words == ["version"] else subprocess.run(
                [sys.executable, "-IS", str(installation.built), *words[:1], f"--root={installation.root}", *words[1:]],
                capture_output=True, text=True, env=environment, check=False,
            )  # fmt: skip
            assert ran.returncode == 0, (environment, ran.stderr)
            assert not marker.exists(), (environment, marker.read_text())


def test_no_foreign_code_runs_from_the_working_folder(installation, tmp_path):
    marker = plant(tmp_path)
    installation.version(cwd=tmp_path / "evil")
    assert not marker.exists()


@only_root
@pytest.mark.parametrize("part", ["usr/local/phoenix_hypervisor", "usr/local/phoenix_hypervisor/lib", "usr/local"])
@pytest.mark.parametrize("harm", ["foreign", "writable"])
def test_a_folder_that_others_can_change_is_refused(installation, part, harm):
    installation.version()
    folder = installation.root / part
    if harm == "foreign":
        os.chown(folder, 12345, 12345)
    else:
        folder.chmod(0o777)
    before = installation.snapshot()
    ran = installation.run("version")
    assert ran.returncode == 6
    assert str(folder) in ran.stderr
    assert "Traceback" not in ran.stderr
    assert installation.snapshot() == before


def test_a_damaged_archive_is_refused(installation, tmp_path):
    data = bytearray(installation.built.read_bytes())
    at = data.index(b'"""The dispatcher: from the user')
    data[at + 10] ^= 1
    copy = tmp_path / "damaged.pyz"
    copy.write_bytes(data)
    ran = installation.run("version", archive=copy)
    assert ran.returncode == 6
    assert "damaged" in ran.stderr
    assert "Traceback" not in ran.stderr


def test_the_previous_build_stays_and_older_ones_go_unless_they_are_held(installation):
    installation.version()
    lib = installation.product / "lib"
    previous, older, held = (lib / f"0.0.{n}-{'0' * 15}{n}" for n in range(3))
    other = lib / "not-a-build"
    for folder in (previous, older, held, other):
        folder.mkdir()
    link = installation.product / "bin/managers"
    link.unlink()
    link.symlink_to(f"../lib/{previous.name}/bin")
    descriptor = os.open(held, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH)
        installation.version()
    finally:
        os.close(descriptor)
    assert [folder.exists() for folder in (previous, older, held, other)] == [True, False, True, True]


def test_a_folder_that_cannot_be_written_is_one_message(installation):
    (installation.root / "usr").write_text("not a folder")
    ran = installation.run("version")
    assert ran.returncode == 6
    assert ran.stderr.startswith("error: cannot unpack to ")
    assert len(ran.stderr.splitlines()) == 2
