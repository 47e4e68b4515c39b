"""Media: the files and folders of this machine that stand for volumes, copied and removed."""

from __future__ import annotations

import os

from phoenix.rehearsal import imagefiles


def protection(path: str) -> str:
    """The file that says that a backup is protected."""
    return path + ".protected"


def remove(path: str) -> None:
    """Remove a file or folder, if it is there."""
    import shutil

    if os.path.isdir(path) and not os.path.islink(path):
        shutil.rmtree(path)
    elif os.path.lexists(path):
        os.unlink(path)


def copy(source: str, target: str) -> None:
    """Copy a file or folder; holes stay holes."""
    if not os.path.isdir(source):
        imagefiles.copy(source, target)
        return
    import shutil

    shutil.copytree(source, target, symlinks=True, copy_function=imagefiles.copy)


def drop_folder(path: str) -> None:
    """Remove a folder if nothing is in it."""
    try:
        os.rmdir(path)
    except OSError:
        return  # other volumes are still in it
