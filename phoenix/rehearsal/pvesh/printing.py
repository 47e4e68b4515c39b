"""Printing of what the API answers: as JSON, YAML, or a table."""

from __future__ import annotations

from phoenix.rehearsal.speech import say, write

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def show(value: Any, form: str, *, border: bool = True) -> None:
    """Print a value in one of pvesh's formats."""
    if form == "json":
        import json

        write(1, json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False))
    elif form == "json-pretty":
        import json

        say(json.dumps(value, sort_keys=True, indent=3, separators=(",", " : "), ensure_ascii=False))
    elif form == "yaml":
        say("---\n" + "\n".join(_yaml(value, 0)))
    elif isinstance(value, list):
        _table([row if isinstance(row, dict) else {"value": row} for row in value], border=border)
    elif isinstance(value, dict):
        _table([{"key": key, "value": value[key]} for key in sorted(value)], border=border, line_each=True)
    elif value is not None:
        say(str(value))


def _yaml(value: Any, depth: int) -> list[str]:
    indent = "  " * depth
    if isinstance(value, dict):
        lines = []
        for key in sorted(value):
            if isinstance(value[key], (dict, list)) and value[key]:
                lines += [f"{indent}{key}:", *_yaml(value[key], depth + (not isinstance(value[key], list)))]
            else:
                lines.append(f"{indent}{key}: {_scalar(value[key])}")
        return lines or [indent + "{}"]
    if isinstance(value, list):
        lines = []
        for item in value:
            first, *rest = _yaml(item, depth + 1)
            lines += [f"{indent}- {first.lstrip()}", *rest]
        return lines or [indent + "[]"]
    return [indent + _scalar(value)]


def _scalar(value: Any) -> str:
    if value is None:
        return "~"
    text = str(value)
    if isinstance(value, str) and (not text or _is_number(text) or text[0] in "-:#[]{}!&*'\"%@`~ "):
        return f"'{text}'"
    return text if not isinstance(value, (dict, list)) else ("{}" if isinstance(value, dict) else "[]")


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _table(rows: list[dict[str, Any]], *, border: bool, line_each: bool = True) -> None:
    names = sorted({name for row in rows for name in row})
    if not names:
        return
    cells = [[_cell(row.get(name)) for name in names] for row in rows]
    widths = [max(len(line[place]) for line in [names, *cells]) for place in range(len(names))]
    if not border:
        for line in [names, *cells]:
            say(" ".join(f"{cell:<{width}}" for cell, width in zip(line, widths)))
        return
    say("┌" + "┬".join("─" * (width + 2) for width in widths) + "┐")
    _row(names, widths)
    say("╞" + "╪".join("═" * (width + 2) for width in widths) + "╡")
    for place, line in enumerate(cells):
        if place and line_each:
            say("├" + "┼".join("─" * (width + 2) for width in widths) + "┤")
        _row(line, widths)
    say("└" + "┴".join("─" * (width + 2) for width in widths) + "┘")


def _row(cells: list[str], widths: list[int]) -> None:
    say("│" + "│".join(f" {cell:<{width}} " for cell, width in zip(cells, widths)) + "│")


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, (dict, list)):
        import json

        return json.dumps(value, sort_keys=True, separators=(",", ":"))
    return str(value)
