"""The boundary: every manager as a real child, told by arguments alone; a fourth one is one more file."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys

import pytest

pytestmark = pytest.mark.processes

BAD_IDS = (
    *("", "-5", "9_001", "\uff19\uff10\uff10\uff11", "09001", "99", "1000000000", "../9001", "9001\n"),
    *(" 9001", "+9001", "1e3", "9001;id"),
)
DISPATCHER = """
import sys
sys.path.append(sys.argv[1] + "/library.zip")
from phoenix.dispatch.main import main
sys.exit(main(sys.argv[1], sys.argv[2:]))
"""
STRANGE = {"LANG": "de_DE.UTF-8", "LC_ALL": "xx", "PATH": "/nowhere", "HOME": "/nowhere", "TERM": "\x1b["}


def child(tree, manager, *words, **options):
    argv = [sys.executable, "-I", "-S", f"{tree}/bin/{manager}", *words]
    options = {"env": {}, "stdin": subprocess.DEVNULL, **options}
    return subprocess.run(argv, capture_output=True, text=True, check=False, **options)


def dispatcher(tree, *words):
    argv = [sys.executable, "-B", "-IS", "-c", DISPATCHER, str(tree), *words]
    return subprocess.run(argv, capture_output=True, text=True, check=False, env={}, stdin=subprocess.DEVNULL)


@pytest.fixture
def node(tmp_path):
    """The least that is a node: a container that nobody here made, and a configuration for it."""
    for folder in ("lxc", "qemu-server"):
        (tmp_path / "etc/pve/nodes/pve" / folder).mkdir(parents=True)
        (tmp_path / "etc/pve" / folder).symlink_to(f"nodes/pve/{folder}")
    (tmp_path / "etc/pve/local").symlink_to("nodes/pve")
    (tmp_path / "proc/net").mkdir(parents=True)
    (tmp_path / "proc/net/unix").write_text("Num\n")
    (tmp_path / "etc/pve/lxc/9001.conf").write_text("arch: amd64\nhostname: web\n")
    (tmp_path / "etc/phoenix/lxc").mkdir(parents=True)
    file = 'ostemplate = "/t.tar.zst"\nrootfs = { storage = "local", size = "8G" }\n'
    (tmp_path / "etc/phoenix/lxc/9001.toml").write_text(file)
    return tmp_path


def snapshot(root):
    seen = {}
    for here, folders, files in os.walk(root):
        for name in [*folders, *files]:
            facts = os.lstat(os.path.join(here, name))
            seen[os.path.join(here, name)] = (facts.st_mode, facts.st_size, facts.st_mtime_ns)
    return seen


MANAGERS = ("hypervisor-manager", "lxc-manager", "vm-manager")


def test_these_are_the_managers(stage):
    assert sorted(os.listdir(stage / "bin")) == sorted(MANAGERS)


@pytest.mark.parametrize("manager", MANAGERS)
def test_it_explains_itself(stage, manager):
    ran = child(stage, manager, "--help")
    assert (ran.returncode, ran.stderr) == (0, "")
    assert f"{manager} --action=<action> [options]" in ran.stdout
    assert "--run-id=<id>" in ran.stdout
    assert child(stage, manager, "--version").stdout.startswith(f"{manager} 0.")


@pytest.mark.parametrize("manager", MANAGERS)
def test_it_lists_the_actions_it_has_and_no_others_are_there(stage, manager, node):
    listed = child(stage, manager, "--action=list-actions").stdout.split()
    document = json.loads(child(stage, manager, "--action=list-actions", "--output=json").stdout)
    assert document == {"version": 1, "manager": manager, "actions": listed}
    assert "list-actions" in listed
    for action in ("create", "start", "stop", "restart", "delete", "status", "plan", "check", "snapshot", ""):
        ran = child(stage, manager, f"--action={action}", "--id=9001", f"--root={node}")
        usage = ran.returncode == 2 and "has no action" in ran.stderr
        assert usage == (action not in listed), (action, ran)


@pytest.mark.parametrize("word", BAD_IDS)
@pytest.mark.parametrize("form", ["joined", "apart"])
def test_a_bad_id_is_a_usage_error_and_touches_nothing(stage, node, word, form):
    before = snapshot(node)
    said = [f"--id={word}"] if form == "joined" else ["--id", word]
    for manager, action in (("lxc-manager", "create"), ("lxc-manager", "delete"), ("vm-manager", "status")):
        ran = child(stage, manager, f"--action={action}", *said, f"--root={node}", "--yes")
        assert ran.returncode == 2, ran
        assert ran.stderr.startswith("error: --id is ")
        assert ran.stdout == ""
    assert snapshot(node) == before


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["--act=status", "--id=9001"],
        ["--action"],
        ["--action=status", "--action=status", "--id=9001"],
        ["--action=status", "--id=9001", "extra"],
        ["--action=status", "--id=9001", "--yes=1"],
        ["--action=status", "--id=9001", "--output=xml"],
        ["--action=status", "--id=9001", "--timeout=-1"],
        ["--action=status", "--id=9001", "--timeout=0"],
        ["--action=status", "--id=9001", "--run-id=../x"],
        ["--action=status", "--id=9001", "--root=/no/such"],
        ["-a", "status"],
        ["--help", "--version"],
    ],
)
def test_words_that_do_not_fit_are_a_usage_error_with_a_next_step(stage, words):
    ran = child(stage, "lxc-manager", *words)
    assert ran.returncode == 2, ran
    assert ran.stderr.startswith("error: ")
    assert "Traceback" not in ran.stderr
    assert "Option(" not in ran.stderr
    assert len(ran.stderr.splitlines()) >= 2


def test_it_reads_no_standard_input_and_needs_no_environment(stage, node):
    words = ("--action=status", "--id=9001", f"--root={node}")
    plain = child(stage, "lxc-manager", *words)
    assert plain.returncode == 0, plain
    piped = subprocess.run(
        [sys.executable, "-I", "-S", f"{stage}/bin/lxc-manager", *words],
        input='{"action": "delete", "id": 9002}',
        capture_output=True,
        text=True,
        check=False,
        env={
            "LANG": "de_DE.UTF-8",
            "LC_ALL": "xx",
            "PATH": "/nowhere",
            "HOME": "/nowhere",
            "PHOENIX_ROOT": "/",
            "TERM": "\x1b[",
        },
    )
    closed = child(stage, "lxc-manager", *words, stdin=None, preexec_fn=lambda: os.close(0))
    for other in (piped, closed):
        assert (other.returncode, other.stdout, other.stderr) == (plain.returncode, plain.stdout, plain.stderr)


def test_documents_have_a_version_also_when_something_is_wrong(stage, node):
    for words, code in (
        (["--action=status", "--id=9001"], 0),
        (["--action=plan", "--id=9001"], 8),
        (["--action=create", "--id=9001"], 6),
        (["--action=status", "--id=9002"], 3),
        (["--action=nonsense", "--id=9001"], 2),
        (["--action=status", "--id=-5"], 2),
        (["--acton=status"], 2),
    ):
        ran = child(stage, "lxc-manager", *words, f"--root={node}", "--output=json")
        document = json.loads(ran.stdout)
        assert (ran.returncode, document["version"]) == (code, 1), ran
        if code:
            assert document["exit_code"] == code
            assert document["error"]["message"]


FOURTH = '''"""Backups: a fourth manager, dropped in.

