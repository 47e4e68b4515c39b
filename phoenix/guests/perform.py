"""Perform: carrying out one step of a guest's plan: a tool of Proxmox VE, a file in /etc/pve, a feature."""

from __future__ import annotations

import fcntl
import os
import time

from phoenix import files, process
from phoenix.errors import Busy, OperationFailed
from phoenix.guests import marks, plan
from phoenix.pve import guestconf
from phoenix.text import last_line

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from phoenix.guests.features import Feature
    from phoenix.guests.inside import Answer
    from phoenix.guests.plan import Step
    from phoenix.guests.work import Work

CLEAN_SECONDS = 30
LOCK_SECONDS = 10
"""As long as pct itself waits for the lock of a container's file."""


def perform(work: Work, step: Step, seconds: int) -> int | None:
    """Carry out a step; returns its exit status, or None if it still runs after `seconds`."""
    own = _OWN.get(step.argv[0])
    if own:
        return own(work, step, seconds)
    stdin = work.node.paths(step.stdin) if step.stdin else ""
    return work.log.run([work.node.tool(step.argv[0]), *step.argv[1:]], seconds, stdin)[0]


def edit_raw(work: Work, step: Step, _seconds: int) -> int:
    """Give the container's file the raw lines of a step."""
    from phoenix.guests import rawkeys

    edit(work, lambda text: rawkeys.with_lines(text, step.argv[2:]))
    return 0


def edit_password(work: Work, step: Step, _seconds: int) -> int:
    """Give the machine's file the hash that cloud-init is to set, which is no argument of qm's this way."""
    from phoenix.guests import passwords

    found = passwords.content(work.node.paths(step.stdin), "cipassword_file").decode().strip()
    edit(work, lambda text: guestconf.with_option(text, "cipassword", found))
    return 0


def edit(work: Work, change: Callable[[str], str]) -> None:
    """Change the guest's file, under Proxmox VE's own lock, at once for every reader."""
    path = work.node.paths.guest_config(work.kind.folder, work.guest)
    lock = take_lock(work.node.paths(work.kind.lock.format(work.guest)), work)
    try:
        with open(path, "rb") as file:  # what is no UTF-8 is written back as it is
            text = file.read().decode("utf-8", "surrogateescape")
        mark = marks.split(guestconf.parse(text).description)[1]
        if work.record is None or mark != work.record.mark:
            raise Busy(f"{work.guest} has become another guest meanwhile", f"{work.look_at}; try again")
        files.replace_in_pve(path, change(text))
    finally:
        os.close(lock)


def take_lock(path: str, work: Work) -> int:
    """Proxmox VE's lock of a guest's file. Busy if somebody holds it for longer than its tools would wait."""
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
        raise Busy(f"{work.guest}: Proxmox VE is working on it", f"fuser -v {path}; try again later")
    return lock


def write(work: Work, step: Step, _seconds: int) -> int:
    """Write a file that is ours as a whole: in /etc/pve, or a snippet, which only root is to read."""
    name, mode = step.argv[1], 0o640
    if not name.startswith("/"):
        from phoenix.guests import snippets

        name, mode = snippets.path(work.node, name), 0o600
    path = work.node.paths(name)
    try:
        os.makedirs(os.path.dirname(path), exist_ok=True)
    except OSError as error:
        raise files.cannot_write(path, error) from error
    files.replace_in_pve(path, step.content, mode)
    return 0


def provision(work: Work, step: Step, seconds: int) -> int | None:
    """Put a feature into the running guest and apply it; it is recorded once it says so itself."""
    from phoenix.guests import features, inside

    feature = work.feature(step.argv[2])
    token = os.urandom(16).hex()
    archive = f"/var/lib/phoenix/provision/{work.call.kind}-{work.guest}-{feature.name}.tar"
    deadline = time.monotonic() + seconds
    files.replace_bytes(work.node.paths(archive), feature.archive())
    try:
        wanted = [(archive, f"{features.PLACE}{feature.name}.tar")]
        for name, path in sorted(feature.secrets.items()):
            files.check_secret(work.node.paths(path))
            wanted.append((path, f"{features.PLACE}{feature.name}.secret-{name}"))
        for source, target in wanted:
            why = inside.put(work, source, target, deadline - time.monotonic())
            if why:
                clean = ("sh", "-c", 'rm -rf "$1"*', "phoenix", features.PLACE + feature.name)
                inside.run(work, clean, CLEAN_SECONDS)
                return 1
        shown = ("sh", "-c", "...", feature.name, *feature.arguments)
        return judge(work, feature, token, inside.run(work, feature.words(token), deadline - time.monotonic(), shown))
    finally:
        files.discard(work.node.paths(archive))


def judge(work: Work, feature: Feature, token: str, answer: Answer) -> int | None:
    """The status of a feature by its own last word. OperationFailed, with the last lines, if its script failed."""
    said = [line for line in answer.output.split("\n") if line.startswith(token + " ")]
    if not said:  # the tool ended, and nobody said that the script did
        return None if answer.runs else answer.status or 1
    _, word, code = said[-1].split(" ")
    if code == "0":
        work.keep_feature(feature)
        return 0
    last = [line for line in answer.output.split("\n") if line.strip() and not line.startswith(token)][-10:]
    what = f"check ended with {code} after apply" if word == "unchecked" else f"apply ended with {code}"
    raise OperationFailed(
        f"{work.guest}: feature {feature.name}: {what}; its last words:\n       " + "\n       ".join(last),
        f"its whole output is in {work.log.path}; correct the feature, and run the same command again",
    )


def wait(work: Work, _step: Step, _seconds: int) -> int:
    """Wait until a machine answers that is to be asked for something."""
    from phoenix.guests import waiting

    waiting.until_answering(work)
    return 0


def clean(work: Work, _step: Step, _seconds: int) -> int:
    """Take out of a machine what makes it one of its kind, so that its clones are not the same."""
    from phoenix.guests import features, inside

    answer = inside.run(work, ("sh", "-c", features.CLEAN), CLEAN_SECONDS * 4)
    if answer.status != 0:
        raise OperationFailed(
            f"{work.guest} was not made fit to be a template: {answer.why or last_line(answer.output)}",
            f"its whole output is in {work.log.path}; run the same command again",
        )
    work.keep_clean()
    return 0


_OWN: dict[str, Callable[[Work, Step, int], int | None]] = {
    plan.EDIT: edit_raw,
    plan.SECRET: edit_password,
    plan.WRITE: write,
    plan.PROVISION: provision,
    plan.WAIT: wait,
    plan.CLEAN: clean,
}
"""How steps are carried out that are no tool of Proxmox VE."""
