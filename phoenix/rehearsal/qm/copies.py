"""Copies of a machine's volumes: full or linked, for a clone or on another storage."""

from __future__ import annotations

from phoenix.rehearsal import volumes
from phoenix.rehearsal.qm import drives
from phoenix.rehearsal.speech import say

TYPE_CHECKING = False
if TYPE_CHECKING:
    from phoenix.rehearsal.tree import Tree

_UNITS = ("B", "KiB", "MiB", "GiB", "TiB", "PiB")
_CLOUD_INIT_KIB = _TPM_KIB = 4096
_EFI_KIB = {"2m": 128, "4m": 528}


class Wish:
    """What copies are to be: of which machine for which, full or linked, of a snapshot, where and in what format."""

    def __init__(
        self, guest: str, target: str, *, storage: str = "", form: str = "", snapshot: str = "", live: bool = False
    ) -> None:
        self.guest = guest
        self.target = target
        self.storage = storage
        self.form = form
        self.snapshot = snapshot
        self.live = live
        """Whether the machine runs with what is copied."""


def copy(tree: Tree, option: str, drive: dict[str, str], wish: Wish, made: list[str], *, full: bool) -> dict[str, str]:
    """Copy the volume of a drive; returns the drive with the copy. What is made is added to `made` at once."""
    source = drive["file"]
    say(f"create {'full' if full else 'linked'} clone of drive {option} ({source})")
    if full:
        volume = _full(tree, option, drive, wish, made)
    else:
        volume = volumes.clone_linked(tree, source, wish.target, wish.snapshot)
        made.append(volume)
    copied = {key: value for key, value in drive.items() if key != "format"}
    copied["file"] = volume
    if not option.startswith("unused"):
        drives.measure(tree, copied)
    return copied


def _full(tree: Tree, option: str, drive: dict[str, str], wish: Wish, made: list[str]) -> str:
    source = drive["file"]
    storage = volumes.existing(tree, wish.storage or volumes.split(source)[0])
    form, name = wish.form or volumes.form(tree, source), ""
    if form not in volumes.valid_formats(tree, storage):
        form = volumes.default_format(tree, storage)
    kib = -(-(volumes.size(tree, source) or 0) // 1024)
    generated = drives.is_cloud_init(source)
    if generated:
        kib, name = _CLOUD_INIT_KIB, f"vm-{wish.target}-cloudinit"
    elif option == "efidisk0":
        kib = _EFI_KIB[drive.get("efitype", "2m")]
    elif option == "tpmstate0":
        kib, form = _TPM_KIB, "raw"
    volume = volumes.allocate(tree, storage, wish.target, kib, form, name)
    made.append(volume)
    if tree.release >= 9:
        say(f"allocated target volume '{volume}'")
    if generated:
        return volume
    volumes.copy_into(tree, source, volume, wish.snapshot)
    if wish.live and not wish.snapshot and not option.startswith("unused"):
        _mirror(option, kib << 10)
    elif option != "efidisk0":
        progress(kib << 10)
    return volume


def progress(count: int) -> None:
    """Tell how far the copy of an image is, as qemu-img does."""
    for percent in (0, 50, 100):
        say(f"transferred {shown(count * percent // 100)} of {shown(count)} ({percent:.2f}%)")


def _mirror(option: str, count: int) -> None:
    """Tell how far the copy of a disk is that QEMU itself makes."""
    name = f"drive-{option}"
    say(f"drive mirror is starting for {name}")
    for moment, percent in enumerate((0, 100)):
        say(f"{name}: transferred {shown(count * percent // 100)} of {shown(count)} ({percent:.2f}%) in {moment}s")
    say("all 'mirror' jobs are ready")
    say(f"{name}: Completing block job...")
    say(f"{name}: Completed successfully.")
    say(f"{name}: mirror-job finished")


def shown(count: int) -> str:
    """Bytes for people: in the largest unit of which there is one, with one digit after the point."""
    figure, unit = float(count), 0
    while figure >= 1024:
        figure, unit = figure / 1024, unit + 1
    return f"{figure:.1f} {_UNITS[unit]}"