Usage:
  backup-manager --action=<action> [options]
  backup-manager --help
  backup-manager --version

Options:
  --target=<place>     where to
"""

import os

from phoenix import output


def create(call):
    output.text(f"backup of {call.id} to {call.options['--target']} dry={call.dry_run} {sorted(os.environ)}")
    return 0


ACTIONS = {"create": create}
'''


def test_a_fourth_manager_is_built_listed_routed_to_and_run_with_no_other_edit(repository, tmp_path):
    checkout = tmp_path / "checkout"
    checkout.mkdir()
    names = ("build.py", "pyproject.toml", "LICENSE", "phoenix", "managers", "etc")
    for name in names:
        source = repository / name
        ignore = shutil.ignore_patterns("__pycache__")
        if source.is_dir():
            shutil.copytree(source, checkout / name, ignore=ignore)
        else:
            shutil.copy(source, checkout)
    shutil.copytree(repository / "dist/wheels", checkout / "dist/wheels")
    (checkout / "managers/backup_manager.py").write_text(FOURTH)
    (checkout / "etc/phoenix/backup").mkdir()
    (checkout / "etc/phoenix/backup/500.toml").write_text("")
    subprocess.run([sys.executable, "build.py"], cwd=checkout, check=True, capture_output=True)

    root = tmp_path / "node"
    (root / "etc/pve").mkdir(parents=True)

    def phoenix(*words):
        argv = [sys.executable, "-IS", str(checkout / "dist/phoenix.pyz"), *words]
        return subprocess.run(argv, capture_output=True, text=True, check=False, env=STRANGE, stdin=subprocess.DEVNULL)

    assert phoenix(f"--root={root}", "init").returncode == 0
    assert "Backups: a fourth manager, dropped in." in phoenix(f"--root={root}", "help").stdout
    routed = phoenix(f"--root={root}", "create", "500", "--target=there", "--dry-run")
    assert (routed.returncode, routed.stdout) == (
        0,
        "backup of 500 to there dry=True ['HOME', 'LANG', 'PATH', 'TERM']\n",
    ), routed
    direct = phoenix("backup-manager", f"--root={root}", "--action=create", "--id=500", "--target", "there")
    assert (direct.returncode, direct.stdout) == (
        0,
        "backup of 500 to there dry=False ['HOME', 'LANG', 'PATH', 'TERM']\n",
    ), direct
    assert phoenix(f"--root={root}", "list").stdout.splitlines()[1].split()[:2] == ["500", "backup"]


@pytest.mark.parametrize("word", ["lxc-manager", "node"])
def test_options_before_a_program_of_its_own_are_not_guessed_about(stage, tmp_path, word):
    ran = dispatcher(stage, f"--root={tmp_path}", word, "new", str(tmp_path / "x"))
    assert (ran.returncode, ran.stdout) == (2, "")
    assert f"phoenix.pyz {word} --help" in ran.stderr
    assert not (tmp_path / "x").exists()


def test_the_dispatcher_knows_managers_only_from_their_folder(stage, tmp_path):
    tree = tmp_path / "tree"
    shutil.copytree(stage, tree, symlinks=True)
    (tree / "bin/vm-manager").unlink()
    ran = dispatcher(tree, "vm-manager", "--action=status", "--id=100")
    assert ran.returncode == 4
    assert "there is no vm-manager" in ran.stderr
    assert "did you mean" in dispatcher(tree, "lcx-manager").stderr
    assert dispatcher(tree, "../bin/lxc-manager").returncode == 4


@pytest.fixture
def three(node):
    """Three containers with files, of which the second one's is broken."""
    for guest in ("9002", "9003"):
        for path in (f"etc/pve/lxc/{guest}.conf", f"etc/phoenix/lxc/{guest}.toml"):
            (node / path).write_text((node / path.replace(guest, "9001")).read_text())
    return node


