"""Unpacking: what a template or a backup puts on the disk of a new container, and what is found there."""

from __future__ import annotations

import os

from phoenix.pve import formats
from phoenix.rehearsal import archives, templates, volumes
from phoenix.rehearsal.failures import Failure
from phoenix.rehearsal.pct import mounts
from phoenix.rehearsal.speech import complain, count_warning, say

TYPE_CHECKING = False
if TYPE_CHECKING:
    from phoenix.pve.guestconf import GuestConf
    from phoenix.rehearsal.tree import Tree

PIPE = "-"
"""What is given instead of a backup to have it read from standard input."""
_COMPRESSIONS = {"gz": " -z", "bz2": " -j", "xz": " -J", "lzo": " --lzop", "zst": " --zstd"}
_FLAGS = (
    "--totals --one-file-system -p --sparse --numeric-owner --acls --xattrs '--xattrs-include=user.*' "
    "'--xattrs-include=security.capability' '--warning=no-file-ignored' '--warning=no-xattr-write'"
)
_MORE_FLAGS = "--skip-old-files --anchored --exclude './dev/*'"
_MAPPED = "lxc-usernsexec -m u:0:100000:65536 -m g:0:100000:65536 -- "


def find(tree: Tree, given: str) -> str:
    """The path, on the node, of a template or backup; Failure if it is not there."""
    if formats.is_volume_id(given):
        volumes.enabled(tree, volumes.split(given)[0])
        path = volumes.node_path(tree, given)
        if not os.path.exists(tree(path)):
            raise Failure(f"volume '{given}' does not exist")
    else:
        path = given
        if not os.path.isfile(tree.given(path)):
            raise Failure(f"can't find file '{path}'")
    return path


def template(tree: Tree, guest: str, conf: GuestConf, given: str, *, ignore_errors: bool) -> None:
    """Unpack a template, and take over what is found in it."""
    try:
        path = find(tree, given)
    except Failure as failure:
        if tree.release >= 9:  # it is looked at for the layout of an OCI image first
            complain(failure.text)
        raise
    found = image(tree, guest, conf, path) if tree.release >= 9 and path.endswith(".tar") else {}
    if not found:
        found = extract(tree, guest, conf, path, _known(tree, given), ignore_errors=ignore_errors)
    detect(tree, conf, found)
    if conf.options["ostype"] != "unmanaged" and templates.warns(found, conf.options.get("features", ""), tree.release):
        count_warning(f"Systemd {found['systemd']} detected. You may need to enable nesting.")
    fill(tree, conf, found)


def image(tree: Tree, guest: str, conf: GuestConf, path: str) -> dict[str, str]:
    """Unpack an OCI image; returns the facts about what is in it, none if it is an archive of another kind."""
    from phoenix.rehearsal import oci, systems
    from phoenix.rehearsal.pct import images

    if not oci.is_image(tree.given(path)):
        return {}
    return systems.of_folder(images.unpack(tree, guest, conf, path)).facts()


def fill(tree: Tree, conf: GuestConf, found: dict[str, str]) -> None:
    """Note on the container's disk which system is on it."""
    volume = mounts.volume("rootfs", conf.options["rootfs"])
    if volume:
        volumes.fill(tree, volume, templates.show(found))


def _known(tree: Tree, given: str) -> dict[str, str]:
    known = tree.facts.get("templates", {}).get(given, {})
    return known if isinstance(known, dict) else {}


