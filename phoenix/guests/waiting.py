"""Waiting: until a guest that runs is of use: it answers, its network is there, and its health checks pass.

Checks in the guest are one command each, whose shell does the waiting; tcp and http are asked from the node.
"""

from __future__ import annotations

import time

from phoenix import cli, process
from phoenix.errors import OperationFailed, PartlyDone
from phoenix.guests import inside
from phoenix.guests.ours import address
from phoenix.pve import qm
from phoenix.text import last_line

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from phoenix.guests.ours import Check
    from phoenix.guests.work import Work

REPEAT = 'left=$1; shift; until "$@"; do left=$((left - 1)); [ "$left" -gt 0 ] || exit 1; sleep 1; done'
"""A shell's words: how many seconds it tries, and the command that is to succeed."""
HAS_NETWORK = """\
has=0 routed=0 last=
while read -r first second third _; do
    case $first in
    '|--') last=$second ;;
    /32) case $second$third$last in hostLOCAL127.*) ;; hostLOCAL*) has=1 ;; esac ;;
    esac
done </proc/net/fib_trie
while read -r _ _ _ scope _ name; do
    [ "$scope" != 00 ] || [ "$name" = lo ] || has=1
done 2>/dev/null </proc/net/if_inet6
while read -r _ destination _; do
    [ "$destination" != 00000000 ] || routed=1
done </proc/net/route
while read -r destination length _ _ _ _ _ _ _ name; do
    [ "$destination$length" != 0000000000000000000000000000000000 ] || [ "$name" = lo ] || routed=1
done 2>/dev/null </proc/net/ipv6_route
[ "$has" = 1 ] || { echo "it has no address"; exit 1; }
[ "$1" = 0 ] || [ "$routed" = 1 ] || { echo "it has no default route"; exit 1; }
"""
"""Whether there is an address, and a default route if the first word is 1; /proc says it in every system."""
PAUSE_SECONDS = 0.5
PING_SECONDS = 10.0
"""qm itself waits some seconds for an agent before it says that there is none."""
CLOUD_INIT_DONE = (0, 2)
"""The exit statuses of a cloud-init that has ended: well, or well with warnings."""


def until_well(work: Work) -> None:
    """Return once it answers and every health check has passed, in their order.

    PartlyDone if it does not answer, OperationFailed for the first check that does not pass.
    """
    if "answer" not in work.done:
        until_answering(work)
    for check in work.wanted.ours.health:
        reason = CHECKS[check.kind](work, check)
        if reason:
            raise OperationFailed(
                f"{work.guest} runs, but the health check {check.name} did not pass within {check.within} s: {reason}",
                f"{work.kind.tool.entering.format(work.guest)} to see why; then phoenix.pyz health-check {work.guest}",
            )
        cli.note(f"{work.guest}: {check.name}: well")


def until_answering(work: Work) -> None:
    """Return once a machine's agent answers and its cloud-init is done, where that is waited for. PartlyDone if not."""
    for check in work.wanted.ours.wait:
        reason = CHECKS[check.kind](work, check)
        if reason:
            raise PartlyDone(
                f"{work.guest} runs, but its {check.name} was not ready within {check.within} s: {reason}",
                f"{work.kind.tool.entering.format(work.guest)} to see why; the machine stays, and running the same "
                "command again goes on from here",
            )
        cli.note(f"{work.guest}: {check.name}: ready")


def in_guest(work: Work, check: Check, words: tuple[str, ...]) -> str:
    """Why a command in the guest did not succeed in time, or ""."""
    answer = inside.run(work, ("sh", "-c", REPEAT, "phoenix", str(check.within), *words), check.within)
    if answer.status == 0:
        return ""
    return f"{answer.why or last_line(answer.output)} (in {work.log.path})"


