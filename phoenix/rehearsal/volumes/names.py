"""Names: what the name of a volume says on each type of storage: kind of content, owner, base, format."""

from __future__ import annotations

from phoenix.rehearsal import templates
from phoenix.rehearsal.failures import Failure

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

    from phoenix.pve.storages import Storage

IMAGE_FORMATS: Final = ("raw", "qcow2", "vmdk", "subvol")
_BACKUPS: Final = ("tgz", *(f"{kind}{end}" for kind in ("tar", "vma") for end in ("", ".gz", ".lzo", ".zst", ".bz2")))
_IMPORTS: Final = (".ova", ".ovf", ".qcow2", ".raw", ".vmdk")
_WORDS: Final = {"rbd": "rbd", "zfs": "zfs", "zfspool": "zfs"}
"""How types call themselves where they cannot read a name; the others say lvm."""


class Name:
    """A name that was read: `file` is the part that names it in its folder, `form` the format of a guest's volume.

    `owner` is the guest that it is for, "" for none. A linked clone has `base`, the file that it continues, and
    `base_owner`; a volume that linked clones may continue has `is_base`.
    """

    __slots__ = ("base", "base_owner", "file", "form", "is_base", "kind", "owner")

    def __init__(self, kind: str, file: str, owner: str = "", form: str = "raw") -> None:
        self.kind = kind
        self.file = file
        self.owner = owner
        self.form = form
        self.base = ""
        self.base_owner = ""
        self.is_base = file.startswith(("base-", "basevol-"))


def parse(storage: Storage, name: str, release: int) -> Name:
    """Read the name of a volume; Failure if it is none of such a storage."""
    if storage.is_files():
        return _of_files(name, release)
    if storage.type in ("zfspool", "rbd"):
        return _of_pool(storage.type, name)
    owner = _owner(name, ("vm", "base"))
    if not owner or any(char.isspace() for char in name) or "/" in name:
        raise Failure(f"unable to parse {_WORDS.get(storage.type, 'lvm')} volume name '{name}'")
    return Name("images", name, owner, "qcow2" if name.endswith(".qcow2") else "raw")


def _owner(file: str, begins: tuple[str, ...]) -> str:
    begin, _, rest = file.partition("-")
    owner, dash, more = rest.partition("-")
    return owner if begin in begins and owner.isdigit() and dash and more else ""


def _of_pool(kind: str, name: str) -> Name:
    base, slash, file = name.rpartition("/")
    owner = _owner(file, ("base", "basevol", "vm", "subvol"))
    base_owner = _owner(base, ("base", "basevol"))
    if not owner or (slash and not base_owner):
        raise Failure(f"unable to parse {_WORDS[kind]} volume name '{name}'")
    found = Name("images", file, owner, "subvol" if file.startswith(("subvol-", "basevol-")) else "raw")
    found.base, found.base_owner = base, base_owner
    return found


def _of_files(name: str, release: int) -> Name:
    kind, slash, rest = name.partition("/")
    if slash and rest and kind.isdigit() and not any(char.isspace() for char in rest):
        return _image(kind, rest)
    good = bool(rest) and "/" not in rest
    if kind == "vztmpl":
        good = good and templates.is_archive(rest, release)
    elif kind == "iso":
        good = good and rest.lower().endswith((".iso", ".img"))
    elif kind == "backup":
        good = good and bool(backup_format(rest))
    elif kind == "rootdir":
        good = good and rest.isdigit()
    elif kind == "import":
        good = good and rest.lower().endswith(_IMPORTS)
    else:
        good = good and kind == "snippets"
    if not good:
        raise Failure(f"unable to parse directory volume name '{name}'")
    return Name(kind, rest, _backup_owner(rest) if kind == "backup" else rest if kind == "rootdir" else "")


def _image(owner: str, rest: str) -> Name:
    parts = rest.split("/")
    if len(parts) >= 3 and parts[-2].isdigit():
        base = "/".join(parts[:-2])
        image_format(base)
        found = Name("images", parts[-1], parts[-2], image_format(parts[-1]))
        found.base, found.base_owner = base, owner
        return found
    return Name("images", rest, owner, image_format(rest))


def image_format(file: str) -> str:
    """The format that the name of a file of images says; Failure if it says none."""
    form = file.rpartition(".")[2]
    if "/" in file or form not in IMAGE_FORMATS or not file[: -len(form) - 1]:
        raise Failure(f"unable to parse volume filename '{file}'", 25)
    return form


def backup_format(file: str) -> str:
    """The format of a backup by the name of its file, such as vma.zst; "" if it is none."""
    return next((form for form in sorted(_BACKUPS, key=len, reverse=True) if file.endswith("." + form)), "")


def _backup_owner(file: str) -> str:
    parts = file.split("-")
    good = len(parts) > 3 and parts[0] == "vzdump" and parts[1] in ("openvz", "lxc", "qemu") and parts[2].isdigit()
    return parts[2] if good else ""
