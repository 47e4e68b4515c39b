"""`pct create`: in the order of the real one, so that it leaves the same behind when stopped half-way."""

from __future__ import annotations

import os

from phoenix.pve import formats, options
from phoenix.pve.guestconf import GuestConf
from phoenix.pve.tables import container
from phoenix.rehearsal import cluster, locks, speech, templates, volumes, worker
from phoenix.rehearsal.failures import BadParameters, Failure, Interrupted
from phoenix.rehearsal.kinds import CT
from phoenix.rehearsal.pauses import pause
from phoenix.rehearsal.pct import mounts, values
from phoenix.rehearsal.speech import complain, count_warning, say

TYPE_CHECKING = False
if TYPE_CHECKING:
    from phoenix.rehearsal.tree import Tree


class _Order:
    """What is to be made."""

    def __init__(self, guest: str, template: str) -> None:
        self.guest = guest
        self.template = template
        self.conf = GuestConf()
        self.mounts: dict[str, str] = {}
        self.start = False
        self.restore = False
        self.high_availability = False
        self.verb = "create"
        self.pool = ""

    @property
    def blame(self) -> str:
        """How a failure of the task begins."""
        return f"unable to {self.verb} CT {self.guest} - "


def restore(tree: Tree, given: dict[str, str]) -> int:
    """Make a container of a backup."""
    return run(tree, {**given, "restore": "1"})


def run(tree: Tree, given: dict[str, str]) -> int:
    """Make a container."""
    cluster.check_quorum(tree)
    guest = given["vmid"]
    cluster.check_free(tree, guest)
    if "ssh-public-keys" in given:
        from phoenix.rehearsal import keyfiles

        keyfiles.check(given["ssh-public-keys"])
    if "pool" in given:
        from phoenix.rehearsal import pools

        pools.check(tree, given["pool"])
    order = _Order(guest, given["ostemplate"])
    order.restore = given.get("restore") == "1"
    order.verb = "restore" if order.restore else "create"
    _check_template(tree, order)
    _take_mounts(tree, order, given)
    _take_options(tree, order, given)
    try:
        with locks.config(tree, CT, guest, 5.0):
            cluster.create(tree, CT, guest, "lock: create\n")
    except Failure as failure:
        raise Failure(order.blame + failure.text) from failure
    return worker.run(lambda: _task(tree, order))


def _check_template(tree: Tree, order: _Order) -> None:
    wanted = "backup" if order.restore else "vztmpl"
    if not formats.is_volume_id(order.template):
        return  # a path on the node, looked for later
    storage, name = volumes.split(order.template)
    volumes.check_name(volumes.existing(tree, storage), name, tree.release)
    if name.partition("/")[0] != wanted:
        raise Failure(f"unable to use volume {order.template} - content type needs to be '{wanted}'")


def _take_mounts(tree: Tree, order: _Order, given: dict[str, str]) -> None:
    default = given.get("storage", "local")
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
        order.mounts["rootfs"] = f"{default}:4"


def _take_options(tree: Tree, order: _Order, given: dict[str, str]) -> None:
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
    if given.get("unprivileged", "1" if tree.release >= 9 else "0") == "1":
        settings["unprivileged"] = "1"
    order.start = given.get("start") == "1"
    order.pool = given.get("pool", "")
    order.high_availability = given.get("ha-managed") == "1"


def _task(tree: Tree, order: _Order) -> None:
    made: list[str] = []
    with locks.config(tree, CT, order.guest):
        try:
            _make(tree, order, made)
        except (BadParameters, Failure, Interrupted, OSError) as error:
            _undo(tree, order, made)
            raise Failure(order.blame + _reason(error)) from error
    if order.pool:
        from phoenix.rehearsal import pools

        pools.add(tree, order.pool, order.guest)
    if order.high_availability:
        cluster.add_to_ha(tree, CT, order.guest, started=order.start)
    if order.start:
        _start(tree, order)


