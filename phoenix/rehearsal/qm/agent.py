"""`qm guest cmd`, `exec`, `exec-status`, `passwd` (and `qm agent`): the guest agent of QEMU.

No machine has one unless a file says so: DIR/usr/share/phoenix-rehearsal/agents/N.json for the machine N, all.json
for all that have none of their own. Its JSON object has answers by command, each as the agent gives it:
{"get-osinfo": {"id": "alpine"}, "exec": {"exitcode": 1, "err-data": "no such program"}}. What it does not have is
answered as by a Debian; what it is told to run is run apart (`programs`). An agent also hears of a shutdown.
"""

from __future__ import annotations

import os
import time

from phoenix.pve import formats
from phoenix.pve.tables import machine
from phoenix.rehearsal import cluster, jsons
from phoenix.rehearsal.failures import BadParameters, Failure
from phoenix.rehearsal.kinds import VM
from phoenix.rehearsal.qm import programs, real, running, show
from phoenix.rehearsal.speech import complain, say

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from phoenix.pve.guestconf import GuestConf
    from phoenix.rehearsal.tree import Tree

FOLDER = "/usr/share/phoenix-rehearsal/agents"
_PATIENCE = 3
_MOST_INPUT = 1 << 20
_PROCESS = "1000"
_CLOUD_INIT = {"exitcode": 0, "out-data": "\nstatus: done\n"}
"""What the system of an image for clouds says of its cloud-init."""
_COMMANDS = (
    "exec", "exec-status", "file-close", "file-open", "file-read", "file-write", "fsfreeze-freeze", "fsfreeze-status",
    "fsfreeze-thaw", "fstrim", "get-fsinfo", "get-host-name", "get-memory-block-info", "get-memory-blocks",
    "get-osinfo", "get-time", "get-timezone", "get-users", "get-vcpus", "info", "network-get-interfaces", "ping",
    "set-user-password", "shutdown", "suspend-disk", "suspend-hybrid", "suspend-ram", "sync",
)  # fmt: skip
_SYSTEM = {
    "id": "debian",
    "kernel-release": "6.1.0-28-amd64",
    "kernel-version": "#1 SMP PREEMPT_DYNAMIC Debian 6.1.119-1 (2024-11-22)",
    "machine": "x86_64",
    "name": "Debian GNU/Linux",
    "pretty-name": "Debian GNU/Linux 12 (bookworm)",
    "version": "12 (bookworm)",
    "version-id": "12",
}


def _file(tree: Tree, guest: str) -> str:
    paths = (tree(f"{FOLDER}/{name}.json") for name in (guest, "all"))
    return next((path for path in paths if os.path.isfile(path)), "")


def is_there(tree: Tree, guest: str) -> bool:
    """Whether an agent answers in a machine that runs and has it enabled."""
    if not running.pid(tree, guest) or running.is_paused(tree, guest):
        return False
    if real.is_wanted(tree):
        return real.answers(tree, guest)
    return bool(_file(tree, guest))


def _enabled(conf: GuestConf) -> bool:
    text = conf.options.get("agent", "0")
    return formats.boolean(formats.properties(machine.PROPERTIES["agent"], text)[0].get("enabled", "0")) is True


def hears(tree: Tree, guest: str, conf: GuestConf) -> bool:
    """Whether an agent is asked before a shutdown or a snapshot; that one was expected and is not there is told."""
    if not _enabled(conf):
        return False
    if is_there(tree, guest):
        return True
    time.sleep(_PATIENCE)
    word = "qmp" if tree.release < 9 else "qga"
    complain(f"QEMU Guest Agent is not running - VM {guest} {word} command 'guest-ping' failed - got timeout")
    return False


def _check(tree: Tree, guest: str) -> GuestConf:
    """The configuration of a machine whose agent answers; Failure if none does."""
    conf = cluster.read(tree, VM, guest)
    if "agent" not in conf.options:
        raise Failure("No QEMU guest agent configured")
    if not running.pid(tree, guest):
        raise Failure(f"VM {guest} is not running", 2)
    if not _enabled(conf) or not is_there(tree, guest):
        time.sleep(_PATIENCE if _enabled(conf) else 0)
        raise Failure("QEMU guest agent is not running")
    return conf


def _answers(tree: Tree, guest: str, conf: GuestConf) -> dict[str, Any]:
    """What the agent says, by command."""
    commands = [{"enabled": True, "name": f"guest-{name}", "success-response": True} for name in _COMMANDS]
    found: dict[str, Any] = {
        "fsfreeze-freeze": 1,
        "fsfreeze-status": "thawed",
        "fsfreeze-thaw": 1,
        "fstrim": {"paths": [{"minimum": 0, "path": "/", "trimmed": 0}]},
        "get-fsinfo": [{"disk": [], "mountpoint": "/", "name": "sda1", "type": "ext4"}],
        "get-host-name": {"host-name": show.name(conf, guest).replace(" ", "")},
        "get-memory-block-info": {"size": 1 << 27},
        "get-memory-blocks": [{"can-offline": True, "online": True, "phys-index": 0}],
        "get-osinfo": _SYSTEM,
        "get-time": 1700000000000000000,
        "get-timezone": {"offset": 0, "zone": "UTC"},
        "get-users": [],
        "get-vcpus": [{"can-offline": False, "logical-id": 0, "online": True}],
        "info": {"supported_commands": commands, "version": "7.2.15"},
        "network-get-interfaces": _interfaces(conf),
    }
    text = tree.read(_file(tree, guest)[len(tree.root) :])
    given = jsons.read(text) if text.strip() else {}
    return {**found, **given}


