"""Errors: what can go wrong, and the one table from errors to exit codes."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

DONE = 0
CHANGES_PENDING = 10
BUG = 70


def overall(codes: Iterable[int]) -> int:
    """One status for several: 0 if all are, theirs if they agree, 7 if only some of it is done.

    10 says of a plan that there is something to do, which holds for all if it does for one.
    """
    different = set(codes)
    if different <= {DONE, CHANGES_PENDING}:
        return max(different, default=DONE)
    return different.pop() if len(different) == 1 else PartlyDone.code


class PhoenixError(Exception):
    """Something the user can act on.

    `message` says what is wrong and where, `hint` the next command or step ("" when there is none). Both are
    plain text without a final newline. `code` is the exit status, from the table in the README.
    """

    code = 1

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class OperationFailed(PhoenixError):
    """The operation was tried and did not reach its goal; the state was read again and is in the message."""


class UsageError(PhoenixError):
    """The words on the command line are off."""

    code = 2


class ConfigError(PhoenixError):
    """A configuration file is missing, unsafe or wrong."""

    code = 3


class UnknownName(PhoenixError):
    """No such ID or manager."""

    code = 4


class Busy(PhoenixError):
    """Another run or Proxmox VE itself holds the guest."""

    code = 5


class NotReady(PhoenixError):
    """The node cannot do it now: not root, not a node, no quorum, something is missing."""

    code = 6


class PartlyDone(PhoenixError):
    """Some of it is done; running the same command again goes on."""

    code = 7


class Refused(PhoenixError):
    """Doing it could harm something that is not provably ours, or that is protected."""

    code = 8


class Interrupted(PhoenixError):
    """A signal ended the run; the state was read again and is in the message."""

    def __init__(self, signal: int, message: str, hint: str = "") -> None:
        super().__init__(message, hint)
        self.code = 128 + signal
