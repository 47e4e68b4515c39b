"""The plan: what has to be done so that a container becomes what its file says. Pure: values in, steps out."""

from __future__ import annotations

from phoenix.guests import changes, marks, values
from phoenix.guests.changes import Difference
from phoenix.pve import pct
from phoenix.value import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection

    from phoenix.guests.container import Container
    from phoenix.guests.observed import Observed
    from phoenix.guests.values import Setting
    from phoenix.record import Record

SHUTDOWN_SECONDS = 60
GRACE_SECONDS = 30
EDIT, WRITE, PROVISION = "edit", "write", "provision"
"""What a step's first word is when it is no tool: an edit of a guest's file, a file of its own, a feature."""
UNKNOWN_MARK = "(new)"


class Step(Value):
    """One command. `goal` names what it is for: the step was of use if the next plan has none for that goal."""

    goal: str
    argv: tuple[str, ...]
    seconds: int = 0  # the longest it may take, if that is its own
    stdin: str = ""  # the file that it reads, "" for none
    content: str = ""  # what it writes


class Plan(Value):
    """What is to be done, in order; what differs; what waits for a restart; what Phoenix will not do."""

    steps: tuple[Step, ...] = ()
    differences: tuple[Difference, ...] = ()
    waiting: tuple[str, ...] = ()
    refused: tuple[Difference, ...] = ()


class Ask(Value):
    """What the call and the configuration say beside the guest's own file."""

    restart: bool = False  # restart it if anything waits for that
    delete_volumes: tuple[str, ...] = ()  # volumes that are let go of for good
    features: tuple[tuple[str, str, int], ...] = ()  # those it is to have, in order: name, digest, seconds
    password: str = ""  # the digest of the file with its password
    snapshot: str = ""  # taken before a change, "" for none
    no_snapshot: str = ""  # why none can be taken
    seconds: int = SHUTDOWN_SECONDS  # how long a shutdown may take


def converge(wanted: Container, observed: Observed, record: Record | None, ask: Ask = Ask()) -> Plan:  # noqa: B008
    """Make the container what its file says, with its features, and start or stop it as the file says."""
    mark = record.mark if record else UNKNOWN_MARK
    if not observed.exists or observed.half_made:
        steps = _creation(wanted, mark)
        return Plan((*steps, *_finish(wanted, False, observed, None, ask)))
    found = changes.between(wanted, observed, record)
    refused = [difference for difference in found if difference.change == "fixed"]
    if wanted.running and observed.template:
        refused.append(Difference("state", "template", "running", "fixed"))
    if any(item.option == "firewall" for item in found) and not _may_write_firewall(observed, record):
        refused.append(Difference("firewall", "written by somebody else", "as the file says", "fixed"))
    if observed.protection:
        refused += [_protected(item) for item in found if _is_volume(item)]
    waits = waiting(observed, record)
    before = _snapshot_before(wanted.id, observed, ask, found, refused) if record and record.finished else ()
    if refused:
        return Plan((), found, waits, tuple(refused))
    steps = _changes(wanted, observed, record, found) if found else []
    running = observed.running
    if ask.restart and running and (waits or any(item.change in ("restart", "detach") for item in found)):
        steps = [_stop(wanted.id, ask.seconds), *steps]
        running = False
    gone = _deletions(wanted.id, observed, record, ask)
    return Plan((*before, *steps, *gone, *_finish(wanted, running, observed, record, ask)), found, waits)


def _is_volume(item: Difference) -> bool:
    return item.change != "fixed" and item.option.rstrip("0123456789") in values.VOLUMES


def _protected(item: Difference) -> Difference:
    """Volumes of a protected container stay as they are: pct would refuse as well."""
    return Difference("protection", f"on, so that {item.option} stays as it is", "off first", "fixed")


def waiting(observed: Observed, record: Record | None) -> tuple[str, ...]:
    """What a running container gets at its next start only."""
    found = sorted(observed.pending)
    if record and record.waits and record.waits == observed.started:
        found.append("lxc")
    return tuple(found)


