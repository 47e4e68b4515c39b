"""The twenty checks by which Phoenix is measured, one function each, by number, with the built phoenix.pyz.

Where a check says how often, this is a sample; tests/crash has the whole.
"""

from __future__ import annotations

import hashlib
import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import threading
import time

import pytest

from tests.conftest import unavailable
from tests.crash import boundaries

pytestmark = pytest.mark.processes

STRANGER = "arch: amd64\nhostname: old\nmemory: 128\nrootfs: local:9001/vm-9001-disk-0.raw,size=1G\n"
RUNNING = "9001  web  running  nothing to do\n"
HOSTILE = (
    *(
        "SHIV_ROOT",
        "SHIV_ENTRY_POINT",
        "SHIV_MODULE",
        "SHIV_CONSOLE_SCRIPT",
        "SHIV_INTERPRETER",
        "SHIV_PREPEND_PYTHONPATH",
    ),
    *("PEX_ROOT", "PEX_MODULE", "PEX_SCRIPT", "PEX_INTERPRETER", "PEX_PYTHON_PATH"),
    *("PYTHONPATH", "PYTHONHOME", "PYTHONSTARTUP", "PYTHONINSPECT", "PYTHONWARNINGS", "PYTHONBREAKPOINT"),
    *("BASH_ENV", "ENV", "PERL5LIB", "PERL5OPT"),
)


def test_01_a_run_killed_at_any_boundary_converges_with_one_more(built, tmp_path):
    nodes = boundaries.prepared(built, tmp_path)
    chosen = random.Random(1).sample(boundaries.points(nodes, tmp_path), 10)
    for number, point in enumerate(chosen):
        before, then, _ = boundaries.VERBS[point[1]]
        world = nodes[point[0], before].copy(tmp_path / f"point{number}")
        world.write(then)
        strangers = world.strangers()
        try:
            boundaries.crash(world, point)
        except boundaries.NotReachedError:
            continue
        assert boundaries.judge(world, point, strangers) == "done", point


def test_02_strangers_are_neither_changed_nor_destroyed(node):
    node.conf.write_text(STRANGER)
    for words in (["create", "9001"], ["delete", "9001", "--yes"]):
        said = node.explained(8, *words)
        assert "9001 is there (stopped)" in said
        assert "phoenix.pyz import 9001 --adopt" in said
    assert node.changes() == []
    assert node.conf.read_text() == STRANGER


def test_03_of_64_at_once_one_creates(node):
    crowd = [node.start("create", "9001") for _ in range(64)]
    codes = [process.wait(timeout=300) for process in crowd]
    for process in crowd:
        process.communicate()
    assert set(codes) <= {0, 5}
    assert 0 in codes
    assert len(node.changes("create")) == 1
    assert node.processes() == {}


def test_04_success_without_effect_is_no_success(node):
    node.fault('command = "pct create"\nlie = true')
    assert "reported success, but what it was to do is not there" in node.explained(1, "create", "9001")


def test_05_a_lost_answer_makes_no_second_container(node):
    node.fault('command = "pct create"\nafter = { code = 255, stderr = "connection lost" }')
    assert node.run("create", "9001").returncode == 0
    assert node.run("create", "9001").stdout == RUNNING
    assert len(node.changes("create")) == 1


def test_06_a_second_run_changes_nothing(node):
    assert node.run("create", "9001").returncode == 0
    before = node.changes()
    again = node.run("create", "9001")
    assert (again.returncode, again.stdout, again.stderr) == (0, RUNNING, "")
    assert node.changes() == before


