"""Printing of what the API answers: as JSON, YAML, or a table."""

from __future__ import annotations

from phoenix.rehearsal.pvesh.schemas import Schema
from phoenix.rehearsal.speech import say

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any, Final

_LITERAL = 30
"""A text of several lines that is longer than this is a block of its own in YAML."""
_UNITS = ("B", "KiB", "MiB", "GiB", "TiB", "PiB")
_SPANS = (("w", 604800), ("d", 86400), ("h", 3600), ("m", 60), ("s", 1))
_LINES = {
    True: ("┌─┬─┐", "╞═╪═╡", "├─┼─┤", "└─┴─┘", "│"),
    False: ("+-+-+", "+=+=+", "+-+-+", "+-+-+", "|"),
}
"""What a table is drawn with, in a locale that can say it and in one that cannot."""


def show(value: Any, given: Mapping[str, str], schema: Schema) -> None:
    """Print a value as the call's options ask for."""
    form = given.get("output-format", "text")
    if given.get("quiet") == "1":
        return
    if form == "json":
        import json

        say(json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False))
    elif form == "json-pretty":
        import json

        say(json.dumps(value, sort_keys=True, indent=3, separators=(",", " : "), ensure_ascii=False))
    elif form == "yaml":
        say("\n".join(_document(value)))
    elif isinstance(value, dict):
        names = [name for name in _columns([value], schema) if value.get(name) is not None]
        rows = [{"key": name, "value": _text(value[name], schema.shown.get(name, ""), given)} for name in names]
        table(rows, given, Schema("key value"))
    elif isinstance(value, list) and value and isinstance(value[0], dict):
        table(value, given, schema)
    elif isinstance(value, list):
        table([{"value": item} for item in value], {**given, "noheader": "1"}, Schema("value"))
    elif value is not None:
        say(str(value))


def _document(value: Any) -> list[str]:
    if isinstance(value, (dict, list)) and value:
        return ["---", *_yaml(value, 0)]
    return [f"--- {_scalar(value, 0)}"]


def _yaml(value: Any, depth: int) -> list[str]:
    """A mapping or a list in lines; a list is not indented under its key."""
    indent, lines = "  " * depth, []
    for key in sorted(value) if isinstance(value, dict) else range(len(value)):
        item = value[key]
        if isinstance(value, dict):
            begin = f"{indent}{_scalar(key, 0)}:"
            if isinstance(item, (dict, list)) and item:
                lines += [begin, *_yaml(item, depth + isinstance(item, dict))]
            else:
                lines.append(f"{begin} {_scalar(item, depth + 1)}")
        elif isinstance(item, (dict, list)) and item:
            first, *rest = _yaml(item, depth + 1)
            lines += [f"{indent}- {first[len(indent) + 2 :]}", *rest]
        else:
            lines.append(f"{indent}- {_scalar(item, depth + 1)}")
    return lines


def _scalar(value: Any, depth: int) -> str:
    if value is None:
        return "~"
    if isinstance(value, (dict, list)):
        return "{}" if isinstance(value, dict) else "[]"
    text = str(value)
    if not isinstance(value, str):
        return text
    if "\n" in text:
        if len(text) > _LITERAL:
            lines = text.rstrip("\n").split("\n")
            return "|" + ("" if text.endswith("\n") else "-") + "".join(f"\n{'  ' * depth}{line}" for line in lines)
        import json

        return json.dumps(text, ensure_ascii=False)
    return text if _is_plain(text) else "'" + text.replace("'", "''") + "'"


def _is_plain(text: str) -> bool:
    """Whether YAML takes a text as it is."""
    if not text or text != text.strip() or text in ("~", "null", "true", "false") or text[0] in "#,[]{}&*!|>'\"%@`":
        return False
    if text[0] in "-?:" and (len(text) == 1 or text[1] == " "):
        return False
    return ": " not in text and " #" not in text and not text.endswith(":") and not _is_number(text)


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _columns(rows: list[dict[str, Any]], schema: Schema) -> list[str]:
    others = {name for row in rows for name in row} if schema.all_others else set()
    return schema.columns + sorted(others - set(schema.columns))


def table(rows: list[dict[str, Any]], given: Mapping[str, str], schema: Schema) -> None:
    """A table of `rows`."""
    names = _columns(rows, schema)
    if not rows or not names:
        return
    first = schema.sort or names[0]
    plain = first in schema.numbers
    rows = sorted(rows, key=lambda row: (first in row, row.get(first) if plain else str(row.get(first))))
    cells = [[_text(row.get(name), schema.shown.get(name, ""), given).split("\n") for name in names] for row in rows]
    widths = [max(len(name), *(len(line) for row in cells for line in row[place])) for place, name in enumerate(names)]
    right = [name in schema.numbers for name in names]
    lines = [] if given.get("noheader") == "1" else [[name] for name in names]
    _draw(([lines] if lines else []) + cells, widths, right, given, headed=bool(lines))


def _draw(
    rows: list[list[list[str]]], widths: list[int], right: list[bool], given: Mapping[str, str], *, headed: bool
) -> None:
    import os

    locale = next((os.environ[name] for name in ("LC_ALL", "LC_CTYPE", "LANG") if os.environ.get(name)), "C")
    top, head, middle, bottom, bar = _LINES["UTF-8" in locale.upper().replace("UTF8", "UTF-8")]
    bordered = given.get("noborder") != "1"
    out = [_rule(top, widths)] if bordered else []
    for number, row in enumerate(rows):
        if bordered and number:
            out.append(_rule(head if headed and number == 1 else middle, widths))
        for place in range(max(len(cell) for cell in row)):
            parts = [cell[place] if place < len(cell) else "" for cell in row]
            padded = [
                text.rjust(width) if to_right else text.ljust(width)
                for text, width, to_right in zip(parts, widths, right)
            ]
            out.append(
                f"{bar} " + f" {bar} ".join(padded) + f" {bar}" if bordered else " ".join((*padded[:-1], parts[-1]))
            )
    if bordered:
        out.append(_rule(bottom, widths))
    if os.isatty(1):
        out = [line[: os.get_terminal_size(1).columns] for line in out]
    say("\n".join(out))


def _rule(kind: str, widths: list[int]) -> str:
    return kind[0] + kind[2].join(kind[1] * (width + 2) for width in widths) + kind[4]


def _text(value: Any, how: str, given: Mapping[str, str]) -> str:
    if value is None:
        return ""
    if how and given.get("human-readable") != "0" and not isinstance(value, (dict, list)):
        return _RENDERERS[how](value)
    if isinstance(value, (dict, list)):
        import json

        return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return str(value).rstrip("\n")


def _bytes(value: Any) -> str:
    number, unit = float(value), 0
    while number >= 1024 and unit < len(_UNITS) - 1:
        number, unit = number / 1024, unit + 1
    return f"{number:.2f} {_UNITS[unit]}"


def _duration(value: Any) -> str:
    rest, parts = int(value), []
    for unit, length in _SPANS:
        if rest >= length:
            parts.append(f"{rest // length}{unit}")
            rest %= length
    return " ".join(parts)


def _timestamp(value: Any) -> str:
    import time

    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(int(value)))


_RENDERERS: Final[Mapping[str, Callable[[Any], str]]] = {
    "boolean": lambda value: str(int(bool(value))),
    "bytes": _bytes,
    "duration": _duration,
    "percent": lambda value: f"{100 * float(value):.2f}%",
    "timestamp": _timestamp,
}
