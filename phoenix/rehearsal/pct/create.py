"""`pct create`: in the order of the real one, so that it leaves the same behind when stopped half-way."""

from __future__ import annotations

from phoenix.pve import formats, options
from phoenix.pve.guestconf import GuestConf
from phoenix.pve.tables import container
from phoenix.rehearsal import cluster, locks, mounttable, volumes, worker
from phoenix.rehearsal.failures import BadParameters, Failure, Interrupted
from phoenix.rehearsal.kinds import CT
from phoenix.rehearsal.pauses import pause
from phoenix.rehearsal.pct import mounts, rootfs, unpack, values
from phoenix.rehearsal.speech import complain

TYPE_CHECKING = False
if TYPE_CHECKING:
    from phoenix.rehearsal.pct.restore import Restore
    from phoenix.rehearsal.tree import Tree


class Order:
    """What is to be made."""

    def __init__(self, given: dict[str, str]) -> None:
        self.guest = given["vmid"]
        self.template = given["ostemplate"]
        self.restore = given.get("restore") == "1"
        self.force = given.get("force") == "1"
        self.unique = given.get("unique") == "1"
        self.storage = given.get("storage", "local")
        self.says_privileges = "unprivileged" in given
        self.ignore_errors = given.get("ignore-unpack-errors") == "1"
        self.keys = given.get("ssh-public-keys", "")
        self.pool = given.get("pool", "")
        self.start = given.get("start") == "1"
        self.high_availability = given.get("ha-managed") == "1"
        self.replaces = False
        self.conf = GuestConf()
        self.mounts: dict[str, str] = {}

    @property
    def verb(self) -> str:
        """The word for it."""
        return "restore" if self.restore else "create"

    @property
    def blame(self) -> str:
        """How a failure of the task begins."""
        return f"unable to {self.verb} CT {self.guest} - "

    def set_defaults(self) -> None:
        """What a container has at least."""
        self.conf.options.setdefault("hostname", f"CT{self.guest}")
        self.conf.options.setdefault("memory", "512")
        self.conf.options.setdefault("swap", "512")


def restore(tree: Tree, given: dict[str, str]) -> int:
    """Make a container of a backup."""
    return run(tree, {**given, "restore": "1"})


def run(tree: Tree, given: dict[str, str]) -> int:
    """Make a container."""
    cluster.check_quorum(tree)
    order = Order(given)
    order.replaces = order.restore and order.force and cluster.is_there(tree, CT, order.guest)
    if order.replaces:
        from phoenix.rehearsal.pct import restore as restoring

        restoring.check_existing(tree, order.guest)
    else:
        cluster.check_free(tree, order.guest)
    if order.keys:
        from phoenix.rehearsal import keyfiles

        keyfiles.check(order.keys)
    if order.pool:
        from phoenix.rehearsal import pools

        pools.check(tree, order.pool)
    _check_template(tree, order, given)
    _take_mounts(tree, order, given)
    _take_options(tree, order, given)
    try:
        with locks.config(tree, CT, order.guest, 5.0):
            _reserve(tree, order)
    except Failure as failure:
        raise Failure(order.blame + failure.text) from failure
    return worker.run(lambda: _task(tree, order))


def _reserve(tree: Tree, order: Order) -> None:
    """Take the ID: its file says that it is being made."""
    if not order.replaces:
        cluster.create(tree, CT, order.guest, "lock: create\n")
        return
    conf = cluster.read(tree, CT, order.guest)
    cluster.check_lock(CT, conf)
    conf.options["lock"] = "create"
    cluster.write(tree, CT, order.guest, conf)


def _check_template(tree: Tree, order: Order, given: dict[str, str]) -> None:
    if order.template == unpack.PIPE:
        if not order.restore:
            raise Failure("pipe can only be used with restore tasks")
        if "rootfs" not in given:
            raise Failure("restore from pipe requires rootfs parameter")
        return
    wanted = "backup" if order.restore else "vztmpl"
    if not formats.is_volume_id(order.template):
        return  # a path on the node, looked for later
    storage, name = volumes.split(order.template)
    volumes.check_name(volumes.existing(tree, storage), name, tree.release)
    if name.partition("/")[0] != wanted:
        raise Failure(f"unable to use volume {order.template} - content type needs to be '{wanted}'")


