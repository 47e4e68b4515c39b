"""What unit tests share: tools that are made up, in place of processes."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import pytest

from phoenix.call import Call
from phoenix.paths import Paths

if TYPE_CHECKING:
    from collections.abc import Callable

FILE = """hostname = "web"
ostemplate = "/t.tar.zst"
rootfs = { storage = "local", size = "8G" }
[phoenix]
state = "stopped"
"""


class Tool:
    """One start of a made-up tool: how it was asked for, and the status that it has ended with; None: it goes on."""

    def __init__(self, env: dict[str, str], given: dict[str, Any]) -> None:
        self.env = env
        self.given = given
        self.files = {action[2]: action[1] for action in given["file_actions"] if action[0] == os.POSIX_SPAWN_DUP2}
        self.cwd = os.getcwd()
        self.status: int | None = 0

    def write(self, data: bytes) -> None:
        """Print."""
        os.write(self.files[1], data)


class Tools:
    """Tools that are made up: each start is for one that was registered, in any order, and none of them is left out."""

    def __init__(self) -> None:
        self.calls: list[list[str]] = []
        self.left: list[tuple[list[str], Callable[[Tool], None]]] = []
        self._started: dict[int, Tool] = {}

    def register(self, argv: list[str], act: Callable[[Tool], None]) -> None:
        """One start of a tool, and what it does at once."""
        self.left.append((argv, act))

    def spawn(self, path: str, argv: list[str], env: dict[str, str], **given: Any) -> int:
        """Stand for os.posix_spawn."""
        assert path == argv[0]
        self.calls.append(list(argv))
        act = next((act for wanted, act in self.left if wanted == list(argv)), None)
        if act is None:
            pytest.fail(f"nobody has registered {argv}")
        self.left.remove((list(argv), act))
        tool = Tool(env, given)
        act(tool)
        pid = 1 << 30 | len(self.calls)  # none that the system gives
        self._started[pid] = tool
        return pid

    def wait(self, pid: int, options: int) -> tuple[int, int]:
        """Stand for os.waitpid."""
        assert options == os.WNOHANG
        status = self._started[pid].status
        if status is None:
            return 0, 0
        return pid, status << 8 if status >= 0 else -status


@pytest.fixture
def tools(monkeypatch):
    """Tools that are made up."""
    made = Tools()
    monkeypatch.setattr(os, "posix_spawn", made.spawn)
    monkeypatch.setattr(os, "waitpid", made.wait)
    yield made
    assert made.left == []


@pytest.fixture
def call(tmp_path):
    """Calls of a manager on a node with an empty cluster and a file for 9001, a container."""
    for folder in ("lxc", "qemu-server"):
        (tmp_path / "etc/pve/nodes/pve" / folder).mkdir(parents=True)
        (tmp_path / "etc/pve" / folder).symlink_to(f"nodes/pve/{folder}")
    (tmp_path / "etc/pve/local").symlink_to("nodes/pve")
    (tmp_path / "proc/net").mkdir(parents=True)
    (tmp_path / "proc/net/unix").write_text("")
    (tmp_path / "usr/sbin").mkdir(parents=True)
    (tmp_path / "usr/sbin/pct").touch(0o755)
    (tmp_path / "usr/share/phoenix-rehearsal").mkdir(parents=True)
    (tmp_path / "etc/phoenix/lxc").mkdir(parents=True)
    (tmp_path / "etc/phoenix/lxc/9001.toml").write_text(FILE)
    paths = Paths(str(tmp_path))

    def make(action, **other):
        facts = {"json": False, "dry_run": False, "yes": False, "timeout": 0, **other}
        return Call("lxc-manager", action, "9001", paths, paths.config, run="run-1", options={}, **facts)

    make.root, make.paths = tmp_path, paths
    return make
