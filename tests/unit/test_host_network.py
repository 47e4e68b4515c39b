"""The section [network]: what is wanted, and planned from what is there; the rollback, as a crash has left it."""

from __future__ import annotations

import pytest
import tomli

from phoenix.config.faults import Faults
from phoenix.config.load import Document
from phoenix.host import network, rollback
from phoenix.host.aspect import Ask
from phoenix.host.management import Session
from phoenix.host.network import State
from phoenix.host.rollback import GOOD, PENDING, ROLLED_BACK, SCRIPT, SERVICE, TIMER, WANTS, Rollback
from phoenix.pve.interfaces import DROP_IN, FILE

MAIN = "auto vmbr0\niface vmbr0 inet static\n\taddress 10.0.0.13/24\n\tgateway 10.0.0.1\n\tbridge-ports eno1\n"
NOTHING = {SCRIPT: None, SERVICE: None, TIMER: None}
WRITTEN = {path: text for path, (text, _) in rollback.files(DROP_IN).items()}
TIMER_STARTS = f"systemctl restart {rollback.UNIT}.timer"
TIMER_STOPS = f"systemctl stop {rollback.UNIT}.timer"
VMBR1 = {"vmbr1": {"address": "10.1.0.1/24", "bridge-ports": []}}


def wanted(table):
    faults = Faults(Document("hypervisor.toml", {}))
    found = network.decode(table, faults)
    assert not faults.found
    return found


def text(table):
    return network.result(wanted(table), there())


def undo(now="", path=DROP_IN, **known):
    fields = {"good": None, "pending": None, "rolled_back": None, "files": NOTHING, "link": "", **known}
    return Rollback(MAIN, path, now, **fields)


def there(back=None, own="", **known):
    fields = {"devices": ("eno1", "eno2", "vmbr0"), "guests": {}, "resolv": "", **known}
    return State(back or undo(own), own, {FILE: MAIN}, **fields)


def planned(table, state):
    return network.plan(wanted(table), state, Ask())


def commands(plan):
    return [" ".join(step.argv) for step in plan.steps]


def test_the_plan_of_a_bond_a_bridge_and_a_vlan():
    plan = planned(
        {
            "bond0": {"bond-slaves": ["eno2", "eno3"], "bond-mode": "802.3ad"},
            "vmbr1": {"bridge-ports": "bond0", "bridge-vlan-aware": True, "bridge-vids": ["2-4094"]},
            "vmbr1.20": {"address": ["10.20.0.1/24", "fd00:20::1/64"], "mtu": 9000},
        },
        there(devices=("eno1", "eno2", "eno3")),
    )
    assert not plan.refused + plan.missing
    assert [(item.what, item.found) for item in plan.differences] == [("bond0", ""), ("vmbr1", ""), ("vmbr1.20", "")]
    assert commands(plan) == [
        *(f"write {path}" for path in (SCRIPT, SERVICE, TIMER)),
        f"link {WANTS} {TIMER}",
        f"write {GOOD}",
        f"write {PENDING}",
        TIMER_STARTS,
        f"write {DROP_IN}",
    ]
    last = plan.steps[-1]
    assert last.after == (("ifreload", "-a"),)
    assert last.content == network.HEADER + (
        "auto bond0\niface bond0 inet manual\n\tbond-mode 802.3ad\n\tbond-slaves eno2 eno3\n\n"
        "auto vmbr1\niface vmbr1 inet manual\n\tbridge-ports bond0\n\tbridge-vids 2-4094\n\tbridge-vlan-aware yes\n"
        "\tbridge-stp off\n\tbridge-fd 0\n\n"
        "auto vmbr1.20\niface vmbr1.20 inet static\n\taddress 10.20.0.1/24\n\tmtu 9000\n"
        "iface vmbr1.20 inet6 static\n\taddress fd00:20::1/64\n"
    )


ARMED = {"good": "", "pending": text(VMBR1), "files": WRITTEN, "link": TIMER}
LEFT = [
    ({"files": {**NOTHING, SCRIPT: WRITTEN[SCRIPT]}}, 7),
    ({"files": WRITTEN}, 5),
    ({"files": WRITTEN, "link": TIMER}, 4),
    ({"files": WRITTEN, "link": TIMER, "good": ""}, 3),
    (ARMED, 2),
    ({**ARMED, "left": 100.0}, 2),  # less than half of the time is left
    ({**ARMED, "left": 200.0}, 1),
]


