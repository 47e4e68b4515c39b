"""At work: who else is at a guest at this moment, which is waited for but never interrupted."""

from __future__ import annotations

from phoenix import cli, files, process, workers
from phoenix.errors import Busy, Interrupted
from phoenix.guests import ownership

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from phoenix.guests.observed import Observed
    from phoenix.guests.work import Work

WAIT_SECONDS = 60
"""How long the work of others is waited for, unless --timeout says something else."""
TOOLS = ("pct", "qm", "pvesm", "umount")


def obstacle(work: Work, state: Observed) -> str:
    """Why nothing can be done to a guest at this moment, in words; "" if nobody is at it."""
    mine = ours(work)
    if mine:
        return f"an earlier run of Phoenix still works on it: {mine}"
    who = others(work)
    left = ownership.is_left(state, work.record)
    if state.worked_on or who:
        what = f"locked ({state.lock})" if state.lock else "at work"
        return f"Proxmox VE is working on it, {what}: {'; '.join(who) or 'nobody can be seen'}"
    if state.lock and not left:
        return f"it is locked by Proxmox VE ({state.lock}), though nobody can be seen to work on it"
    return ""


def ours(work: Work) -> str:
    """The tool that an earlier run of ours has started and that is still at it, in words; "" if there is none."""
    intent = work.journal.unfinished()
    if intent is None or intent["argv"][0] not in TOOLS:
        return ""
    found = workers.still_at(intent, work.node.tool(intent["argv"][0]))
    return f"{found[0]}, of run {intent['run']}" if found else ""


def others(work: Work) -> list[str]:
    """The tasks of a guest, and who holds Proxmox VE's lock of it, in words."""
    paths = work.node.paths
    try:
        listed = files.read_text(paths(workers.TASKS))
    except OSError:
        listed = ""
    return [*workers.tasks(listed, work.guest), *workers.holders(paths(work.kind.lock.format(work.guest)))]


def wait(work: Work, look: Callable[[], str]) -> None:
    """Wait with growing pauses until `look` has nothing to say against it. Busy, with its last words, if it has."""
    why = ""
    for _ in process.ticks(work.seconds or WAIT_SECONDS, first=0.05, longest=5):
        if process.received:
            wrong = f"{work.guest}: stopped by signal {process.received} while waiting: {why}"
            raise Interrupted(process.received, wrong, "run the same command again")
        before, why = why, look()
        if not why:
            return
        if not before:
            cli.note(f"{work.guest}: waiting: {why}")
    hint = f"try again later: phoenix.pyz status {work.guest}; {work.look_at}; Phoenix never takes a lock away"
    raise Busy(f"{work.guest}: {why}", hint)
