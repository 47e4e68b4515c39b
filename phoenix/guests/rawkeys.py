"""Raw keys: the lxc.* lines of a container's file, which pct has no options for. Pure: text in, text out."""

from __future__ import annotations

import re

from phoenix.pve.guestconf import ENVIRONMENT

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from phoenix.config.faults import Faults

_KEY = re.compile(r"(lxc\.[a-z0-9_.-]+)(?:\s*[:=]\s*|\s+)(.*)", re.ASCII)
_IDMAP = re.compile(r"([ug]) (\d+) (\d+) ([1-9]\d*)", re.ASCII)
_PLAIN = re.compile(r"\w+=(?:[^\x00-\x08\x0a-\x1f\x7f]*[^\x00-\x20\x7f])?", re.ASCII)
"""A variable; a blank at its end would be lost."""


def decode(lines: Any, faults: Faults) -> tuple[str, ...]:
    """The lines of `lxc = [...]` as pct writes them: `lxc.key: value`."""
    if not isinstance(lines, list):
        faults.add("lxc", 'a list of lines, as ["lxc.idmap: u 0 100000 65536"]', lines)
        return ()
    found = []
    for line in lines:
        match = _KEY.fullmatch(line) if isinstance(line, str) and line.isprintable() else None
        if not match:
            faults.add("lxc", 'a line as "lxc.idmap: u 0 100000 65536"', line)
        elif match[1].startswith(ENVIRONMENT[:-1]):
            faults.say("lxc", f"{match[1]} belongs in env")
        elif match[1] == "lxc.idmap" and not _IDMAP.fullmatch(match[2].strip()):
            faults.add("lxc", 'an idmap as "lxc.idmap: u 0 100000 65536"', line)
        else:
            found.append(f"{match[1]}: {match[2].strip()}")
    return tuple(found)


def decode_environment(value: Any, faults: Faults) -> tuple[str, ...]:
    """The lines for `env`, a table or a list of NAME=value: pct itself can be given only one."""
    items = value
    if isinstance(value, dict) and all(isinstance(text, str) for text in value.values()):
        items = [f"{name}={text}" for name, text in value.items()]
    if not isinstance(items, list) or not all(isinstance(item, str) and _PLAIN.fullmatch(item) for item in items):
        faults.add("env", 'a table of texts, as { LANG = "C.UTF-8" }', value)
        return ()
    return tuple(f"{ENVIRONMENT} {item}" for item in items)


def id_maps(lines: Sequence[str]) -> list[tuple[str, int, int, int]]:
    """The maps of identities among raw lines: u or g, the first in the container, the first on the node, how many."""
    found = []
    for line in lines:
        match = _IDMAP.fullmatch(line[len("lxc.idmap: ") :]) if line.startswith("lxc.idmap: ") else None
        if match:
            found.append((match[1], int(match[2]), int(match[3]), int(match[4])))
    return found


def with_lines(text: str, lines: Sequence[str]) -> str:
    """A container's file with these raw lines, in this order, at the end of its main section, instead of its own."""
    head, section, rest = _split(text)
    kept = [line for line in head.split("\n") if not line.startswith("lxc.")]
    while kept and not kept[-1]:
        kept.pop()
    main = "\n".join([*kept, *sorted(lines, key=lambda line: not line.startswith(ENVIRONMENT))]) + "\n"
    return main + ("\n" + section + rest if section else "")


def _split(text: str) -> tuple[str, str, str]:
    """The main section, and the heading of the first other section with all that follows."""
    lines = text.split("\n")
    for place, line in enumerate(lines):
        if line.startswith("[") and line.rstrip().endswith("]"):
            return "\n".join(lines[:place]), line, "\n" * (place < len(lines) - 1) + "\n".join(lines[place + 1 :])
    return text, "", ""
