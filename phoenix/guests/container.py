"""A container as its file describes it: TOML decoded by pct's option table into what pct would store."""

from __future__ import annotations

from phoenix import cli
from phoenix.config.faults import Faults
from phoenix.guests import values
from phoenix.pve import options
from phoenix.pve.tables import container as tables
from phoenix.value import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from phoenix.config.load import Document
    from phoenix.guests.values import Setting

STATES = ("running", "stopped")


class Container(Value):
    """The wish: `settings` by option name in the form of `values`; `running` is the state it is to be in."""

    id: str
    path: str
    ostemplate: str
    settings: Mapping[str, Setting]
    running: bool

    @property
    def name(self) -> str:
        """Its hostname, or what pct would call it."""
        return str(self.settings.get("hostname", f"CT{self.id}"))


def decode(document: Document, guest: str) -> Container:
    """The container that a file describes. ConfigError naming every fault of the file."""
    faults = Faults(document.path)
    table = dict(document.table)
    state = phoenix_table(table.pop("phoenix", {}), faults)
    template = table.pop("ostemplate", None)
    if not values.is_template(template):
        faults.add("ostemplate", 'a template as "local:vztmpl/NAME.tar.zst" or an absolute path', template)
    settings: dict[str, Setting] = {}
    for key, value in table.items():
        option = options.lookup(tables.GUEST, key)
        if option is None or not option.change:
            faults.say(key, f"unknown key{cli.did_you_mean(key, known_keys())}")
            continue
        setting = values.decode(option, key, value, faults)
        if setting is not None:
            settings[key] = setting
    # Said always, because PVE 8 and 9 differ in what they assume; unprivileged is the safer of the two.
    settings.setdefault("unprivileged", "1")
    if "rootfs" not in table:
        faults.say("rootfs", 'missing: expected a table such as { storage = "local-lvm", size = "8G" }')
    unique(settings, "net", "name", faults)
    unique(settings, "mp", "mp", faults)
    faults.stop()
    return Container(guest, document.path, str(template), settings, state == "running")


def phoenix_table(table: Any, faults: Faults) -> str:
    """The state that [phoenix] asks for; a container that says nothing is to run."""
    if not isinstance(table, dict):
        faults.add("phoenix", "a table", table)
        return STATES[0]
    for key in table:
        if key != "state":
            faults.say(f"phoenix.{key}", f"unknown key{cli.did_you_mean(key, ['state'])}")
    state = table.get("state", STATES[0])
    if state not in STATES:
        faults.add("phoenix.state", " or ".join(f'"{state}"' for state in STATES), state)
    return str(state)


def known_keys() -> list[str]:
    """Every key that a container's file may have."""
    names = [option.name + ("0" if option.last >= 0 else "") for option in tables.GUEST.values() if option.change]
    return ["ostemplate", "phoenix", *names]


def unique(settings: Mapping[str, Setting], option: str, key: str, faults: Faults) -> None:
    """Fault two numbered options of one name with the same `key`: pct takes them, and neither works."""
    seen: dict[str, str] = {}
    for name, setting in settings.items():
        if name.rstrip("0123456789") == option and not isinstance(setting, str) and key in setting:
            other = seen.setdefault(setting[key], name)
            if other != name:
                faults.say(f"{name}.{key}", f"{setting[key]!r} is taken by {other}")
