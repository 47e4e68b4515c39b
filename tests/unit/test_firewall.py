"""The firewall of a guest: a table as Proxmox VE's file, and whose file it is."""

from __future__ import annotations

import pytest
import tomli

from phoenix.config.faults import Faults
from phoenix.config.load import Document
from phoenix.guests import changes, firewall

WHOLE = """
options = { enable = true, policy_in = "DROP", log_level_in = "nolog" }
rules = [
    { type = "in", action = "ACCEPT", proto = "tcp", dport = "22", source = "+office", comment = "ssh: # 1" },
    { type = "in", action = "SSH(ACCEPT)", iface = "net0", enable = false },
    { type = "out", action = "REJECT", dest = "10.0.0.0/8", proto = "udp", sport = "53:60,99", log = "info" },
    { type = "in", action = "ACCEPT", proto = "icmp", icmp-type = "echo-request" },
    { type = "group", action = "web", iface = "net1" },
]
[aliases]
web1 = "10.0.0.1"
[ipsets]
office = ["10.0.0.0/24", "!10.0.0.5"]
"""
FILE = """\
[OPTIONS]

enable: 1
log_level_in: nolog
policy_in: DROP

[ALIASES]

web1 10.0.0.1

[IPSET office]

10.0.0.0/24
!10.0.0.5

[RULES]

IN ACCEPT -source +office -p tcp -dport 22 # ssh: # 1
|IN SSH(ACCEPT) -i net0
OUT REJECT -dest 10.0.0.0/8 -p udp -sport 53:60,99 -log info
IN ACCEPT -p icmp -icmp-type echo-request
GROUP web -i net1

"""
MARK = "0123456789abcdef0123456789abcdef"


def decode(text):
    faults = Faults(Document("f", {}))
    return firewall.decode(tomli.loads(text), faults), faults.found


def test_a_whole_table():
    assert decode(WHOLE) == (FILE, [])


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("option = {}", "firewall.option: unknown key; did you mean options?"),
        ("options = { enable = 1 }", "firewall.options.enable: expected true or false, found 1"),
        ('options = { policy = "DROP" }', "firewall.options.policy: unknown key"),
        ('rules = [{ type = "in" }]', "firewall.rules.0.action: missing"),
        ('rules = [{ type = "IN", action = "DROP" }]', "firewall.rules.0.type: expected one of in, out, group"),
        ('rules = [{ type = "in", action = "DROP", dport = "22 -j" }]', "firewall.rules.0.dport"),
        ('rules = [{ type = "in", action = "DROP", source = "10.0.0.1 -p" }]', "firewall.rules.0.source"),
        ('rules = [{ type = "in", action = "DROP", comment = "a\\nOUT DROP" }]', "firewall.rules.0.comment"),
        ("rules = {}", "firewall.rules: expected a list"),
        ('ipsets = { office = "10.0.0.1" }', "firewall.ipsets.office: expected a list"),
        ('aliases = { "a b" = "10.0.0.1" }', "firewall.aliases.a b"),
        ('aliases = { ab = "10.0.0.1\\n" }', "firewall.aliases.ab"),
    ],
)
def test_what_is_wrong_with_a_table(text, words):
    made, found = decode(text)
    assert made == ""
    assert any(words in fault for fault in found), found


def test_whose_file_it_is():
    text = firewall.signed(FILE, MARK)
    assert firewall.is_ours(text, MARK)
    assert not firewall.is_ours(text, "f" * 32)
    assert not firewall.is_ours(text, "")
    assert not firewall.is_ours(FILE, MARK)
    assert changes.firewall_body(text) == FILE
    assert changes.firewall_body(FILE) == FILE