def test_07_a_secret_is_nowhere(node):
    secret = "$6$saltsaltsalt$" + "S3cretS3cretS3cret" * 4 + "abcdefghijklmn"
    folder = node.root / "etc/phoenix/secrets"
    folder.mkdir()
    (folder / "9001.root").write_text(f"root:{secret}\n")
    (folder / "9001.root").chmod(0o600)
    node.file.write_text(FILE_WITH_PASSWORD)
    seen, over = set(), threading.Event()

    def watch():
        while not over.is_set():
            for pid in node.processes():
                for name in ("cmdline", "environ"):
                    try:
                        with open(f"/proc/{pid}/{name}", "rb") as file:
                            seen.add(file.read())
                    except OSError:
                        pass
            time.sleep(0.001)

    watcher = threading.Thread(target=watch)
    watcher.start()
    old = os.umask(0)
    try:
        ran = node.run("create", "9001")
    finally:
        os.umask(old)
        over.set()
        watcher.join()
    assert ran.returncode == 0, ran
    assert len(seen) > 3
    said = [ran.stdout.encode(), ran.stderr.encode(), *seen]
    for place in ("var/log", "var/lib/phoenix", "run", "tmp", "etc/pve"):
        for path in (node.root / place).rglob("*"):
            if path.is_file():
                said.append(path.read_bytes())
    assert not [text for text in said if b"S3cret" in text]
    for place in ("var/log/phoenix", "var/lib/phoenix", "run/lock/phoenix"):
        assert not [path for path in (node.root / place).rglob("*") if path.is_file() and path.stat().st_mode & 0o077]


FILE_WITH_PASSWORD = """\
hostname = "web"
ostemplate = "local:vztmpl/debian-12-standard_12.12-1_amd64.tar.zst"
password_file = "/etc/phoenix/secrets/9001.root"
rootfs = { storage = "local", size = "1G" }
"""


def test_08_nothing_of_a_hostile_environment_is_run(node, tmp_path):
    marker = tmp_path / "marker"
    payload = tmp_path / "payload"
    payload.mkdir()
    for name in ("sitecustomize", "usercustomize", "json", "zipfile", "strict", "phoenix", "evil"):
        (payload / f"{name}.py").write_text(f"open({str(marker)!r}, 'w')\n")
    (payload / "evil.sh").write_text(f"touch {marker}\n")
    values = {"PYTHONINSPECT": "1", "PYTHONBREAKPOINT": "evil.run", "PYTHONWARNINGS": "error", "PERL5OPT": "-Mevil"}
    for name in HOSTILE:
        value = values.get(name, str(payload / "evil.sh" if name in ("BASH_ENV", "ENV") else payload))
        ran = node.run("status", "9001", env={name: value}, cwd=payload)
        assert ran.returncode == 0, (name, ran)
    everything = {name: str(payload) for name in HOSTILE} | {"LD_LIBRARY_PATH": str(payload), "HOME": str(payload)}
    assert node.run("create", "9001", env=everything, cwd=payload).returncode == 0
    assert not marker.exists()
    assert {tuple(call["env"]) for call in node.calls()} == {("HOME", "LANG", "PATH", "TERM")}


@pytest.mark.parametrize(
    "word",
    [
        "",
        "-1",
        "9001;id",
        "9_001",
        "\uff19\uff10\uff10\uff11",
        "09001",
        " 9001",
        "+9001",
        "1e3",
        "99",
        "1000000000",
        "../9001",
        "9001\n",
    ],
)
def test_09_what_is_no_id_is_a_usage_error(node, word):
    node.explained(2, "create", word)
    node.explained(2, "lxc-manager", "--action=create", f"--id={word}", f"--root={node.root}", root=False)
    assert node.calls() == []


@pytest.mark.parametrize("hostile", ["$(touch X)", "`touch X`", "a;touch X", "-oX", "a,b=c", "../../etc", "a b\n"])
def test_10_no_value_reaches_a_shell_or_another_option(node, hostile, tmp_path):
    for old, new in (
        ('"web"', json.dumps(hostile)),
        ('"vmbr0"', json.dumps(hostile)),
        ("memory = 512", f"memory = 512\n[phoenix]\nprovision = [{json.dumps(hostile)}]\n[x]"),
    ):
        text = node.file.read_text()
        node.file.write_text(text.replace(old, new, 1))
        ran = node.run("create", "9001", cwd=tmp_path)
        assert ran.returncode in (3, 6), (new, ran)
        assert "Traceback" not in ran.stderr
        node.file.write_text(text)
    assert node.changes() == []
    assert not list(tmp_path.glob("*X*"))


