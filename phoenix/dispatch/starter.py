"""`init`: a commented configuration to start from; never over what is there."""

from __future__ import annotations

import os

from phoenix import files, output
from phoenix.dispatch import library

SOURCE = "starter/"


def write(tree: str, folder: str, command: str) -> int:
    """Copy the starter configuration of this build to `folder`, file by file; existing files stay.

    `command` is how the user started Phoenix, for the hint at the end.
    """
    with library.opened(tree) as archive:
        for name in archive.namelist():
            if name.startswith(SOURCE):
                target = f"{folder}/{name[len(SOURCE) :]}"
                files.make_folder(os.path.dirname(target))
                made = files.create(target, archive.read(name))
                output.text(("wrote    " if made else "kept     ") + target)
    output.text(f"next:    {command} check; {command} setup --dry-run; {command} plan 9001; {command} create 9001")
    return 0
