"""`pvesm export` and `import`: a volume as a stream that begins with its size in eight bytes."""

from __future__ import annotations

import os

from phoenix.pve import formats
from phoenix.rehearsal import imagefiles, volumes
from phoenix.rehearsal.failures import Failure
from phoenix.rehearsal.speech import complain, say

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import BinaryIO

    from phoenix.rehearsal.tree import Tree

_CLASSES = {
    "btrfs": "BTRFSPlugin", "cephfs": "CephFSPlugin", "cifs": "CIFSPlugin", "dir": "DirPlugin", "esxi": "ESXiPlugin",
    "glusterfs": "GlusterfsPlugin", "iscsi": "ISCSIPlugin", "iscsidirect": "ISCSIDirectPlugin", "lvm": "LVMPlugin",
    "lvmthin": "LvmThinPlugin", "nfs": "NFSPlugin", "pbs": "PBSPlugin", "rbd": "RBDPlugin", "zfs": "ZFSPlugin",
    "zfspool": "ZFSPoolPlugin",
}  # fmt: skip
"""What the classes are called that say what they cannot do."""
_WITH_SNAPSHOTS = ("qcow2", "vmdk")
_PART = 1 << 20


def _class(tree: Tree, volume: str) -> str:
    kind = volumes.existing(tree, volumes.split(volume)[0]).type
    return "PVE::Storage::" + _CLASSES.get(kind, "Plugin")


def export(tree: Tree, given: dict[str, str]) -> int:
    """Write a volume to a file or to standard output."""
    volume, target = given["volume"], given["filename"]
    if target == "-":
        with os.fdopen(os.dup(1), "wb") as stream:
            _export(tree, given, volume, stream)
        return 0
    try:
        stream = open(tree.given(target), "wb")  # noqa: SIM115 - removed again if nothing comes of it
    except OSError as error:
        raise Failure(f"open({target}): {error.strerror}", error.errno or 255) from error
    try:
        with stream:
            _export(tree, given, volume, stream)
    except Failure:
        os.unlink(tree.given(target))
        raise
    return 0


def _export(tree: Tree, given: dict[str, str], volume: str, stream: BinaryIO) -> None:
    if not formats.is_volume_id(volume):
        raise Failure(f"cannot export volume '{volume}'")
    form, _, _ = given["format"].partition("+")
    refused = Failure(f"volume export format {given['format']} not available for {_class(tree, volume)}")
    storage = volumes.existing(tree, volumes.split(volume)[0])
    held = volumes.form(tree, volume)
    together = given.get("with-snapshots") == "1" or "snapshot-list" in given
    wanted = "qcow2 vmdk" if together else "tar" if held == "subvol" else "raw"
    if not storage.is_files() and storage.type not in ("lvm", "lvmthin"):
        raise refused
    if form not in wanted.split() or (together and held != form) or "snapshot" in given or "base" in given:
        raise refused
    size = volumes.size(tree, volume)
    path = tree(volumes.node_path(tree, volume))
    if size is None:
        shown = volumes.node_path(tree, volume)
        complain(f"failed to stat '{shown}'\ndd: failed to open '{shown}': No such file or directory")
        raise Failure(f"command 'dd 'if={shown}' 'bs=4k' 'status=progress'' failed: exit code 1")
    stream.write(size.to_bytes(8, "little"))
    if form == "tar":
        _pack(path, stream)
    else:
        _write_image(path, size if form == "raw" else os.path.getsize(path), stream, whole=form != "raw")


def _write_image(path: str, length: int, stream: BinaryIO, *, whole: bool) -> None:
    """Write an image as dd does: the file itself, or for one of another format what is on it."""
    raw = whole or imagefiles.kind(path) == "raw"
    head = b"" if raw else imagefiles.read_text(path).encode()
    with open(path, "rb") as file:
        done = 0
        while done < length:
            part = file.read(min(_PART, length - done)) if raw else b""
            part = part or (head + bytes(min(_PART, length - done)))[: min(_PART, length - done)]
            head = b""
            if any(part) or not stream.seekable():
                stream.write(part)
            else:
                stream.seek(len(part), os.SEEK_CUR)
            done += len(part)
    if stream.seekable():
        stream.truncate(stream.tell())
    _count(length, 4096)


def _count(length: int, block: int) -> None:
    """What dd says at its end."""
    whole, rest = divmod(length, block)
    records = f"{whole}+{int(bool(rest))} records"
    complain(f"{records} in\n{records} out\n{length} bytes ({_human(length)}) copied, 0.5 s, {_rate(length)}/s")


