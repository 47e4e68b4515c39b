"""`pct start`, `stop`, `shutdown`, `reboot`, `suspend`, `resume`: whether a container runs."""

from __future__ import annotations

from phoenix.rehearsal import cluster, ha, locks, running, templates, volumes, worker
from phoenix.rehearsal.failures import Failure
from phoenix.rehearsal.kinds import CT
from phoenix.rehearsal.pauses import pause
from phoenix.rehearsal.pct import change, generated, hooks, mounts, real, rootfs
from phoenix.rehearsal.speech import complain, count_warning, say

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from phoenix.pve.guestconf import GuestConf
    from phoenix.rehearsal.tree import Tree

_SPAWN_FAILED = "sync_wait: 34 An error occurred in another process (expected sequence number 7)"
_HOOK_FAILED = {
    8: ("run_buffer: 322", "lxc_init: 844", "__lxc_start: 2027"),
    9: ("run_buffer: 571", "lxc_init: 845", "__lxc_start: 2034"),
}
"""Where LXC is when its hook before the start fails."""
_CHECKPOINT = {8: "main: 298", 9: "lxc_checkpoint_main: 299"}


def start(tree: Tree, given: dict[str, str]) -> int:
    """Start a container."""
    guest = given["vmid"]
    if running.is_running(tree, guest):
        raise Failure(f"CT {guest} already running")
    cluster.check_quorum(tree)
    if ha.is_managed(tree, CT, guest):
        return worker.run(lambda: _ask_ha(tree, guest, "start"))
    return worker.run(lambda: start_task(tree, guest, given.get("skiplock") == "1"))


def start_task(tree: Tree, guest: str, skip_lock: bool) -> None:
    """The work of a start."""
    with locks.config(tree, CT, guest):
        conf = cluster.read(tree, CT, guest)
        if conf.options.get("template") == "1":
            raise Failure("you can't start a CT if it's a template")
        if not skip_lock:
            _check_lock(conf)
        if conf.options.get("unprivileged") == "1":
            _check_quotas(conf)
        _start(tree, guest, conf, skip_lock)


def _check_lock(conf: GuestConf) -> None:
    """Failure if something is under way that a start or a stop must not come between, unless it is only mounted."""
    if conf.options.get("lock") != "mounted":
        cluster.check_lock(CT, conf)


def _check_quotas(conf: GuestConf) -> None:
    if any(parsed.get("quota") == "1" for parsed in mounts.all_of(conf).values()):
        raise Failure("Quotas are not supported by unprivileged containers.")


def _start(tree: Tree, guest: str, conf: GuestConf, skip_lock: bool) -> None:
    if conf.pending or conf.delete:
        change.apply_waiting(tree, guest, conf)
    pause()
    generated.write(tree, guest, conf, first=True)
    mounts.check_present(tree, conf)
    hooks.run(tree, guest, conf, "pre-start")
    found = templates.read(volumes.look(tree, mounts.volume("rootfs", conf.options.get("rootfs", ""))))
    _pre_start(tree, guest, conf, found, skip_lock)
    if found.get("init") == "0":
        complain(_SPAWN_FAILED)
        raise Failure(f"startup for container '{guest}' failed")
    rootfs.update(tree, guest, conf)
    real.start(tree, guest, conf)
    running.start(tree, guest)
    hooks.run(tree, guest, conf, "post-start")


def _pre_start(tree: Tree, guest: str, conf: GuestConf, found: dict[str, str], skip_lock: bool) -> None:
    """What LXC's hook does before the start. Why it fails is not said by pct."""
    try:
        if not skip_lock:
            _check_lock(conf)
        mounts.check_bound(tree, conf)
    except Failure as failure:
        buffer, init, begin = _HOOK_FAILED[min(tree.release, 9)]
        complain(f"{buffer} Script exited with status {failure.code}")
        complain(f'{init} Failed to run lxc.hook.pre-start for container "{guest}"')
        complain(f'{begin} Failed to initialize container "{guest}"')
        raise Failure(f"startup for container '{guest}' failed") from failure
    if conf.options.get("ostype") != "unmanaged" and templates.warns(
        found, conf.options.get("features", ""), tree.release
    ):
        count_warning(f"Systemd {found['systemd']} detected. You may need to enable nesting.")


