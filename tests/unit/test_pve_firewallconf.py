"""cluster.fw and host.fw: what they say, and with what is Phoenix's written into them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from phoenix.pve import firewallconf
from phoenix.pve.firewallconf import Rule, merged, parse


def test_what_a_file_says():
    found = parse(
        "\n[OPTIONS]\nenable: 1 # on\n[aliases]\nWeb 10.0.0.1 # the web\n[IPSET office] # us\n10.0.0.0/24\n! 10.0.0.9\n"
        "[RULES]\n|IN SSH(ACCEPT) -i vmbr0 # later\nGROUP Web -i vmbr1\nOUT DROP --dport 25 -p tcp -log nolog\n"
        "[group a]\nIN ACCEPT\n[x]\nodd\n"
    )
    assert found.options == {"enable": "1"}
    assert found.aliases == {"web": "10.0.0.1"}
    assert found.ipsets == {"office": ("!10.0.0.9", "10.0.0.0/24")}
    assert found.rules == (
        Rule(enable=False, type="in", action="SSH(ACCEPT)", more={"iface": "vmbr0"}, comment="later"),
        Rule(enable=True, type="group", action="Web", more={"iface": "vmbr1"}),
        Rule(enable=True, type="out", action="DROP", more={"dport": "25", "proto": "tcp"}),
    )
    assert found.groups == {"a": (Rule(enable=True, type="in", action="ACCEPT", more={}),)}
    assert found.strange == ("odd",)


@pytest.mark.parametrize(
    ("text", "wanted", "result"),
    [
        ("", "[OPTIONS]\n\nenable: 1\n\n", "[OPTIONS]\n\nenable: 1\n\n"),
        ("[OPTIONS]\nenable: 0\nenable: 0\nx: y\n\n", "[OPTIONS]\nenable: 1\n", "[OPTIONS]\nenable: 1\nx: y\n\n"),
        ("[RULES]\nIN A\n", "[RULES]\nIN B\n", "[RULES]\nIN B # [phoenix]\nIN A\n"),
        (
            "[RULES]\nIN A\nIN B # [phoenix]\nIN C\n",
            "[RULES]\nIN D # why\nIN E\n",
            "[RULES]\nIN A\nIN D # why [phoenix]\nIN E # [phoenix]\nIN C\n",
        ),
        ("[RULES]\nIN B # x [phoenix]\nIN C # not phoenix\n", "", "[RULES]\nIN C # not phoenix\n"),
        ("[group a]\nIN A\n", "[IPSET b]\n1.1.1.1\n\n", "[IPSET b] # [phoenix]\n1.1.1.1\n\n[group a]\nIN A\n"),
        ("[group a] # [phoenix]\nIN A\n[group b]\nIN A\n", "", "[group b]\nIN A\n"),
        ("[group a] # [phoenix]\nIN A\n", "[group a]\nIN B\n", "[group a] # [phoenix]\nIN B\n"),
        ("[group A]\nIN A\n", "[group a]\nIN B\n", "[group A]\nIN A\n"),
        ("[ALIASES]\nWeb 1.1.1.1\n", "[ALIASES]\nweb 1.1.1.2\n", "[ALIASES]\nWeb 1.1.1.1\n"),
    ],
)
def test_what_is_phoenix_s_is_written_beside_the_rest(text, wanted, result):
    assert merged(text, wanted) == result


_LINE = st.sampled_from(
    ["IN ACCEPT", "IN DROP -p tcp # x", "|IN SSH(ACCEPT)", "# a comment", "", "[RULES]", "[OPTIONS]", "[group g]",
     "[IPSET s]", "[ALIASES]", "enable: 0", "a 10.0.0.1", "10.0.0.0/8", "[IPSET p] # [phoenix]", "IN X # [phoenix]"]
)  # fmt: skip
WANTED = "[OPTIONS]\n\nenable: 1\n\n[ALIASES]\n\nw 10.0.0.2\n\n[IPSET p]\n\n10.1.0.0/16\n\n[RULES]\n\nIN ACCEPT\n\n"


@given(st.lists(_LINE, max_size=12))
def test_lines_of_others_stay_in_their_order(lines):
    text = "".join(f"{line}\n" for line in lines)
    once = merged(text, WANTED)
    assert merged(once, WANTED) == once
    assert parse(once).options["enable"] == "1"

    def theirs(text):
        kept, marked = [], False
        for section in firewallconf.sections(text):
            marked = firewallconf.is_marked(section.head)
            kept += [section.head] * (not marked)
            kept += [line for line in section.lines if not marked and not firewallconf.is_marked(line)]
        return [line for line in kept if line.strip() and not line.startswith(("enable:", "[OPTIONS]"))]

    ours = {"[OPTIONS]", "[ALIASES]", "[RULES]"}
    assert [line for line in theirs(once) if line not in ours] == [line for line in theirs(text) if line not in ours]
