"""A real container: a feature installs a service under a real init, without a network, and it is seen to be well."""

from __future__ import annotations

import shutil
import subprocess

import pytest

from tests.rehearsal.realparts import SUITE, Node, made_once, need

pytestmark = [pytest.mark.processes, pytest.mark.slow]

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


@pytest.fixture
def node(built, tmp_path):
    need({"lxc-start": "lxc", "lxc-attach": "lxc", "debootstrap": "debootstrap"})
    made = Node(built, tmp_path, {"real_containers": True})
    template = made_once(f"template-{SUITE}-sysvinit.tar.gz", make_template)
    shutil.copy(template, made.root / "var/lib/vz/template/cache" / TEMPLATE)
    made.guest("lxc", "9001", FILE)
    (made.root / "srv/pages").mkdir(parents=True)
    (made.root / "srv/pages/index.html").write_text("it works\n")
    made.secret("pw", "root:$6$abcdefgh$" + "x" * 86 + "\n")
    yield made
    place = str(made.root / "var/lib/phoenix-rehearsal/lxc")
    subprocess.run(["lxc-stop", "-P", place, "-n", "9001", "-k"], check=False, capture_output=True)


def test_a_service_is_installed_runs_and_comes_back(node):
    made = node.run("create", "9001")
    print(made.stderr, made.stdout)
    assert made.returncode == 0, made.stderr
    assert node.tool("pct", "exec", "9001", "--", "cat", "/proc/1/comm").stdout == "init\n"
    assert "x" * 86 in node.tool("pct", "exec", "9001", "--", "cat", "/etc/shadow").stdout
    assert node.tool("pct", "exec", "9001", "--", "sh", "-c", "ls -A /root").stdout.split() in (
        [],
        [".bashrc", ".profile"],
    )
    again = node.run("create", "9001")
    assert (again.returncode, again.stdout.split()[-3:]) == (0, ["nothing", "to", "do"])
    restarted = node.run("restart", "9001")
    assert restarted.returncode == 0, restarted.stderr
    assert "busybox wget -q -O - http://127.0.0.1:8080/index.html: well" in restarted.stderr
    (node.root / "srv/pages/index.html").unlink()
    file = node.root / "etc/phoenix/lxc/9001.toml"
    file.write_text(file.read_text().replace("within = 20", "within = 2"))
    ill = node.run("health-check", "9001")
    assert ill.returncode == 1
    assert "404" in ill.stderr
    stopped = node.run("delete", "9001", "--yes")
    assert stopped.returncode == 0, stopped.stderr
    left = subprocess.run(["pgrep", "-f", f"lxc monitor.*{node.root}"], capture_output=True, text=True, check=False)
    assert left.stdout == ""
