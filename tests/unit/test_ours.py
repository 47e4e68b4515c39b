"""The table [phoenix]: what it says, and what is wrong with one."""

from __future__ import annotations

import pytest
import tomli

from phoenix.config.faults import Faults
from phoenix.config.load import Document
from phoenix.guests import ours
from phoenix.guests.ours import Check, Ours, Provision


def decode(text):
    faults = Faults(Document("f", {}))
    return ours.decode(tomli.loads(text), "lxc", faults), faults.found


@pytest.mark.parametrize(
    ("text", "made"),
    [
        ("", Ours()),
        ('state = "template"', Ours(state="template")),
        ("depends_on = [900, 101]", Ours(depends_on=("900", "101"))),
        ('provision = ["docker"]', Ours(provision=(Provision("docker"),))),
        (
            'provision = [{ feature = "ca", arguments = ["-x", "y z"], secrets = { token = "/root/t" } }]',
            Ours(provision=(Provision("ca", ("-x", "y z"), {"token": "/root/t"}),)),
        ),
        ("health = [{ network = true }]", Ours(health=(Check("network", ""),))),
        ('health = [{ tcp = "8080", within = 5 }]', Ours(health=(Check("tcp", "8080", within=5),))),
        ('health = [{ tcp = "[fd00::1]:80" }]', Ours(health=(Check("tcp", "[fd00::1]:80"),))),
        (
            'health = [{ http = "https://web/x", status = 301 }]',
            Ours(health=(Check("http", "https://web/x", status=301),)),
        ),
        ('health = [{ command = "a | b" }]', Ours(health=(Check("command", "a | b", ("sh", "-c", "a | b")),))),
        ('health = [{ command = ["a", "b c"] }]', Ours(health=(Check("command", "a b c", ("a", "b c")),))),
        (
            'snapshots = { before_change = true, after_create = "final-form", impossible = "go on" }',
            Ours(before_change=True, after_create="final-form", needs_snapshots=False),
        ),
    ],
)
def test_what_it_says(text, made):
    assert decode(text) == (made, [])


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("stat = 1", "phoenix.stat: unknown key; did you mean state?"),
        ('state = "gone"', 'phoenix.state: expected "running" or "stopped" or "template", found \'gone\''),
        ('depends_on = ["web"]', "phoenix.depends_on: expected IDs of guests, found 'web'"),
        ("depends_on = 900", "phoenix.depends_on: expected a list, found 900"),
        ("depends_on = [true]", "phoenix.depends_on: expected IDs"),
        ("provision = [1]", "phoenix.provision: expected names of features"),
        ('provision = ["../x"]', "phoenix.provision.feature"),
        ('provision = [{ name = "x" }]', "phoenix.provision.name: unknown key"),
        ('provision = [{ feature = "x", arguments = "y" }]', "phoenix.provision.arguments: expected a list"),
        ('provision = [{ feature = "x", secrets = { "a/b" = "/t" } }]', "phoenix.provision.secrets"),
        ('provision = [{ feature = "x", secrets = { a = "t" } }]', "phoenix.provision.secrets"),
        ("health = [{ within = 5 }]", "phoenix.health.0: expected one of network, tcp, http, command"),
        ('health = [{ tcp = "80", http = "80" }]', "phoenix.health.0: expected one of"),
        ('health = [{ tcp = "80", status = 200 }]', "phoenix.health.0.status: only http has a status"),
        ('health = [{ tcp = "web:http" }]', "phoenix.health.0.tcp"),
        ('health = [{ tcp = "80", within = 0 }]', "phoenix.health.0.within: expected an integer from 1"),
        ("health = [{ command = [] }]", "phoenix.health.0.command: expected a list of texts"),
        ("health = [{ command = [1] }]", "phoenix.health.0.command: expected a list of texts"),
        ('snapshots = { after_create = "9x" }', "phoenix.snapshots.after_create"),
        ('snapshots = { impossible = "maybe" }', "phoenix.snapshots.impossible: expected one of stop, go on"),
        ('health = [{ tcp = "70000" }]', "phoenix.health.0.tcp: expected"),
        ('health = [{ http = "http://a..b/" }]', "phoenix.health.0.http: expected"),
        ('health = [{ http = "http://web:abc/" }]', "phoenix.health.0.http: expected"),
        ('health = [{ http = "ftp://web/" }]', "phoenix.health.0.http: expected"),
        ('health = [{ http = "http://[::1/" }]', "phoenix.health.0.http: expected"),
        ('health = [{ http = "http:///x" }]', "phoenix.health.0.http: expected"),
        ('provision = ["a", { feature = "a" }]', "phoenix.provision: a is there twice"),
        ("snapshots = true", "phoenix.snapshots: expected a table, found true"),
    ],
)
def test_what_is_wrong_with_it(text, words):
    _, found = decode(text)
    assert any(words in fault for fault in found), found


@pytest.mark.parametrize(
    ("kind", "target", "place"),
    [
        ("tcp", "80", ("http", "", 80, "/")),
        ("tcp", "10.0.0.1:80", ("http", "10.0.0.1", 80, "/")),
        ("tcp", "[fd00::1]:80", ("http", "fd00::1", 80, "/")),
        ("http", "80", ("http", "", 80, "/")),
        ("http", "80/a/b", ("http", "", 80, "/a/b")),
        ("http", "web:80/a", ("http", "web", 80, "/a")),
        ("http", "http://[::1]/", ("http", "::1", 80, "/")),
        ("http", "https://web.example.org", ("https", "web.example.org", 443, "/")),
        ("http", "https://web:8443/a?b=c", ("https", "web", 8443, "/a?b=c")),
    ],
)
def test_what_is_asked(kind, target, place):
    assert tuple(ours.address(kind, target).fields().values()) == place
