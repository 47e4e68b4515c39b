"""The option table: equal to the schemas of the real tools, and right about numbered names."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from phoenix.pve import commands, options
from phoenix.pve.options import Option

SCHEMAS = Path(__file__).resolve().parents[3] / "shared" / "pve" / "transcripts"
CHANGES = {
    "live": "hostname cores memory swap net onboot startup tags description protection",
    "restart": "arch features nameserver searchdomain timezone",
    "fixed": "rootfs mp unprivileged",
}


def schema(release: int) -> dict[str, Any]:
    path = SCHEMAS / ("schema-8.4.json" if release == 8 else "schema-9.json")
    if not path.is_file():
        reason = f"{path} is not there"
        if os.environ.get("CI") == "true":
            pytest.fail(f"CI must test this: {reason}", pytrace=False)
        pytest.skip(reason)
    found: dict[str, Any] = json.loads(path.read_text())
    return found


def number(value: float) -> float:
    return int(value) if value == int(value) else value


def as_schema(option: Option, *, named: bool) -> dict[str, Any]:
    """An option in the words of the schema."""
    out: dict[str, Any] = {"optional": not option.required, "type": option.type}
    words = {
        "minimum": None if option.low is None else number(option.low),
        "maximum": None if option.high is None else number(option.high),
        "enum": list(option.enum) or None,
        "format": option.format or None,
        "property_string": option.properties or None,
        "pattern": option.pattern or None,
        "maxLength": option.length or None,
        "minLength": option.shortest or None,
        "numbered": [0, option.last] if option.last >= 0 else None,
        "default": option.default or None,
        "requires": option.requires or None,
        "default_key": option.bare or None,
        "name": option.name if named else None,
    }
    return {**out, **{key: value for key, value in words.items() if value is not None}}


def compare(table: Any, wanted: dict[str, Any], release: int, where: str) -> int:
    mine = {
        option.name + ("N" if option.last >= 0 else ""): as_schema(option, named=False)
        for option in options.known(table, release).values()
    }
    assert sorted(mine) == sorted(wanted), where
    for name, limits in wanted.items():
        assert mine[name] == limits, f"{where} {name}"
    return len(wanted)


@pytest.mark.parametrize("release", [8, 9])
def test_the_tables_are_those_of_the_real_tools(release: int) -> None:
    found = schema(release)
    compared = 0
    for name, command in commands.COMMANDS.items():
        tool, subcommand = name.split(" ")
        wanted = found["tools"][tool][subcommand]
        mine = [as_schema(option, named=True) for option in command.positional]
        assert mine == wanted["positional"], name
        compared += len(mine) + compare(command.options, wanted["options"], release, name)
    for name, table in options.PROPERTIES.items():
        compared += compare(table, found["formats"][name], release, name)
    print(f"compared {compared} options and keys of {len(commands.COMMANDS)} subcommands with release {release}")
    assert compared > 140


def test_create_and_set_share_the_guest_table() -> None:
    create, change = commands.COMMANDS["pct create"].options, commands.COMMANDS["pct set"].options
    assert set(create) & set(change) == set(options.GUEST)
    assert set(create) - set(change) == set(commands.CREATE)
    assert set(change) - set(create) == set(commands.SET)


def test_the_options_that_a_file_may_give() -> None:
    given = {name: option.change for name, option in options.GUEST.items() if option.change}
    assert given == {name: change for change, names in CHANGES.items() for name in names.split()}


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("net0", "net"),
        ("net31", "net"),
        ("mp255", "mp"),
        ("unused0", "unused"),
        ("memory", "memory"),
        ("net", ""),
        ("net32", ""),
        ("net007", ""),
        ("net00", ""),
        ("net-1", ""),
        ("net٣", ""),
        ("net1000000", ""),
        ("memory0", ""),
        ("mp256", ""),
        ("0", ""),
        ("", ""),
    ],
)
def test_numbered_names(name: str, found: str) -> None:
    option = options.lookup(options.GUEST, name)
    assert (option.name if option else "") == found


def test_what_only_nine_has_is_not_known_to_eight() -> None:
    assert "entrypoint" in options.known(options.GUEST, 9)
    assert "entrypoint" not in options.known(options.GUEST, 8)
