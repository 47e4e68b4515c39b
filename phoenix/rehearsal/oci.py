"""OCI images in a plain .tar: what they say of themselves, and their layers one over the other."""

from __future__ import annotations

import os

from phoenix.rehearsal import archives, jsons

TYPE_CHECKING = False
if TYPE_CHECKING:
    import tarfile
    from typing import IO, Any

_INDEXES = ("application/vnd.oci.image.index.v1+json", "application/vnd.docker.distribution.manifest.list.v2+json")
_MOST_INDEXES = 4


def is_image(path: str) -> bool:
    """Whether an archive has the layout of an OCI image."""
    import tarfile

    try:
        with tarfile.open(path, "r:") as archive:
            names = archive.getnames()
    except (tarfile.TarError, OSError, EOFError):
        return False
    return "oci-layout" in names and "index.json" in names and any(name.startswith("blobs/") for name in names)


def unpack(path: str, root: str) -> dict[str, Any]:
    """Unpack an image into a folder; returns its configuration (Entrypoint, Env, ...). Unreadable if it is broken."""
    import tarfile

    try:
        with tarfile.open(path, "r:") as archive:
            manifest = _manifest(archive)
            config = jsons.read(_blob(archive, manifest["config"]["digest"]).read().decode())
            for layer in manifest["layers"]:
                archives.unpack(_plain(_blob(archive, layer["digest"])), root, whiteouts=True)
    except (tarfile.TarError, OSError, EOFError, ValueError, KeyError, TypeError, IndexError) as error:
        raise archives.Unreadable(f"{type(error).__name__}: {error}") from error
    found = config.get("config") or {}
    return found if isinstance(found, dict) else {}


def _manifest(archive: tarfile.TarFile) -> Any:
    """The manifest of the image for this machine; an index may name others."""
    import platform

    machine = {"aarch64": "arm64", "x86_64": "amd64"}.get(platform.machine(), platform.machine())
    index = archive.extractfile("index.json")
    found = jsons.read(index.read().decode()) if index is not None else {}
    for _ in range(_MOST_INDEXES):
        entries = found["manifests"]
        fit = (entry for entry in entries if entry.get("platform", {}).get("architecture") == machine)
        entry = next(fit, entries[0])
        found = jsons.read(_blob(archive, entry["digest"]).read().decode())
        if entry.get("mediaType") not in _INDEXES and "manifests" not in found:
            break
    return found


def _blob(archive: tarfile.TarFile, digest: str) -> IO[bytes]:
    kind, _, value = digest.partition(":")
    file = archive.extractfile(f"blobs/{kind}/{value}")
    if file is None:
        raise ValueError(f"{digest} is not there")
    return file


def _plain(file: IO[bytes]) -> IO[bytes]:
    """A layer as a file of its own, which a program can be given."""
    import shutil
    import tempfile

    copy = tempfile.TemporaryFile()  # noqa: SIM115 - it is closed by who reads it
    shutil.copyfileobj(file, copy)
    copy.seek(0, os.SEEK_SET)
    return copy