def _reason(error: Exception) -> str:
    if isinstance(error, BadParameters):
        return "; ".join(error.faults.values())
    if isinstance(error, Interrupted):
        return "command 'tar xpf - --totals' failed: received interrupt"
    return error.text if isinstance(error, Failure) else str(error)


def _make(tree: Tree, order: _Order, made: list[str]) -> None:
    conf = order.conf
    mounts.make(tree, order.guest, order.mounts, conf, made)
    mounts.check_present(tree, conf)
    pause()
    path = _archive(tree, order)
    say(f"extracting archive '{path}'")
    size = os.path.getsize(tree.given(path))
    found = templates.facts(path, size, _known(tree, order.template))
    say(f"Total bytes read: {size * 4} ({size * 4 >> 10}KiB, 100MiB/s)")
    _detect(tree, conf, found)
    volumes.fill(tree, mounts.volume("rootfs", conf.options["rootfs"]), templates.show(found))
    cluster.write(tree, CT, order.guest, conf)
    conf.options.setdefault("hostname", f"CT{order.guest}")
    conf.options.setdefault("memory", "512")
    conf.options.setdefault("swap", "512")
    cluster.write(tree, CT, order.guest, conf)


def _archive(tree: Tree, order: _Order) -> str:
    template = order.template
    fault = ""
    if order.restore:
        raise Failure("the rehearsal node cannot read backups")
    if formats.is_volume_id(template):
        path = volumes.node_path(tree, template)
        if not os.path.exists(tree(path)):
            fault = f"volume '{template}' does not exist"
    else:
        path = template
        if not os.path.isfile(tree.given(path)):
            fault = f"can't find file '{path}'"
    if fault:
        if tree.release >= 9:  # it is looked at for the layout of an OCI image first
            complain(fault)
        raise Failure(fault)
    if not templates.is_archive(path, tree.release):
        raise Failure(f"file does not look like a template archive: {path}")
    return path


def _known(tree: Tree, template: str) -> dict[str, str]:
    known = tree.facts.get("templates", {}).get(template, {})
    return known if isinstance(known, dict) else {}


def _detect(tree: Tree, conf: GuestConf, found: dict[str, str]) -> None:
    given, detected = conf.options.get("ostype"), found["ostype"]
    if given != "unmanaged":
        if detected == "unmanaged":
            complain("/etc/os-release file not found and autodetection failed, falling back to 'unmanaged'")
        if given and given != detected:
            complain(f"got unexpected ostype ({detected} != {given})")
        conf.options["ostype"] = detected
    _detect_architecture(tree, conf, found)
    if conf.options["ostype"] != "unmanaged" and templates.warns(found, conf.options.get("features", ""), tree.release):
        count_warning(f"Systemd {found['systemd']} detected. You may need to enable nesting.")


def _detect_architecture(tree: Tree, conf: GuestConf, found: dict[str, str]) -> None:
    if "arch" in conf.options:
        return
    if conf.options["ostype"] != "unmanaged":
        conf.options["arch"] = found["arch"]
        say(f"Detected container architecture: {found['arch']}")
        return
    if tree.release < 9:
        complain("implement me in sub-class\n at /usr/share/perl5/PVE/LXC/Setup.pm line 234.")
        complain("Architecture detection failed: error in setup task (eval)")
    conf.options["arch"] = "amd64"
    say("Falling back to amd64.\nUse `pct set VMID --arch ARCH` to change.")


def _undo(tree: Tree, order: _Order, made: list[str]) -> None:
    mounts.free(tree, made)
    try:
        cluster.remove(tree, CT, order.guest)
    except OSError as error:
        complain(str(error))


def _start(tree: Tree, order: _Order) -> None:
    """Start it as the end of its creation: a failure of that is only told, and the creation has succeeded."""
    from phoenix.rehearsal.pct import state

    before = speech.warnings
    try:
        state.start_task(tree, order.guest, False)
    except Failure as failure:
        complain(failure.text)
        return
    if speech.warnings > before:
        complain(f"Task finished with {speech.warnings} warning(s)!")
        speech.warnings = 1