@pytest.mark.parametrize("word", ["backup", "snapshot", "migrate", "disk"])
def test_11_the_locks_of_others_stay(node, word):
    assert node.run("create", "9001").returncode == 0
    node.conf.write_text(node.conf.read_text().replace("arch:", f"lock: {word}\narch:"))
    node.file.write_text(node.file.read_text().replace("512", "256"))
    before = node.conf.read_text()
    began = time.monotonic()
    assert f"locked by Proxmox VE ({word})" in node.explained(5, "create", "9001", "--timeout=1")
    assert time.monotonic() - began < 30
    assert node.conf.read_text() == before
    assert node.changes("unlock") == []


def test_11_the_holder_of_a_lock_is_named(node):
    assert node.run("create", "9001").returncode == 0
    node.file.write_text(node.file.read_text().replace("512", "256"))
    path = node.root / "run/lock/lxc/pve-config-9001.lock"
    script = (
        "import fcntl, sys, time; fcntl.flock(file := open(sys.argv[1], 'a'), 2); print(flush=True); time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", script, str(path)], stdout=subprocess.PIPE) as holder:
        holder.stdout.readline()
        assert f"process {holder.pid} (" in node.explained(5, "create", "9001", "--timeout=1")
        holder.kill()


def test_12_what_passes_is_waited_for_with_growing_pauses(node):
    assert node.run("create", "9001").returncode == 0
    node.file.write_text(node.file.read_text().replace("512", "256"))
    locked = "{ code = 255, stderr = \"can't lock file '/run/lock/lxc/pve-config-9001.lock' - got timeout\" }"
    faults = "\n".join(f'[[fault]]\ncommand = "pct set"\ncall = {number}\nbefore = {locked}' for number in (1, 2))
    (node.root / "faults.toml").write_text(faults)
    assert node.run("create", "9001").returncode == 0
    tries = [call["at"] for call in node.calls() if call["argv"][1] == "set"]
    assert len(tries) == 3
    assert tries[2] - tries[1] > tries[1] - tries[0] > 0.9
    node.file.write_text(node.file.read_text().replace("256", "128"))
    node.fault(f'command = "pct set"\nbefore = {locked}')
    assert "got timeout" in node.explained(5, "create", "9001", "--timeout=3")


def test_13_without_quorum_nothing_is_changed(node):
    link = node.root / "etc/pve/local"
    name = os.readlink(link)
    (node.root / "etc/pve/.members").chmod(0o640)
    (node.root / "etc/pve/.members").write_text(json.dumps({"nodename": name, "cluster": {"quorate": 0}}))
    for words in (["create", "9001"], ["start", "9001"], ["delete", "9001", "--yes"]):
        assert "no quorum" in node.explained(6, *words)
    assert node.calls() == []


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("debian-12-standard_12.12-1", "debian-99"), "debian-99"),
        (("memory", 'sha512 = "' + "0" * 128 + '"\nmemory'), "sha512"),
        (('storage = "local"', 'storage = "nowhere"'), "nowhere"),
        (("vmbr0", "vmbr9"), "vmbr9"),
    ],
)
def test_14_what_is_missing_is_said_before_anything_is_done(node, change, said):
    template = node.root / "var/lib/vz/template/cache/debian-12-standard_12.12-1_amd64.tar.zst"
    template.write_bytes(b"a real archive")
    node.file.write_text(node.file.read_text().replace(*change))
    assert said in node.explained(6, "create", "9001")
    assert node.changes() == []


@pytest.mark.parametrize(
    "protect",
    [
        lambda node: node.conf.write_text(node.conf.read_text().replace("ostype", "protection: 1\nostype")),
        lambda node: (node.root / "etc/pve/ha/resources.cfg").write_text("ct: 9001\n\tstate started\n"),
        lambda node: (node.root / "etc/pve/replication.cfg").write_text("local: 9001-0\n\ttarget other\n"),
        lambda node: (node.root / "etc/pve/lxc/9005.conf").write_text(
            "rootfs: local:9001/base-9001-disk-0.raw/9005/vm-9005-disk-0.qcow2,size=1G\n"
        ),
    ],
)
def test_15_what_is_protected_is_refused_before_it_is_stopped(node, protect):
    assert node.run("create", "9001").returncode == 0
    protect(node)
    node.explained(8, "delete", "9001", "--yes")
    assert node.changes("shutdown") + node.changes("stop") + node.changes("destroy") == []