def agent(work: Work, check: Check) -> str:
    """Whether the machine's guest agent answers. One that the machine was started without is not waited for."""
    deadline = time.monotonic() + check.within
    while True:
        left = deadline - time.monotonic()
        status, said = inside.call(work, qm.ping(work.guest), max(PING_SECONDS, left))
        if status == 0:
            return ""
        if "No QEMU guest agent configured" in said:
            return f"it was started without one; phoenix.pyz restart {work.guest}"
        if not work.kind.start(work.node, work.guest):
            return "it does not run any more"
        if process.received or time.monotonic() + PAUSE_SECONDS >= deadline:
            return last_line(said)
        time.sleep(PAUSE_SECONDS)


def cloud_init(work: Work, check: Check) -> str:
    """Whether cloud-init has done its work; some images start once more while it does, and then it is asked again."""
    deadline, reason = time.monotonic() + check.within, "it has not ended"
    while True:
        left = deadline - time.monotonic()
        if left <= 0 or process.received:
            return reason
        answer = inside.run(work, ("cloud-init", "status", "--wait"), left)
        if answer.status in CLOUD_INIT_DONE:
            return ""
        if answer.status is not None:
            return f"cloud-init status ended with {answer.status}: {last_line(answer.output)}"
        gone = agent(work, check.but(within=max(1, int(deadline - time.monotonic()))))
        if gone or answer.runs or "No such file" in answer.why:
            return answer.why
        reason = answer.why
        time.sleep(PAUSE_SECONDS)


def network(work: Work, check: Check) -> str:
    """Whether the guest has an address, and a default route where its nets name a gateway or ask for one."""
    settings = work.wanted.settings.items()
    nets = [setting for name, setting in settings if name.startswith(("net", "ipconfig"))]
    routed = any(not isinstance(net, str) and ("gw" in net or "gw6" in net or net.get("ip") == "dhcp") for net in nets)
    return in_guest(work, check, ("sh", "-c", HAS_NETWORK, "phoenix", str(int(routed))))


def command(work: Work, check: Check) -> str:
    """Whether a command in the guest succeeds."""
    return in_guest(work, check, check.words)


def tcp(work: Work, check: Check) -> str:
    """Whether something listens at an address."""
    import socket

    place = address(check.kind, check.target)

    def ask(seconds: float) -> str:
        with socket.create_connection((place.host or work.wanted.address, place.port), timeout=seconds):
            return ""

    return repeat(work, check, ask)


def http(work: Work, check: Check) -> str:
    """Whether a web server answers with the wanted status."""
    import http.client

    place = address(check.kind, check.target)
    kind = http.client.HTTPSConnection if place.scheme == "https" else http.client.HTTPConnection

    def ask(seconds: float) -> str:
        connection = kind(place.host or work.wanted.address, place.port, timeout=seconds)
        try:
            connection.request("GET", place.path)
            status = connection.getresponse().status
        except http.client.HTTPException as error:
            return f"no answer of a web server ({type(error).__name__})"
        finally:
            connection.close()
        return "" if status == check.status else f"it answered {status}, wanted {check.status}"

    return repeat(work, check, ask)


def repeat(work: Work, check: Check, ask: Callable[[float], str]) -> str:
    """Ask until there is no complaint, for as long as the check has; returns the last complaint."""
    if work.call.paths.root:
        cli.note(f"{work.guest}: {check.name}: not asked, the network of --root is not this machine's")
        return ""
    deadline, reason = time.monotonic() + check.within, "it was not asked"
    while True:
        left = deadline - time.monotonic()
        if left <= 0 or process.received:
            return reason
        try:
            reason = ask(min(left, 5.0))
        except OSError as error:
            reason = str(error.strerror or error)
        except ValueError as error:  # a name that is none
            return str(error)
        if not reason:
            return ""
        time.sleep(min(PAUSE_SECONDS, max(0.0, deadline - time.monotonic())))


CHECKS = {"agent": agent, "cloud-init": cloud_init, "network": network, "command": command, "tcp": tcp, "http": http}
"""How each kind of check is made; each returns why it did not pass, or ""."""
