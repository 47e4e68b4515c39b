"""A container as its file describes it: TOML decoded by pct's option table into what pct would store."""

from __future__ import annotations

from phoenix import cli
from phoenix.config.faults import Faults
from phoenix.guests import ours, values
from phoenix.guests.ours import Ours
from phoenix.pve import options
from phoenix.pve.options import Option, by_name
from phoenix.pve.tables import container as tables
from phoenix.value import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

    from phoenix.config.load import Document
    from phoenix.guests.values import Setting

CLONE = by_name(
    Option("from", "integer", 100, 999999999, required=True),
    Option("full", "boolean"),
    Option("snapshot", format="pve-configid", length=40),
    Option("storage", format="pve-storage-id"),
)
"""What `clone` may say."""

CREATION = by_name(
    Option("bwlimit", "number", 0),
    Option("ignore-unpack-errors", "boolean"),
    Option("pool", format="pve-poolid"),
    Option("sha512", pattern="[0-9a-f]{128}"),
)
"""What matters only when the container is made."""

FILES = ("password_file", "ssh_public_keys_file")
"""Keys that name files of root on the node."""

OTHERWISE = {
    "force": "Phoenix never replaces a guest",
    "ha-managed": "ha-manager add ct:ID puts it under high availability, and Phoenix leaves it to that then",
    "lock": "a lock is Proxmox VE's own business",
    "password": "passwords are not for this file: password_file names one that only root can read",
    "restore": "Phoenix makes containers of templates and clones: pct restore",
    "ssh-public-keys": "write ssh_public_keys_file = PATH",
    "start": 'write state = "running" into [phoenix]',
    "storage": "each volume says its own: rootfs.storage",
    "template": 'write state = "template" into [phoenix]',
    "unique": "it is for restored backups",
    "unused": "what a volume is for is said by mp0 and on",
}
"""Options of pct that a file does not take, and why."""


class Container(Value):
    """The wish. `settings` are by option name in the form of `values`; `raw` are lxc.* lines, None: left alone."""

    id: str
    path: str
    ostemplate: str  # "" for a clone
    settings: Mapping[str, Setting]
    ours: Ours = Ours()
    clone: Mapping[str, str] = {}
    creation: Mapping[str, str] = {}
    files: Mapping[str, str] = {}
    raw: tuple[str, ...] | None = None
    environment: tuple[str, ...] | None = None  # the raw lines that hold `env`
    firewall: str | None = None  # the text of its file without our line, None: left alone

    @property
    def running(self) -> bool:
        """Whether it is to run."""
        return self.ours.state == "running"

    @property
    def address(self) -> str:
        """Its first fixed address, "" if it has none."""
        for name, setting in sorted(self.settings.items()):
            if name.startswith("net") and not isinstance(setting, str):
                for key in ("ip", "ip6"):
                    address, slash, _ = setting.get(key, "").partition("/")
                    if slash:
                        return address
        return ""

    @property
    def name(self) -> str:
        """Its hostname, or what pct would call it."""
        return str(self.settings.get("hostname", f"CT{self.id}"))


def decode(document: Document, guest: str) -> Container:
    """The container that a file describes. ConfigError naming every fault of the file."""
    faults = Faults(document)
    table = dict(document.table)
    wish = ours.decode(table.pop("phoenix", {}), faults)
    template, clone = _source(table, faults)
    creation = values.decode_texts(CREATION, "", {key: table.pop(key) for key in CREATION if key in table}, faults)
    found = {key: _part(key, table, faults) for key in ("lxc", "env", "firewall")}
    paths = {key: _path(key, table.pop(key), faults) for key in FILES if key in table}
    settings = _settings(table, faults)
    if "rootfs" not in table and not clone:
        faults.say("rootfs", 'missing: expected a table such as { storage = "local-lvm", size = "8G" }')
    # Said always, because PVE 8 and 9 differ in what they assume; unprivileged is the safer of the two. A clone is
    # what its source is.
    if not clone:
        settings.setdefault("unprivileged", "1")
    if found["firewall"]:
        _guard_nets(settings)
    unique(settings, "net", "name", faults)
    unique(settings, "mp", "mp", faults)
    made = Container(
        id=guest,
        path=document.path,
        ostemplate=template,
        settings=settings,
        ours=wish,
        clone=clone,
        creation=creation,
        files=paths,
        raw=found["lxc"],
        environment=found["env"],
        firewall=found["firewall"],
    )
    for place, check in enumerate(wish.health):
        if check.needs_address and not made.address:
            faults.say(f"phoenix.health.{place}", f"no net has a fixed address; write {check.kind} with HOST:PORT")
    faults.stop()
    return made


def _source(table: dict[str, Any], faults: Faults) -> tuple[str, dict[str, str]]:
    """What it is made of: a template, or a clone's table."""
    template, clone = table.pop("ostemplate", None), table.pop("clone", None)
    if clone is None:
        if not values.is_template(template):
            faults.add("ostemplate", 'a template as "local:vztmpl/NAME.tar.zst" or an absolute path', template)
        return str(template), {}
    if template is not None:
        faults.say("clone", "a container is made of ostemplate or by clone, not of both")
    return "", {"from": "", **values.decode_texts(CLONE, "clone", clone, faults)}


def _part(key: str, table: dict[str, Any], faults: Faults) -> Any:
    """What a key says that has a module of its own; None if it is not there."""
    if key not in table:
        return None
    value = table.pop(key)
    if key == "firewall":
        from phoenix.guests import firewall

        return firewall.decode(value, faults)
    from phoenix.guests import rawkeys

    decoders: dict[str, Callable[[Any, Faults], tuple[str, ...]]] = {
        "lxc": rawkeys.decode,
        "env": rawkeys.decode_environment,
    }
    return decoders[key](value, faults)


def _path(key: str, value: Any, faults: Faults) -> str:
    if not isinstance(value, str) or not value.startswith("/") or not value.isprintable():
        faults.add(key, "the absolute path of a file of root", value)
    return str(value)


def _settings(table: Mapping[str, Any], faults: Faults) -> dict[str, Setting]:
    settings: dict[str, Setting] = {}
    for key, value in table.items():
        option = options.lookup(tables.GUEST, key)
        if option is None or not option.change:
            why = OTHERWISE.get(key.rstrip("0123456789"), "")
            faults.say(key, why or f"unknown key{cli.did_you_mean(key, known_keys())}")
            continue
        setting = values.decode(option, key, value, faults)
        if setting is not None:
            settings[key] = setting
    return settings


def _guard_nets(settings: dict[str, Setting]) -> None:
    """Where there are rules, they hold for every net that does not say otherwise."""
    for name, setting in settings.items():
        if name.startswith("net") and not isinstance(setting, str):
            settings[name] = {"firewall": "1", **setting}


def known_keys() -> list[str]:
    """Every key that a container's file may have."""
    names = [option.name + ("0" if option.last >= 0 else "") for option in tables.GUEST.values() if option.change]
    return ["ostemplate", "clone", "phoenix", "profile", "lxc", "env", "firewall", *FILES, *CREATION, *names]


def unique(settings: Mapping[str, Setting], option: str, key: str, faults: Faults) -> None:
    """Fault two numbered options of one name with the same `key`: pct takes them, and neither works."""
    seen: dict[str, str] = {}
    for name, setting in settings.items():
        if name.rstrip("0123456789") == option and not isinstance(setting, str) and key in setting:
            other = seen.setdefault(setting[key], name)
            if other != name:
                faults.say(f"{name}.{key}", f"{setting[key]!r} is taken by {other}")