def test_15_no_destroy_has_a_dangerous_option(node):
    assert node.run("create", "9001").returncode == 0
    assert node.run("delete", "9001", "--yes").returncode == 0
    assert node.changes("destroy") == [["pct", "destroy", "9001"]]


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGHUP])
def test_16_the_tool_survives_the_death_of_those_above_it(node, number):
    node.fault('command = "pct create"\nslow = 3')
    dispatcher = node.start("create", "9001")
    node.until(lambda: any("/usr/sbin/pct" in word for words in node.processes().values() for word in words))
    for pid in node.processes() if number == signal.SIGHUP else [dispatcher.pid, *managers(node)]:
        os.kill(pid, number) if pid == dispatcher.pid or number == signal.SIGKILL else None
    dispatcher.communicate(timeout=60)
    node.until(lambda: not node.processes())
    (call,) = [call for call in node.calls() if call["argv"][1] == "create"]
    assert (call["exit"], call["stdin"], call["stdout"]) == (0, "null", "file")
    node.heal()
    assert node.run("create", "9001").returncode == 0
    assert len(node.changes("create")) == 1


def managers(node):
    return [pid for pid, words in node.processes().items() if any("/bin/lxc-manager" in word for word in words)]


@pytest.mark.parametrize(("number", "times"), [(signal.SIGINT, 1), (signal.SIGTERM, 1), (signal.SIGTERM, 3)])
def test_17_a_signal_is_passed_on_once_and_waited_for(node, number, times):
    node.fault('command = "pct create"\nstop = "half"')
    dispatcher = node.start("create", "9001")
    node.until((node.root / "stopped").exists)
    assert node.conf.exists()
    for _ in range(times):
        dispatcher.send_signal(number)
        time.sleep(0.1)
    _, said = dispatcher.communicate(timeout=60)
    assert dispatcher.returncode == 128 + number
    assert "stopped by signal" in said
    assert not node.conf.exists()  # pct itself has cleaned up: it was not killed
    journal = (node.root / "var/lib/phoenix/journal/lxc-9001.jsonl").read_text().splitlines()
    assert json.loads(journal[-1])["event"] == "outcome"


TEXTS = (
    ("trying to acquire lock...\ncan't lock file '/run/lock/lxc/pve-config-9001.lock' - got timeout", 5),
    ("cfs-lock 'storage-x' error: got lock request timeout", 5),
    ("cfs-lock 'storage-x' error: 'storage-x'-locked command timed out - aborting", 1),
    ("CT is locked (backup)", 5),
    ("Failed to obtain guest migration lock - replication running?", 5),
    ("detected modified configuration - file changed by other user? Try again.", 5),
    ("CT 9001 already exists on node 'pve1'", 1),
    ("unable to create CT 9001 - close (rename) atomic file '/etc/pve/nodes/pve/9001.conf' failed: File exists", 1),
    ("400 Parameter verification failed.\nvmid: invalid format - value does not look like a valid VM ID", 1),
    ("cluster not ready - no quorum?", 1),
    ("unable to open file '/etc/pve/nodes/pve/lxc/9001.conf.tmp.123' - Permission denied", 1),
    ("pve configuration filesystem (pmxcfs) not mounted", 1),
    ("ipcc_send_rec[1] failed: Connection refused", 1),
    ("Input/output error", 1),
    ("unable to create CT 9001 - can't find file 'local:vztmpl/x.tar.zst'", 1),
    ("command 'lxc-usernsexec -m u:0:100000:65536 -- tar xpf - --totals' failed: exit code 2", 1),
    ("unable to create CT 116 - unsupported debian version '12.2'", 1),
    ("unable to detect OS distribution", 1),
    ("storage 'x' is not online", 1),
    ("unable to create CT 9001 - zfs error: cannot create 'rpool/data/subvol-9001-disk-0': out of space", 1),
    ("Disk quota exceeded", 1),
    ("startup for container '9001' failed", 1),
    ("received interrupt", 1),
    ("got unexpected control message:", 1),
)


