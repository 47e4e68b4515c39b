"""Reports: what a manager tells about a guest, as text for people or one JSON document."""

from __future__ import annotations

from phoenix import output
from phoenix.errors import ConfigError, PartlyDone, Refused
from phoenix.text import called, shell

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import Any

    from phoenix.call import Call
    from phoenix.guests.changes import Difference
    from phoenix.guests.guest import Guest
    from phoenix.guests.kind import Kind
    from phoenix.guests.observed import Observed
    from phoenix.guests.plan import Plan

_MOVED = (
    "a volume never shrinks; to another storage: {move} {id} {option} STORAGE; to let go of it, which keeps its data: "
    "remove {option} from {file}"
)
FIXED_HINTS = {
    **dict.fromkeys(("mp", "ide", "sata", "scsi", "virtio"), _MOVED),
    "rootfs": "a volume never shrinks; to another storage: {move} {id} rootfs STORAGE; write what is there into {file}",
    "efidisk": "it is made anew only by hand: remove efidisk0 from {file}, create {id}, and write it as it is to be",
    "tpmstate": "it is made anew only by hand, and what was kept in it is lost to the machine",
    "template": "let the clones grow: write the size into their files; the template keeps what it has in {file}",
    "protection": "set protection = false alone in {file} and create {id} again, then the volumes",
    "firewall": "move it away if it may go: mv /etc/pve/firewall/{id}.fw /root/",
    "snapshot": 'write snapshots.impossible = "go on" into {file}, or change it by hand',
    "state": 'a template does not start; write state = "stopped" into {file}, or clone it: {tool} clone {id} NEWID',
    "unprivileged": "only a backup and its restore can change it: vzdump {id}; pct restore {id} ... --unprivileged",
}

AS_CONFIGURED = "as configured"


def check_refused(kind: Kind, guest: str, planned: Plan) -> None:
    """Refused, with each reason, if the plan asks for what Phoenix does not change."""
    if planned.refused:
        reasons = "; ".join(
            f"{item.option} is {item.found or 'not set'}, wanted {item.wanted}" for item in planned.refused
        )
        hints = [hint_for(kind, guest, item) for item in planned.refused]
        raise Refused(f"{guest} is left as it is; Phoenix does not change what differs: {reasons}", "; ".join(hints))


def hint_for(kind: Kind, guest: str, item: Difference) -> str:
    """What an administrator can do about an option that cannot be changed."""
    hint = FIXED_HINTS.get(item.option.rstrip("0123456789"), "write into {file} what is there")
    tool = kind.tool
    return hint.format(id=guest, option=item.option, file=f"{guest}.toml", tool=tool.name, move=tool.moving)


def facts(call: Call, name: str, state: str) -> dict[str, Any]:
    """What every document says of a guest of that name in that state."""
    return {
        "manager": call.manager,
        "action": call.action,
        "id": call.id,
        "kind": call.kind,
        "name": name,
        "state": state,
    }


def result(call: Call, wanted: Guest, state: Observed, done: Sequence[tuple[str, ...]], waiting: Sequence[str]) -> int:
    """Tell how a change ended; returns the exit status. PartlyDone if something waits for a restart."""
    if waiting and state.running:
        changes = f"{len(waiting)} change{'s wait' if len(waiting) > 1 else ' waits'}"
        raise PartlyDone(f"{call.id}: {changes} for a restart: {', '.join(waiting)}", f"phoenix.pyz restart {call.id}")
    if call.json:
        output.document(
            **facts(call, wanted.name, state.state),
            commands=[list(argv) for argv in done],
            changed=bool(done),
            exit_code=0,
        )
    else:
        what = "by " + ", ".join(called(argv) for argv in done) if done else "nothing to do"
        output.text(f"{call.id}  {wanted.name}  {state.state}  {what}")
    return 0


