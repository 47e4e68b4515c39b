"""Work: one guest under one call, as the loop sees it: its node, its wish, its record, its plan."""

from __future__ import annotations

from phoenix import files, record
from phoenix.config import load
from phoenix.errors import NotReady, Refused, UsageError
from phoenix.guests import changes, ownership, plan
from phoenix.guests.observed import Observed, observe, volumes_of
from phoenix.pve.node import Node
from phoenix.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from contextlib import AbstractContextManager
    from typing import Any

    from phoenix.call import Call
    from phoenix.guests.features import Feature
    from phoenix.guests.guest import Guest
    from phoenix.guests.kind import Kind
    from phoenix.guests.plan import Ask, Plan, Step
    from phoenix.journal import Journal

    Planner = Callable[["Work", Observed], Plan]

OWN = ("lxc", "env")
"""Options that are raw keys in the container's file."""
_FIELDS = {"lxc": "raw", "env": "environment"}


class Work:
    """One container under one call, as the loop sees it: its node, its wish, its record, its plan."""

    def __init__(self, call: Call, kind: Kind, planner: Planner) -> None:
        self.call = call
        self.kind = kind
        self.guest = call.id
        self.planner = planner
        self.document = load.guest(call.config, call.kind, call.id, call.shared("trusted", set))
        wanted = kind.decode(self.document, call.id)
        self.node = node_of(call)
        self.wanted = with_keys(wanted, self.node)
        self.seconds = call.timeout
        self.status_command = f"phoenix.pyz status {call.id}"
        self.strangers = False  # whether the guest may be somebody else's
        self.record_path = call.paths.record(call.kind, call.id)
        self.record: Record | None = None
        self.done: set[str] = set()  # the goals of this run whose tool has reported success
        self.stock: tuple[str, ...] = ()  # the volumes under its ID before it is made
        self._journal: Journal | None = None
        self._features: list[Feature] | None = None
        self._ask: Ask | None = None

    def look(self) -> Observed:
        """The container as it is now, and what its record says. Before a change the lock must be ours already."""
        self.record = record.load(self.record_path)
        if self.record and self.call.options.get("--reapply"):
            self.record = self.record.but(features=())
        return self.observe()

    def begin(self) -> None:
        """Open the log, now that there is something to do: a run that has nothing to do needs none."""
        from phoenix.log import RunLog

        if not hasattr(self, "log"):
            self.log = RunLog(self.call.paths.log(self.call.run, self.call.kind, self.call.id))

    @property
    def journal(self) -> Journal:
        """The guest's journal, opened when it is first asked for."""
        if self._journal is None:
            from phoenix import workers
            from phoenix.journal import Journal

            call = self.call
            facts = {"run": call.run, "node": self.node.name, "kind": call.kind, "id": call.id}
            path = call.paths.journal(call.kind, call.id)
            self._journal = Journal(path, **facts, **workers.this_process())
        return self._journal

    def before(self, step: Step, state: Observed) -> dict[str, Any]:
        """What the journal is told of the guest before a step."""
        there = self.stock if step.goal == "create" else state.volumes
        return {"mark": self.record.mark if self.record else "", "volumes": list(there)}

    def after(self, state: Observed) -> dict[str, Any]:
        """What the journal is told of the guest after a step."""
        return {"state": state.state, "volumes": list(state.volumes)}

    def observe(self) -> Observed:
        """The container as it is now."""
        state = observe(self.node, self.kind, self.guest)
        if self.record and not self.record.made and state.exists:
            from phoenix.guests import recovery

            state = state.but(unfinished=recovery.is_unfinished(self, state))
        return state

    def plan(self, state: Observed) -> Plan:
        """What is to be done from a state on."""
        return self.planner(self, state)

    def steps(self, state: Observed) -> tuple[Step, ...]:
        """The commands of the plan."""
        return self.plan(state).steps

    def describe(self, state: Observed) -> str:
        """The state in a word or two."""
        return state.state

    def ready(self) -> None:
        """NotReady if the node cannot be changed any more: asked before every command."""
        self.node.check_changeable()
        self.node.tool(self.kind.tool.name)

    def turn(self, step: Step) -> AbstractContextManager[None]:
        """The storages that a step allocates on, held until it is over."""
        from phoenix.guests import allocation

        return allocation.Turn(self, step)

    def perform(self, step: Step, seconds: int) -> int | None:
        """Carry out a step; returns the exit status, None if it takes longer than `seconds`."""
        from phoenix.guests import perform

        if self.record and self.record.made:
            before = self.record.but(well=False)
            if step.goal == "start":
                before = before.but(cleaned=False)
            # What a snapshot had is not known: its features and password are as if they had never been there.
            self.write(before.but(features=(), password="", waits="") if step.goal.startswith("rollback ") else before)
        if step.goal in ("start", "stop"):
            self.done.discard("answer")
        status = perform.perform(self, step, seconds)
        if status == 0:
            self.done.add(step.goal)
            self._noted_word(step)
        return status

    def _noted_word(self, step: Step) -> None:
        """Keep what only the tool's success shows, and the state cannot."""
        if self.record and step.goal == "password":
            self.write(self.record.but(password=self.ask().password))
        elif self.record and step.goal == "drive":
            self.write(self.record.but(drive=changes.drive_state(self.observe())))

    def noted(self, step: Step, state: Observed) -> None:
        """Keep the record true after a command of ours: it set options, and made the volumes of those.

        What else the container has, somebody else has attached; that does not become ours.
        """
        word, *names = step.goal.split()
        if not self.record or state.mark != self.record.mark or state.lock:
            return
        if word == "create":
            self.adopt(state)
        elif word == "start":
            self.write(self.record.but(drive=changes.drive_state(state)))
        elif word == "set":
            self.keep(state, names)
        elif word == "raw":
            own = [name for name, lines in zip(OWN, (self.wanted.raw, self.wanted.environment)) if lines is not None]
            self.write(self.record.but(waits=state.started))
            self.keep(state, own)
        elif word == "template":  # its volumes have other names then
            same = {ownership.plain(volume) for volume in self.record.volumes}
            named = (volume for volume in state.volumes if ownership.plain(volume) in same)
            self.write(self.record.but(volumes=tuple(sorted(named))))
        elif word == "delete":
            self.keep(state, [])

    def adopt(self, state: Observed) -> None:
        """Complete the record of a container that has just been made, or that a killed run began and pct finished."""
        whole = state.mark and not state.lock and not state.unfinished
        if whole and self.record and not self.record.made and state.mark == self.record.mark:
            made = (
                list(state.raw) if self.wanted.clone else [name for name in self.wanted.settings if name in state.raw]
            )
            self.keep(state, made)

    def keep(self, state: Observed, names: Sequence[str]) -> None:
        """Write the record of the container that is there, after these options of it were set."""
        if self.record is None:
            return
        raw = {**state.raw, **state.pending_raw}
        fresh = volumes_of(self.kind, {name: raw.get(name, "") for name in names})
        volumes = {volume for volume in (*self.record.volumes, *fresh) if volume in state.volumes}
        given = [name for name in names if name in self.wanted.settings or self._gives_raw(name)]
        properties = [
            f"{name}.{key}" for name in given for key in changes.own_properties(self.wanted.settings.get(name, ""))
        ]
        before = [name for name in self.record.options if name.partition(".")[0] not in names]
        options = [name for name in {*before, *given, *properties} if changes.is_set(state, name)]
        self.write(self.record.but(made=True, volumes=tuple(sorted(volumes)), options=tuple(sorted(options))))

    def _gives_raw(self, name: str) -> bool:
        """Whether the file says the raw keys that this option stands for."""
        return name in OWN and getattr(self.wanted, _FIELDS[name]) is not None

    def keep_feature(self, feature: Feature) -> None:
        """Write down that a feature is there."""
        if self.record:
            others = [item for item in self.record.features if not item.startswith(feature.name + "=")]
            self.write(self.record.but(features=tuple(sorted([*others, f"{feature.name}={feature.digest}"]))))

    def keep_clean(self) -> None:
        """Write down that it is fit to be a template."""
        if self.record:
            self.write(self.record.but(cleaned=True))

    def finished(self, kept: Record, state: Observed) -> Record:
        """The record once all that belongs to the creation is done, without the options that are taken back."""
        return kept.but(finished=True, options=tuple(name for name in kept.options if changes.is_set(state, name)))

    def is_well(self) -> bool:
        """Whether its health checks have passed since the last step."""
        return bool(self.record and self.record.well)

    def found_well(self) -> None:
        """Write down that its health checks have passed."""
        if self.record and self.record.made:
            self.write(self.record.but(well=True))

    def write(self, seen: Record) -> None:
        """Write the record, if it says anything new."""
        if seen != self.record:
            self.record = seen
            record.save(self.record_path, seen)

    def features(self) -> list[Feature]:
        """The features that the container is to have, in order."""
        if self._features is None:
            from phoenix.guests import features

            self._features = features.of_guest(self.call.config, self.kind.name, self.wanted.ours.provision)
        return self._features

    def feature(self, name: str) -> Feature:
        """One of its features."""
        return next(feature for feature in self.features() if feature.name == name)

    def ask(self) -> Ask:
        """What the call and the configuration say beside the container's file."""
        if self._ask is None:
            self._ask = self._asked()
        return self._ask.but(answers=True) if "answer" in self.done else self._ask

    def _asked(self) -> Ask:
        ours, options = self.wanted.ours, self.call.options
        features = self.features() if ours.provision else []
        obstacle = snapshot = ""
        if ours.before_change or ours.after_create:
            from phoenix.guests import snapshots

            obstacle = snapshots.obstacle(self.kind, self.observe().raw or self._volumes(), self.node.storages())
            snapshot = f"before_{self.call.run}"[:40] if ours.before_change else ""
            if obstacle and not ours.needs_snapshots:
                snapshot = ""
        return plan.Ask(
            starts=not options.get("--no-start"),
            restart=bool(options.get("--restart")) and not options.get("--no-start"),
            delete_volumes=tuple(str(options.get("--delete-volumes") or "").split(",")),
            features=tuple((item.name, item.digest, item.timeout) for item in features),
            password=self._password(),
            snapshot=snapshot,
            no_snapshot=obstacle,
            seconds=self.shutdown_seconds,
        )

    def check_named_volumes(self, state: Observed) -> None:
        """UsageError or Refused for a volume of --delete-volumes that is not there, or may not be deleted."""
        if not any(self.ask().delete_volumes):
            return
        ours = self.record.volumes if self.record else ()
        unused = [volume for name, volume in state.raw.items() if name.startswith("unused")]
        for volume in filter(None, self.ask().delete_volumes):
            if volume not in state.volumes and volume not in ours:
                raise UsageError(f"--delete-volumes: {self.guest} has no volume {volume}", self.look_at)
            if volume in state.volumes and not (volume in ours and (volume in unused or self._lets_go(state, volume))):
                why = "is in use" if volume in ours else "was not made by Phoenix"
                raise Refused(f"{self.guest}: {volume} {why}, and is not deleted", self.look_at)
            if volume in state.text.partition("\n[")[2]:
                hint = f"phoenix.pyz list-snapshots {self.guest}"
                raise Refused(f"{self.guest}: {volume} is part of a snapshot, and is not deleted", hint)

    def _lets_go(self, state: Observed, volume: str) -> bool:
        """Whether a volume's mount point is no longer in the file."""
        names = [name for name, text in state.raw.items() if text.partition(",")[0] in (volume, f"volume={volume}")]
        return bool(names) and names[0] not in self.wanted.settings

    def _volumes(self) -> dict[str, str]:
        """The volumes that it is to have, as the options of a container that is there would name them."""
        found = {}
        for name, setting in self.wanted.settings.items():
            if not isinstance(setting, str) and ("storage" in setting or "volume" in setting):
                found[name] = setting.get("volume") or f"{setting['storage']}:new"
        return found

    def _password(self) -> str:
        for key in ("password_file", "cipassword_file"):
            if key in self.wanted.files:
                from phoenix.guests import passwords

                return passwords.digest(self.node.paths(self.wanted.files[key]), key)
        return ""

    @property
    def look_at(self) -> str:
        """The command that shows the guest's configuration."""
        return f"{self.kind.tool.name} config {self.guest}"

    def announce(self) -> None:
        """Write down that a guest with a mark of its own is about to be made.

        A mark whose guest was never seen is used again: that guest may still be on its way.
        """
        if self.record is None or self.record.made:
            self.write(Record(record.new_mark(), False, ()))

    @property
    def mark(self) -> str:
        """The mark that the guest's description has or is to get."""
        return self.record.mark if self.record else plan.UNKNOWN_MARK

    @property
    def shutdown_seconds(self) -> int:
        """How long a shutdown may take."""
        return self.call.timeout or plan.SHUTDOWN_SECONDS


def node_of(call: Call) -> Node:
    """The node that a call is about."""
    return call.shared("node", lambda: Node(call.paths, still=call.together is not None))


def with_keys(wanted: Guest, node: Node) -> Guest:
    """The same with the ssh keys of its `sshkeys_file`, which qm keeps in the machine's own file."""
    path = wanted.files.get("sshkeys_file", "")
    if not path:
        return wanted
    try:
        keys = files.read_text(node.paths(path)).strip()
    except OSError as error:
        raise NotReady(f"sshkeys_file: {path}: {error.strerror}", f"ls -l {path}") from error
    return wanted.but(settings={**wanted.settings, "sshkeys": keys})