@pytest.mark.parametrize(("text", "code"), TEXTS)
def test_18_every_text_of_a_tool_has_its_code_cause_and_next_step(node, text, code):
    node.fault(f'command = "pct create"\nbefore = {{ code = 255, stderr = {json.dumps(text)} }}')
    said = node.explained(code, "create", "9001", "--timeout=1")
    last = text.splitlines()[-1].strip()
    assert f"\n{said}".partition("\nerror: ")[2].count(last) == 1
    assert "it is not created" in said or code == 5
    node.heal()
    assert node.run("create", "9001").returncode == 0


def test_18_what_a_tool_prints_is_shown_and_logged_without_effect(node):
    words = json.dumps("\x1b]0;title\x07\x1b[2J\r\u202e\x9b1A" + "z" * 50_000)
    node.fault(f'command = "pct create"\nnoise = 3000000\ngarbage = true\nbefore = {{ code = 255, stderr = {words} }}')
    said = node.explained(1, "create", "9001")
    assert len(said) < 5000
    assert all(sign.isprintable() or sign == "\n" for sign in said)
    assert "title" in said
    logs = list((node.root / "var/log/phoenix").glob("*lxc-9001*"))
    assert [path.suffix for path in logs] == [".log"]
    text = logs[0].read_text("ascii")
    assert len(text) < 300_000
    assert "bytes are left out here" in text
    assert all(
        re.match(r"  |20\d\d-\d\d-\d\d \d\d:\d\d:\d\d ", line) and line.isprintable() for line in text.splitlines()
    )


def test_19_nonsense_is_refused_and_changes_nothing(node):
    rng = random.Random(19)
    text = node.file.read_bytes()
    for _ in range(40):
        data = bytearray(text)
        for _ in range(rng.randint(1, 8)):
            place = rng.randrange(len(data))
            data[place : place + rng.randint(0, 3)] = bytes(rng.choices(b'\0\x1b"=[]{},\n\xff9a', k=rng.randint(0, 4)))
        node.file.write_bytes(bytes(data))
        began = time.monotonic()
        ran = node.run("plan", "9001")
        assert ran.returncode in (0, 3, 4, 6, 7, 8), ran
        assert "Traceback" not in ran.stderr
        assert "\x1b" not in ran.stderr + ran.stdout
        assert time.monotonic() - began < 20
    assert node.calls() == []


def test_20_a_changed_archive_is_found_out_before_it_runs(built, tmp_path):
    for name in ("phoenix.pyz", "SHA256SUMS"):
        shutil.copy(built.parent / name, tmp_path)
    checked = ["sha256sum", "-c", "SHA256SUMS"]
    assert subprocess.run(checked, cwd=tmp_path, capture_output=True, check=False).returncode == 0
    archive = tmp_path / "phoenix.pyz"
    data = bytearray(archive.read_bytes())
    for place in (0, len(data) // 2, len(data) - 1):
        changed = data[:]
        changed[place] ^= 1
        archive.write_bytes(changed)
        assert subprocess.run(checked, cwd=tmp_path, capture_output=True, check=False).returncode == 1
    assert hashlib.sha256(data).hexdigest() in (tmp_path / "SHA256SUMS").read_text()


def test_20_no_network_is_asked_for(node, tmp_path):
    if not shutil.which("strace"):
        unavailable("there is no strace")
    trace = tmp_path / "trace"
    for words in (["--help"], ["create", "9001"], ["delete", "9001", "--yes"]):
        argv = ["strace", "-f", "-qq", "-e", "trace=socket,connect", "-o", str(trace), *node.argv(*words)]
        ran = subprocess.run(argv, capture_output=True, text=True, env={}, check=False, timeout=300)
        assert ran.returncode == 0, ran
        assert "AF_INET" not in trace.read_text()
