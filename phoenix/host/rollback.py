"""The rollback: the network as it was comes back by itself unless somebody who still reaches the node confirms.

Before a file of the network is changed, a copy of it, a script and a timer are on the disk, and the timer runs. Its
time is counted by the kernel, not by the clock, and anew after a start of the node, so that neither a wrong clock nor
a reboot or the death of Phoenix saves a change that nobody confirms. One file, PENDING, says that a change waits: it is
written before the timer starts, and its removal confirms; what a crash leaves of the others does nothing without it.

This module is a section's work too, without a section: `setup --confirm-network`.
"""

from __future__ import annotations

import time

from phoenix.errors import Busy
from phoenix.host.aspect import LINK, REMOVE, Ask, Obstacle, Plan, Step, write
from phoenix.pve import interfaces
from phoenix.text import shell
from phoenix.value import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from phoenix.host.host import Host

WINDOW = 300
"""Seconds until a change that nobody confirms is taken back."""
FOLDER = "/var/lib/phoenix/network"
GOOD, PENDING, ROLLED_BACK = f"{FOLDER}/good", f"{FOLDER}/pending", f"{FOLDER}/rolled-back"
SCRIPT = f"{FOLDER}/rollback"
UNIT = "phoenix-network-rollback"
UNITS = "/etc/systemd/system"
SERVICE, TIMER = f"{UNITS}/{UNIT}.service", f"{UNITS}/{UNIT}.timer"
WANTS = f"{UNITS}/timers.target.wants/{UNIT}.timer"
RELOAD = ("systemctl", "daemon-reload")
APPLY = ("ifreload", "-a")
CONFIRM = "phoenix.pyz setup --confirm-network"

_SCRIPT = r"""#!/bin/sh
# Written by Phoenix. Puts @PATH@ back as it was before a change that nobody has confirmed.
{
root=${0%@SCRIPT@}
here=$root@FOLDER@
file=$root@PATH@
beside=${file%/*}/.${file##*/}.phoenix  # hidden: what is in a folder of interfaces is read
units=$root@UNITS@
PATH=$root/usr/sbin:$root/usr/bin:$root/sbin:$root/bin:/usr/sbin:/usr/bin:/sbin:/bin
is_as_before() {
    if [ -s "$here/good" ]; then cmp -s "$here/good" "$file"; else [ ! -s "$file" ]; fi
}
if [ -e "$here/pending" ] && [ -e "$here/good" ]; then
    if ! is_as_before; then
        cp -p "$here/pending" "$here/rolled-back.new" && sync "$here/rolled-back.new" || exit 1
        mv -f "$here/rolled-back.new" "$here/rolled-back" && sync "$here" || exit 1
        cp -p "$file" "$here/replaced"
        cp "$here/good" "$beside" || exit 1
        chmod --reference="$file" "$beside" 2>/dev/null || chmod 644 "$beside"
        sync "$beside" || exit 1
        mv -f "$beside" "$file" && sync "${file%/*}" || exit 1
    fi
    # Five minutes while another ifreload is at work (89), which may hang on the network that goes; else three tries.
    left=60
    while [ $left -gt 0 ]; do
        ifreload -a
        case $? in
            0) break ;;
            89) left=$((left - 1)) ;;
            *) left=$((left - 20)) ;;
        esac
        sleep 5
    done
    [ -s "$file" ] || rm -f "$file"
    rm -f "$here/pending"
    sync "$here"
fi
rm -f "$units/timers.target.wants/@UNIT@.timer" "$units/@UNIT@.timer" "$units/@UNIT@.service"
rm -f "$here/good" "$0"
systemctl daemon-reload
exit 0
}
"""
_SERVICE = f"""\
# Written by Phoenix; it goes when the network is confirmed: {CONFIRM}
[Unit]
Description=The network as it was before a change that nobody has confirmed

[Service]
Type=oneshot
ExecStart=/bin/sh {SCRIPT}
Restart=on-failure
RestartSec=10
"""
_TIMER = f"""\
# Written by Phoenix; it goes when the network is confirmed: {CONFIRM}
[Unit]
Description=Time to confirm a change of the network

[Timer]
OnActiveSec={WINDOW}
AccuracySec=1

[Install]
WantedBy=timers.target
"""


def files(path: str) -> dict[str, tuple[str, int]]:
    """What is written before the file at `path` is changed: the text and the mode of each file."""
    script = _SCRIPT
    for name, word in {"PATH": path, "SCRIPT": SCRIPT, "FOLDER": FOLDER, "UNITS": UNITS, "UNIT": UNIT}.items():
        script = script.replace(f"@{name}@", word)
    return {SCRIPT: (script, 0o700), SERVICE: (_SERVICE, 0o644), TIMER: (_TIMER, 0o644)}


class Rollback(Value):
    """What is there of it. Texts are exact; None for a file that is not there."""

    main: str  # /etc/network/interfaces
    path: str  # the file that has Phoenix's interfaces: its own, or the main one
    now: str  # what that says, "" where it is not there
    good: str | None
    pending: str | None  # what was wanted when the change was made
    rolled_back: str | None  # what was wanted of a change that was taken back
    files: Mapping[str, str | None]  # those of `files`
    link: str
    left: float = 0.0  # seconds until the timer is over, 0 if it does not run
    stale: bool = False  # systemd has not read the files
    until: str = ""  # that time by the clock

    @property
    def armed(self) -> bool:
        """Whether a copy is kept that would come back."""
        return self.pending is not None and self.good is not None

    @property
    def waits(self) -> bool:
        """Whether a change waits to be confirmed."""
        return self.armed and self.good != self.now


