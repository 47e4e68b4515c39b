"""`pct set`: changes, applied at once or noted as pending, as the real one decides it."""

from __future__ import annotations

from phoenix.pve import formats, options
from phoenix.pve.tables import container
from phoenix.rehearsal import cluster, locks, running, volumes
from phoenix.rehearsal.failures import BadParameters, Failure
from phoenix.rehearsal.kinds import CT
from phoenix.rehearsal.pauses import pause
from phoenix.rehearsal.pct import generated, mounts, values
from phoenix.rehearsal.speech import complain

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from phoenix.pve.guestconf import GuestConf
    from phoenix.rehearsal.tree import Tree

    Work = Callable[[Tree, str, GuestConf, str], None]

_LIVE = frozenset(("cores", "description", "hookscript", "hostname", "lock", "onboot", "protection", "startup", "tags"))
_LIVE_CHANGE = _LIVE | {"cpulimit", "cpuunits", "memory", "swap"}
_LIVE_DELETE = _LIVE | {"cpulimit", "cpuunits", "swap"}
_REQUIRED = ("memory", "ostype", "rootfs")
_ENVIRONMENT = "lxc.environment.runtime: "


def run(tree: Tree, given: dict[str, str]) -> int:
    """Change a container's options."""
    guest = given.pop("vmid")
    digest = given.pop("digest", None)
    delete = formats.split_list(given.pop("delete", ""))
    revert = formats.split_list(given.pop("revert", ""))
    if not given and not delete and not revert:
        raise Failure("no options specified")
    _check_names(given, delete, revert)
    with locks.config(tree, CT, guest):
        conf = cluster.read(tree, CT, guest)
        cluster.check_lock(CT, conf)
        cluster.check_digest(tree, CT, guest, digest)
        before = conf.copy()
        faults = give(tree, guest, conf, given, delete, revert)
        pause()
        cluster.write(tree, CT, guest, conf)
        generated.write(tree, guest, cluster.read(tree, CT, guest), first=False)
        generated.check_architecture(before)  # its deletion is accepted, the changes after it end like this
    if faults:
        raise BadParameters(faults)
    return 0


def _check_names(given: dict[str, str], delete: list[str], revert: list[str]) -> None:
    for name in delete:
        if name in given:
            raise BadParameters(
                {"delete": f"you can't use '-{name}' and -delete {name}' at the same time"}  # sic
            )
        if options.lookup(container.GUEST, name) is None:
            raise BadParameters({"delete": f"unknown option '{name}'"})
    for name in revert:
        if options.lookup(container.GUEST, name) is None:
            raise BadParameters({"revert": f"unknown option '{name}'"})
        for other, word in ((delete, "delete "), (given, "")):
            if name in other:
                text = f"you can't use '-{word}{name}' and '-revert {name}' at the same time"
                raise BadParameters({"revert": text})


def give(
    tree: Tree,
    guest: str,
    conf: GuestConf,
    given: dict[str, str],
    delete: Sequence[str] = (),
    revert: Sequence[str] = (),
) -> dict[str, str]:
    """Change a configuration as far as that goes while the container runs, if it does; returns what failed."""
    for name in revert:
        conf.pending.pop(name, None)
        _forget_delete(conf, name)
    touched = _note_deletes(guest, conf, delete)
    for name in sorted(given):
        touched.add(name)
        conf.pending[name] = _checked(tree, guest, conf, name, given[name])
        _forget_delete(conf, name)
    _drop_equal(conf)
    return _apply(tree, guest, conf, touched, running.is_running(tree, guest))


def _note_deletes(guest: str, conf: GuestConf, delete: Sequence[str]) -> set[str]:
    touched = set()
    for name in delete:
        if not _has(conf, name) and name not in conf.pending:
            complain(f"cannot delete '{name}' - not set in current configuration!")
            continue
        touched.add(name)
        if name in _REQUIRED:
            raise Failure(f"unable to delete required option '{name}'")
        if name == "unprivileged":
            raise Failure(f"unable to delete read-only option: '{name}'")
        if mounts.is_mount(name) or name.startswith("unused"):
            cluster.check_protection(conf, f"can't remove CT {guest} drive '{name}'")
        conf.pending.pop(name, None)
        if name not in conf.delete:
            conf.delete.append(name)
    return touched


def _checked(tree: Tree, guest: str, conf: GuestConf, name: str, value: str) -> str:
    if mounts.is_mount(name):
        cluster.check_protection(conf, f"can't update CT {guest} drive '{name}'")
        volume = values.properties(mounts.kind(name), value)["volume"]
        if values.volume_type(volume) == "volume":
            storage = volumes.existing(tree, volumes.split(volume)[0])
            if "rootdir" not in storage.content:
                raise Failure(f"storage '{storage.name}' does not allow content type 'rootdir' (Container)")
    elif name == "unprivileged":
        raise Failure(f"unable to modify read-only option: '{name}'")
    return values.stored(tree, name, value)


