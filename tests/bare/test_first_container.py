"""The product on bare Debian nodes: copied in, no network, nothing installed; the first container, three ways."""

from __future__ import annotations

import os
import re

import pytest

PYZ = "/media/usb stick/phoenix.pyz"
NODE = "/srv/node"
MANAGER = f"{NODE}/usr/local/phoenix_hypervisor/bin/managers/lxc-manager"
WAYS = {
    "dispatcher": [PYZ, f"--root={NODE}", "create", "9001"],
    "manager": [PYZ, "lxc-manager", "--root", NODE, "--action", "create", "--id", "9001"],
    "link": [MANAGER, "--root", NODE, "--action", "create", "--id", "9001"],
}
# What Phoenix itself may write, and what the node's own tools write when they make a container.
PHOENIX_WRITES = (
    "usr/local/phoenix_hypervisor",
    "etc/phoenix",
    "var/lib/phoenix",
    "var/log/phoenix",
    "run/lock/phoenix",
)
TOOLS_WRITE = (
    "etc/pve",
    "proc/net",
    "run/lock/lxc",
    "run/lock/pve-manager",
    "var/lib/lxc",
    "var/lib/phoenix-rehearsal",  # what is in the containers
    "var/lib/pve-cluster",
    "var/lib/vz",
    "var/log/pve",
    "var/log/rehearsal-calls.jsonl",
)
COMPILED = (".settled.", "common.cpython", "others.cpython", "rehearsal.cpython", "modules.cpython")
# What differs from run to run by design: marks, run names, times, processes, UUIDs.
RANDOM = (
    (rb"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", b"UUID"),
    (rb"\d{8}-\d{6}-[0-9a-f]{6}", b"RUN"),
    (rb"\b[0-9a-f]{32}\b", b"MARK"),
    (rb"(?m)^agreed: [0-9a-f]{64} ", b"DIGEST "),  # of the mark, among others
    (rb"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\dZ?", b"TIME"),
    (rb'"(at|duration|pid|ppid)": [\d.]+', b"NUMBER"),
    (rb'"started": "\d+"|"sum": "[0-9a-f]{8}"|(?m:^sum: [0-9a-f]{8}$)', b"NUMBER"),
    (rb"Total bytes read: .*", b"TOTAL"),
    (rb"(?m)^\d+$", b"PID"),
    (rb"run by .*", b"RUN BY"),
    (rb"\d+ @/var/lib/lxc", b"SOCKET"),
)


def prepared(node, built):
    """A bare node with the product on a medium, a rehearsal node, and a configuration without anything random."""
    node.put(built, PYZ, 0o755)
    node.read_only(PYZ)
    for words in (["node", "new", NODE], [f"--root={NODE}", "init"]):
        ran = node.run(PYZ, *words)
        assert (ran.code, ran.err) == (0, ""), ran
    file = node.path(f"{NODE}/etc/phoenix/lxc/9001.toml")
    file.write_text(file.read_text().replace('gw = "10.0.0.1",', 'gw = "10.0.0.1", hwaddr = "BC:24:11:00:90:01",'))
    return node


def picture(root):
    """Every name below a folder with its mode and content, without what is random by design."""
    seen = {}
    for here, folders, files in os.walk(root):
        for name in [*folders, *files]:
            path = os.path.join(here, name)
            short = without_random(os.path.relpath(path, root).encode()).decode()
            mode = os.lstat(path).st_mode
            if os.path.islink(path):
                seen[short] = (mode, os.readlink(path))
            elif os.path.isdir(path) or name.endswith(".pyc") or name.startswith(COMPILED):
                # What Python compiles is not the same bytes twice, and a stamp is a list of times.
                seen[short] = (mode, None)
            elif os.path.getsize(path) < 1 << 20:
                with open(path, "rb") as file:
                    seen[short] = (mode, without_random(file.read()))
            else:
                seen[short] = (mode, os.path.getsize(path))
    return seen