def observe(host: Host, _wanted: object = None) -> Rollback:
    """What is there. Busy while the network is being put back."""
    main = host.exact(interfaces.FILE) or ""
    path = interfaces.DROP_IN if interfaces.takes_in(main, interfaces.DROP_IN) else interfaces.FILE
    found = Rollback(
        main,
        path,
        host.exact(path) or "",
        host.exact(GOOD),
        host.exact(PENDING),
        host.exact(ROLLED_BACK),
        {name: host.exact(name) for name in (SCRIPT, SERVICE, TIMER)},
        host.link(WANTS),
    )
    if found.files[TIMER] is None and found.files[SERVICE] is None:
        return found
    timer, service = (unit_facts(host, f"{UNIT}.{kind}") for kind in ("timer", "service"))
    if service.get("ActiveState") in ("activating", "active"):
        raise Busy(
            "network: a change that nobody has confirmed is being taken back now",
            f"journalctl -u {UNIT}; try again in a minute",
        )
    stale = "yes" in (timer.get("NeedDaemonReload"), service.get("NeedDaemonReload"))
    started = timer.get("ActiveEnterTimestampMonotonic", "0")
    if timer.get("SubState") != "waiting" or not started.isdigit():
        return found.but(stale=stale)
    left = max(0.0, WINDOW - (time.monotonic() - int(started) / 1e6))
    until = time.strftime("%H:%M:%S", time.localtime(time.time() + left))
    return found.but(left=left, stale=stale, until=until)


def unit_facts(host: Host, unit: str) -> dict[str, str]:
    """What systemd tells of a unit."""
    names = ("ActiveState", "SubState", "ActiveEnterTimestampMonotonic", "NeedDaemonReload")
    said = host.output("systemctl", "show", unit, f"--property={','.join(names)}")
    return {name: value for name, _, value in (line.partition("=") for line in said.splitlines())}


def arm(state: Rollback, wanted: str) -> tuple[Step, ...]:
    """What is left to do before the network may be changed; nothing once it is safe to."""
    steps: list[Step] = []
    if not state.armed and state.left:  # the timer of a change that was confirmed or taken back: it must not run on
        steps.append(stop())
    for path, (text, mode) in files(state.path).items():
        if state.files[path] != text:
            steps.append(write(path, text, mode=mode))
    if state.link != TIMER:
        steps.append(Step(f"link {WANTS}", (LINK, WANTS, TIMER)))
    if not state.armed and state.rolled_back is not None:
        steps.append(Step(f"remove {ROLLED_BACK}", (REMOVE, ROLLED_BACK)))
    if state.good != state.now:
        steps.append(write(GOOD, state.now, mode=0o600))
    if state.pending != wanted:
        steps.append(write(PENDING, wanted, mode=0o600))
    return (*steps, *start(state, WINDOW / 2))


def start(state: Rollback, least: float) -> tuple[Step, ...]:
    """Let the timer begin anew if it has less than that many seconds left."""
    if state.left > least and not state.stale:
        return ()
    again = (Step("read the units", RELOAD),) if state.stale else ()
    return (*again, Step("start the rollback's timer", ("systemctl", "restart", f"{UNIT}.timer")))


def stop() -> Step:
    """Stop the timer, and wait until it has."""
    return Step("stop the rollback's timer", ("systemctl", "stop", f"{UNIT}.timer"))


def waiting(state: Rollback, absent: Sequence[str]) -> Plan:
    """The plan while a change waits to be confirmed: nothing but that its timer runs; `absent` is what it lacks."""
    when = f"at {state.until}" if state.until else f"in {WINDOW} s"
    why = f"the network is changed; {when} it becomes what it was, unless somebody confirms"
    why += f"; {', '.join(absent)} is not there" * bool(absent)
    return Plan(
        start(state, 0), waits=(Obstacle(why, f"over a new connection: {CONFIRM}; then again: phoenix.pyz setup"),)
    )


def plan(_wanted: object, state: Rollback, _ask: Ask) -> Plan:
    """The plan of confirming: PENDING first, which decides; then what there is besides."""
    if state.pending is None and state.rolled_back is not None:
        why = "network: there is nothing to confirm: the change was taken back"
        return Plan(refused=(Obstacle(why, f"journalctl -u {UNIT}; phoenix.pyz setup --dry-run --only=network"),))
    steps = [Step("confirm the network", (REMOVE, PENDING))] if state.pending is not None else []
    if state.left:
        steps.append(stop())
    there = [path for path in (TIMER, SERVICE, SCRIPT) if state.files[path] is not None]
    there += [path for path, text in ((GOOD, state.good), (ROLLED_BACK, state.rolled_back)) if text is not None]
    if state.link:
        there.insert(0, WANTS)
    after = (RELOAD,) if TIMER in there else ()
    steps += [Step(f"remove {path}", (REMOVE, path), after=after if path == TIMER else ()) for path in there]
    return Plan(tuple(steps))


def refuse_again(state: Rollback, wanted: str) -> tuple[Obstacle, ...]:
    """Why a change that was taken back is not made again by itself."""
    if state.rolled_back != wanted:
        return ()
    return (
        Obstacle(
            "network: this change was made before, nobody confirmed it, and it was taken back",
            f"journalctl -u {UNIT}; correct [network], or allow it once more: {shell(('rm', ROLLED_BACK))}",
        ),
    )