def _interfaces(conf: GuestConf) -> list[Any]:
    """The loopback, and an interface for each of the machine's with the address that cloud-init would give it."""
    found = [_interface("lo", "00:00:00:00:00:00", [("ipv4", "127.0.0.1", 8), ("ipv6", "::1", 128)])]
    nets = sorted((key for key in conf.options if key.startswith("net") and key[3:].isdigit()), key=_number)
    for name in nets:
        net = formats.properties(machine.PROPERTIES["net"], conf.options[name])[0]
        text = conf.options.get(f"ipconfig{_number(name)}", "")
        wanted = formats.properties(machine.PROPERTIES["ipconfig"], text)[0] if text else {}
        addresses = []
        for key, kind in (("ip", "ipv4"), ("ip6", "ipv6")):
            address, slash, bits = wanted.get(key, "").partition("/")
            if slash:
                addresses.append((kind, address, int(bits)))
        found.append(_interface(f"eth{_number(name)}", net.get("macaddr", "").lower(), addresses))
    return found


def _number(name: str) -> int:
    return int(name[3:])


def _interface(name: str, mac: str, addresses: list[tuple[str, str, int]]) -> dict[str, Any]:
    return {
        "hardware-address": mac,
        "ip-addresses": [
            {"ip-address": address, "ip-address-type": kind, "prefix": bits} for kind, address, bits in addresses
        ],
        "name": name,
        "statistics": {f"{way}-{what}": 0 for way in ("rx", "tx") for what in ("bytes", "dropped", "errs", "packets")},
    }


def command(tree: Tree, given: dict[str, str]) -> int:
    """Give the agent a command, and print what it says."""
    guest, name = given["vmid"], given["command"]
    conf = _check(tree, guest)
    if real.is_wanted(tree):
        _print(real.ask(tree, guest, name, silent=name == "shutdown"))
        return 0
    _print(_answers(tree, guest, conf).get(name, {}))
    if name == "shutdown":
        running.stop(tree, guest)
    return 0


def execute(tree: Tree, given: dict[str, str]) -> int:
    """Run a program in the machine. What the agent's file says of its end is told without running it."""
    guest = given["vmid"]
    waits = given.get("synchronous", "1") == "1"
    if "timeout" in given and not waits:
        raise BadParameters({"synchronous": "needs to be set for 'timeout'"})
    data = b""
    if given.get("pass-stdin") == "1":
        data = _read_input()
    elif "extra-args" not in given:
        cluster.read(tree, VM, guest)
        raise Failure("command or input-data (or both) required")
    conf = _check(tree, guest)
    argv = given.get("extra-args", "").split("\0")
    seconds = float(given.get("timeout", "30")) if waits else -1
    if real.is_wanted(tree):
        number = real.begin(tree, guest, argv, data)
        ended = real.wait(tree, guest, number, seconds) if waits else None
    else:
        number, ended = _pretend(tree, guest, conf, argv, data, seconds)
    if waits and ended is None:
        complain("timeout reached, returning pid")
    _print(ended or {"pid": number})
    return 0


def _pretend(
    tree: Tree, guest: str, conf: GuestConf, argv: list[str], data: bytes, seconds: float
) -> tuple[int, dict[str, Any] | None]:
    """Run a program apart; returns its number, and how it ended if it did in time (less than 0: it is not waited)."""
    said = _answers(tree, guest, conf).get("exec")
    if said is None and argv[0] == "cloud-init":
        said = _CLOUD_INIT
    if said is not None:
        return int(_PROCESS), {**said, "exited": 1} if seconds >= 0 else None
    number = programs.begin(tree, guest, argv, data)
    return int(number), programs.wait(tree, guest, number, seconds) if seconds >= 0 else None


def _read_input() -> bytes:
    data = b""
    while True:
        more = os.read(0, 65536)
        data += more
        if len(data) > _MOST_INPUT:
            raise Failure("'input-data' (STDIN) is limited to 1 MiB, aborting")
        if not more:
            return data


def status(tree: Tree, given: dict[str, str]) -> int:
    """What became of a program that was begun."""
    guest = given["vmid"]
    conf = _check(tree, guest)
    if real.is_wanted(tree):
        _print(real.status(tree, guest, int(given["pid"])))
        return 0
    said = _answers(tree, guest, conf).get("exec")
    if said is not None and given["pid"] == _PROCESS:
        _print({**said, "exited": 1})
    else:
        _print(programs.ended(tree, guest, given["pid"]) or {"exited": 0})
    return 0


def password(tree: Tree, given: dict[str, str]) -> int:
    """Set the password of a user in the machine."""
    _check(tree, given["vmid"])
    return 0


def _print(value: Any) -> None:
    """Print a value as the real tool does: objects and lists as JSON, texts as they are, what is empty not at all."""
    if value == {} or value is None:
        return
    if isinstance(value, (dict, list)):
        import json

        say(json.dumps(value, indent=3, separators=(",", " : "), sort_keys=True, ensure_ascii=False))
    elif str(value).strip():
        say(str(value).rstrip("\n"))
