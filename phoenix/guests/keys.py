"""Keys: what the files of both kinds have in common: options of Proxmox VE, root's files, the firewall, a clone."""

from __future__ import annotations

from phoenix import cli
from phoenix.guests import values
from phoenix.memo import Memo
from phoenix.pve.options import Option, by_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from phoenix.config.faults import Faults
    from phoenix.guests.kind import Kind
    from phoenix.guests.values import Setting

_DISK_FORMAT = Option("format", enum=("raw", "qcow2", "vmdk"))
_CLONE = (
    Option("from", "integer", 100, 999999999, required=True),
    Option("full", "boolean"),
    Option("snapshot", format="pve-configid", length=40),
    Option("storage", format="pve-storage-id"),
)
CLONES = {"lxc": by_name(*_CLONE), "vm": by_name(*_CLONE, _DISK_FORMAT)}
"""What `clone` may say, by kind."""


def known(kind: Kind, own: Sequence[str]) -> list[str]:
    """Every key that a file of this kind may have; `own` are those that are no options of the tool."""
    names = [option.name + ("0" if option.last >= 0 else "") for option in kind.table.values() if option.change]
    return ["clone", "phoenix", "profile", "firewall", *own, *names]


def settings(
    kind: Kind, table: Mapping[str, Any], own: Sequence[str], otherwise: Mapping[str, str], faults: Faults
) -> dict[str, Setting]:
    """The options that a file gives; `otherwise` says why some of the tool's are not among them."""
    found: dict[str, Setting] = {}
    for key, value in table.items():
        asked = (kind.name, key, _written(value))
        if asked in _settings:
            found[key] = _settings[asked]
            continue
        option = kind.option(key)
        why = otherwise.get(key.rstrip("0123456789"), "")
        if option is None or not option.change or why:
            faults.say(key, why or f"unknown key{cli.did_you_mean(key, known(kind, own))}")
            continue
        setting = values.decode(option, key, value, faults)
        if setting is not None:
            found[key] = _settings.keep(asked, setting) if asked[2] else setting
    return found


_settings = Memo()


def _written(value: Any) -> str:
    """What tells a TOML value from all others; "" for an integer of so many digits that Python does not write it."""
    try:
        return repr(value)
    except ValueError:
        return ""


def clone(kind: Kind, table: dict[str, Any], faults: Faults) -> dict[str, str]:
    """What `clone` says, {} if the guest is none."""
    value = table.pop("clone", None)
    return {"from": "", **values.decode_texts(CLONES[kind.name], "clone", value, faults)} if value is not None else {}


def paths(table: dict[str, Any], names: Sequence[str], faults: Faults) -> dict[str, str]:
    """The paths of root's files that a file gives."""
    found = {}
    for key in names:
        if key in table:
            value = table.pop(key)
            if not isinstance(value, str) or not value.startswith("/") or not value.isprintable():
                faults.add(key, "the absolute path of a file of root", value)
            found[key] = str(value)
    return found


def texts(table: dict[str, Any], names: Mapping[str, Option], faults: Faults) -> dict[str, str]:
    """Those of a file's keys that are plain texts and no options of a guest's configuration."""
    return values.decode_texts(names, "", {key: table.pop(key) for key in names if key in table}, faults)


def firewall(table: dict[str, Any], faults: Faults) -> str | None:
    """The text of the firewall's file, None if nothing is said of it."""
    if "firewall" not in table:
        return None
    from phoenix.guests import firewall

    return firewall.decode(table.pop("firewall"), faults)


def guard_nets(found: dict[str, Setting]) -> None:
    """Where there are rules, they hold for every net that does not say otherwise."""
    for name, setting in found.items():
        if name.startswith("net") and not isinstance(setting, str):
            found[name] = {"firewall": "1", **setting}


def unique(found: Mapping[str, Setting], option: str, key: str, faults: Faults) -> None:
    """Fault two numbered options of one name with the same `key`: the tools take them, and neither works."""
    seen: dict[str, str] = {}
    for name, setting in found.items():
        if isinstance(setting, str) or key not in setting:
            continue
        if name.rstrip("0123456789") == option:
            other = seen.setdefault(setting[key], name)
            if other != name:
                faults.say(f"{name}.{key}", f"{setting[key]!r} is taken by {other}")
