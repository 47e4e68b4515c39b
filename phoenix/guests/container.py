"""A container as its file describes it: TOML decoded by pct's option table into what pct would store."""

from __future__ import annotations

from phoenix.config.faults import Faults
from phoenix.guests import keys, ours, values
from phoenix.guests.guest import Guest
from phoenix.guests.kind import Kind
from phoenix.pve import guestconf
from phoenix.pve.node import Node
from phoenix.pve.options import Option, by_name
from phoenix.pve.pct import PCT
from phoenix.pve.tables import container as tables

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

    from phoenix.config.load import Document

CREATION = by_name(
    Option("bwlimit", "number", 0),
    Option("ignore-unpack-errors", "boolean"),
    Option("pool", format="pve-poolid"),
    Option("sha512", pattern="[0-9a-f]{128}"),
)
"""What matters only when the container is made."""

OWN = ("ostemplate", "lxc", "env")
"""Keys that are no options of a container's configuration but our words for it."""

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


def decode(document: Document, guest: str) -> Guest:
    """The container that a file describes. ConfigError naming every fault of the file."""
    faults = Faults(document)
    table = dict(document.table)
    wish = ours.decode(table.pop("phoenix", {}), CONTAINER.name, faults)
    clone = keys.clone(CONTAINER, table, faults)
    template = _template(table, clone, faults)
    creation = keys.texts(table, CREATION, faults)
    raw, environment = _raw("lxc", table, faults), _raw("env", table, faults)
    firewall = keys.firewall(table, faults)
    paths = keys.paths(table, FILES, faults)
    settings = keys.settings(CONTAINER, table, (*OWN, *FILES, *CREATION), OTHERWISE, faults)
    if "rootfs" not in table and not clone:
        faults.say("rootfs", 'missing: expected a table such as { storage = "local-lvm", size = "8G" }')
    # Said always, because PVE 8 and 9 differ in what they assume; unprivileged is the safer of the two. A clone is
    # what its source is.
    if not clone:
        settings.setdefault("unprivileged", "1")
    if firewall:
        keys.guard_nets(settings)
    keys.unique(settings, "net", "name", faults)
    keys.unique(settings, "mp", "mp", faults)
    made = Guest(
        kind=CONTAINER,
        id=guest,
        path=document.path,
        ostemplate=template,
        settings=settings,
        ours=wish,
        clone=clone,
        creation=creation,
        files=paths,
        raw=raw,
        environment=environment,
        firewall=firewall,
    )
    if made.ours.health:
        ours.check_addresses(made.ours, made.address, faults)
    faults.stop()
    return made


def _template(table: dict[str, Any], clone: Mapping[str, str], faults: Faults) -> str:
    """The template that it is made of, "" for a clone."""
    template = table.pop("ostemplate", None)
    if clone:
        if template is not None:
            faults.say("clone", "a container is made of ostemplate or by clone, not of both")
        return ""
    if not values.is_template(template):
        faults.add("ostemplate", 'a template as "local:vztmpl/NAME.tar.zst" or an absolute path', template)
    return str(template)


def _raw(key: str, table: dict[str, Any], faults: Faults) -> tuple[str, ...] | None:
    """The raw lines that a key stands for, None if it is not there."""
    if key not in table:
        return None
    from phoenix.guests import rawkeys

    decoders: dict[str, Callable[[Any, Faults], tuple[str, ...]]] = {
        "lxc": rawkeys.decode,
        "env": rawkeys.decode_environment,
    }
    return decoders[key](table.pop(key), faults)


CONTAINER = Kind(
    name="lxc",
    noun="container",
    word="CT",
    folder="lxc",
    resource="ct",
    lock="/run/lock/lxc/pve-config-{}.lock",
    tool=PCT,
    table=tables.GUEST,
    pending=guestconf.PENDING,
    volumes=("rootfs", "mp"),
    kept=("arch", "hostname", "memory", "ostype", "rootfs", "unprivileged"),
    content="rootdir",
    decode=decode,
    start=Node.container_start,
)
"""What there is to know of containers."""
