"""Values: small frozen records of named fields, such as typing.NamedTuple makes, without its cost at every start.

Importing typing and building named tuples takes as long as everything else a manager does when there is nothing
to do; dataclasses take longer still.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from typing_extensions import Self, dataclass_transform
else:

    def dataclass_transform(**_: object):
        """At run time the mark for type checkers does nothing."""
        return lambda cls: cls


@dataclass_transform(frozen_default=True)
class Value:
    """A record whose fields are the annotations of its class, in order; a field may have a default. Frozen."""

    def __init__(self, *values: Any, **named: Any) -> None:
        fields = type(self).__annotations__
        given = dict(zip(fields, values), **named) if values else named
        if not _required(type(self)) <= given.keys() <= fields.keys() or len(values) > len(fields):
            raise TypeError(f"{type(self).__name__} takes {', '.join(fields)}")
        self.__dict__.update(given)

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"{type(self).__name__}.{name} is frozen")

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and self.fields() == other.fields()  # type: ignore[attr-defined]

    def __hash__(self) -> int:
        return hash(tuple(self.fields().values()))

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{name}={value!r}' for name, value in self.fields().items())})"

    def fields(self) -> dict[str, Any]:
        """Every field with its value."""
        return {name: getattr(self, name) for name in type(self).__annotations__}

    def but(self, **changed: Any) -> Self:
        """The same record with other values for some fields."""
        return type(self)(**{**self.__dict__, **changed})


_without_default: dict[type, frozenset[str]] = {}


def _required(cls: type) -> frozenset[str]:
    """The fields of a class that have no default."""
    if cls not in _without_default:
        _without_default[cls] = frozenset(name for name in cls.__annotations__ if not hasattr(cls, name))
    return _without_default[cls]