def stop(tree: Tree, given: dict[str, str]) -> int:
    """Stop a container at once."""
    guest, skip_lock = given["vmid"], given.get("skiplock") == "1"
    _check_running(tree, guest)
    if ha.is_managed(tree, CT, guest):
        return worker.run(lambda: _ask_ha(tree, guest, "stop"))

    def task() -> None:
        with locks.config(tree, CT, guest):
            conf = cluster.read(tree, CT, guest)
            if not skip_lock:
                _check_lock(conf)
            pause()
            halt(tree, guest, conf)

    return worker.run(task)


def shutdown(tree: Tree, given: dict[str, str]) -> int:
    """Shut a container down in order."""
    guest = given["vmid"]
    _check_running(tree, guest)
    if ha.is_managed(tree, CT, guest):
        return worker.run(lambda: _ask_ha(tree, guest, "stop"))

    def task() -> None:
        with locks.config(tree, CT, guest):
            conf = cluster.read(tree, CT, guest)
            cluster.check_lock(CT, conf)
            pause()
            halt(tree, guest, conf)

    return worker.run(task)


def _check_running(tree: Tree, guest: str) -> None:
    if not running.is_running(tree, guest):
        raise Failure(f"CT {guest} not running")


def halt(tree: Tree, guest: str, conf: GuestConf) -> None:
    """Stop a container and apply what waited for that; its file is written anew in any case."""
    hooks.run(tree, guest, conf, "pre-stop")
    real.stop(tree, guest)
    running.stop(tree, guest)
    if cluster.has_quorum(tree):
        change.apply_waiting(tree, guest, conf)
    hooks.run(tree, guest, conf, "post-stop")


def _ask_ha(tree: Tree, guest: str, what: str) -> None:
    """Ask the high availability manager, which does it at once: nobody else works on this node."""
    say(f"Requesting HA {what} for CT {guest}")
    ha.set_state(tree, CT, guest, "started" if what == "start" else "stopped")
    if what == "start":
        try:
            start_task(tree, guest, False)
        except Failure:
            return  # it would try again, and pct does not wait for that
        return
    with locks.config(tree, CT, guest):
        halt(tree, guest, cluster.read(tree, CT, guest))


def reboot(tree: Tree, given: dict[str, str]) -> int:
    """Shut a container down in order and start it again. It is stopped even if something is under way."""
    guest = given["vmid"]
    if not running.is_running(tree, guest):
        raise Failure(f"VM {guest} not running")  # sic

    def task() -> None:
        with locks.config(tree, CT, guest):
            if not running.is_running(tree, guest):
                return
            pause()
            halt(tree, guest, cluster.read(tree, CT, guest))
            _start(tree, guest, cluster.read(tree, CT, guest), False)

    return worker.run(task)


def suspend(tree: Tree, given: dict[str, str]) -> int:
    """Freeze a container to disk. That takes CRIU, which no node has."""
    guest = given["vmid"]
    _check_running(tree, guest)

    def task() -> None:
        with locks.config(tree, CT, guest):
            cluster.check_lock(CT, cluster.read(tree, CT, guest))
            _checkpoint(tree, guest, ("-s",), f"Checkpointing {guest} failed")

    return worker.run(task)


def resume(tree: Tree, given: dict[str, str]) -> int:
    """Go on with a frozen container."""
    guest = given["vmid"]
    if running.is_running(tree, guest):
        raise Failure(f"CT {guest} already running")
    fault = f"{guest} is not defined"
    if generated.is_there(tree, guest):
        fault = f"Restoring {guest} failed"
    return worker.run(lambda: _checkpoint(tree, guest, ("-r", "--foreground"), fault))


def _checkpoint(tree: Tree, guest: str, words: Sequence[str], fault: str) -> None:
    place = f"../src/lxc/tools/lxc_checkpoint.c: {_CHECKPOINT[min(tree.release, 9)]}"
    complain(f"lxc-checkpoint: {guest}: {place} {fault}")
    command = " ".join(("lxc-checkpoint", "-n", guest, *words, "-D", "/var/lib/vz/dump"))
    raise Failure(f"command '{command}' failed: exit code 1")