STATUS = ("--action=status", "--id=9001", "--id=9002", "--id=9003")


@pytest.mark.parametrize("broken", ["etc/phoenix/lxc/9002.toml", "etc/pve/firewall/9002.fw"])
def test_what_is_wrong_with_one_of_several_is_told_in_its_place(stage, three, broken):
    if broken.endswith(".toml"):
        (three / broken).write_text("x = \n")
    else:
        (three / broken).mkdir(parents=True)
    argv = [sys.executable, "-I", "-S", f"{stage}/bin/lxc-manager", *STATUS, f"--root={three}"]
    ran = subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False, env={})
    assert ran.returncode == 7
    first, second, *_, last = ran.stdout.splitlines()
    assert [line[:6] for line in (first, last)] == ["9001  ", "9003  "]
    assert second.startswith("error: ")
    assert broken in second


def test_where_nobody_reads_what_is_wrong_with_one_of_several_is_told_all_the_same(stage, three):
    (three / "etc/phoenix/lxc/9002.toml").write_text("x = \n")
    reader, writer = os.pipe()
    os.close(reader)
    argv = [sys.executable, "-I", "-S", f"{stage}/bin/lxc-manager", *STATUS, f"--root={three}"]
    ran = subprocess.run(argv, stdout=writer, stderr=subprocess.PIPE, text=True, check=False, env={})
    os.close(writer)
    assert ran.returncode == 141
    assert "9002.toml" in ran.stderr
