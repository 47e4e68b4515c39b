"""What lies in the archive's way: planted, damaged or foreign things, and resources that have run out."""

from __future__ import annotations

import fcntl
import os
import resource
import shutil
import signal
import socket
import subprocess
import sys
import time
import zipfile

import pytest

pytestmark = pytest.mark.processes

only_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to have folders of other users")


def put(kind, path):
    """Put something that is not the product's at `path`."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    elif os.path.lexists(path):
        path.unlink()
    if kind == "folder":
        (path / "below").mkdir(parents=True)
    elif kind == "fifo":
        os.mkfifo(path)
    elif kind == "socket":
        os.chdir(path.parent)
        with socket.socket(socket.AF_UNIX) as server:
            server.bind(path.name)
    elif kind == "link":
        path.symlink_to("/etc/hostname")
    elif kind == "loop":
        path.symlink_to(path.name)
    else:
        path.write_bytes(b"\xff\0 /\xfe\nend")


def refused(ran, *words):
    """One error that holds `words` and one next command, exit code 6."""
    assert ran.returncode == 6, (ran.returncode, ran.stderr)
    lines = ran.stderr.splitlines()
    assert [line[:7] for line in lines] == ["error: ", "next:  "], ran.stderr
    for word in words:
        assert word in ran.stderr


@pytest.fixture
def home(monkeypatch, tmp_path):
    """Something that is changed by chdir is put back."""
    monkeypatch.chdir(tmp_path)


KINDS = ["folder", "fifo", "socket", "link", "loop", "garbage"]
TAG = sys.implementation.cache_tag
PLACES = [
    "library.zip", "library.zip.new", "libexec", "bin/lxc-manager", f".settled.{TAG}", f".settled.{TAG}.new",
    f"common.{TAG}", f"common.{TAG}.new", f"others.{TAG}", f"others.{TAG}.new", "../.lock", "../../bin/managers.new",
]  # fmt: skip


@pytest.mark.usefixtures("home")
@pytest.mark.parametrize("kind", KINDS)
def test_what_is_in_the_way_of_the_tree_goes(installation, kind):
    installation.version()
    tree = installation.tree
    whole = sorted(path.relative_to(tree) for path in tree.rglob("*"))
    (installation.product / "bin/managers").unlink()
    for place in PLACES:
        put(kind, tree / place)
    installation.version(timeout=30)
    assert sorted(path.relative_to(tree) for path in tree.rglob("*")) == whole
    assert zipfile.is_zipfile(tree / "library.zip")


@pytest.mark.usefixtures("home")
@pytest.mark.parametrize("kind", KINDS)
def test_a_stamp_that_is_none_is_written_anew(installation, kind):
    installation.version()
    stamp = next(installation.tree.glob(".settled.*"))
    put(kind, stamp)
    installation.version(timeout=30)
    assert not stamp.is_symlink()
    assert stamp.read_text().endswith("end")


@pytest.mark.parametrize("harm", ["writable", "link", pytest.param("foreign", marks=only_root)])
def test_a_tree_that_others_can_change_becomes_ours_again(installation, tmp_path, harm):
    installation.version()
    tree = installation.tree
    if harm == "writable":
        tree.chmod(0o777)
    elif harm == "foreign":
        os.chown(tree, 12345, 12345)
    else:
        shutil.move(tree, tmp_path / "elsewhere")
        tree.symlink_to(tmp_path / "elsewhere")
    installation.version()
    facts = tree.lstat()
    assert (facts.st_mode, facts.st_uid) == (0o40755, os.geteuid())


@only_root
@pytest.mark.parametrize("level", range(5))
def test_a_link_on_the_way_to_a_folder_of_somebody_else_is_refused(installation, tmp_path, level):
    foreign = tmp_path / "foreign"
    foreign.mkdir()
    os.chown(foreign, 12345, 12345)
    names = ["usr", "local", "phoenix_hypervisor", "lib"]
    if level == len(names):
        installation.version()
        lib = installation.product / "lib"
        shutil.move(lib, foreign / "lib")
        lib.symlink_to(foreign / "lib")
    else:
        place = installation.root.joinpath(*names[: level + 1])
        place.parent.mkdir(parents=True, exist_ok=True)
        place.symlink_to(foreign)
    before = sorted(foreign.rglob("*"))
    refused(installation.run("version"), str(foreign))
    assert sorted(foreign.rglob("*")) == before


@pytest.mark.parametrize("place", ["bin", "bin/managers"])
def test_a_folder_where_the_link_belongs_is_said(installation, place):
    installation.version()
    link = installation.product / place
    put("folder" if place == "bin/managers" else "garbage", link)
    refused(installation.run("version"), str(installation.product))
    shutil.rmtree(link) if link.is_dir() else link.unlink()
    installation.version()


@pytest.mark.parametrize("damage", ["truncated", "grown", "mode", "hard link", "touched"])
def test_a_file_that_is_not_as_it_was_heals(installation, tmp_path, damage):
    installation.version()
    path = installation.tree / "library.zip"
    whole = path.read_bytes()
    outside = tmp_path / "outside"
    outside.write_bytes(b"# not to be written")
    if damage == "truncated":
        os.truncate(path, 100)
    elif damage == "grown":
        path.write_bytes(whole + b"\nraise SystemExit('grown')\n")
    elif damage == "mode":
        path.chmod(0o666)
    elif damage == "touched":
        os.utime(path, (0, 0))
    else:
        path.unlink()
        os.link(outside, path)
    installation.version()
    assert path.read_bytes() == whole
    assert path.stat().st_mode == 0o100644
    assert outside.read_bytes() == b"# not to be written"


@pytest.mark.parametrize("umask", [0, 0o077, 0o777])
def test_the_umask_changes_nothing(installation, umask):
    installation.version(preexec_fn=lambda: os.umask(umask))
    modes = {os.lstat(path).st_mode for path in installation.snapshot()}
    assert modes <= {0o40755, 0o100644, 0o100755, 0o100600, 0o120777}
    installation.version()


def limits(what, value):
    return lambda: resource.setrlimit(what, (value, value))


@pytest.mark.parametrize("unpacked", [True, False])
@pytest.mark.parametrize("count", [4, 5, 6, 8, 11])
def test_without_file_descriptors_it_says_so_or_works(installation, unpacked, count):
    if unpacked:
        installation.version()
    ran = installation.run("version", preexec_fn=limits(resource.RLIMIT_NOFILE, count))
    # With fewer than this even Python's own start fails, in Python's words.
    if ran.returncode and "phoenix" not in ran.stderr.replace(str(installation.built), ""):
        assert count < 5
    elif ran.returncode:
        refused(ran, "Too many open files", "ulimit -n")
    installation.version()


@pytest.mark.parametrize("size", [0, 1, 4096, 100000])
def test_a_limit_of_file_sizes_is_said(installation, size):
    ran = installation.run("version", preexec_fn=limits(resource.RLIMIT_FSIZE, size))
    refused(ran, "File too large", "ulimit -f")
    installation.version()


@pytest.mark.parametrize("unpacked", [True, False])
@pytest.mark.parametrize("closed", [(0,), (1,), (2,), (0, 1), (1, 2), (0, 1, 2)])
def test_closed_standard_descriptors_are_no_bug(installation, closed, unpacked):
    if unpacked:
        installation.version()
    argv = [sys.executable, "-IS", str(installation.built), f"--root={installation.root}", "version"]
    shell = 'exec "$@" ' + " ".join(f"{number}>&-" for number in closed)
    ran = subprocess.run(["/bin/sh", "-c", shell, "sh", *argv], capture_output=True, text=True, check=False, env={})
    assert "Traceback" not in ran.stderr
    assert ran.returncode == 0 or (ran.returncode == 1 and 1 in closed), (ran.returncode, ran.stderr)
    installation.version()


def in_a_namespace(installation, mount):
    """Run `version` in a mount namespace in which the shell command `mount` ran before."""
    argv = [sys.executable, "-IS", str(installation.built), f"--root={installation.root}", "version"]
    place = installation.root / "usr"
    place.mkdir(exist_ok=True)
    script = f'{mount} || exit 99; shift; exec "$@"'
    user = [] if os.geteuid() == 0 else ["-r"]
    ran = subprocess.run(
        ["unshare", *user, "-m", "sh", "-c", script, "sh", str(place), *argv],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if ran.returncode == 99 or ran.stderr.startswith("unshare"):
        assert os.environ.get("CI") != "true", ran.stderr
        pytest.skip("no file system can be mounted here: " + ran.stderr)
    return ran


@pytest.mark.parametrize("size", ["16k", "200k", "1m"])
def test_a_full_disk_is_said(installation, size):
    ran = in_a_namespace(installation, f'mount -t tmpfs -o mode=755,size={size} none "$1"')
    refused(ran, "No space left", "df -h")
    installation.version()


def without_rare(installation):
    """Unpack, and leave out what is compiled only when it is needed."""
    installation.version()
    for path in installation.tree.glob("others.*"):
        path.unlink()


def test_a_disk_with_room_for_no_more_than_what_is_unpacked_is_enough(installation):
    without_rare(installation)
    blocks = sum(path.stat().st_size // 4096 + 2 for path in installation.product.rglob("*"))
    shutil.rmtree(installation.root / "usr")
    ran = in_a_namespace(installation, f'mount -t tmpfs -o mode=755,size={4 * (blocks + 20)}k none "$1"')
    assert (ran.returncode, ran.stderr) == (0, "")


def test_a_read_only_disk_is_enough_without_what_is_compiled_when_it_is_needed(installation):
    without_rare(installation)
    ran = in_a_namespace(installation, 'mount --bind "$1" "$1" && mount -o remount,bind,ro "$1"')
    assert (ran.returncode, ran.stderr) == (0, "")
    assert not [*installation.tree.glob("others.*")]


def test_a_read_only_disk_is_said_and_is_enough_for_what_is_unpacked(installation):
    mount = 'mount --bind "$1" "$1" && mount -o remount,bind,ro "$1"'
    refused(in_a_namespace(installation, mount), "Read-only", "mount")
    installation.version()
    assert in_a_namespace(installation, mount).returncode == 0


@pytest.mark.parametrize("how", ["rename", "overwritten", "emptied", "removed"])
def test_the_archive_may_change_while_it_unpacks(installation, tmp_path, how):
    copy = tmp_path / "copy.pyz"
    shutil.copy(installation.built, copy)
    lib = installation.product / "lib"
    lib.mkdir(parents=True)
    (lib / ".lock").touch(0o600)
    with open(lib / ".lock", "w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        argv = [sys.executable, "-IS", str(copy), f"--root={installation.root}", "version"]
        process = subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env={})
        until_it_waits(process.pid)
        if how == "rename":
            (tmp_path / "other").write_bytes(b"x" * 2000000)
            os.rename(tmp_path / "other", copy)
        elif how == "removed":
            copy.unlink()
        else:
            copy.write_bytes(b"" if how == "emptied" else b"x" * 2000000)
    out, err = process.communicate(timeout=60)
    assert out == ""
    refused(subprocess.CompletedProcess([], process.returncode, out, err), str(copy))
    installation.version()


GUEST = """\
hostname = "web"
ostemplate = "local:vztmpl/debian-12-standard_12.12-1_amd64.tar.zst"
rootfs = { storage = "local", size = "1G" }
"""


def test_the_archive_may_be_replaced_while_a_run_goes_on(built, tmp_path):
    copy, node = tmp_path / "copy.pyz", tmp_path / "node"
    shutil.copy(built, copy)
    argv = [sys.executable, "-IS", str(copy)]
    subprocess.run([*argv, "node", "new", str(node)], check=True, capture_output=True, env={})
    (node / "etc/phoenix/lxc").mkdir(parents=True)
    for guest in ("9001", "9002"):
        (node / f"etc/phoenix/lxc/{guest}.toml").write_text(GUEST)
    (node / "faults.toml").write_text('[[fault]]\ncommand = "pct create"\ncall = 1\nstop = "half"\n')
    with subprocess.Popen([*argv, f"--root={node}", "create", "all"], stderr=subprocess.PIPE, env={}) as run:
        deadline = time.monotonic() + 60
        while not (node / "stopped").exists():
            assert time.monotonic() < deadline
            time.sleep(0.01)
        copy.write_bytes(b"another one")
        (node / "go").touch()
        said = run.communicate(timeout=60)[1]
    assert run.returncode == 0, said
    assert (node / "etc/pve/lxc/9002.conf").exists()  # its manager was started when the archive was another already


def until_it_waits(pid):
    """Wait for a process that sleeps whenever one looks: whoever unpacks computes or writes, and sleeps for a lock."""
    deadline = time.monotonic() + 60
    asleep = 0
    while asleep < 10:
        assert time.monotonic() < deadline
        with open(f"/proc/{pid}/stat", encoding="ascii") as file:
            asleep = asleep + 1 if file.read().rpartition(")")[2].split()[0] == "S" else 0
        time.sleep(0.01)


def test_a_lock_that_is_held_for_ever_by_nobody_of_ours_does_not_matter(installation):
    installation.version()
    lock = installation.product / "lib/.lock"
    if os.geteuid() == 0:
        os.chown(lock, 12345, 12345)
    lock.chmod(0o666)
    with open(lock, encoding="utf-8") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        (installation.tree / "library.zip").unlink()
        installation.version(timeout=30)
    assert (lock.stat().st_uid, lock.stat().st_mode) == (os.geteuid(), 0o100600)


FILE_CALLS = ("openat", "mkdir", "write", "rename", "symlink", "unlink", "fsync", "fchmod", "flock")


def killed_at(installation, call, nth):
    """Kill a first run at the `nth` of its system calls `call`; whether it came so far."""
    shutil.rmtree(installation.product, ignore_errors=True)
    argv = ["strace", "-f", "-qq", "-o", "/dev/null", "-e", f"trace={call}", "-e",
            f"inject={call}:signal=KILL:when={nth}", sys.executable, "-IS", str(installation.built),
            f"--root={installation.root}", "version"]  # fmt: skip
    return subprocess.run(argv, capture_output=True, check=False, env={}).returncode in (-signal.SIGKILL, 137)


def heals(installation):
    installation.version()
    before = installation.snapshot()
    installation.version()
    assert installation.snapshot() == before


needs_strace = pytest.mark.skipif(
    not shutil.which("strace") and os.environ.get("CI") != "true", reason="needs strace (apt-get install strace)"
)


@needs_strace
@pytest.mark.parametrize(
    ("call", "nth"), [("mkdir", 5), ("rename", 1), ("rename", 6), ("rename", 9), ("fsync", 9), ("symlink", 1)]
)
def test_a_first_run_killed_at_a_system_call_is_finished_by_the_next(installation, call, nth):
    assert killed_at(installation, call, nth)
    heals(installation)


@needs_strace
@pytest.mark.slow
@pytest.mark.parametrize("call", FILE_CALLS)
def test_a_first_run_killed_at_every_third_of_its_calls_is_finished_by_the_next(installation, call):
    nth = 1
    while killed_at(installation, call, nth):
        heals(installation)
        nth += 3
