"""`setup` of the firewall: what is Phoenix's in cluster.fw and host.fw beside what others have. On a rehearsal node."""

from __future__ import annotations

import pytest

from tests.setup.test_setup_network import Network

pytestmark = pytest.mark.processes

CLUSTER = "etc/pve/firewall/cluster.fw"
HOST = "etc/pve/nodes/pve/host.fw"
TOML = """\
[firewall.cluster]
options = { enable = true, policy_in = "DROP" }
aliases = { office = "198.51.100.0/24" }
ipsets = { management = ["192.0.2.0/24", "198.51.100.0/24"] }
rules = [{ type = "group", action = "web" }, { type = "in", action = "ACCEPT", source = "office", proto = "icmp" }]
[firewall.cluster.groups]
web = [{ type = "in", action = "ACCEPT", proto = "tcp", dport = "80,443", comment = "pages" }]
[firewall.host]
options = { nosmurfs = true }
"""
WRITTEN = """\
[OPTIONS]

enable: 1
policy_in: DROP

[ALIASES]

office 198.51.100.0/24 # [phoenix]

[IPSET management] # [phoenix]

192.0.2.0/24
198.51.100.0/24

[RULES]

GROUP web # [phoenix]
IN ACCEPT -source office -p icmp # [phoenix]

[group web] # [phoenix]

IN ACCEPT -p tcp -dport 80,443 # pages

"""
THEIRS = """\
# mine
[OPTIONS]

enable: 0
log_ratelimit: enable=1

[ALIASES]

router 192.0.2.1 # by the door

[RULES]

|IN SSH(ACCEPT) -i vmbr0 # not now
IN DROP -source 203.0.113.0/24 -log nolog

[group mine] # others use it

IN ACCEPT

"""
MERGED = """\
# mine
[OPTIONS]

enable: 1
log_ratelimit: enable=1
policy_in: DROP

[ALIASES]

office 198.51.100.0/24 # [phoenix]
router 192.0.2.1 # by the door

[IPSET management] # [phoenix]

192.0.2.0/24
198.51.100.0/24

[RULES]

GROUP web # [phoenix]
IN ACCEPT -source office -p icmp # [phoenix]
|IN SSH(ACCEPT) -i vmbr0 # not now
IN DROP -source 203.0.113.0/24 -log nolog

[group mine] # others use it

IN ACCEPT

[group web] # [phoenix]

IN ACCEPT -p tcp -dport 80,443 # pages

"""


class Firewall(Network):
    """A rehearsal node whose firewall is to be set up."""

    def files(self):
        return self.read(CLUSTER), self.read(HOST)


@pytest.fixture
def world(built, tmp_path):
    world = Firewall(built, tmp_path / "node")
    world.wish(TOML)
    return world


def test_it_is_made_so_and_then_nothing_is_left(world):
    world.session("192.0.2.10")
    code, _, err = world.run("setup")
    assert (code, err.splitlines()) == (0, [f"firewall: write /{CLUSTER}", f"firewall: write /{HOST}"])
    assert world.files() == (WRITTEN, "[OPTIONS]\n\nnosmurfs: 1\n\n")
    calls = world.calls()
    assert world.run("setup") == (0, "pve  nothing to do\n", "")
    assert world.calls() == calls


def test_what_others_have_there_stays(world):
    world.write(CLUSTER, THEIRS)
    assert world.run("setup")[0] == 0
    assert world.read(CLUSTER) == MERGED
    kept = list(world.root.glob(f"var/lib/phoenix/kept/*/{CLUSTER}"))
    assert [path.read_text() for path in kept] == [THEIRS]
    assert world.run("setup")[1] == "pve  nothing to do\n"


def test_what_the_interface_of_proxmox_ve_writes_anew_is_still_known(world):
    world.write(CLUSTER, THEIRS)
    world.run("setup")
    anew = MERGED.replace("# mine\n", "").replace("\n\n", "\n")
    anew = anew.replace("icmp # [phoenix]", "icmp -log nolog # [phoenix]")
    world.write(CLUSTER, anew)
    assert world.run("setup")[1] == "pve  nothing to do\n"
    world.wish(TOML.replace(', { type = "in", action = "ACCEPT", source = "office", proto = "icmp" }', ""))
    assert world.run("setup")[0] == 0
    assert world.read(CLUSTER) == anew.replace("IN ACCEPT -source office -p icmp -log nolog # [phoenix]\n", "")


