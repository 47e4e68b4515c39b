"""`setup` of the network: changed under a rollback, kept by a confirmation; what it refuses. On a rehearsal node."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys

import pytest

from phoenix.host import rollback
from phoenix.pve import interfaces
from tests.contract.test_setup import World
from tests.rehearsal.realparts import need

pytestmark = pytest.mark.processes

MAIN = "etc/network/interfaces"
DROP_IN = "etc/network/interfaces.d/phoenix"
OWN = "var/lib/phoenix/network"
SCRIPT = f"{OWN}/rollback"
UNITS = "etc/systemd/system"
UNIT = "phoenix-network-rollback"
TIMER = f"run/rehearsal-timers/{UNIT}.timer"
SOURCE = "\nsource /etc/network/interfaces.d/*\n"
TOML = """\
[network.vmbr1]
address = "10.1.0.1/24"
bridge-ports = ["eno2"]
"""
WRITTEN = """\
# Written by Phoenix, of [network] in hypervisor.toml; what is changed here is lost.

auto vmbr1
iface vmbr1 inet static
	address 10.1.0.1/24
	bridge-ports eno2
	bridge-stp off
	bridge-fd 0
"""
ARMED = [
    f"network: write /{SCRIPT}",
    f"network: write /{UNITS}/{UNIT}.service",
    f"network: write /{UNITS}/{UNIT}.timer",
    f"network: link /{UNITS}/timers.target.wants/{UNIT}.timer /{UNITS}/{UNIT}.timer",
    f"network: write /{OWN}/good",
    f"network: write /{OWN}/pending",
    f"network: systemctl restart {UNIT}.timer",
]
CHANGED = [*ARMED, f"network: write /{DROP_IN}", "network: ifreload -a"]


class Network(World):
    """A rehearsal node with hardware, whose network is to be set up."""

    def __init__(self, built, root):
        super().__init__(built, root)
        for name in ("eno1", "eno2"):
            (root / "sys/class/net" / name).mkdir(parents=True)
        self.wish(TOML)

    def wish(self, text):
        self.file.write_text(text)

    def read(self, path):
        whole = self.root / path
        return whole.read_bytes().decode("utf-8", "surrogateescape") if whole.exists() else None

    def write(self, path, text):
        whole = self.root / path
        whole.parent.mkdir(parents=True, exist_ok=True)
        whole.write_bytes(text.encode("utf-8", "surrogateescape"))

    def session(self, local, peer="198.51.100.7", port=22):
        """Somebody is connected to the node."""
        words = [
            f"{int.from_bytes(socket.inet_aton(address), sys.byteorder):08X}:{number:04X}"
            for address, number in ((local, port), (peer, 50000))
        ]
        self.write(
            "proc/net/tcp", f"  sl  local_address rem_address   st\n   0: {' '.join(words)} 01 0:0 0:0 0 0 0 1\n"
        )

    def timer_is_over(self, shell=("sh",), env=None):
        """What systemd would do."""
        (self.root / TIMER).unlink(missing_ok=True)
        return subprocess.run([*shell, self.root / SCRIPT], env=env, capture_output=True, text=True, check=False)

    def network(self):
        """Every file that says how the network is, and what is there of it."""
        files = [
            *(self.root / "etc/network").rglob("*"),
            *(self.root / UNITS).rglob("*"),
            self.root / "etc/resolv.conf",
        ]
        found = {str(path): path.read_bytes() for path in files if path.is_file()}
        return found, sorted(os.listdir(self.root / "sys/class/net"))


@pytest.fixture
def world(built, tmp_path):
    return Network(built, tmp_path / "node")


def test_it_waits_and_is_kept_by_a_confirmation(world):
    before = world.read(MAIN)
    code, out, err = world.run("setup")
    assert (code, out) == (7, "")
    assert err.splitlines()[:-2] == CHANGED
    assert "the network is changed; at " in err
    assert "next:  over a new connection: phoenix.pyz setup --confirm-network; then again: phoenix.pyz setup\n" in err
    assert (world.read(MAIN), world.read(DROP_IN)) == (before, WRITTEN)
    assert (world.root / "sys/class/net/vmbr1/bridge").is_dir()
    calls = len(world.calls())
    assert world.run("setup")[0] == 7
    assert {tuple(argv[:2]) for argv in world.calls()[calls:]} == {("systemctl", "show")}
    assert "  waits: the network is changed; at " in world.run("setup", "--dry-run")[1]
    assert world.run("setup", "--confirm-network")[0] == 0
    assert not (world.root / OWN).exists() or os.listdir(world.root / OWN) == []
    assert [path for path in (world.root / UNITS).rglob("*") if not path.is_dir()] == []
    for words in (("setup",), ("setup", "--confirm-network")):
        assert world.run(*words) == (0, "pve  nothing to do\n", "")
    assert world.read(DROP_IN) == WRITTEN


def test_what_nobody_confirms_is_taken_back(world):
    before = world.network()
    world.run("setup")
    assert world.timer_is_over().returncode == 0
    assert world.network() == before
    code, _, err = world.run("setup", "--confirm-network")
    assert code == 8
    assert "there is nothing to confirm: the change was taken back" in err
    code, _, err = world.run("setup")
    assert code == 8
    assert "this change was made before, nobody confirmed it, and it was taken back" in err
    assert world.network() == before
    (world.root / OWN / "rolled-back").unlink()
    assert world.run("setup")[0] == 7


def test_a_change_of_what_is_there_is_taken_back_to_it(world):
    world.run("setup")
    world.run("setup", "--confirm-network")
    before = world.network()
    os.chmod(world.root / DROP_IN, 0o640)
    world.wish(TOML.replace("10.1.0.1", "10.1.0.2"))
    assert "  vmbr1.address: 10.1.0.1/24 -> 10.1.0.2/24\n" in world.run("setup", "--dry-run")[1]
    assert world.run("setup")[0] == 7
    assert "10.1.0.2" in world.read(DROP_IN)
    modes = [(world.root / path).stat().st_mode & 0o7777 for path in (DROP_IN, f"{OWN}/good", f"{OWN}/pending")]
    assert modes == [0o640, 0o600, 0o600]  # what only some may read, only root may read in a copy
    world.timer_is_over()
    assert world.network() == before
    assert (world.root / DROP_IN).stat().st_mode & 0o7777 == 0o640
    world.wish(TOML.replace("10.1.0.1", "10.1.0.3"))
    assert world.run("setup")[0] == 7


def test_the_rollback_can_be_stopped_anywhere_and_begins_again(world, tmp_path):
    before = world.network()
    world.run("setup")
    hook = tmp_path / "hook"
    shutil.copytree(world.root, tmp_path / "kept", symlinks=True)
    for count in range(1, 60, 3):
        shutil.rmtree(world.root)
        shutil.copytree(tmp_path / "kept", world.root, symlinks=True)
        hook.write_text(f"set -T; n=0; trap 'n=$((n+1)); [ $n -lt {count} ] || kill -9 $$' DEBUG\n")
        ended = world.timer_is_over(("bash",), {"BASH_ENV": str(hook), "PATH": os.environ["PATH"]}).returncode
        if (world.root / SCRIPT).exists():
            assert world.timer_is_over().returncode == 0
        assert world.network() == before, count
        assert not (world.root / OWN / "pending").exists()
        if ended == 0:
            break
    assert (ended, count > 15) == (0, True)


def test_systemd_and_the_shell_take_what_is_written(tmp_path):
    need({"systemd-analyze": "systemd", "shellcheck": "shellcheck"})
    for place in (interfaces.FILE, interfaces.DROP_IN):
        written = rollback.files(place)
        for path, (text, _) in written.items():
            (tmp_path / os.path.basename(path)).write_text(text)
        for argv in (
            ["systemd-analyze", "verify", *(str(tmp_path / f"{UNIT}.{kind}") for kind in ("service", "timer"))],
            ["shellcheck", str(tmp_path / "rollback")],
        ):
            ran = subprocess.run(argv, capture_output=True, text=True, check=False)
            assert (ran.returncode, ran.stdout + ran.stderr) == (0, "")


def test_a_reload_that_fails_is_told_and_taken_back(world):
    before = world.network()
    world.fault('command = "ifreload"\nbefore = { code = 1, stderr = "error: vmbr1: it cannot be" }')
    code, _, err = world.run("setup")
    assert code == 1
    assert "`ifreload -a` ended with 1: error: vmbr1: it cannot be; it is as wanted; the network is changed; at " in err
    code, _, err = world.run("setup", "--confirm-network")
    assert code == 7
    assert "the change of the network is not in effect yet" in err
    world.fault("")
    world.timer_is_over()
    assert world.network() == before


def test_a_run_that_ended_before_the_reload_is_continued(world):
    world.fault('command = "ifreload"\nbefore = { code = 1 }')
    assert world.run("setup")[0] == 1
    world.fault("")
    code, _, err = world.run("setup")
    assert (code, err.splitlines()[:-2]) == (7, ["network: ifreload -a"])
    assert world.run("setup", "--confirm-network")[0] == 0


def test_after_a_reboot_the_time_begins_anew(world):
    world.run("setup")
    (world.root / TIMER).unlink()
    link = world.root / UNITS / "timers.target.wants" / f"{UNIT}.timer"
    assert os.readlink(link) == f"/{UNITS}/{UNIT}.timer"
    assert f"  $ systemctl restart {UNIT}.timer\n" in world.run("setup", "--dry-run")[1]
    code, _, err = world.run("setup")
    assert (code, err.splitlines()[:-2]) == (7, [f"network: systemctl restart {UNIT}.timer"])
    assert world.run("setup", "--confirm-network")[0] == 0


def test_a_timer_that_a_killed_confirmation_has_left_is_stopped_first(world):
    world.run("setup")
    (world.root / OWN / "pending").unlink()
    world.wish(TOML.replace("10.1.0.1", "10.1.0.2"))
    code, _, err = world.run("setup")
    assert (code, err.splitlines()[0]) == (7, f"network: systemctl stop {UNIT}.timer")
    assert world.run("setup", "--confirm-network")[0] == 0


def test_what_comes_after_it_waits_too(world):
    world.wish(TOML + '[vfio]\nids = ["10de:2684"]\n[time]\ntimezone = "Asia/Tokyo"\n')
    assert world.run("setup")[0] == 7
    assert world.read("etc/timezone") == "Asia/Tokyo\n"
    assert not list((world.root / "etc/modprobe.d").glob("*phoenix*"))


def test_in_a_file_that_takes_in_no_other_it_is_a_block(world):
    theirs = world.read(MAIN).replace(SOURCE, "") + "# \udcff by hand\n\n"
    world.write(MAIN, theirs)
    assert world.run("setup")[0] == 7
    stanza = WRITTEN.partition("\n\n")[2]
    assert world.read(MAIN) == f"{theirs}# phoenix begin\n{stanza}# phoenix end\n"
    assert world.read(DROP_IN) is None
    world.timer_is_over()
    assert world.read(MAIN) == theirs
    (world.root / OWN / "rolled-back").unlink()
    world.run("setup")
    assert world.run("setup", "--confirm-network")[0] == 0
    assert world.run("setup") == (0, "pve  nothing to do\n", "")


def test_name_servers(world):
    world.wish('[network]\nnameserver = ["10.0.0.153", "8.8.8.8"]\n')
    world.write("etc/resolv.conf", "# mine\nnameserver 192.0.2.1\nsearch example.org\n")
    assert world.run("setup")[0] == 0
    text = "# mine\nnameserver 10.0.0.153\nnameserver 8.8.8.8\nsearch example.org\n"
    assert world.read("etc/resolv.conf") == text
    assert world.run("setup")[1] == "pve  nothing to do\n"


def kept(world, toml):
    """A node whose network has been set up and confirmed."""
    world.wish(toml)
    assert world.run("setup")[0] == 7
    assert world.run("setup", "--confirm-network")[0] == 0


def lose_session(world):
    kept(world, TOML)
    world.session("10.1.0.1")
    world.wish("[network]\n")


def move_session(world):
    lose_session(world)
    world.wish(TOML.replace("10.1.0.1", "10.1.0.9"))


def undeclared_session(world):
    world.session("10.77.0.1", port=8006)


def lose_gateway(world):
    kept(world, TOML + 'gateway = "10.1.0.254"\n')
    world.wish(TOML)


def lose_address_of_gateway(world):
    kept(world, TOML + 'gateway = "10.1.0.254"\n')
    world.wish(TOML.replace("10.1.0.1/", "10.1.0.7/") + 'gateway = "10.1.0.254"\n')


def lose_guests(world):
    kept(world, TOML)
    for port in ("tap101i0", "veth9001i0", "eno2"):
        (world.root / "sys/class/net/vmbr1/brif" / port).mkdir(parents=True)
    world.wish("[network]\n")


def link_the_file(world):
    (world.root / DROP_IN).parent.mkdir(exist_ok=True)
    (world.root / DROP_IN).symlink_to("/etc/hosts")


def block_with_others(world):
    """What Proxmox VE's interface makes of a block: what is between the lines is not Phoenix's alone."""
    world.write(MAIN, "# phoenix begin\nauto vmbr9\niface vmbr9 inet manual\n\tbridge-ports none\n# phoenix end\n")


def half_a_block(world):
    world.write(MAIN, world.read(MAIN).replace(SOURCE, "\n# phoenix begin\n"))


def wait_in_pve(world):
    world.write(MAIN, world.read(MAIN).replace(SOURCE, ""))
    world.write(f"{MAIN}.new", "auto lo\n")


def own(name, text):
    return lambda world: world.wish(f"[network.{name}]\n{text}\n")


TEMPTATIONS = [
    (
        own("vmbr0", 'address = "10.0.0.13/24"'),
        "vmbr0: /etc/network/interfaces declares it, outside of what is Phoenix's",
    ),
    (own("vmbr1", 'address = "192.0.2.10/24"'), "192.0.2.10/24 is an address of vmbr0 and vmbr1"),
    (lose_session, "network: 10.1.0.1, over which 198.51.100.7 is connected to port 22 now, would be gone"),
    (move_session, "network: 10.1.0.1, over which 198.51.100.7 is connected to port 22 now, would be gone"),
    (undeclared_session, "10.77.0.1, over which 198.51.100.7 is connected to port 8006 now, is declared in no file"),
    (lose_gateway, "the default gateway 10.1.0.254 would be gone"),
    (lose_address_of_gateway, "10.1.0.1/24, the address on the way to the default gateway, would be gone"),
    (lose_guests, "vmbr1 would be gone, and guests are on it: 101 9001"),
    (link_the_file, "/etc/network/interfaces.d/phoenix is a link"),
    (block_with_others, "vmbr9 stands in Phoenix's block of /etc/network/interfaces, and [network] does not have it"),
    (half_a_block, "expected one line '# phoenix begin' and one '# phoenix end' after it"),
    (wait_in_pve, "/etc/network/interfaces.new: changes made in Proxmox VE's interface wait there"),
    (
        own("vmbr1", "bridge-ports = []\nmtu = 60000"),
        "ifupdown2 does not take it: warning: vmbr1: mtu",
    ),
]


@pytest.mark.parametrize(("tempt", "said"), TEMPTATIONS, ids=[said[:40] for _, said in TEMPTATIONS])
def test_what_is_refused(world, tempt, said):
    tempt(world)
    before = world.network()
    assert "  refused: network" in world.run("setup", "--dry-run")[1]
    code, _, err = world.run("setup")
    assert code == 8
    assert said in err
    assert "next:  " in err
    assert world.network() == before


def test_a_port_of_another_bridge_is_refused(world):
    world.write(MAIN, world.read(MAIN).replace("bridge-ports none", "bridge-ports eno2"))
    code, _, err = world.run("setup")
    assert code == 8
    assert "eno2 is a port of vmbr0 and vmbr1" in err


def test_hardware_that_is_not_there_is_missing(world):
    world.wish(TOML.replace("eno2", "enp9s0"))
    code, _, err = world.run("setup")
    assert code == 6
    assert "network.vmbr1.bridge-ports: there is no enp9s0; there are eno1 eno2 vmbr0" in err


def test_what_the_administrator_has_declared_so_is_as_wanted(world):
    world.wish('[network.vmbr0]\naddress = "192.0.2.10/24"\nbridge-ports = []\n')
    assert world.run("setup") == (0, "pve  nothing to do\n", "")


def test_it_can_be_rehearsed(world):
    before = world.network()
    code, out, err = world.run("rehearse", "setup")
    assert code == 7
    assert "+++ /etc/network/interfaces.d/phoenix\n" in out
    assert "the network is changed" in err
    assert world.network() == before