def extract(
    tree: Tree, guest: str, conf: GuestConf, path: str, known: dict[str, str], *, ignore_errors: bool
) -> dict[str, str]:
    """Extract an archive; returns the facts about what is in it."""
    option = _compression(path)
    say(f"extracting archive '{path}'")
    real = tree.given(path)
    size = os.path.getsize(real)
    guessed = {**templates.facts(path, size, known), "bytes": str(size * 4 if size >= templates.TINY else 0)}
    if archives.is_blank(real):
        found = guessed  # it stands for one that this node was told of
    else:
        from phoenix.rehearsal import systems

        try:
            system = systems.of_archive(real)
            found = {**system.facts(), "archive": path, "bytes": guessed["bytes"]}
        except archives.Unsupported:
            found = guessed
        except archives.Unreadable:
            if not known and not ignore_errors:
                _fail(guest, conf, option)
            found = guessed
    say(f"Total bytes read: {size * 4} ({size * 4 >> 10}KiB, 100MiB/s)")
    return found


def piped(tree: Tree, guest: str, conf: GuestConf, wanted: str) -> tuple[dict[str, str], str]:
    """Unpack an archive from standard input at once; returns the facts, and the text of the file `wanted` in it."""
    import shutil
    import tempfile

    from phoenix.rehearsal import confined, systems
    from phoenix.rehearsal.pct import rootfs

    with tempfile.TemporaryFile() as copy:
        with open(0, "rb", closefd=False) as source:
            shutil.copyfileobj(source, copy)
        copy.seek(0)
        root = rootfs.new(tree, guest)
        try:
            archives.unpack(copy, root)
        except archives.Unreadable:
            _fail(guest, conf, "")
    inside = confined.resolve(root, wanted)
    text = ""
    if os.path.isfile(inside):
        with open(inside, encoding="utf-8", errors="replace") as file:
            text = file.read()
        os.unlink(inside)
    return systems.of_folder(root).facts(), text


def _compression(path: str) -> str:
    """The option with which tar unpacks a file, by its name; Failure if it is not the name of an archive."""
    words = path.rpartition("/")[2].split(".")
    if words[-1] == "tar" and len(words) > 1:
        return ""
    if len(words) < 3 or words[-2] != "tar":
        raise Failure(f"file does not look like a template archive: {path}")
    if words[-1] not in _COMPRESSIONS:
        raise Failure(f"unrecognized compression format: .{words[-1]}")
    return _COMPRESSIONS[words[-1]]


def _fail(guest: str, conf: GuestConf, option: str) -> None:
    if option:
        complain("tar: Child returned status 1\ntar: Error is not recoverable: exiting now")
    else:
        complain("tar: This does not look like a tar archive\ntar: Exiting with failure status due to previous errors")
    mapped = _MAPPED if conf.options.get("unprivileged") == "1" else ""
    command = f"{mapped}tar xpf -{option} {_FLAGS} -C /var/lib/lxc/{guest}/rootfs {_MORE_FLAGS}"
    raise Failure(f"command '{command}' failed: exit code 2")


def detect(tree: Tree, conf: GuestConf, found: dict[str, str]) -> None:
    """Take over the kind of system and the architecture that were found, where nothing else was asked for."""
    given, detected = conf.options.get("ostype"), found["ostype"]
    if given != "unmanaged":
        if detected == "unmanaged":
            complain("/etc/os-release file not found and autodetection failed, falling back to 'unmanaged'")
        if given and given != detected:
            complain(f"got unexpected ostype ({detected} != {given})")
        conf.options["ostype"] = detected
    _detect_architecture(tree, conf, found)


def _detect_architecture(tree: Tree, conf: GuestConf, found: dict[str, str]) -> None:
    if "arch" in conf.options:
        return
    if conf.options["ostype"] != "unmanaged" and found["arch"]:
        conf.options["arch"] = found["arch"]
        say(f"Detected container architecture: {found['arch']}")
        return
    if conf.options["ostype"] != "unmanaged":
        complain("Architecture detection failed: open '/bin/sh' failed: No such file or directory\n")
    elif tree.release < 9:
        complain("implement me in sub-class\n at /usr/share/perl5/PVE/LXC/Setup.pm line 234.")
        complain("Architecture detection failed: error in setup task (eval)")
    conf.options["arch"] = "amd64"
    say("Falling back to amd64.\nUse `pct set VMID --arch ARCH` to change.")