def _has(conf: GuestConf, name: str) -> bool:
    return _current(conf, name) is not None


def _current(conf: GuestConf, name: str) -> str | None:
    if name == "description":
        return conf.description[:-1] if conf.description else None
    if name == "env":
        lines = [line[len(_ENVIRONMENT) :] for line in conf.raw if line.startswith(_ENVIRONMENT)]
        return "\0".join(lines) if lines else None
    return conf.options.get(name)


def _store(conf: GuestConf, name: str, value: str | None) -> None:
    if name == "description":
        conf.description = value + "\n" if value else ""
    elif name == "env":
        conf.raw = [line for line in conf.raw if not line.startswith(_ENVIRONMENT)]
        conf.raw += [_ENVIRONMENT + item for item in value.split("\0")] if value else []
    elif value is None:
        conf.options.pop(name, None)
    else:
        conf.options[name] = value


def _forget_delete(conf: GuestConf, name: str) -> None:
    conf.delete = [other for other in conf.delete if other != name]


def _drop_equal(conf: GuestConf) -> None:
    """Changes to what is there already, and deletions of what is not, need not wait."""
    for name in [name for name, value in conf.pending.items() if _current(conf, name) == value]:
        del conf.pending[name]
    conf.delete = [name for name in conf.delete if _has(conf, name)]


def _apply(tree: Tree, guest: str, conf: GuestConf, names: Iterable[str], live: bool) -> dict[str, str]:
    chosen = set(names)
    faults: dict[str, str] = {}
    for name in sorted(chosen & set(conf.delete)):
        if not live or _can_delete_live(name):
            _attempt(_delete, tree, guest, conf, name, live, faults)
    _drop_equal(conf)
    for name in sorted(chosen & set(conf.pending)):
        if not live or _can_change_live(conf, name, tree.release):
            _attempt(_change, tree, guest, conf, name, live, faults)
    return faults


def _attempt(
    work: Work, tree: Tree, guest: str, conf: GuestConf, name: str, live: bool, faults: dict[str, str]
) -> None:
    """Do one change; what goes wrong is noted, and unless the container runs also told at once."""
    try:
        work(tree, guest, conf, name)
    except (Failure, OSError) as error:
        what = f"unable to hotplug {name}:" if live else f"unable to apply pending change {name} :"
        faults[name] = f"{what} {error}\n"
        if not live:
            complain(f"{what} {error}")


def _can_delete_live(name: str) -> bool:
    base = name.rstrip("0123456789")
    return name in _LIVE_DELETE or base in ("net", "unused")


def _can_change_live(conf: GuestConf, name: str, release: int) -> bool:
    base = name.rstrip("0123456789")
    added = base == "mp" or (base == "dev" and release >= 9)
    return name in _LIVE_CHANGE or base == "net" or (added and name not in conf.options)


def _delete(tree: Tree, guest: str, conf: GuestConf, name: str) -> None:
    if mounts.is_mount(name):
        volume = mounts.volume(name, conf.options[name])
        if volume:
            mounts.keep_unused(conf, volume)
    elif name.startswith("unused") and name in conf.options:
        volume = mounts.volume(name, conf.options[name])
        if volume and not mounts.in_use(conf, volume):
            mounts.discard(tree, guest, volume)
    _store(conf, name, None)
    _forget_delete(conf, name)


def _change(tree: Tree, guest: str, conf: GuestConf, name: str) -> None:
    value = conf.pending[name]
    if name.startswith("mp") and name[2:].isdigit():
        value = _mount(tree, guest, conf, name, value)
    _store(conf, name, value)
    del conf.pending[name]


def _mount(tree: Tree, guest: str, conf: GuestConf, name: str, value: str) -> str:
    """A mount point's new value, once its volume is made or measured; the old volume is kept as unused."""
    parsed = values.properties("mp", value)
    old = conf.options.get(name)
    if values.new_size(parsed["volume"]):
        scratch = conf.copy()
        mounts.make(tree, guest, {name: value}, scratch, [])
        shown = scratch.options[name]
    else:
        if values.volume_type(parsed["volume"]) == "volume":
            count = volumes.size(tree, parsed["volume"])
            if count is None:
                complain(f"failed to stat '{volumes.node_path(tree, parsed['volume'])}'")
            else:
                parsed["size"] = formats.show_size(count)
        shown = values.show("mp", parsed, tree.release)
    before = mounts.volume(name, old) if old is not None else ""
    if before:
        mounts.keep_unused(conf, before)
    return shown


def apply_waiting(tree: Tree, guest: str, conf: GuestConf) -> None:
    """Apply everything that waits, and write it."""
    _apply(tree, guest, conf, [*conf.pending, *conf.delete], False)
    cluster.write(tree, CT, guest, conf)
