"""What all tests share: no process starts unnoticed, one build for all, the checkout stays clean."""

from __future__ import annotations

import os
import shutil
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import build

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_subprocess import FakeProcess

REPOSITORY = Path(__file__).resolve().parent.parent
# These folders test programs as programs; every test in them is marked `processes`.
OF_PROCESSES = ("contract", "build", "bare", "rehearsal", "crash", "setup")
# What Python reports before a process starts or is replaced, whatever the name it was imported under.
STARTS = (
    "subprocess.Popen",
    "os.fork",
    "os.forkpty",
    "os.posix_spawn",
    "os.exec",
    "os.system",
    "os.spawn",
    "pty.spawn",
)


class Watch:
    """Sees every process that starts; in a test that may start none, stops it."""

    def __init__(self) -> None:
        self.active = False
        self.seen: list[str] = []
        sys.addaudithook(self.event)

    def event(self, name: str, arguments: tuple[object, ...]) -> None:
        """Python's report of what is about to happen. What is raised here keeps it from happening."""
        if self.active and name in STARTS:
            self.seen.append(f"{name}{arguments[:2]}")
            # Not an Exception: code under test must not take it for a failure of its own.
            pytest.fail(f"a real process would start: {self.seen[-1]}; use `fp` or mark the test `processes`")


WATCH = Watch()


def pytest_configure() -> None:
    """Start from what a terminal gives, and let hypothesis remember what failed in dist, nowhere else."""
    # A shell starts what it puts in the background with INT ignored, nohup with HUP, and children inherit that.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    if signal.getsignal(signal.SIGHUP) == signal.SIG_IGN:  # a handler is not inherited, so the tests still survive it
        signal.signal(signal.SIGHUP, lambda *_: None)
    os.environ["HYPOTHESIS_STORAGE_DIRECTORY"] = str(REPOSITORY / "dist" / "hypothesis")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests of programs."""
    for item in items:
        if any(item.path.is_relative_to(REPOSITORY / "tests" / folder) for folder in OF_PROCESSES):
            item.add_marker(pytest.mark.processes)


@pytest.fixture(autouse=True)
def _no_real_process(request: pytest.FixtureRequest) -> Iterator[None]:
    """Without the mark `processes` no process starts, and every registered one must have been called."""
    if request.node.get_closest_marker("processes"):
        yield
        return
    fp: FakeProcess = request.getfixturevalue("fp")
    WATCH.seen.clear()
    WATCH.active = True
    try:
        yield
    finally:
        WATCH.active = False
    assert not WATCH.seen, f"real processes would have started: {WATCH.seen}"
    # pytest-subprocess itself is content with registrations that nothing called.
    unused = [" ".join(map(str, command)) for command, left in fp.definitions.items() if left]
    assert not unused, f"registered and never called: {unused}"


@pytest.fixture(scope="session")
def repository() -> Path:
    """The checkout."""
    return REPOSITORY


@pytest.fixture(scope="session")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What phoenix.pyz unpacks to; tests must not write to it."""
    folder = tmp_path_factory.mktemp("stage")
    build.stage(folder)
    return folder


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """phoenix.pyz as built of the sources, and SHA256SUMS beside it; a copy, which no other build replaces."""
    folder = tmp_path_factory.mktemp("built")
    build.up_to_date()
    with build.locked():
        for name in ("phoenix.pyz", "SHA256SUMS"):
            shutil.copy(build.DIST / name, folder)
    return folder / "phoenix.pyz"


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of facts beside the checkout: what the real tools do, and real configuration."""
    folder = REPOSITORY.parent / "shared"
    if not folder.is_dir():
        unavailable("there is no folder `shared` beside the checkout")
    return folder


def unavailable(reason: str) -> None:
    """Skip what this machine cannot test; in CI everything must be tested."""
    if os.environ.get("CI") == "true":
        pytest.fail(f"CI must test this: {reason}", pytrace=False)
    pytest.skip(reason)
