"""The plan: what has to be done so that a guest becomes what its file says. Pure: values in, steps out."""

from __future__ import annotations

from phoenix.guests import changes, marks
from phoenix.guests.changes import Difference
from phoenix.value import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection

    from phoenix.guests.guest import Guest
    from phoenix.guests.kind import Kind
    from phoenix.guests.observed import Observed
    from phoenix.guests.values import Setting
    from phoenix.record import Record

SHUTDOWN_SECONDS = 60
GRACE_SECONDS = 30
EDIT, SECRET, WRITE, PROVISION, WAIT, CLEAN = "edit", "password", "write", "provision", "wait", "clean"
"""What a step's first word is when it is no tool: raw lines in a guest's file, a password there, a file of its own, a
feature, waiting until it answers, and taking out of it what makes it one of its kind."""
UNKNOWN_MARK = "(new)"


class Step(Value):
    """One command. `goal` names what it is for: the step was of use if the next plan has none for that goal."""

    goal: str
    argv: tuple[str, ...]
    seconds: int = 0  # the longest it may take, if that is its own
    stdin: str = ""  # the file that it reads, "" for none
    content: str = ""  # what it writes
    hint: str = ""  # what to do if it fails


class Plan(Value):
    """What is to be done, in order; what differs; what waits for a restart; what Phoenix will not do."""

    steps: tuple[Step, ...] = ()
    differences: tuple[Difference, ...] = ()
    waiting: tuple[str, ...] = ()
    refused: tuple[Difference, ...] = ()


class Ask(Value):
    """What the call and the configuration say beside the guest's own file."""

    starts: bool = True  # it may be started
    restart: bool = False  # restart it if anything waits for that
    delete_volumes: tuple[str, ...] = ()  # volumes that are let go of for good
    features: tuple[tuple[str, str, int], ...] = ()  # those it is to have, in order: name, digest, seconds
    password: str = ""  # the digest of the file with its password
    snapshot: str = ""  # taken before a change, "" for none
    no_snapshot: str = ""  # why none can be taken
    seconds: int = SHUTDOWN_SECONDS  # how long a shutdown may take
    answers: bool = False  # it has been heard since its start


def converge(wanted: Guest, observed: Observed, record: Record | None, ask: Ask = Ask()) -> Plan:  # noqa: B008
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
    if observed.template:
        refused += [_base(item) for item in found if item.change == "grow"]
    if observed.protection:
        refused += [_protected(item) for item in found if _is_volume(wanted.kind, item)]
    waits = waiting(observed, record)
    before = _snapshot_before(wanted, observed, ask, found, refused) if record and record.finished else ()
    if refused:
        return Plan((), found, waits, tuple(refused))
    steps = _changes(wanted, observed, record, found) if found else []
    running = observed.running
    if ask.restart and running and (waits or any(item.change in ("restart", "detach") for item in found)):
        steps = [stop(wanted.kind, wanted.id, ask.seconds), *steps]
        running = False
    gone = _deletions(wanted, observed, record, ask)
    told = any(changes.is_told(item.option) for item in found)
    return Plan((*before, *steps, *gone, *_finish(wanted, running, observed, record, ask, told=told)), found, waits)


def _is_volume(kind: Kind, item: Difference) -> bool:
    return item.change != "fixed" and kind.may_hold(item.option)


def _protected(item: Difference) -> Difference:
    """Volumes of a protected container stay as they are: pct would refuse as well."""
    return Difference("protection", f"on, so that {item.option} stays as it is", "off first", "fixed")


def _base(item: Difference) -> Difference:
    """The volumes of a template are the bases of its clones: its tool would refuse as well."""
    return Difference("template", f"the base of clones, so that {item.option} stays as it is", item.wanted, "fixed")


def waiting(observed: Observed, record: Record | None) -> tuple[str, ...]:
    """What a running container gets at its next start only."""
    found = sorted(observed.pending)
    if record and record.waits and record.waits == observed.started:
        found.append("lxc")
    return tuple(found)


def _creation(wanted: Guest, mark: str) -> list[Step]:
    """What is done for a guest that is not there; what a clone still lacks, the plan of the next look says."""
    tool, title = wanted.kind.tool, wanted.kind.tool.title
    settings = {name: _new(wanted, name) for name in wanted.settings}
    description = marks.join(str(settings.pop("description", "")), mark)
    if wanted.clone:
        argv = tool.clone(wanted.clone["from"], wanted.id, _clone_options(wanted, description))
        steps = [Step("create", tuple(argv))]
        rest = {name: setting for name, setting in settings.items() if name != title and not wanted.kind.may_hold(name)}
        if rest:
            steps.append(Step("set " + " ".join(sorted(rest)), tuple(tool.set_options(wanted.id, rest))))
    else:
        extra = {name: value for name, value in wanted.creation.items() if name != "sha512"}
        if "ssh_public_keys_file" in wanted.files:
            extra["ssh-public-keys"] = wanted.files["ssh_public_keys_file"]
        settings = {**settings, **extra, "description": description}
        template = [wanted.ostemplate] * bool(wanted.ostemplate)
        steps = [Step("create", tuple(tool.create(wanted.id, settings, *template))), *_growth(wanted)]
    lines = (*(wanted.environment or ()), *(wanted.raw or ()))
    if lines:
        steps.append(_edit(wanted.id, lines))
    if wanted.firewall:
        steps.append(_write_firewall(wanted, mark))
    return [*steps, *_write_snippets(wanted, mark, wanted.snippets)]


