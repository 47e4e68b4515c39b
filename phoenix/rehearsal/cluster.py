"""The cluster file system: quorum, which ID is taken, and the guests' files, written as pmxcfs does."""

from __future__ import annotations

import os

from phoenix.pve import formats, guestconf, options
from phoenix.rehearsal import jsons, locks
from phoenix.rehearsal.failures import Failure
from phoenix.rehearsal.kinds import KINDS
from phoenix.rehearsal.speech import complain
from phoenix.rehearsal.tree import COUNTS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

    from phoenix.pve.guestconf import GuestConf
    from phoenix.rehearsal.kinds import Kind
    from phoenix.rehearsal.tree import Tree


BORN: Final = f"{COUNTS}/born-{{}}"
"""A file that is as old as a guest that was made here; the status daemon learns of it a little later."""

_CRON = (
    "# cluster wide vzdump cron schedule\n# Automatically generated file - do not edit\n\n"
    'PATH="/usr/sbin:/usr/bin:/sbin:/bin"\n\n'
)
_INTERNAL = frozenset(
    (
        "digest",
        "meta",
        "parent",
        "runningcpu",
        "runningmachine",
        "running-nets-host-mtu",
        "snapstate",
        "snaptime",
        "vmstate",
    )
)
"""Keys of a guest's file that are no options."""


def has_quorum(tree: Tree) -> bool:
    """Whether the cluster file system takes changes: .members, and the mode of its folder."""
    if not os.stat(tree("/etc/pve")).st_mode & 0o200:
        return False
    try:
        members = jsons.read(tree.read("/etc/pve/.members"))
        return bool(members.get("cluster", {}).get("quorate", 1))
    except (ValueError, AttributeError):
        return True


def check_quorum(tree: Tree) -> None:
    """Failure unless there is quorum."""
    if not has_quorum(tree):
        raise Failure("cluster not ready - no quorum?")


class Taken(Failure):
    """The ID belongs to a guest that is there."""


def guest_file(tree: Tree, kind: Kind, guest: str) -> str:
    """The path, on the node, of a guest's file."""
    return f"/etc/pve/nodes/{tree.name}/{kind.folder}/{guest}.conf"


def is_there(tree: Tree, kind: Kind, guest: str) -> bool:
    """Whether this node has a guest."""
    return os.path.exists(tree(guest_file(tree, kind, guest)))


def missing(tree: Tree, kind: Kind, guest: str) -> Failure:
    """The failure for a guest that is not there."""
    return Failure(f"Configuration file 'nodes/{tree.name}/{kind.folder}/{guest}.conf' does not exist", 2)


def owner(tree: Tree, guest: str) -> tuple[str, str]:
    """Who has an ID: CT or VM, and the node; ("", "") if it is free."""
    base = tree("/etc/pve/nodes")
    for node in sorted(os.listdir(base)):
        for kind in KINDS:
            if os.path.exists(f"{base}/{node}/{kind.folder}/{guest}.conf"):
                return kind.word, node
    return "", ""


def check_free(tree: Tree, guest: str) -> None:
    """Failure if some guest has the ID."""
    kind, node = owner(tree, guest)
    if kind:
        raise Taken(f"{kind} {guest} already exists on node '{node}'", 255 if kind == "CT" else 2)


def read(tree: Tree, kind: Kind, guest: str) -> GuestConf:
    """A guest's configuration as pct takes it in. Warns of what pct warns of."""
    conf = guestconf.parse(_data(tree, kind, guest).decode("utf-8", "replace"), kind.pending)
    for section in (conf, *conf.snapshots.values()):
        _take_in(tree, kind, guest, section)
    return conf


def digest(tree: Tree, kind: Kind, guest: str) -> str:
    """The digest of a guest's configuration, as --digest takes it."""
    import hashlib

    return hashlib.sha1(_data(tree, kind, guest), usedforsecurity=False).hexdigest()


def check_digest(tree: Tree, kind: Kind, guest: str, wanted: str | None) -> None:
    """Failure if a guest's configuration is not the one that the caller has seen; nothing wanted is always well."""
    if wanted and wanted != digest(tree, kind, guest):
        raise Failure("detected modified configuration - file changed by other user? Try again.")


def _data(tree: Tree, kind: Kind, guest: str) -> bytes:
    try:
        with open(tree(guest_file(tree, kind, guest)), "rb") as file:
            return file.read()
    except FileNotFoundError:
        raise missing(tree, kind, guest) from None


def read_quick(tree: Tree, kind: Kind, guest: str) -> GuestConf:
    """A guest's configuration, without digest and warnings."""
    text = tree.read(guest_file(tree, kind, guest))
    return guestconf.parse(text, kind.pending)


def _take_in(tree: Tree, kind: Kind, guest: str, section: GuestConf) -> None:
    for name, value in section.options.items():
        if name in _INTERNAL:
            continue
        option = options.lookup(kind.options(), name)
        if option is None:
            complain(f"vm {guest} - unable to parse value of '{name}' - unknown setting '{name}'")
        elif option.type == "boolean":
            truth = formats.boolean(value)
            section.options[name] = value if truth is None else str(int(truth))
        section.options[name] = section.options[name] or " "  # the real parser makes one blank of no value
    for name, value in section.pending.items():
        section.pending[name] = value or " "
    for line in section.strange:
        complain(f"vm {guest} - unable to parse config: {line}")
    for line in section.raw:
        if tree.release >= 9 and line.startswith("lxc.cgroup."):
            key = line.partition(":")[0]
            complain(f"vm {guest} - {key} is deprecated, this will be a hard error in the future!")