def _creation(wanted: Container, mark: str) -> list[Step]:
    settings = dict(wanted.settings)
    description = marks.join(str(settings.pop("description", "")), mark)
    if wanted.clone:
        given = {**wanted.clone, "description": description, "hostname": wanted.name}
        rootfs = wanted.settings.get("rootfs", "")
        if given.get("full") == "1" and not isinstance(rootfs, str):
            given.setdefault("storage", rootfs["storage"])
        argv = pct.clone(wanted.clone["from"], wanted.id, given)
        steps = [Step("create", tuple(argv))]
        rest = {name: setting for name, setting in settings.items() if name not in ("hostname", "rootfs")}
        if rest:
            steps.append(Step("set " + " ".join(sorted(rest)), tuple(pct.set_options(wanted.id, rest))))
    else:
        extra = {name: value for name, value in wanted.creation.items() if name != "sha512"}
        if "ssh_public_keys_file" in wanted.files:
            extra["ssh-public-keys"] = wanted.files["ssh_public_keys_file"]
        settings = {**settings, **extra, "description": description}
        steps = [Step("create", tuple(pct.create(wanted.id, wanted.ostemplate, settings)))]
    lines = (*(wanted.environment or ()), *(wanted.raw or ()))
    if lines:
        steps.append(_edit(wanted.id, lines))
    if wanted.firewall:
        steps.append(_write_firewall(wanted, mark))
    return steps


def _edit(guest: str, lines: tuple[str, ...]) -> Step:
    return Step("raw", (EDIT, f"/etc/pve/lxc/{guest}.conf", *lines))


def _write_firewall(wanted: Container, mark: str) -> Step:
    from phoenix.guests import firewall

    text = firewall.signed(wanted.firewall or "", mark)
    return Step("firewall", (WRITE, f"/etc/pve/firewall/{wanted.id}.fw"), content=text)


def _may_write_firewall(observed: Observed, record: Record | None) -> bool:
    """Whether the firewall's file is ours, or came with the clone that is being made."""
    from phoenix.guests import firewall

    ours = record and (not record.finished or firewall.is_ours(observed.firewall, record.mark))
    return bool(ours) or not observed.firewall.strip()


def _snapshot_before(
    guest: str, observed: Observed, ask: Ask, found: tuple[Difference, ...], refused: list[Difference]
) -> tuple[Step, ...]:
    """The snapshot that is asked for before a change; where it is impossible that may be a reason to refuse."""
    if not ask.snapshot or not found or observed.template or ask.snapshot in observed.snapshots:
        return ()
    if ask.no_snapshot:
        refused.append(Difference("snapshot", ask.no_snapshot, "one before every change", "fixed"))
        return ()
    return (Step(f"snapshot {ask.snapshot}", tuple(pct.snapshot(guest, ask.snapshot))),)


def _changes(wanted: Container, observed: Observed, record: Record | None, found: tuple[Difference, ...]) -> list[Step]:
    mark = record.mark if record else UNKNOWN_MARK
    by_name = {item.option: item for item in found}
    own = ("lxc", "env", "firewall")
    given = [item.option for item in found if item.wanted and item.change != "grow" and item.option not in own]
    delete = [item.option for item in found if not item.wanted and item.option not in own]
    settings: dict[str, Setting] = {}
    for name in given:
        setting = changes.merged(wanted, observed, name, record)
        settings[name] = marks.join(str(setting), mark) if name == "description" else setting
    if "description" in delete:  # our mark stays
        delete.remove("description")
        settings["description"] = marks.join("", mark)
    steps = []
    digest = digest_of(observed.text)
    for item in found:  # first, so that no older size is written after it
        if item.change == "grow":
            size = item.wanted[len("size=") :]
            steps.append(Step(f"resize {item.option}", tuple(pct.resize(wanted.id, item.option, size, digest))))
            digest = ""  # the file is another one then
    if settings or delete:
        goal = "set " + " ".join(sorted([*settings, *delete]))
        steps.append(Step(goal, tuple(pct.set_options(wanted.id, settings, digest, delete))))
    if "lxc" in by_name or "env" in by_name:
        steps.append(_edit(wanted.id, changes.raw_lines(wanted, observed, by_name)))
    if "firewall" in by_name:
        steps.append(_write_firewall(wanted, mark))
    return steps


def _deletions(guest: str, observed: Observed, record: Record | None, ask: Ask) -> list[Step]:
    """Volumes of ours that are unused and were named to be deleted."""
    ours = record.volumes if record else ()
    unused = [
        name
        for name, volume in sorted(observed.raw.items())
        if name.startswith("unused") and volume in ask.delete_volumes and volume in ours
    ]
    if not unused:
        return []
    argv = pct.set_options(guest, {}, digest_of(observed.text), unused)
    return [Step("delete " + " ".join(unused), tuple(argv))]


