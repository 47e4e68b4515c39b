"""Parts of the tests with real guests: a service that is installed without a network, what is made once, the node."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import subprocess
import sys

import pytest

from tests.bare import trees

SUITE = "bookworm"
APPLY = """\
#!/bin/sh
set -e
dpkg --install files/*.deb
install -m 0755 files/web.init /etc/init.d/web
echo "PORT=$1" >/etc/default/web
update-rc.d web defaults
/etc/init.d/web start
test "$(cat secrets/key)" = opensesame
echo "the service is installed"
"""
INIT = """\
#!/bin/sh
### BEGIN INIT INFO
# Provides:          web
# Required-Start:
# Required-Stop:
# Default-Start:     2 3 4 5
# Default-Stop:      0 1 6
### END INIT INFO
. /etc/default/web
case "$1" in
start) start-stop-daemon --start --background --make-pidfile --pidfile /run/web.pid \\
    --exec /bin/busybox -- httpd -f -p "$PORT" -h /srv/pages ;;
stop) start-stop-daemon --stop --pidfile /run/web.pid ;;
esac
"""


def need(programs):
    """Skip the test on a machine that has not what it takes, and fail in CI."""
    missing = [package for program, package in programs.items() if not shutil.which(program, path=PATH)]
    reason = "real guests need root" if os.geteuid() else ""
    if missing:
        reason = f"missing: apt-get install --no-install-recommends {' '.join(missing)}"
    if reason and os.environ.get("CI") == "true":
        pytest.fail(reason)
    if reason:
        pytest.skip(reason)


PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def made_once(name, work):
    """A file or folder that is made once and kept from one run to the next."""
    place = trees.cache() / name
    place.parent.mkdir(parents=True, exist_ok=True)
    with open(place.with_name(name + ".lock"), "w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not place.exists():
            beside = place.with_name(name + ".new")
            shutil.rmtree(beside, ignore_errors=True)
            work(beside)
            beside.rename(place)
    return place


def make_package(target):
    """A package that the feature installs; it is fetched here, for the container has no network."""
    target.mkdir()
    subprocess.run(["apt-get", "download", "-qq", "busybox-static"], cwd=target, check=True)


class Node:
    """The product on a rehearsal node with real guests, and the feature `web`."""

    def __init__(self, built, folder, facts):
        self.root, setup = folder / "node", folder / "setup.json"
        self.phoenix = [sys.executable, "-IS", str(built)]
        setup.write_text(json.dumps({**facts, "content": []}))
        made = subprocess.run(
            [*self.phoenix, "node", "new", str(self.root), "--from", str(setup)], capture_output=True, check=False
        )
        assert made.returncode == 0, made.stderr
        feature = self.root / "etc/phoenix/features/web"
        shutil.copytree(made_once("packages", make_package), feature / "files")
        (feature / "apply").write_text(APPLY)
        (feature / "apply").chmod(0o755)
        (feature / "files/web.init").write_text(INIT)
        (self.root / "root").mkdir()
        self.secret("key", "opensesame")

    def secret(self, name, text):
        path = self.root / "root" / name
        path.write_text(text)
        path.chmod(0o600)

    def guest(self, kind, name, text):
        path = self.root / f"etc/phoenix/{kind}/{name}.toml"
        path.parent.mkdir()
        path.write_text(text)
        return path

    def run(self, *words):
        argv = [*self.phoenix, f"--root={self.root}", *words]
        ran = subprocess.run(argv, capture_output=True, text=True, env={}, check=False)
        assert "Traceback" not in ran.stderr
        return ran

    def tool(self, name, *words):
        argv = [self.root / "usr/sbin" / name, *words]
        return subprocess.run(argv, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)
