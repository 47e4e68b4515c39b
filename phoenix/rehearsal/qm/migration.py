"""`qm migrate`, `remote-migrate`, `mtunnel`, `nbdstop`: to another node, as far as a single one can."""

from __future__ import annotations

import os
import sys
import time

from phoenix.rehearsal import cluster, locks, volumes, worker
from phoenix.rehearsal.failures import BadParameters, Failure
from phoenix.rehearsal.kinds import VM
from phoenix.rehearsal.pauses import pause
from phoenix.rehearsal.qm import drives, running
from phoenix.rehearsal.speech import complain, say

TYPE_CHECKING = False
if TYPE_CHECKING:
    from phoenix.pve.guestconf import GuestConf
    from phoenix.rehearsal.tree import Tree


def migrate(tree: Tree, given: dict[str, str]) -> int:
    """Move a machine to another node of the cluster."""
    guest, target = given["vmid"], given["target"]
    if target == tree.name:
        raise BadParameters({"target": "target is local node."})
    cluster.check_quorum(tree)
    if not os.path.isdir(tree(f"/etc/pve/nodes/{target}")):
        raise Failure(f"no such cluster node '{target}'")
    conf = cluster.read(tree, VM, guest)
    cluster.check_lock(VM, conf)
    runs = running.pid(tree, guest) != 0
    if runs and given.get("online") != "1":
        raise Failure("can't migrate running VM without --online")
    if not runs and given.get("online") == "1":
        complain("VM isn't running. Doing offline migration instead.")
    _check_storages(tree, conf, given.get("targetstorage", ""), target)
    return worker.run(lambda: _task(tree, guest, target))


def _check_storages(tree: Tree, conf: GuestConf, mapped: str, target: str) -> None:
    for _, volume in drives.disks(conf):
        storage = volumes.existing(tree, volumes.split(volume)[0])
        if mapped in ("", "1") and not storage.is_on(target):
            raise Failure(f"storage '{storage.name}' is not available on node '{target}'")


def _task(tree: Tree, guest: str, target: str) -> None:
    with locks.migration(tree, guest), locks.config(tree, VM, guest):
        conf = cluster.read(tree, VM, guest)
        cluster.check_lock(VM, conf)
        begun = time.time()
        _log(f"starting migration of VM {guest} to node '{target}'")
        local = [volume for _, volume in drives.disks(conf) if _is_local(tree, volume)]
        for volume in local:
            _log(f"found local disk '{volume}' (attached)")
        pause()
        for volume in local:
            volumes.free(tree, volume)  # it is on the other node now
        running.stop(tree, guest)
        path = cluster.guest_file(tree, VM, guest)
        os.makedirs(tree(f"/etc/pve/nodes/{target}/{VM.folder}"), exist_ok=True)
        os.rename(tree(path), tree(path.replace(f"/nodes/{tree.name}/", f"/nodes/{target}/")))
        cluster.refresh(tree)
        seconds = int(time.time() - begun)
        _log(f"migration finished successfully (duration 00:00:{seconds:02})")


def _is_local(tree: Tree, volume: str) -> bool:
    return not volumes.existing(tree, volumes.split(volume)[0]).is_shared()


def _log(text: str) -> None:
    say(time.strftime("%Y-%m-%d %H:%M:%S ") + text)


def remote(_tree: Tree, given: dict[str, str]) -> int:
    """Move a machine to another cluster, which is asked first and cannot be reached."""
    values = dict(part.partition("=")[::2] for part in given["target-endpoint"].split(","))
    host = values.get("host", "")
    fault = "Network is unreachable" if host.replace(".", "").isdigit() or ":" in host else "Name or service not known"
    raise Failure(f"500 Can't connect to {host}:{values.get('port', '8006')} ({fault})")


def tunnel(tree: Tree, _given: dict[str, str]) -> int:
    """What the other node of a migration talks to."""
    if not cluster.has_quorum(tree):
        say("no quorum")
        return 0
    say("tunnel online\nver 1")
    for line in sys.stdin or ():
        words = line.split()
        if words == ["quit"]:
            say("OK")
            break
        if len(words) == 2 and words[0] == "resume" and words[1].isdigit():
            if running.pid(tree, words[1]):
                running.resume(tree, words[1])
                say("OK")
            else:
                say(f"ERR: resume failed - VM {words[1]} not running")
    return 0


def stop_server(tree: Tree, given: dict[str, str]) -> int:
    """Stop the server that a migration reads disks from; that there is none is only told."""
    guest = given["vmid"]
    if running.pid(tree, guest):
        complain(f"VM {guest} qmp command 'nbd-server-stop' failed - NBD server not running")
    else:
        complain(f"VM {guest} not running")
    return 0
