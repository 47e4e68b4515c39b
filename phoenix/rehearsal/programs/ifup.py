"""`ifup`: only its check of a file, as ifupdown2 3.0.0 was run: what it says, and that it ends with 1 then."""

from __future__ import annotations

import sys

from phoenix.pve import interfaces
from phoenix.rehearsal import speech
from phoenix.rehearsal.failures import WrongUsage

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from phoenix.pve.interfaces import Block
    from phoenix.rehearsal.tree import Tree

_METHODS = ("static", "manual", "loopback", "dhcp", "dhcp6", "ppp", "tunnel")


def run(_tree: Tree, words: list[str]) -> int:
    """Take `--syntax-check -a -i -`: the file is on standard input."""
    if words != ["--syntax-check", "-a", "-i", "-"]:
        raise WrongUsage("ifup: error: the rehearsal node has no `ifup " + " ".join(words) + "`", 2)
    wrong = list(complaints("None", sys.stdin.buffer.read().decode("utf-8", "surrogateescape")))
    for line in wrong:
        speech.complain(line)
    return int(bool(wrong))


def complaints(path: str, text: str) -> Iterator[str]:
    """What is wrong with a file."""
    number = 1
    for block in interfaces.parse(text):
        if block.name and (block.method not in _METHODS and block.family):
            yield f"error: {path}: line{number}: iface {block.name}: unsupported address method '{block.method}'"
        number += bool(block.head)
        for line in block.body:
            name, value = interfaces.option(line)
            if name and not block.name:
                yield f"error: {path}: line{number}: error processing line '{line.strip()}'"
            elif name and not value:
                yield f"error: {path}: line{number}: iface {block.name}: invalid syntax '{line.strip()}'"
            number += line.count("\n")
        yield from _values(block)


def _values(block: Block) -> Iterator[str]:
    """What is wrong with the values of a stanza, as far as Phoenix does not know it better itself."""
    for line in block.body:
        name, value = interfaces.option(line)
        says = f'warning: {block.name}: {name}: invalid value "{value}": valid attribute values: '
        if name == interfaces.ADDRESS and not interfaces.interface(value):
            yield says + "['<ipv4/prefixlen>', '<ipv6/prefixlen>']"
        elif name == interfaces.GATEWAY and not interfaces.interface(value):
            yield says + "['<ipv4>', '<ipv6>']"
        elif name == "bridge-ports" and value == "none":
            yield says + "['<interface-list>']"
        elif name == "mtu" and not (value.isdigit() and 552 <= int(value) <= 9216):
            yield f'warning: {block.name}: mtu: value of out range "{value}": valid attribute range: 552-9216'
