"""Ours: the table [phoenix] of a guest's file: what it says to Phoenix and not to Proxmox VE."""

from __future__ import annotations

from phoenix import cli
from phoenix.guests import values
from phoenix.pve.options import Option, by_name
from phoenix.value import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from phoenix.config.faults import Faults

STATES = ("running", "stopped", "template")
_WITHIN = Option("within", "integer", 1, 86400, default="60")
CHECKS = by_name(
    Option("command"),
    Option("http"),
    Option("network", "boolean"),
    Option("status", "integer", 100, 599, default="200"),
    Option("tcp"),
    _WITHIN,
)
"""What an entry of `health` may say: one of KINDS, and how that is meant."""
LAST_PORT = 65535
KINDS = ("network", "tcp", "http", "command")
_EXAMPLES = {"tcp": '"8080" or "web:8080"', "http": '"8080/health" or "http://web:8080/health"'}
_NAME = Option("feature", pattern=r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")
_SNAPSHOTS = by_name(
    Option("after_create", format="pve-configid", length=40),
    Option("before_change", "boolean"),
    Option("impossible", enum=("stop", "go on"), default="stop"),
)
KEYS = ("state", "depends_on", "provision", "health", "snapshots")
_WAIT = by_name(Option("agent", "integer", 1, 86400), Option("cloud_init", "integer", 1, 86400))
OWN_KEYS = {"lxc": KEYS, "vm": (*KEYS, "wait")}
"""What [phoenix] may say, by kind."""
AGENT_SECONDS = 300
"""How long an agent may take to answer that is needed and of which the file says nothing."""


class Address(Value):
    """What tcp and http are to ask; `host` is "" for the guest's own fixed address, `scheme` and `path` are http's."""

    scheme: str
    host: str
    port: int
    path: str


def address(kind: str, target: str) -> Address:
    """What a target says: PORT, HOST:PORT, [IPV6]:PORT; for http with a path, or a whole http:// or https:// address.

    ValueError if it says something else.
    """
    scheme, whole, rest = target.rpartition("://") if kind == "http" else ("", "", target)
    where, slash, path = rest.partition("/") if kind == "http" else (rest, "", "")
    if where.startswith("["):
        host, bracket, port = where[1:].partition("]")
        good = bool(host and bracket and port[:1] in ("", ":")) and not host.strip("0123456789abcdefABCDEF:.")
        port = port[1:]
    else:
        host, _, port = where.partition(":") if whole or ":" in where else ("", "", where)
        plain = host.isascii() and host.replace("-", "").replace(".", "").isalnum()
        good = plain and all(0 < len(label) < 64 for label in host.split(".")) if host or whole else True
    port = port or ({"http": "80", "https": "443"}.get(scheme, "") if whole else "")
    good = good and scheme in ("", "http", "https") and path.isprintable() and " " not in path
    if not good or not (port.isascii() and port.isdigit() and len(port) <= 5 and 0 < int(port) <= LAST_PORT):
        raise ValueError(target)
    return Address(scheme or "http", host, int(port), slash + path or "/")


class Check(Value):
    """One health check: its kind, what it looks at, the status that http is to answer, how many seconds it has."""

    kind: str
    target: str
    words: tuple[str, ...] = ()  # of a command
    status: int = 200
    within: int = 60

    @property
    def needs_address(self) -> bool:
        """Whether it looks at a port of the guest's own address."""
        return self.kind in ("tcp", "http") and not address(self.kind, self.target).host

    @property
    def name(self) -> str:
        """The check in a word or two."""
        return f"{self.kind} {self.target}".rstrip()


class Provision(Value):
    """One feature that a guest is to have, with its arguments, and secrets: paths of root's files by name."""

    feature: str
    arguments: tuple[str, ...] = ()
    secrets: Mapping[str, str] = {}


class Ours(Value):
    """What [phoenix] says."""

    state: str = STATES[0]
    depends_on: tuple[str, ...] = ()
    provision: tuple[Provision, ...] = ()
    health: tuple[Check, ...] = ()
    wait: tuple[Check, ...] = ()  # what a virtual machine has to answer before anything is asked in it
    before_change: bool = False  # a snapshot before every change
    after_create: str = ""  # the snapshot that is taken once the guest is made, "" for none
    needs_snapshots: bool = True  # stop where one is impossible


def decode(table: Any, kind: str, faults: Faults) -> Ours:
    """The table as values; a guest that says nothing is to run. Faults are noted."""
    if not isinstance(table, dict):
        faults.add("phoenix", "a table", table)
        return Ours()
    for key in table:
        if key not in OWN_KEYS[kind]:
            faults.say(f"phoenix.{key}", f"unknown key{cli.did_you_mean(key, OWN_KEYS[kind])}")
    waits = values.decode_texts(_WAIT, "phoenix.wait", table.get("wait", {}), faults)
    state = table.get("state", STATES[0])
    if state not in STATES:
        faults.add("phoenix.state", " or ".join(f'"{state}"' for state in STATES), state)
    provision = tuple(_provision(item, faults) for item in _list(table, "provision", faults))
    names = [item.feature for item in provision]
    for name in sorted({name for name in names if names.count(name) > 1}):
        faults.say("phoenix.provision", f"{name} is there twice")
    kept = values.decode_texts(_SNAPSHOTS, "phoenix.snapshots", table.get("snapshots", {}), faults)
    return Ours(
        state=str(state),
        depends_on=tuple(_guest(item, faults) for item in _list(table, "depends_on", faults)),
        provision=provision,
        health=tuple(_check(place, item, faults) for place, item in enumerate(_list(table, "health", faults))),
        wait=_waits(waits, bool(provision) and kind == "vm"),
        before_change=kept.get("before_change") == "1",
        after_create=kept.get("after_create", ""),
        needs_snapshots=kept.get("impossible", "stop") == "stop",
    )


def _waits(found: Mapping[str, str], needed: bool) -> tuple[Check, ...]:
    """What has to answer first, in order; an agent also where it is `needed` or cloud-init is asked by it."""
    if not needed and not found:
        return ()
    checks = [Check("agent", "", within=int(found.get("agent", AGENT_SECONDS)))]
    if "cloud_init" in found:
        checks.append(Check("cloud-init", "", within=int(found["cloud_init"])))
    return tuple(checks)


def check_addresses(wish: Ours, own: str, faults: Faults) -> None:
    """Fault checks of the guest's own address if it has none that is fixed (`own`)."""
    for place, check in enumerate(wish.health):
        if check.needs_address and not own:
            faults.say(f"phoenix.health.{place}", f"no net has a fixed address; write {check.kind} with HOST:PORT")


def _list(table: Mapping[str, Any], key: str, faults: Faults) -> list[Any]:
    found = table.get(key, [])
    if isinstance(found, list):
        return found
    faults.add(f"phoenix.{key}", "a list", found)
    return []


def _guest(item: Any, faults: Faults) -> str:
    if isinstance(item, bool) or not isinstance(item, int) or not cli.is_guest_id(str(item)):
        faults.add("phoenix.depends_on", "IDs of guests", item)
    return str(item)


def _provision(item: Any, faults: Faults) -> Provision:
    key = "phoenix.provision"
    table = {"feature": item} if isinstance(item, str) else item
    if not isinstance(table, dict):
        faults.add(key, 'names of features, or tables as { feature = "docker", arguments = ["--rootless"] }', item)
        return Provision("")
    for name in table:
        if name not in ("feature", "arguments", "secrets"):
            faults.say(f"{key}.{name}", "unknown key")
    feature = values.decode_scalar(_NAME, f"{key}.feature", table.get("feature"), faults) or ""
    arguments: Any = table.get("arguments", [])
    secrets: Any = table.get("secrets", {})
    if not isinstance(arguments, list) or not all(isinstance(word, str) and "\0" not in word for word in arguments):
        faults.add(f"{key}.arguments", "a list of texts", arguments)
        arguments = []
    if not isinstance(secrets, dict) or not all(_is_secret(name, path) for name, path in secrets.items()):
        faults.add(f"{key}.secrets", 'names with absolute paths of files, as { token = "/root/token" }', secrets)
        secrets = {}
    return Provision(feature, tuple(arguments), secrets)


def _is_secret(name: str, path: Any) -> bool:
    plain = name.isascii() and name.replace("-", "").replace("_", "").isalnum()
    return plain and isinstance(path, str) and path.startswith("/")


def _check(place: int, item: Any, faults: Faults) -> Check:
    key = f"phoenix.health.{place}"
    words: tuple[str, ...] = ()
    if isinstance(item, dict) and isinstance(item.get("command"), list):
        words = tuple(item["command"])
        if not words or not all(isinstance(word, str) and word for word in words):
            faults.add(f"{key}.command", "a list of texts", item["command"])
            words = ("true",)
        item = {**item, "command": " ".join(map(str, words))}
    found = values.decode_texts(CHECKS, key, item, faults)
    kinds = [kind for kind in KINDS if kind in found]
    if len(kinds) != 1:
        if isinstance(item, dict) and not any(kind in item for kind in KINDS):
            faults.say(key, f"expected one of {', '.join(KINDS)}")
        elif len(kinds) > 1:
            faults.say(key, f"expected one of {', '.join(KINDS)}, found {', '.join(kinds)}")
        return Check("network", "")
    kind = kinds[0]
    if "status" in found and kind != "http":
        faults.say(f"{key}.status", "only http has a status")
    if kind == "command" and not words:
        words = ("sh", "-c", found[kind])
    target = "" if kind == "network" else found[kind]
    if kind in ("tcp", "http"):
        try:
            address(kind, target)
        except ValueError:
            faults.add(f"{key}.{kind}", f"{_EXAMPLES[kind]}, with a port from 1 to {LAST_PORT}", target)
            return Check("network", "")
    return Check(kind, target, words, int(found.get("status", "200")), int(found.get("within", _WITHIN.default)))
