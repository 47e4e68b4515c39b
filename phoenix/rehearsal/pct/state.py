"""`pct start`, `stop`, `shutdown`: whether a container runs."""

from __future__ import annotations

from phoenix.rehearsal import cluster, locks, running, templates, volumes, worker
from phoenix.rehearsal.failures import Failure
from phoenix.rehearsal.kinds import CT
from phoenix.rehearsal.pauses import pause
from phoenix.rehearsal.pct import change, generated, mounts
from phoenix.rehearsal.speech import complain, count_warning

TYPE_CHECKING = False
if TYPE_CHECKING:
    from phoenix.pve.guestconf import GuestConf
    from phoenix.rehearsal.tree import Tree


def start(tree: Tree, given: dict[str, str]) -> int:
    """Start a container."""
    guest = given["vmid"]
    if running.is_running(tree, guest):
        raise Failure(f"CT {guest} already running")
    cluster.check_quorum(tree)
    return worker.run(lambda: start_task(tree, guest, given.get("skiplock") == "1"))


def start_task(tree: Tree, guest: str, skip_lock: bool) -> None:
    """The work of a start."""
    with locks.config(tree, CT, guest):
        conf = cluster.read(tree, CT, guest)
        if conf.options.get("template") == "1":
            raise Failure("you can't start a CT if it's a template")
        if not skip_lock and conf.options.get("lock") != "mounted":
            cluster.check_lock(CT, conf)
        if conf.pending or conf.delete:
            change.apply_waiting(tree, guest, conf)
        pause()
        generated.write(tree, guest, conf, first=True)
        mounts.check_present(tree, conf)
        _boot(tree, guest, conf)


def _boot(tree: Tree, guest: str, conf: GuestConf) -> None:
    found = templates.read(volumes.look(tree, mounts.volume("rootfs", conf.options.get("rootfs", ""))))
    if conf.options.get("ostype") != "unmanaged" and templates.warns(
        found, conf.options.get("features", ""), tree.release
    ):
        count_warning(f"Systemd {found['systemd']} detected. You may need to enable nesting.")
    if found.get("init") == "0":
        complain("sync_wait: 34 An error occurred in another process (expected sequence number 7)")
        raise Failure(f"startup for container '{guest}' failed")
    running.start(tree, guest)


def stop(tree: Tree, given: dict[str, str]) -> int:
    """Stop a container at once."""
    return _stop(tree, given["vmid"], given.get("skiplock") == "1")


def shutdown(tree: Tree, given: dict[str, str]) -> int:
    """Shut a container down in order."""
    return _stop(tree, given["vmid"], False)


def _stop(tree: Tree, guest: str, skip_lock: bool) -> int:
    if not running.is_running(tree, guest):
        raise Failure(f"CT {guest} not running")
    return worker.run(lambda: _stop_task(tree, guest, skip_lock))


def _stop_task(tree: Tree, guest: str, skip_lock: bool) -> None:
    with locks.config(tree, CT, guest):
        conf = cluster.read(tree, CT, guest)
        if not skip_lock:
            cluster.check_lock(CT, conf)
        pause()
        halt(tree, guest, conf)


def halt(tree: Tree, guest: str, conf: GuestConf) -> None:
    """Stop a container and apply what waited for that; its file is written anew in any case."""
    running.stop(tree, guest)
    if cluster.has_quorum(tree):
        change.apply_waiting(tree, guest, conf)


def reboot(tree: Tree, given: dict[str, str]) -> int:
    """Shut a container down in order and start it again."""
    guest = given["vmid"]
    if not running.is_running(tree, guest):
        raise Failure(f"VM {guest} not running")  # sic

    def task() -> None:
        _stop_task(tree, guest, False)
        start_task(tree, guest, False)

    return worker.run(task)


def suspend(tree: Tree, given: dict[str, str]) -> int:
    """Freeze a container to disk, which CRIU would do."""
    guest = given["vmid"]
    if not running.is_running(tree, guest):
        raise Failure(f"CT {guest} not running")
    raise Failure(f"command 'lxc-checkpoint -n {guest} -s -D /var/lib/vz/dump' failed: exit code 1")


def resume(tree: Tree, given: dict[str, str]) -> int:
    """Go on with a frozen container."""
    guest = given["vmid"]
    if running.is_running(tree, guest):
        raise Failure(f"CT {guest} already running")
    cluster.read(tree, CT, guest)
    complain(f"lxc-checkpoint: {guest}: ../src/lxc/tools/lxc_checkpoint.c: main: 298 {guest} is not defined")
    raise Failure(f"command 'lxc-checkpoint -n {guest} -r --foreground -D /var/lib/vz/dump' failed: exit code 1")