@pytest.mark.parametrize(("known", "left"), LEFT)
def test_arming_goes_on_from_where_it_was(known, left):
    whole = commands(planned(VMBR1, there()))
    assert commands(planned(VMBR1, there(undo(**known)))) == whole[len(whole) - left :]


@pytest.mark.parametrize(
    ("known", "first"),
    [
        ({**ARMED, "good": "old"}, None),  # the timer is gone with a reboot
        ({**ARMED, "good": "old", "left": 200.0}, []),
        ({**ARMED, "good": "old", "left": 1.0}, []),  # somebody may still confirm; the time is never prolonged
    ],
)
def test_while_a_change_waits_nothing_else_is_done(known, first):
    state = there(undo(text(VMBR1), **known), text(VMBR1))
    for table in (VMBR1, {}, {"vmbr1": {"mtu": 9000}}):
        plan = planned(table, state)
        assert commands(plan) == ([TIMER_STARTS] if first is None else first)
        assert "the network is changed" in plan.waits[0].why


def test_a_timer_that_runs_on_is_stopped_before_anything_is_kept():
    assert commands(planned(VMBR1, there(undo(files=WRITTEN, link=TIMER, left=9.0))))[0] == TIMER_STOPS


def test_a_change_that_was_taken_back_is_not_made_again_by_itself():
    back = undo(rolled_back=text(VMBR1))
    assert "nobody confirmed it, and it was taken back" in planned(VMBR1, there(back)).refused[0].why
    other = planned({"vmbr1": {"address": "10.1.0.2/24"}}, there(back))
    assert not other.refused
    assert f"remove {ROLLED_BACK}" in commands(other)


def test_confirming_begins_with_what_decides():
    state = undo(text(VMBR1), **ARMED, left=9.0)
    assert commands(rollback.plan(None, state, Ask())) == [
        f"remove {PENDING}",
        TIMER_STOPS,
        *(f"remove {path}" for path in (WANTS, TIMER, SERVICE, SCRIPT, GOOD)),
    ]
    assert rollback.plan(None, undo(), Ask()).steps == ()
    assert "was taken back" in rollback.plan(None, undo(rolled_back="x"), Ask()).refused[0].why


GATE = {"vmbr1": {"address": "fd00::1/64", "gateway": "fd00::9"}}
SESSION = Session("10.1.0.1", "10.9.9.9", 22)
NOT_SO = "would be gone"


@pytest.mark.parametrize(
    ("own", "table", "sessions", "said"),
    [
        (VMBR1, {}, (), ""),  # nobody has come over it
        (VMBR1, {}, (SESSION,), NOT_SO),
        (VMBR1, {"vmbr2": VMBR1["vmbr1"]}, (SESSION,), ""),  # on another interface
        (VMBR1, {"vmbr1": {"address": "10.1.0.1/16"}}, (SESSION,), ""),
        (VMBR1, {"vmbr1": {"inet": "dhcp"}}, (SESSION,), NOT_SO),
        ({"vmbr1": {"inet": "dhcp"}}, {}, (SESSION,), "may be what vmbr1 gets from the network, and would be gone"),
        ({"vmbr1": {"inet": "dhcp"}}, {"vmbr1": {"inet": "dhcp", "mtu": 9000}}, (SESSION,), ""),
        ({}, VMBR1, (Session("10.0.0.13", "10.9.9.9", 8006),), ""),
        ({}, VMBR1, (Session("10.7.0.1", "10.9.9.9", 8006),), "is declared in no file"),
        ({}, VMBR1, (Session("fe80::1", "fe80::2", 22),), ""),
        (GATE, {"vmbr1": {"address": "fd00::1/64"}}, (), "the default gateway fd00::9"),
        (GATE, {"vmbr1": {"address": "fd00::7/64", "gateway": "fd00::9"}}, (), "fd00::1/64, the address on the way"),
        ({}, {"vmbr1": {"address": "10.1.0.1/24", "gateway": "10.1.0.9"}}, (), "there are two default gateways"),
        ({}, {"vmbr1": {"address": "10.0.0.13/24"}}, (), "10.0.0.13/24 is an address of vmbr0 and vmbr1"),
        ({}, {"vmbr1": {"bridge-ports": ["eno1"]}}, (), "eno1 is a port of vmbr0 and vmbr1"),
        ({}, {"bond0": {"bond-slaves": ["eno1", "eno2"]}}, (), "eno1 is a port of vmbr0 and bond0"),
        ({}, {"vmbr1": {"bridge-ports": ["vmbr0"]}}, (), "vmbr0, a port of vmbr1, has an address of its own"),
    ],
)
def test_the_way_to_the_node_stays(own, table, sessions, said):
    plan = planned(table, there(own=text(own), sessions=sessions))
    assert [said in item.why for item in plan.refused] == [True] * bool(said)


