"""Volumes: made, found and freed as files under the names that the real storages give them."""

from __future__ import annotations

import os

from phoenix.pve import formats, storages
from phoenix.rehearsal import imagefiles, templates
from phoenix.rehearsal.failures import BadParameters, Failure
from phoenix.rehearsal.speech import complain, say
from phoenix.rehearsal.tree import VOLUMES

TYPE_CHECKING = False
if TYPE_CHECKING:
    from phoenix.pve.storages import Storage
    from phoenix.rehearsal.tree import Tree

_IMAGES = (".raw", ".qcow2", ".vmdk", ".subvol")
_FORMATTING = {
    "raw": "size={} preallocation=off",
    "qcow2": "cluster_size=65536 extended_l2=off preallocation=metadata compression_type=zlib size={} "
    "lazy_refcounts=off refcount_bits=16",
    "vmdk": "size={} compat6=off hwversion=undefined",
}
GIB_IN_KIB = 1 << 20


def table(tree: Tree) -> dict[str, Storage]:
    """The storages of the node."""
    return storages.parse(tree.read("/etc/pve/storage.cfg"))


def enabled(tree: Tree, name: str) -> Storage:
    """A storage that can be used here; Failure if it cannot."""
    storage = existing(tree, name)
    if storage.disabled:
        raise Failure(f"storage '{name}' is disabled")
    if not storage.is_on(tree.name):
        raise Failure(f"storage '{name}' is not available on node '{tree.name}'")
    return storage


def existing(tree: Tree, name: str) -> Storage:
    """A storage by its name; Failure if there is none."""
    storage = table(tree).get(name)
    if storage is None:
        raise Failure(f"storage '{name}' does not exist")
    return storage


def for_containers(tree: Tree, name: str) -> Storage:
    """A storage that can hold containers' disks; Failure or BadParameters if it cannot."""
    storage = enabled(tree, name)
    if "rootdir" not in storage.content:
        raise BadParameters({"storage": f"storage '{name}' does not support container directories"})
    return storage


def split(volume: str) -> tuple[str, str]:
    """A volume's storage and name; Failure if it has none."""
    if not formats.is_volume_id(volume):
        raise Failure(f"unable to parse volume ID '{volume}'")
    return storages.split_volume(volume)


def check_name(storage: Storage, name: str, release: int = 9) -> None:
    """Failure if `name` is not one that a volume of this storage can have."""
    if not storage.is_files():
        if storages.volume_owner(name):
            return
        kind = {"zfspool": "zfs", "lvmthin": "lvm", "lvm": "lvm", "rbd": "rbd"}.get(storage.type, storage.type)
        raise Failure(f"unable to parse {kind} volume name '{name}'")
    kind, _, rest = name.partition("/")
    good = bool(rest) and ".." not in rest.split("/")
    if kind == "vztmpl":
        good = good and "/" not in rest and templates.is_archive(rest, release)
    elif kind == "iso":
        good = good and "/" not in rest and rest.lower().endswith((".iso", ".img"))
    elif kind in ("snippets", "backup"):
        good = good and "/" not in rest
    else:
        good = good and kind.isdigit() and name.endswith(_IMAGES)
        if kind.isdigit() and rest and not good and ".." not in rest:
            raise Failure(f"unable to parse volume filename '{rest}'")
    if not good:
        raise Failure(f"unable to parse directory volume name '{name}'")


def node_path(tree: Tree, volume: str) -> str:
    """The path of a volume on the node."""
    storage, name = split(volume)
    found = existing(tree, storage)
    check_name(found, name, tree.release)
    return storages.volume_path(found, volume) if found.is_files() else f"{VOLUMES}/{storage}/{name.rpartition('/')[2]}"


def exists(tree: Tree, volume: str) -> bool:
    """Whether a volume is there."""
    return os.path.exists(tree(node_path(tree, volume)))


def check_exists(tree: Tree, volume: str) -> None:
    """Failure if a volume is not there."""
    if not exists(tree, volume):
        raise Failure(f"volume '{volume}' does not exist", 2)


def size(tree: Tree, volume: str) -> int | None:
    """The bytes of a volume (0 for a folder), None if it is not there."""
    path = tree(node_path(tree, volume))
    try:
        return 0 if os.path.isdir(path) else imagefiles.size(path)
    except OSError:
        return None


def free_number(tree: Tree, storage: Storage, guest: str) -> int:
    """The lowest number that no disk of the guest on this storage has."""
    folder = tree(_folder(storage, guest))
    taken = _numbers(os.listdir(folder), guest) if os.path.isdir(folder) else set()
    return next(number for number in range(len(taken) + 1) if number not in taken)


def _folder(storage: Storage, guest: str) -> str:
    return f"{storage.folder('images')}/{guest}" if storage.is_files() else f"{VOLUMES}/{storage.name}"


def _numbers(names: list[str], guest: str) -> set[int]:
    found = set()
    for name in names:
        middle = f"-{guest}-disk-"
        _, hit, rest = name.partition(middle)
        digits = rest.partition(".")[0].partition("@")[0].partition("_")[0]
        if hit and digits.isdigit():
            found.add(int(digits))
    return found