def _human(length: int) -> str:
    shown = []
    for base, units in ((1000, ("kB", "MB", "GB", "TB")), (1024, ("KiB", "MiB", "GiB", "TiB"))):
        count, unit = float(length), "B"
        for larger in units:
            if count < base:
                break
            count, unit = count / base, larger
        shown.append(f"{count:.1f} {unit}" if count < 10 else f"{count:.0f} {unit}")
    return ", ".join(shown)


def _rate(length: int) -> str:
    return _human(length * 2).partition(",")[0]


def _pack(path: str, stream: BinaryIO) -> None:
    import tarfile

    with tarfile.open(fileobj=stream, mode="w|") as archive:
        archive.add(path, arcname=".")


def bring_in(tree: Tree, given: dict[str, str]) -> int:
    """Make a volume of what `pvesm export` wrote."""
    source = given["filename"]
    if source == "-":
        stream: BinaryIO = os.fdopen(os.dup(0), "rb")
    elif source.startswith(("tcp://", "unix://")):
        raise Failure("failed to open socket: Network is unreachable")
    else:
        try:
            stream = open(tree.given(source), "rb")  # noqa: SIM115 - closed below
        except OSError as error:
            raise Failure(f"open({source}): {error.strerror}", error.errno or 255) from error
    with stream:
        made = _import(tree, given, stream)
    if "delete-snapshot" in given:
        volumes.drop_snapshot(tree, made, given["delete-snapshot"])
    say(f"successfully imported '{made}'")
    return 0


def _check(tree: Tree, given: dict[str, str]) -> str:
    """Failure if such a stream cannot become such a volume; returns what the stream holds."""
    volume, form = given["volume"], given["format"]
    if not formats.is_volume_id(volume):
        raise Failure(f"cannot import into volume '{volume}'")
    storage = volumes.existing(tree, volumes.split(volume)[0])
    data, plus, _ = form.partition("+")
    if storage.type in ("zfspool", "rbd") or not plus:
        word = "unsupported import stream format for" if storage.type == "zfspool" else ""
        name = _class(tree, volume)
        raise Failure(f"{word} {name}: {form}" if word else f"volume import format '{form}' not available for {name}")
    together = given.get("with-snapshots") == "1"
    if together != (data in _WITH_SNAPSHOTS):
        raise Failure(f"format {form} cannot be imported {'with' if together else 'without'} snapshots")
    held = volumes.form(tree, volume)
    if data != held and (data, held) != ("tar", "subvol"):
        raise Failure(f"cannot import format {form} into a file of format {held}")
    return data


def _import(tree: Tree, given: dict[str, str], stream: BinaryIO) -> str:
    data = _check(tree, given)
    volume = given["volume"]
    storage, name = volumes.split(volume)
    path, file = volumes.node_path(tree, volume), name.rpartition("/")[2]
    if volumes.exists(tree, volume):
        files = volumes.existing(tree, storage).is_files()
        what = f"file '{path}'" if files else f"volume {path[len('/dev/') :]}"
        if given.get("allow-rename") != "1":
            raise Failure(f"{what} already exists")
        complain(f"{what} already exists - importing with a different name")
        file = ""
    head = stream.read(8)
    if len(head) < 8:
        raise Failure("import: no size found in export header, aborting.")
    size, found = int.from_bytes(head, "little"), volumes.existing(tree, storage)
    held = volumes.form(tree, volume)
    made = volumes.allocate(tree, found, volumes.owner(tree, volume), -(-size // 1024), held, file)
    target = tree(volumes.node_path(tree, made))
    if data == "tar":
        _unpack(target, stream)
    else:
        _count(_read_image(target, stream), 1 << 16)
    return made


def _read_image(path: str, stream: BinaryIO) -> int:
    """Take an image in; blocks of nothing stay holes. Returns how many bytes came."""
    number = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
    done = 0
    try:
        os.ftruncate(number, 0)
        for part in iter(lambda: stream.read(_PART), b""):
            if any(part):
                os.pwrite(number, part, done)
            done += len(part)
        os.ftruncate(number, done)
    finally:
        os.close(number)
    return done


def _unpack(path: str, stream: BinaryIO) -> None:
    """Take the files and folders of an archive in, those alone that stay below the folder."""
    import tarfile

    try:
        with tarfile.open(fileobj=stream, mode="r|") as archive:
            for member in archive:
                parts = member.name.split("/")
                if ".." in parts or member.name.startswith("/"):
                    continue
                target = os.path.join(path, member.name)
                content = archive.extractfile(member) if member.isfile() else None
                if member.isdir():
                    os.makedirs(target, exist_ok=True)
                elif content is not None:
                    with open(target, "wb") as file:
                        file.write(content.read())
    except tarfile.TarError as error:
        raise Failure(f"command 'tar -C {path} -xf -' failed: {error}") from error
