"""JSON without the json module, whose import takes as long as all the rest of a call."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any, ClassVar, Union

    Value = Union[None, bool, int, float, str, list["Value"], Mapping[str, "Value"]]


class _Rules:
    strict = True
    object_hook = None
    object_pairs_hook = None
    parse_float = float
    parse_int = int
    parse_constant = float
    memo: ClassVar[dict[str, str]] = {}


def read(text: str) -> Any:
    """The value in `text`; ValueError if it is none."""
    scanner = _quick("make_scanner")
    if scanner is None:
        import json

        return json.loads(text)
    try:
        return scanner(_Rules)(text.lstrip(), 0)[0]
    except StopIteration:
        raise ValueError("no JSON value") from None


def quote(text: str) -> str:
    """`text` as a JSON string."""
    quick = _quick("encode_basestring_ascii")
    if quick is None:
        import json

        return json.dumps(text)
    return str(quick(text))


def _quick(name: str) -> Any:
    """A part of what the json module is built on, None where Python has it otherwise."""
    try:
        return getattr(__import__("_json"), name, None)
    except ImportError:
        return None


def show(value: Value) -> str:
    """`value` as JSON in one line."""
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, str):
        return quote(value)
    if isinstance(value, (int, float)):
        return repr(value)
    if isinstance(value, list):
        return "[" + ", ".join(show(item) for item in value) + "]"
    return "{" + ", ".join(f"{quote(key)}: {show(item)}" for key, item in value.items()) + "}"
