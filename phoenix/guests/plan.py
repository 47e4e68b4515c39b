"""The plan: what pct has to be told so that a container becomes what its file says. Pure: values in, commands out."""

from __future__ import annotations

from phoenix.guests import marks, values
from phoenix.pve import options, pct
from phoenix.pve.tables import container
from phoenix.value import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from phoenix.guests.container import Container
    from phoenix.guests.observed import Observed
    from phoenix.guests.values import Setting

SHUTDOWN_SECONDS = 60
GRACE_SECONDS = 30


class Step(Value):
    """One command. `goal` names what it is for: the step was of use if the next plan has none for that goal."""

    goal: str
    argv: tuple[str, ...]
    seconds: int = 0  # the longest it may take, if that is its own


class Difference(Value):
    """One option that is not as wanted; `change` is how it changes: live, restart or fixed."""

    option: str
    found: str
    wanted: str
    change: str


class Plan(Value):
    """What is to be done, in order; what differs; what waits for a restart; what Phoenix will not do."""

    steps: tuple[Step, ...] = ()
    differences: tuple[Difference, ...] = ()
    waiting: tuple[str, ...] = ()
    refused: tuple[Difference, ...] = ()


def converge(wanted: Container, observed: Observed, mark: str) -> Plan:
    """Make the container what its file says, and start or stop it as the file says."""
    if not observed.exists or observed.half_made:
        settings = dict(wanted.settings)
        settings["description"] = marks.join(str(settings.get("description", "")), mark)
        create = Step("create", tuple(pct.create(wanted.id, wanted.ostemplate, settings)))
        start = [Step("start", tuple(pct.start(wanted.id)))] if wanted.running else []
        return Plan((create, *start))
    found = differences(wanted, observed)
    state = run_state(wanted.id, observed, wanted.running)
    refused = (*(difference for difference in found if difference.change == "fixed"), *state.refused)
    changes = {difference.option: merged(wanted, observed, difference.option) for difference in found}
    steps = []
    if changes and not refused:
        if "description" in changes:
            changes["description"] = marks.join(str(changes["description"]), mark)
        goal = "set " + " ".join(sorted(changes))
        steps.append(Step(goal, tuple(pct.set_options(wanted.id, changes, digest(observed.text)))))
    if not refused:
        steps += state.steps
    return Plan(tuple(steps), found, tuple(sorted(observed.pending)), refused)


def digest(text: str) -> str:
    """The digest that pct asks for, so that a file changed meanwhile is not overwritten: SHA-1 of the whole text."""
    import hashlib

    return hashlib.sha1(text.encode()).hexdigest()  # noqa: S324 - Proxmox VE's choice


def run_state(guest: str, observed: Observed, running: bool, seconds: int = SHUTDOWN_SECONDS) -> Plan:
    """Start or shut down a container that is there. A template is refused: it does not start."""
    if not observed.exists or observed.running == running:
        return Plan()
    if running and observed.template:
        return Plan(refused=(Difference("state", "template", "running", "fixed"),))
    if running:
        return Plan((Step("start", tuple(pct.start(guest))),))
    # pct itself waits that long; it gets a while more to say how it ended.
    return Plan((Step("stop", tuple(pct.shutdown(guest, seconds)), seconds + GRACE_SECONDS),))


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


def differences(wanted: Container, observed: Observed) -> tuple[Difference, ...]:
    """The options of the file that are not as it says; one that waits for a restart counts as it will be then.

    An option that the file does not name is left as it is.
    """
    found = []
    for name, setting in sorted(wanted.settings.items()):
        option = options.lookup(container.GUEST, name)
        if option is None:
            continue
        now = observed.pending.get(name, observed.settings.get(name))
        if values.differs(option, setting, now):
            # A mount point can be added at any time; one that is there is data, and stays as it is.
            change = "live" if option.name == "mp" and now is None else option.change
            found.append(Difference(name, shown(now), shown(setting), change))
    return tuple(found)


def merged(wanted: Container, observed: Observed, name: str) -> Setting:
    """The value to set: for a property string, what it has now with what is wanted over it.

    pct replaces the whole value: a MAC address that is left out would be made anew.
    """
    setting = wanted.settings[name]
    now = observed.pending.get(name, observed.settings.get(name))
    if isinstance(setting, str) or now is None or isinstance(now, str):
        return setting
    return {**now, **setting}


def shown(setting: Setting | None) -> str:
    """A setting as pct would show it; "" for one that is not set."""
    return "" if setting is None else pct.text(setting)
