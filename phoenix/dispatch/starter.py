"""`init`: a commented configuration to start from; never over what is there."""

from __future__ import annotations

import os

from phoenix import files, output


def write(tree: str, folder: str, command: str) -> int:
    """Copy the starter configuration of this build to `folder`, file by file; existing files stay.

    `command` is how the user started Phoenix, for the hint at the end.
    """
    source = tree + "/starter"
    for here, folders, names in os.walk(source):
        folders.sort()
        files.make_folder(folder + here[len(source) :])
        for name in sorted(names):
            target = folder + here[len(source) :] + "/" + name
            with open(f"{here}/{name}", "rb") as file:
                made = files.create(target, file.read())
            output.text(("wrote    " if made else "kept     ") + target)
    output.text(f"next:    {command} check; {command} setup --dry-run; {command} plan 9001; {command} create 9001")
    return 0
