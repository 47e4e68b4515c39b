"""Disks of a container: made for rootfs and mount points, and written into its configuration."""

from __future__ import annotations

import os

from phoenix.pve import formats
from phoenix.pve.guestconf import GuestConf
from phoenix.pve.tables import container
from phoenix.rehearsal import volumes
from phoenix.rehearsal.failures import Failure
from phoenix.rehearsal.pct import values
from phoenix.rehearsal.speech import complain

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from phoenix.pve.storages import Storage
    from phoenix.rehearsal.tree import Tree

_MOST_UNUSED = 256


def kind(name: str) -> str:
    """The property table of a mount point's option."""
    return "rootfs" if name == "rootfs" else "mp"


def is_mount(name: str) -> bool:
    """Whether an option is rootfs or a mount point."""
    return name == "rootfs" or (name.startswith("mp") and name[2:].isdigit())


def order(name: str) -> tuple[int, int]:
    """rootfs first, then the mount points by number."""
    return (0, 0) if name == "rootfs" else (1, int(name[2:]))


def make(tree: Tree, guest: str, mounts: Mapping[str, str], conf: GuestConf, made: list[str]) -> None:
    """Put all `mounts` into `conf`, making new volumes; those made are added to `made` at once."""
    for name in sorted(mounts, key=order):
        parsed = values.properties(kind(name), mounts[name])
        wanted = values.new_size(parsed["volume"])
        if wanted:
            storage = volumes.for_containers(tree, wanted[0])
            volume = allocate(tree, storage, guest, wanted[1])
            made.append(volume)
            parsed["volume"] = volume
            parsed["size"] = formats.show_size(wanted[1] << 10)
        elif values.volume_type(parsed["volume"]) == "volume":
            volumes.node_path(tree, parsed["volume"])  # its name must be one
        conf.options[name] = values.show(kind(name), parsed, tree.release)


def allocate(tree: Tree, storage: Storage, guest: str, kib: int) -> str:
    """Make a disk with a file system for a container, a folder if it has no size; returns the volume."""
    if "rootdir" not in storage.content:
        text = f"content type 'rootdir' is not available or configured on storage '{storage.name}'"
        raise Failure(text)
    form = "subvol" if kib == 0 or storage.type == "zfspool" else "raw"
    made = volumes.allocate(tree, storage, guest, kib, form)
    if form == "raw":
        volumes.announce_filesystem(kib)
    return made


def free(tree: Tree, volumes_made: list[str]) -> None:
    """Remove volumes that were made in vain."""
    for volume in volumes_made:
        try:
            volumes.free(tree, volume)
        except (Failure, OSError) as error:
            complain(str(error))


def volume(name: str, text: str) -> str:
    """The volume of a mount point's or an unused volume's value; "" for folders and devices of the node."""
    table = "unused" if name.startswith("unused") else kind(name)
    found = values.properties(table, text).get("volume", "")
    return found if values.volume_type(found) == "volume" else ""


def referenced(conf: GuestConf) -> list[str]:
    """The volumes that the current section names, rootfs first."""
    names = [name for name in conf.options if is_mount(name) or name.startswith("unused")]
    names.sort(key=lambda name: order(name) if is_mount(name) else (2, 0))
    found = [volume(name, conf.options[name]) for name in names]
    return list(dict.fromkeys(item for item in found if item))


def all_of(conf: GuestConf) -> dict[str, dict[str, str]]:
    """All mount points of a section, rootfs first, each as its keys."""
    names = sorted((name for name in conf.options if is_mount(name)), key=order)
    return {name: values.properties(kind(name), conf.options[name]) for name in names}


def parsed(conf: GuestConf, name: str) -> dict[str, str]:
    """What a mount point or an unused volume says; Failure if it is not there or cannot be read."""
    table = container.PROPERTIES["unused" if name.startswith("unused") else kind(name)]
    found, faults = formats.properties(table, conf.options.get(name, ""))
    if faults:
        raise Failure("\n".join(["format error", *(f"{key}: {faults[key]}" for key in sorted(faults))]))
    return found


def has_feature(tree: Tree, wanted: str, feature: str) -> bool:
    """Whether the storage of a volume can do `feature`; folders and devices of the node can do nothing."""
    return formats.is_volume_id(wanted) and volumes.has_feature(tree, wanted, feature)


def in_snapshots(conf: GuestConf, wanted: str) -> bool:
    """Whether a snapshot names a volume."""
    return any(_names(section, wanted) for section in conf.snapshots.values())


def in_use(conf: GuestConf, wanted: str) -> bool:
    """Whether a volume is that of a mount point, now, after a restart, or in a snapshot."""
    waiting = GuestConf()
    waiting.options = conf.pending
    return _names(conf, wanted) or _names(waiting, wanted) or in_snapshots(conf, wanted)


def _names(section: GuestConf, wanted: str) -> bool:
    return any(is_mount(name) and volume(name, text) == wanted for name, text in section.options.items())


def keep_unused(conf: GuestConf, kept: str) -> str:
    """Note a volume under the next free unusedN, unless it is noted already; returns the option.

    One that a mount point uses after all is forgotten when the configuration is written.
    """
    for name, text in conf.options.items():
        if name.startswith("unused") and text == kept:
            return name
    name = next((f"unused{n}" for n in range(_MOST_UNUSED) if f"unused{n}" not in conf.options), "")
    if not name:
        raise Failure("Too many unused volumes - please delete them first.")
    conf.options[name] = kept
    return name


def discard(tree: Tree, guest: str, unwanted: str) -> None:
    """Remove a volume that its container no longer names; one of another guest is left alone."""
    if values.volume_type(unwanted) != "volume":
        return
    if volumes.owner(tree, unwanted) == guest:
        volumes.free(tree, unwanted)
    else:
        complain(f"ignore deletion of '{unwanted}', CT {guest} isn't the owner!")


def check_present(tree: Tree, conf: GuestConf) -> None:
    """Failure if a volume that the container needs is gone."""
    for name in sorted((name for name in conf.options if is_mount(name)), key=order):
        found = volume(name, conf.options[name])
        if found and not values.new_size(found):
            volumes.check_exists(tree, found)


def check_bound(tree: Tree, conf: GuestConf) -> None:
    """Failure if a folder of the node that the container is to see is not there."""
    for parsed in all_of(conf).values():
        if values.volume_type(parsed["volume"]) == "bind" and not os.path.isdir(tree(parsed["volume"])):
            raise Failure(f"directory '{parsed['volume']}' does not exist")
