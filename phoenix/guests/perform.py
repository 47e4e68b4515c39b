"""Perform: carrying out one step of a container's plan: a tool of Proxmox VE, a file in /etc/pve, a feature."""

from __future__ import annotations

import fcntl
import os
import time

from phoenix import files, process
from phoenix.errors import Busy, NotReady, OperationFailed
from phoenix.guests import features, marks, plan, rawkeys
from phoenix.pve import guestconf, pct
from phoenix.text import shell

TYPE_CHECKING = False
if TYPE_CHECKING:
    from phoenix.guests.plan import Step
    from phoenix.guests.work import Work

CLEAN_SECONDS = 30
LOCK_SECONDS = 10
"""As long as pct itself waits for the lock of a container's file."""


def perform(work: Work, step: Step, seconds: int) -> int | None:
    """Carry out a step; returns its exit status, or None if it still runs after `seconds`."""
    if step.argv[0] == plan.EDIT:
        return edit(work, step.argv[2:])
    if step.argv[0] == plan.WRITE:
        return write(work, step)
    if step.argv[0] == plan.PROVISION:
        return provision(work, work.feature(step.argv[2]), seconds)
    stdin = work.node.paths(step.stdin) if step.stdin else ""
    return process.run_tool([work.tool, *step.argv[1:]], work.log.open(), seconds, stdin)


def edit(work: Work, lines: tuple[str, ...]) -> int:
    """Give the container's file these raw lines, under Proxmox VE's own lock, at once for every reader."""
    path = work.node.paths.guest_config("lxc", work.guest)
    lock = take_lock(work.node.paths(f"/run/lock/lxc/pve-config-{work.guest}.lock"), work.guest)
    try:
        text = files.read_text(path)
        mark = marks.split(guestconf.parse(text).description)[1]
        if work.record is None or mark != work.record.mark:
            raise Busy(f"{work.guest} has become another guest meanwhile", f"pct config {work.guest}; try again")
        replace(path, rawkeys.with_lines(text, lines))
    finally:
        os.close(lock)
    return 0


def take_lock(path: str, guest: str) -> int:
    """Proxmox VE's lock of a container's file. Busy if somebody holds it for longer than pct would wait."""
    os.makedirs(os.path.dirname(path), exist_ok=True)
    lock = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o644)

    def taken() -> bool:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    if not process.wait_until(taken, LOCK_SECONDS):
        os.close(lock)
        raise Busy(f"{guest}: Proxmox VE is working on it", f"fuser -v {path}; try again later")
    return lock


def replace(path: str, text: str) -> None:
    """Write a file of /etc/pve: a new one beside it, and a rename, the only thing there that happens at once."""
    beside = f"{path}.tmp.{os.getpid()}"
    try:
        with open(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o640), "wb") as file:
            file.write(text.encode("utf-8", "surrogateescape"))
            file.flush()
            os.fsync(file.fileno())
        os.rename(beside, path)
    except OSError as error:
        files.discard(beside)
        raise NotReady(
            f"{path}: cannot be written: {error.strerror}", "systemctl status pve-cluster; pvecm status"
        ) from error


def write(work: Work, step: Step) -> int:
    """Write a file of /etc/pve that is ours as a whole."""
    path = work.node.paths(step.argv[1])
    try:
        os.makedirs(os.path.dirname(path), exist_ok=True)
    except OSError as error:
        raise files.cannot_write(path, error) from error
    replace(path, step.content)
    return 0


def provision(work: Work, feature: features.Feature, seconds: int) -> int | None:
    """Put a feature into the running container and apply it; it is recorded once it says so itself."""
    token = os.urandom(16).hex()
    archive = f"/var/lib/phoenix/provision/{work.call.kind}-{work.guest}-{feature.name}.tar"
    deadline = time.monotonic() + seconds
    files.replace_bytes(work.node.paths(archive), feature.archive())
    try:
        pushed = [(archive, f"{features.PLACE}{feature.name}.tar")]
        for name, path in sorted(feature.secrets.items()):
            files.check_secret(work.node.paths(path))
            pushed.append((path, f"{features.PLACE}{feature.name}.secret-{name}"))
        for source, target in pushed:
            argv = pct.push(work.guest, source, target, "0600")
            status = run(work, argv, deadline - time.monotonic())
            if status:
                clean = ("sh", "-c", 'rm -rf "$1"*', "phoenix", features.PLACE + feature.name)
                run(work, pct.execute(work.guest, clean), CLEAN_SECONDS)
                return status
        argv = pct.execute(work.guest, feature.words(token))
        start = work.log.line("$ " + shell([*argv[:6], "...", feature.name, *feature.arguments]))
        status = process.run_tool([work.tool, *argv[1:]], work.log.open(), max(1.0, deadline - time.monotonic()))
        return judge(work, feature, token, status, work.log.since(start))
    finally:
        files.discard(work.node.paths(archive))


def run(work: Work, argv: list[str], seconds: float) -> int | None:
    """Run pct for a feature."""
    work.log.line("$ " + shell(argv))
    return process.run_tool([work.tool, *argv[1:]], work.log.open(), max(1.0, seconds))


def judge(work: Work, feature: features.Feature, token: str, status: int | None, output: str) -> int | None:
    """The status of a feature by its own last word. OperationFailed, with the last lines, if its script failed."""
    said = [line for line in output.split("\n") if line.startswith(token + " ")]
    if not said:
        return status if status != 0 else 1  # pct ended, and nobody said that the script did
    _, word, code = said[-1].split(" ")
    if code == "0":
        work.keep_feature(feature)
        return 0
    last = [line for line in output.split("\n") if line.strip() and not line.startswith(token)][-10:]
    what = f"check ended with {code} after apply" if word == "unchecked" else f"apply ended with {code}"
    raise OperationFailed(
        f"{work.guest}: feature {feature.name}: {what}; its last words:\n       " + "\n       ".join(last),
        f"its whole output is in {work.log.path}; correct the feature, and run the same command again",
    )
