"""A real container: a feature installs a service under a real init, without a network, and it is seen to be well."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import subprocess
import sys

import pytest

from tests.bare import trees

pytestmark = [pytest.mark.processes, pytest.mark.slow]

SUITE = "bookworm"
RECIPE = ("--variant=minbase", "--include=sysvinit-core")
TEMPLATE = "debian-12-real_1.0_amd64.tar.gz"
FILE = f"""\
hostname = "shop"
ostemplate = "local:vztmpl/{TEMPLATE}"
ostype = "debian"
arch = "amd64"
unprivileged = false
rootfs = {{ storage = "local", size = "1G" }}
mp0 = {{ volume = "/srv/pages", mp = "/srv/pages" }}
password_file = "/root/pw"

[phoenix]
provision = [{{ feature = "web", arguments = ["8080"], secrets = {{ key = "/root/key" }} }}]
health = [
    {{ command = "test -s /run/web.pid", within = 20 }},
    {{ command = ["busybox", "wget", "-q", "-O", "-", "http://127.0.0.1:8080/index.html"], within = 20 }},
]
"""
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


def why_not():
    """Why there can be no real containers on this machine; "" if there can."""
    if os.geteuid() != 0:
        return "real containers need root"
    for program in ("lxc-start", "lxc-attach", "debootstrap"):
        if not shutil.which(program):
            return f"{program} is not installed: apt-get install --no-install-recommends lxc debootstrap"
    return ""


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


def make_template(target):
    """A template as of a minimal Debian with a real init."""
    tree = target.with_name("tree-of-" + target.name)
    shutil.rmtree(tree, ignore_errors=True)
    subprocess.run(["debootstrap", *RECIPE, SUITE, tree], check=True, stdout=subprocess.DEVNULL)
    # What pct does with a system whose init has this table: a power failure, as which lxc-stop asks, halts it.
    table = tree / "etc/inittab"
    lines = [line for line in table.read_text().splitlines() if ":power" not in line]
    table.write_text("\n".join([*lines, "pf::powerfail:/sbin/init 0"]) + "\n")
    subprocess.run(["tar", "-C", tree, "--numeric-owner", "-czf", target, "."], check=True)
    shutil.rmtree(tree)


def make_package(target):
    """A package that the feature installs; it is fetched here, for the container has no network."""
    target.mkdir()
    subprocess.run(["apt-get", "download", "-qq", "busybox-static"], cwd=target, check=True)


@pytest.fixture
def node(built, tmp_path):
    reason = why_not()
    if reason:
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    root, setup = tmp_path / "node", tmp_path / "setup.json"
    setup.write_text(json.dumps({"real_containers": True, "content": []}))
    phoenix = [sys.executable, "-IS", str(built)]

    def run(*words):
        return subprocess.run([*phoenix, *words], capture_output=True, text=True, env={}, check=False)

    assert run("node", "new", str(root), "--from", str(setup)).returncode == 0
    shutil.copy(
        made_once(f"template-{SUITE}-sysvinit.tar.gz", make_template), root / "var/lib/vz/template/cache" / TEMPLATE
    )
    feature = root / "etc/phoenix/features/web"
    shutil.copytree(made_once("packages", make_package), feature / "files")
    (feature / "apply").write_text(APPLY)
    (feature / "apply").chmod(0o755)
    (feature / "files/web.init").write_text(INIT)
    (root / "etc/phoenix/lxc").mkdir()
    (root / "etc/phoenix/lxc/9001.toml").write_text(FILE)
    (root / "srv/pages").mkdir(parents=True)
    (root / "srv/pages/index.html").write_text("it works\n")
    (root / "root").mkdir()
    for name, text in (("pw", "root:$6$abcdefgh$" + "x" * 86 + "\n"), ("key", "opensesame")):
        (root / "root" / name).write_text(text)
        (root / "root" / name).chmod(0o600)
    run.root = root
    yield run
    subprocess.run(
        ["lxc-stop", "-P", str(root / "var/lib/phoenix-rehearsal/lxc"), "-n", "9001", "-k"],
        check=False,
        capture_output=True,
    )


def test_a_service_is_installed_runs_and_comes_back(node):
    root = f"--root={node.root}"

    def pct(*words):
        argv = [node.root / "usr/sbin/pct", *words]
        return subprocess.run(argv, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)

    made = node(root, "create", "9001")
    print(made.stderr, made.stdout)
    assert made.returncode == 0, made.stderr
    assert pct("exec", "9001", "--", "cat", "/proc/1/comm").stdout == "init\n"
    assert "x" * 86 in pct("exec", "9001", "--", "cat", "/etc/shadow").stdout
    assert pct("exec", "9001", "--", "sh", "-c", "ls -A /root").stdout.split() in ([], [".bashrc", ".profile"])
    again = node(root, "create", "9001")
    assert (again.returncode, again.stdout.split()[-3:]) == (0, ["nothing", "to", "do"])
    restarted = node(root, "restart", "9001")
    assert restarted.returncode == 0, restarted.stderr
    assert "busybox wget -q -O - http://127.0.0.1:8080/index.html: well" in restarted.stderr
    (node.root / "srv/pages/index.html").unlink()
    file = node.root / "etc/phoenix/lxc/9001.toml"
    file.write_text(file.read_text().replace("within = 20", "within = 2"))
    ill = node(root, "health-check", "9001")
    assert ill.returncode == 1
    assert "404" in ill.stderr
    stopped = node(root, "delete", "9001", "--yes")
    assert stopped.returncode == 0, stopped.stderr
    left = subprocess.run(["pgrep", "-f", f"lxc monitor.*{node.root}"], capture_output=True, text=True, check=False)
    assert left.stdout == ""