def _clone_options(wanted: Guest, description: str) -> dict[str, str]:
    """What a clone is given at once. A full one goes where its first volume is to be."""
    both = {name: value for name, value in wanted.creation.items() if name in ("bwlimit", "pool")}
    given = {**both, **wanted.clone, "description": description, wanted.kind.tool.title: wanted.name}
    if given.get("full") == "1":
        given.setdefault("storage", wanted.first_storage)
    return given


def _new(wanted: Guest, name: str) -> Setting:
    """An option as it is given to the tool: a disk with what it is made of, keys by their file."""
    setting = wanted.settings[name]
    if name == "sshkeys":
        return wanted.files["sshkeys_file"]
    if name in wanted.images and not isinstance(setting, str):
        return {**setting, "import-from": wanted.images[name].source}
    return setting


def _growth(wanted: Guest) -> list[Step]:
    """What makes disks that are as large as their images as large as they are to be."""
    sized = [(name, wanted.settings[name]) for name in wanted.images]
    return [
        _grow(wanted, name, setting["size"])
        for name, setting in sized
        if not isinstance(setting, str) and "size" in setting
    ]


def _grow(wanted: Guest, name: str, size: str, digest: str = "") -> Step:
    """Let a volume grow. One that has grown already, when a run was killed, is seen by a rescan alone."""
    tool = wanted.kind.tool
    hint = (
        f"an earlier run may have been killed before it wrote the new size, then: {tool.scanning} --vmid {wanted.id}; "
        f"phoenix.pyz create {wanted.id}"
    )
    return Step(f"resize {name}", tuple(tool.resize(wanted.id, name, size, digest)), hint=hint)


def _write_snippets(wanted: Guest, mark: str, names: Collection[str]) -> list[Step]:
    if not names:
        return []
    from phoenix.guests import snippets

    return [
        Step(f"snippet {name}", (WRITE, name), content=snippets.signed(text, mark))
        for name, text in wanted.snippets.items()
        if name in names
    ]


def _edit(guest: str, lines: tuple[str, ...]) -> Step:
    return Step("raw", (EDIT, f"/etc/pve/lxc/{guest}.conf", *lines))


def _write_firewall(wanted: Guest, mark: str) -> Step:
    from phoenix.guests import firewall

    text = firewall.signed(wanted.firewall or "", mark)
    return Step("firewall", (WRITE, f"/etc/pve/firewall/{wanted.id}.fw"), content=text)


def _may_write_firewall(observed: Observed, record: Record | None) -> bool:
    """Whether the firewall's file is ours, or came with the clone that is being made."""
    from phoenix.guests import firewall

    ours = record and (not record.finished or firewall.is_ours(observed.firewall, record.mark))
    return bool(ours) or not observed.firewall.strip()


def _snapshot_before(
    wanted: Guest, observed: Observed, ask: Ask, found: tuple[Difference, ...], refused: list[Difference]
) -> tuple[Step, ...]:
    """The snapshot that is asked for before a change; where it is impossible that may be a reason to refuse."""
    if not ask.snapshot or not found or observed.template or ask.snapshot in observed.snapshots:
        return ()
    if ask.no_snapshot:
        refused.append(Difference("snapshot", ask.no_snapshot, "one before every change", "fixed"))
        return ()
    argv = wanted.kind.tool.snapshot(wanted.id, ask.snapshot)
    return (Step(f"snapshot {ask.snapshot}", tuple(argv)),)


def _changes(wanted: Guest, observed: Observed, record: Record | None, found: tuple[Difference, ...]) -> list[Step]:
    mark = record.mark if record else UNKNOWN_MARK
    by_name = {item.option: item for item in found}
    own = ("lxc", "env", "firewall", "snippets")
    given = [item.option for item in found if item.wanted and item.change != "grow" and item.option not in own]
    delete = [item.option for item in found if not item.wanted and item.option not in own]
    settings: dict[str, Setting] = {}
    for name in given:
        new = changes.current(observed, name) is None or name == "sshkeys"
        setting = _new(wanted, name) if new else changes.merged(wanted, observed, name, record)
        settings[name] = marks.join(str(setting), mark) if name == "description" else setting
    if "description" in delete:  # our mark stays
        delete.remove("description")
        settings["description"] = marks.join("", mark)
    steps = []
    digest = digest_of(observed.text)
    for item in found:  # first, so that no older size is written after it
        if item.change == "grow":
            size = item.wanted[len("size=") :]
            steps.append(_grow(wanted, item.option, size, digest))
            digest = ""  # the file is another one then
    if settings or delete:
        goal = "set " + " ".join(sorted([*settings, *delete]))
        steps.append(Step(goal, tuple(wanted.kind.tool.set_options(wanted.id, settings, digest, delete))))
    if "lxc" in by_name or "env" in by_name:
        steps.append(_edit(wanted.id, changes.raw_lines(wanted, observed, by_name)))
    if "firewall" in by_name:
        steps.append(_write_firewall(wanted, mark))
    if "snippets" in by_name:
        steps += _write_snippets(wanted, mark, changes.other_snippets(wanted, observed))
    return steps


