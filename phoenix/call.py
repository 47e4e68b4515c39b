"""The call: what one start of a manager was asked for, as typed values."""

from __future__ import annotations

from phoenix.value import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any, TypeVar

    from phoenix.cli import Answer
    from phoenix.paths import Paths

    Thing = TypeVar("Thing")


class Call(Value):
    """What one start of a manager was asked for."""

    manager: str  # lxc-manager
    action: str
    id: str  # checked, or "" where the action may go without
    paths: Paths
    config: str  # the configuration folder
    json: bool
    dry_run: bool
    yes: bool
    run: str  # names the log of this run
    timeout: int  # seconds, 0 if not given
    options: Mapping[str, Answer]  # all of them, for the manager's own
    build: str = ""  # which build of Phoenix this is
    together: dict[str, Any] | None = None  # what the calls of one start share that only look; None for one by itself

    @property
    def kind(self) -> str:
        """The kind that this manager owns, and the name of its configuration folder."""
        return self.manager[: -len("-manager")]

    def shared(self, name: str, make: Callable[[], Thing]) -> Thing:
        """What `make` makes: once for calls that come together."""
        if self.together is None:
            return make()
        if name not in self.together:
            self.together[name] = make()
        found: Thing = self.together[name]
        return found