def allocate(tree: Tree, storage: Storage, guest: str, kib: int, form: str = "raw", name: str = "") -> str:
    """Make a volume of a guest and say so; returns it. `form` is raw, qcow2, vmdk or subvol, a folder.

    `name` is the one it gets, without format and folder, such as vm-200-cloudinit; "" takes the next free disk.
    """
    if not name:
        begin = "subvol" if form == "subvol" else "vm"
        name = f"{begin}-{guest}-disk-{free_number(tree, storage, guest)}"
    volume = f"{storage.name}:{guest}/{name}.{form}" if storage.is_files() else f"{storage.name}:{name}"
    path = node_path(tree, volume)
    if os.path.exists(tree(path)):
        raise Failure(f"disk image '{path}' already exists", 25)
    os.makedirs(os.path.dirname(tree(path)), exist_ok=True)
    _announce(storage, path, kib, form)
    if form == "subvol":
        os.makedirs(tree(path), 0o755)
    else:
        imagefiles.create(tree(path), form, kib << 10)
    return volume


def _announce(storage: Storage, path: str, kib: int, form: str) -> None:
    if storage.type in ("lvm", "lvmthin"):
        say(f'  Logical volume "{os.path.basename(path)}" created.')
    elif storage.is_files() and form in _FORMATTING and not (storage.type == "btrfs" and form == "raw"):
        say(f"Formatting '{path}', fmt={form} {_FORMATTING[form].format(kib << 10)}")


def announce_filesystem(kib: int) -> None:
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


def fill(tree: Tree, volume: str, text: str) -> None:
    """Put the text that stands for an unpacked system on a disk."""
    path = tree(node_path(tree, volume))
    if os.path.isdir(path):
        path += "/.system"
    number = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o640)
    try:
        os.write(number, text.encode())
    finally:
        os.close(number)


def look(tree: Tree, volume: str) -> str:
    """The text that stands for the system on a disk; "" if there is none."""
    try:
        path = tree(node_path(tree, volume))
        with open(path + "/.system" if os.path.isdir(path) else path, "rb") as file:
            return file.read(512).decode("utf-8", "replace")
    except (Failure, OSError):
        return ""


def free(tree: Tree, volume: str) -> None:
    """Remove a volume, and the guest's folder with the last one. A missing one is only mentioned."""
    storage = existing(tree, split(volume)[0])
    path = node_path(tree, volume)
    if storage.type == "btrfs" and path.endswith("/disk.raw"):
        path = os.path.dirname(path)
        _remove_btrfs(tree(path), path)
    elif os.path.isdir(tree(path)):
        _remove_folder(tree(path))
    elif os.path.exists(tree(path)):
        os.unlink(tree(path))
    elif storage.is_files():
        complain(f"disk image '{path}' does not exist")
    if storage.is_files():
        try:
            os.rmdir(os.path.dirname(tree(path)))
        except OSError:
            return  # other volumes are still in it


def _remove_btrfs(path: str, shown: str) -> None:
    folder, name = os.path.split(path)
    if not os.path.isdir(path):
        text = "ERROR: Could not statfs: No such file or directory"
        complain(f"command 'btrfs subvolume delete -- {shown}' failed: {text}")
        return
    for other in os.listdir(folder):
        if other == name or other.startswith(name + "@"):
            _remove_folder(f"{folder}/{other}")


def _remove_folder(path: str) -> None:
    import shutil

    shutil.rmtree(path)


def owner(tree: Tree, volume: str) -> str:
    """The ID of the guest that a volume is for; "" if its name does not say."""
    storage, name = split(volume)
    if existing(tree, storage).is_files():
        folders = name.split("/")[:-1]
        return folders[-1] if folders and folders[-1].isdigit() else ""
    return str(storages.volume_owner(name) or "")


def guest_volumes(tree: Tree, storage: Storage, guest: str = "") -> list[str]:
    """The disks on a storage, of one guest or of all, in the order of their names."""
    if not storage.is_files():
        folder = f"{VOLUMES}/{storage.name}"
        names = os.listdir(tree(folder)) if os.path.isdir(tree(folder)) else []
        owners = {name: str(storages.volume_owner(name)) for name in names if "@" not in name}
        return sorted(f"{storage.name}:{name}" for name, of in owners.items() if of != "0" and guest in ("", of))
    base, found = tree(storage.folder("images")), []
    for of in os.listdir(base) if os.path.isdir(base) else []:
        if not of.isdigit() or (guest and of != guest) or not os.path.isdir(f"{base}/{of}"):
            continue
        for name in os.listdir(f"{base}/{of}"):
            shown = _shown(storage, f"{base}/{of}", name)
            if shown:
                found.append(f"{storage.name}:{_continued(storage, f'{base}/{of}/{name}')}{of}/{shown}")
    return sorted(found)


def _continued(storage: Storage, path: str) -> str:
    """Of a linked clone the base that it continues and a slash, as in its name; "" for others."""
    if storage.type == "btrfs" or not path.endswith(".qcow2"):
        return ""
    backing = imagefiles.backing(path)
    return "/".join(backing.split("/")[-2:]) + "/" if backing.startswith("../") else ""


def _shown(storage: Storage, folder: str, name: str) -> str:
    if storage.type == "btrfs" and os.path.isdir(f"{folder}/{name}"):
        if "@" in name:
            return ""
        return name + (".subvol" if name.startswith(("subvol", "basevol")) else ".raw")
    return name if name.endswith(_IMAGES) else ""
