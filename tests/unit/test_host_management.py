"""Who administers a node, and whether a firewall lets them in."""

from __future__ import annotations

import socket
import sys

import pytest

from phoenix.host import management
from phoenix.host.management import Judge, Session
from phoenix.pve import firewallconf

ON = "[OPTIONS]\nenable: 1\n"


def line(local, peer, state="01"):
    def word(address, port):
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        data = socket.inet_pton(family, address)
        words = [data[place : place + 4] for place in range(0, len(data), 4)]
        return "".join(f"{int.from_bytes(each, sys.byteorder):08X}" for each in words) + f":{port:04X}"

    return f"   0: {word(*local)} {word(*peer)} {state} 00000000:00000000 00:00000000 00000000     0        0 1\n"


def test_who_is_connected():
    table = "  sl  local_address rem_address   st\n" + "".join(
        line(local, peer, state)
        for local, peer, state in [
            (("10.0.0.13", 22), ("10.0.0.5", 4000), "01"),
            (("10.0.0.13", 22), ("10.0.0.6", 4000), "06"),
            (("10.0.0.13", 80), ("10.0.0.7", 4000), "01"),
            (("127.0.0.1", 8006), ("127.0.0.1", 4000), "01"),
            (("10.0.0.13", 8006), ("10.0.0.13", 4000), "01"),
            (("::ffff:10.0.0.13", 8006), ("::ffff:10.0.0.8", 4000), "01"),
            (("fd00::1", 22), ("fd00::2", 4000), "01"),
        ]
    )
    assert management.sessions(table, (22, 8006)) == {
        Session("10.0.0.13", "10.0.0.5", 22),
        Session("10.0.0.13", "10.0.0.8", 8006),
        Session("fd00::1", "fd00::2", 22),
    }
    assert management.sessions("", (22,)) == set()


@pytest.mark.parametrize(
    ("texts", "ports"),
    [
        ([""], (22,)),
        (["Port 2222\n"], (2222,)),
        (["#Port 1\nPort 22\n", "Port 2222\n"], (22, 2222)),
        (["Port x"], (22,)),
    ],
)
def test_where_sshd_listens(texts, ports):
    assert management.ssh_ports(texts) == ports


@pytest.mark.parametrize(
    ("cluster", "host", "source", "port", "open_"),
    [
        ("", "", "203.0.113.9", 22, True),  # it is not enabled
        (ON, "[OPTIONS]\nenable: 0\n", "203.0.113.9", 22, True),
        (ON, "", "203.0.113.9", 22, False),
        (ON, "", "10.0.0.5", 22, True),  # the local network
        (ON, "", "10.0.0.0/24", 8006, True),
        (ON, "", "10.0.0.0/16", 8006, False),  # only a part of it
        (ON, "", "10.0.0.5", 2222, False),  # not a port of management
        (ON + "policy_in: ACCEPT\n", "", "203.0.113.9", 2222, True),
        (ON + "[ALIASES]\nlocal_network 10.9.0.0/24\n", "", "10.0.0.5", 22, False),
        (ON + "[IPSET management]\n203.0.113.0/24\n", "", "203.0.113.9", 22, True),
        (ON + "[IPSET management]\n203.0.113.0/24\n!203.0.113.9\n", "", "203.0.113.9", 22, False),
        (ON + "[IPSET management]\n203.0.113.0/24\n[RULES]\nIN DROP\n", "", "203.0.113.9", 22, False),
        (ON + "[IPSET management]\n203.0.113.0/24\n[RULES]\nOUT DROP\n|IN DROP\n", "", "203.0.113.9", 22, True),
        (ON + "[RULES]\nIN ACCEPT -p tcp -dport 22\n", "", "203.0.113.9", 22, True),
        (ON + "[RULES]\nIN ACCEPT -p tcp -dport 20:30\n", "", "203.0.113.9", 22, True),
        (ON + "[RULES]\nIN ACCEPT -p tcp -dport ssh\n", "", "203.0.113.9", 22, True),
        (ON + "[RULES]\nIN ACCEPT -p udp -dport 22\n", "", "203.0.113.9", 22, False),
        (ON + "[RULES]\nIN SSH(ACCEPT)\n", "", "203.0.113.9", 22, True),
        (ON + "[RULES]\nIN SSH(ACCEPT)\n", "", "203.0.113.9", 8006, False),
        (ON + "[RULES]\nIN SSH(ACCEPT) -i vmbr0\n", "", "203.0.113.9", 22, False),  # it may come another way
        (ON + "[RULES]\nIN DROP -i vmbr0\n", "", "10.0.0.5", 22, False),  # it may come this way
        (ON + "[RULES]\nIN DROP -source 10.0.0.9\n", "", "10.0.0.5", 22, True),
        (ON + "[RULES]\nIN DROP -source 10.0.0.5\n", "", "10.0.0.5", 22, False),
        (ON + "[RULES]\nIN DROP -source +office\n[IPSET office]\n10.0.0.4/30\n", "", "10.0.0.5", 22, False),
        (ON + "[RULES]\nIN DROP -source +unknown\n", "", "10.0.0.5", 22, False),
        (
            ON + "[RULES]\nIN ACCEPT -source +dc/office -p tcp\n[IPSET office]\n198.51.100.0/24\n",
            "",
            "198.51.100.7",
            22,
            True,
        ),
        (ON + "[RULES]\nIN ACCEPT -source dc/me -p tcp\n[ALIASES]\nme 198.51.100.7\n", "", "198.51.100.7", 22, True),
        (ON + "[RULES]\nGROUP web\n[group web]\nIN DROP\n", "", "10.0.0.5", 22, False),
        (ON + "[RULES]\nGROUP web\n[group web]\nIN ACCEPT -p tcp -dport 22\n", "", "203.0.113.9", 22, True),
        (ON + "[RULES]\nGROUP web -i vmbr0\n[group web]\nIN ACCEPT -p tcp -dport 22\n", "", "203.0.113.9", 22, False),
        (ON + "[RULES]\nIN DROP\n", "[RULES]\nIN ACCEPT\n", "203.0.113.9", 22, True),  # those of the node come first
        (ON, "[RULES]\nIN REJECT -p tcp -dport 8006\n", "10.0.0.5", 8006, False),
        (ON + "[IPSET blacklist]\n10.0.0.5\n", "[RULES]\nIN ACCEPT\n", "10.0.0.5", 22, False),
        (ON + "[IPSET blacklist]\n10.0.0.5\n", "", "10.0.0.6", 22, True),
        (ON, "", "fd00::5", 22, False),
        (ON, "", "not an address", 22, False),
    ],
)
def test_who_is_let_in(cluster, host, source, port, open_):
    judge = Judge(firewallconf.parse(cluster), firewallconf.parse(host), "10.0.0.0/24")
    assert judge.lets_in(source, port) is open_
