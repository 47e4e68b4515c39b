"""Real: the machines of a node whose description says so are run by this machine's own QEMU, not only noted.

Their files, and what qm says, are as on any rehearsal node; images are copied as they are, `start`, `shutdown` and
`stop` meet a real system, and the agent's commands reach its real agent. They get no network, and no KVM. It takes
Debian's packages qemu-system-x86 and qemu-utils.
"""

from __future__ import annotations

import os
import time

from phoenix.rehearsal import volumes, worker
from phoenix.rehearsal.failures import Failure
from phoenix.rehearsal.qm import drives, running

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from phoenix.pve.guestconf import GuestConf
    from phoenix.rehearsal.tree import Tree

_SOCKETS = "/run/qemu-server"
_FOLDER = "/var/lib/phoenix-rehearsal/qemu"
_BEGIN = 'shift 2; "$@"; exit $?'
"""A shell's words that run QEMU under a command line by which one sees which machine it is."""
_START_SECONDS = 20
_ANSWER_SECONDS = 3
_PAUSE = 0.1
_TERMINATE = 15


def is_wanted(tree: Tree) -> bool:
    """Whether the machines of this node are real."""
    return bool(tree.facts.get("real_machines"))


def copy(tree: Tree, source: str, target: str) -> None:
    """Copy an image as it is into a new volume of a storage of files."""
    begin = tree(source) if source.startswith("/") else tree(volumes.node_path(tree, source))
    if worker.call(["qemu-img", "convert", "-O", "raw", begin, tree(volumes.node_path(tree, target))]):
        raise Failure(f"copy failed: qemu-img convert of {source}")


def start(tree: Tree, guest: str, conf: GuestConf) -> int:
    """Start a machine; returns its process. Failure if it is not there soon after."""
    os.makedirs(tree(_FOLDER), exist_ok=True)
    os.makedirs(tree(_SOCKETS), exist_ok=True)
    argv = ["sh", "-c", _BEGIN, "kvm", "-id", guest, *_command(tree, guest, conf)]
    child = worker.begin(argv, tree(_SOCKETS), tree(f"{_FOLDER}/{guest}.log"))
    deadline = time.monotonic() + _START_SECONDS
    while not os.path.exists(tree(f"{_SOCKETS}/{guest}.qga")):
        if os.waitpid(child, os.WNOHANG)[0] or time.monotonic() > deadline:
            raise Failure("start failed: QEMU exited with code 1")
        time.sleep(_PAUSE)
    return child


def _command(tree: Tree, guest: str, conf: GuestConf) -> list[str]:
    settings = conf.options
    memory = settings.get("memory", "512").replace("current=", "")
    words = ["qemu-system-x86_64", "-nodefaults", "-display", "none", "-accel", "tcg", "-m", memory]
    words += ["-smp", settings.get("cores", "1"), "-device", "virtio-rng-pci", "-device", "virtio-serial-pci"]
    words += ["-serial", f"file:{tree(_FOLDER)}/{guest}.console"]
    words += ["-chardev", f"socket,id=qga0,path={guest}.qga,server=on,wait=off"]
    words += ["-device", "virtserialport,chardev=qga0,name=org.qemu.guest_agent.0"]
    words += ["-qmp", f"unix:{guest}.qmp,server=on,wait=off"]
    for _, volume in drives.disks(conf):
        words += ["-drive", f"file={tree(volumes.node_path(tree, volume))},format=raw,if=virtio"]
    for word in settings.get("args", "").split(" "):
        there = word.startswith("/") and os.path.exists(tree(word))
        words += [tree(word) if there else word] * bool(word)
    return words


def end(tree: Tree, guest: str) -> None:
    """Take a machine's power away."""
    number = running.pid(tree, guest)
    if number:
        os.killpg(number, _TERMINATE)
        _has_ended(tree, guest, _START_SECONDS)