def test_an_interface_that_is_declared_and_not_there_is_told():
    table = {"vmbr1": {"bridge-ports": []}, "vmbr2": {"auto": False}}
    waits = planned(table, there(undo(text(table), **{**ARMED, "good": "old", "left": 9.0}), text(table))).waits
    assert "; vmbr1 is not there" in waits[0].why
    plan = planned(table, there(own=text(table)))
    assert (plan.steps, [item.why for item in plan.missing]) == ((), ["network.vmbr1: it is declared and not there"])
    assert not planned(table, there(own=text(table), devices=("vmbr1",))).missing


def test_what_was_wrong_before_is_not_phoenix_s_to_mend():
    main = MAIN + "auto vmbr9\niface vmbr9 inet manual\n\tbridge-ports eno1 nothing\n"
    assert not planned(VMBR1, State(undo(), "", {FILE: main}, ("eno1",), {}, "")).refused


def test_a_bridge_with_guests_stays():
    state = there(own=text(VMBR1), guests={"vmbr1": ("101",), "vmbr0": ("102",)})
    assert "guests are on it: 101" in planned({}, state).refused[0].why
    assert not planned({"vmbr1": {"bridge-ports": ["eno2"]}}, state).refused


def test_name_servers_stand_where_they_stood():
    state = there(resolv="nameserver 1.1.1.1\noptions rotate\nnameserver 9.9.9.9\n")
    plan = planned({"nameserver": ["10.0.0.153"], "search": ["a.example", "b.example"]}, state)
    assert plan.steps[0].content == "nameserver 10.0.0.153\noptions rotate\nsearch a.example b.example\n"
    assert not planned({"nameserver": ["1.1.1.1", "9.9.9.9"]}, state).steps
    assert planned({"nameserver": []}, there(links=("/etc/resolv.conf",))).steps == ()
    linked = there(resolv=state.resolv, links=("/etc/resolv.conf",))
    assert "is a link" in planned({"nameserver": ["10.0.0.153"]}, linked).refused[0].why


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("network = 1", "network: expected a table"),
        ("[network.vmbr1]\nadress = 1", "network.vmbr1.adress: unknown key; did you mean address?"),
        ('[network.vmbr1]\naddress = "10.1.0.1"', "network.vmbr1.address.0: expected a text, found '10.1.0.1'"),
        ('[network.vmbr1]\naddress = "10.1.0.300/24"', "network.vmbr1.address: expected an address with its prefix"),
        ('[network.lo]\naddress = "10.1.0.1/24"', "network.lo: expected a text, found 'lo'"),
        ('[network."a b"]', "network.a b: expected a text, found 'a b'"),
        (
            '[network.vmbr1]\ninet = "dhcp"\naddress = "10.1.0.1/24"',
            "vmbr1.inet: dhcp, but there is an address",
        ),
        ('[network.vmbr1]\npost-up = "a\\nb"', "network.vmbr1.post-up.0: expected a text"),
        ("[network.vmbr1]\nbond-mode = 9", "network.vmbr1.bond-mode: expected one of"),
        ('[network]\nnameserver = ["dns.example"]', "network.nameserver.0: expected a text"),
    ],
)
def test_what_is_wrong_is_said(text, said):
    faults = Faults(Document("hypervisor.toml", {}))
    network.decode(tomli.loads(text)["network"], faults)
    assert [said in fault for fault in faults.found] == [True]