def test_what_is_wanted_no_more_goes_and_nothing_else(world):
    world.write(CLUSTER, THEIRS)
    world.run("setup")
    world.wish('[firewall.cluster]\nipsets = { management = ["198.51.100.0/24"] }\n')
    assert world.run("setup")[0] == 0
    text = world.read(CLUSTER)
    assert text.count("[phoenix]") == 1
    for line in ("enable: 1", "router 192.0.2.1 # by the door", "|IN SSH(ACCEPT) -i vmbr0 # not now", "[group mine]"):
        assert line in text


def test_a_plan_says_it_rule_by_rule(world):
    world.write(CLUSTER, THEIRS)
    out = world.run("setup", "--dry-run")[1]
    for line in (
        "  cluster.options.enable: 0 -> 1\n",
        "  cluster.ipsets.management: (not set) -> 192.0.2.0/24 198.51.100.0/24\n",
        "  cluster.rules: (not set) -> GROUP web # [phoenix]\n",
        "  host.options.nosmurfs: (not set) -> 1\n",
    ):
        assert line in out
    assert world.read(CLUSTER) == THEIRS


def own(text):
    return lambda world: world.wish(text)


def shut_out_a_session(world):
    world.session("192.0.2.10", peer="203.0.113.9")


def shut_out_another_port(world):
    world.write("etc/ssh/sshd_config", "Port 2222\n")
    world.session("192.0.2.10", port=2222)


def drop_first(world):
    world.wish(TOML.replace("rules = [", 'rules = [{ type = "in", action = "DROP" }, '))


def dropped_by_others(world):
    world.write(HOST, "[RULES]\nIN DROP -p tcp -dport 8006\n")


def nobody(world):
    world.write("etc/hosts", "127.0.0.1 localhost\n")
    world.wish("[firewall.cluster]\noptions = { enable = true }\n")


def another_office(world):
    world.write(CLUSTER, "[ALIASES]\n\noffice 203.0.113.0/24\n")


def another_group(world):
    world.write(CLUSTER, "[group web]\n\nIN DROP\n")


def still_used_by_a_guest(world):
    world.run("setup")
    world.write("etc/pve/firewall/9001.fw", "[RULES]\n\nGROUP web\n")
    world.wish(TOML.replace('{ type = "group", action = "web" }, ', "").partition("[firewall.cluster.groups]")[0])


TEMPTATIONS = [
    (shut_out_a_session, "shut out those who administer the node: 203.0.113.9 to port 22, connected now"),
    (shut_out_another_port, "198.51.100.7 to port 2222, connected now"),
    (drop_first, "192.0.2.0/24 to port 22; 192.0.2.0/24 to port 8006"),
    (dropped_by_others, "192.0.2.0/24 to port 8006; 198.51.100.0/24 to port 8006"),
    (nobody, "nobody is known who could administer the node then"),
    (another_office, "firewall.cluster.aliases.office: /etc/pve/firewall/cluster.fw has it, not of Phoenix"),
    (another_group, "firewall.cluster.groups.web: /etc/pve/firewall/cluster.fw has it, not of Phoenix"),
    (still_used_by_a_guest, "groups.web would be gone, and rules that are not Phoenix's name it"),
]


@pytest.mark.parametrize(("tempt", "said"), TEMPTATIONS, ids=[tempt.__name__ for tempt, _ in TEMPTATIONS])
def test_what_is_refused(world, tempt, said):
    tempt(world)
    before = world.files()
    assert "  refused: firewall" in world.run("setup", "--dry-run")[1]
    code, _, err = world.run("setup")
    assert code == 8
    assert said in err
    assert world.files() == before


def test_a_group_that_is_nowhere_is_missing(world):
    world.wish('[firewall.host]\nrules = [{ type = "group", action = "db" }]\n')
    code, _, err = world.run("setup")
    assert code == 6
    assert "firewall.host.rules: cluster.fw has no group db; it has none" in err
    world.write(CLUSTER, "[group db]\n\nIN ACCEPT -p tcp -dport 5432\n")
    assert world.run("setup")[0] == 0


def test_it_can_be_rehearsed(world):
    world.write(CLUSTER, THEIRS)
    code, out, _ = world.run("rehearse", "setup")
    assert code == 0
    assert "+GROUP web # [phoenix]\n" in out
    assert world.read(CLUSTER) == THEIRS
