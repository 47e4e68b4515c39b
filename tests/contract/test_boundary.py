"""The boundary from the child's end: what reaches a manager through the dispatcher, and what a broken output does."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import zipfile

import pytest

pytestmark = pytest.mark.processes

DISPATCHER = (
    "import sys; sys.path.append(sys.argv[1] + '/library.zip'); from phoenix.dispatch.main import main; "
    "sys.exit(main(sys.argv[1], sys.argv[2:]))"
)
# A manager dropped in: its file, its executable in bin, and nothing else. It tells what it was given.
PROBE = '''"""Probes: tells what a manager is given.

Usage:
  probe-manager --action=<action> [options]
  probe-manager --help
  probe-manager --version

Options:
  --own=<value>        an option of its own
"""

import os
import signal
import sys

from phoenix import output
from phoenix.errors import Refused


def files(call):
    return {fd: os.readlink(f"/proc/self/fd/{fd}") for fd in os.listdir("/proc/self/fd") if int(fd) > 2 and alive(fd)}


def alive(fd):
    return os.path.exists(f"/proc/self/fd/{fd}")


def look(call):
    output.document(
        id=call.id, kind=call.kind, options=dict(call.options), argv=sys.argv, env=dict(os.environ),
        stdin=os.readlink("/proc/self/fd/0") if alive(0) else "", cwd=os.getcwd(), files=files(call),
        isolated=sys.flags.isolated, site=sys.flags.no_site, path=sys.path,
        ignored=[number for number in (1, 2, 15) if signal.getsignal(number) == signal.SIG_IGN],
    )
    return 0


def refuse(call):
    raise Refused("no", "never")


def crash(call):
    raise ZeroDivisionError("in the probe")


def die(call):
    os.kill(os.getpid(), signal.SIGKILL)


ACTIONS = {"create": look, "status": look, "delete": refuse, "start": crash, "stop": die}
'''


@pytest.fixture(scope="module")
def tree(stage, tmp_path_factory):
    """A copy of the build with one more manager."""
    tree = tmp_path_factory.mktemp("build") / "tree"
    shutil.copytree(stage, tree)
    with zipfile.ZipFile(tree / "library.zip", "a") as library:
        library.writestr("managers/probe_manager.py", PROBE)
    shutil.copy(tree / "bin/lxc-manager", tree / "bin/probe-manager")
    return tree


@pytest.fixture
def root(tmp_path):
    (tmp_path / "etc/phoenix/probe").mkdir(parents=True)
    (tmp_path / "etc/phoenix/probe/500.toml").touch()
    return tmp_path


@pytest.fixture
def phoenix(tree, root):
    def run(*words, **options):
        argv = [sys.executable, "-B", "-IS", "-c", DISPATCHER, str(tree), f"--root={root}", *words]
        options = {"env": {}, "stdin": subprocess.DEVNULL, "capture_output": True, **options}
        return subprocess.run(argv, text=True, check=False, **options)

    return run


def manager(tree, *words, **options):
    options = {"env": {}, "stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, **options}
    argv = [sys.executable, "-I", "-S", str(tree / "bin/probe-manager"), *words]
    return subprocess.run(argv, stderr=subprocess.PIPE, text=True, check=False, **options)


def test_a_manager_dropped_in_is_listed_helped_routed_to_and_run(phoenix, tree):
    assert "probe-manager" in phoenix("help").stdout
    assert "Probes: tells what a manager is given." in phoenix("help").stdout
    assert "--own=<value>" in phoenix("help", "probe-manager").stdout
    assert "500" in phoenix("list").stdout
    seen = json.loads(phoenix("create", "500", "--own", "x").stdout)
    assert (seen["id"], seen["kind"], seen["options"]["--own"]) == ("500", "probe", "x")
    direct = json.loads(manager(tree, "--action=create", "--id=500", "--own=x").stdout)
    assert (direct["id"], direct["kind"], direct["options"]["--own"]) == ("500", "probe", "x")


def test_a_child_is_given_arguments_and_nothing_else(phoenix, tree, root):
    evil = {
        "PATH": "/evil", "LANG": "de_DE.UTF-8", "LC_ALL": "C", "HOME": "/evil", "PYTHONPATH": "/evil", "TERM": "xterm",
        "PHOENIX_ROOT": "/evil", "PERL5LIB": "/evil", "LD_LIBRARY_PATH": "/evil", "PYTHONSTARTUP": "/evil",
    }  # fmt: skip
    seen = json.loads(phoenix("create", "500", env=evil).stdout)
    home = "/root" if os.geteuid() == 0 else seen["env"]["HOME"]
    assert home != "/evil"
    assert seen["env"] == {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8", "HOME": home, "TERM": "xterm"}
    run_id = seen["argv"].pop()
    assert run_id.startswith("--run-id=")
    assert seen["argv"] == [f"{tree}/bin/probe-manager", "--action=create", "--id=500", f"--root={root}"]
    assert seen["stdin"] == "/dev/null"
    assert (seen["isolated"], seen["site"]) == (1, 1)
    assert f"{tree}/library.zip" in seen["path"]
    assert not any("site-packages" in path or path in ("", ".") for path in seen["path"])
    assert seen["ignored"] == []


def test_a_child_inherits_no_open_file(phoenix, tree, root):
    with open(root / "secret", "w") as secret:
        seen = json.loads(phoenix("create", "500", pass_fds=[secret.fileno()]).stdout)
    opened = {path for path in seen["files"].values() if not path.startswith(str(tree))}
    assert opened <= {str(root / "secret")}  # what the caller left open, nothing of ours


def test_the_callers_input_and_environment_change_nothing(phoenix):
    def told(**options):
        ran = phoenix("status", "500", **options)
        seen = json.loads(ran.stdout)
        return ran.returncode, ran.stderr, seen["env"], seen["stdin"], seen["cwd"], seen["argv"][:-1]

    plain = told()
    assert plain[0] == 0
    assert told(stdin=None, input='{"action": "delete", "id": 500}') == plain
    assert told(stdin=None, preexec_fn=lambda: os.close(0)) == plain
    assert told(env={"LANG": "tr_TR.UTF-8", "PYTHONHOME": "/evil", "SHIV_ROOT": "/evil", "TERM": "\x1b["}) == plain


@pytest.mark.parametrize(("verb", "code"), [("delete", 8), ("start", 70), ("stop", 137)])
def test_the_status_of_a_child_is_passed_through(phoenix, tree, root, verb, code):
    ran = phoenix(verb, "500", "--yes")
    assert (ran.returncode, ran.stdout) == (code, "")
    assert "Traceback" not in ran.stderr
    assert ran.stderr == manager(tree, f"--action={verb}", "--id=500", "--yes", f"--root={root}").stderr


def test_a_bug_leaves_its_traceback_in_the_log_of_the_root(phoenix, root):
    ran = phoenix("start", "500")
    log = root / "var/log/phoenix/bugs.log"
    assert f"the details are in {log}" in ran.stderr
    assert "in the probe" in log.read_text()
    assert log.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("words", [["--help"], ["--action=status", "--id=500"], ["--action=list-actions"]])
def test_an_output_that_nobody_reads_ends_quietly(tree, words):
    reader, writer = os.pipe()
    os.close(reader)
    ran = manager(tree, *words, stdout=writer)
    os.close(writer)
    assert (ran.returncode, ran.stderr) == (141, "")


@pytest.mark.parametrize("words", [["--action=status", "--id=500"], ["--action=delete", "--id=500", "--output=json"]])
def test_an_output_that_is_full_is_an_error_and_no_traceback(tree, words):
    with open("/dev/full", "w") as full:
        ran = manager(tree, *words, stdout=full)
    assert ran.returncode in (1, 8)
    assert "Traceback" not in ran.stderr
    assert "No space left on device" in ran.stderr


def test_a_closed_output_stops_nothing(tree):
    ran = manager(tree, "--action=status", "--id=500", stdout=None, preexec_fn=lambda: os.close(1))
    assert (ran.returncode, ran.stderr) == (0, "")
    ran = manager(tree, "--action=delete", "--id=500", "--output=json", stdout=None, preexec_fn=lambda: os.close(1))
    assert (ran.returncode, ran.stderr) == (8, "error: no\nnext:  never\n")


@pytest.mark.parametrize("form", [["--output=json"], ["--output", "json"]])
@pytest.mark.parametrize("words", [["--action=delete", "--id=500"], ["--action=none"], ["--action=status", "--id=5"]])
def test_every_error_is_a_document_where_documents_are_wanted(tree, words, form):
    ran = manager(tree, *form, *words)
    document = json.loads(ran.stdout)
    assert (document["version"], document["exit_code"]) == (1, ran.returncode)
    assert ran.stderr.startswith(f"error: {document['error']['message']}\n")


def test_an_error_in_the_words_is_a_document_in_either_form(tree):
    assert json.loads(manager(tree, "--output", "json", "--bogus").stdout)["exit_code"] == 2


def test_an_id_that_is_not_utf_8_is_a_document_too(tree, root):
    code = "import sys; sys.stdout.reconfigure(errors='strict'); sys.path.append(sys.argv[1] + '/library.zip'); "
    argv = [
        sys.executable,
        "-B",
        "-IS",
        "-c",
        code + "from phoenix import manager; sys.exit(manager.run(sys.argv[1], 'probe-manager', sys.argv[2:]))",
    ]
    ran = subprocess.run(
        [*argv, str(tree), "--action=status", b"--id=\xff", "--output=json", f"--root={root}"],
        capture_output=True,
        check=False,
    )
    assert ran.returncode == 2
    assert json.loads(ran.stdout)["exit_code"] == 2


def test_a_timeout_of_thousands_of_digits_is_a_usage_error(tree, root):
    ran = manager(tree, "--action=status", "--id=500", f"--root={root}", "--timeout=" + "9" * 5000)
    assert ran.returncode == 2