def without_random(data):
    for pattern, word in RANDOM:
        data = re.sub(pattern, word, data)
    return data


def test_the_three_ways_to_create_leave_the_same_tree(bare, suite, built):
    pictures = {}
    for way, argv in WAYS.items():
        node = prepared(bare(suite), built)
        ran = node.run(*argv)
        assert ran.code == 0, (way, ran)
        assert ran.out == "9001  web  running  by pct create, pct start\n"
        again = node.run(*argv)
        assert (again.code, again.out, again.err) == (0, "9001  web  running  nothing to do\n", "")
        pictures[way] = picture(node.path(NODE))
        assert node.path(f"{NODE}/etc/pve/lxc/9001.conf").exists()
    assert pictures["dispatcher"] == pictures["manager"] == pictures["link"]


def test_nothing_is_written_but_where_the_design_says(node, built):
    prepared(node, built)
    before = set(node.changed())
    assert node.run(*WAYS["dispatcher"]).code == 0
    for path in sorted(set(node.changed()) - before):
        where = path.rstrip("/").lstrip("-")
        assert where.startswith(NODE + "/"), path
        short = where[len(NODE) + 1 :]
        allowed = (*PHOENIX_WRITES, *TOOLS_WRITE)
        assert any(short == part or short.startswith(part + "/") or part.startswith(short + "/") for part in allowed), (
            path
        )


def test_without_a_root_it_unpacks_to_the_products_folder_and_writes_nothing_else(node, built):
    node.put(built, PYZ, 0o755)
    assert node.run(PYZ, "version").code == 0
    changed = [path for path in node.changed() if not path.startswith("/media/")]
    assert changed
    assert all(path.startswith("/usr/local/phoenix_hypervisor/") for path in changed), changed
    manager = "/usr/local/phoenix_hypervisor/bin/managers/lxc-manager"
    assert node.run(manager, "--version").out.startswith("lxc-manager ")
    before = node.changed()
    assert node.run(PYZ, "create", "9001").code == 3  # no configuration
    assert node.changed() == before


def test_a_node_that_is_none_is_refused(node, built):
    node.put(built, PYZ, 0o755)
    assert node.run(PYZ, "init").code == 0
    before = node.changed()
    for setup in ("true", "mkdir /etc/pve"):
        node.run("sh", "-c", setup)
        ran = node.run(PYZ, "create", "9001")
        assert ran.code == 6, ran
        assert ran.err.startswith("error: ")
        assert "\nnext:  " in ran.err
        assert "Traceback" not in ran.err
    assert [path for path in node.changed() if path not in before] == ["/etc/pve/"]


@pytest.mark.parametrize("harm", ["foreign", "writable"])
def test_a_product_folder_that_others_can_change_is_refused(node, built, harm):
    node.put(built, PYZ, 0o755)
    node.run("mkdir", "-p", "/usr/local/phoenix_hypervisor")
    node.run(*(["chown", "1000"] if harm == "foreign" else ["chmod", "777"]), "/usr/local/phoenix_hypervisor")
    ran = node.run(PYZ, "version")
    assert ran.code == 6
    assert "/usr/local/phoenix_hypervisor belongs to another user or is writable by others" in ran.err


def test_a_full_disk_is_one_message_and_heals(node, built):
    node.put(built, PYZ, 0o755)
    node.run("mkdir", "-p", "/usr/local/phoenix_hypervisor")
    node.small("/usr/local/phoenix_hypervisor", "128k")
    ran = node.run(PYZ, "version")
    assert ran.code == 6
    assert ran.err.splitlines()[0].endswith("No space left on device")
    assert len(ran.err.splitlines()) == 2
    node.outside("umount", str(node.path("/usr/local/phoenix_hypervisor")))
    assert node.run(PYZ, "version").code == 0


