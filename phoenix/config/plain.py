"""Plain TOML: the lines of which nearly every file consists, read without tomli, and each of them once.

tomli and what it imports take longer to load than all else a manager does at its start, and of many guests' files most
lines are the same. A line that is whole in itself means the same wherever it stands, so that what it says is kept by
its text. Whatever is not in the commonest form is tomli's to judge, errors too; tests hold both to one answer.
"""

from __future__ import annotations

from phoenix.memo import Memo

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Optional

    Statement = Optional[tuple[str, Any, bool]]  # a key and its value, or the name of a table and True; None: nothing

MOST_BRACKETS = 40
MOST_DIGITS = 18
_BARE = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_")
_ENDS = frozenset(" ,]}#")
_WORDS = {"true": True, "false": False}

_known = Memo()


class NotPlain(Exception):
    """There is something that is not in the commonest form."""


def read(text: str) -> dict[str, Any] | None:
    """What a TOML document says, None for one that is not plain: that can be right, or wrong."""
    table: dict[str, Any] = {}
    here = table
    for line in text.split("\n"):
        try:
            said = _known[line]
        except KeyError:
            try:
                said = _known.keep(line, _statement(line))
            except NotPlain:
                return None
        if said is None:
            continue
        name, value, begins = said
        if begins:
            here = table
        if name in here:
            return None
        here[name] = {} if begins else value if isinstance(value, str) else _own(value)
        if begins:
            here = here[name]
    return table


def _own(value: Any) -> Any:
    """A value that is nobody else's to change."""
    if isinstance(value, list):
        return [_own(item) for item in value]
    return {name: _own(item) for name, item in value.items()} if isinstance(value, dict) else value


def _statement(line: str) -> Statement:
    """What a line says by itself."""
    if not line.isprintable() or line.count("[") + line.count("{") > MOST_BRACKETS:
        raise NotPlain
    at = _after_blanks(line, 0)
    if line[at : at + 1] in ("", "#"):
        return None
    begins = line[at] == "["
    name, at = _key(line, at + begins)
    value: Any = None
    if begins:
        at = _after(line, at, "]")
    else:
        value, at = _value(line, _after_blanks(line, _after(line, _after_blanks(line, at), "=")))
    if line[_after_blanks(line, at) :][:1] not in ("", "#"):
        raise NotPlain
    return name, value, begins


def _after_blanks(line: str, at: int) -> int:
    while line[at : at + 1] == " ":
        at += 1
    return at


def _after(line: str, at: int, mark: str) -> int:
    if line[at : at + 1] != mark:
        raise NotPlain
    return at + 1


def _key(line: str, at: int) -> tuple[str, int]:
    """The bare key that begins there, and where it ends."""
    end = at
    while line[end : end + 1] in _BARE:
        end += 1
    if end == at:
        raise NotPlain
    return line[at:end], end


def _value(line: str, at: int) -> tuple[Any, int]:
    """The value that begins there, and where it ends."""
    first = line[at : at + 1]
    if first == '"':
        return _text(line, at)
    if first == "[":
        return _array(line, at + 1)
    if first == "{":
        return _inline_table(line, at + 1)
    end = at
    while end < len(line) and line[end] not in _ENDS:
        end += 1
    word = line[at:end]
    if word in _WORDS:
        return _WORDS[word], end
    digits = word[1:] if word[:1] == "-" else word
    if not (digits.isascii() and digits.isdigit() and len(digits) <= MOST_DIGITS) or (digits[0] == "0" and word != "0"):
        raise NotPlain
    return int(word), end


def _text(line: str, at: int) -> tuple[str, int]:
    end = line.find('"', at + 1)
    word = line[at + 1 : end]
    if end < 0 or "\\" in word or line.startswith('"""', at):
        raise NotPlain
    return word, end + 1


def _array(line: str, at: int) -> tuple[list[Any], int]:
    found: list[Any] = []
    at = _after_blanks(line, at)
    while line[at : at + 1] != "]":
        value, at = _value(line, at)
        found.append(value)
        at = _after_blanks(line, at)
        if line[at : at + 1] != "]":
            at = _after_blanks(line, _after(line, at, ","))
    return found, at + 1


def _inline_table(line: str, at: int) -> tuple[dict[str, Any], int]:
    found: dict[str, Any] = {}
    at = _after_blanks(line, at)
    while line[at : at + 1] != "}":
        name, at = _key(line, at)
        if name in found:
            raise NotPlain
        found[name], at = _value(line, _after_blanks(line, _after(line, _after_blanks(line, at), "=")))
        at = _after_blanks(line, at)
        if line[at : at + 1] != "}":
            at = _after_blanks(line, _after(line, at, ","))
            if line[at : at + 1] == "}":
                raise NotPlain  # not every release of TOML has a comma there
    return found, at + 1
