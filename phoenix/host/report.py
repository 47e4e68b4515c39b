"""Reports: what hypervisor-manager tells about the node's setup, as text for people or one JSON document."""

from __future__ import annotations

from phoenix import output
from phoenix.errors import NotReady, PartlyDone, Refused
from phoenix.text import called, shell

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from phoenix.call import Call
    from phoenix.host.aspect import Obstacle, Plan, Step


def check(plans: Mapping[str, Plan]) -> None:
    """Refused or NotReady, with each reason, for what cannot be done: before anything is changed, as far as it is seen.

    What a section misses may be brought by one before it, so that it counts only if that has nothing to do.
    """
    refused: list[Obstacle] = []
    missing: list[Obstacle] = []
    busy = False
    for plan in plans.values():
        refused += plan.refused
        missing += plan.missing if not busy else ()
        busy = busy or bool(plan.steps)
    for error, found in ((Refused, refused), (NotReady, missing)):
        if found:
            raise error("\n       ".join(item.why for item in found), "; ".join(item.hint for item in found))


def facts(call: Call, node: str) -> dict[str, Any]:
    """What every document says."""
    return {"manager": call.manager, "action": call.action, "kind": call.kind, "node": node}


def show_plan(call: Call, node: str, plans: Mapping[str, Plan], owed: Sequence[tuple[str, ...]]) -> int:
    """Print what is to be done; returns 10 if there is anything and --exit-code was given. It refuses nothing."""
    left = bool(owed) or any(map(differs, plans.values()))
    if call.json:
        sections = {name: plan_facts(plan) for name, plan in plans.items()}
        output.document(**facts(call, node), sections=sections, owed=[list(argv) for argv in owed])
    else:
        output.text("\n".join(lines_of(node, plans, owed)))
    return 10 if left and call.options.get("--exit-code") else 0


def differs(plan: Plan) -> bool:
    """Whether a plan says anything: what is in the way is not as wanted either."""
    return any(plan.fields().values())


def plan_facts(plan: Plan) -> dict[str, Any]:
    """A section's plan for a document."""
    return {
        "differences": [item.fields() for item in plan.differences],
        "refused": [item.fields() for item in plan.refused],
        "missing": [item.fields() for item in plan.missing],
        "commands": [list(step.argv) for step in plan.steps],
        "reboot": list(plan.reboot),
        "waits": [item.fields() for item in plan.waits],
    }


def lines_of(node: str, plans: Mapping[str, Plan], owed: Sequence[tuple[str, ...]]) -> list[str]:
    """A plan as lines for people."""
    lines = []
    for name, plan in plans.items():
        lines.append(f"{node}  {name}  " + ("differs" if differs(plan) else "as wanted"))
        lines += [f"  {item.what}: {item.found or '(not set)'} -> {item.wanted}" for item in plan.differences]
        lines += [f"  refused: {item.why}" for item in plan.refused]
        lines += [f"  missing: {item.why}" for item in plan.missing]
        lines += [f"  $ {shell(step.argv)}{added(step)}" for step in plan.steps]
        owing = dict.fromkeys(argv for step in plan.steps for argv in step.after)
        lines += [f"  after that: {shell(argv)}" for argv in owing]
        lines += [f"  a reboot is needed: {why}" for why in plan.reboot]
        lines += [f"  waits: {item.why}" for item in plan.waits]
    lines += [f"owed since an earlier run: {shell(argv)}" for argv in owed]
    return lines or [f"{node}  nothing to do: hypervisor.toml declares none of these sections"]


def added(step: Step) -> str:
    """What a step writes, as far as it fits on a line."""
    size = len(step.content.encode("utf-8", "surrogateescape"))
    return f"  ({size} bytes)" if step.content else ""


def check_waits(node: str, plan: Plan, reboot: Sequence[str]) -> None:
    """PartlyDone if somebody has to do something before setup goes on."""
    if plan.waits:
        why = [*(item.why for item in plan.waits), *(f"a reboot is needed: {reason}" for reason in reboot)]
        raise PartlyDone(f"{node}: {'; '.join(why)}", "; ".join(item.hint for item in plan.waits))


def result(call: Call, node: str, done: Sequence[tuple[str, ...]], reboot: Sequence[str], *, begun: bool) -> int:
    """Tell how a setup ended. PartlyDone if the node must be started anew; `begun`: it does so already."""
    if reboot:
        why = "; ".join(reboot)
        when = "when it is back" if begun else "reboot the node when its guests can go down, or setup --reboot; then"
        raise PartlyDone(
            f"{node}: {'it starts anew' if begun else 'a reboot is needed'}: {why}", f"{when}: phoenix.pyz setup"
        )
    if call.json:
        output.document(**facts(call, node), commands=[list(argv) for argv in done], changed=bool(done), exit_code=0)
    else:
        what = "by " + ", ".join(dict.fromkeys(called(argv) for argv in done)) if done else "nothing to do"
        output.text(f"{node}  {what}")
    return 0