def write(tree: Tree, kind: Kind, guest: str, conf: GuestConf) -> None:
    """Write a guest's configuration; without quorum the cluster file system refuses."""
    path = guest_file(tree, kind, guest)
    if not has_quorum(tree):
        raise Failure(f"unable to open file '{path}.tmp.{os.getpid()}' - Permission denied", 2)
    _drop_used(kind, conf)
    with locks.cluster(tree):
        tree.replace(path, guestconf.render(conf, kind.pending))
        _list_guests(tree)


def _drop_used(kind: Kind, conf: GuestConf) -> None:
    """Forget unused volumes that are in use after all."""
    used = {
        value.partition(",")[0].replace("volume=", "").replace("file=", "")
        for name, value in conf.options.items()
        if kind.is_drive(name)
    }
    for name in [name for name in conf.options if name.startswith("unused")]:
        if conf.options[name] in used:
            del conf.options[name]


def create(tree: Tree, kind: Kind, guest: str, text: str) -> None:
    """Make a guest's file: exactly one of all that try at once succeeds."""
    path = guest_file(tree, kind, guest)
    with locks.cluster(tree):
        check_free(tree, guest)
        beside = f"{tree(path)}.tmp.{os.getpid()}"
        number = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o640)
        try:
            os.write(number, text.encode())
            os.link(beside, tree(path))
        finally:
            os.close(number)
            os.unlink(beside)
        _list_guests(tree)
        _note_birth(tree, guest)


def _note_birth(tree: Tree, guest: str) -> None:
    os.makedirs(tree(COUNTS), exist_ok=True)
    with open(tree(BORN.format(guest)), "w", encoding="ascii"):
        pass


def remove(tree: Tree, kind: Kind, guest: str) -> None:
    """Remove a guest's file; without quorum the cluster file system refuses."""
    if not has_quorum(tree):
        raise Failure("failed to remove config file: Permission denied")
    with locks.cluster(tree):
        os.unlink(tree(guest_file(tree, kind, guest)))
        _list_guests(tree)


def move(tree: Tree, kind: Kind, guest: str, node: str) -> None:
    """Give a guest's file to another node."""
    path = guest_file(tree, kind, guest)
    with locks.cluster(tree):
        try:
            os.rename(tree(path), tree(path.replace(f"/nodes/{tree.name}/", f"/nodes/{node}/", 1)))
        except OSError as error:
            raise Failure(f"failed to move config file to node '{node}': {error.strerror}") from error
        _list_guests(tree)


def refresh(tree: Tree) -> None:
    """Write .vmlist anew."""
    with locks.cluster(tree):
        _list_guests(tree)


def _list_guests(tree: Tree) -> None:
    """.vmlist as pmxcfs shows it; its versions only ever grow."""
    try:
        before = jsons.read(tree.read("/etc/pve/.vmlist"))
        number, old = int(before["version"]) + 1, before["ids"]
    except (ValueError, KeyError, TypeError):
        number, old = 1, {}
    base, lines = tree("/etc/pve/nodes"), []
    for node in sorted(os.listdir(base)):
        for folder, kind in (("lxc", "lxc"), ("qemu-server", "qemu")):
            if not os.path.isdir(f"{base}/{node}/{folder}"):
                continue
            for name in os.listdir(f"{base}/{node}/{folder}"):
                guest = name[:-5]
                if name.endswith(".conf") and guest.isdigit():
                    version = old.get(guest, {}).get("version", number)
                    lines.append(f'"{guest}": {{ "node": "{node}", "type": "{kind}", "version": {version} }}')
    text = f'{{\n"version": {number},\n"ids": {{\n' + ",\n".join(lines) + "}\n\n}\n"
    tree.replace("/etc/pve/.vmlist", text, 0o440)


def check_lock(kind: Kind, conf: GuestConf) -> None:
    """Failure if the configuration says that something is under way."""
    if conf.options.get("lock"):
        raise Failure(f"{kind.word} is locked ({conf.options['lock']})")


def check_protection(conf: GuestConf, what: str) -> None:
    """Failure if the guest is protected."""
    if conf.options.get("protection") == "1":
        raise Failure(f"{what} - protection mode enabled")


def add_to_ha(tree: Tree, kind: Kind, guest: str, *, started: bool) -> None:
    """Give a guest to the high availability manager."""
    from phoenix.rehearsal import haconfig

    complain("Add as HA resource")
    table = haconfig.read(tree)
    table[haconfig.name_of(kind, guest)] = {"state": "started" if started else "stopped"}
    haconfig.write(tree, table)


def drop_from_jobs(tree: Tree, kind: Kind, guest: str) -> None:
    """Remove a guest from what is configured elsewhere for it: replication, backup jobs, high availability."""
    for path, text in (("/etc/pve/replication.cfg", ""), ("/etc/pve/vzdump.cron", _CRON)):
        if not os.path.exists(tree(path)):
            tree.replace(path, text)
    from phoenix.rehearsal import haconfig

    table = haconfig.read(tree)
    if table.pop(haconfig.name_of(kind, guest), None) is not None:
        haconfig.write(tree, table)


def check_ha(tree: Tree, kind: Kind, guest: str, *, purge: bool) -> None:
    """Failure if a guest that is to be destroyed is given to the high availability manager."""
    from phoenix.rehearsal import haconfig

    if not purge and haconfig.name_of(kind, guest) in haconfig.read(tree):
        raise Failure(f"unable to remove {kind.word} {guest} - used in HA resources and purge parameter not set.")
