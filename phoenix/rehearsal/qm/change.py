"""`qm set` and `qm disk unlink`: changes, applied at once or noted as pending, as the real one decides it."""

from __future__ import annotations

from phoenix.pve import formats, options
from phoenix.rehearsal import cluster, locks
from phoenix.rehearsal.failures import BadParameters, Failure
from phoenix.rehearsal.kinds import VM
from phoenix.rehearsal.pauses import pause
from phoenix.rehearsal.qm import create, disks, drives, running, values
from phoenix.rehearsal.speech import complain, say_latin

TYPE_CHECKING = False
if TYPE_CHECKING:
    from phoenix.pve.guestconf import GuestConf
    from phoenix.rehearsal.tree import Tree

_LIVE = frozenset(
    ("description", "hookscript", "lock", "name", "onboot", "protection", "shares", "startup", "tags", "vmstatestorage")
)
_LIVE_CHANGE = frozenset(("balloon", "cpulimit", "cpuunits"))
_HOTPLUG_DEFAULT = "network,disk,usb"
_HOTPLUG = {
    "net": "network", "scsi": "disk", "virtio": "disk", "unused": "disk", "usb": "usb", "memory": "memory",
    "vcpus": "cpu",
}  # fmt: skip


def unlink(tree: Tree, given: dict[str, str]) -> int:
    """Take drives away: `qm set --delete` under another name."""
    words = {"vmid": given["vmid"], "delete": given["idlist"]}
    if given.get("force") == "1":
        words["force"] = "1"
    return run(tree, words)


def run(tree: Tree, given: dict[str, str]) -> int:
    """Change a machine's options."""
    guest = given.pop("vmid")
    digest = given.pop("digest", None)
    shown = values.hidden(given)
    order = _Order(given)
    if not given and not order.delete and not order.revert:
        raise Failure("no options specified")
    if "cdrom" in given:
        given["ide2"] = create.as_cdrom(given.pop("cdrom"))
    _check_names(given, order)
    disks.check(tree, given)
    with locks.config(tree, VM, guest):
        conf = cluster.read(tree, VM, guest)
        if not order.skip_lock:
            cluster.check_lock(VM, conf)
        if digest is not None and digest != cluster.digest(tree, VM, guest):
            raise Failure("checksum mismatch (file change by other user?)")
        if "balloon" in given or "memory" in given:
            memory = given.get("memory", conf.options.get("memory", ""))
            create.check_balloon(given.get("balloon", conf.options.get("balloon")), memory)
        say_latin(f"update VM {guest}: {shown}")
        _note(tree, guest, conf, given, order)
        pause()
        cluster.write(tree, VM, guest, conf)
        faults = apply(tree, guest, order.force)
    if faults:
        raise BadParameters(faults)
    return 0


class _Order:
    """What a call asks for besides new values."""

    def __init__(self, given: dict[str, str]) -> None:
        self.delete = [_full(name) for name in formats.split_list(given.pop("delete", ""))]
        self.revert = formats.split_list(given.pop("revert", ""))
        self.force = given.pop("force", "0") == "1"
        self.skip_lock = given.pop("skiplock", "0") == "1"


def _full(name: str) -> str:
    return "ide2" if name == "cdrom" else name


def _check_names(given: dict[str, str], order: _Order) -> None:
    known = VM.options()
    for name in order.delete:
        if name in given:
            raise BadParameters({"delete": f"you can't use '-{name}' and -delete {name}' at the same time"})  # sic
        if options.lookup(known, name) is None:
            raise BadParameters({"delete": f"unknown option '{name}'"})
    for name in order.revert:
        if options.lookup(known, name) is None:
            raise BadParameters({"revert": f"unknown option '{name}'"})
        if name in given:
            raise BadParameters({"revert": f"you can't use '-{name}' and '-revert {name}' at the same time"})


def _note(tree: Tree, guest: str, conf: GuestConf, given: dict[str, str], order: _Order) -> None:
    """Write down, as pending, all that was asked for; disks are made here."""
    for name in order.revert:
        _revert(conf, name)
    for name in order.delete:
        _note_delete(conf, name, order.force)
    made: list[str] = []
    deleted = frozenset(order.delete)
    try:
        for name in sorted(given):
            if name == "boot":
                _check_boot(conf, given, deleted)
            conf.pending[name] = _value(tree, guest, conf, name, given[name], made)
            conf.delete = [other for other in conf.delete if other != name]
    except Failure:
        disks.free(tree, made)
        raise


def _check_boot(conf: GuestConf, given: dict[str, str], deleted: frozenset[str]) -> None:
    """Failure for a device to boot from that is neither there nor given in the same call, or is deleted in it."""
    text = given["boot"]
    for device in text.partition("order=")[2].split(",")[0].split(";") if "order=" in text else ():
        there = device in conf.options or device in conf.pending or device in given
        if not there or device in deleted:
            raise Failure(f"invalid bootorder: device '{device}' does not exist'")


def _revert(conf: GuestConf, name: str) -> None:
    conf.delete = [other for other in conf.delete if other != name]
    value = conf.pending.pop(name, None)
    if value and VM.is_drive(name):
        volume = drives.volume(name, value)
        if volume and not drives.in_use(conf, volume):
            drives.keep_unused(conf, volume)


