"""Tables: what a section of hypervisor.toml may say, and its values in one form: texts, lists of texts, tables."""

from __future__ import annotations

from phoenix.guests import values

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any, Union

    from phoenix.config.faults import Faults
    from phoenix.pve.options import Option

    Schema = Mapping[str, Union[Option, "Many"]]
    Table = dict[str, Any]


class Many:
    """A list of values that `each` describes."""

    def __init__(self, each: Option) -> None:
        self.each = each
        self.required = each.required


def decode(schema: Schema, key: str, table: Any, faults: Faults) -> Table:
    """What a table says: a text for each option (a boolean is "1" or "0"), a list of texts for each `Many`.

    What is wrong is noted, and is not in the result; nor is what the table does not say.
    """
    if not isinstance(table, dict):
        faults.add(key, "a table", table)
        return {}
    found: Table = {}
    for name, value in table.items():
        form = schema.get(name)
        if form is None:
            values.unknown(key, name, list(schema), faults)
        elif isinstance(form, Many):
            found[name] = many(form.each, f"{key}.{name}", value, faults)
        else:
            text = values.decode_scalar(form, f"{key}.{name}", value, faults)
            if text is not None:
                found[name] = text
    for name, form in schema.items():
        if form.required and name not in table:
            faults.say(f"{key}.{name}", "missing")
    return found


def many(each: Option, key: str, value: Any, faults: Faults) -> list[str]:
    """The texts of a list."""
    if not isinstance(value, list):
        faults.add(key, f"a list, each {values.expectation(each)}", value)
        return []
    found = [values.decode_scalar(each, f"{key}.{place}", item, faults) for place, item in enumerate(value)]
    return [text for text in found if text is not None]


def named(schema: Schema, name: Option, key: str, table: Any, faults: Faults) -> dict[str, Table]:
    """The tables of a table, by their names, which `name` describes: [zfs.pools.NAME], each as `schema` has it."""
    if not isinstance(table, dict):
        faults.add(key, f"a table for each name, as [{key}.NAME]", table)
        return {}
    found = {}
    for word, item in table.items():
        if values.decode_scalar(name, f"{key}.{word}", word, faults) is not None:
            found[word] = decode(schema, f"{key}.{word}", item, faults)
    return found


def listed(schema: Schema, key: str, value: Any, faults: Faults) -> list[Table]:
    """The tables of a list: [[nfs.exports]], each as `schema` has it."""
    if not isinstance(value, list):
        faults.add(key, f"a list of tables, as [[{key}]]", value)
        return []
    return [decode(schema, f"{key}.{place}", item, faults) for place, item in enumerate(value)]


def part(table: Any, key: str, known: tuple[str, ...], faults: Faults) -> dict[str, Any]:
    """A section that has parts of its own: they are checked by name only."""
    if not isinstance(table, dict):
        faults.add(key, "a table", table)
        return {}
    for name in table:
        if name not in known:
            values.unknown(key, name, list(known), faults)
    return {name: table[name] for name in known if name in table}
