"""The section [firewall]: what is wrong with it, and what is planned from what is there."""

from __future__ import annotations

import pytest
import tomli

from phoenix.config.faults import Faults
from phoenix.config.load import Document
from phoenix.host import firewall
from phoenix.host.aspect import Ask
from phoenix.host.firewall import State
from phoenix.host.management import Session

CLUSTER = "/etc/pve/firewall/cluster.fw"
ON = {"cluster": {"options": {"enable": True}}}


def planned(table, **known):
    faults = Faults(Document("hypervisor.toml", {}))
    wanted = firewall.decode(table, faults)
    assert not faults.found
    texts = {"cluster": known.pop("cluster", ""), "host": known.pop("host", "")}
    return firewall.plan(wanted, State("pve", texts, **{"local": "10.0.0.0/24", **known}), Ask())


def test_a_plan_in_the_words_of_its_rules():
    plan = planned(
        {"cluster": {"rules": [{"type": "in", "action": "ACCEPT", "proto": "tcp", "dport": "443", "comment": "web"}]}},
        cluster="[RULES]\nOUT DROP\nIN DROP # old [phoenix]\n",
    )
    assert [step.argv for step in plan.steps] == [("write", CLUSTER)]
    assert plan.steps[0].content == "[RULES]\nOUT DROP\nIN ACCEPT -p tcp -dport 443 # web [phoenix]\n"
    assert [(item.what, item.found, item.wanted) for item in plan.differences] == [
        ("cluster.rules", "IN DROP # old [phoenix]", "(gone)"),
        ("cluster.rules", "", "IN ACCEPT proto tcp dport 443 # web [phoenix]"),
    ]


@pytest.mark.parametrize(
    ("known", "said"),
    [
        ({}, ""),
        ({"sessions": (Session("10.0.0.13", "10.0.0.5", 22),)}, ""),
        ({"sessions": (Session("10.0.0.13", "10.9.9.9", 22),)}, "10.9.9.9 to port 22, connected now"),
        ({"ports": (22, 2222)}, "10.0.0.0/24 to port 2222"),
        ({"local": ""}, "nobody is known"),
        ({"local": "127.0.0.0/8"}, "nobody is known"),
        ({"local": "", "cluster": "[IPSET management]\n10.9.0.0/16\n"}, ""),
        ({"local": "", "cluster": "[ALIASES]\nme 10.9.9.9\n[IPSET management]\nme\n"}, ""),
        ({"host": "[OPTIONS]\nenable: 0\n", "local": ""}, ""),
        ({"cluster": "[RULES]\nIN DROP -p tcp -dport 8006\n"}, "10.0.0.0/24 to port 8006"),
        ({"cluster": "[OPTIONS]\nenable: 1\n[RULES]\nIN DROP\n"}, ""),  # it is so already: nothing is changed
    ],
)
def test_who_would_be_shut_out(known, said):
    plan = planned(ON, **known)
    assert [said in item.why for item in plan.refused] == [True] * bool(said)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("firewall = 1", "firewall: expected a table"),
        ("[firewall.node]", "firewall.node: unknown key"),
        ("[firewall.cluster]\nenable = true", "firewall.cluster.enable: unknown key"),
        ("[firewall.host.options]\nenabled = true", "firewall.host.options.enabled: unknown key; did you mean enable?"),
        ('[firewall.host]\nrules = [{ type = "in" }]', "firewall.host.rules.0.action: missing"),
        ("[firewall.host]\ngroups = { web = [] }", "firewall.host.groups: unknown key"),
        ('[firewall.cluster]\naliases = { office = "a b" }', "firewall.cluster.aliases.office: expected a text"),
        ('[firewall.cluster.options]\npolicy_in = "OPEN"', "firewall.cluster.options.policy_in: expected one of"),
    ],
)
def test_what_is_wrong_is_said(text, said):
    faults = Faults(Document("hypervisor.toml", {}))
    firewall.decode(tomli.loads(text)["firewall"], faults)
    assert [said in fault for fault in faults.found] == [True]