def _finish(wanted: Container, running: bool, observed: Observed, record: Record | None, ask: Ask) -> list[Step]:
    """What comes last: its password and features, for which it has to run, and the state that it is to be in."""
    done = record.features if record else ()
    inside: list[Step] = []
    if ask.password and (record is None or record.password != ask.password) and not observed.template:
        argv = pct.execute(wanted.id, ("chpasswd", "-e"))
        inside.append(Step("password", tuple(argv), stdin=wanted.files["password_file"]))
    for name, digest, seconds in ask.features:
        if f"{name}={digest}" not in done and not observed.template:
            inside.append(Step(f"feature {name}", (PROVISION, wanted.id, name), seconds))
    steps = []
    if inside or wanted.running:
        steps += [Step("start", tuple(pct.start(wanted.id)))] * (not running)
        running = True
    steps += inside
    if running and not wanted.running:
        steps.append(_stop(wanted.id, ask.seconds))
    if wanted.ours.state == "template" and not observed.template:
        steps.append(Step("template", tuple(pct.template(wanted.id))))
    elif wanted.ours.after_create and not (record and record.finished) and not ask.no_snapshot:
        name = wanted.ours.after_create
        if name not in observed.snapshots:
            steps.append(Step(f"snapshot {name}", tuple(pct.snapshot(wanted.id, name))))
    return steps


def digest_of(text: str) -> str:
    """The digest that pct asks for, so that a file changed meanwhile is not overwritten: SHA-1 of the whole text."""
    import hashlib

    return hashlib.sha1(text.encode()).hexdigest()  # noqa: S324 - Proxmox VE's choice


def _stop(guest: str, seconds: int) -> Step:
    # pct itself waits that long; it gets a while more to say how it ended.
    return Step("stop", tuple(pct.shutdown(guest, seconds)), seconds + GRACE_SECONDS)


def run_state(guest: str, observed: Observed, running: bool, seconds: int = SHUTDOWN_SECONDS) -> Plan:
    """Start or shut down a container that is there. A template is refused: it does not start."""
    if not observed.exists or observed.running == running:
        return Plan()
    if running and observed.template:
        return Plan(refused=(Difference("state", "template", "running", "fixed"),))
    return Plan((Step("start", tuple(pct.start(guest))),) if running else (_stop(guest, seconds),))


def restart(guest: str, observed: Observed, stopped: bool, seconds: int = SHUTDOWN_SECONDS) -> Plan:
    """Shut a container down, unless that is done (`stopped`), and start it."""
    if stopped:
        return run_state(guest, observed, running=True)
    stop = run_state(guest, observed, running=False, seconds=seconds)
    return Plan((*stop.steps, Step("start", tuple(pct.start(guest)))))


def delete(guest: str, observed: Observed, seconds: int = SHUTDOWN_SECONDS) -> Plan:
    """Shut a container down and destroy it."""
    if not observed.exists:
        return Plan()
    destroy = Step("destroy", tuple(pct.destroy(guest)))
    return Plan((*run_state(guest, observed, running=False, seconds=seconds).steps, destroy))


def take_snapshot(guest: str, observed: Observed, name: str, description: str) -> Plan:
    """Take a snapshot of that name, unless it is there."""
    if name in observed.snapshots:
        return Plan()
    return Plan((Step(f"snapshot {name}", tuple(pct.snapshot(guest, name, description))),))


def drop_snapshot(guest: str, observed: Observed, name: str) -> Plan:
    """Remove a snapshot."""
    if name not in observed.snapshots:
        return Plan()
    return Plan((Step(f"delete snapshot {name}", tuple(pct.drop_snapshot(guest, name))),))


def roll_back(guest: str, observed: Observed, name: str, ran: bool, done: Collection[str], seconds: int) -> Plan:
    """Make a container what it was at a snapshot. Only the tool's word (`done`) tells whether that has happened."""
    goal = f"rollback {name}"
    after = Plan() if not ran else run_state(guest, observed, running=True)
    if goal in done:
        return after
    stop = run_state(guest, observed, running=False, seconds=seconds)
    start = [Step("start", tuple(pct.start(guest)))] if ran else []
    return Plan((*stop.steps, Step(goal, tuple(pct.rollback(guest, name))), *start))
