"""Adoption: how a guest that Phoenix did not make, or that others have changed, becomes its own when it is told so."""

from __future__ import annotations

from phoenix import cli, record
from phoenix.guests import marks
from phoenix.guests.plan import UNKNOWN_MARK, Plan, Step, digest_of
from phoenix.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from phoenix.guests.observed import Observed
    from phoenix.guests.work import Work


def plan(work: Work, state: Observed) -> Plan:
    """Write the record's mark into the description, unless it is there; the user's words stay."""
    mark = work.record.mark if work.record else UNKNOWN_MARK
    if state.mark == mark:
        return Plan()
    text = marks.join(str(state.settings.get("description", "")), mark)
    argv = work.kind.tool.set_options(work.guest, {"description": text}, digest_of(state.text))
    return Plan((Step("adopt", tuple(argv)),))


def prepare(work: Work, _state: Observed) -> None:
    """Begin a new record. A mark that the guest has from elsewhere is not used: a clone of it would have the same."""
    work.write(Record(record.new_mark(), False, ()))


def finish(work: Work, state: Observed) -> None:
    """Write down what is ours from now on: the guest with all its volumes; none of its options was set by us."""
    if work.record is None:
        return
    seen = work.record if work.record.made else Record(work.record.mark, True, (), finished=True)
    work.write(seen.but(volumes=state.volumes))
    work.journal.add("adopted", mark=seen.mark, volumes=list(state.volumes))
    cli.note(f"{work.guest}: from now on Phoenix's own, with its volumes: {', '.join(state.volumes) or 'none'}")