def shut_down(tree: Tree, guest: str, seconds: float) -> bool:
    """Ask the system of a machine to shut down, by its agent or its power button; returns whether it does in time."""
    try:
        ask(tree, guest, "shutdown", silent=True)
    except Failure:
        with _connected(tree, guest, "qmp") as line:
            line.say({"execute": "qmp_capabilities"})
            line.say({"execute": "system_powerdown"})
    return _has_ended(tree, guest, seconds)


def _has_ended(tree: Tree, guest: str, seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while running.pid(tree, guest):
        if time.monotonic() > deadline:
            return False
        time.sleep(_PAUSE)
    return True


def answers(tree: Tree, guest: str) -> bool:
    """Whether a machine's agent says anything."""
    try:
        ask(tree, guest, "ping")
    except Failure:
        return False
    return True


def ask(
    tree: Tree, guest: str, command: str, arguments: Mapping[str, Any] | None = None, *, silent: bool = False
) -> Any:
    """What a machine's agent answers to a command. Failure if it says nothing, or that it cannot."""
    request: dict[str, Any] = {"execute": f"guest-{command}"}
    if arguments:
        request["arguments"] = arguments
    try:
        with _connected(tree, guest, "qga") as line:
            number = int(time.time() * 1000)
            line.say({"execute": "guest-sync", "arguments": {"id": number}})
            while line.hear().get("return") != number:
                pass
            line.say(request)
            answer = {"return": {}} if silent else line.hear()
    except OSError as error:
        raise Failure("QEMU guest agent is not running") from error
    if "error" in answer:
        raise Failure(f"Agent error: {answer['error']['desc']}")
    return answer["return"]


def begin(tree: Tree, guest: str, argv: Sequence[str], given: bytes) -> int:
    """Let the agent start a program with `given` as its input; returns its process there."""
    import base64

    text = base64.b64encode(given).decode()
    words = {"path": argv[0], "arg": list(argv[1:]), "input-data": text, "capture-output": True}
    found = ask(tree, guest, "exec", words)
    return int(found["pid"])


def wait(tree: Tree, guest: str, number: int, seconds: float) -> dict[str, Any] | None:
    """How a program of the agent ends within that time, 0 for any; None if it does not."""
    deadline = time.monotonic() + seconds
    while True:
        found = status(tree, guest, number)
        if found["exited"]:
            return found
        if seconds and time.monotonic() > deadline:
            return None
        time.sleep(1)


def status(tree: Tree, guest: str, number: int) -> dict[str, Any]:
    """What became of a program of the agent."""
    import base64

    found = dict(ask(tree, guest, "exec-status", {"pid": number}))
    for name in ("out-data", "err-data"):
        if name in found:
            found[name] = base64.b64decode(found[name]).decode("utf-8", "replace")
    found["exited"] = int(found["exited"])
    return found


class _Line:
    """A connection on which JSON goes to and fro, a line each."""

    def __init__(self, connection: Any) -> None:
        self.connection = connection
        self.file = connection.makefile("rwb")

    def __enter__(self) -> _Line:
        return self

    def __exit__(self, *_: object) -> None:
        self.connection.close()

    def say(self, value: Any) -> None:
        """Send a value."""
        import json

        self.file.write(json.dumps(value).encode() + b"\n")
        self.file.flush()

    def hear(self) -> dict[str, Any]:
        """The next value. OSError if there is none."""
        import json

        text = self.file.readline()
        if not text:
            raise OSError("it has gone")
        return dict(json.loads(text))


def _connected(tree: Tree, guest: str, kind: str) -> _Line:
    """A connection to one of a machine's sockets, whose paths may be longer than a socket's name."""
    import socket

    folder = os.open(tree(_SOCKETS), os.O_PATH)
    connection = socket.socket(socket.AF_UNIX)
    try:
        connection.settimeout(_ANSWER_SECONDS)
        connection.connect(f"/proc/self/fd/{folder}/{guest}.{kind}")
    finally:
        os.close(folder)
    return _Line(connection)
