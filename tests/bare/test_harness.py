"""The bare nodes themselves: what they have, what they have not, and that nothing gets out."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest

from tests.bare import trees

PYTHONS = {"bullseye": "3.9", "bookworm": "3.11", "trixie": "3.13"}


def test_it_has_the_python_of_its_suite_and_nothing_installed(node, suite):
    code = "import sys; print('%d.%d' % sys.version_info[:2])"
    assert node.run("/usr/bin/python3", "-IS", "-c", code) == (0, PYTHONS[suite] + "\n", "")
    for module in ("pip", "ensurepip", "tomli", "docopt", "setuptools"):
        assert node.run("/usr/bin/python3", "-c", f"import {module}").code == 1, module


def test_the_exit_code_and_both_outputs_come_back(node):
    assert node.run("sh", "-c", "echo out; echo err >&2; exit 7") == (7, "out\n", "err\n")
    assert node.run("sh", "-c", "kill -TERM $$").code == -signal.SIGTERM


def test_the_environment_is_only_what_was_asked_for(node):
    assert node.run("env").out == f"PATH={trees.PATH}\n"
    assert node.run("/usr/bin/env", env={}).out == ""
    assert node.run("/usr/bin/env", env={"A": "b c"}).out == "A=b c\n"


def test_there_is_no_network(node):
    code = "import socket; socket.create_connection(('127.0.0.1', 22), 1)"
    ran = node.run("python3", "-c", code)
    assert ran.code == 1
    assert "unreachable" in ran.err
    assert node.run("cat", "/proc/net/dev").out.count(":") == 1


def test_only_its_own_processes_are_to_be_seen(node):
    code = "import os; print(sum(name.isdigit() for name in os.listdir('/proc')))"
    assert int(node.run("python3", "-c", code).out) < 6


def test_a_fresh_node_is_unchanged_and_every_change_is_listed(node):
    assert node.changed() == []
    # Debian compiles only a part of the standard library; without -B this would add the rest.
    node.run("python3", "-BIS", "-c", "import json")
    assert node.changed() == []
    node.run(
        "sh",
        "-c",
        "mkdir -p /opt/a/b; echo x >/opt/a/b/c; ln -s c /opt/a/d; echo y >>/etc/hostname; rm /etc/issue",
    )
    assert node.changed() == [
        "-/etc/issue",
        "/etc/hostname",
        "/opt/a/",
        "/opt/a/b/",
        "/opt/a/b/c",
        "/opt/a/d",
    ]


def test_several_commands_share_a_node_and_no_two_nodes_share_anything(bare, suite):
    first, second = bare(suite), bare(suite)
    first.run("touch", "/root/mine")
    assert first.run("ls", "/root").out == "mine\n"
    assert second.run("ls", "/root").out == ""
    assert not (trees.tree(suite) / "root/mine").exists()


def test_what_is_put_on_it_is_there(node, tmp_path):
    (tmp_path / "file").write_text("content")
    node.put(tmp_path / "file", "/srv/new/file", 0o755)
    assert node.run("sh", "-c", "stat -c '%a %u' /srv/new/file; cat /srv/new/file").out == "755 0\ncontent"
    assert node.changed() == ["/srv/new/", "/srv/new/file"]


def test_a_layer_lies_over_the_tree_and_is_no_change(bare, suite, tmp_path):
    (tmp_path / "etc/pve").mkdir(parents=True)
    (tmp_path / "etc/pve/storage.cfg").write_text("dir: local\n")
    node = bare(suite, tmp_path)
    assert node.run("cat", "/etc/pve/storage.cfg").out == "dir: local\n"
    assert node.run("test", "-e", "/etc/passwd").code == 0
    assert node.changed() == []
    node.run("sh", "-c", "echo more >>/etc/pve/storage.cfg")
    assert node.changed() == ["/etc/pve/storage.cfg"]
    assert (tmp_path / "etc/pve/storage.cfg").read_text() == "dir: local\n"


def test_another_user_is_another_user(node):
    assert node.run("id", "-u", uid=1000).out == "1000\n"
    assert node.run("id", "-G", uid=1000).out == "1000\n"
    assert node.run("touch", "/etc/x", uid=1000).code == 1


def test_a_read_only_file_cannot_be_written(node):
    node.read_only("/etc/hostname")
    ran = node.run("sh", "-c", "echo x >/etc/hostname")
    assert ran.code == 2
    assert "Read-only" in ran.err


def test_a_small_file_system_is_full_soon(node):
    node.small("/usr/local/full", "16k")
    ran = node.run("sh", "-c", "head -c 100000 /dev/zero >/usr/local/full/file")
    assert ran.code == 1
    assert "No space left" in ran.err


def test_standard_input_is_what_was_given(node):
    assert node.run("cat", stdin="words").out == "words"
    assert node.run("cat").out == ""


def test_what_runs_on_it_ends_with_it(bare):
    node = bare("bookworm")
    ran = node.run("sh", "-c", "sleep 600 >/dev/null 2>&1 & echo started")
    assert ran.out == "started\n"
    inside = [pid for pid in os.listdir("/proc") if pid.isdigit() and runs_in(pid, node)]
    assert len(inside) >= 2
    node.end()
    assert not [pid for pid in inside if os.path.exists(f"/proc/{pid}/exe")]


def runs_in(pid, node):
    try:
        return os.readlink(f"/proc/{pid}/ns/pid") == os.readlink(f"/proc/{node.pid}/ns/pid")
    except OSError:
        return False


def test_a_node_does_not_outlive_a_killed_test(bare_trees, tmp_path):
    code = (
        "import sys, os, pathlib; from tests.bare import trees\n"
        "with trees.bare('bookworm', pathlib.Path(sys.argv[1])) as node:\n"
        "    print(node.pid, flush=True); os.kill(os.getpid(), 9)\n"
    )
    ran = subprocess.run(
        [sys.executable, "-B", "-c", code, str(tmp_path)],
        cwd=os.path.dirname(os.path.dirname(os.path.dirname(__file__))),
        capture_output=True,
        text=True,
        check=False,
        timeout=20,
    )
    assert ran.returncode == -signal.SIGKILL
    pid = ran.stdout.strip()
    for _ in range(100):
        if not os.path.exists(f"/proc/{pid}"):
            return
        signal.sigtimedwait([signal.SIGUSR1], 0.05)
    pytest.fail(f"process {pid} still holds its node")


def test_a_tree_half_made_is_not_used(monkeypatch, tmp_path, bare_trees):
    monkeypatch.setenv("PHOENIX_BARE_NODES", str(tmp_path))
    monkeypatch.setattr(trees, "RECIPE", ("--variant=none-such",))
    with pytest.raises(RuntimeError, match="debootstrap bookworm failed"):
        trees.bootstrap("bookworm")
    assert not trees.tree("bookworm").exists()
