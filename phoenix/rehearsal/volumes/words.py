"""Words: what qemu-img, mkfs and the tools of LVM say when they are called for a volume."""

from __future__ import annotations

import os

from phoenix.rehearsal.failures import Failure
from phoenix.rehearsal.speech import complain, say

TYPE_CHECKING = False
if TYPE_CHECKING:
    from phoenix.pve.storages import Storage


def preallocation(storage: Storage, form: str) -> str:
    """How much space is taken at once for a new image of this format."""
    wanted = storage.other.get("preallocation", "metadata" if form == "qcow2" else "off")
    return "off" if form == "raw" and wanted == "metadata" else wanted


def formatting(storage: Storage, path: str, form: str, size: int) -> None:
    """What qemu-img says of a new image."""
    space = f"preallocation={preallocation(storage, form)}"
    options = {
        "raw": f"size={size} {space}",
        "qcow2": f"cluster_size=65536 extended_l2=off {space} compression_type=zlib size={size} "
        "lazy_refcounts=off refcount_bits=16",
        "vmdk": f"size={size} compat6=off hwversion=undefined",
    }
    say(f"Formatting '{path}', fmt={form} {options[form]}")


def formatting_clone(storage: Storage, path: str, size: int, backing: str, form: str, release: int) -> None:
    """What qemu-img says of a new image that continues another, of format `form`."""
    clusters = "cluster_size=65536 extended_l2=off"
    if release >= 9:
        clusters = "cluster_size=131072 extended_l2=on"
        if form != "vmdk":
            clusters += f" preallocation={preallocation(storage, form)}"
    say(
        f"Formatting '{path}', fmt=qcow2 {clusters} compression_type=zlib size={size} backing_file={backing} "
        f"backing_fmt={form} lazy_refcounts=off refcount_bits=16"
    )


def file_system(kib: int) -> None:
    """What mkfs says of a new disk of a container."""
    block = 4 if kib >= 512 << 10 else 1
    blocks = kib // block
    first, group = (0, 32768) if block == 4 else (1, 8192)
    powers = sorted({base**power for base in (3, 5, 7) for power in range(12)})
    backups = [place * group + first for place in powers if place * group + first < blocks]
    say(f"Creating filesystem with {blocks} {block}k blocks and {blocks // 4} inodes")
    say(f"Filesystem UUID: {_uuid()}")
    say("Superblock backups stored on blocks: ")
    say("\t" + ", ".join(str(place) for place in backups))


def _uuid() -> str:
    text = os.urandom(16).hex()
    return f"{text[:8]}-{text[8:12]}-4{text[13:16]}-a{text[17:20]}-{text[20:]}"


def refuse_resize(release: int, path: str, form: str, size: int, reason: str) -> None:
    """Fail as qemu-img does with a file that must not be changed."""
    complain(f"qemu-img: Could not open '{path}': Could not open '{path}': {reason}")
    options = "" if release < 9 else "'--preallocation=off' "
    raise Failure(f"command '/usr/bin/qemu-img resize {options}-f {form} {path} {size}' failed: exit code 1")


def extended(group: str, name: str, before: int, after: int) -> None:
    """What lvextend says."""
    sizes = [f"{count / (1 << 30):.2f} GiB ({count >> 22} extents)" for count in (before, after)]
    say(f"  Size of logical volume {group}/{name} changed from {sizes[0]} to {sizes[1]}.")
    say(f"  Logical volume {group}/{name} successfully resized.")