def _deletions(wanted: Guest, observed: Observed, record: Record | None, ask: Ask) -> list[Step]:
    """Volumes of ours that are unused and were named to be deleted."""
    ours = record.volumes if record else ()
    unused = [
        name
        for name, volume in sorted(observed.raw.items())
        if name.startswith("unused") and volume in ask.delete_volumes and volume in ours
    ]
    if not unused:
        return []
    argv = wanted.kind.tool.set_options(wanted.id, {}, digest_of(observed.text), unused)
    return [Step("delete " + " ".join(unused), tuple(argv))]


def _finish(
    wanted: Guest, running: bool, observed: Observed, record: Record | None, ask: Ask, *, told: bool = False
) -> list[Step]:
    """What comes last: its password and features, for which it has to run, and the state that it is to be in.

    `told` says whether what cloud-init is told is changed at once by the steps before.
    """
    if observed.template:
        return []
    tool = wanted.kind.tool
    steps = _secret(wanted, record, ask)
    if running and changes.has_drive(observed) and (steps or told or changes.drive_is_stale(observed, record)):
        from phoenix.pve import qm

        steps.append(Step("drive", tuple(qm.update_drive(wanted.id))))
    inside = _inside(wanted, record, ask)
    if inside or wanted.running:
        if not (running or ask.starts):
            return steps  # what is left is done when it runs
        steps += [start(wanted.kind, wanted.id)] * (not running)
        running = True
    steps += inside
    if running and not wanted.running:
        steps.append(stop(wanted.kind, wanted.id, ask.seconds))
    if wanted.ours.state == "template":
        steps.append(Step("template", tuple(tool.template(wanted.id))))
    elif wanted.ours.after_create and not (record and record.finished) and not ask.no_snapshot:
        name = wanted.ours.after_create
        if name not in observed.snapshots:
            steps.append(Step(f"snapshot {name}", tuple(tool.snapshot(wanted.id, name))))
    return steps


def _secret(wanted: Guest, record: Record | None, ask: Ask) -> list[Step]:
    """The password that cloud-init is to set, which goes into the machine's file without being an argument."""
    if "cipassword_file" not in wanted.files or (record and record.password == ask.password):
        return []
    path = f"/etc/pve/{wanted.kind.folder}/{wanted.id}.conf"
    return [Step("password", (SECRET, path), stdin=wanted.files["cipassword_file"])]


def _inside(wanted: Guest, record: Record | None, ask: Ask) -> list[Step]:
    """What is done in the guest while it runs: a password, features, and what a template is cleaned of."""
    done = record.features if record else ()
    steps = []
    if "password_file" in wanted.files and (record is None or record.password != ask.password):
        from phoenix.pve import pct

        argv = pct.execute(wanted.id, ("chpasswd", "-e"))
        steps.append(Step("password", tuple(argv), stdin=wanted.files["password_file"]))
    for name, digest, seconds in ask.features:
        if f"{name}={digest}" not in done:
            steps.append(Step(f"feature {name}", (PROVISION, wanted.id, name), seconds))
    if wanted.ours.state == "template" and wanted.ours.wait and (steps or not (record and record.cleaned)):
        steps.append(Step("clean", (CLEAN, wanted.id)))
    if steps and wanted.ours.wait and not ask.answers:
        steps.insert(0, Step("answer", (WAIT, wanted.id, *(check.name for check in wanted.ours.wait))))
    return steps


def digest_of(text: str) -> str:
    """The digest that pct asks for, so that a file changed meanwhile is not overwritten: SHA-1 of the whole text."""
    import hashlib

    return hashlib.sha1(text.encode()).hexdigest()  # noqa: S324 - Proxmox VE's choice


def start(kind: Kind, guest: str) -> Step:
    """Start a guest."""
    return Step("start", tuple(kind.tool.start(guest)))


def stop(kind: Kind, guest: str, seconds: int) -> Step:
    """Shut a guest down. The tool itself waits that long; it gets a while more to say how it ended."""
    longer = f"give it longer: --timeout={seconds * 5}"
    hint = f"{longer}; {kind.tool.name} stop {guest} takes its power, and it loses what it has not written"
    return Step("stop", tuple(kind.tool.shutdown(guest, seconds)), seconds + GRACE_SECONDS, hint=hint)
