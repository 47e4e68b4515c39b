"""Backups of containers: archives with the configuration inside, as vzdump writes them."""

from __future__ import annotations

from phoenix.rehearsal.failures import Failure

TYPE_CHECKING = False
if TYPE_CHECKING:
    from phoenix.rehearsal.tree import Tree

_NAMES = ("./etc/vzdump/pct.conf", "etc/vzdump/pct.conf", "./etc/vzdump/vps.conf")


def configuration(tree: Tree, path: str) -> str:
    """The configuration of the container in a backup; Failure if the archive holds none."""
    import tarfile

    try:
        with tarfile.open(tree.given(path)) as archive:
            for name in _NAMES:
                if name in archive.getnames():
                    file = archive.extractfile(name)
                    if file is not None:
                        return file.read().decode("utf-8", "replace")
    except (tarfile.TarError, OSError, EOFError) as error:
        raise Failure(f"unable to read archive '{path}': {error}") from error
    raise Failure(f"archive '{path}' contains no configuration file")