def _note_delete(conf: GuestConf, name: str, force: bool) -> None:
    there = name in conf.options or (name == "description" and bool(conf.description))
    if not there and name not in conf.pending:
        complain(f"cannot delete '{name}' - not set in current configuration!")
        return
    if (VM.is_drive(name) or name.startswith("unused")) and conf.options.get("protection") == "1":
        raise Failure(f"can't remove drive '{name}' - protection mode enabled")
    conf.pending.pop(name, None)
    order = drives.boot_order(conf)
    if name in order:
        rest = [device for device in order if device != name]
        conf.pending["boot"] = "order=" + ";".join(rest) if rest else ""
    if there:
        word = f"!{name}" if force else name
        conf.delete = [*(other for other in conf.delete if other.lstrip("!") != name), word]


def _value(tree: Tree, guest: str, conf: GuestConf, name: str, text: str, made: list[str]) -> str:
    if VM.is_drive(name):
        if conf.options.get("protection") == "1" and name in conf.options:
            raise Failure(f"can't update drive '{name}' - protection mode enabled")
        return disks.make(tree, guest, name, text, made)
    if name == "cipassword":
        return _hashed(text)
    return values.stored(tree, name, text)


def _hashed(text: str) -> str:
    """A password as only a change stores it: hashed, unless it is a hash already."""
    if text.startswith("$") and text.count("$") > 2:
        return text
    import hashlib
    import os

    salt = os.urandom(6).hex()[:8]
    return f"$5${salt}${hashlib.sha256((salt + text).encode()).hexdigest()[:43]}"


def apply(tree: Tree, guest: str, force: bool = False, *, start: bool = False) -> dict[str, str]:
    """Apply what waits and can be applied now, and write it; returns what went wrong, by option."""
    conf = cluster.read(tree, VM, guest)
    live = not start and running.pid(tree, guest) != 0
    faults: dict[str, str] = {}
    changed = False
    for word in sorted(conf.delete):
        name = word.lstrip("!")
        if live and not _can_delete_live(conf, name):
            continue
        try:
            _delete(tree, conf, name, force or word.startswith("!"))
        except (Failure, OSError) as error:
            faults[name] = f"unable to apply pending change {name} : {error}"
            continue
        conf.delete = [other for other in conf.delete if other != word]
        changed = True
    for name in sorted(conf.pending):
        if _current(conf, name) != conf.pending[name]:
            if live and not _can_change_live(conf, name):
                continue
            _change(conf, name, conf.pending[name])
        del conf.pending[name]
        changed = True
    if changed:
        cluster.write(tree, VM, guest, conf)
    return faults


def _current(conf: GuestConf, name: str) -> str | None:
    if name == "description":
        return conf.description[:-1] if conf.description else None
    return conf.options.get(name)


def _hotplugs(conf: GuestConf, name: str) -> bool:
    text = conf.options.get("hotplug", "1")
    words = formats.split_list(_HOTPLUG_DEFAULT if text == "1" else text)
    base = name.rstrip("0123456789")
    return _HOTPLUG.get(name if base not in _HOTPLUG else base, "") in words


def _can_delete_live(conf: GuestConf, name: str) -> bool:
    return name in _LIVE or name in _LIVE_CHANGE or (name != "memory" and _hotplugs(conf, name))


def _can_change_live(conf: GuestConf, name: str) -> bool:
    if name in _LIVE or name in _LIVE_CHANGE:
        return True
    if VM.is_drive(name) and name in conf.options:
        old, new = drives.parse(name, conf.options[name]), drives.parse(name, conf.pending[name])
        if drives.is_cdrom(old) or drives.is_cdrom(new):
            return drives.is_cdrom(old) and drives.is_cdrom(new)
    return _hotplugs(conf, name)


def _delete(tree: Tree, conf: GuestConf, name: str, force: bool) -> None:
    text = conf.options.get(name, "")
    if name.startswith("unused"):
        _remove_volume(tree, conf, name, drives.volume(name, text))
    elif VM.is_drive(name):
        volume = drives.volume(name, text)
        if drives.is_cloud_init(volume) or (volume and force):
            _remove_volume(tree, conf, name, volume)
        elif (
            volume
            and not drives.is_cdrom(drives.parse(name, text))
            and not drives.in_use(conf, volume, name, snapshots=False)
        ):
            drives.keep_unused(conf, volume)
    if name == "description":
        conf.description = ""
    conf.options.pop(name, None)


def _remove_volume(tree: Tree, conf: GuestConf, name: str, volume: str) -> None:
    if drives.in_use(conf, volume, name):
        raise Failure(f"volume '{volume}' is still in use")
    disks.free_unless_base(tree, volume)


def _change(conf: GuestConf, name: str, value: str) -> None:
    if name == "description":
        conf.description = value + "\n" if value else ""
        return
    old = conf.options.get(name)
    conf.options[name] = value
    if old is not None and VM.is_drive(name):
        before = drives.volume(name, old)
        gone = before and before != drives.volume(name, value) and not drives.is_cdrom(drives.parse(name, old))
        if gone and not drives.in_use(conf, before, snapshots=False):
            drives.keep_unused(conf, before)
