"""The rest of qm: monitor, keys, terminals, the command line of QEMU, migration, guest agent."""

from __future__ import annotations

import os

from phoenix.rehearsal import cluster, jsons, locks
from phoenix.rehearsal.failures import BadParameters, Failure
from phoenix.rehearsal.kinds import VM
from phoenix.rehearsal.qm import drives, running, show, state
from phoenix.rehearsal.speech import complain, say, write

TYPE_CHECKING = False
if TYPE_CHECKING:
    from phoenix.pve.guestconf import GuestConf
    from phoenix.rehearsal.tree import Tree

_AGENT_SECONDS = 3


def monitor(tree: Tree, given: dict[str, str]) -> int:
    """QEMU's monitor, which hears nothing here."""
    guest = given["vmid"]
    cluster.read(tree, VM, guest)
    say(f"Entering QEMU Monitor for VM {guest} - type 'help' for help")
    write(2, "qm> ")
    return 0


def send_key(tree: Tree, given: dict[str, str]) -> int:
    """Press a key."""
    cluster.read(tree, VM, given["vmid"])
    if not running.pid(tree, given["vmid"]):
        raise Failure(f"VM {given['vmid']} not running")
    return 0


def terminal(tree: Tree, given: dict[str, str]) -> int:
    """A serial terminal."""
    guest = given["vmid"]
    conf = cluster.read(tree, VM, guest)
    wanted = given.get("iface", "")
    found = [f"serial{n}" for n in range(4) if conf.options.get(f"serial{n}") == "socket"]
    if wanted and wanted not in found:
        raise Failure(f"serial interface '{wanted}' is not defined or not a socket")
    if not found:
        raise Failure("unable to find a serial interface")
    if not running.pid(tree, guest):
        raise Failure(f"VM {guest} not running")
    raise Failure("the rehearsal node has no terminals")


def no_console(tree: Tree, given: dict[str, str]) -> int:
    """A VNC proxy."""
    state.read(tree, given["vmid"])
    raise Failure("the rehearsal node has no consoles")


def command(tree: Tree, given: dict[str, str]) -> int:
    """The command line of QEMU, as far as it says what the configuration asks for."""
    guest = given["vmid"]
    conf = cluster.read(tree, VM, guest)
    words = [
        f"-id {guest}",
        f"-name '{show.name(conf, guest).replace(' ', '').lower()},debug-threads=on'",
        "-no-shutdown",
        f"-pidfile /var/run/qemu-server/{guest}.pid",
        "-daemonize",
        f"-smbios 'type=1,{conf.options.get('smbios1', '')}'",
        f"-smp '{conf.options.get('cores', '1')},sockets={conf.options.get('sockets', '1')}'",
        f"-cpu {conf.options.get('cpu', 'kvm64').partition(',')[0]}",
        f"-m {show.memory(conf)}",
    ]
    words += [f"-drive 'file={values['file']},id=drive-{name}'" for name, values in drives.all_of(conf)]
    words += [f"-netdev 'type=tap,id={name}'" for name in sorted(conf.options) if name.startswith("net")]
    joint = " \\\n  " if given.get("pretty") == "1" else " "
    say(joint.join(["/usr/bin/kvm", *words]))
    return 0


def migrate(tree: Tree, given: dict[str, str]) -> int:
    """Move to another node, of which there is none."""
    target = given["target"]
    if target == tree.name:
        raise BadParameters({"target": "target is local node."})
    raise Failure(f"no such cluster node '{target}'")


def remote_migrate(tree: Tree, given: dict[str, str]) -> int:
    """Move to another cluster, which cannot be reached."""
    state.read(tree, given["vmid"])
    raise Failure("remote migration is not possible: the rehearsal node reaches no other cluster")


def nothing(tree: Tree, given: dict[str, str]) -> int:
    """What only Proxmox VE itself calls."""
    if "vmid" in given:
        cluster.read(tree, VM, given["vmid"])
    return 0


def _agent(tree: Tree, guest: str) -> GuestConf:
    """The configuration of a machine whose agent answers; Failure if none does."""
    conf = cluster.read(tree, VM, guest)
    enabled = conf.options.get("agent", "0").partition(",")[0].replace("enabled=", "")
    if enabled.lower() not in ("1", "on", "yes", "true"):
        raise Failure("No QEMU guest agent configured")
    if not running.pid(tree, guest):
        raise Failure(f"VM {guest} is not running", 2)
    if not state.reacts(tree, conf):
        import time

        time.sleep(_AGENT_SECONDS)
        raise Failure("QEMU guest agent is not running")
    return conf


def agent_command(tree: Tree, given: dict[str, str]) -> int:
    """A command of the guest agent."""
    guest, name = given["vmid"], given["command"]
    conf = _agent(tree, guest)
    host = show.name(conf, guest)
    answers: dict[str, jsons.Value] = {
        "get-host-name": {"host-name": host},
        "get-osinfo": {"id": "linux", "name": "Linux", "pretty-name": "Linux"},
        "network-get-interfaces": [],
        "get-users": [],
        "get-fsinfo": [],
        "info": {"supported_commands": [], "version": "7.2.0"},
    }
    if name in answers:
        say(_pretty(answers[name]))
    return 0


def agent_exec(tree: Tree, given: dict[str, str]) -> int:
    """Run a program through the guest agent; here nothing runs, and it succeeds."""
    _agent(tree, given["vmid"])
    if given.get("synchronous", "1") == "1":
        say(_pretty({"exitcode": 0, "exited": 1}))
    else:
        say(_pretty({"pid": 1000}))
    return 0


def agent_status(tree: Tree, given: dict[str, str]) -> int:
    """What became of a program."""
    _agent(tree, given["vmid"])
    say(_pretty({"exitcode": 0, "exited": 1}))
    return 0


def agent_password(tree: Tree, given: dict[str, str]) -> int:
    """Set a password."""
    _agent(tree, given["vmid"])
    return 0


def _pretty(value: jsons.Value) -> str:
    import json

    return json.dumps(value, indent=3, separators=(",", " : "), sort_keys=True)


def import_ovf(tree: Tree, given: dict[str, str]) -> int:
    """Make a machine of an OVF description."""
    cluster.check_quorum(tree)
    kind, node = cluster.owner(tree, given["vmid"])
    if kind:
        raise Failure(f"unable to create VM {given['vmid']} - {kind} {given['vmid']} already exists on node '{node}'")
    if not os.path.isfile(tree.given(given["manifest"])):
        raise Failure(f"{given['manifest']}: non-existent or non-regular file", 2)
    raise Failure("the rehearsal node cannot read OVF descriptions")


def cleanup(tree: Tree, given: dict[str, str]) -> int:
    """What QEMU's end calls."""
    guest = given["vmid"]
    with locks.config(tree, VM, guest):
        conf = cluster.read(tree, VM, guest)
        if running.pid(tree, guest):
            complain(f"vm {guest} is still running")
        elif conf.pending or conf.delete:
            state.end(tree, guest, conf)
    return 0
