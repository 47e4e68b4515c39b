"""Signals, from the built-in module: the one around it imports enum, which takes as long as a whole call."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

try:
    _module: Any = __import__("_signal")
except ImportError:
    _module = __import__("signal")

HUP: int = _module.SIGHUP
INT: int = _module.SIGINT
KILL: int = _module.SIGKILL
PIPE: int = _module.SIGPIPE
QUIT: int = _module.SIGQUIT
TERM: int = _module.SIGTERM
DEFAULT: int = int(_module.SIG_DFL)
IGNORE: int = int(_module.SIG_IGN)


def is_ignored(number: int) -> bool:
    """Whether a signal is ignored, as nohup does."""
    return bool(_module.getsignal(number) == _module.SIG_IGN)


def on(number: int, handler: int | Callable[..., None]) -> None:
    """From now on a signal does `handler`, or what DEFAULT or IGNORE says."""
    _module.signal(number, handler)
