"""Paths in a folder that stands for another system's root: links in it never lead out of it."""

from __future__ import annotations

import os

_MOST_LINKS = 40
"""How many links the kernel follows before it gives up."""


def resolve(root: str, path: str, *, last: bool = True) -> str:
    """`path` of the system in `root` as a path of this machine, its links followed (the last one if `last`).

    What does not exist is taken as it stands. OSError if links go round in circles.
    """
    left = [part for part in path.split("/") if part]
    found: list[str] = []
    links = 0
    while left:
        part = left.pop(0)
        if part == ".":
            continue
        if part == "..":
            found = found[:-1]
            continue
        here = "/".join([root, *found, part])
        if (left or last) and os.path.islink(here):
            links += 1
            if links > _MOST_LINKS:
                raise OSError(40, "Too many levels of symbolic links", path)
            target = os.readlink(here)
            if target.startswith("/"):
                found = []
            left = [step for step in target.split("/") if step] + left
            continue
        found.append(part)
    return "/".join([root, *found])
