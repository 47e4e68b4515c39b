"""Features: what each type of storage can do with a volume, by the volume's state and its format."""

from __future__ import annotations

from phoenix.rehearsal.volumes.names import IMAGE_FORMATS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    Features = Mapping[str, Mapping[str, Collection[str]]]

_RAW = ("raw",)
_IMAGES = ("raw", "qcow2", "vmdk")
_SNAPSHOTS = ("raw", "qcow2", "subvol")
_POOL = ("raw", "subvol")
_FILES: Features = {
    "snapshot": {"current": ("qcow2",), "snap": ("qcow2",)},
    "clone": {"base": _IMAGES},
    "template": {"current": IMAGE_FORMATS},
    "copy": {"base": _IMAGES, "current": _IMAGES, "snap": ("qcow2",)},
    "sparseinit": {"base": _IMAGES, "current": _IMAGES},
    "rename": {"current": _IMAGES},
}
_TYPES: Mapping[str, Features] = {
    "btrfs": {
        **_FILES,
        "snapshot": {"current": _SNAPSHOTS, "snap": _SNAPSHOTS},
        "clone": {"base": IMAGE_FORMATS, "current": _RAW, "snap": _RAW},
        "copy": {"base": IMAGE_FORMATS, "current": IMAGE_FORMATS, "snap": _SNAPSHOTS},
    },
    "lvm": {
        "snapshot": {"current": ("qcow2",), "snap": ("qcow2",)},
        "copy": {"base": _RAW, "current": ("raw", "qcow2")},
        "rename": {"current": ("raw", "qcow2")},
    },
    "lvmthin": {
        "snapshot": {"current": _RAW},
        "clone": {"base": _RAW, "snap": _RAW},
        "template": {"current": _RAW},
        "copy": {"base": _RAW, "current": _RAW, "snap": _RAW},
        "sparseinit": {"base": _RAW, "current": _RAW},
        "rename": {"current": _RAW},
    },
    "rbd": {
        "snapshot": {"current": _RAW, "snap": _RAW},
        "clone": {"base": _RAW, "snap": _RAW},
        "template": {"current": _RAW},
        "copy": {"base": _RAW, "current": _RAW, "snap": _RAW},
        "sparseinit": {"base": _RAW, "current": _RAW},
        "rename": {"current": _RAW},
    },
    "zfspool": {
        "snapshot": {"current": _POOL, "snap": _POOL},
        "clone": {"base": _POOL},
        "template": {"current": _POOL},
        "copy": {"base": _POOL, "current": _POOL},
        "sparseinit": {"base": _POOL, "current": _POOL},
        "rename": {"current": _POOL},
    },
}
_NONE = ("esxi", "iscsi", "iscsidirect", "pbs", "zfs")


def of(kind: str, feature: str, state: str) -> Collection[str]:
    """The formats with which a type can do a feature; `state` is current, base or snap."""
    table = {} if kind in _NONE else _TYPES.get(kind, _FILES)
    return table.get(feature, {}).get(state, ())