def test_a_user_who_is_not_root_tries_it_in_the_home_folder(node, built):
    node.put(built, PYZ, 0o755)
    node.run("sh", "-c", "echo 'u:x:1000:1000::/home/u:/bin/sh' >>/etc/passwd; mkdir /home/u; chown 1000:1000 /home/u")
    mine = "/home/u/node"
    for words in (["node", "new", mine], [f"--root={mine}", "init"], [f"--root={mine}", "create", "9001"]):
        ran = node.run(PYZ, *words, uid=1000)
        assert ran.code == 0, ran
    assert not [path for path in node.changed() if path.startswith("/usr/")]
    assert node.run("test", "-x", "/home/u/.cache/phoenix_hypervisor/bin/managers/lxc-manager").code == 0
    # The same on a node that is no rehearsal node is not for them.
    node.run("rm", "-r", f"{mine}/usr/share/phoenix-rehearsal")
    refused = node.run(PYZ, f"--root={mine}", "stop", "9001", uid=1000)
    assert refused.code == 6
    assert "root" in refused.err
    assert node.run(PYZ, f"--root={mine}", "status", "9001", uid=1000).code == 0


def test_a_user_without_a_home_folder_gets_one_message(node, built):
    node.put(built, PYZ, 0o755)
    ran = node.run(PYZ, "version", uid=4321)
    assert ran.code == 6
    assert "no home folder" in ran.err


SHIV = ("ROOT", "ENTRY_POINT", "MODULE", "CONSOLE_SCRIPT", "INTERPRETER", "FORCE_EXTRACT", "COMPILE_PYC",
        "COMPILE_WORKERS", "EXTEND_PYTHONPATH", "PREPEND_PYTHONPATH")  # fmt: skip


def test_no_foreign_code_runs(node, built):
    node.put(built, PYZ, 0o755)
    version = node.run("python3", "-IS", "-c", "import sys; print('%d.%d' % sys.version_info[:2])").out.strip()
    code = "open('/marker', 'a').write(__name__ + '\\n')"
    plant = [
        "mkdir -p /evil /root/.local/lib/python$1/site-packages",
        "names='json tomli docopt zipfile re os fcntl hashlib phoenix managers settle sitecustomize usercustomize'",
        'for name in $names; do printf "%s\\n" "$2" >/evil/$name.py; done',
        "echo \"import sys; exec(open('/evil/json.py').read())\" >/root/.local/lib/python$1/site-packages/evil.pth",
        "cp /root/.local/lib/python$1/site-packages/evil.pth /evil",
    ]
    assert node.run("sh", "-euc", "\n".join(plant), "sh", version, code).code == 0
    hostile = [
        {"PYTHONPATH": "/evil"},
        {"PYTHONHOME": "/evil"},
        {"PYTHONUSERBASE": "/root/.local", "HOME": "/root"},
        {"PYTHONSTARTUP": "/evil/json.py", "PYTHONINSPECT": "1"},
        *({f"SHIV_{name}": value} for name in SHIV for value in ("/evil", "/evil/json.py", "1", "json:loads")),
    ]
    for environment in hostile:
        for argv in ([PYZ, "version"], [PYZ, "lxc-manager", "--action=list-actions"]):
            ran = node.run("sh", "-c", 'cd /evil; exec "$@"', "sh", *argv, env={"PATH": "/usr/bin:/bin", **environment})
            assert ran.code == 0, (environment, ran)
    manager = "/usr/local/phoenix_hypervisor/bin/managers/lxc-manager"
    assert node.run(manager, "--action=list-actions", env={"PYTHONPATH": "/evil", "PYTHONHOME": "/evil"}).code == 0
    assert node.run("test", "-e", "/marker").code == 1, node.run("cat", "/marker").out


def test_the_checksum_file_verifies_with_what_a_node_has(node, built):
    node.put(built, "/root/phoenix.pyz", 0o755)
    node.put(built.parent / "SHA256SUMS", "/root/SHA256SUMS")
    assert node.run("sh", "-c", "cd /root && sha256sum -c SHA256SUMS").out == "phoenix.pyz: OK\n"