def show_plan(call: Call, wanted: Guest, state: Observed, planned: Plan) -> int:
    """Print a plan; returns 10 if there is anything in it and --exit-code was given."""
    if call.json:
        output.document(
            **facts(call, wanted.name, state.state),
            differences=[difference_facts(item) for item in planned.differences],
            waiting=list(planned.waiting),
            commands=[list(step.argv) for step in planned.steps],
        )
    else:
        output.text("\n".join(plan_lines(call, wanted, state, planned)))
    return 10 if planned.steps and call.options.get("--exit-code") else 0


def difference_facts(item: Difference) -> dict[str, str]:
    """One difference for a document."""
    return {"option": item.option, "found": item.found, "wanted": item.wanted, "change": item.change}


def plan_lines(call: Call, wanted: Guest, state: Observed, planned: Plan) -> list[str]:
    """A plan as lines for people."""
    lines = [f"{call.id}  {wanted.name}  {state.state}"]
    for item in planned.differences:
        when = " (at the next start)" if item.change in ("restart", "detach") and state.running else ""
        stays = item.change in ("detach", "unplug")
        gone = "detached, its data stays as an unused volume" if stays else "taken back"
        lines.append(f"  {item.option}: {item.found or '(not set)'} -> {item.wanted or f'({gone})'}{when}")
    if planned.waiting and state.running:
        lines.append(f"  waiting for a restart: {', '.join(planned.waiting)}")
    lines += [f"  $ {shell(step.argv)}" for step in planned.steps]
    return lines if planned.steps else [*lines, "  nothing to do"]


def status(call: Call, wanted: Guest, state: Observed, planned: Plan, doubt: str) -> int:
    """Tell what is there and how it compares with the file; returns the exit status."""
    ours = state.exists and not doubt and not state.elsewhere
    said = verdict(call.id, wanted, state, planned, doubt)
    return tell_status(call, wanted.name, state.state, said, ours, state.lock, planned.differences)


def verdict(guest: str, wanted: Guest, state: Observed, planned: Plan, doubt: str) -> str:
    """How what is there compares with the file, in words."""
    if state.elsewhere:
        return f"the ID is taken by {state.elsewhere}"
    if not state.exists:
        return f"phoenix.pyz create {guest} makes it"
    if state.half_made or state.half_gone:
        verb = "create" if state.half_made else "delete"
        return "at work" if state.worked_on else f"phoenix.pyz {verb} {guest} goes on from there"
    if state.lock or doubt:
        return f"locked ({state.lock})" if state.lock else f"not ours: {doubt}"
    return compared(wanted, state, planned)


def compared(wanted: Guest, state: Observed, planned: Plan) -> str:
    """How a guest that is ours and at rest compares with its file, in words."""
    if planned.differences:
        return "differs: " + ", ".join(item.option for item in planned.differences)
    if state.running and planned.waiting:
        return f"waiting for a restart: {', '.join(planned.waiting)}"
    return AS_CONFIGURED if not planned.steps else f"to be {'started' if wanted.running else 'stopped'}"


def tell_status(
    call: Call, name: str, state: str, said: str, ours: bool, lock: str = "", differences: Sequence[Difference] = ()
) -> int:
    """Tell a verdict, and in a document what it is about; returns the exit status."""
    if call.json:
        differs = [difference_facts(item) for item in differences]
        output.document(**facts(call, name, state), ours=ours, lock=lock, verdict=said, differences=differs)
    else:
        output.text(f"{call.id}  {name}  {state}  {said}")
    return 0


def check_files(paths: Mapping[str, str], decode: Callable[[str, str], object]) -> None:
    """ConfigError with everything that is wrong with any of the files."""
    found = []
    for guest, path in paths.items():
        try:
            decode(path, guest)
        except ConfigError as error:
            found.append(error.message)
    if found:
        raise ConfigError("\n       ".join(found), "edit the files named above; phoenix.pyz check")


def check_relations(wrong: Sequence[str]) -> None:
    """ConfigError with what files say against each other."""
    if wrong:
        raise ConfigError("\n       ".join(wrong), "edit the files named above; phoenix.pyz check")
