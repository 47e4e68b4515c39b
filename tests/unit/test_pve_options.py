"""The option table: equal to the schemas of the real tools, and right about numbered names."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from phoenix.pve import options
from phoenix.pve.options import Command, Option
from phoenix.pve.tables import container, pct, pveam, pvesh, pvesm, qm

if TYPE_CHECKING:
    from collections.abc import Mapping

SCHEMAS = Path(__file__).resolve().parents[3] / "shared" / "pve" / "transcripts"
TABLES = {"pct": pct, "pveam": pveam, "pvesh": pvesh, "pvesm": pvesm, "qm": qm}
CHANGES = {
    "live": "hostname cores cpulimit cpuunits memory swap net onboot startup tags description protection hookscript",
    "restart": "arch cmode console debug dev entrypoint features nameserver ostype searchdomain timezone tty",
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


def as_schema(option: Option, release: int, *, named: bool) -> dict[str, Any]:
    """An option in the words of the schema; a property string as its keys."""
    out: dict[str, Any] = {"optional": not option.required}
    words = {
        "type": None if option.type == "any" else option.type,
        "minimum": None if option.low is None else number(option.low),
        "maximum": None if option.high is None else number(option.high),
        "enum": list(option.enum) or None,
        "format": option.format or None,
        "property_string": keys(option.properties, release) or None,
        "pattern": option.pattern or None,
        "maxLength": option.length or None,
        "minLength": option.shortest or None,
        "numbered": [0, option.last] if option.last >= 0 else None,
        "default": option.default or None,
        "requires": option.requires or None,
        "default_key": option.bare or None,
        "alias": option.alias or None,
        "keyAlias": option.key_alias or None,
        "name": option.name if named else None,
    }
    return {**out, **{key: value for key, value in words.items() if value is not None}}


def keys(table: Mapping[str, Option], release: int) -> dict[str, Any]:
    return {name: as_schema(option, release, named=False) for name, option in options.known(table, release).items()}


def resolved(limits: dict[str, Any], formats: dict[str, Any]) -> dict[str, Any]:
    """What the schema says of an option, with the keys of its property string in place of their name."""
    name = limits.get("property_string")
    return {**limits, "property_string": formats[name]} if name else limits


def compare_command(command: Command, wanted: dict[str, Any], formats: dict[str, Any], release: int, where: str) -> int:
    """How many options and keys of property strings were found equal."""
    positional = [resolved(limits, formats) for limits in wanted["positional"]]
    here = [option.eight if release < 9 and option.eight else option for option in command.positional]
    assert [as_schema(option, release, named=True) for option in here] == positional, where
    mine = keys(command.options, release)
    assert sorted(mine) == sorted(wanted["options"]), where
    for name, limits in wanted["options"].items():
        assert mine[name] == resolved(limits, formats), f"{where} {name}"
    found = [*positional, *(resolved(limits, formats) for limits in wanted["options"].values())]
    return sum(1 + len(limits.get("property_string", ())) for limits in found)


@pytest.mark.parametrize("release", [8, 9])
@pytest.mark.parametrize("tool", TABLES)
def test_the_tables_are_those_of_the_real_tools(tool: str, release: int) -> None:
    found = schema(release)
    table, compared = TABLES[tool], 0
    mine = {name: command for name, command in table.COMMANDS.items() if command.since <= release <= command.until}
    aliases = {name: name_of for name, name_of in table.ALIASES.items() if name_of in mine}
    wanted = found["tools"][tool]
    assert {name: entry["alias"] for name, entry in wanted.items() if "alias" in entry} == aliases
    assert sorted(mine) == sorted(name for name in wanted if name not in aliases)
    for name, command in mine.items():
        compared += compare_command(command, wanted[name], found["formats"], release, f"{tool} {name}")
    print(f"compared {compared} options and keys of {len(mine)} subcommands of {tool} with release {release}")
    assert compared >= len(mine)


def test_create_and_set_share_the_guest_table() -> None:
    create, change = pct.COMMANDS["create"].options, pct.COMMANDS["set"].options
    assert set(create) & set(change) == set(container.GUEST)
    assert set(create) - set(change) == {*pct.CREATE, "restore"}
    assert set(change) - set(create) == set(pct.SET)


def test_the_options_that_a_file_may_give() -> None:
    given = {option.name: option.change for option in container.GUEST.values() if option.change}
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
    option = options.lookup(container.GUEST, name)
    assert (option.name if option else "") == found


def test_what_only_nine_has_is_not_known_to_eight() -> None:
    assert "entrypoint" in options.known(container.GUEST, 9)
    assert "entrypoint" not in options.known(container.GUEST, 8)
