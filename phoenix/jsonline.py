"""JSON of one line, by the C half of Python's own module: the other half brings regular expressions, which take longer
to load than all that a manager does with JSON.
"""

from __future__ import annotations

import _json

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


class _Reading:
    """How a text is read: as the module json does."""

    strict = True
    object_hook = None
    object_pairs_hook = None
    parse_float = float
    parse_int = int
    parse_constant = float  # NaN, Infinity and -Infinity


def _other(value: object) -> None:
    raise TypeError(f"{type(value).__name__} is no JSON")


_read = _json.make_scanner(_Reading)  # type: ignore[arg-type]
_write = _json.make_encoder(None, _other, _json.encode_basestring_ascii, None, ": ", ", ", False, False, True)


def written(value: Any) -> str:
    """A value as json.dumps writes it."""
    return "".join(_write(value, 0))


def parsed(text: str) -> Any:
    """The value of a text without blanks around it. ValueError, also RecursionError, if it is no JSON."""
    try:
        value, end = _read(text, 0)
    except StopIteration as error:
        raise ValueError("no JSON") from error
    if end != len(text):
        raise ValueError("more than JSON")
    return value