def _take_mounts(tree: Tree, order: Order, given: dict[str, str]) -> None:
    default = order.storage
    for name, value in given.items():
        if mounts.is_mount(name):
            plain = values.new_size(f":{value}") is not None
            order.mounts[name] = f"{default}:{value}" if plain else value
    if order.mounts and "rootfs" not in order.mounts:
        raise Failure("mount points configured, but 'rootfs' not set - aborting")
    for place, name in enumerate(sorted(order.mounts, key=mounts.order)):
        volume = values.properties(mounts.kind(name), order.mounts[name])["volume"]
        if values.volume_type(volume) == "volume":
            storage = volumes.split(volume)[0]
            try:
                volumes.for_containers(tree, storage)
            except Failure as failure:
                raise Failure(failure.text, 25 if place else 255) from failure
    if "rootfs" not in order.mounts:
        volumes.for_containers(tree, default)
        if not order.restore:  # whose disks are as the backup has them
            order.mounts["rootfs"] = f"{default}:4"


def _take_options(tree: Tree, order: Order, given: dict[str, str]) -> None:
    settings = order.conf.options
    for name, value in given.items():
        if name.startswith("unused") and name[6:].isdigit():
            complain(f"ignoring '{name}', cannot create/restore with unused volume")
        elif name == "description":
            order.conf.description = value + "\n" if value else ""
        elif name == "env":
            order.conf.raw += [f"lxc.environment.runtime: {item}" for item in value.split("\0")]
        elif options.lookup(container.GUEST, name) and not mounts.is_mount(name) and name != "unprivileged":
            settings[name] = values.stored(tree, name, value)
    usual = "1" if tree.release >= 9 and not order.restore else "0"
    if given.get("unprivileged", usual) == "1":
        settings["unprivileged"] = "1"


def _task(tree: Tree, order: Order) -> None:
    made: list[str] = []
    work: _Making | Restore = _Making(tree, order)
    if order.restore:
        from phoenix.rehearsal.pct import restore as restoring

        work = restoring.Restore(tree, order)
    with locks.config(tree, CT, order.guest):
        try:
            work.do(made)
        except (BadParameters, Failure, Interrupted, OSError) as error:
            _undo(tree, order, made, touched=work.touched)
            raise Failure(order.blame + _reason(error)) from error
    if order.pool:
        from phoenix.rehearsal import pools

        pools.add(tree, order.pool, order.guest)
    if order.start:
        from phoenix.rehearsal.pct import nested

        nested.start(tree, order.guest)
    if order.high_availability:
        cluster.add_to_ha(tree, CT, order.guest, started=order.start)


def _reason(error: Exception) -> str:
    if isinstance(error, BadParameters):
        return "; ".join(error.faults.values())
    if isinstance(error, Interrupted):
        return "command 'tar xpf - --totals' failed: received interrupt"
    return error.text if isinstance(error, Failure) else str(error)


class _Making:
    """One container on its way. `touched` says whether there is something to be removed if it fails."""

    touched = True

    def __init__(self, tree: Tree, order: Order) -> None:
        self.tree = tree
        self.order = order

    def do(self, made: list[str]) -> None:
        """All of it; the volumes that it makes are added to `made` at once."""
        tree, order = self.tree, self.order
        mounts.make(tree, order.guest, order.mounts, order.conf, made)
        mounts.check_present(tree, order.conf)
        mounttable.mount(tree, order.guest)
        pause()
        unpack.template(tree, order.guest, order.conf, order.template, ignore_errors=order.ignore_errors)
        cluster.write(tree, CT, order.guest, order.conf)
        order.set_defaults()
        cluster.write(tree, CT, order.guest, order.conf)
        if order.keys:
            rootfs.authorize(tree, order.guest, order.keys)
        mounttable.unmount(tree, mounttable.place(order.guest))


def _undo(tree: Tree, order: Order, made: list[str], *, touched: bool) -> None:
    """Remove what was made in vain; a container that was to be replaced and is untouched stays."""
    mounttable.unmount(tree, mounttable.place(order.guest))
    mounts.free(tree, made)
    rootfs.forget(tree, order.guest)
    try:
        if touched:
            cluster.remove(tree, CT, order.guest)
        else:
            conf = cluster.read(tree, CT, order.guest)
            conf.options.pop("lock", None)
            cluster.write(tree, CT, order.guest, conf)
    except (Failure, OSError) as error:
        complain(str(error))
