"""Waiting: until a container that runs is of use: its network is there, and its health checks pass.

Checks in the container are one `pct exec` each, whose shell does the waiting; tcp and http are asked from the node.
"""

from __future__ import annotations

import time

from phoenix import cli, process
from phoenix.errors import OperationFailed
from phoenix.guests.ours import address
from phoenix.pve import pct
from phoenix.text import shell

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
GRACE_SECONDS = 15
PAUSE_SECONDS = 0.5


def until_well(work: Work) -> None:
    """Return once every health check has passed, in their order. OperationFailed for the first that does not."""
    for check in work.wanted.ours.health:
        reason = "".join(CHECKS[check.kind](work, check))
        if reason:
            raise OperationFailed(
                f"{work.guest} runs, but the health check {check.name} did not pass within {check.within} s: {reason}",
                f"pct enter {work.guest} to see why; then phoenix.pyz health-check {work.guest}",
            )
        cli.note(f"{work.guest}: {check.name}: well")


def inside(work: Work, check: Check, words: tuple[str, ...]) -> str:
    """Why a command in the container did not succeed in time, or ""."""
    argv = pct.execute(work.guest, ("sh", "-c", REPEAT, "phoenix", str(check.within), *words))
    start = work.log.line("$ " + shell(argv))
    tool = [work.node.tool("pct"), *argv[1:]]
    status = process.run_tool(tool, work.log.open(), check.within + GRACE_SECONDS)
    if status == 0:
        return ""
    said = [line.strip() for line in work.log.since(start).split("\n") if line.strip()]
    return f"{said[-1] if said else 'it said nothing'} (in {work.log.path})"


def network(work: Work, check: Check) -> str:
    """Whether the container has an address, and a default route where its nets name a gateway or ask for one."""
    nets = [setting for name, setting in work.wanted.settings.items() if name.startswith("net")]
    routed = any(not isinstance(net, str) and ("gw" in net or "gw6" in net or net.get("ip") == "dhcp") for net in nets)
    return inside(work, check, ("sh", "-c", HAS_NETWORK, "phoenix", str(int(routed))))


def command(work: Work, check: Check) -> str:
    """Whether a command in the container succeeds."""
    return inside(work, check, check.words)


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


CHECKS = {"network": network, "command": command, "tcp": tcp, "http": http}
"""How each kind of check is made; each returns why it did not pass, or ""."""
